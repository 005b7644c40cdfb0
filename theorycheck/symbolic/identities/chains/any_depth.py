"""The lower bounds on the sharpness at a minimiser for every depth L, by induction over the layers (scalar output, c = 1, any widths).

The expression is the general one of `derive`: blocks H_kj in A_k, B_k, M_kj with k, j in general (`NamedForms`), which every derivation
compares with its own words at its depth. Notation as in `flat_minima`.

Proof        1. H_kj V_j = 2 K_k* K_j V_j with K_j V = F (A_j V B_j)ᵀ, for k > j, k = j and k < j; so ∇²R = 2 K* K with K = Σ_j K_j, and S is the
                largest eigenvalue of 2 Σ_j K_j K_j*, whose quotient at z is 2 Σ_j t_j c_j/e, with c_1 = g, t_L = 1.
             2. By induction Σ_{j ≤ k} t_j c_j/e ≥ k (g e^(k-2) t_k)^(1/k): equality for k = 1; from k to k + 1 by c_{k+1} ≥ e²/t_k and the
                inequality of means with the weights k/(k+1), 1/(k+1).
             3. At k = L the bound is L (g e^(L-2))^(1/L), and g ≥ e²/m.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric
from theorycheck.symbolic.identities.chains.bounds import Bounded, InnerProduct, RayleighQuotient, Replaced
from theorycheck.symbolic.identities.chains.chain import Argument, ProofChain
from theorycheck.symbolic.identities.chains.flat_minima import e, g, m
from theorycheck.symbolic.identities.chains.hypotheses import Given, Hypothesis, NonZero, SquaredNorm
from theorycheck.symbolic.identities.chains.links import GramSwap, Named, Using
from theorycheck.symbolic.identities.chains.quantities import Matrices, QuadraticForm, Quantity, Relation, TopEigenvalue, resized, resized_factor
from theorycheck.symbolic.matrix_words.calculus import read_gradient
from theorycheck.symbolic.matrix_words.chains import NamedForms, width
from theorycheck.symbolic.matrix_words.words import Factor, WordSum, as_sum

FORMS, ONE = NamedForms(sp.Integer(2)), {width("L"): 1}
W, TARGET = Factor("W", 1, width(0)), Factor("w*", 1, width(0))
F = Factor("F", sp.Symbol("n", integer=True, positive=True), width(0))
Z = F @ TARGET.T
COVARIANCE = Given("covariance", FORMS.covariance, F.T @ F)
RISK = Given("risk", resized_factor(FORMS.gradient_in_w, ONE), 2 * ((as_sum(W) - as_sum(TARGET)) @ F.T @ F))
MINIMISER = Given("minimiser", W @ F.T, TARGET @ F.T)
TARGET_NONZERO = NonZero("target_nonzero", Z)
k, L = sp.symbols("k L", integer=True, positive=True)
t, after, c = sp.Symbol("t_k", positive=True), sp.Symbol("t_{k+1}", positive=True), sp.Symbol("c_{k+1}", nonnegative=True)


@dataclass(frozen=True)
class Stated:
    """A quantity given by name: a general block, or what an induction hypothesis leaves."""

    name: str
    value: Quantity

    def quantity(self) -> Quantity:
        return self.value

    def __str__(self) -> str:
        return self.name


def row(j: str) -> WordSum:
    """A_j, a row."""
    return resized(as_sum(FORMS.above(j)), ONE)


def root(j: str) -> WordSum:
    """K_j V_j = F (A_j V_j B_j)ᵀ."""
    return F @ (row(j) @ FORMS.direction(j) @ FORMS.below(j)).T


def block_chain(order: int) -> ProofChain:
    """H_kj V_j = 2 K_k* K_j V_j at a minimiser, for k > j (`order` 1) or k < j (-1)."""
    start = resized(FORMS.gauss_newton("k", "j") + FORMS.residual("k", "j", order > 0), ONE)
    end = Matrices((2 * read_gradient(root("k"), FORMS.direction("k"), root("j")),))
    name = f"H_kj V_j of derive for k {'>' if order > 0 else '<'} j, any depth"
    links = (Using(("covariance", "risk", "minimiser")),)
    return ProofChain(f"{name}: 2 K_k* K_j V_j", Stated(name, Matrices((start,))), Relation.EQUAL, end, links, (COVARIANCE, RISK, MINIMISER))


def diagonal_chain() -> ProofChain:
    """λ_max(H_jj) ≥ 2 t_j c_j/e, the quotient of 2 K_j K_j* at z: the j-th term of the sum."""
    start = TopEigenvalue(QuadraticForm((FORMS.direction("j"),), (resized(FORMS.gauss_newton("j", "j"), ONE),)))
    t_j, c_j = (sp.Symbol(f"{name}_j", nonnegative=True) for name in "tc")
    norms = (SquaredNorm(e, Z), SquaredNorm(t_j, row("j")), SquaredNorm(c_j, FORMS.below("j") @ F.T @ Z))
    links = (Using(("covariance",)), GramSwap(root("j"), sp.Integer(2)), Named(norms), RayleighQuotient((Z,)))
    name = "H_jj of derive, any depth"
    return ProofChain(f"{name}: 2 K_j* K_j", Stated(name, start), Relation.AT_LEAST, 2 * t_j * c_j / e, links, (COVARIANCE, TARGET_NONZERO))


def partial_bound(count: sp.Expr, last: sp.Expr) -> sp.Expr:
    """k (g e^(k-2) t_k)^(1/k)."""
    return count * (g * e ** (count - 2) * last) ** (1 / count)


def base_chain() -> ProofChain:
    """t_1 g/e is the bound at k = 1."""
    first = sp.Symbol("t_1", positive=True)
    return ProofChain("one layer", Stated("t_1 c_1/e with c_1 = g", first * g / e), Relation.EQUAL, partial_bound(sp.S.One, first), ())


def step_chain(factor: sp.Expr = sp.S.One) -> ProofChain:
    """From k to k + 1; `factor` spoils the bound after."""
    below, following = (Factor("B", rows, width(0), (index,)) for rows, index in ((width("k"), "k+1"), (width("k", 1), "k+2")))
    above, higher = row("k"), as_sum(Factor("A", 1, width("k", 1), ("k+1",)))
    products = (Given("products", above @ below, W), Given("next_products", higher @ following, W))
    reached = below @ F.T @ Z
    norms = (SquaredNorm(e, Z), SquaredNorm(t, above, below @ F.T), SquaredNorm(after, higher, following @ F.T), SquaredNorm(c, reached))
    means = ArithmeticGeometric((partial_bound(k, t) / k, after * e / t), (k / (k + 1), 1 / (k + 1)), k + 1)
    links = (
        Using(("products", "next_products", "minimiser")),
        Named(norms),
        Replaced(c, e**2 / t, InnerProduct(above.T, reached)),
        Bounded(partial_bound(k + 1, after), means),
    )
    start = Stated("the bound for k layers + t_{k+1} c_{k+1}/e", partial_bound(k, t) + after * c / e)
    given: tuple[Hypothesis, ...] = (*products, MINIMISER, TARGET_NONZERO)
    return ProofChain("from k to k + 1", start, Relation.AT_LEAST, factor * partial_bound(k + 1, after), links, given)


def last_chain(factor: sp.Expr = sp.S.One) -> ProofChain:
    """2 L (g e^(L-2))^(1/L) ≥ 2 L |w*|^(2-2/L) a."""
    norms = (SquaredNorm(e, Z), SquaredNorm(m, TARGET, F.T), SquaredNorm(g, (F.T @ Z).T, TARGET.T))
    links = (Named(norms), Replaced(g, e**2 / m, InnerProduct(as_sum(TARGET).T, F.T @ Z)))
    start = Stated("twice the bound for k = L, with t_L = 1", 2 * partial_bound(L, sp.S.One))
    return ProofChain("b ≥ a", start, Relation.AT_LEAST, factor * 2 * L * m ** (1 - 1 / L) * (e / m), links, (TARGET_NONZERO,))


def any_depth(step: Callable[[], ProofChain] = step_chain, last: Callable[[], ProofChain] = last_chain) -> Argument:
    """The whole proof for symbolic L."""
    claim = "S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L) ≥ 2 L |w*|^(2-2/L) a at a minimiser, for every depth and any width (parts checked, joined in words)"
    parts = (block_chain(1), diagonal_chain(), block_chain(-1), base_chain(), step(), last())
    return Argument(claim, parts, "∇²R = 2 (Σ K_j)* (Σ K_j) from its blocks, and induction over the layers")


lower = any_depth()
