"""Chains from the derived Hessian of a deep linear network to the bounds on its sharpness at a minimiser (scalar output, c = 1).

Notation     A_k = W_L ... W_{k+1} (a row), B_k = W_{k-1} ... W_1, F with FᵀF = Σ, z = F w*ᵀ, t_k = |A_k|², e = |z|² = w*ᵀΣw*,
             g = |Σw*|², m = |w*|²; so a = e/m and b = g/e in the notation of Marion & Chizat (2024, arXiv:2405.13456).
Proofs       At a minimiser ∇²R is 2 K* K, with the spectrum of 2 F N Fᵀ, N = Σ_k t_k B_kᵀB_k. Rayleigh's quotient at z or the Loewner
             order B_kᵀB_k ⪰ w*ᵀw*/t_{k-1} (Cauchy-Schwarz, A_{k-1}B_k = w*), and the inequality of means for the ratios t_k/t_{k-1}.
"""

from __future__ import annotations

import sympy as sp

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric
from theorycheck.symbolic.identities.chains.bounds import Bounded, InnerProduct, RayleighQuotient, Replaced
from theorycheck.symbolic.identities.chains.chain import ChainFamily, ProofChain
from theorycheck.symbolic.identities.chains.hypotheses import Given, NonZero, SquaredNorm
from theorycheck.symbolic.identities.chains.links import Link, Named, Using
from theorycheck.symbolic.identities.chains.networks import DerivedSharpness, ScalarNetwork
from theorycheck.symbolic.identities.chains.quantities import Relation
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words.words import Factor, as_sum, identity, zero
from theorycheck.symbolic.parametrizations import DeepLinear

DEPTHS = tuple(range(2, 7))
DEEP = tuple(range(2, 13))
e, g, m, q, tau, top = sp.symbols("e g m q tau Lambda", positive=True)


def gain(k: int, depth: int) -> sp.Expr:
    """t_k = |A_k|², 1 for the last layer."""
    return sp.Symbol(f"t_{k}", positive=True) if k < depth else sp.S.One


def reach(k: int) -> sp.Symbol:
    """c_k = |B_k Σ w*|²."""
    return sp.Symbol(f"c_{k}", nonnegative=True)


def start(depth: int) -> DerivedSharpness:
    """The sharpness of the network, derived."""
    return DerivedSharpness(DeepLinear((1,) * (depth + 1)), SquaredLoss(1.0))


def gains(net: ScalarNetwork) -> tuple[SquaredNorm, ...]:
    """t_1, ..., t_{L-1}; positive because A_k (W_k ... W_1 Fᵀ) = zᵀ ≠ 0."""
    below = (net.below(k + 1) @ net.root.T for k in range(1, net.depth))
    return tuple(SquaredNorm(gain(k, net.depth), net.above(k), through) for k, through in enumerate(below, 1))


def to_energy(net: ScalarNetwork) -> tuple[Link, ...]:
    """From the derived Hessian to S ≥ 2 L (g e^(L-2))^(1/L) = 2 L b^(1/L) (a|w*|²)^(1-1/L)."""
    L, root = net.depth, net.root.T @ net.z
    reached = {k: net.below(k) @ root for k in range(2, L + 1)}
    t = {k: gain(k, L) for k in range(1, L + 1)}
    norms = (
        SquaredNorm(e, net.z),
        SquaredNorm(g, root.T, net.target.T),
        *gains(net),
        *(SquaredNorm(reach(k), words) for k, words in reached.items()),
    )
    coupling = (Replaced(reach(k), e**2 / t[k - 1], InnerProduct(net.above(k - 1).T, words)) for k, words in reached.items())
    ratios = (t[1] * g / e, *(t[k] * e / t[k - 1] for k in range(2, L + 1)))
    means = Bounded(energy_bound(L), ArithmeticGeometric(ratios, factor=sp.Integer(2 * L)))
    return (*net.to_gauss_newton("minimiser"), Named(norms), RayleighQuotient((net.z,)), *coupling, means)


def energy_bound(depth: int) -> sp.Expr:
    """2 L (g e^(L-2))^(1/L)."""
    return 2 * depth * g ** sp.Rational(1, depth) * e ** sp.Rational(depth - 2, depth)


def energy_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L), times `factor`."""
    net = ScalarNetwork(depth)
    given = (net.covariance, net.risk, net.minimiser, net.target_nonzero)
    return ProofChain(ENERGY, start(depth), Relation.AT_LEAST, factor * energy_bound(depth), to_energy(net), given)


def lower_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ 2 L |w*|^(2-2/L) a, times `factor`."""
    net = ScalarNetwork(depth)
    target = Named((SquaredNorm(m, net.target, net.root.T),))
    last = Replaced(g, e**2 / m, InnerProduct(as_sum(net.target).T, net.root.T @ net.z))
    end = factor * 2 * depth * m ** (1 - sp.Rational(1, depth)) * (e / m)
    given = (net.covariance, net.risk, net.minimiser, net.target_nonzero)
    return ProofChain(LOWER, start(depth), Relation.AT_LEAST, end, (*to_energy(net), target, last), given)


def top_target_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ 2 L Λ |w*|^(2-2/L) where W = w* and Σw* = Λw*, times `factor`."""
    net, L = ScalarNetwork(depth), depth
    aligned = Given("top_target", net.root.T @ net.z, top * as_sum(net.target).T)
    reached = {k: net.below(k) @ net.target.T for k in range(2, L + 1)}
    t = {k: gain(k, L) for k in range(1, L + 1)}
    through = (net.below(k + 1) @ net.target.T for k in range(1, L))
    norms = (
        SquaredNorm(m, net.target),
        *(SquaredNorm(t[k], net.above(k), words) for k, words in enumerate(through, 1)),
        *(SquaredNorm(reach(k), words) for k, words in reached.items()),
    )
    coupling = (Replaced(reach(k), m**2 / t[k - 1], InnerProduct(net.above(k - 1).T, words)) for k, words in reached.items())
    ratios = (t[1], *(t[k] * m / t[k - 1] for k in range(2, L + 1)))
    bound = 2 * L * top * m ** (1 - sp.Rational(1, L))
    means = Bounded(bound, ArithmeticGeometric(ratios, factor=2 * L * top))
    links = (*net.to_gauss_newton("minimiser", "top_target"), Named(norms), RayleighQuotient((net.z,)), *coupling, means)
    given = (net.covariance, net.risk, net.exact, aligned, NonZero("target_nonzero", net.target))
    return ProofChain(TOP_TARGET, start(L), Relation.AT_LEAST, factor * bound, links, given)


def rescaled_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ 2 Λ τ² q at (U_1/τ, τ U_2, W_3, ...), with q = |W_L ... W_3 U_2|², times `factor`: Rayleigh at V_1 = A_1ᵀ x.

    The first diagonal block has no term with G, so the point need not fit; that (U_1, U_2, ...) does only says that q > 0.
    """
    net, L = ScalarNetwork(depth), depth
    first, second = net.layer(1), net.layer(2)
    U = {k: Factor("U", layer.rows, layer.cols, (k,)) for k, layer in ((1, first), (2, second))}
    x = Factor("x", first.cols, 1)
    rescaled = Given("second_layer", second, tau * as_sum(U[2]))
    fits = Given("minimiser", net.above(2) @ U[2] @ U[1] @ net.root.T, net.target @ net.root.T)
    eigen = (Given("eigenvector", net.root.T @ net.root @ x, top * as_sum(x)), Given("unit", x.T @ x, identity(1)))
    above = net.above(2) @ U[2]
    links = (
        Using(("covariance", "second_layer", "minimiser", "eigenvector", "unit")),
        Named((SquaredNorm(q, above, U[1] @ net.root.T),)),
        RayleighQuotient((above.T @ x.T, *(zero(*layer.shape) for layer in net.layers[1:]))),
    )
    given = (net.covariance, rescaled, fits, *eigen, net.target_nonzero)
    return ProofChain(RESCALED, start(L), Relation.AT_LEAST, factor * 2 * top * tau**2 * q, links, given)


ENERGY = "S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L) at a minimiser, b = g/e and a|w*|² = e"
LOWER = "S ≥ 2 L |w*|^(2-2/L) a at a minimiser, a = e/m and m = |w*|²"
TOP_TARGET = "S ≥ 2 L Λ |w*|^(2-2/L) at W = w* with Σw* = Λw*"
RESCALED = "S(W_1/τ, τW_2, W_3, ...) ≥ 2Λτ²|W_2ᵀ...W_Lᵀ|² at a minimiser"
energy = ChainFamily(ENERGY, energy_chain, DEPTHS)
lower = ChainFamily(LOWER, lower_chain, DEPTHS)
top_target = ChainFamily(TOP_TARGET, top_target_chain, DEEP)
rescaled = ChainFamily(RESCALED, rescaled_chain, DEPTHS)
