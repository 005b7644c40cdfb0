"""Chains to exact values of the sharpness at minimisers of deep linear networks: the least one, the balanced one (scalar output, c = 1).

Notation     As in `flat_minima`. Least sharpness: inf over t > 0 of λ_max(2 t F Fᵀ + 2(L-1) t^(-1/(L-1)) z zᵀ); every minimiser is above
             it (t = t_1), and the aligned network with gain t attains the value at t. Balanced: t = |w*|^(2-2/L).
Proofs       Of balanced layers, s = |W_L|²: W_{k+1}ᵀW_{k+1} W_k = s W_k from the last layer down, since the Gram matrix of the difference
             vanishes; hence |A_k|² = s^(L-k), B_kᵀB_k = s^(k-2) W_1ᵀW_1, w*ᵀw* = s^(L-1) W_1ᵀW_1 and |w*|² = s^L.
"""

from __future__ import annotations

import sympy as sp

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric
from theorycheck.symbolic.identities.chains.bounds import ByGap, Energy, NormIs
from theorycheck.symbolic.identities.chains.chain import ChainFamily, ProofChain
from theorycheck.symbolic.identities.chains.flat_minima import DEEP, e, gain, gains, start
from theorycheck.symbolic.identities.chains.hypotheses import Given, Hypothesis, PositiveSemidefinite, SquaredNorm
from theorycheck.symbolic.identities.chains.links import (
    Assumed,
    Gram,
    GramVanishes,
    LeastOver,
    Link,
    LoewnerCauchySchwarz,
    LoewnerOrder,
    Named,
    OnIdentity,
    Using,
)
from theorycheck.symbolic.identities.chains.networks import ScalarNetwork
from theorycheck.symbolic.identities.chains.quantities import Least, Relation, TopEigenvalue
from theorycheck.symbolic.matrix_words.words import Factor, WordSum, as_sum, identity

t, s, tau, top = sp.symbols("t s tau Lambda", positive=True)


def profile(net: ScalarNetwork, gain: sp.Expr, ratios: sp.Expr) -> WordSum:
    """2 gain F Fᵀ + 2 ratios z zᵀ."""
    return 2 * gain * (net.root @ net.root.T) + 2 * ratios * (net.z @ net.z.T)


def least_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≥ the least sharpness, with `factor` on the sum of the ratios."""
    net, power = ScalarNetwork(depth), sp.Rational(1, depth - 1)
    gains_of = {k: gain(k, depth) for k in range(1, depth + 1)}
    ratios = {k: gains_of[k] / gains_of[k - 1] for k in range(2, depth + 1)}
    couplings = tuple(LoewnerCauchySchwarz(net.above(k - 1), net.below(k) @ net.root.T, 2 * ratio) for k, ratio in ratios.items())
    means = ArithmeticGeometric(tuple(ratios.values()), factor=sp.Integer(2 * (depth - 1)))
    links = (
        *net.to_gauss_newton("minimiser"),
        Named(gains(net)),
        LoewnerOrder(profile(net, gains_of[1], sp.Add(*ratios.values())), couplings),
        LoewnerOrder(profile(net, gains_of[1], (depth - 1) * gains_of[1] ** -power), (Gram(net.z, means),)),
        LeastOver(gains_of[1], t, net.layers),
    )
    end = Least(t, TopEigenvalue.of(profile(net, t, factor * (depth - 1) * t**-power)))
    given = (net.covariance, net.risk, net.minimiser, net.target_nonzero)
    return ProofChain(LEAST, start(depth), Relation.AT_LEAST, end, links, given)


def attained_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S = the value at t = τ^(2(L-1)) for W_1 = τ^(1-L) u_1 w*, W_k = τ u_k u_{k-1}ᵀ, W_L = τ u_{L-1}ᵀ, with `factor` on the ratios."""
    net = ScalarNetwork(depth)
    u = {k: Factor("u", net.layer(k).shape[0], 1, (k,)) for k in range(1, depth)}
    first = tau ** (1 - depth) * (u[1] @ net.target)
    later = {k: tau * (u[k] @ u[k - 1].T) if k < depth else tau * as_sum(u[k - 1]).T for k in range(2, depth + 1)}
    aligned = tuple(Given(f"layer_{k}", net.layer(k), value) for k, value in {1: first, **later}.items())
    units = tuple(Given(f"unit_{k}", unit.T @ unit, identity(1)) for k, unit in u.items())
    end = TopEigenvalue.of(profile(net, tau ** (2 * (depth - 1)), factor * (depth - 1) / tau**2))
    given = (net.covariance, net.risk, *aligned, *units)
    links = net.to_gauss_newton(*(g.name for g in (*aligned, *units)))
    return ProofChain(ATTAINED, start(depth), Relation.EQUAL, end, links, given)


def to_balanced(net: ScalarNetwork, *more: str) -> tuple[Link, ...]:
    """From the derived Hessian at balanced layers with W = w* to 2 s^(L-1) F Fᵀ + 2(L-1)/s z zᵀ."""
    L = net.depth
    last = Named((SquaredNorm(s, net.layer(L), net.below(L) @ net.root.T),))
    below = (GramVanishes(net.layer(k).T @ net.layer(k) @ net.layer(k - 1), s * as_sum(net.layer(k - 1))) for k in range(L, 1, -1))
    gauss_newton = net.to_gauss_newton("minimiser", *more)
    return (*gauss_newton, Using(tuple(f"balanced_{k}" for k in range(1, L))), last, *below, NormIs(net.target, s**L))


def balanced_given(net: ScalarNetwork) -> tuple[Given, ...]:
    """The hypotheses of balanced minimisers."""
    return (net.covariance, net.risk, net.end_to_end, *(net.balanced(k) for k in range(1, net.depth)))


def balanced_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S = λ_max(2 s^(L-1) F Fᵀ + 2(L-1)/s z zᵀ), with `factor` on the second term."""
    net = ScalarNetwork(depth)
    end = TopEigenvalue.of(profile(net, s ** (depth - 1), factor * (depth - 1) / s))
    return ProofChain(BALANCED, start(depth), Relation.EQUAL, end, to_balanced(net), (*balanced_given(net), net.target_nonzero))


def tops(net: ScalarNetwork) -> tuple[PositiveSemidefinite, PositiveSemidefinite]:
    """Λ I ⪰ F Fᵀ and Λ I ⪰ FᵀF = Σ: Λ is the largest eigenvalue of both."""
    F = net.root
    return (
        PositiveSemidefinite("top", top * identity(F.rows) - F @ F.T),
        PositiveSemidefinite("top_of_covariance", top * identity(F.cols) - F.T @ F),
    )


def to_sum(net: ScalarNetwork, energy: sp.Expr, *more: str) -> tuple[Link, ...]:
    """On to 2 Λ s^(L-1) + 2(L-1) |z|²/s, by z zᵀ ⪯ |z|² I and F Fᵀ ⪯ Λ I."""
    L, n = net.depth, net.root.rows
    first, second = 2 * s ** (L - 1), 2 * (L - 1) / s
    by = (Assumed("top", first), LoewnerCauchySchwarz(net.z.T, identity(n), second))
    return (*to_balanced(net, *more), LoewnerOrder((first * top + second * energy) * identity(n), by, Relation.AT_MOST), OnIdentity())


def sum_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≤ 2 |w*|^(2-2/L) L a ((L-1)/L + Λ/(L a)) at balanced minimisers, times `factor`."""
    net, a = ScalarNetwork(depth), e / s**depth
    end = factor * 2 * s ** (depth - 1) * depth * a * (sp.Rational(depth - 1, depth) + top / (depth * a))
    given: tuple[Hypothesis, ...] = (*balanced_given(net), net.target_nonzero, tops(net)[0])
    return ProofChain(SUM, start(depth), Relation.AT_MOST, end, with_energy(net, to_sum(net, e)), given)


def upper_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≤ 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²) at balanced minimisers, times `factor`."""
    net, L, a = ScalarNetwork(depth), depth, e / s**depth
    root = sp.sqrt((2 * L - 1) * top**2 + (L - 1) ** 2 * a**2)
    upper = 2 * s ** (L - 1) * root
    factor_of_gap = 4 * (L - 1) * top / s / (root + top + (L - 1) * a)
    last = ByGap(upper, factor_of_gap, Energy("top_of_covariance", as_sum(net.target).T), Relation.AT_MOST)
    given: tuple[Hypothesis, ...] = (*balanced_given(net), net.target_nonzero, *tops(net))
    return ProofChain(UPPER, start(L), Relation.AT_MOST, factor * upper, (*with_energy(net, to_sum(net, e)), last), given)


def top_balanced_chain(depth: int, factor: sp.Expr = sp.S.One) -> ProofChain:
    """S ≤ 2 L Λ |w*|^(2-2/L) at balanced minimisers where Σw* = Λw*, times `factor`."""
    net, L = ScalarNetwork(depth), depth
    aligned = Given("top_target", net.root.T @ net.root @ net.w.T, top * net.w.T)
    given: tuple[Hypothesis, ...] = (*balanced_given(net), net.target_nonzero, aligned, tops(net)[0])
    links = to_sum(net, top * s**L, "top_target")
    return ProofChain(TOP_BALANCED, start(L), Relation.AT_MOST, factor * 2 * L * top * s ** (L - 1), links, given)


def with_energy(net: ScalarNetwork, links: tuple[Link, ...]) -> tuple[Link, ...]:
    """The links with e = |z|² named after the first two."""
    return (*links[:2], Named((SquaredNorm(e, net.z),)), *links[2:])


TOP_BALANCED = "S ≤ 2 L Λ |w*|^(2-2/L) at a balanced minimiser with Σw* = Λw*"
LEAST = "S ≥ inf over t > 0 of λ_max(2t F Fᵀ + 2(L-1) t^(-1/(L-1)) z zᵀ) at a minimiser, FᵀF = Σ, z = F w*"
ATTAINED = "S(aligned, gain t) = λ_max(2t F Fᵀ + 2(L-1) t^(-1/(L-1)) z zᵀ) for every t = τ^(2(L-1)) > 0"
BALANCED = "S = λ_max(2 s^(L-1) F Fᵀ + 2(L-1)/s z zᵀ) at a balanced minimiser, s = |w*|^(2/L)"
SUM = "S ≤ 2 L |w*|^(2-2/L) a ((L-1)/L + Λ/(La)) at a balanced minimiser"
UPPER = "S ≤ 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²) at a balanced minimiser"
least = ChainFamily(LEAST, least_chain, DEEP)
attained = ChainFamily(ATTAINED, attained_chain, DEEP)
balanced = ChainFamily(BALANCED, balanced_chain, DEEP)
gap_sum = ChainFamily(SUM, sum_chain, DEEP)
upper = ChainFamily(UPPER, upper_chain, DEEP)
top_balanced = ChainFamily(TOP_BALANCED, top_balanced_chain, DEEP)
