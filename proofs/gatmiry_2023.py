r"""Flatness as the trace of the Hessian favours small nuclear norm (Gatmiry, Li, Chuang, Reddi, Ma & Jegelka 2023, arXiv:2306.13239).

Setting      M = W_L ... W_1 of shape (d_L, d_0), L ≥ 2, ℓ(θ) = (1/n) Σ_i (<A_i, M> - b_i)²; A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1,
             F_0 = Σ_k |A_k|² |B_k|² (Frobenius), ideal(M) = L (d_0 d_L)^(1/L) |M|_*^(2-2/L); F(M) = inf tr ∇²ℓ over factorisations of M;
             isometric: (1-δ)|X|² ≤ (1/n) Σ <A_i, X>² ≤ (1+δ)|X|²; Q_1 = (1/n) Σ A_iᵀA_i, Q_2 = (1/n) Σ A_iA_iᵀ.
Convention   1/n without 1/2, which is the factor 2 in front of ideal(M); the published form may absorb it.
Results      sum_of_norms_ge                    F_0 ≥ ideal(M) for every factorisation
             sum_of_norms_eq_of_ideal           an explicit factorisation attains it, and it is not the balanced one
             trace_eq                           tr ∇²ℓ = (2/n) Σ_i Σ_k |A_kᵀ A_i B_kᵀ|² at every point, fitted or not
             trace_between_of_isometry          (1-δ) 2 F_0 ≤ tr ∇²ℓ ≤ (1+δ) 2 F_0, and so (1-δ) 2 ideal ≤ F ≤ (1+δ) 2 ideal
             two_layer_trace_ge                 L = 2, any A_i: tr ∇²ℓ ≥ 4 |Q_2^{1/2} M Q_1^{1/2}|_*
             two_layer_trace_le_of_ideal        with Q + ε in place of Q an explicit factorisation comes as near to it as one likes
             nuclear_norm_le_of_flattest        L = 2, one direction N unobserved, δ = |N|²: the flattest interpolator has at most
                                                sqrt(κ(Q_1) κ(Q_2)) times the least nuclear norm, κ the condition number; the published
                                                constant (1+δ)/(1-δ) is larger
             The identities behind the published theorem, the two-layer form and its consequence are derived for this project.
Not covered  The consequence for L > 2, where F has no closed form; widths below the rank of M, which then has no factorisation.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import SensedNetwork, above, below, sensed_networks, transposed

paper = tc.Source("Gatmiry, Li, Chuang, Reddi, Ma & Jegelka", 2023, arxiv="2306.13239", item="trace of the Hessian under isometry")
ideal_trace = tc.Source("Gatmiry, Li, Chuang, Reddi, Ma & Jegelka", 2023, arxiv="2306.13239", item="the identity behind it")


@dataclass(frozen=True, eq=False)
class Completion:
    """A matrix M* of which all is observed but its part along N, of Frobenius norm 1 (drawn as the direction of `unseen`)."""

    M: np.ndarray
    unseen: np.ndarray

    @property
    def N(self) -> np.ndarray:
        """The unobserved direction."""
        return self.unseen / np.linalg.norm(self.unseen)


@tc.recipe
def completions(draw):
    """Matrices of 2 rows and 2 or 3 columns."""
    d = draw(tc.integers(2, 3))
    return Completion(draw(tc.array((2, d))), draw(tc.array((2, d))))


# -- bounds and factorisations --


def nuclear(M: np.ndarray) -> np.ndarray:
    """The sum of the singular values."""
    return np.linalg.svd(M, compute_uv=False).sum(axis=-1)


def ideal(f: SensedNetwork, factor: float = 1.0, exponent: float | None = None) -> np.ndarray:
    """L (d_0 d_L)^(1/L) |M|_*^(2-2/L)."""
    L = f.depth
    return factor * L * (f.widths[0] * f.widths[-1]) ** (1 / L) * nuclear(f.M) ** (2 - 2 / L if exponent is None else exponent)


def sum_of_norms(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """F_0 = Σ_k |A_k|² |B_k|²."""
    pairs = zip(above(layers), below(layers), strict=True)
    return sum((A**2).sum(axis=(-2, -1)) * (B**2).sum(axis=(-2, -1)) for A, B in pairs)


def padded(widths: tuple[int, ...], cores: list[np.ndarray]) -> np.ndarray:
    """θ of the layers with the given cores in their corners, zeros elsewhere."""
    parts = []
    for core, rows, cols in zip(cores, widths[1:], widths[:-1], strict=True):
        W = np.zeros((*core.shape[:-2], rows, cols))
        W[..., : core.shape[-2], : core.shape[-1]] = core
        parts.append(W.reshape(*W.shape[:-2], -1))
    return np.concatenate(parts, axis=-1)


def modes(f: SensedNetwork) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, the singular values, and Vᵀ of M, cut to the r = min(widths) that there can be."""
    U, s, Vt = np.linalg.svd(f.M, full_matrices=False)
    r = min(f.widths)
    return U[..., :r], s[..., :r], Vt[..., :r, :]


def at_ideal(f: SensedNetwork) -> SensedNetwork:
    """W_1 = s_1 D^{1/2}Vᵀ, W_k = (s_k/s_{k-1}) I, W_L = s_{L-1}^{-1} U D^{1/2} with |B_{k+1}|² = s_k² |M|_*."""
    U, s, Vt = modes(f)
    L, total, root = f.depth, nuclear(f.M), np.sqrt(s)
    P = ideal(f) / L
    size = [np.sqrt(f.widths[0] / total * (total**2 / P) ** k) for k in range(1, L)]
    inner = [(after / before)[..., None, None] * np.eye(s.shape[-1]) for before, after in pairwise(size)]
    cores = [(size[0][..., None] * root)[..., :, None] * Vt, *inner, U * (root / size[-1][..., None])[..., None, :]]
    return replace(f, theta=padded(f.widths, cores))


def at_balanced(f: SensedNetwork) -> SensedNetwork:
    """W_k = Q_k S^{1/L} Q_{k-1}ᵀ."""
    U, s, Vt = modes(f)
    root = s ** (1 / f.depth)
    inner = [root[..., None] * np.eye(s.shape[-1])] * (f.depth - 2)
    return replace(f, theta=padded(f.widths, [root[..., :, None] * Vt, *inner, U * root[..., None, :]]))


def power(Q: np.ndarray, p: float, tiny: np.ndarray | float = 0.0) -> np.ndarray:
    """(Q + tiny)^p of symmetric matrices without negative eigenvalues."""
    values, V = np.linalg.eigh(Q)
    return (V * ((np.maximum(values, 0) + np.asarray(tiny)[..., None]) ** p)[..., None, :]) @ transposed(V)


def at_two_layer_ideal(f: SensedNetwork) -> tuple[SensedNetwork, np.ndarray]:
    """W_1 = D^{1/2}Vᵀ(Q_1+ε)^{-1/2}, W_2 = (Q_2+ε)^{-1/2}UD^{1/2} for the SVD of (Q_2+ε)^{1/2} M (Q_1+ε)^{1/2}, and 4 times its nuclear norm."""
    left, right = f.left_gram, f.right_gram
    U, s, Vt = np.linalg.svd(power(left, 0.5, f.tiny) @ f.M @ power(right, 0.5, f.tiny), full_matrices=False)
    r, root = min(f.widths), np.sqrt(s)
    first, last = root[..., :, None] * (Vt @ power(right, -0.5, f.tiny)), power(left, -0.5, f.tiny) @ (U * root[..., None, :])
    return replace(f, theta=padded(f.widths, [first[..., :r, :], last[..., :r]])), 4 * s.sum(axis=-1)


def trace(f: SensedNetwork) -> tc.Measured:
    """Tr ∇²ℓ."""
    return tc.hessian_trace(f.objective, f.theta)


# -- hypotheses --

nonzero = tc.Premise("nonzero", "M ≠ 0", lambda f: bool(np.linalg.norm(f.M) > 1e-3))
isometric = tc.Premise(
    "isometric",
    "(1-δ)|X|² ≤ (1/n) Σ <A_i, X>² ≤ (1+δ)|X|²",
    lambda f: bool(np.all(np.abs(f.spectrum - 1) <= f.delta)),
    enforce=lambda f: replace(f, spectrum=np.clip(f.spectrum, 1 - f.delta, 1 + f.delta)),
)
seen_part = tc.Premise("unseen_not_rank_one", "|N|² ≤ 0.95, so δ < 1", lambda c: bool(np.linalg.norm(c.unseen) > 0 and spread(c) <= 0.95))


def spread(c: Completion) -> float:
    """|N|², the constant δ: <X, X> - <N, X>² ≥ (1 - |N|²)|X|² for X of rank one."""
    return float(np.linalg.norm(c.N, 2) ** 2)


# -- claims --


def norms_bound(f: SensedNetwork, precision: tc.Precision, factor: float = 1.0, exponent: float | None = None) -> tc.Comparison:
    """F_0 ≥ factor x ideal(M)."""
    return tc.at_least("F_0 ≥ L (d_0 d_L)^(1/L) |M|_*^(2-2/L)", sum_of_norms(f.layers), ideal(f, factor, exponent))


def norms_attained(f: SensedNetwork, precision: tc.Precision, of=at_ideal, factor: float = 1.0) -> tc.Comparison:
    """The explicit factorisation multiplies to M and attains the bound."""
    g = of(f)
    return tc.all_of(tc.equal("product", g.M, f.M), tc.equal("F_0 = L (d_0 d_L)^(1/L) |M|_*^(2-2/L)", sum_of_norms(g.layers), ideal(f, factor)))


def trace_formula(f: SensedNetwork, precision: tc.Precision, factor: float = 2.0) -> tc.Comparison:
    """The compiled Hessian's trace against the sum over measurements."""
    pairs = zip(above(f.layers), below(f.layers), strict=True)
    parts = [((transposed(A)[..., None, :, :] @ f.A @ transposed(B)[..., None, :, :]) ** 2).sum(axis=(-3, -2, -1)) for A, B in pairs]
    return tc.equal("tr ∇²ℓ = (2/n) Σ_i Σ_k |A_kᵀ A_i B_kᵀ|²", trace(f), factor * sum(parts) / f.spectrum.shape[-1])


def between(f: SensedNetwork, precision: tc.Precision, part: float = 1.0, factor: float = 1.0) -> tc.Comparison:
    """Both sides at θ and at the ideal point, with part x δ in place of δ and another factor."""
    low, high = 1 - part * np.asarray(f.delta), 1 + part * np.asarray(f.delta)
    g, here, sums = at_ideal(f), trace(f), sum_of_norms(f.layers)
    return tc.all_of(
        tc.at_least("tr ∇²ℓ ≥ (1-δ) 2 F_0", here, factor * low * 2 * sums),
        tc.at_most("tr ∇²ℓ ≤ (1+δ) 2 F_0", here, high * 2 * sums / factor),
        tc.at_least("tr ∇²ℓ ≥ (1-δ) 2 ideal", here, factor * low * 2 * ideal(f)),
        tc.at_most("tr ∇²ℓ(ideal) ≤ (1+δ) 2 ideal", trace(g), high * 2 * ideal(f) / factor),
    )


def nuclear_bias(f: SensedNetwork, precision: tc.Precision) -> tc.Comparison:
    """Half of 2 ideal is below the trace, whatever is measured: false, unobserved entries cost nothing."""
    return tc.at_least("tr ∇²ℓ ≥ ideal", trace(f), ideal(f))


def two_layer_bound(f: SensedNetwork, precision: tc.Precision, factor: float = 4.0) -> tc.Comparison:
    """Tr ∇²ℓ ≥ factor |Q_2^{1/2} M Q_1^{1/2}|_*."""
    bound = factor * nuclear(power(f.left_gram, 0.5) @ f.M @ power(f.right_gram, 0.5))
    return tc.at_least("tr ∇²ℓ ≥ 4 |Q_2^{1/2} M Q_1^{1/2}|_*", trace(f), bound)


def two_layer_attained(f: SensedNetwork, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The explicit factorisation multiplies to M, and its trace is at most the regularised value."""
    g, value = at_two_layer_ideal(f)
    return tc.all_of(
        tc.equal("product", g.M, f.M, resolution=1e-4, scale=1.0),
        tc.at_most("tr ∇²ℓ ≤ 4 |(Q_2+ε)^{1/2} M (Q_1+ε)^{1/2}|_*", trace(g), factor * value),
    )


def grams(c: Completion) -> tuple[np.ndarray, np.ndarray]:
    """Q_2 and Q_1 of all measurements orthogonal to N, up to their common factor 1/n."""
    rows, cols = c.M.shape
    return cols * np.eye(rows) - c.N @ c.N.T, rows * np.eye(cols) - c.N.T @ c.N


def flattest_norms(c: Completion) -> tuple[float, tc.Measured]:
    """The nuclear norm of the flattest M* + tN, and the least nuclear norm of them all."""

    def oracle(ts, before, after):
        U, s, Vt = np.linalg.svd(before @ (c.M + ts[:, None, None] * c.N) @ after, full_matrices=False)
        return tc.Measured.of(s.sum(axis=-1)), ((U @ Vt) * (before @ c.N @ after)).sum(axis=(-2, -1))

    reach = 8 * float(nuclear(c.M)) + 1
    flat, _ = tc.convex_minimum(lambda ts: oracle(ts, *(power(Q, 0.5) for Q in grams(c))), -reach, reach)
    _, least = tc.convex_minimum(lambda ts: oracle(ts, *map(np.eye, c.M.shape)), -reach, reach)
    return float(nuclear(c.M + flat * c.N)), least


def flattest_bound(c: Completion, precision: tc.Precision, power: float = 0.5) -> tc.Comparison:
    """The nuclear norm of the flattest interpolator against (κ_1 κ_2)^power times the least, and that against the published constant."""
    found, least = flattest_norms(c)
    delta, conditions = spread(c), np.prod([np.linalg.cond(Q) for Q in grams(c)])
    return tc.all_of(
        tc.at_most("|M̂|_* ≤ sqrt(κ(Q_1) κ(Q_2)) |M|_*", found, conditions**power * least),
        tc.at_most("sqrt(κ(Q_1) κ(Q_2)) ≤ (1+δ)/(1-δ)", conditions**power, (1 + delta) / (1 - delta)),
    )


# -- what algebra settles --


def sums() -> tuple[tc.Inequality, ...]:
    """Arithmetic and geometric means of the L terms a_k b_k, for L = 2, 3, 4, with a_k b_{k+1} = T² (the least it can be)."""
    found = []
    for L in (2, 3, 4):
        T, d0, dL, *b = sp.symbols(f"T d_0 d_L b_2:{L + 1}", positive=True)
        terms = [a * c for a, c in zip([*(T**2 / x for x in b), dL], [d0, *b], strict=True)]
        mean = L * (d0 * dL) ** sp.Rational(1, L) * T ** (2 - sp.Rational(2, L))
        found.append(tc.Inequality(mean, sp.Add(*terms), by=tc.ArithmeticGeometric(tuple(terms), factor=sp.Integer(L))))
    return tuple(found)


deep, two = sensed_networks((2, 5)), sensed_networks((2, 2))
wide_two = sensed_networks((2, 2), width=(2, 3))

sum_of_norms_ge = tc.Theorem(
    "sum_of_norms_ge",
    ideal_trace,
    deep,
    (),
    norms_bound,
    r"\sum_k |A_k|_F^2 |B_k|_F^2 \ge L (d_0 d_L)^{1/L} |M|_*^{2-2/L}",
    identities=(*sums(), tc.chains.hessian_traces.least_trace),
    tight=True,
    stacked=True,
)
sum_of_norms_eq_of_ideal = tc.Theorem(
    "sum_of_norms_eq_of_ideal",
    ideal_trace,
    deep,
    (nonzero,),
    norms_attained,
    r"\min \sum_k |A_k|_F^2 |B_k|_F^2 = L (d_0 d_L)^{1/L} |M|_*^{2-2/L}",
    stacked=True,
)
trace_eq = tc.Theorem(
    "trace_eq", paper, deep, (), trace_formula, r"\mathrm{tr} \nabla^2 \ell = \tfrac{2}{n} \sum_i \sum_k |A_k^\top A_i B_k^\top|_F^2", stacked=True
)
trace_between_of_isometry = tc.Theorem(
    "trace_between_of_isometry",
    paper,
    deep,
    (isometric, nonzero),
    between,
    r"(1-\delta) \, 2 L (d_0 d_L)^{1/L} |M|_*^{2-2/L} \le F(M) \le (1+\delta) \, 2 L (d_0 d_L)^{1/L} |M|_*^{2-2/L}",
    tight=True,
    stacked=True,
)
two_layer_trace_ge = tc.Theorem(
    "two_layer_trace_ge", paper, two, (), two_layer_bound, r"\mathrm{tr} \nabla^2 \ell \ge 4 |Q_2^{1/2} M Q_1^{1/2}|_*", tight=True, stacked=True
)
two_layer_trace_le_of_ideal = tc.Theorem(
    "two_layer_trace_le_of_ideal",
    paper,
    wide_two,
    (nonzero,),
    two_layer_attained,
    r"F(M) \le 4 |(Q_2 + \varepsilon)^{1/2} M (Q_1 + \varepsilon)^{1/2}|_*",
    tight=True,
    stacked=True,
)
nuclear_norm_le_of_flattest = tc.Theorem(
    "nuclear_norm_le_of_flattest",
    paper,
    completions,
    (seen_part,),
    flattest_bound,
    r"|\hat M|_* \le \sqrt{\kappa(Q_1) \kappa(Q_2)} \, \min |M|_* \le \tfrac{1+\delta}{1-\delta} \min |M|_*",
    tight=True,
)

THEOREMS = (
    sum_of_norms_ge,
    sum_of_norms_eq_of_ideal,
    trace_eq,
    trace_between_of_isometry,
    two_layer_trace_ge,
    two_layer_trace_le_of_ideal,
    nuclear_norm_le_of_flattest,
)
FALSE = (
    sum_of_norms_ge.claiming("factor_1_0002", partial(norms_bound, factor=1.0002)),
    sum_of_norms_ge.claiming("schatten_exponent", lambda f, precision: norms_bound(f, precision, exponent=2 / f.depth)),
    sum_of_norms_eq_of_ideal.claiming("balanced", partial(norms_attained, of=at_balanced)),
    sum_of_norms_eq_of_ideal.claiming("factor_1_0002", partial(norms_attained, factor=1.0002)),
    replace(sum_of_norms_eq_of_ideal.claiming("balanced_of_two_layers", partial(norms_attained, of=at_balanced)), ambient=two),
    trace_eq.claiming("halved_loss", partial(trace_formula, factor=1.0)),
    trace_between_of_isometry.without(isometric),
    trace_between_of_isometry.claiming("half_delta", partial(between, part=0.5)),
    trace_between_of_isometry.claiming("no_delta", partial(between, part=0.0)),
    trace_between_of_isometry.claiming("factor_1_0002", partial(between, factor=1.0002)),
    trace_between_of_isometry.without(isometric).claiming("nuclear_bias_of_any_measurement", nuclear_bias),
    two_layer_trace_ge.claiming("factor_4_0008", partial(two_layer_bound, factor=4.0008)),
    two_layer_trace_le_of_ideal.claiming("factor_0_98", partial(two_layer_attained, factor=0.98)),
    nuclear_norm_le_of_flattest.claiming("least_nuclear_norm", partial(flattest_bound, power=0.0)),
)
FINDINGS = (
    tc.Finding(
        "balanced factorisations have the least trace only for L = 2 and d_0 = d_L",
        "F_0 of the balanced ones is (d_0 + d_L)|M|_* at L = 2, against 2 sqrt(d_0 d_L)|M|_*: :balanced_of_two_layers is refuted",
        "theorycheck check gatmiry_2023/sum_of_norms_eq_of_ideal",
    ),
    tc.Finding(
        "zero loss is not needed for the trace formula",
        "tr ∇²ℓ has no term with the residuals: instances with residuals of size 1 satisfy trace_eq to rounding; :halved_loss is refuted",
        "theorycheck check gatmiry_2023/trace_eq",
    ),
    tc.Finding(
        "for two layers the constant (1+δ)/(1-δ) improves to sqrt(κ(Q_1) κ(Q_2)), which needs no isometry",
        "from F(M) = 4|Q_2^{1/2} M Q_1^{1/2}|_*; with one direction of 2 x 2 matrices unobserved it is (1+δ)/(2-δ), at most 2 where "
        "(1+δ)/(1-δ) is unbounded; that the flattest interpolator has the least nuclear norm is refuted",
        "theorycheck check gatmiry_2023/nuclear_norm_le_of_flattest",
    ),
)
