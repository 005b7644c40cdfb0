r"""From kernel to rich: the potential that small and large initialisations minimise (Woodworth et al. 2020, arXiv:2002.09277).

Setting      β = u^D - v^D entry by entry, u(0) = v(0) = α > 0 (so β(0) = 0), gradient flow of |Xβ - y|²/2 to zero loss. Instances: one
             equation in two unknowns, D = 2, 3, 4.
Convention   D = 2: Q(β) = α²Σq(β_i/α²), q(z) = ∫_0^z arsinh(t/2)dt. D ≥ 3: Q(β) = α^D Σq_D(β_i/α^D), q_D = ∫ h_D^{-1},
             h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)). The potential R of li_wang_lee_arora_2022 is Q/4 + const for D = 2 and
             α^(2-D)/(D(D-2)) Q + const for D ≥ 3.
Results      potential_eq_q                R - R(0) is Q up to that factor
             limit_minimises_q             the flow ends at argmin {Q : Xβ = y}, found by the dual of R
             projection_has_least_q        Q(β_α) ≤ Q(β) for other interpolators β
             q_is_quadratic_near_zero      q(z)/z² → 1/4, q_D(z)/z² → (D-2)/(4D) as z → 0
             q_grows_like_l1               q(z) = |z|(log|z| - 1) + 2 + o(1); |z| - q_D(z) ~ |z|^(2/D) as z → ∞
             limit_tends_to_least_l2       β_α tends to the least ℓ2 interpolator as α → ∞
             l1_gap_has_rate               |β_α|_1/|β_1*|_1 - 1 ~ α^(2(1-ρ)) for D = 2 and ~ α^D for D ≥ 3, where ρ < 1 is the largest
                                           certificate off the support of the least ℓ1 interpolator β_1*
             l1_is_near_of_small_start     α ≤ min{(2(1+ε)|β_1*|_1)^(-(2+ε)/(2ε)), exp(-d/(ε|β_1*|_1))} ⟹ |β_α|_1 ≤ (1+ε)|β_1*|_1
             l2_is_near_of_large_start     α ≥ √(2(1+ε)(1+2/ε)|β_2*|_2) ⟹ |β_α|_2² ≤ (1+ε)|β_2*|_2²
             The rates are in the form derived in the project's catalogue; the exponents of the thresholds as recalled there.
Not covered  Shapes of the initialisation other than α1; wide networks.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Woodworth et al.", 2020, arxiv="2002.09277", item="Q_α")
thresholds = tc.Source("Woodworth et al.", 2020, arxiv="2002.09277", item="kernel and rich regimes")

SMALL, LARGE = 2.0 ** -np.arange(4, 11), 2.0 ** np.arange(2, 9)
DEPTHS = 2, 3, 4


@dataclass(frozen=True)
class Sensed:
    """A depth D, a scale α, one equation ⟨x, β⟩ = y, a point along its line, a tolerance ε; stacks along a leading axis."""

    depth: int
    alpha: float
    x: np.ndarray
    y: float
    along: float
    epsilon: float

    @property
    def model(self) -> tc.Diagonal:
        """u^D - v^D."""
        return tc.Diagonal(2, self.depth)

    def start(self, alpha: np.ndarray) -> np.ndarray:
        """α1, with the axes of α in front."""
        return np.asarray(alpha)[..., None] * np.ones(4)

    @property
    def least_l2(self) -> np.ndarray:
        """β_2*."""
        return self.x * (np.asarray(self.y) / np.sum(self.x**2, axis=-1))[..., None]

    @property
    def least_l1(self) -> np.ndarray:
        """|β_1*|_1."""
        return np.abs(self.y) / np.max(np.abs(self.x), axis=-1)

    @property
    def certificate(self) -> np.ndarray:
        """ρ."""
        return np.min(np.abs(self.x), axis=-1) / np.max(np.abs(self.x), axis=-1)

    @property
    def beside(self) -> np.ndarray:
        """Another interpolator."""
        return self.least_l2 + np.asarray(self.along)[..., None] * np.stack([-self.x[..., 1], self.x[..., 0]], axis=-1)

    def limits(self, alpha: np.ndarray) -> tc.Measured:
        """β_α by the dual of the potential, for α ``(..., B)``, shape ``(..., B, 2)``."""
        potential = tc.legendre_potential(self.model, self.start(alpha))
        return tc.bregman_projection(potential, self.x[..., None, :], np.asarray(self.y)[..., None]).w


@tc.recipe
def sensed(draw):
    """α in [1/64, 1], entries of x in ±[1/2, 3/2], |y| in [1/4, 2], ε in [1/16, 1]; premises that ask for another α enforce it."""
    depth, x = draw(tc.choice(DEPTHS)), draw(tc.array(2, 0.5, 1.5)) * draw(tc.signs(2))
    y = draw(tc.reals(0.25, 2)) * draw(tc.choice((1.0, -1.0)))
    return Sensed(depth, draw(tc.reals(0.125, 1)) * draw(tc.choice((1.0, 0.125))), x, y, draw(tc.reals(-2, 2)), draw(tc.reals(0.0625, 1)))


@lru_cache
def nameless(depth: int) -> tc.Entrywise:
    """The same map as plain expressions, whose flow runs in u and v."""
    model = tc.Diagonal(2, depth)
    return tc.Entrywise(model.symbols, model.expressions)


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


def Q(p: Sensed, beta: np.ndarray) -> np.ndarray:
    """Q_α(β)."""
    scale = np.asarray(p.alpha)[..., None] ** p.depth
    return np.sum(scale * q(beta / scale, p.depth), axis=-1)


# -- hypotheses --

unique = tc.Premise("unique", "ρ ≤ 7/8", lambda p: float(p.certificate) <= 0.875)
quick = tc.Premise("not_slow", "α ≥ 1/2, where the flow is soon at rest", lambda p: float(p.alpha) >= 0.5)
apart = tc.Premise("apart", "|β - β_α| ≥ 1/16", lambda p: bool(np.linalg.norm(p.beside - p.limits(np.asarray(p.alpha)).value) >= 0.0625))
quadratic = tc.Premise("quadratic", "D = 2", lambda p: p.depth == 2)
small = tc.Premise("small_start", "α is the threshold of ℓ1 or below", lambda p: bool(p.alpha <= below(p)), lambda p: at(p, below(p)))
large = tc.Premise("large_start", "α is the threshold of ℓ2 or above", lambda p: bool(p.alpha >= above(p)), lambda p: at(p, above(p)))


def below(p: Sensed) -> float:
    """The threshold of ℓ1."""
    size, epsilon = p.least_l1, p.epsilon
    return float(min((2 * (1 + epsilon) * size) ** (-(2 + epsilon) / (2 * epsilon)), np.exp(-2 / (epsilon * size))))


def above(p: Sensed) -> float:
    """The threshold of ℓ2."""
    return float(np.sqrt(2 * (1 + p.epsilon) * (1 + 2 / p.epsilon) * np.linalg.norm(p.least_l2)))


def at(p: Sensed, alpha: float) -> Sensed:
    """The same with another scale."""
    return replace(p, alpha=alpha)


# -- claims --


def potential_is_q(p: Sensed, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """R(β) - R(0) = Q/4, or α^(2-D)/(D(D-2)) Q, at another interpolator."""
    R, D = tc.legendre_potential(p.model, p.start(np.asarray(p.alpha))), p.depth
    share = 0.25 if D == 2 else np.asarray(p.alpha) ** (2 - D) / (D * (D - 2))
    seen, zero = R.value(p.beside), R.value(0 * p.beside)
    expected = factor * share * Q(p, p.beside)
    return tc.equal("R - R(0) = Q up to a factor", seen - zero, expected, scale=np.abs(zero))


def minimises(p: Sensed, precision: tc.Precision, of_depth: int | None = None, accuracy: float = 1e-9) -> tc.Comparison:
    """The end of the flow is the Bregman projection, or (falsely) that of another depth."""
    objective = tc.Objective(nameless(p.depth), tc.SquaredLoss(0.5), tc.Regression(p.x[..., None, :], np.asarray(p.y)[..., None]))
    end = tc.flow_limit(objective, tc.GradientFlow(accuracy=accuracy, budget=5000), p.start(np.asarray(p.alpha))).recorded(tc.end_to_end, objective)
    return tc.equal("β_∞ = argmin Q", end, replace(p, depth=of_depth or p.depth).limits(np.asarray(p.alpha)))


def least(p: Sensed, precision: tc.Precision, l1: bool = False) -> tc.Comparison:
    """Q(β_α) ≤ Q(β) for another interpolator, or (falsely) the same of the ℓ1 norm."""
    value = (lambda beta: np.abs(beta).sum(axis=-1)) if l1 else partial(Q, p)
    return tc.at_most("Q(β_α) ≤ Q(β)", value(p.limits(np.asarray(p.alpha)).value), value(p.beside))


def scaled_q(p: Sensed, precision: tc.Precision) -> tc.Comparison:
    """Q(2β) = 2Q(β), as of a norm: false."""
    return tc.equal("Q(2β) = 2Q(β)", Q(p, 2 * p.beside), 2 * Q(p, p.beside))


def near_zero(p: Sensed, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q(z)/z² → 1/4 or (D-2)/(4D)."""
    z = 2.0 ** -np.arange(2, 8).reshape(-1, *(1,) * np.ndim(p.y)) * np.abs(p.y)
    limit = 0.25 if p.depth == 2 else (p.depth - 2) / (4 * p.depth)
    return tc.tends_to("q(z)/z²", 2.0 ** -np.arange(2, 8), q(z, p.depth) / z**2, factor * limit * np.ones_like(p.y))


def far_out(p: Sensed, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q(z) - |z|(log|z| - 1) → 2; (|z| - q_D(z))/|z|^(2/D) → D/2: there is (D-2)/2 + 1 times (1-t)^(-2/(D-2)), which is |z|^(2/D)."""
    scales = 4.0 ** np.arange(3, 10)
    z = scales.reshape(-1, *(1,) * np.ndim(p.y)) * np.abs(p.y)
    if p.depth == 2:
        label, limit, seen = "q(z) - |z|(log|z| - 1) → 2", 2.0, q(z, 2) - z * (np.log(z) - 1)
    else:
        label, limit, seen = "(|z| - q_D(z))/|z|^(2/D) → D/2", p.depth / 2, (z - q(z, p.depth)) / z ** (2 / p.depth)
    return tc.tends_to(label, scales, seen, factor * limit * np.ones_like(p.y), resolution=0.05)


def tends_to_l2(p: Sensed, precision: tc.Precision, l1: bool = False) -> tc.Comparison:
    """β_α → β_2* as α → ∞."""
    scales = LARGE.reshape(-1, *(1,) * np.ndim(p.y)) * np.ones_like(p.y)
    target = p.least_l2
    if l1:
        target = np.where(np.abs(p.x) == np.max(np.abs(p.x), axis=-1, keepdims=True), np.asarray(p.y)[..., None] / p.x, 0.0)
    return tc.tends_to("β_α → β_2*", LARGE, p.limits(scales), target, resolution=1e-2)


def l1_rate(p: Sensed, precision: tc.Precision, exponent=lambda depth, rho: 2 * (1 - rho) if depth == 2 else depth) -> tc.Comparison:
    """The exponent of |β_α|_1/|β_1*|_1 - 1 = |β_off|(1-ρ)/|β_1*|_1 in α."""
    off = int(np.argmin(np.abs(p.x)))
    found = p.limits(SMALL)
    gap = np.abs(found[:, off]) * (1 - p.certificate) / p.least_l1
    return tc.scales_as("|β_α|_1/|β_1*|_1 - 1", SMALL, gap, float(exponent(p.depth, p.certificate)), resolution=0.1)


def near_l1(p: Sensed, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|β_α|_1 ≤ (1 + factor ε)|β_1*|_1."""
    return tc.at_most(
        "|β_α|_1 ≤ (1+ε)|β_1*|_1", np.abs(p.limits(np.asarray(p.alpha))).sum(axis=-1), (1 + factor * np.asarray(p.epsilon)) * p.least_l1
    )


def near_l2(p: Sensed, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|β_α|_2² ≤ (1 + factor ε)|β_2*|_2²."""
    found = p.limits(np.asarray(p.alpha))
    least = np.sum(p.least_l2**2, axis=-1)
    return tc.at_most("|β_α|² ≤ (1+ε)|β_2*|²", (found * found).sum(axis=-1), (1 + factor * np.asarray(p.epsilon)) * least)


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


def theorem(name: str, source: tc.Source, premises, claim, statement: str, known=(), stacked: bool = True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, source, sensed, premises, claim, statement, identities=known, stacked=stacked)


potential = theorem("potential_eq_q", paper, (), potential_is_q, r"R - R(0) = \tfrac14 Q_\alpha", derivatives())
limit = theorem("limit_minimises_q", paper, (quick,), minimises, r"\beta_\alpha = \arg\min\{Q_\alpha(\beta) : X\beta = y\}")
least_q = theorem("projection_has_least_q", paper, (apart,), least, r"Q_\alpha(\beta_\alpha) \le Q_\alpha(\beta) \text{ where } X\beta = y")
origin = theorem("q_is_quadratic_near_zero", paper, (), near_zero, r"q(z)/z^2 \to \tfrac14, \; q_D(z)/z^2 \to \tfrac{D-2}{4D}")
growth = theorem("q_grows_like_l1", paper, (), far_out, r"q(z) = |z|(\log|z| - 1) + 2 + o(1), \; |z| - q_D(z) \sim \tfrac D2 |z|^{2/D}")
kernel = theorem("limit_tends_to_least_l2", thresholds, (), tends_to_l2, r"\beta_\alpha \to \beta_2^* \text{ as } \alpha \to \infty")
rate = theorem(
    "l1_gap_has_rate",
    thresholds,
    (unique,),
    l1_rate,
    r"\|\beta_\alpha\|_1/\|\beta_1^*\|_1 - 1 \sim \alpha^{2(1-\rho)} (D = 2), \; \alpha^D (D \ge 3)",
    stacked=False,
)
rich = theorem("l1_is_near_of_small_start", thresholds, (quadratic, small), near_l1, r"\|\beta_\alpha\|_1 \le (1+\epsilon) \|\beta_1^*\|_1")
lazy = theorem("l2_is_near_of_large_start", thresholds, (quadratic, large), near_l2, r"\|\beta_\alpha\|_2^2 \le (1+\epsilon) \|\beta_2^*\|_2^2")

THEOREMS = (potential, limit, least_q, origin, growth, kernel, rate, rich, lazy)
FALSE = (
    potential.claiming("twice", partial(potential_is_q, factor=2.0)),
    limit.claiming("of_depth_2", partial(minimises, of_depth=2, accuracy=1e-5)),
    least_q.claiming("least_l1", partial(least, l1=True)),
    least_q.claiming("a_norm", scaled_q),
    origin.claiming("factor_1_01", partial(near_zero, factor=1.01)),
    growth.claiming("factor_1_1", partial(far_out, factor=1.1)),
    kernel.claiming("least_l1", partial(tends_to_l2, l1=True)),
    rate.claiming("only_logarithmic", partial(l1_rate, exponent=lambda depth, rho: 0.0)),
    rate.claiming("power_of_depth_less_2", partial(l1_rate, exponent=lambda depth, rho: depth - 2)),
    rate.claiming("the_same_of_every_depth", partial(l1_rate, exponent=lambda depth, rho: 2 * (1 - rho))),
    rich.without(small),
    rich.claiming("equality", partial(near_l1, factor=0.0)),
    lazy.without(large),
    lazy.claiming("equality", partial(near_l2, factor=0.0)),
)
FINDINGS = (
    tc.Finding(
        "how fast small initialisations come to least ℓ1 is a power of α, not a logarithm, and the power depends on the data only for D = 2",
        "α^(2(1-ρ)) with the largest certificate ρ off the support for D = 2, α^D for D = 3, 4: local slopes from α = 2⁻⁴ to 2⁻¹⁰ tend to them "
        "where ρ ≤ 7/8 (:only_logarithmic is refuted)",
        "theorycheck check woodworth_2020/l1_gap_has_rate",
    ),
)
