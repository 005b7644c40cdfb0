"""Derivatives of a risk through a map given by words, and the map of a deep linear network.

Only the map W(θ) is differentiated. The risk enters through G = ∇_W R and through dG = κ dW Σ, with Σ symmetric and κ a number:
for the squared loss (c/n)|Y - X Wᵀ|² with samples in rows, Σ = XᵀX/n, G = 2c (W Σ - YᵀX/n) and κ = 2c. Expanding the risk first would
double the words.

Partial products of a deep linear network: A_k = W_L ... W_(k+1), B_k = W_(k-1) ... W_1, M_kj = W_(k-1) ... W_(j+1) for k > j; empty ones
are identities. Hence W = A_k W_k B_k, and, derived and compared here (`Chain.named_forms_hold`), with r flattening **row by row**:

    ∇_(W_k) R = A_kᵀ G B_kᵀ
    H_kk = κ (A_kᵀ A_k) ⊗ (B_k Σ B_kᵀ)
    H_kj = κ (A_kᵀ A_j) ⊗ (B_k Σ B_jᵀ) + ((A_kᵀ G B_jᵀ) ⊗ M_kj) K_j          for k > j
    H_jk = κ (A_jᵀ A_k) ⊗ (B_j Σ B_kᵀ) + (M_kjᵀ ⊗ (B_j Gᵀ A_k)) K_k = H_kjᵀ

where K_j r(V) = r(Vᵀ) for V of the shape of W_j.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.matrix_words.calculus import KroneckerSum, differential, matrix_of, read_gradient, substitute
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, WordSum, as_sum, product, zero

Index = int | str


@dataclass(frozen=True)
class MapDerivatives:
    """First and second derivatives of a risk of W(θ), where W is a sum of words in the layers θ.

    Parameters
    ----------
    w : WordSum
        The map.
    layers : tuple of Factor
        The trained matrices, in the order of θ.
    curvature : Expr
        κ, the number in dG = κ dW Σ.

    """

    w: WordSum
    layers: tuple[Factor, ...]
    curvature: sp.Expr = sp.S.One

    @property
    def gradient_in_w(self) -> Factor:
        """G, the gradient of the risk in W."""
        return Factor("G", *self.w.shape)

    @property
    def covariance(self) -> Factor:
        """Σ, symmetric."""
        return Factor("Sigma", self.w.shape[1], self.w.shape[1], symmetric=True)

    @cached_property
    def directions(self) -> tuple[Factor, ...]:
        """V_k, one a layer."""
        return tuple(Factor("V", layer.rows, layer.cols, layer.index or (layer.name,)) for layer in self.layers)

    @cached_property
    def tangent(self) -> WordSum:
        """The differential of the map, in all directions at once."""
        return differential(self.w, dict(zip(self.layers, self.directions, strict=True)))

    def bilinear(self, first: Sequence[Factor], second: Sequence[Factor]) -> WordSum:
        """D²W[first, second], the second differential of the map as a bilinear form; one direction of each kind a layer.

        That of the risk is ⟨G, D²W[u, v]⟩ + κ ⟨DW[u] Σ, DW[v]⟩.
        """
        along = differential(self.w, dict(zip(self.layers, first, strict=True)))
        return differential(along, dict(zip(self.layers, second, strict=True)))

    @cached_property
    def jacobian(self) -> tuple[KroneckerSum, ...]:
        """Matrices of V_k ↦ dW, one a layer."""
        return tuple(matrix_of(self.tangent, direction) for direction in self.directions)

    @cached_property
    def gradient(self) -> tuple[WordSum, ...]:
        """∇R, one matrix a layer."""
        differentials = (differential(self.w, {layer: direction}) for layer, direction in zip(self.layers, self.directions, strict=True))
        return tuple(read_gradient(d, direction, self.gradient_in_w) for d, direction in zip(differentials, self.directions, strict=True))

    @cached_property
    def hvp(self) -> tuple[WordSum, ...]:
        """∇²R [V], one matrix a layer: the differential of the gradient in the directions V, with dG = κ dW Σ."""
        rules: dict[Factor, Algebra] = dict(zip(self.layers, self.directions, strict=True))
        rules[self.gradient_in_w] = self.curvature * (self.tangent @ self.covariance)
        return tuple(differential(gradient, rules) for gradient in self.gradient)

    @cached_property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        """Blocks H_kj, ``hessian[k - 1][j - 1]``, rows and columns flattened row by row."""
        return tuple(tuple(matrix_of(row, direction) for direction in self.directions) for row in self.hvp)


@dataclass(frozen=True)
class Chain:
    """W = W_L ... W_1 with widths d_0, ..., d_L given by symbols; indices are numbers, or strings for an index in general."""

    depth: int

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise InvalidArgument("depth", self.depth, "must be at least 1", "pass the number of layers")

    def layer(self, k: int) -> Factor:
        """W_k, shape (d_k, d_{k-1})."""
        return Factor("W", width(k), width(k, -1), (k,))

    @property
    def layers(self) -> tuple[Factor, ...]:
        """W_1, ..., W_L."""
        return tuple(map(self.layer, range(1, self.depth + 1)))

    @property
    def w(self) -> WordSum:
        """W_L ... W_1."""
        return self.run(self.depth, 1)

    def run(self, top: int, bottom: int) -> WordSum:
        """W_top ... W_bottom; an identity if top = bottom - 1."""
        return product((self.layer(i) for i in range(top, bottom - 1, -1)), width(top))

    def above(self, k: int) -> WordSum:
        """A_k = W_L ... W_{k+1}."""
        return self.run(self.depth, k + 1)

    def below(self, k: int) -> WordSum:
        """B_k = W_{k-1} ... W_1."""
        return self.run(k - 1, 1)

    def between(self, k: int, j: int) -> WordSum:
        """M_kj = W_{k-1} ... W_{j+1} for k > j."""
        return self.run(k - 1, j + 1)

    def derivatives(self, curvature: sp.Expr = sp.S.One) -> MapDerivatives:
        """Gradient, Hessian-vector product and Hessian blocks through this map."""
        return MapDerivatives(self.w, self.layers, curvature)

    def gradients(self, G: Algebra) -> tuple[WordSum, ...]:
        """∇_{W_k} R = A_kᵀ G B_kᵀ with any G of the shape of W."""
        factor = MapDerivatives(self.w, self.layers).gradient_in_w
        return tuple(substitute(gradient, {factor: G}) for gradient in self.derivatives().gradient)

    def unfolded(self, expression: Algebra) -> WordSum:
        """Replace A_k, B_k, M_kj by the products they name."""
        total = as_sum(expression)
        meaning: dict[str, Callable[..., WordSum]] = {"A": self.above, "B": self.below, "M": self.between}
        return substitute(total, {f: meaning[f.name](*map(int, f.index)) for f in total.factors if f.name in meaning})

    def named_forms_hold(self, derived: MapDerivatives) -> bool:
        """Whether the general forms in A_k, B_k, M_kj unfold to the derived gradient, blocks and products, for every k and j."""
        forms, ks = NamedForms(derived.curvature, self.depth), range(1, self.depth + 1)
        gradients = all(self.unfolded(forms.gradient(k)) == derived.gradient[k - 1] for k in ks)
        products = all(self._same_product(forms, derived.hvp[k - 1], k) for k in ks)
        return gradients and products

    def _same_product(self, forms: NamedForms, derived: WordSum, k: int) -> bool:
        named: WordSum = zero(*derived.shape)
        for j in range(1, self.depth + 1):
            named = sum(forms.action(k, j), named)
        return self.unfolded(named) == derived


@dataclass(frozen=True)
class NamedForms:
    """The derivatives in partial products, at indices that are numbers or strings; `Chain.named_forms_hold` ties them to the derived words."""

    curvature: sp.Expr
    top: Index = "L"

    def above(self, k: Index) -> Factor:
        """A_k."""
        return Factor("A", width(self.top), width(k), (k,))

    def below(self, k: Index) -> Factor:
        """B_k."""
        return Factor("B", width(k, -1), width(0), (k,))

    def between(self, k: Index, j: Index) -> Factor:
        """M_kj."""
        return Factor("M", width(k, -1), width(j), (k, j))

    def direction(self, k: Index) -> Factor:
        """V_k."""
        return Factor("V", width(k), width(k, -1), (k,))

    @property
    def gradient_in_w(self) -> Factor:
        """G."""
        return Factor("G", width(self.top), width(0))

    @property
    def covariance(self) -> Factor:
        """Σ."""
        return Factor("Sigma", width(0), width(0), symmetric=True)

    def gradient(self, k: Index) -> WordSum:
        """A_kᵀ G B_kᵀ."""
        return self.above(k).T @ self.gradient_in_w @ self.below(k).T

    def gauss_newton(self, k: Index, j: Index) -> WordSum:
        """κ A_kᵀ A_j V_j B_j Σ B_kᵀ."""
        moved = self.above(j) @ self.direction(j) @ self.below(j)
        return self.curvature * (self.above(k).T @ moved @ self.covariance @ self.below(k).T)

    def residual(self, k: Index, j: Index, k_above_j: bool) -> WordSum:
        """The term with G: A_kᵀ G B_jᵀ V_jᵀ M_kjᵀ for k > j, M_jkᵀ V_jᵀ A_jᵀ G B_kᵀ for k < j."""
        G, V = self.gradient_in_w, self.direction(j)
        if k_above_j:
            return self.above(k).T @ G @ self.below(j).T @ V.T @ self.between(k, j).T
        return self.between(j, k).T @ V.T @ self.above(j).T @ G @ self.below(k).T

    def action(self, k: int, j: int) -> Sequence[WordSum]:
        """The terms of H_kj V_j."""
        return (self.gauss_newton(k, j),) if k == j else (self.gauss_newton(k, j), self.residual(k, j, k > j))

    def block(self, k: Index, j: Index, order: int) -> KroneckerSum:
        """H_kj for k > j (`order` 1), k = j (0), k < j (-1)."""
        total = self.gauss_newton(k, j)
        return matrix_of(total + self.residual(k, j, order > 0) if order else total, self.direction(j))


def width(k: Index, offset: int = 0) -> sp.Symbol:
    """The size d_{k + offset}."""
    name = f"d_{k + offset}" if isinstance(k, int) else f"d_{{{k}{offset:+d}}}" if offset else f"d_{k}"
    return sp.Symbol(name, integer=True, positive=True)
