r"""Label noise prefers flat minimisers: the explicit regulariser (Damian, Ma & Lee 2021, arXiv:2106.06530).

The covariance of the iterates that the regulariser comes from is in `damian_ma_lee_2021_covariance`.

Setting      L = (1/2n)Σ(f_i - y_i)², each step a batch of B samples with fresh label noise ±σ; λ = ησ²/B; H = ∇²L at a minimiser;
             S = λ(2I - ηH)⁻¹ on the range of H; R(θ) = -(1/2η) tr log(I - (η/2)∇²L), with heavy-ball momentum β
             R = -((1+β)/2η) tr log(I - ηH/(2(1+β))); P_T projects onto the kernel of H.
Convention   ½ in every ℓ_i and noise ±σ on the label: the gradient noise at a minimiser has covariance (σ²/B)H.
Results      drift_of_stationary_noise              E[step] along Γ is -(η/2)P_T T[S] to first order in S, and -ηλP_T∇R
             regularizer_ge_quarter_trace           R ≥ tr H/4
             regularizer_tends_to_quarter_trace     R → tr H/4 as η → 0, with R - tr H/4 ~ η tr H²/16
             regularizer_tends_to_sharpness         R/log(2/ν) → λ_1/4 at η = (2-ν)/λ_1, ν → 0, for a simple λ_1
             regularizer_gap_le                     |R/log(2/ν) - λ_1/4| ≤ C/log(2/ν), with the constant
             In the form derived in the project's catalogue.
Not covered  The theorem on (ε, γ)-stationary points: its constants are not stated. Its content at small noise is the drift.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.hessians import Curved, curved

paper = tc.Source("Damian, Ma & Lee", 2021, arxiv="2106.06530", item="label noise SGD and its explicit regulariser")

x, y, z = sp.symbols("x y z", real=True)
FEATURES = tc.Entrywise((x, y, z), (x, y, z, x**2, y**2, z**2, x * y, y * z, z * x))


@dataclass(frozen=True)
class Valley:
    """Residuals X(w(θ) - w(base)), two of them, a step as a share of 2/λ_1."""

    X: np.ndarray
    base: np.ndarray
    share: float

    @property
    def objective(self) -> tc.Objective:
        """|F|²/2."""
        return tc.Objective(FEATURES, tc.SquaredLoss(1.0), tc.Regression(self.X, (self.X @ FEATURES.w(self.base)[..., None])[..., 0]))


@tc.recipe
def valleys(draw):
    """Valleys with a point of full rank mostly."""
    return Valley(draw(tc.array((2, 9), -1.0, 1.0)), draw(tc.array(3, -1.0, 1.0)), draw(tc.reals(0.25, 0.875)))


def well_ranked(v: Valley) -> bool:
    """Both singular values of ∂F lie between 1/4 and 4."""
    sizes = np.linalg.svd(v.X @ FEATURES.kernels.jacobian(v.base))[1]
    return bool(sizes[-1] >= 0.25 and sizes[0] <= 4.0)


stable = tc.Premise("stable", "ηλ_1 ≤ 1.9(1+β)", lambda c: c.share <= 0.95)
full_rank = tc.Premise("full_rank", "no singular value of ∂F is below 1/4, nor above 4", well_ranked)
simple_top = tc.Premise("simple_top", "λ_1 ≥ 1.1 λ_2", lambda c: bool(np.sort(c.eigenvalues)[-1] >= 1.1 * np.sort(c.eigenvalues)[-2]))


# -- claims --


def drift(v: Valley, precision: tc.Precision, of: tc.SpectralFunction | None = None, factor: float = 1.0) -> tc.Comparison:
    """-η E[P_T∇L(θ + z)] for z of covariance sS, by the two points ±√(3s) S^(1/2)e_i of each axis, over s → 0, against -ηλP_T∇R."""
    g = tc.Minimiser.of(v.objective, v.base)
    eta = 2 * np.asarray(v.share) / g.eigenvalues[..., -1]
    spread = np.sqrt(3 * np.where(g.normal, 1 / (2 - eta[..., None] * g.eigenvalues), 0.0))
    shares, along = 2.0 ** -np.arange(8, 14, 2), v.objective.along_times
    values = []
    for s in shares:
        moves = np.sqrt(s) * spread[..., :, None] * np.swapaxes(g.vectors, -1, -2)
        sides = [along.gradient(v.base[..., None, :] + sign * moves).mean(axis=-2) / 2 for sign in (1, -1)]
        values.append(-(g.tangent_projection @ (sides[0] + sides[1])[..., None])[..., 0] / s)
    formula = factor * (of or tc.explicit_regularizer(eta)).drift(v.objective, v.base)
    size = np.sqrt(np.sum(g.third.value**2, axis=(-3, -2, -1)) * np.sum(spread**4, axis=-1))
    return replace(tc.tends_to("E[step]/(ηλ) = -P_T∇R", shares, np.array(values), formula, resolution=5e-3), scale=np.maximum(size, 1e-3))


def regularizer(c: Curved, eta: np.ndarray) -> np.ndarray:
    """R by eigenvalues."""
    return np.asarray(-np.log1p(-eta[..., None] * c.eigenvalues / 2).sum(axis=-1) / (2 * eta))


def above_quarter(c: Curved, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """R ≥ factor tr H/4."""
    return tc.at_least("R ≥ tr H/4", regularizer(c, c.step), factor * c.eigenvalues.sum(axis=-1) / 4)


def equals_quarter(c: Curved, precision: tc.Precision) -> tc.Comparison:
    """R = tr H/4 at any step: false."""
    return tc.equal("R = tr H/4", regularizer(c, c.step), c.eigenvalues.sum(axis=-1) / 4)


def small_step(c: Curved, precision: tc.Precision, constant: float = 0.25, second: float = 0.0625) -> tc.Comparison:
    """R and (R - tr H/4)/η as η halves from 2⁻⁵/λ_1."""
    shares = 2.0 ** -np.arange(5, 11)
    etas = shares[:, None] / c.eigenvalues.max(axis=-1)
    values = np.stack([regularizer(c, eta) for eta in etas])
    trace, square = c.eigenvalues.sum(axis=-1), (c.eigenvalues**2).sum(axis=-1)
    excess = tc.Measured(values - trace / 4, 64 * np.finfo(float).eps * values) / etas
    first = tc.tends_to("R → tr H/4", shares, values, constant * trace)
    return tc.all_of(first, tc.tends_to("(R - tr H/4)/η → tr H²/16", shares, excess, second * square))


def at_edge(c: Curved, levels: np.ndarray) -> np.ndarray:
    """R/log(2/ν) at log(2/ν) = levels, shape (k, B), with the top eigenvalue's own term exact."""
    top = c.eigenvalues.max(axis=-1)
    others = np.sort(c.eigenvalues, axis=-1)[..., :-1] / top[..., None]
    nu = 2 * np.exp(-levels)[:, None]
    rest = np.log((1 - others) + nu[..., None] * others / 2).sum(axis=-1)
    return top / (2 * (2 - nu)) * (1 - rest / levels[:, None])


def large_step(c: Curved, precision: tc.Precision, constant: float = 0.25) -> tc.Comparison:
    """R/log(2/ν) as log(2/ν) doubles from 32 to 512."""
    levels = 32.0 * 2.0 ** np.arange(5)
    return tc.tends_to("R/log(2/ν) → λ_1/4", levels, at_edge(c, levels), constant * c.eigenvalues.max(axis=-1), 2e-3)


def large_step_gap(c: Curved, precision: tc.Precision, power: float = 1.0) -> tc.Comparison:
    """|R/log(2/ν) - λ_1/4| ≤ (λ_1/2)(ν/4 + Σ_(i≥2) log(1/(1-λ_i/λ_1))/log(2/ν)), ν ≤ 1; `power` of log(2/ν) on the right."""
    levels, top = np.array([2.0, 8.0, 32.0, 128.0]), c.eigenvalues.max(axis=-1)
    others = np.sort(c.eigenvalues, axis=-1)[..., :-1] / top[..., None]
    constant = -np.log1p(-others).sum(axis=-1)
    bound = top / 2 * (np.exp(-levels)[:, None] / 2 + constant / levels[:, None] ** power)
    gap = np.abs(at_edge(c, levels) - top / 4)
    return tc.at_most("|R/log(2/ν) - λ_1/4| ≤ C/log(2/ν)", gap.T, bound.T * (1 + 1e-12))


# -- what algebra settles --


def slopes() -> tuple[tc.Identity, tc.Identity]:
    """The slope of R along one direction, and the drift on y√(1+x²)."""
    eta, h, s, beta = sp.symbols("eta h sigma beta", positive=True)
    R = -(1 + beta) / (2 * eta) * sp.log(1 - eta * h / (2 * (1 + beta)))
    slope = tc.Identity(sp.diff(R, h), 1 / (4 * (1 - eta * h / (2 * (1 + beta)))))
    X = sp.Symbol("x", real=True)
    g2 = 1 + X**2
    toy = tc.Identity(eta * s**2 * sp.diff(-sp.log(1 - eta * g2 / 2) / (2 * eta), X), eta * s**2 / (2 - eta * g2) * sp.diff(g2, X) / 2)
    return slope, toy


def theorem(name, ambient, premises, claim, statement, known=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=True)


hessians = curved(momentum=False)
step_law = r"E[\mathrm{step}] = -\eta\lambda P_T \nabla R"
drifting = theorem("drift_of_stationary_noise", valleys, (full_rank,), drift, step_law, slopes())
above = theorem("regularizer_ge_quarter_trace", hessians, (stable,), above_quarter, r"R \ge \tfrac14 \mathrm{tr} H")
small = theorem(
    "regularizer_tends_to_quarter_trace", hessians, (), small_step, r"R = \tfrac14 \mathrm{tr} H + \tfrac{\eta}{16} \mathrm{tr} H^2 + O(\eta^2)"
)
large = theorem(
    "regularizer_tends_to_sharpness", hessians, (simple_top,), large_step, r"R / \log(2/\nu) \to \lambda_1/4, \; \eta = (2 - \nu)/\lambda_1"
)
gap = theorem("regularizer_gap_le", hessians, (simple_top,), large_step_gap, r"|R / \log(2/\nu) - \lambda_1/4| \le C / \log(2/\nu)")

THEOREMS = (drifting, above, small, large, gap)
FALSE = (
    drifting.claiming("quarter_trace", partial(drift, of=replace(tc.TRACE, slopes=lambda e, n: np.where(n, 0.25, 0.0)))),
    drifting.claiming("half", partial(drift, factor=0.5)),
    above.claiming("factor_1_1", partial(above_quarter, factor=1.1)),
    above.claiming("equality", equals_quarter),
    small.claiming("eighth", partial(small_step, constant=0.125)),
    small.claiming("no_second_order", partial(small_step, second=0.0)),
    large.without(simple_top),
    large.claiming("half", partial(large_step, constant=0.5)),
    gap.claiming("square_of_the_logarithm", partial(large_step_gap, power=2.0)),
)
