r"""The linear phase of greedy low-rank learning with depth (Li, Luo & Lyu 2020, arXiv:2012.09839).

Two factors are in `li_luo_lyu_2020` and `li_luo_lyu_2020_rates`.

Setting      Balanced deep linear networks of depth L under the flow of -⟨C, W⟩, C with singular values μ_1 > μ_2 and the singular vectors
             of W; σ_i the singular values of W, σ_i(0) = α.
Convention   The loss -⟨C, W⟩ as it stands, the layers under its gradient flow.
Results      modes_of_linear_phase                depth L ≥ 3: σ_i^{-p} = α^{-p} - Lpμ_it, p = 1 - 2/L; L = 2: σ_i = αe^{2μ_it}
             second_mode_le_of_deep               at σ_1 = 1: σ_2 ≤ α(1 - μ_2/μ_1)^{-1/p}; for L = 2 σ_2 = α^{1-μ_2/μ_1}
             second_mode_tends_of_deep            ... which is the limit of σ_2/α as α → 0
             Closed forms are derived in the project's catalogue.
Not covered  The nonlinear phase of deep networks.
"""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import ModalNetwork, transposed
from theorycheck.instances.linear_phases import LinearPhase, linear_phases

paper = tc.Source("Li, Luo & Lyu", 2020, arxiv="2012.09839", item="greedy low-rank learning")


# -- bounds and flows --


def second_bound(p: LinearPhase) -> np.ndarray:
    """α(1 - μ_2/μ_1)^{-1/p}, for L ≥ 3."""
    return p.alpha * (1 - p.mu[..., 1] / p.mu[..., 0]) ** (-1 / (p.power or 1.0))


def linear_flow(p: LinearPhase) -> tc.Measured:
    """σ_1, σ_2 of the flow of -⟨Q_L diag(μ) Q_0ᵀ, W⟩ where the first should be 1."""
    L, last, first = p.depth, p.Q[-1], p.Q[0]
    gains = np.broadcast_to(p.alpha[..., None, None] ** (1 / L), (*np.shape(p.alpha), L, 2))
    network = ModalNetwork((2,) * (L + 1), p.Q, gains)
    C = (last * p.mu[..., None, :]) @ transposed(first)
    data = tc.Regression(np.broadcast_to(np.eye(4), (*C.shape[:-2], 4, 4)), -C.reshape(*C.shape[:-2], 4))
    objective = tc.Objective(tc.Flattened(network.model), tc.LinearLoss(((1.0, (0.0,) * 4),)), data)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-9), network.theta, tc.Stop(time=p.first_at_one), record=(tc.end_to_end,))
    W = run.records[tc.end_to_end][..., -1, :]
    pick = np.einsum("...ir,...jr->...rij", last, first).reshape(*C.shape[:-2], 2, 4)
    return tc.Measured((pick @ W.value[..., None])[..., 0], 2 * W.error.max(axis=-1, keepdims=True))


# -- claims --


def linear_modes(p: LinearPhase, precision: tc.Precision, depth: int | None = None, factor: float = 1.0) -> tc.Comparison:
    """σ_1 and σ_2 of the flow against the formula, one entry after the other: σ_2 may be far smaller."""
    seen, formula = linear_flow(p), factor * p.modes(depth)
    return tc.all_of(tc.equal("σ_1(t) = formula", seen[..., 0], formula[..., 0]), tc.equal("σ_2(t) = formula", seen[..., 1], formula[..., 1]))


def second_mode(p: LinearPhase, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """σ_2 of the flow at σ_1 = 1 below its bound."""
    return tc.at_most("σ_2 ≤ α(1 - μ_2/μ_1)^{-1/p}", linear_flow(p)[..., 1], factor * second_bound(p))


def second_limit(p: LinearPhase, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """σ_2/α at σ_1 = 1, from α = 2^-20 to 2^-200 (1e-60), tends to the constant of the bound."""
    octaves = np.arange(80.0, 201.0, 30.0)
    ladder = [replace(p, octaves=k + 0 * np.asarray(p.octaves)) for k in octaves]
    seen = np.stack([q.modes()[..., 1] / q.alpha for q in ladder])
    return tc.tends_to("σ_2/α → (1 - μ_2/μ_1)^{-1/p}", 2.0**-octaves, seen, factor * second_bound(p) / p.alpha)


# -- what algebra settles --


@cache
def deep_algebra() -> tuple[tc.Identity, ...]:
    """σ̇ = Lμσ^{2-2/L} for the formula, depth by depth."""
    a, m, t = sp.symbols("alpha mu t", positive=True)
    found = []
    for L in (3, 4, 6):
        p = sp.Rational(L - 2, L)
        base = a - L * p * m * t  # a stands for α^{-p}
        found.append(tc.Identity(sp.diff(base ** (-1 / p), t) / base ** (-1 / p - 1), L * m))
    return tuple(found)


# -- hypotheses --

deep = tc.Premise("deep", "L ≥ 3", lambda p: p.depth >= 3)


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), **how) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, **({"stacked": True} | how))


shallow, deeper, ode = linear_phases(2), linear_phases(3), deep_algebra()
modes_are = theorem("modes_of_linear_phase", shallow, (), linear_modes, r"\sigma_i^{-p} = \alpha^{-p} - L p \mu_i t, \; p = 1 - 2/L", ode)
second_le = theorem("second_mode_le_of_deep", shallow, (deep,), second_mode, r"\sigma_2 \le \alpha (1 - \mu_2/\mu_1)^{-1/p}")
second_tends = theorem("second_mode_tends_of_deep", deeper, (), second_limit, r"\sigma_2 / \alpha \to (1 - \mu_2/\mu_1)^{-1/p}")

THEOREMS = (modes_are, second_le, second_tends)
FALSE = (
    modes_are.claiming("exponential_at_any_depth", partial(linear_modes, depth=2)),
    modes_are.claiming("factor_1_0002", partial(linear_modes, factor=1.0002)),
    second_le.without(deep),
    second_le.claiming("factor_0_98", partial(second_mode, factor=0.98)),
    second_tends.claiming("factor_1_01", partial(second_limit, factor=1.01)),
)
