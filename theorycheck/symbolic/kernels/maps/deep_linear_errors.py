"""Rounding errors of products of matrices, from the norms of the partial products.

A product computed from one side, A_{k-1} = A_k W_k, commits at most γ ‖A_k‖ ‖W_k‖, γ = (largest width + 4) eps, and carries what
A_k brought along; unrolled, to first order and in Frobenius norms (Higham, Accuracy and Stability of Numerical Algorithms, 3.5),

    ‖δA_k‖ <= γ α_k,  α_k = Σ_{i>k} ‖A_i‖ ‖W_i‖ ‖M_ik‖,      ‖δB_k‖ <= γ β_k,  β_k = Σ_{i<k} ‖M_ki‖ ‖W_i‖ ‖B_i‖,
    ‖δM_kj‖ <= γ μ_kj,  μ_kj = Σ_{k>i>j} ‖M_ki‖ ‖W_i‖ ‖M_ij‖,

with A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1 and M_kj = W_{k-1} ... W_{j+1}. The norms are those of the products themselves:
products of the norms of single layers, or of absolute values, would grow too large with the depth by a power of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.compiled import together
from theorycheck.symbolic.kernels.networks import norms


@dataclass(frozen=True)
class PartialNorms:
    """Frobenius norms of partial products; leading axes are those of θ.

    Parameters
    ----------
    outer, inner, own : ndarray, shape (..., L)
        Of A_k, B_k and W_k; an identity counts as 1.
    between : ndarray, shape (..., L, L)
        Of M_kj in row k and column j, 0 for k <= j.
    lost : float
        γ.

    """

    outer: np.ndarray
    inner: np.ndarray
    own: np.ndarray
    between: np.ndarray
    lost: float

    @classmethod
    def of(cls, widths: np.ndarray, theta: np.ndarray, between_layers: bool = True) -> PartialNorms:
        """The norms at θ, shape ``(..., P)``; where those of M_kj are left out, `between` is empty."""
        leading, (rows,) = together((theta, 1))
        L = len(widths) - 1
        pairs = L if between_layers else 0
        vectors, between = [np.empty((len(rows), L)) for _ in range(3)], np.empty((len(rows), pairs, pairs))
        norms.partial_norms(widths, rows, *vectors, between)
        a, b, s = (vector.reshape(*leading, L) for vector in vectors)
        return cls(a, b, s, between.reshape(*leading, pairs, pairs), (int(widths.max()) + 4) * EPS)

    @property
    def outer_errors(self) -> np.ndarray:
        """α, shape ``(..., L)``."""
        return ((self.outer * self.own)[..., None, :] @ self.between)[..., 0, :]

    @property
    def inner_errors(self) -> np.ndarray:
        """β, shape ``(..., L)``."""
        return (self.between @ (self.own * self.inner)[..., None])[..., 0]

    @property
    def between_errors(self) -> np.ndarray:
        """μ, shape ``(..., L, L)``."""
        return (self.between * self.own[..., None, :]) @ self.between

    def w(self) -> np.ndarray:
        """Bound on the error of w."""
        return self.lost * np.sum(self.outer * self.own * self.inner, axis=-1)

    def gradient(self, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        """Bound on the error of the gradient, for the norm of G and that of its error."""
        a, b = self.outer, self.inner
        committed = self.outer_errors * b + a * self.inner_errors + a * b
        return np.linalg.norm(self.lost * G[..., None] * committed + G_error[..., None] * a * b, axis=-1)

    def hessian(self, G: np.ndarray, G_error: np.ndarray, K: np.ndarray, K_error: np.ndarray) -> np.ndarray:
        """Bound on the spectral norm of the error of the Hessian: the norm of a bound a block."""
        a, b, m = self.outer, self.inner, self.between
        A, B = _pairs(a, a), _pairs(b, b)
        moved_A, moved_B = _pairs(self.outer_errors, a) + _pairs(a, self.outer_errors), _pairs(self.inner_errors, b) + _pairs(b, self.inner_errors)
        first = self.lost * K[..., None, None] * (moved_A * B + A * moved_B + 4 * A * B) + K_error[..., None, None] * A * B
        moved = _pairs(self.outer_errors, b) * m + _pairs(a, self.inner_errors) * m + _pairs(a, b) * (self.between_errors + 4 * m)
        second = self.lost * G[..., None, None] * moved + G_error[..., None, None] * _pairs(a, b) * m
        return np.linalg.norm(first + second + np.swapaxes(second, -1, -2), axis=(-2, -1))

    def second_term(self, G: np.ndarray) -> np.ndarray:
        """Bound on the spectral norm of Σ_i G_i ∇²w_i, whose block k > j is made of A_kᵀ G B_jᵀ and M_kj, for the norm of G."""
        lower = _pairs(self.outer, self.inner) * self.between
        return G * np.linalg.norm(lower + np.swapaxes(lower, -1, -2), axis=(-2, -1))

    def gauss_newton(self, factor: np.ndarray, factor_error: float) -> np.ndarray:
        """Bound on the trace norm of the error of Σ_k (A_k A_kᵀ) ⊗ (F B_kᵀ B_k Fᵀ), for the norm of F and the relative error of FᵀF."""
        a, b = self.outer, self.inner
        committed = 2 * self.lost * (a * self.outer_errors * b**2 + a**2 * b * self.inner_errors) + (4 * self.lost + factor_error) * a**2 * b**2
        return factor**2 * np.sum(committed, axis=-1)


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x[..., :, None] * y[..., None, :]
