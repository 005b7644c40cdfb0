r"""Small starts of deep linear networks (Marion & Chizat 2024, arXiv:2405.13456, theorem 2).

The paper's minimal sharpness is in `marion_chizat_2024`, the limit of small starts in `marion_chizat_2024_small_start_limit`; this file holds
theorem 2.

Setting      w(θ) = W_L ... W_1 with scalar output, gradient flow of R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n with eigenvalues λ ≤ ... ≤ Λ, w* the
             least-squares solution; D_k = W_{k+1}ᵀW_{k+1} - W_kW_kᵀ, conserved by the flow; S = λ_max(∇²R), S^∞ at the limit, S_min the
             least value at minimisers.
Convention   1/n without 1/2 (c = 1): with 1/(2n) rates and sharpness halve.
Results      fits_of_better_than_zero          R(θ_0) ≤ R(0), ∇R(θ_0) ≠ 0: the flow comes to rest at a global minimiser
             rank_one_and_aligned_of_flow      |W_k|_F² - |W_k|² ≤ ρ_k, |W_{k+1}|²(1 - <u_k, v_{k+1}>²) ≤ 2|D_k| + ρ_{k+1},
                                               ||W_k|² - |W_{k+1}|²| ≤ |D_k|, at every time
             sharpness_le_of_small_start       S^∞ ≤ 8 L Λ |w*|^(2-2/L), S^∞/S_min ≤ 4 Λ/λ (published)
             Rank-one and alignment are in the form derived in the project's catalogue.
Not covered  Several outputs, where layers need not come to rank one.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.instances.flat_minima import balanced_bound, least_sharpness_of_each
from theorycheck.instances.small_starts import limit_sharpness, starts, turned

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="theorem 2")
tiny = starts((2, 3), (1, 2), (2, 2), least=0.25)


# -- bounds --


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


# -- hypotheses --


def shrunk(f: DeepLinearFit) -> DeepLinearFit | None:
    """The start scaled until it is small."""
    largest = float(np.max(excesses(f) + 2 * padded(imbalances(f))))
    return f if largest == 0 else replace(f, theta=f.theta * min(1.0, np.sqrt(smallness(f) / largest)))


def smallness(f: DeepLinearFit) -> float:
    """|w*|^(2/L)/16."""
    return float(np.linalg.norm(f.w_star)) ** (2 / f.depth) / 16


def lopsided(draw):
    """Starts whose first layer is divided by 16 and whose last is multiplied: the same w, far from balanced."""
    f = draw(tiny)
    return f.at((f.layers[0] / 16, *f.layers[1:-1], 16 * f.layers[-1]))


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
better_than_zero = tc.Premise(
    "better_than_zero", "R(θ_0) ≤ R(0)", lambda f: bool(f.objective.risk(f.theta) <= f.objective.risk(0 * f.theta)), enforce=turned
)
not_critical = tc.Premise("not_critical", "∇R(θ_0) ≠ 0", lambda f: bool(np.any(f.objective.gradient(f.theta))))
one_output = tc.Premise("one_output", "d_L = 1", lambda f: f.widths[-1] == 1)
small = tc.Premise(
    "small",
    "ρ_k + 2|D_k| ≤ |w*|^(2/L)/16",
    lambda f: tc.at_most("ρ_k + 2|D_k|", excesses(f) + 2 * padded(imbalances(f)), smallness(f)),
    enforce=shrunk,
)


# -- claims --


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


def at_most_published(f: DeepLinearFit, precision: tc.Precision, factor: float = 4.0) -> tc.Comparison:
    """S^∞ ≤ factor x 2 L Λ |w*|^(2-2/L) and S^∞/S_min ≤ factor Λ/λ."""
    seen, values = limit_sharpness(f, np.ones(1))[0], np.linalg.eigvalsh(f.covariance)
    return tc.all_of(
        tc.at_most("S^∞ ≤ 8 L Λ |w*|^(2-2/L)", seen, factor * balanced_bound(f)),
        tc.at_most("S^∞/S_min ≤ 4 Λ/λ", seen / least_sharpness_of_each(f), factor * values[..., -1] / values[..., 0]),
    )


# -- the theorems --

fits_of_better_than_zero = tc.Theorem(
    "fits_of_better_than_zero",
    paper,
    starts((2, 4), (1, 2), (1, 2)),
    (target_nonzero, better_than_zero, not_critical),
    fits_in_the_end,
    r"R(\theta_0) \le R(0), \nabla R(\theta_0) \ne 0 \Rightarrow R(\theta(t)) \to R_{\min}",
    stacked=True,
)
rank_one_and_aligned_of_flow = tc.Theorem(
    "rank_one_and_aligned_of_flow",
    paper,
    starts((2, 6), outputs=(1, 2)),
    (one_output,),
    nearly_rank_one,
    r"|W_k|_F^2 - |W_k|^2 \le \rho_k, \; |W_{k+1}|^2 (1 - \langle u_k, v_{k+1} \rangle^2) \le 2 |D_k| + \rho_{k+1}",
    tight=True,
    stacked=True,
)
sharpness_le_of_small_start = tc.Theorem(
    "sharpness_le_of_small_start",
    paper,
    tiny,
    (target_nonzero, small, better_than_zero, not_critical),
    at_most_published,
    r"S^\infty \le 8 L \Lambda |w^*|^{2-2/L}, \quad S^\infty / S_{\min} \le 4 \Lambda / \lambda",
    identities=(tc.chains.exact_sharpness.balanced, tc.chains.exact_sharpness.gap_sum),
    stacked=True,
)

THEOREMS = (fits_of_better_than_zero, rank_one_and_aligned_of_flow, sharpness_le_of_small_start)
FALSE = (
    fits_of_better_than_zero.without(better_than_zero),
    fits_of_better_than_zero.without(not_critical),
    replace(rank_one_and_aligned_of_flow.without(one_output), ambient=starts((2, 2), (2, 2), (2, 2), (2, 2))),
    rank_one_and_aligned_of_flow.claiming("factor_0_98", partial(nearly_rank_one, factor=0.98)),
    replace(
        rank_one_and_aligned_of_flow.claiming("without_initial_norms", partial(nearly_rank_one, weight=0.0)), ambient=starts((2, 2), (3, 3), (3, 3))
    ),
    replace(rank_one_and_aligned_of_flow.claiming("one_imbalance", partial(nearly_rank_one, turn=1.0)), ambient=starts((2, 2), (2, 3), (2, 3))),
    rank_one_and_aligned_of_flow.claiming("after_descent", with_descent),
    replace(sharpness_le_of_small_start.without(small), ambient=tc.recipe(lopsided)),
    sharpness_le_of_small_start.claiming("constant_1_98", partial(at_most_published, factor=0.99)),
)
