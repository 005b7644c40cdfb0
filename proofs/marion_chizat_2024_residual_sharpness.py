r"""The sharpness of residual networks at identity starts (Marion & Chizat 2024, arXiv:2405.13456, theorem 3).

That the flow stays close to the identity, and fits, is in `marion_chizat_2024_residual`.

Setting      w(V) = W_1ᵀ ... W_Lᵀ p with p fixed, W_k = I + V_k, gradient flow of R = |X w - y|²/n from V = 0; Σ = XᵀX/n with eigenvalues
             λ ≤ ... ≤ Λ (λ the least that is not 0), Δ = R - R_min, S = λ_max(∇²R), S^∞ at the limit, S_min(p) its least value over
             minimisers; a = w*ᵀΣw*/|w*|²; κ = (1-δ/L)^(2L-2), κ' = (1+δ/L)^(2L-2), 0 < δ < 1.
Convention   1/n without 1/2 (c = 1): with 1/(2n) the sharpness halves. p = |p|e_1: the data may be turned instead.
Results      residual_sharpness_between        Δ(0) ≤ δ²e^(-2δ)κ²λ²|p|²/Λ: S_min(p) ≤ S^∞ ≤ 2 L Λ |p|² κ'
             residual_sharpness_ge_least       S ≥ S_min(p) ≥ 2 L a |w*|^(2-2/L) |p|^(2/L) at every minimiser with p frozen
             The theorem with its constants is in the form derived in the project's catalogue.
Not covered  Gaussian residual starts: the published constants C_1 ... C_7 are hidden in the statement.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances.flat_minima import flat_bound, least_sharpness_of_each, top_curvature
from theorycheck.instances.residual_networks import Residual, closeness, drawn_near, kappa, residuals_of

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="theorem 3")
lines = residuals_of((1,))


# -- hypotheses --


def solved(r: Residual) -> Residual:
    """The same network with V a minimiser: the target is what V computes."""
    return replace(r, offset=r.objective.model.w(r.V) - r.p)


close = tc.Premise("close_target", "Δ(0) ≤ δ² e^(-2δ) κ² λ² |p|²/Λ", lambda r: tc.at_most("Δ(0)", r.excess, closeness(r)), enforce=drawn_near)
fitted_target = tc.Premise("fitted_target", "w* ≠ 0, Σ ≠ 0", lambda r: bool(np.any(r.X) and r.objective.data.has_signal))
visible = tc.Premise("visible_target", "w(V) ≠ 0, Σ w(V) ≠ 0", lambda r: bool(np.any(r.X)) and bool(solved(r).objective.data.has_signal))


# -- claims --


def sharpness_between(r: Residual, precision: tc.Precision, low: float = 1.0, high: float = 1.0, flat: bool = False) -> tc.Comparison:
    """low S_min(p) ≤ S^∞ ≤ high 2 L Λ |p|² κ'; `flat`: with κ' = 1. Seen after 24 units of time; what is left of √Δ is in the bar."""
    records = r.trained((tc.sharpness, tc.risk), (24.0,))[1].records
    seen, left = records[tc.sharpness][..., -1], records[tc.risk][..., -1]
    rest = 8 * r.depth * seen.value * np.sqrt((np.abs(left.value) + left.error) / r.size)
    seen = tc.Measured(seen.value, seen.error + rest)
    upper = 2 * r.depth * top_curvature(r) * r.size * (1.0 if flat else kappa(r, 1.0))
    return tc.all_of(
        tc.at_least("S^∞ ≥ S_min(p)", seen, low * least_sharpness_of_each(r, float(r.size))),
        tc.at_most("S^∞ ≤ 2 L Λ |p|² κ'", seen, high * upper),
    )


def residual_least(r: Residual, precision: tc.Precision, factor: float = 1.0, gain: float = 1.0, low: float = 1.0) -> tc.Comparison:
    """S ≥ factor S_min(p) at V, and S_min(p) ≥ low 2 L a |w*|^(2-2/L) |p|^(2/L); `gain`: |p|² multiplied."""
    s = solved(r)
    least = least_sharpness_of_each(s, gain * r.size)
    return tc.all_of(
        tc.at_least("S ≥ S_min(p)", tc.sharpness(s.objective, s.V, precision), factor * least),
        tc.at_least("S_min(p) ≥ 2 L a |w*|^(2-2/L) |p|^(2/L)", least, low * flat_bound(s) * (gain * r.size) ** (1 / r.depth)),
    )


# -- the theorems --

residual_sharpness_between = tc.Theorem(
    "residual_sharpness_between",
    paper,
    residuals_of((*(2,) * 23, 1)),
    (fitted_target, close),
    sharpness_between,
    r"S_{\min}(p) \le S^\infty \le 2 L \Lambda |p|^2 \kappa'",
    tight=True,
    stacked=True,
)
residual_sharpness_ge_least = tc.Theorem(
    "residual_sharpness_ge_least",
    paper,
    residuals_of((1, 2, 2, 2), points=True),
    (visible,),
    residual_least,
    r"S \ge \min_{t>0} 2 \lambda_{\max}(t\Sigma + (L-1)(|p|^2/t)^{1/(L-1)} z z^\top) \ge 2 L a |w^*|^{2-2/L} |p|^{2/L}",
    tight=True,
    stacked=True,
)

THEOREMS = (residual_sharpness_between, residual_sharpness_ge_least)
FALSE = (
    replace(residual_sharpness_between.without(close), ambient=lines),
    replace(residual_sharpness_between.claiming("without_kappa", partial(sharpness_between, flat=True)), ambient=lines),
    replace(residual_sharpness_between.claiming("low_1_01", partial(sharpness_between, low=1.01)), ambient=lines),
    residual_sharpness_between.claiming("high_0_98", partial(sharpness_between, high=0.98)),
    residual_sharpness_ge_least.claiming("factor_1_01", partial(residual_least, factor=1.01)),
    residual_sharpness_ge_least.claiming("low_1_01", partial(residual_least, low=1.01)),
    residual_sharpness_ge_least.claiming("output_of_length_1", partial(residual_least, gain=4.0)),
)
