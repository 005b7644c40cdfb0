"""Lowering of quadratic forms w_i = θᵀ A_i θ/2: the matrices are data of the compiled code, so no set of them compiles anew.

With symmetric A_i the Jacobian has the rows A_i θ, w_i = (A_i θ)ᵀθ/2, and Σ_i G_i ∇²w_i = Σ_i G_i A_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.bounded import euclidean
from theorycheck.symbolic.kernels.compiled import compiled, together
from theorycheck.symbolic.kernels.exact import exactly_too


@compiled
def images(A: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """A_i x for every instance: A (m, P, P) symmetric, x (B, P), out (B, m, P)."""
    P = x.shape[1]
    for b in range(x.shape[0]):
        for i in range(A.shape[0]):
            y = out[b, i]
            for p in range(P):
                y[p] = 0.0
            for q in range(P):
                s, row = x[b, q], A[i, q]
                for p in range(P):
                    y[p] += s * row[p]


@compiled
def inner_products(rows: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Products with the rows of a matrix: rows (B, m, P), x (B, P), out (B, m)."""
    for b in range(x.shape[0]):
        for i in range(rows.shape[1]):
            total, row = 0.0, rows[b, i]
            for p in range(row.size):
                total += row[p] * x[b, p]
            out[b, i] = total


@compiled
def add_combinations(numbers: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """out += Σ_i numbers_i rows_i: numbers (B, m), rows (B, m, P), or (1, m, P) for all instances, out (B, P)."""
    shared = rows.shape[0] == 1
    for b in range(numbers.shape[0]):
        y = out[b]
        for i in range(numbers.shape[1]):
            s, row = numbers[b, i], rows[0 if shared else b, i]
            for p in range(row.size):
                y[p] += s * row[p]


@compiled
def add_pulled_back(J: np.ndarray, K: np.ndarray, out: np.ndarray) -> None:
    """out += Jᵀ K J: J (B, m, P), K (B, m m), out (B, P, P)."""
    m, P = J.shape[1], J.shape[2]
    curved = np.empty(P)
    for b in range(J.shape[0]):
        for i in range(m):
            for p in range(P):
                curved[p] = 0.0
            for j in range(m):
                s, row = K[b, i * m + j], J[b, j]
                for p in range(P):
                    curved[p] += s * row[p]
            for q in range(P):
                s, line = J[b, i, q], out[b, q]
                for p in range(P):
                    line[p] += s * curved[p]


@dataclass(frozen=True, eq=False)
class QuadraticKernels:
    """The map θ -> (θᵀ A_i θ/2)_i and its derivatives.

    The result for one instance does not depend on the others in the call, to the last bit.

    Parameters
    ----------
    matrices : ndarray, shape (m, P, P)
        The A_i, symmetric.

    """

    matrices: np.ndarray

    @property
    def exact(self) -> ExactForms:
        """The same functions on arrays of exact or enclosed numbers."""
        return ExactForms(self.matrices.astype(object))

    @property
    def majorant(self) -> QuadraticKernels:
        """The same with the absolute values of the entries."""
        return QuadraticKernels(np.abs(self.matrices))

    @exactly_too
    def w(self, theta: np.ndarray) -> np.ndarray:
        return 0.5 * self.tangent(theta, theta)

    @exactly_too
    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        return self._images(rows).reshape(*leading, *self.matrices.shape[:2])

    @exactly_too
    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        leading, (rows, slopes) = together((theta, 1), (G, 1))
        out = np.zeros_like(rows)
        add_combinations(slopes, self._images(rows), out)
        return out.reshape(*leading, self.matrices.shape[-1])

    @exactly_too
    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, directions) = together((theta, 1), (v, 1))
        return self._tangents(self._images(rows), directions).reshape(*leading, len(self.matrices))

    @exactly_too
    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        leading, (rows, slopes, curvatures) = together((theta, 1), (G, 1), (curvature, 2))
        P = rows.shape[1]
        out = np.zeros((len(rows), P, P))
        add_combinations(slopes, self._flat_matrices, out.reshape(len(rows), P * P))
        add_pulled_back(self._images(rows), curvatures, out)
        return out.reshape(*leading, P, P)

    @exactly_too
    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, slopes, curvatures, directions) = together((theta, 1), (G, 1), (curvature, 2), (v, 1))
        J, out, m = self._images(rows), np.zeros_like(rows), len(self.matrices)
        moved, bent = self._tangents(J, directions), np.empty((len(rows), m))
        inner_products(curvatures.reshape(len(rows), m, m), moved, bent)
        add_combinations(slopes, self._images(directions), out)
        add_combinations(bent, J, out)
        return out.reshape(*leading, self.matrices.shape[-1])

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return self._lost * euclidean(self.majorant.w(np.abs(theta)), 1)

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        committed = self._lost * euclidean(self.majorant.gradient(np.abs(theta), np.abs(G)), 1)
        return committed + euclidean(self.jacobian(theta), 2) * G_error

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        committed = self._lost * euclidean(self.majorant.hessian(np.abs(theta), np.abs(G), np.abs(curvature)), 2)
        return committed + euclidean(self.matrices, 3) * G_error + euclidean(self.jacobian(theta), 2) ** 2 * curvature_error

    @cached_property
    def _lost(self) -> float:
        """eps times the roundings on the longest path: two products with an A_i, two sums over i."""
        m, P, _ = self.matrices.shape
        return (2 * P + 2 * m + 8) * EPS

    @cached_property
    def _flat_matrices(self) -> np.ndarray:
        """The A_i row by row, shape ``(1, m, P²)``."""
        return self.matrices.reshape(1, len(self.matrices), -1)

    def _images(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty((len(rows), *self.matrices.shape[:2]))
        images(self.matrices, rows, out)
        return out

    def _tangents(self, J: np.ndarray, directions: np.ndarray) -> np.ndarray:
        out = np.empty(J.shape[:2])
        inner_products(J, directions, out)
        return out


@dataclass(frozen=True, eq=False)
class ExactForms:
    """The same map on arrays of dtype object, by the formulas at the head of this file."""

    matrices: np.ndarray

    def w(self, theta: np.ndarray) -> np.ndarray:
        """w(θ)."""
        return np.einsum("...ip,...p->...i", self.jacobian(theta), theta) * 0.5

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """Rows A_i θ."""
        return np.einsum("ipq,...q->...ip", self.matrices, theta)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        """Jᵀ G."""
        return np.einsum("...ip,...i->...p", self.jacobian(theta), G)

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v."""
        return np.einsum("...ip,...p->...i", self.jacobian(theta), v)

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Jᵀ K J + Σ_i G_i A_i."""
        J = self.jacobian(theta)
        KJ = np.einsum("...ij,...jq->...iq", curvature, J)
        return np.einsum("...ip,...iq->...pq", J, KJ) + np.einsum("...i,ipq->...pq", G, self.matrices)

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The same matrix times v."""
        return np.einsum("...pq,...q->...p", self.hessian(theta, G, curvature), v)
