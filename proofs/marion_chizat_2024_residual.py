r"""Residual networks at identity starts (Marion & Chizat 2024, arXiv:2405.13456, theorem 3): the flow stays close and fits.

The paper's minimal sharpness is in `marion_chizat_2024`, the sharpness of theorem 3 in `marion_chizat_2024_residual_sharpness`; this file
holds theorem 3 in an explicit form.

Setting      w(V) = W_1ᵀ ... W_Lᵀ p with p fixed, W_k = I + V_k, gradient flow of R = |X w - y|²/n from V = 0; Σ = XᵀX/n with eigenvalues
             λ ≤ ... ≤ Λ (λ the least that is not 0), Δ = R - R_min; κ = (1-δ/L)^(2L-2), 0 < δ < 1.
Convention   1/n without 1/2 (c = 1): with 1/(2n) rates halve. p = |p|e_1: the data may be turned instead.
Results      residual_stays_close              Δ(0) ≤ δ²e^(-2δ)κ²λ²|p|²/Λ: |W_k(t) - I|_F ≤ δ/L
             residual_excess_decays            ... and Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t)
             residual_stays_close_of_integral  the same ball of targets up to three times as far (and more for large δ)
             The theorem with its constants is in the form derived in the project's catalogue; the integral is derived here.
Not covered  Gaussian residual starts: the published constants C_1 ... C_7 are hidden in the statement.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.residual_networks import Residual, closeness, drawn_near, kappa, largest_curvature, least_curvature, residuals_of

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="theorem 3")
residuals, lines = residuals_of((1, 2, 2, 2)), residuals_of((1,))


# -- bounds --


def integral_closeness(r: Residual) -> np.ndarray:
    """(∫_0^δ (1-x/L)^(2L-2) (1+x/L)^(1-L) dx)² λ² |p|²/Λ, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = np.asarray(r.delta)[..., None] * (nodes + 1) / 2
    integrand = (1 - x / r.depth) ** (2 * r.depth - 2) * (1 + x / r.depth) ** (1 - r.depth)
    reach = np.asarray(r.delta) / 2 * (integrand @ weights) * least_curvature(r)
    return reach**2 * r.size / largest_curvature(r)


# -- hypotheses --

close = tc.Premise("close_target", "Δ(0) ≤ δ² e^(-2δ) κ² λ² |p|²/Λ", lambda r: tc.at_most("Δ(0)", r.excess, closeness(r)), enforce=drawn_near)
near = tc.Premise(
    "near_target",
    "Δ(0) ≤ (∫_0^δ ...)² λ² |p|²/Λ",
    lambda r: tc.at_most("Δ(0)", r.excess, integral_closeness(r)),
    enforce=partial(drawn_near, bound=integral_closeness),
)
fitted_target = tc.Premise("fitted_target", "w* ≠ 0, Σ ≠ 0", lambda r: bool(np.any(r.X) and r.objective.data.has_signal))


# -- claims --


def largest_step(objective: tc.Objective, theta: np.ndarray, precision: tc.Precision | None = None) -> tc.Measured:
    """max |W_k - I|_F."""
    L, d = objective.model.depth, objective.model.dim
    return tc.Measured.of(np.sqrt(np.max(np.sum(theta.reshape(*theta.shape[:-1], L, d * d) ** 2, axis=-1), axis=-1)))


def stays_close(r: Residual, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|W_k(t) - I|_F ≤ factor δ/L."""
    seen = r.trained((largest_step,), (1.0, 16.0))[1].records[largest_step]
    return tc.at_most("|W_k(t) - I|_F ≤ δ/L", seen, np.multiply(factor / r.depth, r.delta)[..., None])


def excess_decays(r: Residual, precision: tc.Precision, factor: float = 1.0, flat: bool = False, curvature=least_curvature) -> tc.Comparison:
    """Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t); `flat`: with κ = 1, `curvature`: with another number for λ."""
    times, run = r.trained((tc.risk,))
    rate = factor * 4 * r.depth * (1.0 if flat else kappa(r)) * curvature(r) * r.size
    return tc.at_most("Δ(t) ≤ Δ(0) exp(-4 L κ λ |p|² t)", run.records[tc.risk], r.excess[..., None] * np.exp(-rate[..., None] * times))


# -- what algebra settles --


def reach() -> tc.Identity:
    """The way a residual layer can go in the limit of large depth."""
    x, delta = sp.symbols("x delta", positive=True)
    return tc.Identity(sp.integrate(sp.exp(-3 * x), (x, 0, delta)), (1 - sp.exp(-3 * delta)) / 3)


# -- the theorems --

residual_stays_close = tc.Theorem(
    "residual_stays_close",
    paper,
    residuals,
    (fitted_target, close),
    stays_close,
    r"|W_k(t) - I|_F \le \delta / L",
    stacked=True,
)
residual_excess_decays = tc.Theorem(
    "residual_excess_decays",
    paper,
    residuals,
    (fitted_target, close),
    excess_decays,
    r"\Delta(t) \le \Delta(0) e^{-4 L \kappa \lambda |p|^2 t}",
    stacked=True,
)
residual_stays_close_of_integral = tc.Theorem(
    "residual_stays_close_of_integral",
    paper,
    residuals,
    (fitted_target, near),
    stays_close,
    r"\sqrt{\Delta(0)\Lambda} \le \lambda |p| \int_0^\delta (1-x/L)^{2L-2} (1+x/L)^{1-L} dx \Rightarrow |W_k(t) - I|_F \le \delta/L",
    identities=(reach(),),
    stacked=True,
)

THEOREMS = (residual_stays_close, residual_excess_decays, residual_stays_close_of_integral)
FALSE = (
    residual_stays_close.without(close),
    residual_stays_close.claiming("factor_0_98", partial(stays_close, factor=0.98)),
    residual_excess_decays.without(close),
    replace(residual_excess_decays.claiming("without_kappa", partial(excess_decays, flat=True)), ambient=lines),
    replace(residual_excess_decays.claiming("factor_1_02", partial(excess_decays, factor=1.02)), ambient=lines),
    residual_excess_decays.claiming("with_top_curvature", partial(excess_decays, curvature=largest_curvature)),
    residual_stays_close_of_integral.without(near),
    residual_stays_close_of_integral.claiming("factor_0_98", partial(stays_close, factor=0.98)),
)
FINDINGS = (
    tc.Finding(
        "residual starts: targets three times as far (Δ(0), δ = 1/3, L → ∞) keep the layers in the same ball, and Σ may be singular",
        "closeness ((1 - e^(-3δ))/3)² = 0.0444 against δ²e^(-6δ) = 0.0150; λ is the least eigenvalue of Σ that is not 0",
        "theorycheck check marion_chizat_2024_residual/residual_stays_close_of_integral",
    ),
)
