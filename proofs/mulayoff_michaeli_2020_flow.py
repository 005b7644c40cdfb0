r"""Gradient flow from the identity ends at a flattest minimum (Mulayoff & Michaeli 2020, arXiv:2002.04710).

The least sharpness itself is in `mulayoff_michaeli_2020`.

Setting      W = W_m ... W_1 with square layers, gradient flow of R(θ) = |Y - XWᵀ|²/n with Y = XTᵀ, Σ = XᵀX/n, from W_k = I;
             σ = σ_max(T), S = λ_max(∇²R), W^∞ the limit; whitened: Σ = I.
Convention   c = 1, without 1/2, as in the paper; with 1/2 every sharpness halves.
Results      flow_from_identity_is_flattest         gradient flow from W_k = I that fits T ends at a flattest point, if Σ = I
Not covered  Targets that the flow does not reach from the identity, and those it reaches later than t = 30; nonlinear networks.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import ResidualStart, residual_starts
from theorycheck.instances.flat_minima import flat_bound_of_outputs as least
from theorycheck.instances.flat_minima import top_triple

residual = tc.Source("Mulayoff & Michaeli", 2020, arxiv="2002.04710", item="residual networks started at zero")


# -- hypotheses --


def comes_to_fit(s: ResidualStart) -> bool:
    """Whether a coarse run reaches a small risk; so slow ones as have not by t = 30 are left out."""
    run = tc.follow(s.objective, tc.GradientFlow(accuracy=1e-4), s.theta, tc.Stop(time=30.0, gradient_norm=1e-5))
    return run.ending.item() is tc.Ending.GRADIENT_SMALL and float(tc.risk(s.objective, run.final)) < 1e-8


unstretched = tc.Premise("whitened", "Σ = I", lambda f: f.stretch == 1.0, enforce=lambda f: replace(f, stretch=1.0))
identity_start = tc.Premise("zero_residuals", "W_k(0) = I", lambda s: s.size == 0.0, enforce=lambda s: replace(s, size=0.0))
converges = tc.Premise("converges", "the flow tends to a global minimiser", comes_to_fit)


# -- claims --


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


# -- the theorem --

flow_from_identity_is_flattest = tc.Theorem(
    "flow_from_identity_is_flattest",
    residual,
    residual_starts(),
    (unstretched, identity_start, converges),
    flow_ends_flattest,
    r"S(W^\infty) = 2 m \, \sigma^{2-2/m}",
    stacked=True,
)

THEOREMS = (flow_from_identity_is_flattest,)
FALSE = (
    flow_from_identity_is_flattest.without(unstretched),
    flow_from_identity_is_flattest.without(identity_start),
    flow_from_identity_is_flattest.without(converges),
    flow_from_identity_is_flattest.claiming("factor_1_0002", partial(flow_ends_flattest, factor=1.0002)),
)
