r"""Flat minima of deep linear networks with several outputs (Mulayoff & Michaeli 2020, arXiv:2002.04710).

Setting      W = W_m ... W_1, R(θ) = |Y - XWᵀ|²/n, Σ = XᵀX/n, T the least-squares map, σ = σ_max(T) with singular vectors u, v;
             S = λ_max(∇²R); A_k = W_m ... W_{k+1}, B_k = W_{k-1} ... W_1; whitened: Σ = I; flattest: a minimiser of least sharpness.
Convention   c = 1, without 1/2, as in the paper; with 1/2 every sharpness halves.
Results      sharpness_ge_of_whitened_minimiser     S ≥ 2 m σ^(2-2/m) at every minimiser, if Σ = I
             sharpness_ge_of_minimiser              S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m), (σ, u, v) the top singular triple of TΣ^{1/2}
             sharpness_eq_least_of_balanced         balanced factorisations of T attain the bound of Σ = I
             sharpness_ge_balanced_of_whitened      no other gains give a flatter network, if Σ = I
             gains_of_flattest                      h_0 = v, W_k h_{k-1} = σ^(1/m) h_k, W_kᵀh_k = σ^(1/m) h_{k-1}, h_m = u
             partial_products_le_of_flattest        |A_k||B_k| ≤ √m σ^(1-1/m), and ≤ √(m-1) σ^(1-1/m) for k = 1 and k = m
             flow_from_identity_is_flattest         gradient flow from W_k = I that fits T ends at a flattest point, if Σ = I
             General Σ, the equality case and √(m-1) are in the form derived for this project.
Not covered  Nonlinear networks. Width below the rank of T: then T is no product of such layers and nothing is said.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import (
    DeepLinearFit,
    ModalNetwork,
    ResidualStart,
    above,
    below,
    deep_linear_fits,
    modal_networks,
    residual_starts,
    transposed,
)

paper = tc.Source("Mulayoff & Michaeli", 2020, arxiv="2002.04710", item="minimal sharpness")
coupling = tc.Source("Mulayoff & Michaeli", 2020, arxiv="2002.04710", item="coupling and gain of flattest minima")
residual = tc.Source("Mulayoff & Michaeli", 2020, arxiv="2002.04710", item="residual networks started at zero")
fits = deep_linear_fits(depth=(2, 6), width=(1, 3), dim=(1, 3), samples=(1, 6), outputs=(1, 3))


@dataclass(frozen=True, eq=False)
class Factorisation:
    """A network given by its modes, the spread of the first input, and how much of the room that flatness leaves is used."""

    network: ModalNetwork
    stretch: float
    fill: float

    @property
    def objective(self) -> tc.Objective:
        """The loss of data that the network fits."""
        return self.network.fitted(self.stretch)


def factorisations_of(networks: tc.Recipe) -> tc.Recipe:
    """The networks, with stretched inputs or not, and all of the room used or a part."""

    @tc.recipe
    def of(draw):
        return Factorisation(draw(networks), draw(tc.choice((1.0, 2.0, 0.5))), draw(tc.choice((1.0, 0.5, 0.875))))

    return of


factorisations = factorisations_of(modal_networks(depth=(2, 6)))
three_layers = factorisations_of(modal_networks(depth=(3, 3), width=(2, 2), outputs=(2, 2)))


# -- bounds --


def top_triple(T: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """σ and vᵀΣv of the top singular triple of TΣ^{1/2}, through TFᵀ with FᵀF = Σ."""
    _, s, vt = np.linalg.svd((T if T.ndim == root.ndim else T[..., None, :]) @ transposed(root))
    v = vt[..., 0, :, None]
    return s[..., 0], (transposed(v) @ root @ transposed(root) @ v)[..., 0, 0]


def least(sigma: np.ndarray, m: int, curvature: np.ndarray | float = 1.0, exponent: float = 2.0) -> np.ndarray:
    """2 m (vᵀΣv)^(1/m) σ^(2-2/m)."""
    return 2 * m * curvature ** (1 / m) * sigma ** (exponent - 2 / m)


def pair_sums(gains: np.ndarray) -> np.ndarray:
    """Σ_k Π_{l<k} g_{l,i}² Π_{l>k} g_{l,j}²: the spectrum of N, mode by mode; shape (..., r, r)."""
    squares, m = gains**2, gains.shape[-2]
    before = [squares[..., :k, :].prod(axis=-2) for k in range(m)]
    after = [squares[..., k + 1 :, :].prod(axis=-2) for k in range(m)]
    return sum(b[..., :, None] * a[..., None, :] for b, a in zip(before, after, strict=True))


# -- hypotheses --


def flattened(f: Factorisation) -> Factorisation:
    """Σ = I, equal gains of the strongest mode, and the others scaled by the part `fill` of what flatness allows them."""
    gains, m = f.network.balanced().gains, f.network.depth
    top = int(np.argmax(np.abs(f.network.mode_values)))
    if gains[1, top] == 0.0:
        gains[:, top] = 1.0
    others = f.network.gains * gains[1, top]

    def scaled(t):
        return np.where(np.arange(gains.shape[-1]) == top, gains, np.asarray(t)[..., None, None] * others)

    low, high = 0.0, 4.0
    for _ in range(4):
        grid = np.linspace(low, high, 33)
        fits = pair_sums(scaled(grid)).max(axis=(-2, -1)) <= m * gains[1, top] ** (2 * m - 2)
        low, high = grid[fits].max(initial=low), grid[~fits].min(initial=high)
    return Factorisation(replace(f.network, gains=scaled(f.fill * low)), 1.0, f.fill)


def values(f: Factorisation) -> np.ndarray:
    """σ = σ_max(T)."""
    return np.abs(f.network.mode_values).max(axis=-1)


def unit_covariance(objective: tc.Objective) -> bool:
    """Whether Σ = I."""
    return bool(np.allclose(objective.data.covariance, np.eye(objective.data.inputs), rtol=0, atol=1e-12))


whitened = tc.Premise("whitened", "Σ = I", lambda f: unit_covariance(f.objective), enforce=DeepLinearFit.whitened)
at_minimiser = tc.Premise(
    "at_minimiser",
    "X W(θ)ᵀ = X Tᵀ",
    lambda f: tc.equal("X W(θ)ᵀ = X Tᵀ", tc.predictions(f.objective, f.theta), f.data.predictions(f.data.least_squares)),
    enforce=DeepLinearFit.solved_here,
)
unstretched = tc.Premise("whitened", "Σ = I", lambda f: f.stretch == 1.0, enforce=lambda f: replace(f, stretch=1.0))
balanced = tc.Premise(
    "balanced",
    "every mode has gains of one size",
    lambda f: tc.equal("|g_k| = |g_1|", np.abs(f.network.gains), np.abs(f.network.balanced().gains)),
    enforce=lambda f: replace(f, network=f.network.balanced()),
)
flattest = tc.Premise(
    "flattest",
    "S = 2 m σ^(2-2/m), Σ = I",
    lambda f: tc.equal("S = 2 m σ^(2-2/m)", tc.sharpness(f.objective, f.network.theta), least(values(f), f.network.depth)),
    enforce=flattened,
)
nonzero = tc.Premise("target_nonzero", "T ≠ 0", lambda f: bool(values(f) > 0))
identity_start = tc.Premise("zero_residuals", "W_k(0) = I", lambda s: s.size == 0.0, enforce=lambda s: replace(s, size=0.0))


def comes_to_fit(s: ResidualStart) -> bool:
    """Whether a coarse run reaches a small risk; so slow ones as have not by t = 30 are left out."""
    run = tc.follow(s.objective, tc.GradientFlow(accuracy=1e-4), s.theta, tc.Stop(time=30.0, gradient_norm=1e-5))
    return run.ending.item() is tc.Ending.GRADIENT_SMALL and float(tc.risk(s.objective, run.final)) < 1e-8


converges = tc.Premise("converges", "the flow tends to a global minimiser", comes_to_fit)


# -- claims --


def whitened_bound(f: DeepLinearFit, precision: tc.Precision, factor=1.0, exponent=2.0, power=1.0, norm=None) -> tc.Comparison:
    """S ≥ 2 m σ^(2-2/m), or with another factor, exponent, power of m or norm of T."""
    T = f.data.least_squares
    T = T if f.data.several_outputs else T[..., None, :]
    sigma = np.linalg.norm(T, 2 if norm is None else norm, axis=(-2, -1))
    bound = factor * f.depth ** (power - 1) * least(sigma, f.depth, exponent=exponent)
    return tc.at_least("S ≥ 2 m σ^(2-2/m)", tc.sharpness(f.objective, f.theta, precision), bound)


def half_loss(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The bound of c = 1 for the halved loss: false."""
    half = tc.Objective(f.model, tc.SquaredLoss(0.5), f.data)
    return replace(whitened_bound(f, precision), left=tc.sharpness(half, f.theta, precision))


def general_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m)."""
    sigma, along = top_triple(f.data.least_squares, f.root)
    bound = factor * least(sigma, f.depth, along)
    return tc.at_least("S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m)", tc.sharpness(f.objective, f.theta, precision), bound)


def balanced_value(f: Factorisation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S = 2 m σ^(2-2/m)."""
    return tc.equal("S = 2 m σ^(2-2/m)", tc.sharpness(f.objective, f.network.theta, precision), factor * least(values(f), f.network.depth))


def balanced_is_flatter(f: Factorisation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S of the given gains is at least that of the balanced ones with the same product."""
    here, there = (tc.sharpness(f.objective, n.theta, precision) for n in (f.network, f.network.balanced()))
    return tc.at_least("S(gains) ≥ S(balanced)", here, factor * there)


def path(f: Factorisation) -> tuple[list[np.ndarray], np.ndarray]:
    """h_0, ..., h_m from a top right singular vector of the product (of every tied one the first), and σ^(1/m)."""
    top = np.argmax(np.abs(f.network.mode_values), axis=-1)
    h = [np.take_along_axis(f.network.rotations[0], np.expand_dims(top, (-2, -1)), axis=-1)]
    for W in f.network.layers:
        step = W @ h[-1]
        h.append(step / np.linalg.norm(step, axis=-2, keepdims=True))
    return h, values(f)[..., None, None] ** (1 / f.network.depth)


def gains_claim(f: Factorisation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """W_k h_{k-1} = σ^(1/m) h_k and W_kᵀ h_k = σ^(1/m) h_{k-1} for every k."""
    h, gain = path(f)
    scale = max(float(np.abs(W).max()) for W in f.network.layers)
    there = np.concatenate([W @ a for W, a in zip(f.network.layers, h[:-1], strict=True)], axis=-2)
    back = np.concatenate([transposed(W) @ b for W, b in zip(f.network.layers, h[1:], strict=True)], axis=-2)
    return tc.all_of(
        tc.equal("W_k h_{k-1} = σ^(1/m) h_k", there, factor * gain * np.concatenate(h[1:], axis=-2), scale=scale),
        tc.equal("W_kᵀ h_k = σ^(1/m) h_{k-1}", back, factor * gain * np.concatenate(h[:-1], axis=-2), scale=scale),
    )


def flattest_is_balanced(f: Factorisation, precision: tc.Precision) -> tc.Comparison:
    """Flattest minimisers are balanced: false, only the strongest mode must be."""
    return tc.equal("|g_k| = |g_1|", np.abs(f.network.gains), np.abs(f.network.balanced().gains))


def gain_is_top(f: Factorisation, precision: tc.Precision) -> tc.Comparison:
    """σ^(1/m) is the largest singular value of every layer: false."""
    return tc.equal("|W_k| = σ^(1/m)", np.abs(f.network.gains).max(axis=-1), np.broadcast_to(path(f)[1][..., 0], f.network.gains.shape[:-1]))


def partial_norms(f: Factorisation, precision: tc.Precision, factor: float = 1.0, ends: int = 1, inner: int = 0) -> tc.Comparison:
    """|A_k||B_k| ≤ factor √(m - inner) σ^(1-1/m), with √(m - ends) for the first and the last k."""
    m = f.network.depth
    norms = [
        np.linalg.norm(A, 2, axis=(-2, -1)) * np.linalg.norm(B, 2, axis=(-2, -1))
        for A, B in zip(above(f.network.layers), below(f.network.layers), strict=True)
    ]
    constants = np.sqrt([m - (ends if k in (0, m - 1) else inner) for k in range(m)])
    return tc.at_most("|A_k||B_k| ≤ √m σ^(1-1/m)", np.stack(norms, axis=-1), factor * constants * values(f)[..., None] ** (1 - 1 / m))


def flow_ends_flattest(s: ResidualStart, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S at the end of the flow; what is left of the way to the fit goes into the bar, which is infinite where the flow goes on."""
    m, objective = s.depth, s.objective
    until = tc.Stop(time=60.0, gradient_norm=1e-10)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-10), s.theta, until, record=(tc.sharpness, tc.risk))
    sigma, along = top_triple(s.target, objective.data.factor)
    left = np.sqrt(np.abs(run.records[tc.risk].value[..., -1]))
    seen = run.records[tc.sharpness][..., -1]
    bar = 6 * m * np.maximum(1, sigma) * np.where(left < 1e-3, left, 0.0)  # |S - S_T| ≤ 6 m max(1, σ) |W - T| while balanced
    bar = np.where(run.ended(tc.Ending.GRADIENT_SMALL), bar, np.inf)
    return tc.equal("S(W^∞) = 2 m σ^(2-2/m)", tc.Measured(seen.value, seen.error + bar), factor * least(sigma, m, along))


# -- what algebra settles --


def means() -> tuple[tc.Inequality, ...]:
    """σ² Σ r_k ≥ m σ^(2-2/m) for positive ratios r_k = |A_kᵀu|²/|A_{k-1}ᵀu|² whose product is 1/σ²; m = 2, 3, 4."""
    found = []
    for m in (2, 3, 4):
        sigma, *r = sp.symbols(f"sigma r_2:{m + 1}", positive=True)
        terms = (*(sigma**2 * x for x in r), 1 / sp.Mul(*r))
        bound = m * sigma ** (2 - sp.Rational(2, m))
        found.append(tc.Inequality(bound, sp.Add(*terms), by=tc.ArithmeticGeometric(terms, factor=sp.Integer(m))))
    return tuple(found)


sharpness_ge_of_whitened_minimiser = tc.Theorem(
    "sharpness_ge_of_whitened_minimiser",
    paper,
    fits,
    (whitened, at_minimiser),
    whitened_bound,
    r"S(\theta) \ge 2 m \, \sigma_{\max}(T)^{2-2/m}",
    identities=means(),
    tight=True,
    stacked=True,
)
sharpness_ge_of_minimiser = tc.Theorem(
    "sharpness_ge_of_minimiser",
    paper,
    fits,
    (at_minimiser,),
    general_bound,
    r"S(\theta) \ge 2 m \, (v^\top \Sigma v)^{1/m} \sigma_{\max}(T \Sigma^{1/2})^{2-2/m}",
    identities=(tc.chains.matrix_outputs.minimal_sharpness,),
    tight=True,
    stacked=True,
)
sharpness_eq_least_of_balanced = tc.Theorem(
    "sharpness_eq_least_of_balanced", paper, factorisations, (unstretched, balanced), balanced_value, r"S = 2 m \, \sigma^{2-2/m}", stacked=True
)
sharpness_ge_balanced_of_whitened = tc.Theorem(
    "sharpness_ge_balanced_of_whitened",
    paper,
    factorisations,
    (unstretched,),
    balanced_is_flatter,
    r"S(g) \ge S(|\Pi_k g_k|^{1/m})",
    tight=True,
    stacked=True,
)
gains_of_flattest = tc.Theorem(
    "gains_of_flattest",
    coupling,
    factorisations,
    (flattest, nonzero),
    gains_claim,
    r"W_k h_{k-1} = \sigma^{1/m} h_k, \quad W_k^\top h_k = \sigma^{1/m} h_{k-1}",
)
partial_products_le_of_flattest = tc.Theorem(
    "partial_products_le_of_flattest",
    coupling,
    factorisations,
    (flattest, nonzero),
    partial_norms,
    r"|A_k| |B_k| \le \sqrt{m} \, \sigma^{1-1/m}, \quad |A_1|, |B_m| \le \sqrt{m-1} \, \sigma^{1-1/m}",
    tight=True,
    stacked=True,
)
flow_from_identity_is_flattest = tc.Theorem(
    "flow_from_identity_is_flattest",
    residual,
    residual_starts(),
    (unstretched, identity_start, converges),
    flow_ends_flattest,
    r"S(W^\infty) = 2 m \, \sigma^{2-2/m}",
    stacked=True,
)

THEOREMS = (
    sharpness_ge_of_whitened_minimiser,
    sharpness_ge_of_minimiser,
    sharpness_eq_least_of_balanced,
    sharpness_ge_balanced_of_whitened,
    gains_of_flattest,
    partial_products_le_of_flattest,
    flow_from_identity_is_flattest,
)
FALSE = (
    sharpness_ge_of_whitened_minimiser.without(whitened),
    sharpness_ge_of_whitened_minimiser.without(at_minimiser),
    sharpness_ge_of_whitened_minimiser.claiming("factor_1_0002", partial(whitened_bound, factor=1.0002)),
    sharpness_ge_of_whitened_minimiser.claiming("exponent_2_01", partial(whitened_bound, exponent=2.01)),
    sharpness_ge_of_whitened_minimiser.claiming("exponent_2_minus_1_over_m", lambda f, p: whitened_bound(f, p, exponent=2 + 1 / f.depth)),
    sharpness_ge_of_whitened_minimiser.claiming("m_squared", partial(whitened_bound, power=2.0)),
    sharpness_ge_of_whitened_minimiser.claiming("frobenius_norm", partial(whitened_bound, norm="fro")),
    sharpness_ge_of_whitened_minimiser.claiming("nuclear_norm", partial(whitened_bound, norm="nuc")),
    sharpness_ge_of_whitened_minimiser.claiming("half_loss", half_loss),
    sharpness_ge_of_minimiser.without(at_minimiser),
    sharpness_ge_of_minimiser.claiming("factor_1_0002", partial(general_bound, factor=1.0002)),
    sharpness_eq_least_of_balanced.without(unstretched),
    sharpness_eq_least_of_balanced.without(balanced),
    sharpness_eq_least_of_balanced.claiming("factor_1_0002", partial(balanced_value, factor=1.0002)),
    sharpness_ge_balanced_of_whitened.without(unstretched),
    sharpness_ge_balanced_of_whitened.claiming("factor_1_0002", partial(balanced_is_flatter, factor=1.0002)),
    gains_of_flattest.without(flattest),
    gains_of_flattest.claiming("gain_1_0002", partial(gains_claim, factor=1.0002)),
    gains_of_flattest.claiming("balanced", flattest_is_balanced),
    gains_of_flattest.claiming("largest_singular_value", gain_is_top),
    partial_products_le_of_flattest.without(flattest),
    replace(partial_products_le_of_flattest.claiming("inner_root_of_m_minus_1", partial(partial_norms, inner=1)), ambient=three_layers),
    partial_products_le_of_flattest.claiming("factor_0_98", partial(partial_norms, factor=0.98)),
    flow_from_identity_is_flattest.without(unstretched),
    flow_from_identity_is_flattest.without(identity_start),
    flow_from_identity_is_flattest.without(converges),
    flow_from_identity_is_flattest.claiming("factor_1_0002", partial(flow_ends_flattest, factor=1.0002)),
)
FINDINGS = (
    tc.Finding(
        "flattest minimisers need not be balanced",
        "equal gains are forced on the strongest mode only, and σ^(1/m) is not the largest singular value of a layer: both refuted "
        "(:balanced, :largest_singular_value); the catalogue's T = [[2, .5], [0, 1]], m = 3 has a layer of norm 1.4818 > σ^(1/3) = 1.2764",
        "theorycheck check mulayoff_michaeli_2020/gains_of_flattest",
    ),
    tc.Finding(
        "the gains need no simple top singular value",
        "gains_of_flattest is corroborated with tied top values among the instances: the equality case holds along every top pair",
        "theorycheck check mulayoff_michaeli_2020/gains_of_flattest",
    ),
    tc.Finding(
        "for the first and the last layer |A_k||B_k| ≤ √m σ^(1-1/m) holds with √(m-1), and √m is exact in between",
        "take the singular vector v (or u) on the free side: one term of the sum is σ^(2-2/m) already; :inner_root_of_m_minus_1 is refuted",
        "theorycheck check mulayoff_michaeli_2020/partial_products_le_of_flattest",
    ),
)
