r"""Two layers: the least trace of the Hessian in closed form (Gatmiry, Li, Chuang, Reddi, Ma & Jegelka 2023, arXiv:2306.13239).

Any depth, and measurements that are nearly isometric, are in `gatmiry_2023`.

Setting      M = W_2 W_1 of shape (d_2, d_0), ℓ(θ) = (1/n) Σ_i (<A_i, M> - b_i)²; F(M) = inf tr ∇²ℓ over factorisations of M;
             Q_1 = (1/n) Σ A_iᵀA_i, Q_2 = (1/n) Σ A_iA_iᵀ; |M|_* the nuclear norm.
Convention   1/n without 1/2, which is half of the factor 4; the published form may absorb it.
Results      two_layer_trace_ge                 any A_i: tr ∇²ℓ ≥ 4 |Q_2^{1/2} M Q_1^{1/2}|_*
             two_layer_trace_le_of_ideal        with Q + ε in place of Q an explicit factorisation comes as near to it as one likes
             nuclear_norm_le_of_flattest        one direction N unobserved, δ = |N|²: the flattest interpolator has at most
                                                sqrt(κ(Q_1) κ(Q_2)) times the least nuclear norm, κ the condition number; the published
                                                constant (1+δ)/(1-δ) is larger
             The two-layer form and its consequence are derived for this project.
Not covered  The consequence for L > 2, where F has no closed form; widths below the rank of M, which then has no factorisation.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import SensedNetwork, sensed_networks, transposed
from theorycheck.instances.products import nuclear_norm, padded_layers

paper = tc.Source("Gatmiry, Li, Chuang, Reddi, Ma & Jegelka", 2023, arxiv="2306.13239", item="trace of the Hessian under isometry")


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
    return replace(f, theta=padded_layers(f.widths, [first[..., :r, :], last[..., :r]])), 4 * s.sum(axis=-1)


def grams(c: Completion) -> tuple[np.ndarray, np.ndarray]:
    """Q_2 and Q_1 of all measurements orthogonal to N, up to their common factor 1/n."""
    rows, cols = c.M.shape
    return cols * np.eye(rows) - c.N @ c.N.T, rows * np.eye(cols) - c.N.T @ c.N


def flattest_norms(c: Completion) -> tuple[float, tc.Measured]:
    """The nuclear norm of the flattest M* + tN, and the least nuclear norm of them all."""

    def oracle(ts, before, after):
        U, s, Vt = np.linalg.svd(before @ (c.M + ts[:, None, None] * c.N) @ after, full_matrices=False)
        return tc.Measured.of(s.sum(axis=-1)), ((U @ Vt) * (before @ c.N @ after)).sum(axis=(-2, -1))

    reach = 8 * float(nuclear_norm(c.M)) + 1
    flat, _ = tc.convex_minimum(lambda ts: oracle(ts, *(power(Q, 0.5) for Q in grams(c))), -reach, reach)
    _, least = tc.convex_minimum(lambda ts: oracle(ts, *map(np.eye, c.M.shape)), -reach, reach)
    return float(nuclear_norm(c.M + flat * c.N)), least


# -- hypotheses --

nonzero = tc.Premise("nonzero", "M ≠ 0", lambda f: bool(np.linalg.norm(f.M) > 1e-3))


def spread(c: Completion) -> float:
    """|N|², the constant δ: <X, X> - <N, X>² ≥ (1 - |N|²)|X|² for X of rank one."""
    return float(np.linalg.norm(c.N, 2) ** 2)


seen_part = tc.Premise("unseen_not_rank_one", "|N|² ≤ 0.95, so δ < 1", lambda c: bool(np.linalg.norm(c.unseen) > 0 and spread(c) <= 0.95))


# -- claims --


def two_layer_bound(f: SensedNetwork, precision: tc.Precision, factor: float = 4.0) -> tc.Comparison:
    """Tr ∇²ℓ ≥ factor |Q_2^{1/2} M Q_1^{1/2}|_*."""
    bound = factor * nuclear_norm(power(f.left_gram, 0.5) @ f.M @ power(f.right_gram, 0.5))
    return tc.at_least("tr ∇²ℓ ≥ 4 |Q_2^{1/2} M Q_1^{1/2}|_*", f.trace, bound)


def two_layer_attained(f: SensedNetwork, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The explicit factorisation multiplies to M, and its trace is at most the regularised value."""
    g, value = at_two_layer_ideal(f)
    return tc.all_of(
        tc.equal("product", g.M, f.M, resolution=1e-4, scale=1.0),
        tc.at_most("tr ∇²ℓ ≤ 4 |(Q_2+ε)^{1/2} M (Q_1+ε)^{1/2}|_*", g.trace, factor * value),
    )


def flattest_bound(c: Completion, precision: tc.Precision, power: float = 0.5) -> tc.Comparison:
    """The nuclear norm of the flattest interpolator against (κ_1 κ_2)^power times the least, and that against the published constant."""
    found, least = flattest_norms(c)
    delta, conditions = spread(c), np.prod([np.linalg.cond(Q) for Q in grams(c)])
    return tc.all_of(
        tc.at_most("|M̂|_* ≤ sqrt(κ(Q_1) κ(Q_2)) |M|_*", found, conditions**power * least),
        tc.at_most("sqrt(κ(Q_1) κ(Q_2)) ≤ (1+δ)/(1-δ)", conditions**power, (1 + delta) / (1 - delta)),
    )


# -- the theorems --

two, wide_two = sensed_networks((2, 2)), sensed_networks((2, 2), width=(2, 3))
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

THEOREMS = (two_layer_trace_ge, two_layer_trace_le_of_ideal, nuclear_norm_le_of_flattest)
FALSE = (
    two_layer_trace_ge.claiming("factor_4_0008", partial(two_layer_bound, factor=4.0008)),
    two_layer_trace_le_of_ideal.claiming("factor_0_98", partial(two_layer_attained, factor=0.98)),
    nuclear_norm_le_of_flattest.claiming("least_nuclear_norm", partial(flattest_bound, power=0.0)),
)
FINDINGS = (
    tc.Finding(
        "for two layers the constant (1+δ)/(1-δ) improves to sqrt(κ(Q_1) κ(Q_2)), which needs no isometry",
        "from F(M) = 4|Q_2^{1/2} M Q_1^{1/2}|_*; with one direction of 2 x 2 matrices unobserved it is (1+δ)/(2-δ), at most 2 where "
        "(1+δ)/(1-δ) is unbounded; that the flattest interpolator has the least nuclear norm is refuted",
        "theorycheck check gatmiry_2023_two_layers/nuclear_norm_le_of_flattest",
    ),
)
