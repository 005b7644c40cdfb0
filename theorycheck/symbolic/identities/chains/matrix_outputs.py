"""Chains about deep linear networks with matrix output, any widths: flat minima, and what the gradient flow conserves.

Setting      W = W_L ... W_1; R = (c/n)|Y - X Wᵀ|² with c = 1, Σ = FᵀF, T a least-squares map, so that ∇_W R = 2(W - T)Σ; (σ, u, v) a
             singular triple of T Fᵀ. Conservation is for any loss of W.
Proofs       Sharpness: Rayleigh's quotient of 2 K K* at u vᵀ, σ = uᵀA_{k-1} B_k Fᵀ v ≤ |A_{k-1}ᵀu| |B_kFᵀv|, inequality of means (Mulayoff &
             Michaeli 2020, arXiv:2002.04710, for Σ = I; its form for any Σ is the catalogue's).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric
from theorycheck.symbolic.identities.chains.bounds import Bounded, InnerProduct, RayleighQuotient, Replaced
from theorycheck.symbolic.identities.chains.chain import ChainFamily, ProofChain
from theorycheck.symbolic.identities.chains.flat_minima import DEPTHS, gain, reach
from theorycheck.symbolic.identities.chains.hypotheses import Given, SquaredNorm
from theorycheck.symbolic.identities.chains.links import GramSwap, Named, Using
from theorycheck.symbolic.identities.chains.networks import DerivedSharpness, derived_words
from theorycheck.symbolic.identities.chains.quantities import Matrices, Quantity, Relation
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words.calculus import differential
from theorycheck.symbolic.matrix_words.chains import Chain, width
from theorycheck.symbolic.matrix_words.words import Factor, as_sum, identity, zero
from theorycheck.symbolic.parametrizations import DeepLinear

sigma, g = sp.symbols("sigma g", positive=True)


def minimal_sharpness_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ 2 L (vᵀFFᵀv)^(1/L) σ^(2-2/L) at every minimiser, times `factor`."""
    net, L = Chain(depth), depth
    n = sp.Symbol("n", integer=True, positive=True)
    F, T = Factor("F", n, width(0)), Factor("T", width(L), width(0))
    u, v = Factor("u", width(L), 1), Factor("v", n, 1)
    data = Given("covariance", Factor("Sigma", width(0), width(0), symmetric=True), F.T @ F)
    risk = Given("risk", Factor("G", width(L), width(0)), 2 * ((net.w - as_sum(T)) @ F.T @ F))
    fits = Given("minimiser", net.w @ F.T, T @ F.T)
    triple = Given("singular_vectors", T @ F.T @ v, sigma * as_sum(u))
    units = (Given("unit_u", u.T @ u, identity(1)), Given("unit_v", v.T @ v, identity(1)))
    t = {k: gain(k, L) for k in range(1, L + 1)}
    rows, reached = {k: u.T @ net.above(k) for k in range(1, L)}, {k: net.below(k) @ F.T @ v for k in range(2, L + 1)}
    norms = (
        SquaredNorm(g, v.T @ F, T.T @ u),
        *(SquaredNorm(t[k], row, net.below(k + 1) @ F.T @ v) for k, row in rows.items()),
        *(SquaredNorm(reach(k), words) for k, words in reached.items()),
    )
    coupling = (Replaced(reach(k), sigma**2 / t[k - 1], InnerProduct(rows[k - 1].T, words)) for k, words in reached.items())
    ratios = (t[1] * g, *(sigma**2 * t[k] / t[k - 1] for k in range(2, L + 1)))
    bound = 2 * L * g ** sp.Rational(1, L) * sigma ** (2 - sp.Rational(2, L))
    links = (
        Using(("covariance", "risk", "minimiser", "singular_vectors", "unit_u", "unit_v")),
        GramSwap(net.derivatives().tangent @ F.T, sp.Integer(2)),
        Named(norms),
        RayleighQuotient((u @ v.T,)),
        *coupling,
        Bounded(bound, ArithmeticGeometric(ratios, factor=sp.Integer(2 * L))),
    )
    start = DerivedSharpness(DeepLinear((2,) * (L + 1)), SquaredLoss(1.0))
    return ProofChain(MINIMAL, start, Relation.AT_LEAST, factor * bound, links, (data, risk, fits, triple, *units))


@dataclass(frozen=True)
class ImbalanceVelocity:
    """d/dt of every D_j = W_{j+1}ᵀW_{j+1} - W_jW_jᵀ along Ẇ_k = -∇_{W_k}R, with the gradient that `derive` returns."""

    model: DeepLinear
    loss: Any

    def quantity(self) -> Quantity:
        words = derived_words(self.model, self.loss)
        rules = {layer: -gradient for layer, gradient in zip(words.layers, words.gradient, strict=True)}
        return Matrices(tuple(differential(upper.T @ upper - lower @ lower.T, rules) for lower, upper in pairwise(words.layers)))

    def __str__(self) -> str:
        return f"d/dt (W_{{j+1}}ᵀW_{{j+1}} - W_jW_jᵀ) for every j, along the flow of derive(DeepLinear, {self.loss}) at depth {self.model.depth}"


def conservation_chain(depth: int) -> ProofChain:
    """Ḋ_j = 0 for every j."""
    start = ImbalanceVelocity(DeepLinear((2,) * (depth + 1)), SquaredLoss(1.0))
    return ProofChain(CONSERVED, start, Relation.EQUAL, Matrices(tuple(zero(width(j), width(j)) for j in range(1, depth))), ())


MINIMAL = "S ≥ 2 L (vᵀΣv)^(1/L) σ^(2-2/L) at a minimiser, (σ, u, v) a singular triple of TΣ^(1/2)"
CONSERVED = "d/dt (W_{j+1}ᵀW_{j+1} - W_jW_jᵀ) = 0 along the gradient flow"
minimal_sharpness = ChainFamily(MINIMAL, minimal_sharpness_chain, DEPTHS)
conservation = ChainFamily(CONSERVED, conservation_chain, DEPTHS)
