r"""Greedy low-rank learning in matrix factorization (Li, Luo & Lyu 2020, arXiv:2012.09839).

Setting      f(W) = |W - M|²/2 over the observed entries (ordered pairs), W = UUᵀ, U̇ = -∇f(W)U, U(0) = √α U_0, W_0 = U_0U_0ᵀ; -∇f(0) has
             eigenvalues μ_1 > μ_2 ≥ ... with top eigenvector u_1; T(α) = log(1/α)/(2μ_1). The completion problem of the paper:
             d = 4, M_13 = 1, M_14 = M_23 = R and their mirror images observed, z = (1, R, 1, R). Nuclear norm ‖·‖_*.
Convention   U̇ = -∇f(W)U is half the gradient flow of f(UUᵀ): the squared loss has c/n = 1/4.
Results      spectrum_at_zero_of_completion       -∇f(0) has the eigenvalues ±(sqrt(1+4R²) ± 1)/2: a gap of exactly 1
             nuclear_norm_ge_of_completion        ‖W‖_* ≥ 4R, attained by M_norm
             nuclear_norm_ge_of_rank_one_completion   W = vvᵀ has W_24 = R² and ‖W‖_* ≥ 2R² + 2, attained by zzᵀ
             greedy_ends_at_rank_one_of_completion    greedy learning stops after one phase, at zzᵀ
             flow_is_greedy_of_small_start        W(T(α)+t) tends to the rank-one trajectory from 0 along u_1: completion problem
             nuclear_norm_of_limit_exceeds        from α = 1e-16 the limit has ‖W‖_* ≥ 1.1 (4R): the nuclear-norm conjecture fails
             flow_eq_closed_form_of_full          all entries observed: W(t) = e^{tM}U(0)(I + U(0)ᵀ(e^{2tM}-I)M⁻¹U(0))⁻¹U(0)ᵀe^{tM}
             trajectory_tends_to_rank_one_of_full W(T(α)+t) → w(t)u_1u_1ᵀ, w = μ_1ce^{2μ_1t}/(μ_1+ce^{2μ_1t}), c = u_1ᵀW_0u_1
             rate_of_full                         at the rate α^(γ/(2μ_1)), γ = μ_1 - μ_2: better than the published γ/(2μ_1+γ)
             greedy_phases_are_best_of_full       phase r ends at the best approximation of rank r
             modes_of_linear_phase                depth L ≥ 3: σ_i^{-p} = α^{-p} - Lpμ_it, p = 1 - 2/L; L = 2: σ_i = αe^{2μ_it}
             second_mode_le_of_deep               at σ_1 = 1: σ_2 ≤ α(1 - μ_2/μ_1)^{-1/p}, which is its limit; for L = 2 σ_2 = α^{1-μ_2/μ_1}
             The matrix is the paper's as reconstructed in the project's catalogue; closed forms and the exact rate are derived there.
Not covered  The staircase after the first phase when several phases are needed and α is finite.
"""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import ModalNetwork, transposed
from theorycheck.instances.factorizations import OBSERVED, Completion, FullyObserved, completions, fully_observed
from theorycheck.instances.linear_phases import LinearPhase, linear_phases

paper = tc.Source("Li, Luo & Lyu", 2020, arxiv="2012.09839", item="greedy low-rank learning")
SMALL, TINY = 10.0 ** -np.array([12.0, 16.0, 20.0]), 10.0 ** -np.arange(40.0, 65.0, 5.0)  # of W


# -- the completion problem --


def nuclear(W: np.ndarray) -> np.ndarray:
    """Sum of singular values."""
    return np.linalg.norm(W, "nuc", axis=(-2, -1))


def spectrum(p: Completion, precision: tc.Precision, gap: float = 1.0) -> tc.Comparison:
    """The eigenvalues of -∇f(0) by a solver, and μ_1 - μ_2 = 1."""
    found = np.linalg.eigvalsh(tc.descent_matrix(tc.SquaredLoss(3.0), p.data, np.zeros((*np.shape(p.R), 4, 4))))
    root = np.sqrt(1 + 4 * p.R**2)
    formula = np.stack([-(root + 1) / 2, -(root - 1) / 2, (root - 1) / 2, (root + 1) / 2], axis=-1)
    return tc.all_of(
        tc.equal("λ(-∇f(0)) = ±(sqrt(1+4R²) ± 1)/2", found, formula), tc.equal("μ_1 - μ_2 = 1", found[..., 3] - found[..., 2], gap, scale=root)
    )


def nuclear_bound(p: Completion, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """‖W‖_* ≥ 4R at a completion, ‖M_norm‖_* = 4R."""
    return tc.all_of(tc.at_least("‖W‖_* ≥ 4R", nuclear(p.completed), factor * 4 * p.R), tc.equal("‖M_norm‖_* = 4R", nuclear(p.least), 4 * p.R))


def rank_one_bound(p: Completion, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """v = (s, Rs, 1/s, R/s): vvᵀ fits, has W_24 = R² and nuclear norm ≥ 2R² + 2."""
    v = np.stack([p.s + 0 * p.R, p.R * p.s, 1 / p.s + 0 * p.R, p.R / p.s], axis=-1)
    W = v[..., :, None] * v[..., None, :]
    return tc.all_of(
        tc.equal("W fits", p.data.predictions(W.reshape(*W.shape[:-2], 16)), p.data.y),
        tc.equal("W_24 = R²", W[..., 1, 3], p.R**2),
        tc.at_least("‖W‖_* ≥ 2R² + 2", nuclear(W), factor * (2 * p.R**2 + 2)),
    )


def greedy_end(p: Completion, precision: tc.Precision, nuclear_norm: bool = False) -> tc.Comparison:
    """One phase of greedy learning ends at zzᵀ (or, false, at the nuclear norm 4R); nothing is left to gain."""
    phase = tc.greedy_low_rank(tc.SquaredLoss(1.5), p.data, 1, accuracy=1e-5)[0]
    if nuclear_norm:
        return tc.equal("‖W‖_* = 4R", tc.Measured(nuclear(phase.W.value), 4 * phase.W.error.max(axis=(-2, -1))), 4 * p.R)
    left = tc.Measured(p.data.predictions(phase.W.value.reshape(*np.shape(p.R), 16)), phase.W.error.max(axis=(-2, -1))[..., None])
    return tc.all_of(tc.equal("W = zzᵀ", phase.W, p.z[..., :, None] * p.z[..., None, :]), tc.equal("∇f(W) = 0", left, p.data.y))


def flow_ends(p: Completion, alpha: np.ndarray, time: float, start: np.ndarray) -> tc.Measured:
    """W at T(α) + time from √α times each start (..., 4, k), scales first: shape (scales, ..., 4, 4)."""
    rank = start.shape[-1]
    objective = tc.Objective(tc.Flattened(tc.SymmetricFactorization(4, rank)), tc.SquaredLoss(1.5), p.data)
    scales = np.sqrt(alpha).reshape(-1, *(1,) * (np.ndim(p.R) + 1))
    clock = np.log(1 / alpha).reshape(-1, *(1,) * np.ndim(p.R)) / (2 * p.top[0]) + time
    flow = tc.GradientFlow(accuracy=1e-7)
    run = tc.follow(objective, flow, scales * start.reshape(*start.shape[:-2], -1), tc.Stop(time=clock), record=(tc.end_to_end,))
    return run.records[tc.end_to_end][..., -1, :]


def greedy_flow(p: Completion, precision: tc.Precision, time: float = 1.0, along: float = 1.0, scales: np.ndarray = SMALL) -> tc.Comparison:
    """W(T(α)+t) from √αU_0 against the rank-one flow from √α c u_1 with c² = u_1ᵀW_0u_1, scaled by `along`."""
    c, u = np.linalg.norm(transposed(p.U) @ p.top[1][..., None], axis=(-2, -1)), p.top[1]
    one = flow_ends(p, scales[-1:], time, (along * c[..., None] * u)[..., None])[0]
    if len(scales) == 1:
        return tc.equal("W(T(α)+t) = W_1(t)", flow_ends(p, scales, time, p.U)[0], one)
    return tc.tends_to("W(T(α)+t) → W_1(t)", scales, flow_ends(p, scales, time, p.U), one)


def settled(p: Completion, alpha: float, start: np.ndarray) -> tc.Measured:
    """‖W‖_* where the flow from √α U_0 comes to rest."""
    objective = tc.Objective(tc.Flattened(tc.SymmetricFactorization(4, 4)), tc.SquaredLoss(1.5), p.data)
    W = tc.flow_limit(objective, tc.GradientFlow(accuracy=1e-6), np.sqrt(alpha) * start.reshape(*start.shape[:-2], -1)).recorded(
        tc.end_to_end, objective
    )
    return tc.Measured(nuclear(W.value.reshape(*W.shape[:-1], 4, 4)), 4 * W.error.max(axis=-1))


def exceeds(p: Completion, precision: tc.Precision, factor: float = 1.1, alpha: float = 1e-16, top: bool = False) -> tc.Comparison:
    """The limit has nuclear norm ≥ factor 4R; with `top` the claim is ≤ factor 4R."""
    relation = tc.at_most if top else tc.at_least
    return relation(f"lim ‖W‖_* {'≤' if top else '≥'} {factor:g} (4R)", settled(p, alpha, p.U), factor * 4 * p.R)


def stays_rank_one(p: Completion, precision: tc.Precision) -> tc.Comparison:
    """From a factor of M_norm the flow ends at zzᵀ: false, it stays."""
    one, other = np.array([1.0, 1, 1, 1]), np.array([1.0, -1, -1, 1])
    columns = np.sqrt((p.R + 1) / 2)[..., None] * one, np.sqrt((p.R - 1) / 2)[..., None] * other, 0 * p.z, 0 * p.z
    return tc.equal("lim ‖W‖_* = 2R² + 2", settled(p, 1.0, np.stack(columns, axis=-1)), 2 * p.R**2 + 2)


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


def riccati(p: FullyObserved, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flow against the closed form, from U_0 at α = 1 and time 1 + t."""
    objective = tc.Objective(tc.Flattened(tc.SymmetricFactorization(3, 3)), tc.SquaredLoss(factor * 2.25), p.data)
    start, later = (p.Q @ p.V).reshape(*p.Q.shape[:-2], 9), replace(p, time=1 + p.time)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-8), start, tc.Stop(time=later.time), record=(tc.end_to_end,))
    formula = p.Q @ closed_form(later, 1.0, late=False) @ transposed(p.Q)
    return tc.equal("W(t) = closed form", run.records[tc.end_to_end][..., -1, :], formula.reshape(*start.shape[:-1], 9))


def tends(p: FullyObserved, precision: tc.Precision, scale: float = 1.0) -> tc.Comparison:
    """W(T(α)+t) → w(t)u_1u_1ᵀ for α down to 1e-60, and not to 0."""
    return tc.all_of(
        tc.tends_to("W(T(α)+t) → w(t)u_1u_1ᵀ", TINY, closed_form(p, TINY), rank_one_limit(p, scale)),
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


# -- depth --


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
def completion_algebra() -> dict[str, tc.Identity | tc.Inequality]:
    """Characteristic polynomial at zero, the rank-one completions and their nuclear norm, both against 4R."""
    R, s, x = sp.symbols("R s lambda", positive=True)
    z1, z2, z3, z4 = sp.symbols("z1:5", real=True)
    M = sp.zeros(4)
    for (i, j), value in zip(OBSERVED, (1, 1, R, R, R, R), strict=True):
        M[i, j] = value
    fits = tc.Identity(z1 * z3, 1), tc.Identity(z1 * z4, R), tc.Identity(z2 * z3, R)
    return {
        "spectrum": tc.Identity((x * sp.eye(4) - M).det(), (x**2 - x - R**2) * (x**2 + x - R**2)),
        "forced": tc.Identity(z2 * z4, R**2, given=fits),
        "trace": tc.Inequality(2 * R**2 + 2, s**2 * (1 + R**2) + (1 + R**2) / s**2, tc.SumOfSquares(((1 + R**2, s - 1 / s),))),
        "exceeds": tc.Inequality(4 * R, 2 * R**2 + 2, tc.SumOfSquares(((2, R - 1),))),
    }


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

large = tc.Premise("large", "R ≥ 1", lambda p: p.R >= 1)
tilted = tc.Premise("tilted", "u_1ᵀW_0u_1 ≥ 1/4", lambda p: bool(np.linalg.norm(p.U.T @ p.top[1]) >= 0.5))
simple = tc.Premise("simple", "μ_1 - μ_2 ≥ μ_1/4", lambda p: bool(p.m[0] - max(p.m[1:]) >= p.m[0] / 4))
seen = tc.Premise("seen", "u_1ᵀW_0u_1 ≥ 1/64", lambda p: bool(p.c >= 2.0**-6))
coupled = tc.Premise(
    "coupled", "|u_1ᵀW_0u_2| ≥ 1/8, μ_2 - μ_3 ≥ μ_1/8", lambda p: bool(abs(p.V[0] @ p.V[1]) >= 0.125 and p.m[1] - p.m[2] >= p.m[0] / 8)
)
gaining = tc.Premise(
    "gaining", "m_2 ≥ m_1/8 and |m_i - m_j| ≥ m_1/8", lambda p: bool(np.sort(p.m)[1] >= p.m[0] / 8 and np.min(np.diff(np.sort(p.m))) >= p.m[0] / 8)
)
deep = tc.Premise("deep", "L ≥ 3", lambda p: p.depth >= 3)


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), **how) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, **({"stacked": True} | how))


moderate, starting, problems = completions(0.0, 4.0), completions(1.25, 2.5), completions(2.0, 2.5)
shallow, deeper = linear_phases(2), linear_phases(3)
algebra, ode = completion_algebra(), deep_algebra()

spectrum_at_zero = theorem(
    "spectrum_at_zero_of_completion", completions(0.0, 128.0), (), spectrum, r"\mu_{1,2} = (\sqrt{1+4R^2} \pm 1)/2", (algebra["spectrum"],)
)
nuclear_norm_ge = theorem(
    "nuclear_norm_ge_of_completion", moderate, (large,), nuclear_bound, r"\lVert W \rVert_* \ge 4R = \lVert M_{norm} \rVert_*", tight=True
)
rank_one_norm_ge = theorem(
    "nuclear_norm_ge_of_rank_one_completion",
    moderate,
    (),
    rank_one_bound,
    r"\lVert v v^\top \rVert_* \ge 2R^2 + 2",
    (algebra["forced"], algebra["trace"]),
    tight=True,
)
greedy_ends = theorem(
    "greedy_ends_at_rank_one_of_completion", completions(1.0, 16.0), (), greedy_end, r"\text{GLRL ends at } z z^\top", (algebra["exceeds"],)
)
flow_is_greedy = theorem("flow_is_greedy_of_small_start", starting, (tilted,), greedy_flow, r"W(T(\alpha) + t) \to W_1(t)")
limit_exceeds = theorem(
    "nuclear_norm_of_limit_exceeds",
    problems,
    (tilted,),
    exceeds,
    r"\lVert \lim_t W(t) \rVert_* \ge 1.1 \cdot 4R \text{ at } \alpha = 10^{-16}",
    (algebra["exceeds"],),
)
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
modes_are = theorem("modes_of_linear_phase", shallow, (), linear_modes, r"\sigma_i^{-p} = \alpha^{-p} - L p \mu_i t, \; p = 1 - 2/L", ode)
second_le = theorem("second_mode_le_of_deep", shallow, (deep,), second_mode, r"\sigma_2 \le \alpha (1 - \mu_2/\mu_1)^{-1/p}")
second_tends = theorem("second_mode_tends_of_deep", deeper, (), second_limit, r"\sigma_2 / \alpha \to (1 - \mu_2/\mu_1)^{-1/p}")

THEOREMS = (
    spectrum_at_zero,
    nuclear_norm_ge,
    rank_one_norm_ge,
    greedy_ends,
    flow_is_greedy,
    limit_exceeds,
    closed,
    tends_to_rank_one,
    rate_is_exact,
    greedy_is_best,
    modes_are,
    second_le,
    second_tends,
)
FALSE = (
    spectrum_at_zero.claiming("gap_1_0002", partial(spectrum, gap=1.0002)),
    nuclear_norm_ge.without(large),
    nuclear_norm_ge.claiming("factor_1_0002", partial(nuclear_bound, factor=1.0002)),
    rank_one_norm_ge.claiming("factor_1_0002", partial(rank_one_bound, factor=1.0002)),
    greedy_ends.claiming("at_least_nuclear_norm", partial(greedy_end, nuclear_norm=True)),
    flow_is_greedy.claiming("along_1_01", partial(greedy_flow, along=1.01)),
    flow_is_greedy.claiming("at_finite_scale", partial(greedy_flow, scales=np.array([1e-6]))),
    limit_exceeds.claiming("within_5_percent_of_the_least", partial(exceeds, factor=1.05, top=True)),
    limit_exceeds.claiming("at_scale_0_01", partial(exceeds, alpha=0.01)),
    limit_exceeds.claiming("rank_one_from_the_nuclear_norm_solution", stays_rank_one),
    closed.claiming("loss_1_01", partial(riccati, factor=1.01)),
    tends_to_rank_one.without(simple),
    tends_to_rank_one.without(seen, enforce=lambda p: replace(p, V=np.diag([0.0, 1, 1]) @ p.V)),
    tends_to_rank_one.claiming("start_1_01", partial(tends, scale=1.01)),
    rate_is_exact.claiming("exponent_half", partial(rate, exponent=0.5)),
    rate_is_exact.without(coupled),
    greedy_is_best.claiming("one_rank_more", partial(best_approximations, shift=1)),
    modes_are.claiming("exponential_at_any_depth", partial(linear_modes, depth=2)),
    modes_are.claiming("factor_1_0002", partial(linear_modes, factor=1.0002)),
    second_le.without(deep),
    second_le.claiming("factor_0_98", partial(second_mode, factor=0.98)),
    second_tends.claiming("factor_1_01", partial(second_limit, factor=1.01)),
)
FINDINGS = (
    tc.Finding(
        "Small starts do not end at the least nuclear norm: the limit of the 4 x 4 completion problem has 2R² + 2 in place of 4R",
        "R = 2: 10 against 8, R = 3: 20 against 12; for R < 1 the two agree, so R > 1 is needed; "
        "planted as nuclear_norm_of_limit_exceeds:within_5_percent_of_the_least",
        "theorycheck check li_luo_lyu_2020/nuclear_norm_of_limit_exceeds",
    ),
    tc.Finding(
        "With all entries observed the rank-one trajectory is approached at the rate α^(γ/(2μ_1)), better than the published α^(γ/(2μ_1+γ))",
        "exponent seen from α = 1e-40 to 1e-60; planted as rate_of_full:exponent_half",
        "theorycheck check li_luo_lyu_2020/rate_of_full",
    ),
)
