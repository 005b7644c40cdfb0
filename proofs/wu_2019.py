r"""Weight normalisation: what its flow keeps, and where it ends (Wu et al. 2019, arXiv:1911.07956).

That the end is least in a potential is in `wu_2019_bregman`.

Setting      x = g v/|v|, gradient flow of |Ax - y|²/2 in (g, v), the rate of g times a factor c: ġ = -c⟨v̂, Aᵀr⟩,
             v̇ = -(g/|v|)(I - v̂v̂ᵀ)Aᵀr, r = Ax - y, v̂ = v/|v|, ℓ = |v(0)|. P_N projects onto the kernel of A, x* = A⁺y, s = |x*|²,
             k = |P_N v̂(0)|². Instances: one equation in three unknowns.
Convention   A rate c is the plain flow for √c A from g/√c, which is how it is run.
Results      norm_of_direction_stays     |v(t)| = ℓ; after a step of descent |v'|² = |v|² + η²|∇_v|²
             invariant_of_null_space     P_N v̂(t) exp(g(t)²/(2cℓ²)) does not change
             limit_solves_scalar_equation   |g_∞| = G is the root above √s of 1 - s/G² = k exp((g_0² - G²)/(cℓ²)), and
                                         x_∞ = x* + g_∞ P_N v̂(0) exp((g_0² - G²)/(2cℓ²))
             distance_to_least_norm_le   |x_∞ - x*| ≤ G √k exp((g_0² - s)/(2cℓ²))
             The scalar equation is in the form derived in the project's catalogue.
Not covered  The paper's convergence rates and its discrete algorithm, which normalises v after every step.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.weight_normalized import WeightNormalizedFit, weight_normalized_fits

paper = tc.Source("Wu, Dobriban, Ren, Wu, Li, Gunasekar, Ward & Liu", 2019, arxiv="1911.07956", item="invariants and limit of the flow")

# -- hypotheses --

sized = tc.Premise("sized", "|a|, |v| ≥ 1/2", lambda p: bool(min(np.linalg.norm(p.a), np.linalg.norm(p.v)) >= 0.5))
target = tc.Premise("target_nonzero", "|y| ≥ 1/4", lambda p: abs(float(p.y)) >= 0.25)
off_saddle = tc.Premise("off_the_saddle", "|g_0| ≥ 1/4 or |⟨v̂_0, a⟩| ≥ 1/4", lambda p: bool(max(abs(float(p.g)), abs(float(p.unit @ p.a))) >= 0.25))


# -- claims --


def after(p: WeightNormalizedFit, time: float = 0.5) -> tuple[tc.Measured, tc.Measured]:
    """g and v at a time."""
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=time))
    return p.parts(tc.Measured(run.final, np.broadcast_to(run.error[..., None], run.final.shape)))


def length(v: tc.Measured) -> tc.Measured:
    """|v|, with an axis behind."""
    return np.sqrt((v * v).sum(axis=-1))[..., None]


def norm_stays(p: WeightNormalizedFit, precision: tc.Precision, growth: float = 1.0) -> tc.Comparison:
    """|v(t)| = ℓ, and |v'|² = |v|² + growth η²|∇_v|² after a step of descent with η = 1/8."""
    _, v = after(p)
    run = tc.follow(p.objective, tc.GradientDescent(0.125), p.start, tc.Stop(steps=1))
    slope = p.objective.gradient(p.start)[..., 1:]
    return tc.all_of(
        tc.equal("|v(t)| = |v(0)|", length(v)[..., 0], np.sqrt(p.size)),
        tc.equal("|v'|² = |v|² + η²|∇_v|²", np.sum(run.final[..., 1:] ** 2, axis=-1), p.size + growth * np.sum(slope**2, axis=-1) / 64),
    )


def invariant(p: WeightNormalizedFit, precision: tc.Precision, power: float = 2.0, with_length: bool = True) -> tc.Comparison:
    """P_N v̂(t) exp((g(t)² - g_0²)/(power cℓ²)) = P_N v̂(0)."""
    g, v = after(p)
    grown = np.exp((g * g - np.asarray(p.g) ** 2) / (power * np.asarray(p.rate) * (p.size if with_length else 1.0)))
    return tc.equal("P_N v̂ exp(g²/(2cℓ²)) stays", p.across(v / length(v)) * grown[..., None], p.across(p.unit), scale=1.0)


def scalar_equation(p: WeightNormalizedFit, precision: tc.Precision, power: float = 2.0, least: bool = False) -> tc.Comparison:
    """|g_∞| = G and x_∞, or (falsely) x_∞ = x*."""
    g, x = p.ends()
    return tc.all_of(
        tc.equal("|g_∞| = G", np.abs(g), p.gain),
        tc.equal("x_∞", x, p.least if least else p.limit(np.sign(g.value), power), scale=p.gain[..., None]),
    )


def distance(p: WeightNormalizedFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|x_∞ - x*| ≤ factor G√k exp((g_0² - s)/(2cℓ²))."""
    _, x = p.ends()
    s, k = np.sum(p.least**2, axis=-1), np.sum(p.across(p.unit) ** 2, axis=-1)
    bound = p.gain * np.sqrt(k) * np.exp((np.asarray(p.g) ** 2 - s) / (2 * np.asarray(p.rate) * p.size))
    return tc.at_most("|x_∞ - x*| ≤ G√k exp((g_0² - s)/(2cℓ²))", length(x - p.least)[..., 0], factor * bound)


def nearer_than_descent(p: WeightNormalizedFit, precision: tc.Precision) -> tc.Comparison:
    """|x_∞ - x*| ≤ |g_0|√k, which is what plain descent from the same x keeps: false."""
    _, x = p.ends()
    return tc.at_most("|x_∞ - x*| ≤ |P_N x_0|", length(x - p.least)[..., 0], np.abs(p.g) * np.linalg.norm(p.across(p.unit), axis=-1))


# -- what algebra settles --


def kept() -> tc.Identity:
    """d/dt of one entry of log P_N v̂ + g²/(2cℓ²), with ġ = -cq and the entry's rate (g/ℓ²)q, q = ⟨v̂, Aᵀr⟩."""
    g, q, c, size = sp.symbols("g q c ell", positive=True)
    return tc.Identity(g * q / size**2 + 2 * g * (-c * q) / (2 * c * size**2), sp.Integer(0))


# -- the theorems --


def theorem(name: str, premises, claim, statement: str, known=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, fits, (sized, *premises), claim, statement, identities=known, stacked=True)


fits = weight_normalized_fits()
norm = theorem("norm_of_direction_stays", (), norm_stays, r"|v(t)| = |v(0)|")
invariant_of_null_space = theorem(
    "invariant_of_null_space", (), invariant, r"P_N \hat v(t) \exp\frac{g(t)^2}{2c\ell^2} = P_N \hat v(0) \exp\frac{g(0)^2}{2c\ell^2}", (kept(),)
)
scalar = theorem(
    "limit_solves_scalar_equation", (target, off_saddle), scalar_equation, r"1 - \frac{s}{G^2} = k \exp\frac{g_0^2 - G^2}{c\ell^2}, \; G = |g_\infty|"
)
near = theorem("distance_to_least_norm_le", (target, off_saddle), distance, r"|x_\infty - x^*| \le G \sqrt k \exp\frac{g_0^2 - s}{2c\ell^2}")

THEOREMS = (norm, invariant_of_null_space, scalar, near)
FALSE = (
    norm.claiming("descent_keeps_it", partial(norm_stays, growth=0.0)),
    invariant_of_null_space.claiming("without_the_half", partial(invariant, power=1.0)),
    invariant_of_null_space.claiming("without_the_length", partial(invariant, with_length=False)),
    scalar.without(off_saddle),
    scalar.claiming("least_norm", partial(scalar_equation, least=True)),
    scalar.claiming("without_the_half", partial(scalar_equation, power=1.0)),
    near.claiming("factor_0_98", partial(distance, factor=0.98)),
    near.claiming("nearer_than_descent", nearer_than_descent),
)
FINDINGS = (
    tc.Finding(
        "weight normalisation may end farther from the least-norm solution than plain descent from the same point",
        "where |x*| is small next to ℓ and g_0: the distance is |g_∞||P_N v̂_0|exp((g_0² - g_∞²)/(2cℓ²)), and |g_∞| > |g_0| is not needed "
        "(:nearer_than_descent is refuted)",
        "theorycheck check wu_2019/distance_to_least_norm_le",
    ),
    tc.Finding(
        "where the flow of weight normalisation ends is the root of one scalar equation",
        "1 - |x*|²/G² = |P_N v̂_0|² exp((g_0² - G²)/(cℓ²)), |g_∞| = G: the end of every flow is on it to 1e-6, whatever c and ℓ",
        "theorycheck check wu_2019/limit_solves_scalar_equation",
    ),
)
