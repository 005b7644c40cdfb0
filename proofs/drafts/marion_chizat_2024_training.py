r"""Training towards flat minima (Marion & Chizat 2024, arXiv:2405.13456): initialisation and step size.

The paper's minimal sharpness is in `marion_chizat_2024`; this file holds theorem 2, theorem 3 and the largest usable step.

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n with eigenvalues λ ≤ ... ≤ Λ (λ the least non-zero
             one), Δ = R - R_min; D_k = W_{k+1}ᵀW_{k+1} - W_kW_kᵀ, conserved by gradient flow; W^∞ its limit, S^∞ the sharpness there.
             Residual networks: w(θ) = W_1ᵀ ... W_Lᵀ p with p fixed, W_k(0) = I; κ = (1-δ/L)^(2L-2), κ' = (1+δ/L)^(2L-2), 0 < δ < 1.
Convention   1/n without 1/2 (c = 1), in the flow and in the step η: with 1/(2n) rates halve and steps double.
Results      fits_of_better_than_zero          R(θ_0) ≤ R(0), ∇R(θ_0) ≠ 0: the flow comes to rest at a global minimiser
             rank_one_and_aligned_of_flow      |W_k|_F² - |W_k|² ≤ ρ_k, |W_{k+1}|²(1 - <u_k, v_{k+1}>²) ≤ 2|D_k| + ρ_{k+1},
                                               ||W_k|² - |W_{k+1}|²| ≤ |D_k|, at every time
             sharpness_tends_to_balanced       S^∞ → S_bal as the scale α of the start goes to 0: not S_min, and at most 2 L Λ |w*|^(2-2/L)
                      sharpness_error_of_one_input      |S^∞/S_bal - 1| is of order α⁴ for one input
             sharpness_le_of_small_start       S^∞ ≤ 8 L Λ |w*|^(2-2/L), S^∞/S_min ≤ 4 Λ/λ (published)
             residual_stays_close              Δ(0) ≤ δ²e^(-2δ)κ²λ²|p|²/Λ: |W_k(t) - I|_F ≤ δ/L
             residual_excess_decays            ... and Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t)
             residual_sharpness_between        ... and S_min(p) ≤ S^∞ ≤ 2 L Λ |p|² κ'
             residual_stays_close_of_integral  the same ball of targets up to three times as far (and more for large δ)
             residual_sharpness_ge_least       S ≥ S_min(p) ≥ 2 L a |w*|^(2-2/L) |p|^(2/L) at every minimiser with p frozen
             unstable_of_large_step            η > 2/S_min: |1 - ηS| > 1 at every minimiser
             descent_never_settles             ... and gradient descent from a generic start beside a minimiser does not settle
             descent_settles                   η < 2/S_min: the flattest minimiser is stable, and descent from beside it settles
             threshold_le_published            2/S_min ≤ 1/(L a |w*|^(2-2/L)), the published step that is too large
             Rank-one, alignment, the limit of the sharpness, the residual theorem with its constants and the exact step are in the form
             derived in the project's catalogue.
Not covered  Gaussian residual starts: the published constants C_1 ... C_7 are hidden in the statement. The order α² of the sharpness
             of small starts in general: it needs a coefficient that does not vanish, as it does where w* is a top eigenvector of Σ.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.instances.flat_minima import (
    balanced_sharpness,
    flat_bound,
    least_sharpness,
    least_sharpness_of_each,
    target_scale,
    top_curvature,
)

small_scale = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="theorem 2")
residual = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="theorem 3")
step_size = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="largest step")


# -- instances --


def starts(depth=(2, 4), width=(1, 3), dim=(1, 3), outputs=(1, 1), least=0.0) -> tc.Recipe:
    """Exact data with the spectrum of Σ in [1/2, 2] and a start with entries of size least to 1; targets of size 2 least to 2."""

    @tc.recipe
    def of(draw):
        hidden = [draw(tc.integers(*width)) for _ in range(draw(tc.integers(*depth)) - 1)]
        d, d_out = draw(tc.integers(*dim)), draw(tc.integers(*outputs))
        X = np.sqrt(d * draw(tc.array(d, 0.5, 2.0)))[:, None] * draw(tc.orthogonal(d)).T
        widths = (d, *hidden, d_out)
        target = draw(tc.signs(d * d_out)) * draw(tc.array(d * d_out, 2 * least, 2.0))
        target = target.reshape(d, d_out) if d_out > 1 else target
        sizes = [a * b for a, b in zip(widths[1:], widths[:-1], strict=True)]
        theta = [draw(tc.signs(size)) * draw(tc.array(size, least, 1.0)) for size in sizes]
        return DeepLinearFit(widths, tc.Regression(X, X @ target), np.concatenate(theta))

    return of


@dataclass(frozen=True, eq=False)
class Residual:
    """A residual network: output p, inputs X, offset e of the target p + e, the radius δ, and a point V."""

    depth: int
    p: tuple[int, ...]
    X: np.ndarray
    offset: np.ndarray
    delta: float
    V: np.ndarray

    @cached_property
    def objective(self) -> tc.Objective:
        """R(V) = |X w(V) - X(p + e)|²/n."""
        y = (self.X @ (self.p + self.offset)[..., None])[..., 0]
        return tc.Objective(tc.ResidualLinear(len(self.p), self.depth, self.p), tc.SquaredLoss(1.0), tc.Regression(self.X, y, False))

    @property
    def covariance(self) -> np.ndarray:
        """Σ."""
        return self.objective.data.covariance

    @property
    def root(self) -> np.ndarray:
        """F with FᵀF = Σ."""
        return self.objective.data.factor

    @property
    def w_star(self) -> np.ndarray:
        """The least-squares solution of least norm."""
        return self.objective.data.least_squares

    @property
    def excess(self) -> np.ndarray:
        """Δ(0) for V = 0."""
        return (self.offset[..., None, :] @ self.covariance @ self.offset[..., None])[..., 0, 0]

    @property
    def size(self) -> int:
        """|p|²."""
        return sum(x * x for x in self.p)


@tc.recipe
def residuals(draw):
    """Dimension 1 or 2, depth 2 to 6, whole numbers p, Σ with eigenvalues 1 and 0, 1, 2 or 4 (the unit of time), δ from 3/4 to 1/1024."""
    d, L = draw(tc.choice((1, 2, 2, 2))), draw(tc.integers(2, 6))
    spectrum = np.array([1.0, *(draw(tc.choice((1.0, 2.0, 4.0, 0.0))) for _ in range(d - 1))])
    X = np.sqrt(d * spectrum)[:, None] * draw(tc.orthogonal(d)).T
    delta = draw(tc.choice((1 / 2, 1 / 4, 3 / 4, 1 / 32, 1 / 1024)))
    p = (draw(tc.choice((1, 2))), *(draw(tc.choice((0, 1))) for _ in range(d - 1)))
    return Residual(L, p, X, draw(tc.array(d)), delta, draw(tc.array(L * d * d, -0.5, 0.5)))


@dataclass(frozen=True, eq=False)
class Beside:
    """A fit, the step η = 2 share/S_min, and a start off a minimiser by `size` in a direction."""

    fit: DeepLinearFit
    share: float
    size: float
    direction: np.ndarray

    @cached_property
    def least(self) -> tuple[float, tc.Measured]:
        """The optimal first gain and S_min."""
        return least_sharpness(self.fit)

    @property
    def step(self) -> float:
        """η."""
        return 2 * self.share / float(self.least[1])

    def aligned(self, first: float) -> np.ndarray:
        """The aligned minimiser whose first gain is |w*|/√t."""
        L, t = self.fit.depth, first
        fit = self.fit.aligned([np.linalg.norm(self.fit.w_star) / np.sqrt(t), *[t ** (0.5 / (L - 1))] * (L - 1)])
        return (fit or self.fit).theta

    def off(self, theta: np.ndarray, times: float = 1.0) -> np.ndarray:
        """A point beside θ."""
        return theta + times * self.size * np.linalg.norm(theta) * self.direction


def besides(low: float, high: float) -> tc.Recipe:
    """Shares of 2/S_min between low and high; starts 1/4096 of the norm off, or not at all."""

    @tc.recipe
    def of(draw):
        fit = draw(starts())
        share, size = draw(tc.reals(low, high)), draw(tc.choice((0.0, 2.0**-12)))
        return Beside(fit, share, size, draw(tc.normals(fit.theta.size)))

    return of


# -- bounds --


def balanced_bound(f: DeepLinearFit) -> tc.Measured:
    """2 L Λ |w*|^(2-2/L)."""
    return 2 * f.depth * target_scale(f) * top_curvature(f)


def imbalances(f: DeepLinearFit) -> np.ndarray:
    """|D_1|, ..., |D_{L-1}|."""
    return np.stack([np.linalg.norm(D, 2, axis=(-2, -1)) for D in tc.layer_imbalances(f.model, f.theta)], axis=-1)


def excesses(f: DeepLinearFit, weight: float = 1.0) -> np.ndarray:
    """ρ_1, ..., ρ_L; `weight` spoils the part of the norms."""
    norms = np.stack([np.sum(W**2, axis=(-2, -1)) for W in f.layers], axis=-1)
    later = np.cumsum(imbalances(f)[..., ::-1], axis=-1)[..., ::-1]
    return weight * (norms - norms[..., -1:]) + padded(later)


def padded(sizes: np.ndarray) -> np.ndarray:
    """A number for every layer: 0 for the last."""
    return np.concatenate([sizes, 0 * sizes[..., :1]], axis=-1)


def least_curvature(r: Residual) -> np.ndarray:
    """λ, the least eigenvalue of Σ that is not 0."""
    values = np.linalg.eigvalsh(r.covariance)
    return np.min(np.where(values > 1e-9 * values[..., -1:], values, np.inf), axis=-1)


def kappa(r: Residual, sign: float = -1.0) -> np.ndarray:
    """κ = (1 - δ/L)^(2L-2), or κ' with the other sign."""
    return (1 + sign * np.asarray(r.delta) / r.depth) ** (2 * r.depth - 2)


def closeness(r: Residual) -> np.ndarray:
    """δ² e^(-2δ) κ² λ² |p|²/Λ."""
    return (r.delta * np.exp(-r.delta) * kappa(r) * least_curvature(r)) ** 2 * r.size / np.linalg.eigvalsh(r.covariance)[..., -1]


def integral_closeness(r: Residual) -> np.ndarray:
    """(∫_0^δ (1-x/L)^(2L-2) (1+x/L)^(1-L) dx)² λ² |p|²/Λ, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = r.delta * (nodes + 1) / 2
    integrand = (1 - x / r.depth) ** (2 * r.depth - 2) * (1 + x / r.depth) ** (1 - r.depth)
    reach = r.delta / 2 * (weights @ integrand) * least_curvature(r)
    return reach**2 * r.size / np.linalg.eigvalsh(r.covariance)[..., -1]


# -- hypotheses --


def turned(f: DeepLinearFit) -> DeepLinearFit:
    """The last layer with the sign that points w to the target."""
    return f if f.w @ f.covariance @ f.w_star >= 0 else f.at((*f.layers[:-1], -f.layers[-1]))


def shrunk(f: DeepLinearFit) -> DeepLinearFit | None:
    """The start scaled until it is small."""
    largest = float(np.max(excesses(f) + 2 * padded(imbalances(f))))
    return f if largest == 0 else replace(f, theta=f.theta * min(1.0, np.sqrt(smallness(f) / largest)))


def smallness(f: DeepLinearFit) -> float:
    """|w*|^(2/L)/16."""
    return float(np.linalg.norm(f.w_star)) ** (2 / f.depth) / 16


def drawn_near(r: Residual, bound=closeness) -> Residual | None:
    """The target moved towards p until it is close."""
    if not np.any(r.X):
        return None
    return r if r.excess <= bound(r) else replace(r, offset=r.offset * np.sqrt(bound(r) / r.excess))


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
better_than_zero = tc.Premise(
    "better_than_zero", "R(θ_0) ≤ R(0)", lambda f: bool(f.objective.risk(f.theta) <= f.objective.risk(0 * f.theta)), enforce=turned
)
not_critical = tc.Premise("not_critical", "∇R(θ_0) ≠ 0", lambda f: bool(np.any(f.objective.gradient(f.theta))))
toward = tc.Premise("toward_target", "<w(θ_0), Σw*> > 0", lambda f: bool(f.w @ f.covariance @ f.w_star > 0), enforce=turned)
one_output = tc.Premise("one_output", "d_L = 1", lambda f: f.widths[-1] == 1)
one_input = tc.Premise("one_input", "d_0 = 1", lambda f: f.widths[0] == 1)
small = tc.Premise(
    "small",
    "ρ_k + 2|D_k| ≤ |w*|^(2/L)/16",
    lambda f: tc.at_most("ρ_k + 2|D_k|", excesses(f) + 2 * padded(imbalances(f)), smallness(f)),
    enforce=shrunk,
)
close = tc.Premise("close_target", "Δ(0) ≤ δ² e^(-2δ) κ² λ² |p|²/Λ", lambda r: tc.at_most("Δ(0)", r.excess, closeness(r)), enforce=drawn_near)
near = tc.Premise(
    "near_target",
    "Δ(0) ≤ (∫_0^δ ...)² λ² |p|²/Λ",
    lambda r: tc.at_most("Δ(0)", r.excess, integral_closeness(r)),
    enforce=partial(drawn_near, bound=integral_closeness),
)
fitted_target = tc.Premise("fitted_target", "w* ≠ 0, Σ ≠ 0", lambda r: bool(np.any(r.X) and r.objective.data.has_signal))
signal = tc.Premise("target_nonzero", "w* ≠ 0", lambda b: b.fit.data.has_signal)
large_step = tc.Premise("large_step", "η ≥ 2.1/S_min", lambda b: b.share >= 1.05)
small_step = tc.Premise("small_step", "η ≤ 1.9/S_min", lambda b: b.share <= 0.95)
generic = tc.Premise("generic_start", "the start is not a minimiser", lambda b: b.size > 0, enforce=lambda b: replace(b, size=2.0**-12))


# -- claims: small starts --


def fits_in_the_end(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """Δ ≤ w*ᵀΣw*/64 where ∇R has fallen by 1e-3 (a saddle has all of it); nothing is known of runs that go on."""
    threshold = 1e-3 * np.linalg.norm(f.objective.gradient(f.theta), axis=-1)
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-4, floor=1.0), f.theta, tc.Stop(time=512.0, gradient_norm=threshold))
    left = tc.risk(f.objective, run.final)
    bar = np.where(run.ended(tc.Ending.GRADIENT_SMALL), left.error, np.inf)
    return tc.at_most("Δ(∞) ≤ w*ᵀΣw*/64", tc.Measured(left.value, bar), f.objective.risk(0 * f.theta) / 64)


def shapes(objective: tc.Objective, theta: np.ndarray, precision: tc.Precision | None = None) -> tc.Measured:
    """|W_k|_F² - |W_k|² for k < L, then |W_{k+1}|²(1 - <u_k, v_{k+1}>²), then ||W_k|² - |W_{k+1}|²|, along a last axis."""
    factors = [np.linalg.svd(W) for W in objective.model.layers(theta)]
    squares = [s**2 for _, s, _ in factors]
    gaps = [s[..., 1:].sum(axis=-1) for s in squares[:-1]]
    pairs = list(pairwise(factors))
    turns = [s[..., 0] ** 2 * (1 - np.sum(u[..., 0] * v[..., 0, :], axis=-1) ** 2) for (u, _, _), (_, s, v) in pairs]
    steps = [np.abs(a[..., 0] - b[..., 0]) for a, b in pairwise(squares)]
    return tc.Measured(np.stack([*gaps, *turns, *steps], axis=-1), 1e-14 * np.sum(theta**2, axis=-1)[..., None])


def nearly_rank_one(f: DeepLinearFit, precision: tc.Precision, weight: float = 1.0, turn: float = 2.0, factor: float = 1.0) -> tc.Comparison:
    """The three bounds at t = 0, 1/2, 2, 8; variants spoil ρ, the 2 before |D_k|, or all."""
    times = (0.0, 0.5, 2.0, 8.0)
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-8), f.theta, tc.Stop(time=8.0), record=(shapes,), save=tc.At(times))
    return tc.at_most("rank one, alignment, equal norms", run.records[shapes], factor * bounds(f, weight, turn)[..., None, :])


def bounds(f: DeepLinearFit, weight: float = 1.0, turn: float = 2.0) -> tc.Measured:
    """The bounds on `shapes`, along a last axis."""
    rho, sizes = excesses(f, weight), imbalances(f)
    return tc.Measured(np.concatenate([rho[..., :-1], turn * sizes + rho[..., 1:], sizes], axis=-1), 1e-14 * np.sum(f.theta**2, axis=-1)[..., None])


def with_descent(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The bounds after 8 steps of gradient descent of 1/8: false, D_k is not conserved."""
    run = tc.follow(f.objective, tc.GradientDescent(step=0.125), f.theta, tc.Stop(steps=8))
    return tc.at_most("after descent", shapes(f.objective, run.final), bounds(f))


def limit_sharpness(f: DeepLinearFit, scales: np.ndarray, small: float = 1e-7) -> tc.Measured:
    """S^∞ for the starts scales x θ, seen where ∇R has fallen to `small`; a bound on what is left to change is in the bar."""
    theta = scales.reshape(-1, *(1,) * f.theta.ndim) * f.theta
    threshold = np.minimum(small, 1e-3 * np.linalg.norm(f.objective.gradient(theta), axis=-1))
    flow = tc.GradientFlow(accuracy=small, floor=1.0)
    run = tc.follow(f.objective, flow, theta, tc.Stop(time=256.0, gradient_norm=threshold), record=(tc.sharpness,))
    seen = run.records[tc.sharpness][..., -1]
    left = 8 * f.depth * threshold / (np.linalg.eigvalsh(f.covariance)[..., 0] * np.linalg.norm(f.w_star, axis=-1) ** (2 - 1 / f.depth))
    return tc.Measured(seen.value, np.where(run.ended(tc.Ending.GRADIENT_SMALL), seen.error + left * seen.value, np.inf))


def tends_to_balanced(f: DeepLinearFit, precision: tc.Precision, limit=balanced_sharpness) -> tc.Comparison:
    """S^∞ along α = 2^-2, 2^-3, 2^-4, and S_bal ≤ 2 L Λ |w*|^(2-2/L)."""
    scales = 2.0 ** -np.arange(2, 5)
    return tc.all_of(
        tc.tends_to("S^∞ → S_bal", scales, limit_sharpness(f, scales), limit(f)),
        tc.at_most("S_bal ≤ 2 L Λ |w*|^(2-2/L)", balanced_sharpness(f), balanced_bound(f)),
    )


def error_order(f: DeepLinearFit, precision: tc.Precision, order: float = 2.0, first: int = 2) -> tc.Comparison:
    """|S^∞/S_bal - 1| along four scales α."""
    scales = 2.0 ** -np.arange(first, first + 4)
    logs = np.log(np.abs(limit_sharpness(f, scales, 1e-8) / balanced_sharpness(f) - 1)) / np.log(2.0)
    orders = logs[:-1] - logs[1:]
    return tc.tends_to(f"order → {order:g}", scales[1:], orders, np.full(f.theta.shape[:-1], order), 0.1)


def at_most_published(f: DeepLinearFit, precision: tc.Precision, factor: float = 4.0) -> tc.Comparison:
    """S^∞ ≤ factor x 2 L Λ |w*|^(2-2/L) and S^∞/S_min ≤ factor Λ/λ."""
    seen, values = limit_sharpness(f, np.ones(1))[0], np.linalg.eigvalsh(f.covariance)
    return tc.all_of(
        tc.at_most("S^∞ ≤ 8 L Λ |w*|^(2-2/L)", seen, factor * balanced_bound(f)),
        tc.at_most("S^∞/S_min ≤ 4 Λ/λ", seen / least_sharpness_of_each(f), factor * values[..., -1] / values[..., 0]),
    )


# -- claims: residual networks --


def largest_step(objective: tc.Objective, theta: np.ndarray, precision: tc.Precision | None = None) -> tc.Measured:
    """max |W_k - I|_F."""
    L, d = objective.model.depth, objective.model.dim
    return tc.Measured.of(np.sqrt(np.max(np.sum(theta.reshape(*theta.shape[:-1], L, d * d) ** 2, axis=-1), axis=-1)))


def trained(r: Residual, record: tuple, times: tuple[float, ...] = (0.25, 1.0, 4.0)) -> tuple[np.ndarray, tc.Trajectory]:
    """Gradient flow from V = 0, at times in units of 1/(4 L |p|²), since λ = 1."""
    instants = np.array(times) / (4 * r.depth * r.size)
    flow = tc.GradientFlow(accuracy=1e-5, floor=np.sqrt(r.excess) + 1e-9)
    return instants, tc.follow(r.objective, flow, 0 * r.V, tc.Stop(time=instants[-1]), record=record, save=tc.At(instants))


def stays_close(r: Residual, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|W_k(t) - I|_F ≤ factor δ/L."""
    seen = trained(r, (largest_step,), (1.0, 16.0))[1].records[largest_step]
    return tc.at_most("|W_k(t) - I|_F ≤ δ/L", seen, np.multiply(factor / r.depth, r.delta)[..., None])


def excess_decays(r: Residual, precision: tc.Precision, factor: float = 1.0, flat: bool = False, curvature=least_curvature) -> tc.Comparison:
    """Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t); `flat`: with κ = 1, `curvature`: with another number for λ."""
    times, run = trained(r, (tc.risk,))
    rate = factor * 4 * r.depth * (1.0 if flat else kappa(r)) * curvature(r) * r.size
    return tc.at_most("Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t)", run.records[tc.risk], r.excess[..., None] * np.exp(-rate[..., None] * times))


def sharpness_between(r: Residual, precision: tc.Precision, low: float = 1.0, high: float = 1.0, flat: bool = False) -> tc.Comparison:
    """low S_min(p) ≤ S^∞ ≤ high 2 L Λ |p|² κ'; `flat`: with κ' = 1. Seen after 24 units of time; what is left of √Δ is in the bar."""
    records = trained(r, (tc.sharpness, tc.risk), (24.0,))[1].records
    seen, left = records[tc.sharpness][..., -1], records[tc.risk][..., -1]
    rest = 8 * r.depth * seen.value * np.sqrt((np.abs(left.value) + left.error) / r.size)
    seen = tc.Measured(seen.value, seen.error + rest)
    upper = 2 * r.depth * top_curvature(r) * r.size * (1.0 if flat else kappa(r, 1.0))
    return tc.all_of(
        tc.at_least("S^∞ ≥ S_min(p)", seen, low * least_sharpness_of_each(r, float(r.size))),
        tc.at_most("S^∞ ≤ 2 L Λ |p|² κ'", seen, high * upper),
    )


def solved(r: Residual) -> Residual:
    """The same network with V a minimiser: the target is what V computes."""
    return replace(r, offset=r.objective.model.w(r.V) - r.p)


def residual_least(r: Residual, precision: tc.Precision, factor: float = 1.0, gain: float = 1.0, low: float = 1.0) -> tc.Comparison:
    """S ≥ factor S_min(p) at V, and S_min(p) ≥ low 2 L a |w*|^(2-2/L) |p|^(2/L); `gain`: |p|² multiplied."""
    s = solved(r)
    least = least_sharpness_of_each(s, gain * r.size)
    return tc.all_of(
        tc.at_least("S ≥ S_min(p)", tc.sharpness(s.objective, s.V, precision), factor * least),
        tc.at_least("S_min(p) ≥ 2 L a |w*|^(2-2/L) |p|^(2/L)", least, low * flat_bound(s) * (gain * r.size) ** (1 / r.depth)),
    )


# -- claims: steps --


def unstable(b: Beside, precision: tc.Precision, halved: float = 1.0) -> tc.Comparison:
    """ηS - 1 ≥ 2 share - 1 at the nearest minimiser; `halved`: η divided."""
    f = b.fit.moved_onto_minimisers() or b.fit.at([W + 1 for W in b.fit.layers]).moved_onto_minimisers()
    return tc.at_least("|1 - ηS| ≥ 2η/(2/S_min) - 1", halved * b.step * tc.sharpness(f.objective, f.theta, precision), 2 * b.share)


def with_momentum(b: Beside, precision: tc.Precision) -> tc.Comparison:
    """The spectral radius of heavy ball, β = 1/2, at the flattest minimiser is above 1: false below (1+β) 2/S_min."""
    trace = 1.5 - 2 * b.share
    radius = np.max(np.abs(np.roots([1.0, -trace, 0.5])))
    return tc.at_least("spectral radius of heavy ball ≥ 1", radius, 1.0)


def settled(b: Beside, start: np.ndarray, halved: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Δ at the start, and the largest of the second half of 2,048 steps; 1e150 for runs that leave the numbers."""
    run = tc.follow(b.fit.objective, tc.GradientDescent(step=b.step * halved), start, tc.Stop(steps=2048), save=tc.Every(32))
    with np.errstate(all="ignore"):
        seen = np.nan_to_num(b.fit.objective.along_times.risk(run.states), nan=1e150, posinf=1e150)
    left = run.ended(tc.Ending.DIVERGED).item()
    return seen[0], np.array(1e150) if left else np.minimum(seen[len(seen) // 2 :].max(), 1e150)


def never_settles(b: Beside, precision: tc.Precision, halved: float = 1.0) -> tc.Comparison:
    """Δ comes back above w*ᵀΣw*/2^20 between steps 1,024 and 2,048, from beside the balanced minimiser."""
    _, last = settled(b, b.off(b.aligned(target_scale(b.fit))), halved)
    return tc.at_least("Δ ≥ w*ᵀΣw*/2^20", last, b.fit.objective.risk(0 * b.fit.theta) / 2**20)


def settles(b: Beside, precision: tc.Precision, times: float = 1.0) -> tc.Comparison:
    """ηS ≤ 2 at the flattest minimiser, and Δ is below that of the start from step 1,024 on; `times`: a start that much further off."""
    flattest = b.aligned(b.least[0])
    first, last = settled(b, b.off(flattest, times))
    stable = tc.at_most("ηS(flattest) ≤ 2", b.step * tc.sharpness(b.fit.objective, flattest, precision), 2.0)
    return tc.all_of(stable, tc.at_most("Δ(late) ≤ Δ(start)", last, first))


def sharpness_falls(b: Beside, precision: tc.Precision) -> tc.Comparison:
    """The sharpness at the end is at most that at the start: false."""
    start = b.off(b.aligned(b.least[0]))
    run = tc.follow(b.fit.objective, tc.GradientDescent(step=b.step), start, tc.Stop(steps=2048))
    S = partial(tc.sharpness, b.fit.objective, precision=precision)
    return tc.at_most("S(end) ≤ S(start)", S(run.final), S(start))


def below_published(b: Beside, precision: tc.Precision, factor: float = 1.0, above: bool = False) -> tc.Comparison:
    """2/S_min ≤ factor / (L a |w*|^(2-2/L)); `above`: the other way round."""
    exact, published = 2 / b.least[1], 2 / flat_bound(b.fit)
    return (tc.at_least if above else tc.at_most)("2/S_min ≤ 1/(L a |w*|^(2-2/L))", exact, factor * published)


# -- what algebra settles --


def closed_forms() -> dict[str, tc.Identity | tc.Inequality]:
    """The way a residual layer can go in the limit of large depth; the two-layer scalar network, whose error is of order α⁴."""
    x, delta = sp.symbols("x delta", positive=True)
    return {"reach": tc.Identity(sp.integrate(sp.exp(-3 * x), (x, 0, delta)), (1 - sp.exp(-3 * delta)) / 3)}


forms = closed_forms()
flat, exact, any_depth = tc.chains.flat_minima, tc.chains.exact_sharpness, tc.chains.any_depth

fits_of_better_than_zero = tc.Theorem(
    "fits_of_better_than_zero",
    small_scale,
    starts((2, 4), (1, 2), (1, 2)),
    (target_nonzero, better_than_zero, not_critical),
    fits_in_the_end,
    r"R(\theta_0) \le R(0), \nabla R(\theta_0) \ne 0 \Rightarrow R(\theta(t)) \to R_{\min}",
    stacked=True,
)
rank_one_and_aligned_of_flow = tc.Theorem(
    "rank_one_and_aligned_of_flow",
    small_scale,
    starts((2, 6), outputs=(1, 2)),
    (one_output,),
    nearly_rank_one,
    r"|W_k|_F^2 - |W_k|^2 \le \rho_k, \; |W_{k+1}|^2 (1 - \langle u_k, v_{k+1} \rangle^2) \le 2 |D_k| + \rho_{k+1}",
    tight=True,
    stacked=True,
)
tiny = starts((2, 3), (1, 2), (2, 2), least=0.25)
sharpness_tends_to_balanced = tc.Theorem(
    "sharpness_tends_to_balanced",
    small_scale,
    tiny,
    (target_nonzero, toward),
    tends_to_balanced,
    r"S^\infty_\alpha \to S_{\mathrm{bal}} \le 2 L \Lambda |w^*|^{2-2/L} \quad (\alpha \to 0)",
    tight=True,
    identities=(exact.balanced, exact.gap_sum),
    stacked=True,
)
sharpness_error_of_one_input = tc.Theorem(
    "sharpness_error_of_one_input",
    small_scale,
    starts((2, 3), (1, 2), (1, 2), least=0.25),
    (target_nonzero, toward, one_input),
    partial(error_order, order=4.0, first=1),
    r"|S^\infty_\alpha / S_{\mathrm{bal}} - 1| \sim \alpha^4 \quad (d_0 = 1)",
    tight=True,
    stacked=True,
)
sharpness_le_of_small_start = tc.Theorem(
    "sharpness_le_of_small_start",
    small_scale,
    tiny,
    (target_nonzero, small, better_than_zero, not_critical),
    at_most_published,
    r"S^\infty \le 8 L \Lambda |w^*|^{2-2/L}, \quad S^\infty / S_{\min} \le 4 \Lambda / \lambda",
    identities=(exact.balanced, exact.gap_sum),
    stacked=True,
)
residual_stays_close = tc.Theorem(
    "residual_stays_close",
    residual,
    residuals,
    (fitted_target, close),
    stays_close,
    r"|W_k(t) - I|_F \le \delta / L",
    stacked=True,
)
residual_excess_decays = tc.Theorem(
    "residual_excess_decays",
    residual,
    residuals,
    (fitted_target, close),
    excess_decays,
    r"\Delta(t) \le \Delta(0) e^{-4 L \kappa \lambda |p|^2 t}",
    stacked=True,
)
residual_sharpness_between = tc.Theorem(
    "residual_sharpness_between",
    residual,
    residuals,
    (fitted_target, close),
    sharpness_between,
    r"S_{\min}(p) \le S^\infty \le 2 L \Lambda |p|^2 \kappa'",
    tight=True,
    stacked=True,
)
residual_stays_close_of_integral = tc.Theorem(
    "residual_stays_close_of_integral",
    residual,
    residuals,
    (fitted_target, near),
    stays_close,
    r"\sqrt{\Delta(0)\Lambda} \le \lambda |p| \int_0^\delta (1-x/L)^{2L-2} (1+x/L)^{1-L} dx \Rightarrow |W_k(t) - I|_F \le \delta/L",
    identities=(forms["reach"],),
    stacked=True,
)
visible = tc.Premise("visible_target", "w(V) ≠ 0, Σ w(V) ≠ 0", lambda r: bool(np.any(r.X)) and bool(solved(r).objective.data.has_signal))
residual_sharpness_ge_least = tc.Theorem(
    "residual_sharpness_ge_least",
    residual,
    residuals,
    (visible,),
    residual_least,
    r"S \ge \min_{t>0} 2 \lambda_{\max}(t\Sigma + (L-1)(|p|^2/t)^{1/(L-1)} z z^\top) \ge 2 L a |w^*|^{2-2/L} |p|^{2/L}",
    tight=True,
    stacked=True,
)
unstable_of_large_step = tc.Theorem(
    "unstable_of_large_step",
    step_size,
    besides(0.5, 2.0),
    (signal, large_step),
    unstable,
    r"\eta > 2/S_{\min} \Rightarrow |1 - \eta S| \ge 2 \eta / (2/S_{\min}) - 1 > 1",
    tight=True,
    identities=(exact.least,),
)
descent_never_settles = tc.Theorem(
    "descent_never_settles",
    step_size,
    besides(0.5, 1.5),
    (signal, large_step, generic),
    never_settles,
    r"\eta > 2/S_{\min} \Rightarrow \limsup \Delta(\theta_k) > 0",
)
descent_settles = tc.Theorem(
    "descent_settles",
    step_size,
    besides(0.25, 1.5),
    (signal, small_step, generic),
    settles,
    r"\eta < 2/S_{\min} \Rightarrow \eta S(\mathrm{flattest}) < 2",
    identities=(exact.least, exact.attained),
)
threshold_le_published = tc.Theorem(
    "threshold_le_published",
    step_size,
    besides(0.5, 1.5),
    (signal,),
    below_published,
    r"2 / S_{\min} \le 1 / (L a |w^*|^{2-2/L})",
    tight=True,
    identities=(flat.lower, any_depth.lower),
)

THEOREMS = (
    fits_of_better_than_zero,
    rank_one_and_aligned_of_flow,
    sharpness_tends_to_balanced,
    sharpness_error_of_one_input,
    sharpness_le_of_small_start,
    residual_stays_close,
    residual_excess_decays,
    residual_sharpness_between,
    residual_stays_close_of_integral,
    residual_sharpness_ge_least,
    unstable_of_large_step,
    descent_never_settles,
    descent_settles,
    threshold_le_published,
)
FALSE = (
    fits_of_better_than_zero.without(better_than_zero),
    fits_of_better_than_zero.without(not_critical),
    replace(rank_one_and_aligned_of_flow.without(one_output), ambient=starts((2, 2), (2, 2), (2, 2), (2, 2))),
    rank_one_and_aligned_of_flow.claiming("factor_0_98", partial(nearly_rank_one, factor=0.98)),
    replace(
        rank_one_and_aligned_of_flow.claiming("without_initial_norms", partial(nearly_rank_one, weight=0.0)), ambient=starts((2, 2), (3, 3), (3, 3))
    ),
    rank_one_and_aligned_of_flow.claiming("one_imbalance", partial(nearly_rank_one, turn=1.0)),
    rank_one_and_aligned_of_flow.claiming("after_descent", with_descent),
    sharpness_tends_to_balanced.claiming("to_the_least", partial(tends_to_balanced, limit=least_sharpness_of_each)),
    sharpness_tends_to_balanced.claiming("to_the_lower_bound", partial(tends_to_balanced, limit=flat_bound)),
    sharpness_error_of_one_input.claiming("order_2", partial(error_order, first=1)),
    sharpness_error_of_one_input.without(one_input),
    sharpness_le_of_small_start.without(small),
    sharpness_le_of_small_start.claiming("constant_1_98", partial(at_most_published, factor=0.99)),
    residual_stays_close.without(close),
    residual_stays_close.claiming("factor_0_98", partial(stays_close, factor=0.98)),
    residual_excess_decays.without(close),
    residual_excess_decays.claiming("without_kappa", partial(excess_decays, flat=True)),
    residual_excess_decays.claiming("factor_1_02", partial(excess_decays, factor=1.02)),
    residual_excess_decays.claiming("with_top_curvature", partial(excess_decays, curvature=lambda r: float(top_curvature(r)))),
    residual_sharpness_between.without(close),
    residual_sharpness_between.claiming("without_kappa", partial(sharpness_between, flat=True)),
    residual_sharpness_between.claiming("low_1_01", partial(sharpness_between, low=1.01)),
    residual_sharpness_between.claiming("high_0_98", partial(sharpness_between, high=0.98)),
    residual_stays_close_of_integral.without(near),
    residual_stays_close_of_integral.claiming("factor_0_98", partial(stays_close, factor=0.98)),
    residual_sharpness_ge_least.claiming("factor_1_01", partial(residual_least, factor=1.01)),
    residual_sharpness_ge_least.claiming("low_1_01", partial(residual_least, low=1.01)),
    residual_sharpness_ge_least.claiming("output_of_length_1", partial(residual_least, gain=4.0)),
    unstable_of_large_step.without(large_step).claiming("half_step", partial(unstable, halved=0.99)),
    unstable_of_large_step.claiming("with_momentum", with_momentum),
    descent_never_settles.without(large_step),
    descent_never_settles.without(generic),
    descent_never_settles.claiming("threshold_1_over_S", partial(never_settles, halved=0.5)),
    descent_settles.without(small_step),
    descent_settles.claiming("from_every_start", partial(settles, times=2.0**14)),
    descent_settles.claiming("sharpness_falls", sharpness_falls),
    threshold_le_published.claiming("published_is_sharp", partial(below_published, above=True)),
    threshold_le_published.claiming("factor_0_98", partial(below_published, factor=0.98)),
)
CHECK = "theorycheck check marion_chizat_2024_training/"
FINDINGS = (
    tc.Finding(
        "the limit of small starts is the balanced sharpness, not the least; the published 8 L Λ |w*|^(2-2/L) is four times too large there",
        "S^∞ → S_bal ≤ 2 L Λ |w*|^(2-2/L) : no violation among 99 admitted, 79 hold beyond their bars; the planted falsehood is to_the_least",
        CHECK + "sharpness_tends_to_balanced",
    ),
    tc.Finding(
        "the error of the sharpness of small starts is of order α⁴, not α², where there is one input",
        "slopes 3.98 to 4.00 at L = 2, 3; with Σ = I, L = 2, two inputs 4.0025 was seen as well",
        CHECK + "sharpness_error_of_one_input",
    ),
    tc.Finding(
        "residual starts: targets three times as far (Δ(0), δ = 1/3, L → ∞) keep the layers in the same ball, and Σ may be singular",
        "closeness ((1 - e^(-3δ))/3)² = 0.0444 against δ²e^(-6δ) = 0.0150; λ is the least eigenvalue of Σ that is not 0",
        CHECK + "residual_stays_close_of_integral",
    ),
    tc.Finding(
        "the largest usable step is 2/S_min exactly; the published 1/(L a |w*|^(2-2/L)) is not sharp",
        "descent settles at 0.97 and not at 1.03 of 2/S_min (L = 2, 5, 10); the falsehood published_is_sharp is refuted",
        CHECK + "threshold_le_published",
    ),
)
