r"""Scale invariance, which normalisation layers give (Lyu, Li & Arora 2022, arXiv:2206.07085).

What descent with weight decay then does next to its minimisers is in `lyu_li_arora_2022`.

Setting      R(θ) = L(θ/|θ|), θ ≠ 0, twice differentiable; n = θ/|θ|; descent with weight decay θ' = (1-ηλ)θ - η∇R(θ); the spherical
             sharpness is λ_1(∇²R(n)). Instances: L = |f|²/2 for two quadratic residuals on the sphere of R³.
Convention   η_eff = η/((1-ηλ)|θ|²); weight decay multiplies θ, not its gradient.
Results      gradient_is_orthogonal       ⟨∇R, θ⟩ = 0, ∇R(cθ) = ∇R(θ)/c, ∇²R(cθ) = ∇²R(θ)/c², ∇²R(θ)θ = -∇R(θ)
             spherical_sharpness_eq       λ_1(∇²R(n)) = |θ|²λ_1(∇²R(θ))
             norm_of_flow                 |θ(t)| = |θ_0|e^(-λt) under gradient flow of R + λ|θ|²/2
             norm_of_descent              |θ'|² = (1-ηλ)²|θ|² + η²|∇R(n)|²/|θ|²; without decay |θ_K|² = |θ_0|² + η²Σ|∇R(θ_k)|²
             direction_of_descent         θ'/|θ'| is the direction of n - η_eff∇R(n)
Not covered  Invariance in groups of weights, one norm a layer.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc

identities = tc.Source("Lyu, Li & Arora", 2022, arxiv="2206.07085", item="scale invariance")


@dataclass(frozen=True)
class Point:
    """Residuals, a point θ, a factor c, a step η and a share ηλ."""

    B: np.ndarray
    C: np.ndarray
    theta: np.ndarray
    scale: float
    step: float
    decayed: float

    @property
    def objective(self) -> tc.ScaleInvariant:
        """R."""
        return tc.ScaleInvariant(tc.QuadraticResiduals(self.B, self.C))

    @property
    def norm(self) -> np.ndarray:
        """|θ|, with an axis behind."""
        return np.linalg.norm(self.theta, axis=-1, keepdims=True)

    @property
    def direction(self) -> np.ndarray:
        """Θ/|θ|."""
        return self.theta / self.norm


@tc.recipe
def points(draw):
    """|θ| from 1/4 on, η in [1/16, 1], ηλ in [0, 1/2]."""
    B, C, theta = draw(tc.array((2, 3))), draw(tc.array((2, 3, 3))), draw(tc.array(3))
    return Point(B, C, theta, draw(tc.reals(0.25, 4)), draw(tc.reals(0.0625, 1)), draw(tc.reals(0, 0.5)))


nonzero = tc.Premise("nonzero", "|θ| ≥ 1/4", lambda p: float(np.linalg.norm(p.theta)) >= 0.25)
curved = tc.Premise("curved", "λ_1(∇²R(θ)) ≥ 0", lambda p: bool(np.linalg.eigvalsh(p.objective.hessian(p.theta))[-1] >= 0))


# -- claims --


def euler(p: Point, precision: tc.Precision, degree: float = -1.0) -> tc.Comparison:
    """Orthogonality and homogeneity; `degree` is that of the gradient."""
    R, c = p.objective, np.asarray(p.scale)[..., None]
    g, H = R.gradient(p.theta), R.hessian(p.theta)
    size = np.linalg.norm(H, axis=(-2, -1)) * p.norm[..., 0] + np.linalg.norm(R.inner.gradient(p.direction), axis=-1) / p.norm[..., 0]
    return tc.all_of(
        tc.equal("⟨∇R, θ⟩ = 0", np.sum(g * p.theta, axis=-1), 0 * p.norm[..., 0], scale=size * p.norm[..., 0]),
        tc.equal("∇R(cθ) = ∇R(θ)/c", R.gradient(c * p.theta), c**degree * g, scale=size * np.maximum(1, 1 / np.asarray(p.scale))),
        tc.equal("∇²R(cθ) = ∇²R(θ)/c²", c[..., None] ** 2 * R.hessian(c * p.theta), H, scale=size / p.norm[..., 0]),
        tc.equal("∇²R(θ)θ = -∇R(θ)", (H @ p.theta[..., None])[..., 0], -g, scale=size),
    )


def with_epsilon(p: Point, precision: tc.Precision) -> tc.Comparison:
    """⟨∇R, θ⟩ = 0 for z²/(|θ|² + 1/64), a normaliser with an ε: false."""
    x, y, z = p.theta[..., 0], p.theta[..., 1], p.theta[..., 2]
    square = x**2 + y**2 + z**2 + 1 / 64
    along = 2 * z**2 / square - 2 * z**2 * (square - 1 / 64) / square**2
    return tc.equal("⟨∇R, θ⟩ = 0", along, 0 * along, scale=z**2 / square)


def sharpness(p: Point, precision: tc.Precision, power: float = 2.0) -> tc.Comparison:
    """λ_1(∇²R(n)) = |θ|^power λ_1(∇²R(θ))."""
    here, there = (np.linalg.eigvalsh(p.objective.hessian(x)) for x in (p.theta, p.direction))
    return tc.equal("λ_1(∇²R(n)) = |θ|²λ_1(∇²R(θ))", there[..., -1], p.norm[..., 0] ** power * here[..., -1], scale=np.max(np.abs(there), axis=-1))


def flow_norm(p: Point, precision: tc.Precision, rate: float = 1.0) -> tc.Comparison:
    """|θ(t)| = |θ_0|e^(-rate λt) at t = 1/4, λ = 1/2."""
    objective = tc.ScaleInvariant(p.objective.inner, 0.5)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-8), p.theta, tc.Stop(time=0.25))
    return tc.equal("|θ(t)| = |θ_0|e^(-λt)", tc.Measured(np.linalg.norm(run.final, axis=-1), run.error), np.exp(-rate / 8) * p.norm[..., 0])


def descended(p: Point, steps: int, decay: bool) -> np.ndarray:
    """States of descent, shape (..., T, 3)."""
    method = tc.GradientDescent(step=p.step)
    decayed = tc.WeightDecay(method, (np.asarray(p.decayed) + 2.0**-60) / np.asarray(p.step)) if decay else method
    return tc.follow(p.objective, decayed, p.theta, tc.Stop(steps=steps), save=tc.Every(1)).states


def descent_norm(p: Point, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """One step with weight decay; four without."""
    eta, left = np.asarray(p.step), 1 - np.asarray(p.decayed)
    squares, plain = np.sum(descended(p, 1, True) ** 2, axis=-1), descended(p, 4, False)
    g = np.sum(p.objective.gradient(p.direction) ** 2, axis=-1)
    total = np.sum(p.objective.along_times.gradient(plain[..., :-1, :]) ** 2, axis=(-2, -1))
    return tc.all_of(
        tc.equal("|θ'|² = (1-ηλ)²|θ|² + η²|∇R(n)|²/|θ|²", squares[..., 1], left**2 * squares[..., 0] + factor * eta**2 * g / squares[..., 0]),
        tc.equal("|θ_K|² = |θ_0|² + η²Σ|∇R(θ_k)|²", np.sum(plain[..., -1, :] ** 2, axis=-1), squares[..., 0] + factor * eta**2 * total),
    )


def direction(p: Point, precision: tc.Precision, power: float = 2.0) -> tc.Comparison:
    """θ'/|θ'| against n - η_eff∇R(n), η_eff = η/((1-ηλ)|θ|^power)."""
    after = descended(p, 1, True)[..., 1, :]
    effective = np.asarray(p.step)[..., None] / ((1 - np.asarray(p.decayed)[..., None]) * p.norm**power)
    expected = p.direction - effective * p.objective.gradient(p.direction)
    return tc.equal("θ' ∝ n - η_eff∇R(n)", *(x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (after, expected)))


# -- the theorems --


def euler_of_example() -> tuple[tc.Identity, ...]:
    """Orthogonality, and ∇²R θ = -∇R, for (2 + x/r + yz/r²) z²/r²."""
    x, y, z = sp.symbols("x y z", positive=True)
    r = sp.sqrt(x**2 + y**2 + z**2)
    R = (2 + x / r + y * z / r**2) * z**2 / r**2
    along = sum(s * sp.diff(R, s) for s in (x, y, z))
    return (tc.Identity(along, sp.Integer(0)), *(tc.Identity(sum(s * sp.diff(R, s, t) for s in (x, y, z)), -sp.diff(R, t)) for t in (x, y, z)))


def theorem(name: str, premises, claim, statement: str, proofs=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, identities, points, premises, claim, statement, identities=proofs, stacked=True)


gradient_is_orthogonal = theorem("gradient_is_orthogonal", (nonzero,), euler, r"\langle \nabla R(\theta), \theta \rangle = 0", euler_of_example())
spherical_sharpness_eq = theorem(
    "spherical_sharpness_eq", (nonzero, curved), sharpness, r"\lambda_1(\nabla^2 R(n)) = |\theta|^2 \lambda_1(\nabla^2 R(\theta))"
)
norm_of_flow = theorem("norm_of_flow", (nonzero,), flow_norm, r"|\theta(t)| = |\theta_0| e^{-\lambda t}")
norm_of_descent = theorem(
    "norm_of_descent", (nonzero,), descent_norm, r"|\theta'|^2 = (1-\eta\lambda)^2 |\theta|^2 + \eta^2 |\nabla R(n)|^2/|\theta|^2"
)
direction_of_descent = theorem("direction_of_descent", (nonzero,), direction, r"\theta' \propto n - \eta_{eff} \nabla R(n)")

THEOREMS = (gradient_is_orthogonal, spherical_sharpness_eq, norm_of_flow, norm_of_descent, direction_of_descent)
FALSE = (
    gradient_is_orthogonal.claiming("gradient_of_degree_0", partial(euler, degree=0.0)),
    gradient_is_orthogonal.claiming("with_epsilon", with_epsilon),
    spherical_sharpness_eq.claiming("without_the_norm", partial(sharpness, power=0.0)),
    norm_of_flow.claiming("twice_the_rate", partial(flow_norm, rate=2.0)),
    norm_of_descent.claiming("norm_is_kept", partial(descent_norm, factor=0.0)),
    direction_of_descent.claiming("norm_to_the_first", partial(direction, power=1.0)),
)
