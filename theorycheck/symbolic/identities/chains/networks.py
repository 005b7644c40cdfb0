"""The pieces that chains about deep linear networks share: the derived Hessian, partial products, the usual hypotheses.

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = (c/n)|X w(θ) - y|² with c = 1, Σ = XᵀX/n = FᵀF with F = X/√n; w* (a row here)
             is a least-squares solution, so that ∇_W R = 2(W - w*)Σ. The Hessian is the one `derive` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from theorycheck.symbolic.identities.chains.hypotheses import Given, NonZero
from theorycheck.symbolic.identities.chains.links import GramSwap, Link, Using
from theorycheck.symbolic.identities.chains.quantities import Quantity, TopEigenvalue, hessian_form, resized, resized_factor
from theorycheck.symbolic.matrix_words.chains import Chain, MapDerivatives, width
from theorycheck.symbolic.matrix_words.words import Factor, WordSum, as_sum
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True)
class DerivedSharpness:
    """λ_max of the Hessian that `derive(model, loss)` returns, in matrix words: widths are symbols but an output of size 1."""

    model: DeepLinear
    loss: Any

    def quantity(self) -> Quantity:
        return TopEigenvalue(hessian_form(derived_words(self.model, self.loss), self.sizes))

    @property
    def sizes(self) -> dict[Any, int]:
        """The sizes that are numbers."""
        return {width(self.model.depth): 1} if self.model.widths[-1] == 1 else {}

    def __str__(self) -> str:
        return f"S = λ_max(∇²R), the Hessian of derive(DeepLinear, {self.loss}) at depth {self.model.depth}, any width"


@lru_cache(maxsize=32)
def derived_words(model: DeepLinear, loss: Any) -> MapDerivatives:
    """The words of `derive(model, loss)`, kept: its cross-checks take longer than a chain."""
    from theorycheck.symbolic.derivations import derive  # its cross-checks use the identities

    derivation: Any = derive(model, loss)
    return derivation.words


@dataclass(frozen=True)
class ScalarNetwork:
    """Names for a network of scalar output: layers, partial products, data and the usual hypotheses."""

    depth: int

    @property
    def sizes(self) -> dict[Any, int]:
        """The output has size 1."""
        return {width(self.depth): 1}

    def layer(self, k: int) -> Factor:
        """W_k."""
        return resized_factor(Chain(self.depth).layer(k), self.sizes)

    @property
    def layers(self) -> tuple[Factor, ...]:
        """W_1, ..., W_L."""
        return tuple(map(self.layer, range(1, self.depth + 1)))

    def above(self, k: int) -> WordSum:
        """A_k = W_L ... W_{k+1}, a row."""
        return resized(Chain(self.depth).above(k), self.sizes)

    def below(self, k: int) -> WordSum:
        """B_k = W_{k-1} ... W_1."""
        return resized(Chain(self.depth).below(k), self.sizes)

    @property
    def w(self) -> WordSum:
        """W_L ... W_1, a row."""
        return self.above(0)

    @property
    def tangent(self) -> WordSum:
        """dW = Σ_k A_k V_k B_k."""
        derivatives = Chain(self.depth).derivatives()
        return resized(derivatives.tangent, self.sizes)

    @property
    def target(self) -> Factor:
        """w*, a row."""
        return Factor("w*", 1, width(0))

    @property
    def root(self) -> Factor:
        """F, with Σ = FᵀF."""
        return Factor("F", sp.Symbol("n", integer=True, positive=True), width(0))

    @property
    def z(self) -> WordSum:
        """F w*ᵀ: the target's predictions over √n."""
        return self.root @ self.target.T

    @property
    def covariance(self) -> Given:
        """Σ = FᵀF."""
        sigma = Factor("Sigma", width(0), width(0), symmetric=True)
        return Given("covariance", sigma, self.root.T @ self.root)

    @property
    def risk(self) -> Given:
        """G = 2(W - w*)Σ, the gradient of the squared risk in W, with the normal equations of w*."""
        G = resized_factor(Factor("G", width(self.depth), width(0)), self.sizes)
        return Given("risk", G, 2 * ((self.w - as_sum(self.target)) @ self.root.T @ self.root))

    @property
    def minimiser(self) -> Given:
        """W Fᵀ = w* Fᵀ: the network fits as well as w*."""
        return Given("minimiser", self.w @ self.root.T, self.target @ self.root.T)

    @property
    def exact(self) -> Given:
        """W = w*: the network is the solution w* itself."""
        return Given("minimiser", self.w, self.target)

    @property
    def target_nonzero(self) -> NonZero:
        """F w*ᵀ ≠ 0: w* ≠ 0 is in the span of the inputs."""
        return NonZero("target_nonzero", self.z)

    @property
    def end_to_end(self) -> Given:
        """w* = W, the other way round: w* is written in the layers."""
        return Given("minimiser", self.target, self.w)

    def balanced(self, k: int) -> Given:
        """W_k W_kᵀ = W_{k+1}ᵀW_{k+1}."""
        return Given(f"balanced_{k}", self.layer(k) @ self.layer(k).T, self.layer(k + 1).T @ self.layer(k + 1))

    def to_gauss_newton(self, *hypotheses: str) -> tuple[Link, ...]:
        """From the derived Hessian at a minimiser to 2 F Σ_k |A_k|² B_kᵀB_k Fᵀ."""
        return Using(("covariance", "risk", *hypotheses)), GramSwap(self.root @ self.tangent.T, sp.Integer(2))
