r"""The trace of the Hessian and the nuclear norm (Gatmiry, Li, Chuang, Reddi, Ma & Jegelka 2023, arXiv:2306.13239).

Two layers, and what their flattest interpolators say of the nuclear norm, are in `gatmiry_2023_two_layers`.

Setting      M = W_L ... W_1 of shape (d_L, d_0), L ≥ 2, ℓ(θ) = (1/n) Σ_i (<A_i, M> - b_i)²; A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1,
             F_0 = Σ_k |A_k|² |B_k|² (Frobenius), ideal(M) = L (d_0 d_L)^(1/L) |M|_*^(2-2/L); F(M) = inf tr ∇²ℓ over factorisations of M;
             isometric: (1-δ)|X|² ≤ (1/n) Σ <A_i, X>² ≤ (1+δ)|X|².
Convention   1/n without 1/2, which is the factor 2 in front of ideal(M); the published form may absorb it.
Results      sum_of_norms_ge                    F_0 ≥ ideal(M) for every factorisation
             sum_of_norms_eq_of_ideal           an explicit factorisation attains it, and it is not the balanced one
             trace_eq                           tr ∇²ℓ = (2/n) Σ_i Σ_k |A_kᵀ A_i B_kᵀ|² at every point, fitted or not
             trace_between_of_isometry          (1-δ) 2 F_0 ≤ tr ∇²ℓ ≤ (1+δ) 2 F_0, and so (1-δ) 2 ideal ≤ F ≤ (1+δ) 2 ideal
             The identities behind the published theorem are derived for this project.
Not covered  Widths below the rank of M, which then has no factorisation.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import SensedNetwork, above, below, sensed_networks, transposed
from theorycheck.instances.products import nuclear_norm, padded_layers

paper = tc.Source("Gatmiry, Li, Chuang, Reddi, Ma & Jegelka", 2023, arxiv="2306.13239", item="trace of the Hessian under isometry")
ideal_trace = tc.Source("Gatmiry, Li, Chuang, Reddi, Ma & Jegelka", 2023, arxiv="2306.13239", item="the identity behind it")


# -- bounds and factorisations --


def ideal(f: SensedNetwork, factor: float = 1.0, exponent: float | None = None) -> np.ndarray:
    """L (d_0 d_L)^(1/L) |M|_*^(2-2/L)."""
    L = f.depth
    return factor * L * (f.widths[0] * f.widths[-1]) ** (1 / L) * nuclear_norm(f.M) ** (2 - 2 / L if exponent is None else exponent)


def sum_of_norms(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """F_0 = Σ_k |A_k|² |B_k|²."""
    pairs = zip(above(layers), below(layers), strict=True)
    return sum((A**2).sum(axis=(-2, -1)) * (B**2).sum(axis=(-2, -1)) for A, B in pairs)


def modes(f: SensedNetwork) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, the singular values, and Vᵀ of M, cut to the r = min(widths) that there can be."""
    U, s, Vt = np.linalg.svd(f.M, full_matrices=False)
    r = min(f.widths)
    return U[..., :r], s[..., :r], Vt[..., :r, :]


def at_ideal(f: SensedNetwork) -> SensedNetwork:
    """W_1 = s_1 D^{1/2}Vᵀ, W_k = (s_k/s_{k-1}) I, W_L = s_{L-1}^{-1} U D^{1/2} with |B_{k+1}|² = s_k² |M|_*."""
    U, s, Vt = modes(f)
    L, total, root = f.depth, nuclear_norm(f.M), np.sqrt(s)
    P = ideal(f) / L
    size = [np.sqrt(f.widths[0] / total * (total**2 / P) ** k) for k in range(1, L)]
    inner = [(after / before)[..., None, None] * np.eye(s.shape[-1]) for before, after in pairwise(size)]
    cores = [(size[0][..., None] * root)[..., :, None] * Vt, *inner, U * (root / size[-1][..., None])[..., None, :]]
    return replace(f, theta=padded_layers(f.widths, cores))


def at_balanced(f: SensedNetwork) -> SensedNetwork:
    """W_k = Q_k S^{1/L} Q_{k-1}ᵀ."""
    U, s, Vt = modes(f)
    root = s ** (1 / f.depth)
    inner = [root[..., None] * np.eye(s.shape[-1])] * (f.depth - 2)
    return replace(f, theta=padded_layers(f.widths, [root[..., :, None] * Vt, *inner, U * root[..., None, :]]))


# -- hypotheses --

nonzero = tc.Premise("nonzero", "M ≠ 0", lambda f: bool(np.linalg.norm(f.M) > 1e-3))
isometric = tc.Premise(
    "isometric",
    "(1-δ)|X|² ≤ (1/n) Σ <A_i, X>² ≤ (1+δ)|X|²",
    lambda f: bool(np.all(np.abs(f.spectrum - 1) <= f.delta)),
    enforce=lambda f: replace(f, spectrum=np.clip(f.spectrum, 1 - f.delta, 1 + f.delta)),
)


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
    return tc.equal("tr ∇²ℓ = (2/n) Σ_i Σ_k |A_kᵀ A_i B_kᵀ|²", f.trace, factor * sum(parts) / f.spectrum.shape[-1])


def between(f: SensedNetwork, precision: tc.Precision, part: float = 1.0, factor: float = 1.0) -> tc.Comparison:
    """Both sides at θ and at the ideal point, with part x δ in place of δ and another factor."""
    low, high = 1 - part * np.asarray(f.delta), 1 + part * np.asarray(f.delta)
    g, here, sums = at_ideal(f), f.trace, sum_of_norms(f.layers)
    return tc.all_of(
        tc.at_least("tr ∇²ℓ ≥ (1-δ) 2 F_0", here, factor * low * 2 * sums),
        tc.at_most("tr ∇²ℓ ≤ (1+δ) 2 F_0", here, high * 2 * sums / factor),
        tc.at_least("tr ∇²ℓ ≥ (1-δ) 2 ideal", here, factor * low * 2 * ideal(f)),
        tc.at_most("tr ∇²ℓ(ideal) ≤ (1+δ) 2 ideal", g.trace, high * 2 * ideal(f) / factor),
    )


def nuclear_bias(f: SensedNetwork, precision: tc.Precision) -> tc.Comparison:
    """Half of 2 ideal is below the trace, whatever is measured: false, unobserved entries cost nothing."""
    return tc.at_least("tr ∇²ℓ ≥ ideal", f.trace, ideal(f))


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


# -- the theorems --

deep, two = sensed_networks((2, 5)), sensed_networks((2, 2))
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

THEOREMS = (sum_of_norms_ge, sum_of_norms_eq_of_ideal, trace_eq, trace_between_of_isometry)
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
)
