r"""Two-layer ReLU networks on two points: when gradient flow ends at rank one (Timor, Vardi & Shamir 2022, arXiv:2201.12760).

Deep networks of least norm are in `timor_2022`.

Setting      N(x) = Σ_j a_jσ(⟨w_j, x⟩), ReLU without biases; unit inputs x_1, x_2 at angle θ, targets y_i > 0, a_j > 0, gradient flow of
             Σ(N(x_i) - y_i)²/2 from scale α; growth g = |y_1x_1 + y_2x_2|, the rate of a unit that both points activate.
Convention   The flow is that of c/n = 1/2 (n = 2, c = 1).
Results      rank_one_fits_two_points         rows ±(x_1 - x_2) fit any targets at any two distinct unit inputs
             growth_threshold                 both-active growth exceeds max y exactly where cos θ > -min(y)/(2max(y))
             limit_stable_rank                y_1x_1x_1ᵀ + y_2x_2x_2ᵀ has the eigenvalues (y_1+y_2 ± sqrt((y_1-y_2)²+4y_1y_2cos²θ))/2
             gram_tends_to_rank_two_of_wide   past the threshold WᵀW → y_1x_1x_1ᵀ + y_2x_2x_2ᵀ
             gram_tends_to_rank_one_of_narrow before it, also for obtuse angles, WᵀW → ββᵀ/|β| with Xβ = y
             Threshold and limits are derived in the project's catalogue, the direction of the rank-one limit here.
Not covered  Units with a_j < 0 (they die); probabilities over Gaussian starts.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import transposed

paper = tc.Source("Timor, Vardi & Shamir", 2022, arxiv="2201.12760", item="rank minimization")
SCALES = 10.0 ** -np.array([4.0, 6.0, 8.0, 10.0])
SLOWEST = 0.125  # the power of α in which flows close in, at the premises' distance from the threshold: about twice 1 - growth/max(y)


@dataclass(frozen=True)
class Pair:
    """Targets, cos θ, and the first layers' directions of units (angles in the plane)."""

    y: np.ndarray
    cosine: float
    units: np.ndarray

    @property
    def X(self) -> np.ndarray:
        """x_1 = (1, 0), x_2 at angle θ; shape (..., 2, 2)."""
        c = np.asarray(self.cosine)
        return np.stack([np.stack([np.ones_like(c), 0 * c], axis=-1), np.stack([c, np.sqrt(1 - c**2)], axis=-1)], axis=-2)

    @property
    def gram(self) -> np.ndarray:
        """y_1x_1x_1ᵀ + y_2x_2x_2ᵀ."""
        return transposed(self.X) @ (self.y[..., None] * self.X)

    @property
    def growth(self) -> np.ndarray:
        """|y_1x_1 + y_2x_2|, the rate of a unit that both points activate."""
        return np.linalg.norm((self.y[..., None] * self.X).sum(axis=-2), axis=-1)


def pairs_of(low: float, high: float, turned: bool = True) -> tc.Recipe:
    """cos θ in [low, high]; four units: along x_1, x_2, both, and one anywhere, each turned by up to 1/8 or not at all."""

    @tc.recipe
    def pairs(draw):
        cosine = draw(tc.reals(low, high))
        theta = np.arccos(cosine)
        angles = np.array([-0.25, theta + 0.25, theta / 2, theta / 2 + 0.25])
        angles = angles + draw(tc.array(4, -0.125, 0.125)) if turned else angles
        return Pair(draw(tc.array(2, 0.75, 1.25)), cosine, angles)

    return pairs


# -- closed forms --


def one_direction(p: Pair, precision: tc.Precision, sign: float = -1.0) -> tc.Comparison:
    """Rows ±u, u = x_1 - x_2, with weights y_1/⟨u, x_1⟩, -y_2/⟨u, x_2⟩."""
    u = p.X[..., 0, :] + sign * p.X[..., 1, :]
    reach = (p.X @ u[..., None])[..., 0]
    hidden = np.maximum(np.stack([reach, -reach], axis=-1), 0.0)
    weights = p.y / np.where(np.abs(reach) > 1e-9, np.abs(reach), 1.0)
    return tc.equal("N(x_i) = y_i", (hidden @ weights[..., None])[..., 0], p.y)


def threshold(p: Pair, precision: tc.Precision, share: float = 0.5) -> tc.Comparison:
    """g² - max(y)² and cos θ + share min(y)/max(y) have the same sign."""
    small, large = p.y.min(axis=-1), p.y.max(axis=-1)
    left = (p.growth**2 - large**2) / (2 * small * large)
    return tc.equal("(g² - max²)/(2 min max) = cos θ + min/(2max)", left, p.cosine + share * small / large, scale=1.0)


def eigenvalues(p: Pair, precision: tc.Precision, factor: float = 4.0) -> tc.Comparison:
    """The spectrum of the limit by a solver."""
    root = np.sqrt((p.y[..., 0] - p.y[..., 1]) ** 2 + factor * p.y.prod(axis=-1) * np.asarray(p.cosine) ** 2)
    total = p.y.sum(axis=-1)
    return tc.equal("μ_{1,2}", np.linalg.eigvalsh(p.gram), np.stack([total - root, total + root], axis=-1) / 2)


# -- flows --


def grams(p: Pair, scales: np.ndarray, slope: float = 0.0) -> tc.Measured:
    """WᵀW at time log(1/α)/min(y) + 16 from balanced units of size α, scales first: shape (k, ..., 2, 2)."""
    B = np.stack([np.cos(p.units), np.sin(p.units)], axis=-1)
    theta = np.concatenate([B.reshape(*B.shape[:-2], -1), np.ones(p.units.shape)], axis=-1)
    lead = (-1, *(1,) * np.ndim(p.cosine))
    objective = tc.PredictionObjective(tc.TwoLayerReLU(2, p.units.shape[-1], slope), tc.SquaredLoss(1.0), tc.Regression(p.X, p.y))
    stop = tc.Stop(time=np.log(1 / scales).reshape(lead) / p.y.min(axis=-1) + 16.0)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-5, budget=512), scales.reshape(*lead, 1) * theta, stop)
    W = run.final[..., : B.shape[-1] * B.shape[-2]].reshape(*run.final.shape[:-1], *B.shape[-2:])
    arrived = run.ending == tc.Ending.REACHED_TIME  # a flow that slides along a kink says nothing
    bars = np.where(arrived, 2 * run.error * np.linalg.norm(W, axis=(-2, -1)) + run.error**2, np.inf)
    return tc.Measured(transposed(W) @ W, bars[..., None, None])


def rank_two(p: Pair, precision: tc.Precision, slope: float = 0.0, limit=lambda p: p.gram) -> tc.Comparison:
    """WᵀW → y_1x_1x_1ᵀ + y_2x_2x_2ᵀ (or another limit)."""
    return tc.tends_to("WᵀW → limit", SCALES**SLOWEST, grams(p, SCALES, slope), limit(p), resolution=1e-2)


def along(p: Pair, early: bool = False) -> np.ndarray:
    """ββᵀ/|β| with Xβ = y; with `early` the direction in which units grow at first, y_1x_1 + y_2x_2, of the same trace."""
    beta = np.linalg.solve(p.X, p.y[..., None])[..., 0]
    size = np.linalg.norm(beta, axis=-1)[..., None]
    unit = (p.y[..., None] * p.X).sum(axis=-2) if early else beta
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    return size[..., None] * unit[..., :, None] * unit[..., None, :]


def lazy(p: Pair, precision: tc.Precision) -> tc.Comparison:
    """At α = 1 the limit is the rank-one one: false."""
    return tc.equal("WᵀW = ββᵀ/|β|", grams(p, np.array([1.0]))[0], along(p), resolution=1e-3)


# -- hypotheses and what algebra settles --

wide = tc.Premise("wide", "cos θ ≤ -min(y)/(2max(y)) - 1/8", lambda p: p.cosine <= -p.y.min() / (2 * p.y.max()) - 0.125)
narrow = tc.Premise("narrow", "cos θ ≥ -min(y)/(2max(y)) + 1/4", lambda p: p.cosine >= -p.y.min() / (2 * p.y.max()) + 0.25)


def algebra() -> tuple[tc.Identity, tc.Identity]:
    """The threshold, and the characteristic polynomial of the limit."""
    y1, y2 = sp.symbols("y1 y2", positive=True)
    k, s, x = sp.symbols("c_theta s_theta x", real=True)
    circle = tc.Identity(k**2 + s**2, 1)
    M = sp.Matrix([[y1 + y2 * k**2, y2 * k * s], [y2 * k * s, y2 * s**2]])
    return (
        tc.Identity(y1**2 + y2**2 + 2 * y1 * y2 * k - y2**2, 2 * y1 * y2 * (k + y1 / (2 * y2))),
        tc.Identity((x * sp.eye(2) - M).det(), x**2 - (y1 + y2) * x + y1 * y2 * (1 - k**2), given=(circle,)),
    )


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), **how) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, **how)


grows, spectrum = algebra()
everywhere = pairs_of(-0.96875, 0.9375)
obtuse, acute, plain = pairs_of(-0.9375, -0.5), pairs_of(-0.1875, 0.5), pairs_of(-0.1875, 0.5, turned=False)
fits_two = theorem("rank_one_fits_two_points", everywhere, (), one_direction, r"W = (u, -u)^\top, \; u = x_1 - x_2", stacked=True)
switch = theorem("growth_threshold", everywhere, (), threshold, r"g > \max y \iff \cos\theta > -\min y / (2 \max y)", (grows,), stacked=True)
spread = theorem("limit_stable_rank", everywhere, (), eigenvalues, r"\mu_{1,2} = (y_1 + y_2 \pm \sqrt{\cdot})/2", (spectrum,), stacked=True)
two = theorem("gram_tends_to_rank_two_of_wide", obtuse, (wide,), rank_two, r"W^\top W \to \sum_i y_i x_i x_i^\top", stacked=True, tight=True)
one = theorem(
    "gram_tends_to_rank_one_of_narrow",
    acute,
    (narrow,),
    partial(rank_two, limit=along),
    r"W^\top W \to \beta\beta^\top/|\beta|",
    stacked=True,
    tight=True,
)

THEOREMS = (fits_two, switch, spread, two, one)
FALSE = (
    fits_two.claiming("sum_of_inputs", partial(one_direction, sign=1.0)),
    switch.claiming("share_0_51", partial(threshold, share=0.51)),
    spread.claiming("factor_4_01", partial(eigenvalues, factor=4.01)),
    replace(two.without(wide), ambient=pairs_of(-0.25, -0.0625, turned=False)),
    replace(two.claiming("linear_activation", partial(rank_two, slope=1.0)), ambient=pairs_of(-0.9375, -0.5, turned=False)),
    replace(one.claiming("direction_of_first_growth", partial(rank_two, limit=partial(along, early=True))), ambient=plain),
    replace(one.claiming("at_scale_one", lazy), ambient=plain),
)
FINDINGS = (
    tc.Finding(
        "Flow on two-layer ReLU networks does not end at rank two for every obtuse angle: the threshold is cos θ = -min(y)/(2max(y))",
        "below it a unit that both points activate outgrows the others; planted as gram_tends_to_rank_two_of_wide:without_wide",
        "theorycheck check timor_2022_two_points/gram_tends_to_rank_two_of_wide",
    ),
    tc.Finding(
        "Below the threshold the rank-one limit lies along β with Xβ = y, not along y_1x_1 + y_2x_2, in which units grow at first",
        "the two agree where y_1 = y_2; planted as gram_tends_to_rank_one_of_narrow:direction_of_first_growth",
        "theorycheck check timor_2022_two_points/gram_tends_to_rank_one_of_narrow",
    ),
)
