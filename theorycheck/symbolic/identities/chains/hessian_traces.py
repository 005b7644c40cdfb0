"""The chain from the derived Hessian to the least trace of deep matrix factorization, whitened inputs, c = 1, any widths.

Setting      W = W_L ... W_1 = M = P D Qᵀ with PᵀP = I, QᵀQ = I (a singular value decomposition: tr D is the nuclear norm), Σ = I.
Proof        tr ∇²R = 2 Σ_k |A_k|²|B_k|². With O = P Qᵀ, |A_k|² ≥ o_k = |PᵀA_k|² = |OᵀA_k|² as P Pᵀ ⪯ I, and tr D = tr(Oᵀ A_{k-1} B_k), so that
             |B_k|² ≥ (tr D)²/o_{k-1}; the ratios multiply up, A_L = I and B_1 = I have the squared norms d_L and d_0. (The catalogue's form
             of the identity behind Gatmiry et al. 2023, arXiv:2306.13239.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric
from theorycheck.symbolic.identities.chains.bounds import Bounded, Energy, InnerProduct, Replaced
from theorycheck.symbolic.identities.chains.chain import ChainFamily, ProofChain
from theorycheck.symbolic.identities.chains.flat_minima import DEPTHS
from theorycheck.symbolic.identities.chains.hypotheses import Given, Hypothesis, NonZero, PositiveSemidefinite, SquaredNorm
from theorycheck.symbolic.identities.chains.ledger import symbol_of
from theorycheck.symbolic.identities.chains.links import Named, TakeTrace, Using
from theorycheck.symbolic.identities.chains.networks import derived_words
from theorycheck.symbolic.identities.chains.quantities import Quantity, Relation, TraceOf, hessian_form
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words.chains import Chain, width
from theorycheck.symbolic.matrix_words.words import Factor, identity
from theorycheck.symbolic.parametrizations import DeepLinear

RANK = sp.Symbol("r", integer=True, positive=True)


@dataclass(frozen=True)
class DerivedTrace:
    """The trace of the Hessian that `derive(model, loss)` returns, in matrix words with symbolic widths."""

    model: DeepLinear
    loss: Any

    def quantity(self) -> Quantity:
        return TraceOf(hessian_form(derived_words(self.model, self.loss), {}))

    def __str__(self) -> str:
        return f"tr ∇²R, the Hessian of derive(DeepLinear, {self.loss}) at depth {self.model.depth}, any width"


def least_trace_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """Tr ∇²R ≥ 2 L (d_0 d_L)^(1/L) (tr D)^(2-2/L), times `factor`."""
    net, L = Chain(depth), depth
    P, D, Q = Factor("P", width(L), RANK), Factor("D", RANK, RANK), Factor("Q", width(0), RANK)
    polar, nuclear = P @ Q.T, symbol_of((D,), True)
    given: tuple[Hypothesis, ...] = (
        Given("whitened", Factor("Sigma", width(0), width(0), symmetric=True), identity(width(0))),
        Given("product", net.w, P @ D @ Q.T),
        Given("orthonormal_P", P.T @ P, identity(RANK)),
        Given("orthonormal_Q", Q.T @ Q, identity(RANK)),
        PositiveSemidefinite("projector", identity(width(L)) - P @ P.T),
        NonZero("target_nonzero", D @ Q.T),
    )
    a, b = ({k: sp.Symbol(f"{name}_{k}", nonnegative=True) for k in range(1, L + 1)} for name in "ab")
    o = {k: sp.Symbol(f"o_{k}", positive=True) if k < L else width(L) for k in range(1, L + 1)}
    norms = [norm for k in range(1, L) for norm in (SquaredNorm(a[k], net.above(k)), SquaredNorm(b[k + 1], net.below(k + 1)))]
    polars = [SquaredNorm(o[k], P.T @ net.above(k), net.below(k + 1)) for k in range(1, L)]
    contracted = [Replaced(a[k], o[k], Energy("projector", net.above(k))) for k in range(1, L)]
    coupled = [Replaced(b[k], nuclear**2 / o[k - 1], InnerProduct(net.above(k - 1).T @ polar, net.below(k))) for k in range(2, L + 1)]
    ratios = (width(0) * o[1], *(o[k] * nuclear**2 / o[k - 1] for k in range(2, L + 1)))
    bound = 2 * L * (width(0) * width(L) * (nuclear**2) ** (L - 1)) ** sp.Rational(1, L)
    links = (
        Using(("whitened", "product", "orthonormal_P", "orthonormal_Q")),
        Named((*norms, *polars)),
        TakeTrace(),
        *contracted,
        *coupled,
        Bounded(bound, ArithmeticGeometric(ratios, factor=sp.Integer(2 * L))),
    )
    start = DerivedTrace(DeepLinear((2,) * (L + 1)), SquaredLoss(1.0))
    return ProofChain(LEAST_TRACE, start, Relation.AT_LEAST, factor * bound, links, given)


LEAST_TRACE = "tr ∇²R ≥ 2 L (d_0 d_L)^(1/L) (tr D)^(2-2/L) for W = P D Qᵀ, Σ = I, tr D the nuclear norm"
least_trace = ChainFamily(LEAST_TRACE, least_trace_chain, DEPTHS)
