r"""The potential that gradient flow of u^D - v^D minimises (Woodworth et al. 2020, arXiv:2002.09277).

Setting      β = u^D - v^D entry by entry, u(0) = v(0) = α > 0 (so β(0) = 0), gradient flow of |Xβ - y|²/2 to zero loss. Instances: one
             equation in two unknowns, D = 2, 3, 4.
Convention   D = 2: Q(β) = α²Σq(β_i/α²), q(z) = ∫_0^z arsinh(t/2)dt. D ≥ 3: Q(β) = α^D Σq_D(β_i/α^D), q_D = ∫ h_D^{-1},
             h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)). The potential R of li_wang_lee_arora_2022 is Q/4 + const for D = 2 and
             α^(2-D)/(D(D-2)) Q + const for D ≥ 3.
Results      potential_eq_q                R - R(0) is Q up to that factor
             limit_minimises_q             the flow ends at argmin {Q : Xβ = y}, found by the dual of R
             projection_has_least_q        Q(β_α) ≤ Q(β) for other interpolators β
             q_is_quadratic_near_zero      q(z)/z² → 1/4, q_D(z)/z² → (D-2)/(4D) as z → 0
             q_grows_like_l1               q(z) = |z|(log|z| - 1) + 2 + o(1); |z| - q_D(z) ~ (D/2)|z|^(2/D) as z → ∞
Not covered  Shapes of the initialisation other than α1; wide networks. What follows for small and large α is in woodworth_2020_regimes.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.commuting import nameless
from theorycheck.instances.one_equation import OneEquation, one_equations

paper = tc.Source("Woodworth et al.", 2020, arxiv="2002.09277", item="Q_α")


# -- q --


def h(z: np.ndarray, depth: int) -> np.ndarray:
    """h_D on (-1, 1)."""
    power = -depth / (depth - 2)
    return (1 - z) ** power - (1 + z) ** power


def h_inverse(z: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """1 - t and 1 + t for the t ≥ 0 with h_D(t) = |z|, by bisection."""
    high = np.ones_like(z)
    power = -depth / (depth - 2)
    low = (np.abs(z) + 1) ** (1 / power)  # there (1 - t)^power is |z| + 1 already
    for _ in range(60):
        middle = (low + high) / 2
        too_far = middle**power - (2 - middle) ** power > np.abs(z)
        low, high = np.where(too_far, middle, low), np.where(too_far, high, middle)
    return high, 2 - high


def q(z: np.ndarray, depth: int) -> np.ndarray:
    """q or q_D: z t - ∫_0^t h_D with h_D(t) = z."""
    if depth == 2:
        return 2 - np.sqrt(4 + z**2) + z * np.arcsinh(z / 2)
    near, far = h_inverse(z, depth)
    power = -2 / (depth - 2)
    return np.abs(z) * (far - near) / 2 - (depth - 2) / 2 * (near**power + far**power - 2)


def Q(p: OneEquation, beta: np.ndarray) -> np.ndarray:
    """Q_α(β)."""
    scale = np.asarray(p.alpha)[..., None] ** p.depth
    return np.sum(scale * q(beta / scale, p.depth), axis=-1)


# -- hypotheses --

apart = tc.Premise("apart", "|β - β_α| ≥ 1/16", lambda p: float(np.abs(p.along) * np.linalg.norm(p.x)) >= 0.0625)


# -- claims --


def potential_is_q(p: OneEquation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """R(β) - R(0) = Q/4, or α^(2-D)/(D(D-2)) Q, at another interpolator."""
    R, D = tc.legendre_potential(p.model, p.start(p.alpha)), p.depth
    share = 0.25 if D == 2 else np.asarray(p.alpha) ** (2 - D) / (D * (D - 2))
    beta = p.moved(p.least_l2)
    seen, zero = R.value(beta), R.value(0 * beta)
    expected = factor * share * Q(p, beta)
    return tc.equal("R - R(0) = Q up to a factor", seen - zero, expected, scale=np.abs(zero))


def minimises(p: OneEquation, precision: tc.Precision, of_depth: int | None = None, accuracy: float = 1e-9) -> tc.Comparison:
    """The end of the flow is the Bregman projection, or (falsely) that of another depth."""
    objective = tc.Objective(nameless(tc.Diagonal(2, p.depth)), tc.SquaredLoss(0.5), tc.Regression(p.x[..., None, :], np.asarray(p.y)[..., None]))
    end = tc.flow_limit(objective, tc.GradientFlow(accuracy=accuracy, budget=5000), p.start(p.alpha)).recorded(tc.end_to_end, objective)
    return tc.equal("β_∞ = argmin Q", end, replace(p, depth=of_depth or p.depth).limits(p.alpha))


def least(p: OneEquation, precision: tc.Precision, l1: bool = False) -> tc.Comparison:
    """Q(β_α) ≤ Q(β) for another interpolator, or (falsely) the same of the ℓ1 norm."""
    value = (lambda beta: np.abs(beta).sum(axis=-1)) if l1 else partial(Q, p)
    projection = p.limits(p.alpha).value
    return tc.at_most("Q(β_α) ≤ Q(β)", value(projection), value(p.moved(projection)))


def scaled_q(p: OneEquation, precision: tc.Precision) -> tc.Comparison:
    """Q(2β) = 2Q(β), as of a norm: false."""
    beta = p.moved(p.least_l2)
    return tc.equal("Q(2β) = 2Q(β)", Q(p, 2 * beta), 2 * Q(p, beta))


def near_zero(p: OneEquation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q(z)/z² → 1/4 or (D-2)/(4D)."""
    z = 2.0 ** -np.arange(2, 8).reshape(-1, *(1,) * np.ndim(p.y)) * np.abs(p.y)
    limit = 0.25 if p.depth == 2 else (p.depth - 2) / (4 * p.depth)
    return tc.tends_to("q(z)/z²", 2.0 ** -np.arange(2, 8), q(z, p.depth) / z**2, factor * limit * np.ones_like(p.y))


def far_out(p: OneEquation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q(z) - |z|(log|z| - 1) → 2; (|z| - q_D(z))/|z|^(2/D) → D/2: there is (D-2)/2 + 1 times (1-t)^(-2/(D-2)), which is |z|^(2/D)."""
    scales = 4.0 ** np.arange(3, 10)
    z = scales.reshape(-1, *(1,) * np.ndim(p.y)) * np.abs(p.y)
    if p.depth == 2:
        label, limit, seen = "q(z) - |z|(log|z| - 1) → 2", 2.0, q(z, 2) - z * (np.log(z) - 1)
    else:
        label, limit, seen = "(|z| - q_D(z))/|z|^(2/D) → D/2", p.depth / 2, (z - q(z, p.depth)) / z ** (2 / p.depth)
    return tc.tends_to(label, scales, seen, factor * limit * np.ones_like(p.y), resolution=0.05)


# -- what algebra settles --


def derivatives() -> tuple[tc.Identity, ...]:
    """q'' = 1/√(4 + z²); ∫h_D; h_4 = 4z/(1-z²)²."""
    z, t = sp.symbols("z t", positive=True)
    closed = 2 - sp.sqrt(4 + z**2) + z * sp.asinh(z / 2)
    integral = lambda D: sp.Rational(D - 2, 2) * ((1 - t) ** sp.Rational(-2, D - 2) + (1 + t) ** sp.Rational(-2, D - 2) - 2)  # noqa: E731
    power = lambda D: (1 - t) ** sp.Rational(-D, D - 2) - (1 + t) ** sp.Rational(-D, D - 2)  # noqa: E731
    return (
        tc.Identity(sp.diff(closed, z, 2), 1 / sp.sqrt(4 + z**2)),
        tc.Identity(sp.diff(integral(3), t), power(3)),
        tc.Identity(sp.diff(integral(4), t), power(4)),
        tc.Identity(power(4), 4 * t / (1 - t**2) ** 2),
    )


def theorem(name: str, ambient: tc.Recipe, premises, claim, statement: str, known=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=True)


sensed, soon, beside = one_equations(), one_equations(soon=True), one_equations(beside=True)
potential = theorem("potential_eq_q", beside, (), potential_is_q, r"R - R(0) = \tfrac14 Q_\alpha", derivatives())
limit = theorem("limit_minimises_q", soon, (), minimises, r"\beta_\alpha = \arg\min\{Q_\alpha(\beta) : X\beta = y\}")
least_q = theorem("projection_has_least_q", beside, (apart,), least, r"Q_\alpha(\beta_\alpha) \le Q_\alpha(\beta) \text{ where } X\beta = y")
origin = theorem("q_is_quadratic_near_zero", sensed, (), near_zero, r"q(z)/z^2 \to \tfrac14, \; q_D(z)/z^2 \to \tfrac{D-2}{4D}")
growth = theorem("q_grows_like_l1", sensed, (), far_out, r"q(z) = |z|(\log|z| - 1) + 2 + o(1), \; |z| - q_D(z) \sim \tfrac D2 |z|^{2/D}")

THEOREMS = (potential, limit, least_q, origin, growth)
FALSE = (
    potential.claiming("twice", partial(potential_is_q, factor=2.0)),
    replace(limit.claiming("of_depth_2", partial(minimises, of_depth=2, accuracy=1e-7)), ambient=one_equations((3,), soon=True)),
    least_q.claiming("least_l1", partial(least, l1=True)),
    least_q.claiming("a_norm", scaled_q),
    origin.claiming("factor_1_01", partial(near_zero, factor=1.01)),
    growth.claiming("factor_1_1", partial(far_out, factor=1.1)),
)
FINDINGS = (
    tc.Finding(
        "how far q_D stays below |z| has the constant D/2",
        "(|z| - q_D(z))/|z|^(2/D) → D/2 for D = 3, 4; 1.1 of it is refuted",
        "theorycheck check woodworth_2020/q_grows_like_l1",
    ),
)
