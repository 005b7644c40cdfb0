r"""Weight normalisation: what its flow keeps, and where it ends (Wu et al. 2019, arXiv:1911.07956).

Setting      x = g v/|v|, gradient flow of |Ax - y|²/2 in (g, v), the rate of g times a factor c: ġ = -c⟨v̂, Aᵀr⟩,
             v̇ = -(g/|v|)(I - v̂v̂ᵀ)Aᵀr, r = Ax - y, v̂ = v/|v|, ℓ = |v(0)|. P_N projects onto the kernel of A, x* = A⁺y, s = |x*|²,
             k = |P_N v̂(0)|². Instances: one equation in three unknowns.
Convention   A rate c is the plain flow for √c A from g/√c, which is how it is run.
Results      norm_of_direction_stays     |v(t)| = ℓ; after a step of descent |v'|² = |v|² + η²|∇_v|²
             invariant_of_null_space     P_N v̂(t) exp(g(t)²/(2cℓ²)) does not change
             limit_solves_scalar_equation   |g_∞| = G is the root above √s of 1 - s/G² = k exp((g_0² - G²)/(cℓ²)), and
                                         x_∞ = x* + g_∞ P_N v̂(0) exp((g_0² - G²)/(2cℓ²))
             distance_to_least_norm_le   |x_∞ - x*| ≤ G √k exp((g_0² - s)/(2cℓ²))
             limit_is_bregman_minimiser_of_ahead   c = 1, g_0 > 0, ⟨v̂(0), x*⟩ > 0: x_∞ is least in
                                         R(x) - e^{g_0²/(2ℓ²)}⟨v̂(0), x⟩ on {Ax = y}, R(x) = ∫_0^{|x|} e^{r²/(2ℓ²)} dr
             The scalar equation and R are in the form derived in the project's catalogue; the flow is a mirror flow of R whose clock
             depends on x, so this R is one for every loss that does not change with time, and for no other.
Not covered  The paper's convergence rates and its discrete algorithm, which normalises v after every step.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Wu, Dobriban, Ren, Wu, Li, Gunasekar, Ward & Liu", 2019, arxiv="1911.07956", item="invariants and limit of the flow")
MODEL = tc.WeightNormalized(3)


@dataclass(frozen=True)
class Normalized:
    """One equation ⟨a, x⟩ = y, a start (g, v), and the factor c of the rate of g; stacks along a leading axis."""

    a: np.ndarray
    y: float
    g: float
    v: np.ndarray
    rate: float

    @property
    def objective(self) -> tc.Objective:
        """|√c⟨a, x⟩ - y|²/2 of x = (g/√c) v/|v|."""
        y = np.asarray(self.y)[..., None]
        return tc.Objective(MODEL, tc.SquaredLoss(0.5), tc.Regression(self._root[..., None] * self.a[..., None, :], y))

    @property
    def start(self) -> np.ndarray:
        """(g/√c, v)."""
        return np.concatenate([(np.asarray(self.g) / self._root[..., 0])[..., None], self.v], axis=-1)

    @property
    def _root(self) -> np.ndarray:
        return np.sqrt(np.asarray(self.rate))[..., None]

    @property
    def unit(self) -> np.ndarray:
        """v/|v| at the start."""
        return self.v / np.linalg.norm(self.v, axis=-1, keepdims=True)

    @property
    def size(self) -> np.ndarray:
        """ℓ²."""
        return np.sum(self.v**2, axis=-1)

    @property
    def least(self) -> np.ndarray:
        """x*."""
        return self.a * (np.asarray(self.y) / np.sum(self.a**2, axis=-1))[..., None]

    def across(self, x):
        """P_N x."""
        return x - self.a * ((x * self.a).sum(axis=-1) / np.sum(self.a**2, axis=-1))[..., None]

    def parts(self, theta: tc.Measured) -> tuple[tc.Measured, tc.Measured]:
        """g and v of parameters of the flow."""
        return theta[..., 0] * self._root[..., 0], theta[..., 1:]

    @property
    def gain(self) -> np.ndarray:
        """G, by bisection in G²: the difference of both sides rises from -k exp((g_0² - s)/(cℓ²)) at s to 1."""
        s, k = np.sum(self.least**2, axis=-1), np.sum(self.across(self.unit) ** 2, axis=-1)
        scale, first = np.asarray(self.rate) * self.size, np.asarray(self.g) ** 2
        low, high = s, s + first + 2 * scale + 4 * s
        for _ in range(80):
            middle = (low + high) / 2
            above = 1 - s / middle > k * np.exp((first - middle) / scale)
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.sqrt(high)

    def limit(self, sign: np.ndarray, power: float = 2.0) -> np.ndarray:
        """x_∞ for the sign of g_∞."""
        shrunk = np.exp((np.asarray(self.g) ** 2 - self.gain**2) / (power * np.asarray(self.rate) * self.size))
        return self.least + (sign * self.gain * shrunk)[..., None] * self.across(self.unit)


@tc.recipe
def normalized(draw):
    """|g| up to 2, entries of a and v up to 3/2, c in [1/4, 2]; every fifth starts at g = 0 across a, every second with c = 1."""
    stuck, plain = draw(tc.choice((False, False, False, False, True))), draw(tc.choice((True, False)))
    a, y, g = draw(tc.array(3, -1.5, 1.5)), draw(tc.reals(-2, 2)), draw(tc.reals(-2, 2))
    v, rate = draw(tc.array(3, -1.5, 1.5)), draw(tc.reals(0.25, 2))
    if stuck:
        a, g, v = a * np.array([1.0, 0.0, 0.0]), 0.0, v * np.array([0.0, 1.0, 1.0])
    return Normalized(a, y, g, v, 1.0 if plain else rate)


# -- hypotheses --

sized = tc.Premise("sized", "|a|, |v| ≥ 1/2", lambda p: bool(min(np.linalg.norm(p.a), np.linalg.norm(p.v)) >= 0.5))
target = tc.Premise("target_nonzero", "|y| ≥ 1/4", lambda p: abs(float(p.y)) >= 0.25)
off_saddle = tc.Premise("off_the_saddle", "|g_0| ≥ 1/4 or |⟨v̂_0, a⟩| ≥ 1/4", lambda p: bool(max(abs(float(p.g)), abs(float(p.unit @ p.a))) >= 0.25))
unit_rate = tc.Premise("unit_rate", "c = 1", lambda p: float(p.rate) == 1)
ahead = tc.Premise("ahead", "g_0 ≥ 1/4 and y⟨v̂_0, a⟩ ≥ 1/16", lambda p: bool(p.g >= 0.25 and p.y * (p.unit @ p.a) >= 0.0625))


# -- claims --


def after(p: Normalized, time: float = 0.5) -> tuple[tc.Measured, tc.Measured]:
    """g and v at a time."""
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=time))
    return p.parts(tc.Measured(run.final, np.broadcast_to(run.error[..., None], run.final.shape)))


def length(v: tc.Measured) -> tc.Measured:
    """|v|, with an axis behind."""
    return np.sqrt((v * v).sum(axis=-1))[..., None]


def norm_stays(p: Normalized, precision: tc.Precision, growth: float = 1.0) -> tc.Comparison:
    """|v(t)| = ℓ, and |v'|² = |v|² + growth η²|∇_v|² after a step of descent with η = 1/8."""
    _, v = after(p)
    run = tc.follow(p.objective, tc.GradientDescent(0.125), p.start, tc.Stop(steps=1))
    slope = p.objective.gradient(p.start)[..., 1:]
    return tc.all_of(
        tc.equal("|v(t)| = |v(0)|", length(v)[..., 0], np.sqrt(p.size)),
        tc.equal("|v'|² = |v|² + η²|∇_v|²", np.sum(run.final[..., 1:] ** 2, axis=-1), p.size + growth * np.sum(slope**2, axis=-1) / 64),
    )


def invariant(p: Normalized, precision: tc.Precision, power: float = 2.0, with_length: bool = True) -> tc.Comparison:
    """P_N v̂(t) exp((g(t)² - g_0²)/(power cℓ²)) = P_N v̂(0)."""
    g, v = after(p)
    grown = np.exp((g * g - np.asarray(p.g) ** 2) / (power * np.asarray(p.rate) * (p.size if with_length else 1.0)))
    return tc.equal("P_N v̂ exp(g²/(2cℓ²)) stays", p.across(v / length(v)) * grown[..., None], p.across(p.unit), scale=1.0)


def ends(p: Normalized) -> tuple[tc.Measured, tc.Measured]:
    """g_∞ and x_∞ of the flow; one that starts at rest stays there."""
    theta = tc.flow_limit(p.objective, tc.GradientFlow(accuracy=1e-9, budget=5000), p.start).theta
    at_rest = np.all(p.objective.gradient(p.start) == 0, axis=-1, keepdims=True)
    g, v = p.parts(tc.Measured(np.where(at_rest, p.start, theta.value), np.where(at_rest, 0.0, theta.error)))
    return g, g[..., None] * v / length(v)


def scalar_equation(p: Normalized, precision: tc.Precision, power: float = 2.0, least: bool = False) -> tc.Comparison:
    """|g_∞| = G and x_∞, or (falsely) x_∞ = x*."""
    g, x = ends(p)
    return tc.all_of(
        tc.equal("|g_∞| = G", np.abs(g), p.gain),
        tc.equal("x_∞", x, p.least if least else p.limit(np.sign(g.value), power), scale=p.gain[..., None]),
    )


def distance(p: Normalized, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|x_∞ - x*| ≤ factor G√k exp((g_0² - s)/(2cℓ²))."""
    _, x = ends(p)
    s, k = np.sum(p.least**2, axis=-1), np.sum(p.across(p.unit) ** 2, axis=-1)
    bound = p.gain * np.sqrt(k) * np.exp((np.asarray(p.g) ** 2 - s) / (2 * np.asarray(p.rate) * p.size))
    return tc.at_most("|x_∞ - x*| ≤ G√k exp((g_0² - s)/(2cℓ²))", length(x - p.least)[..., 0], factor * bound)


def nearer_than_descent(p: Normalized, precision: tc.Precision) -> tc.Comparison:
    """|x_∞ - x*| ≤ |g_0|√k, which is what plain descent from the same x keeps: false."""
    _, x = ends(p)
    return tc.at_most("|x_∞ - x*| ≤ |P_N x_0|", length(x - p.least)[..., 0], np.abs(p.g) * np.linalg.norm(p.across(p.unit), axis=-1))


def minimiser(p: Normalized, precision: tc.Precision, euclidean: bool = False) -> tc.Comparison:
    """x_∞ against the least of R(x) - e^{g_0²/(2ℓ²)}⟨v̂_0, x⟩ on {⟨a, x⟩ = y}, by Newton's steps; or (falsely) the nearest point to x_0."""
    _, x = ends(p)
    if euclidean:
        return tc.equal("x_∞ = argmin |x - x_0|", x, p.least + np.asarray(p.g)[..., None] * p.across(p.unit))
    return tc.equal("x_∞ = argmin R - e^{g_0²/(2ℓ²)}⟨v̂_0, x⟩", x, least_potential(p))


def least_potential(p: Normalized) -> tc.Measured:
    """The minimiser, from x*: steps of Newton's method within the plane, at most 1/2 long, halved until the slope along them is not past its zero."""
    x, size = p.least + 0 * p.v, p.size[..., None]
    push = np.exp((np.asarray(p.g) ** 2 / 2)[..., None] / size) * p.unit

    def slope(x: np.ndarray) -> np.ndarray:
        r = np.linalg.norm(x, axis=-1, keepdims=True)
        return p.across(np.exp(r**2 / (2 * size)) * x / r - push)

    for _ in range(60):
        r = np.linalg.norm(x, axis=-1)[..., None, None]
        n = x / r[..., 0]
        radial = n[..., :, None] * n[..., None, :]
        H = np.exp(r**2 / (2 * size[..., None])) * (r / size[..., None] * radial + (np.eye(3) - radial) / r)
        a = p.a / np.linalg.norm(p.a, axis=-1, keepdims=True)
        plane = np.eye(3) - a[..., :, None] * a[..., None, :]
        move = -np.linalg.solve(plane @ H @ plane + a[..., :, None] * a[..., None, :], slope(x)[..., None])[..., 0]
        far = np.linalg.norm(move, axis=-1, keepdims=True)
        part, small = np.minimum(1.0, 0.5 / np.maximum(far, 0.5)), 1e-9 * far * np.linalg.norm(slope(x), axis=-1, keepdims=True)
        for _ in range(60):
            past = np.sum(slope(x + part * move) * move, axis=-1, keepdims=True) > small
            if not np.any(past):
                break
            part = np.where(past, part / 2, part)
        x = x + part * move
        if np.all(np.abs(move) < 1e-12):
            break
    return tc.Measured(x, 4 * np.linalg.norm(move, axis=-1, keepdims=True) + 1e-13 * np.abs(x) + 1e-14)


def order_swap(p: Normalized, precision: tc.Precision) -> tc.Comparison:
    """Two linear losses one after the other, and in the other order, end at the same x: false."""
    loss = tc.LinearLoss(((0.5, (-1.0, 0.0, 0.0)), (0.5, (0.0, -1.0, 0.0))))
    one, two = (tc.staged_flow(MODEL, order, p.start, 1e-9, precision) for order in (loss, loss.swapped()))
    return tc.equal("x after (e_1, e_2) = x after (e_2, e_1)", one, two)


# -- what algebra settles --


def kept() -> tc.Identity:
    """d/dt of one entry of log P_N v̂ + g²/(2cℓ²), with ġ = -cq and the entry's rate (g/ℓ²)q, q = ⟨v̂, Aᵀr⟩."""
    g, q, c, size = sp.symbols("g q c ell", positive=True)
    return tc.Identity(g * q / size**2 + 2 * g * (-c * q) / (2 * c * size**2), sp.Integer(0))


def clocked() -> tuple[tc.Identity, tc.Identity]:
    """R'' = (r/ℓ²)e^{r²/2ℓ²} and R'/r = e^{r²/2ℓ²}/r: (r/ℓ²)e^{r²/2ℓ²} times the metric's 1 along x and ℓ²/r² across it."""
    r, size = sp.symbols("r ell", positive=True)
    slope = sp.exp(r**2 / (2 * size**2))
    clock = r / size**2 * slope
    return tc.Identity(sp.diff(slope, r), clock), tc.Identity(slope / r, clock * size**2 / r**2)


def theorem(name: str, premises, claim, statement: str, known=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, normalized, (sized, *premises), claim, statement, identities=known, stacked=True)


norm = theorem("norm_of_direction_stays", (), norm_stays, r"|v(t)| = |v(0)|")
invariant_of_null_space = theorem(
    "invariant_of_null_space", (), invariant, r"P_N \hat v(t) \exp\frac{g(t)^2}{2c\ell^2} = P_N \hat v(0) \exp\frac{g(0)^2}{2c\ell^2}", (kept(),)
)
scalar = theorem(
    "limit_solves_scalar_equation", (target, off_saddle), scalar_equation, r"1 - \frac{s}{G^2} = k \exp\frac{g_0^2 - G^2}{c\ell^2}, \; G = |g_\infty|"
)
near = theorem("distance_to_least_norm_le", (target, off_saddle), distance, r"|x_\infty - x^*| \le G \sqrt k \exp\frac{g_0^2 - s}{2c\ell^2}")
bregman = theorem(
    "limit_is_bregman_minimiser_of_ahead",
    (target, unit_rate, ahead),
    minimiser,
    r"x_\infty = \arg\min\{R(x) - e^{g_0^2/2\ell^2} \langle \hat v_0, x \rangle : Ax = y\}, \; R(x) = \int_0^{|x|} e^{r^2/2\ell^2} dr",
    clocked(),
)

THEOREMS = (norm, invariant_of_null_space, scalar, near, bregman)
FALSE = (
    norm.claiming("descent_keeps_it", partial(norm_stays, growth=0.0)),
    invariant_of_null_space.claiming("without_the_half", partial(invariant, power=1.0)),
    invariant_of_null_space.claiming("without_the_length", partial(invariant, with_length=False)),
    scalar.without(off_saddle),
    scalar.claiming("least_norm", partial(scalar_equation, least=True)),
    scalar.claiming("without_the_half", partial(scalar_equation, power=1.0)),
    near.claiming("factor_0_98", partial(distance, factor=0.98)),
    near.claiming("nearer_than_descent", nearer_than_descent),
    bregman.without(unit_rate),
    bregman.without(ahead),
    bregman.claiming("nearest_in_l2", partial(minimiser, euclidean=True)),
    bregman.claiming("for_losses_in_time", order_swap),
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
