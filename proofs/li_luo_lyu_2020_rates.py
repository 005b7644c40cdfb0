r"""Rates of greedy low-rank learning (Li, Luo & Lyu 2020, arXiv:2012.09839): all entries observed.

The completion problem that refutes the nuclear-norm conjecture is in `li_luo_lyu_2020`, the linear phase of deep networks in
`li_luo_lyu_2020_depth`.

Setting      f(W) = |W - M|²/2, W = UUᵀ, U̇ = -∇f(W)U, U(0) = √α U_0, W_0 = U_0U_0ᵀ; M has eigenvalues μ_1 > μ_2 ≥ ... with top eigenvector
             u_1; T(α) = log(1/α)/(2μ_1).
Convention   U̇ = -∇f(W)U is half the gradient flow of f(UUᵀ): the squared loss has c/n = 1/4.
Results      flow_eq_closed_form_of_full          W(t) = e^{tM}U(0)(I + U(0)ᵀ(e^{2tM}-I)M⁻¹U(0))⁻¹U(0)ᵀe^{tM}
             trajectory_tends_to_rank_one_of_full W(T(α)+t) → w(t)u_1u_1ᵀ, w = μ_1ce^{2μ_1t}/(μ_1+ce^{2μ_1t}), c = u_1ᵀW_0u_1
             rate_of_full                         at the rate α^(γ/(2μ_1)), γ = μ_1 - μ_2: better than the published γ/(2μ_1+γ)
             greedy_phases_are_best_of_full       phase r ends at the best approximation of rank r
             Closed forms and the exact rate are derived in the project's catalogue.
Not covered  Depth: see `li_luo_lyu_2020_depth`.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import transposed
from theorycheck.instances.factorizations import FullyObserved, fully_observed

paper = tc.Source("Li, Luo & Lyu", 2020, arxiv="2012.09839", item="greedy low-rank learning")
TINY = 10.0 ** -np.arange(40.0, 65.0, 5.0)  # of W


# -- all entries observed, in the frame of M --


def closed_form(p: FullyObserved, alpha: np.ndarray | float, late: bool = True) -> np.ndarray:
    """W at T(α) + time (or at time) in the frame Q, scales first: nothing cancels, whatever α."""
    alpha = np.asarray(alpha).reshape(*np.shape(alpha), *(1,) * np.ndim(p.m))
    t = np.log(1 / alpha) / (2 * p.m[..., :1]) * late + np.asarray(p.time)[..., None]
    grown = np.sqrt(alpha) * np.exp(p.m * t)
    slow = np.abs(p.m) < 2.0**-20
    spent = alpha * np.where(slow, 2 * t * (1 + p.m * t), np.expm1(2 * p.m * t) / np.where(slow, 1.0, p.m))
    inner = np.eye(3) + transposed(p.V) @ (spent[..., None] * p.V)
    return grown[..., :, None] * (p.V @ np.linalg.solve(inner, np.broadcast_to(transposed(p.V), inner.shape))) * grown[..., None, :]


def rank_one_limit(p: FullyObserved, scale: float = 1.0) -> np.ndarray:
    """w(t)e_1e_1ᵀ with w = μ_1ce^{2μ_1t}/(μ_1 + ce^{2μ_1t})."""
    mu, grown = p.m[..., 0], scale * p.c * np.exp(2 * p.m[..., 0] * p.time)
    return (mu * grown / (mu + grown))[..., None, None] * np.diag([1.0, 0, 0])


# -- claims --


def riccati(p: FullyObserved, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flow against the closed form, from U_0 at α = 1 and time 1 + t."""
    objective = tc.Objective(tc.Flattened(tc.SymmetricFactorization(3, 3)), tc.SquaredLoss(factor * 2.25), p.data)
    start, later = (p.Q @ p.V).reshape(*p.Q.shape[:-2], 9), replace(p, time=1 + p.time)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-8), start, tc.Stop(time=later.time), record=(tc.end_to_end,))
    formula = p.Q @ closed_form(later, 1.0, late=False) @ transposed(p.Q)
    return tc.equal("W(t) = closed form", run.records[tc.end_to_end][..., -1, :], formula.reshape(*start.shape[:-1], 9))


def tends(p: FullyObserved, precision: tc.Precision, scale: float = 1.0) -> tc.Comparison:
    """W(T(α)+t) → w(t)u_1u_1ᵀ for α down to 1e-60, as α^(1/8) at the slowest, and not to 0."""
    return tc.all_of(
        tc.tends_to("W(T(α)+t) → w(t)u_1u_1ᵀ", TINY**0.125, closed_form(p, TINY), rank_one_limit(p, scale)),
        tc.at_least("|W(T(α)+t)| ≥ μ_1/1024", np.linalg.norm(closed_form(p, TINY)[-1], axis=(-2, -1)), p.m[..., 0] / 1024),
    )


def rate(p: FullyObserved, precision: tc.Precision, exponent: float | None = None) -> tc.Comparison:
    """The exponent of what W(T(α)+t) has beside u_1u_1ᵀ, one instance at a time, and that it is at least the published one."""
    mu, gamma = p.m[0], p.m[0] - max(p.m[1:])
    apart = np.linalg.norm(closed_form(p, TINY) * (1 - np.diag([1.0, 0, 0])), axis=(-2, -1))
    slope = np.log(apart[-2] / apart[-1]) / np.log(TINY[-2] / TINY[-1])
    return tc.all_of(
        tc.scales_as("|W - u_1u_1ᵀWu_1u_1ᵀ| ~ α^(γ/(2μ_1))", TINY, apart, gamma / (2 * mu) if exponent is None else exponent),
        tc.at_least("slope ≥ γ/(2μ_1+γ)", slope, gamma / (2 * mu + gamma)),
    )


def best_approximations(p: FullyObserved, precision: tc.Precision, shift: int = 0) -> tc.Comparison:
    """Phases 1 and 2 end at the sums of the r + shift largest eigenvalues' parts."""
    Q, order = p.Q, np.argsort(-p.m, axis=-1)
    phases = tc.greedy_low_rank(tc.SquaredLoss(2.25), p.data, 2, accuracy=1e-5)
    claims = []
    for r, phase in enumerate(phases, start=1):
        kept = np.where(np.argsort(order, axis=-1) < r + shift, p.m, 0.0)
        claims.append(tc.equal(f"phase {r} ends at the best approximation", phase.W, (Q * kept[..., None, :]) @ transposed(Q)))
    return tc.all_of(*claims)


# -- hypotheses --

simple = tc.Premise("simple", "μ_1 - μ_2 ≥ μ_1/4", lambda p: bool(p.m[0] - max(p.m[1:]) >= p.m[0] / 4))
seen = tc.Premise("seen", "u_1ᵀW_0u_1 ≥ 1/64", lambda p: bool(p.c >= 2.0**-6))
coupled = tc.Premise(
    "coupled", "|u_1ᵀW_0u_2| ≥ 1/8, μ_2 - μ_3 ≥ μ_1/8", lambda p: bool(abs(p.V[0] @ p.V[1]) >= 0.125 and p.m[1] - p.m[2] >= p.m[0] / 8)
)
gaining = tc.Premise(
    "gaining", "m_2 ≥ m_1/8 and |m_i - m_j| ≥ m_1/8", lambda p: bool(np.sort(p.m)[1] >= p.m[0] / 8 and np.min(np.diff(np.sort(p.m))) >= p.m[0] / 8)
)


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), **how) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, **({"stacked": True} | how))


closed = theorem("flow_eq_closed_form_of_full", fully_observed, (), riccati, r"\dot W = W(M - W) + (M - W)W")
tends_to_rank_one = theorem(
    "trajectory_tends_to_rank_one_of_full",
    fully_observed,
    (simple, seen),
    tends,
    r"W(T(\alpha)+t) \to \frac{\mu_1 c e^{2\mu_1 t}}{\mu_1 + c e^{2\mu_1 t}} u_1 u_1^\top",
)
rate_is_exact = theorem(
    "rate_of_full",
    fully_observed,
    (simple, seen, coupled),
    rate,
    r"\lVert W(T(\alpha)+t) - u_1 u_1^\top W u_1 u_1^\top \rVert \sim \alpha^{(\mu_1 - \mu_2)/(2\mu_1)}",
    stacked=False,
)
greedy_is_best = theorem("greedy_phases_are_best_of_full", fully_observed, (gaining,), best_approximations, r"W_r = \arg\min_{\mathrm{rank} \le r} f")

THEOREMS = (closed, tends_to_rank_one, rate_is_exact, greedy_is_best)
FALSE = (
    closed.claiming("loss_1_01", partial(riccati, factor=1.01)),
    tends_to_rank_one.without(simple),
    tends_to_rank_one.without(seen, enforce=lambda p: replace(p, V=np.diag([0.0, 1, 1]) @ p.V)),
    tends_to_rank_one.claiming("start_1_01", partial(tends, scale=1.01)),
    rate_is_exact.claiming("exponent_half", partial(rate, exponent=0.5)),
    rate_is_exact.without(coupled),
    greedy_is_best.claiming("one_rank_more", partial(best_approximations, shift=1)),
)
FINDINGS = (
    tc.Finding(
        "With all entries observed the rank-one trajectory is approached at the rate α^(γ/(2μ_1)), better than the published α^(γ/(2μ_1+γ))",
        "exponent seen from α = 1e-40 to 1e-60; planted as rate_of_full:exponent_half",
        "theorycheck check li_luo_lyu_2020_rates/rate_of_full",
    ),
)
