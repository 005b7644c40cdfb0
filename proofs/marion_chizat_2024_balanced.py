r"""Balanced minimisers of deep linear regression (Marion & Chizat 2024, arXiv:2405.13456): an upper bound on the least sharpness.

The lower bounds, and the exact least sharpness S_min, are in `marion_chizat_2024`.

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n with largest eigenvalue Λ; w* the
             least-squares solution of least norm, z = Σ^{1/2} w*, a = w*ᵀΣw*/|w*|²; S = λ_max(∇²R), S_bal its value at balanced
             minimisers, S_min the least.
Convention   1/n without 1/2 (c = 1); with 1/(2n) every sharpness here halves.
Results      least_sharpness_le                 S_min ≤ 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²) (published), through the balanced value
             sharpness_eq_balanced_of_balanced  balanced minimisers have the sharpness S_bal
             balanced_gap_closes                S_bal / (2 L |w*|^(2-2/L) a) ≤ (L-1)/L + Λ/(La)
             least_sharpness_eq_of_top_target   all of them agree when w* is a top eigenvector of Σ
             The balanced value and its consequences are in the form derived in the project's catalogue; the two-sided bound is the
             paper's (its square root in the form reconstructed there).
Not covered  Several outputs: `mulayoff_michaeli_2020`.
"""

from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.instances.flat_minima import balanced_sharpness, curvature_along_target, least_sharpness, top_curvature
from theorycheck.instances.flat_minima import flat_bound as lower
from theorycheck.instances.flat_minima import target_scale as scale

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="minimal sharpness")
deep_fits = deep_linear_fits(depth=(2, 12), width=(1, 2), dim=(1, 6), samples=(1, 18))


# -- bounds --


def upper(f: DeepLinearFit) -> tc.Measured:
    """Published upper bound 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²)."""
    return 2 * scale(f) * np.sqrt((2 * f.depth - 1) * top_curvature(f) ** 2 + ((f.depth - 1) * curvature_along_target(f)) ** 2)


# -- hypotheses --


def balanced(f: DeepLinearFit) -> DeepLinearFit | None:
    """The aligned network with equal gains |w*|^(1/L): balanced, and a minimiser."""
    return f.aligned([float(np.linalg.norm(f.w_star)) ** (1 / f.depth)] * f.depth) if f.data.has_signal else None


def grams_of_neighbours(f: DeepLinearFit) -> tc.Comparison:
    """W_{j+1}ᵀW_{j+1} = W_jW_jᵀ for every j."""
    left = [W.T @ W for W in f.layers[1:]]
    right = [W @ W.T for W in f.layers[:-1]]
    return tc.equal("W_{j+1}ᵀW_{j+1} = W_jW_jᵀ", np.concatenate([m.ravel() for m in left]), np.concatenate([m.ravel() for m in right]))


def onto_top_target(f: DeepLinearFit) -> DeepLinearFit | None:
    """The same inputs, with the targets of |w*| times a top eigenvector of Σ."""
    return f.retargeted(np.linalg.norm(f.w_star) * np.linalg.eigh(f.covariance)[1][:, -1]) if f.data.has_signal else None


def along_top(f: DeepLinearFit) -> tc.Comparison:
    """Σw* = Λw*."""
    return tc.equal("Σw* = Λw*", f.covariance @ f.w_star, top_curvature(f) * f.w_star)


def same_predictions(f: DeepLinearFit) -> tc.Comparison:
    """θ fits the data as well as any w can."""
    return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
at_minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", same_predictions, enforce=DeepLinearFit.moved_onto_minimisers)
at_balanced = tc.Premise("balanced", "W_{j+1}ᵀW_{j+1} = W_jW_jᵀ", grams_of_neighbours)
top_target = tc.Premise("top_target", "Σw* = Λw*", along_top, enforce=onto_top_target)


# -- claims --


def chain(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S_min ≤ S_bal ≤ 2|w*|^(2-2/L)(Λ + (L-1)a) ≤ factor x the published upper bound."""
    least, middle, top = least_sharpness(f)[1], balanced_sharpness(f), upper(f)
    sum_bound = 2 * scale(f) * (top_curvature(f) + (f.depth - 1) * curvature_along_target(f))
    return tc.all_of(
        tc.at_most("S_min ≤ S_bal", least, middle),
        tc.at_most("S_bal ≤ 2|w*|^(2-2/L)(Λ + (L-1)a)", middle, sum_bound),
        tc.at_most("2|w*|^(2-2/L)(Λ + (L-1)a) ≤ 2|w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²)", sum_bound, factor * top),
    )


def least_at_least_top(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min ≥ 2 L Λ |w*|^(2-2/L): false, the curvature that counts is the one along w*."""
    return tc.at_least("S_min ≥ 2 L Λ |w*|^(2-2/L)", least_sharpness(f)[1], 2 * f.depth * scale(f) * top_curvature(f))


def least_at_most_lower(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min ≤ 2 L |w*|^(2-2/L) a: false, the published lower bound is not attained in general."""
    return tc.at_most("S_min ≤ 2 L |w*|^(2-2/L) a", least_sharpness(f)[1], lower(f))


def balanced_value(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S = factor S_bal."""
    return tc.equal("S = S_bal", tc.sharpness(f.objective, f.theta, precision), factor * balanced_sharpness(f))


def gap_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S_bal / lower ≤ factor ((L-1)/L + Λ/(La))."""
    bound = (f.depth - 1) / f.depth + top_curvature(f) / (f.depth * curvature_along_target(f))
    return tc.at_most("S_bal / (2 L |w*|^(2-2/L) a) ≤ (L-1)/L + Λ/(La)", balanced_sharpness(f) / lower(f), factor * bound)


def all_agree(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min = S_bal = 2 L Λ |w*|^(2-2/L)."""
    value = 2 * f.depth * scale(f) * top_curvature(f)
    least, middle = least_sharpness(f)[1], balanced_sharpness(f)
    return tc.all_of(tc.equal("S_min = 2 L Λ |w*|^(2-2/L)", least, value), tc.equal("S_bal = 2 L Λ |w*|^(2-2/L)", middle, value))


# -- the theorems --

exact_sharpness, flat_minima = tc.chains.exact_sharpness, tc.chains.flat_minima
of_targets = (paper, deep_fits, (target_nonzero,))
least_sharpness_le = tc.Theorem(
    "least_sharpness_le",
    *of_targets,
    chain,
    r"S_{\min} \le S_{\mathrm{bal}} \le 2 |w^*|^{2-2/L} (\Lambda + (L-1) a) \le 2 |w^*|^{2-2/L} \sqrt{(2L-1) \Lambda^2 + (L-1)^2 a^2}",
    tight=True,
    identities=(exact_sharpness.balanced, exact_sharpness.upper),
)
sharpness_eq_balanced_of_balanced = tc.Theorem(
    "sharpness_eq_balanced_of_balanced",
    paper,
    deep_fits,
    (target_nonzero, at_minimiser, at_balanced),
    balanced_value,
    r"S = 2 |w^*|^{2-2/L} \lambda_{\max}\left(\Sigma + (L-1) z z^\top / |w^*|^2\right)",
    enforce=balanced,
    identities=(exact_sharpness.balanced,),
)
balanced_gap_closes = tc.Theorem(
    "balanced_gap_closes",
    *of_targets,
    gap_bound,
    r"S_{\mathrm{bal}} / (2 L |w^*|^{2-2/L} a) \le (L-1)/L + \Lambda / (L a)",
    tight=True,
    identities=(exact_sharpness.gap_sum,),
)
least_sharpness_eq_of_top_target = tc.Theorem(
    "least_sharpness_eq_of_top_target",
    paper,
    deep_fits,
    (target_nonzero, top_target),
    all_agree,
    r"S_{\min} = S_{\mathrm{bal}} = 2 L \Lambda |w^*|^{2-2/L}",
    identities=(flat_minima.top_target, exact_sharpness.top_balanced),
)

THEOREMS = (least_sharpness_le, sharpness_eq_balanced_of_balanced, balanced_gap_closes, least_sharpness_eq_of_top_target)
FALSE = (
    least_sharpness_le.claiming("at_least_top_curvature", least_at_least_top),
    least_sharpness_le.claiming("at_most_lower_bound", least_at_most_lower),
    least_sharpness_le.claiming("factor_0_98", partial(chain, factor=0.98)),
    sharpness_eq_balanced_of_balanced.without(at_balanced),
    sharpness_eq_balanced_of_balanced.without(at_minimiser, enforce=lambda f: f.aligned([1.0] * f.depth) if f.data.has_signal else None),
    sharpness_eq_balanced_of_balanced.claiming("factor_1_0002", partial(balanced_value, factor=1.0002)),
    balanced_gap_closes.claiming("factor_0_98", partial(gap_bound, factor=0.98)),
    least_sharpness_eq_of_top_target.without(top_target),
)
