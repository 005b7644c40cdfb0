r"""The smoothed margin of homogeneous networks never falls (Lyu & Li 2019, arXiv:1906.05890), in the form derived in the project's catalogue.

Setting      f(x; θ) homogeneous of order H in θ, q_i = y_i f(x_i; θ), L = Σ exp(-q_i), ν = Σ q_i exp(-q_i), ρ = |θ|, gradient flow θ' = -∇L;
             the margin γ = min q_i/ρ^H and the smoothed one γ̃ = log(1/L)/ρ^H.
Convention   L is a sum. The objective's risk is the mean L/n, whose flow is n times slower.
Results      gradient_along_parameters   ⟨θ, ∇L⟩ = -Hν, so ρ² grows at the rate 2Hν
             smoothed_margin_between     γ̃ ≤ γ ≤ γ̃ + ρ^(-H) log n
             weighted_margin_ge          ν ≥ L log(1/L)
             rate_of_smoothed_margin     d/dt log γ̃ = |∇L|²/(L log(1/L)) - H²ν/ρ²
             rate_ge_of_separated        it is at least |P∇L|²/(L log(1/L)), P the projection off θ, where L < 1
Not covered  Rates of L and ρ in t, and that limit directions are KKT points; the logistic loss, which needs another γ̃.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.homogeneous import SMOOTH, HomogeneousClassifier, homogeneous_classifiers

paper = tc.Source("Lyu & Li", 2019, arxiv="1906.05890", item="smoothed normalized margin")
HALVES = 2.0 ** -np.arange(6, 12)

# -- hypotheses --


def loss_below_one(p: HomogeneousClassifier) -> tc.Comparison:
    """L ≤ 15/16."""
    return tc.at_most("L ≤ 15/16", loss(p), 0.9375)


separated = tc.Premise("separated", "L ≤ 15/16", loss_below_one, enforce=HomogeneousClassifier.separating)


# -- quantities --


def loss(p: HomogeneousClassifier) -> tc.Measured:
    """L."""
    return np.exp(-p.margins).sum(axis=-1)


def weighted(p: HomogeneousClassifier) -> tc.Measured:
    """ν."""
    q = p.margins
    return (q * np.exp(-q)).sum(axis=-1)


def gradient(p: HomogeneousClassifier) -> tc.Measured:
    """∇L, shape (..., P)."""
    bars = p.objective.gradient_error(p.theta)[..., None] * np.ones_like(p.theta)
    return p.samples * tc.Measured(p.objective.gradient(p.theta), bars)


def norm(p: HomogeneousClassifier) -> np.ndarray:
    """ρ."""
    size: np.ndarray = np.linalg.norm(p.theta, axis=-1)
    return size


def parts(p: HomogeneousClassifier) -> tuple[tc.Measured, tc.Measured, tc.Measured]:
    """|∇L|², |P∇L|² and L log(1/L)."""
    g, L = gradient(p), loss(p)
    along = (g * p.theta).sum(axis=-1) / norm(p)
    across = g - along.reshape(*along.shape, 1) * (p.theta / norm(p)[..., None])
    return (g * g).sum(axis=-1), (across * across).sum(axis=-1), -L * np.log(L)


def rate(p: HomogeneousClassifier, order: int | None = None) -> tc.Measured:
    """d/dt log(log(1/L)/ρ^order) along the flow of L; of γ̃ unless another order is said."""
    steep, _, entropy = parts(p)
    return steep / entropy - p.order * (p.order if order is None else order) * weighted(p) / norm(p) ** 2


def log_smoothed(p: HomogeneousClassifier, theta: np.ndarray) -> tc.Measured:
    """log γ̃ at parameters (k, ..., P)."""
    q = tc.predictions(p.objective, theta) * p.y
    return np.log(-np.log(np.exp(-q).sum(axis=-1))) - p.order * np.log(np.linalg.norm(theta, axis=-1))


def nearest(p: HomogeneousClassifier) -> HomogeneousClassifier:
    """The sample of least margin alone."""
    j = np.argmin(p.margins.value, axis=-1)[..., None]
    return replace(p, X=np.take_along_axis(p.X, j[..., None], axis=-2), y=np.take_along_axis(p.y, j, axis=-1))


# -- claims --


def along_parameters(p: HomogeneousClassifier, precision: tc.Precision, order: float = 0.0) -> tc.Comparison:
    """Euler's identity for every q_i, weighted by exp(-q_i)."""
    g, q = gradient(p), p.margins
    terms = q * np.exp(-q)
    scale = np.sum(np.abs(g.value * p.theta), axis=-1) + p.order * np.sum(np.abs(terms.value), axis=-1)
    return tc.equal("⟨θ, ∇L⟩ = -Hν", (g * p.theta).sum(axis=-1), -(order or p.order) * terms.sum(axis=-1), scale=scale)


def between(p: HomogeneousClassifier, precision: tc.Precision, share: float = 1.0, mean: bool = False) -> tc.Comparison:
    """Both sides times ρ^H: log(1/L) ≤ min q_i ≤ log(1/L) + log n."""
    least, smoothed = p.margins.min(axis=-1), -np.log(loss(p) / (p.samples if mean else 1))
    return tc.all_of(tc.at_most("γ̃ ≤ γ", smoothed, least), tc.at_most("γ ≤ γ̃ + ρ^(-H) log n", least, smoothed + share * np.log(p.samples)))


def weighted_margin(p: HomogeneousClassifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """Every q_i is at least log(1/L)."""
    L = loss(p)
    return tc.at_least("ν ≥ L log(1/L)", weighted(p), -factor * L * np.log(L))


def seen_rate(p: HomogeneousClassifier, precision: tc.Precision, order: int | None = None) -> tc.Comparison:
    """Central difference quotients of log γ̃ along -∇L, on lengths of 2⁻⁶, ..., 2⁻¹¹ of ρ, or of that on which log L halves."""
    g, L = gradient(p).value, loss(p).value
    steep = np.linalg.norm(g, axis=-1)
    h = HALVES.reshape(-1, *(1,) * np.ndim(L)) * np.minimum(norm(p), -L * np.log(L) / steep) / steep
    ahead, behind = (log_smoothed(p, p.theta - side * h[..., None] * g) for side in (1, -1))
    return tc.tends_to("Δ log γ̃/Δt → its rate", HALVES, (ahead - behind) / (2 * h), rate(p, order), resolution=0.01)


def rises(p: HomogeneousClassifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The part of ∇L across θ, over L log(1/L), bounds the rate."""
    _, across, entropy = parts(p)
    return tc.at_least("d/dt log γ̃ ≥ |P∇L|²/(L log(1/L))", rate(p), factor * across / entropy)


def unsmoothed(p: HomogeneousClassifier, precision: tc.Precision) -> tc.Comparison:
    """d/dt log γ ≥ 0 for the margin itself: the least q_i grows at the rate ⟨∇q, -∇L⟩ = e^q ⟨∇e^(-q), ∇L⟩."""
    alone = nearest(p)
    q = alone.margins[..., 0]
    speed = np.exp(q) * (gradient(alone) * gradient(p)).sum(axis=-1)
    return tc.at_least("d/dt γ ≥ 0", speed * norm(p) ** 2, p.order**2 * q * weighted(p))


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises, claim, statement: str, identities=(), tight: bool = False) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities, tight=tight, stacked=True)


G, A, H, nu, size, E = sp.symbols("G A H nu rho E", positive=True)
gap = tc.Identity(G / E - H**2 * nu / size**2 - (G - (H * nu / size) ** 2) / E, H**2 * nu / (size**2 * E) * (nu - E))
homogeneous, smooth = homogeneous_classifiers(), homogeneous_classifiers(SMOOTH)

gradient_along = theorem("gradient_along_parameters", homogeneous, (), along_parameters, r"\langle \theta, \nabla L \rangle = -H \nu")
smoothed_between = theorem(
    "smoothed_margin_between", homogeneous, (), between, r"\tilde\gamma \le \gamma \le \tilde\gamma + \rho^{-H} \log n", tight=True
)
weighted_ge = theorem("weighted_margin_ge", homogeneous, (), weighted_margin, r"\nu \ge L \log(1/L)", tight=True)
rate_of_margin = theorem(
    "rate_of_smoothed_margin",
    smooth,
    (separated,),
    seen_rate,
    r"\frac{d}{dt} \log \tilde\gamma = \frac{|\nabla L|^2}{L \log(1/L)} - \frac{H^2 \nu}{\rho^2}",
)
rate_ge = theorem(
    "rate_ge_of_separated",
    homogeneous,
    (separated,),
    rises,
    r"\frac{d}{dt} \log \tilde\gamma \ge \frac{|P \nabla L|^2}{L \log(1/L)} \ge 0",
    (gap,),
    tight=True,
)

THEOREMS = (gradient_along, smoothed_between, weighted_ge, rate_of_margin, rate_ge)
FALSE = (
    gradient_along.claiming("order_1", partial(along_parameters, order=1)),
    smoothed_between.claiming("of_mean", partial(between, mean=True)),
    smoothed_between.claiming("log_0_98", partial(between, share=0.98)),
    weighted_ge.claiming("factor_1_01", partial(weighted_margin, factor=1.01)),
    rate_of_margin.claiming("order_1", partial(seen_rate, order=1)),
    rate_ge.without(separated),
    rate_ge.claiming("factor_1_01", partial(rises, factor=1.01)),
    rate_ge.claiming("margin_itself", unsmoothed),
)
