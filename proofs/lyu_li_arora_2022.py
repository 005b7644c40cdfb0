r"""Normalisation layers reduce sharpness (Lyu, Li & Arora 2022, arXiv:2206.07085).

Scale invariance, and how norm and direction move, is in `lyu_li_arora_2022_scale_invariance`.

Setting      R(θ) = L(θ/|θ|), θ ≠ 0, twice differentiable; n = θ/|θ|; descent with weight decay θ' = (1-ηλ)θ - η∇R(θ). Γ is a manifold of
             minimisers on the sphere; the spherical sharpness is λ_1(∇²R(n)). Instances: L = |f|²/2 for f = n_3(1 + c n_1), where Γ is
             the equator n = (cos φ, sin φ, 0) and λ_1 = (1 + c cos φ)².
Convention   η_eff = η/((1-ηλ)|θ|²), intrinsic rate η_in = √(2ηλ), time τ = ηλk; weight decay multiplies θ, not its gradient.
Results      sharpness_reduction          at the edge η_effλ_1 = 2 the direction moves along Γ with
                                          dζ/dτ = -2∇log λ_1/(4 + |∇log λ_1|²), up to O(η_in)
             edge_is_kept                 the mean of η_effλ_1 over the run tends to 2
             step_of_equilibrium          the mean of η_eff²|∇R(n)|² + 2 d log|θ|/dk is 2ηλ: the angular step is η_in where |θ| rests
             spherical_sharpness_falls    λ_1(∇²R(n)) is less at the end than at the start
             The flow and its constants are in the form derived in the project's catalogue.
Not covered  The published amplitude hypotheses and the rate of the error; Γ of more than one dimension.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc

reduction = tc.Source("Lyu, Li & Arora", 2022, arxiv="2206.07085", item="sharpness-reduction flow")

TIME, STEPS = 0.5, 32 * 2 ** np.arange(5)  # steps over τ = 1/2
DECAYS = TIME / STEPS
INTRINSIC = np.sqrt(2 * DECAYS)
SMOOTH = 0.3  # relative bar of a limit seen at five intrinsic rates


@dataclass(frozen=True)
class Equator:
    """f = n_3(1 + c n_1), a start at the angle φ, at the height of the mean oscillation times `height`."""

    c: float
    angle: float
    height: float

    @property
    def objective(self) -> tc.ScaleInvariant:
        """R, for runs with several decays in front."""
        c = np.asarray(self.c)
        B, C = np.zeros((1, *c.shape, 1, 3)), np.zeros((1, *c.shape, 1, 3, 3))
        B[..., 2], C[..., 0, 0, 2], C[..., 0, 2, 0] = 1.0, c, c
        return tc.ScaleInvariant(tc.QuadraticResiduals(B, C))

    def sharpness(self, angle: np.ndarray) -> np.ndarray:
        """λ_1 = (1 + c cos φ)²."""
        return (1 + self.c * np.cos(angle)) ** 2

    def slope(self, angle: np.ndarray) -> np.ndarray:
        """d log λ_1/dφ."""
        return -2 * self.c * np.sin(angle) / (1 + self.c * np.cos(angle))


@tc.recipe
def equators(draw):
    """c in [1/8, 3/4], φ in [1/2, 2], heights in [1/2, 3/2] or 0."""
    height = draw(tc.choice((1.0, 1.0, 1.0, 0.0))) * draw(tc.reals(0.5, 1.5))
    return Equator(draw(tc.reals(0.125, 0.75)), draw(tc.reals(0.5, 2)), height)


off_equator = tc.Premise("off_minimisers", "the start is not a minimiser", lambda e: float(e.height) > 0)


# -- claims --


def runs(e: Equator, decay: bool = True) -> np.ndarray:
    """States of descent with η = 1 from the edge, |θ_0|² = λ_1/2, for the decays in front: a list of arrays (B, T, 3), one a decay."""
    slope, top = e.slope(np.asarray(e.angle)), e.sharpness(np.asarray(e.angle))
    found = []
    for rate, steps in zip(DECAYS, STEPS, strict=True):
        u = np.asarray(e.height) * np.sqrt(2 * rate / (4 + slope**2))
        n = np.stack([np.cos(e.angle) * np.ones_like(u), np.sin(e.angle) * np.ones_like(u), u], axis=-1)
        start = np.sqrt(top / 2)[..., None] * n / np.linalg.norm(n, axis=-1, keepdims=True)
        method = tc.GradientDescent(step=1.0)
        objective = tc.ScaleInvariant(tc.QuadraticResiduals(e.objective.inner.B[0], e.objective.inner.C[0]))
        run = tc.follow(objective, tc.WeightDecay(method, rate) if decay else method, start, tc.Stop(steps=int(steps)), save=tc.Every(1))
        found.append(run.states)
    return found


def angles(states: np.ndarray) -> np.ndarray:
    """φ along a run, the oscillation averaged out."""
    n = tc.two_step_average(states / np.linalg.norm(states, axis=-1, keepdims=True))
    return np.arctan2(n[..., 1], n[..., 0])


def flow_angle(e: Equator, time: float, square: float = 1.0, rate: float = 2.0, steps: int = 64) -> np.ndarray:
    """φ(τ) of dφ/dτ = -rate ℓ'/(4 + square ℓ'²), ℓ = log λ_1, by Runge and Kutta's steps."""
    phi, h = np.asarray(e.angle), time / steps

    def velocity(phi: np.ndarray) -> np.ndarray:
        return -rate * e.slope(phi) / (4 + square * e.slope(phi) ** 2)

    for _ in range(steps):
        a = velocity(phi)
        b = velocity(phi + h / 2 * a)
        c = velocity(phi + h / 2 * b)
        phi = phi + h / 6 * (a + 2 * b + 2 * c + velocity(phi + h * c))
    return phi


def follows(e: Equator, precision: tc.Precision, square: float = 1.0, rate: float = 2.0, decay: bool = True) -> tc.Comparison:
    """The share of the way that φ has gone → 1, up to O(η_in) of the size seen and η_in."""
    ends = np.stack([angles(states)[..., -1] for states in runs(e, decay)])
    share = (ends - e.angle) / (flow_angle(e, TIME, square, rate) - e.angle)
    limit = tc.first_order_limit(INTRINSIC, share) + tc.Measured(0.0, INTRINSIC[-1])
    return tc.equal("ζ_k → ζ(τ)", limit, np.ones_like(limit.value), resolution=SMOOTH)


def effective(e: Equator, states: np.ndarray, rate: float) -> np.ndarray:
    """η_eff λ_1 along a run."""
    return e.sharpness(angles(states).T).T / ((1 - rate) * np.sum(states[..., 1:-1, :] ** 2, axis=-1))


def edge(e: Equator, precision: tc.Precision, level: float = 2.0) -> tc.Comparison:
    """The mean of η_eff λ_1 over the run → level."""
    means = np.stack([effective(e, states, rate).mean(axis=-1) for states, rate in zip(runs(e), DECAYS, strict=True)])
    limit = tc.first_order_limit(INTRINSIC, means) + tc.Measured(0.0, INTRINSIC[-1])
    return tc.equal("mean of η_eff λ_1 → 2", limit, level * np.ones_like(limit.value), resolution=SMOOTH)


def angular_step(e: Equator, precision: tc.Precision, factor: float = 2.0) -> tc.Comparison:
    """The mean over the finest run of log(1 + η_eff²|∇R(n)|²)/2 against log(|θ_K|/|θ_0|)/K - log(1-ηλ), with 2ηλ → factor ηλ."""
    states, rate = runs(e)[-1], DECAYS[-1]
    norms = np.linalg.norm(states, axis=-1)
    n = states / norms[..., None]
    slope = tc.ScaleInvariant(tc.QuadraticResiduals(e.objective.inner.B[0], e.objective.inner.C[0])).along_times.gradient(n[..., :-1, :])
    turned = np.log1p(np.sum(slope**2, axis=-1) / ((1 - rate) * norms[..., :-1] ** 2) ** 2).mean(axis=-1)
    grown = 2 * np.log(norms[..., -1] / norms[..., 0]) / STEPS[-1]
    return tc.equal(
        "mean log(1 + η_eff²|∇R(n)|²) = 2ηλ + 2 log(|θ_K|/|θ_0|)/K", turned, grown - factor * np.log1p(-rate), scale=2 * rate * np.ones_like(grown)
    )


def falls(e: Equator, precision: tc.Precision, spherical: bool = True) -> tc.Comparison:
    """λ_1(∇²R(n)) at the end ≤ at the start; or λ_1(∇²R(θ)), in the mean over the last half against the first."""
    states = runs(e)[-1]
    if spherical:
        return tc.at_most("λ_1(end) ≤ λ_1(start)", e.sharpness(angles(states)[..., -1]), e.sharpness(np.asarray(e.angle)))
    seen = effective(e, states, DECAYS[-1])
    half = seen.shape[-1] // 2
    return tc.at_most("λ_1(∇²R(θ)) falls", seen[..., half:].mean(axis=-1), seen[..., :half].mean(axis=-1))


# -- the theorems --


def averaged() -> tc.Identity:
    """Staying at the edge, d log η_eff = 2ηλ - 4u², dζ = -u²∇log λ_1 and d log(η_effλ_1) = 0, gives u²(4 + |∇log λ_1|²) = 2ηλ."""
    rate, slope = sp.symbols("eta_lambda slope", positive=True)
    square = 2 * rate / (4 + slope**2)
    return tc.Identity(2 * rate - 4 * square, square * slope**2)


def theorem(name: str, claim, statement: str, proofs=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, reduction, equators, (off_equator,), claim, statement, identities=proofs, stacked=True)


flow_law = r"\frac{d\zeta}{d\tau} = \frac{-2 \nabla_\Gamma \log \lambda_1}{4 + |\nabla_\Gamma \log \lambda_1|^2}"
sharpness_reduction = theorem("sharpness_reduction", follows, flow_law, (averaged(),))
edge_is_kept = theorem("edge_is_kept", edge, r"\overline{\eta_{eff} \lambda_1} \to 2")
step_of_equilibrium = theorem(
    "step_of_equilibrium",
    angular_step,
    r"\overline{\log(1 + \eta_{eff}^2 |\nabla R(n)|^2)} = -2\log(1-\eta\lambda) + \tfrac2K \log\frac{|\theta_K|}{|\theta_0|}",
)
spherical_falls = theorem("spherical_sharpness_falls", falls, r"\lambda_1(\nabla^2 R(n_K)) \le \lambda_1(\nabla^2 R(n_0))")

THEOREMS = (sharpness_reduction, edge_is_kept, step_of_equilibrium, spherical_falls)
FALSE = (
    sharpness_reduction.claiming("without_the_square", partial(follows, square=0.0)),
    sharpness_reduction.claiming("twice_the_time", partial(follows, rate=4.0)),
    sharpness_reduction.claiming("without_decay", partial(follows, decay=False)),
    sharpness_reduction.without(off_equator),
    edge_is_kept.claiming("at_1", partial(edge, level=1.0)),
    step_of_equilibrium.claiming("half_of_it", partial(angular_step, factor=1.0)),
    spherical_falls.claiming("at_theta", partial(falls, spherical=False)),
)
FINDINGS = (
    tc.Finding(
        "the square of the slope in the denominator of the sharpness-reduction flow is seen at moderate slopes, and decay is what drives it",
        "without the square and without decay the flow is refuted; without decay the direction goes less than a twentieth of the way",
        "theorycheck check lyu_li_arora_2022/sharpness_reduction",
    ),
)
