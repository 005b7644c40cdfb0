"""QR factorisation of batches of matrices whose rows differ by hundreds of orders of magnitude.

Householder's method with the rows sorted by size and the columns pivoted is stable row by row (Cox & Higham 1998, "Stability of
Householder QR factorization for weighted least squares problems"); the factorisations of NumPy are stable in norm only, and lose the small rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class GradedQR:
    """M = Q R Πᵀ for M of shape ``(..., K, n)`` with K ≥ n.

    Parameters
    ----------
    Q : ndarray, shape (..., K, n)
        Orthonormal columns.
    R : ndarray, shape (..., n, n)
        Upper triangular, with diagonal entries that fall in size.
    columns : ndarray, shape (..., n)
        The order of the columns of M.

    """

    Q: np.ndarray
    R: np.ndarray
    columns: np.ndarray

    def forward(self, r: np.ndarray) -> np.ndarray:
        """R^(-T) Πᵀ r for r of shape ``(..., n)``."""
        r, out = np.take_along_axis(r, self.columns, -1), np.zeros(np.broadcast_shapes(r.shape, self.R.shape[:-1]))
        for j in range(r.shape[-1]):
            known = np.sum(self.R[..., :j, j] * out[..., :j], axis=-1)
            out[..., j] = (r[..., j] - known) / self.R[..., j, j]
        return out

    def backward(self, g: np.ndarray) -> np.ndarray:
        """Π R^(-1) g for g of shape ``(..., n)``."""
        out = np.zeros_like(g)
        for j in reversed(range(g.shape[-1])):
            known = np.sum(self.R[..., j, j + 1 :] * out[..., j + 1 :], axis=-1)
            out[..., j] = (g[..., j] - known) / self.R[..., j, j]
        placed = np.empty_like(out)
        np.put_along_axis(placed, self.columns, out, -1)
        return placed


def graded_qr(M: np.ndarray) -> GradedQR:
    """Factorise M of shape ``(..., K, n)``, K ≥ n; the diagonal of R holds zeros where M lacks rank."""
    rows, n = np.argsort(-np.max(np.abs(M), axis=-1, initial=0.0), axis=-1), M.shape[-1]
    R, columns, reflectors = _triangular(np.take_along_axis(M, rows[..., None], -2))
    Q = np.broadcast_to(np.eye(M.shape[-2], n), M.shape).copy()
    for j in reversed(range(n)):
        Q[..., j:, :] = _reflected(Q[..., j:, :], reflectors[j])
    placed = np.empty_like(Q)
    np.put_along_axis(placed, rows[..., None], Q, -2)
    return GradedQR(placed, R[..., :n, :], columns)


def null_projection(T: np.ndarray) -> np.ndarray:
    """Orthogonal projection on the null space of T ``(..., n, K)`` of full row rank n ≤ K, shape ``(..., K, K)``.

    Each row is known relative to its own size, also where the columns of T differ by any scale: with T = [B N] for n large columns B and
    F = B^(-1) N, the null space is spanned by the columns of [-F; I].
    """
    n, K = T.shape[-2:]
    R, columns, _ = _triangular(T)
    F = np.zeros((*T.shape[:-2], n, K - n))
    for j in reversed(range(n)):
        known = np.sum(R[..., j, j + 1 : n, None] * F[..., j + 1 :, :], axis=-2)
        F[..., j, :] = (R[..., j, n:] - known) / R[..., j, j, None]
    basis = np.concatenate([-F, np.broadcast_to(np.eye(K - n), (*T.shape[:-2], K - n, K - n))], axis=-2)
    projection = basis @ np.linalg.inv(np.swapaxes(basis, -1, -2) @ basis) @ np.swapaxes(basis, -1, -2)
    back = np.argsort(columns, axis=-1)
    return np.take_along_axis(np.take_along_axis(projection, back[..., :, None], -2), back[..., None, :], -1)


def _triangular(M: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Householder's method with columns pivoted: R of the shape of M, the order of the columns, and the reflectors."""
    work, columns, reflectors = M.copy(), np.broadcast_to(np.arange(M.shape[-1]), (*M.shape[:-2], M.shape[-1])).copy(), []
    for j in range(min(M.shape[-2:])):
        pivot = j + np.argmax(_norm(work[..., j:, j:]), axis=-1)
        _swap(work, j, pivot[..., None])
        _swap(columns[..., None, :], j, pivot[..., None])
        v = _reflector(work[..., j:, j])
        work[..., j:, j:] = _reflected(work[..., j:, j:], v)
        work[..., j + 1 :, j] = 0.0
        reflectors.append(v)
    return work, columns, reflectors


def _norm(M: np.ndarray) -> np.ndarray:
    """Norms of the columns, without underflow."""
    top = np.max(np.abs(M), axis=-2, keepdims=True)
    return top[..., 0, :] * np.sqrt(np.sum((M / np.where(top > 0, top, 1.0)) ** 2, axis=-2))


def _reflector(x: np.ndarray) -> np.ndarray:
    """v with |v|² = 2 such that (I - v vᵀ) x is a multiple of the first unit vector; 0 for x = 0."""
    top = np.max(np.abs(x), axis=-1, keepdims=True)
    v = x / np.where(top > 0, top, 1.0)
    norm = np.sqrt(np.sum(v**2, axis=-1))
    v[..., 0] += np.where(v[..., 0] >= 0, norm, -norm)
    length = np.sqrt(np.sum(v**2, axis=-1, keepdims=True) / 2)
    return v / np.where(length > 0, length, 1.0)


def _reflected(M: np.ndarray, v: np.ndarray) -> np.ndarray:
    return M - v[..., :, None] * np.sum(v[..., :, None] * M, axis=-2, keepdims=True)


def _swap(M: np.ndarray, j: int, other: np.ndarray) -> None:
    """Swap column j of M with the column `other` of each matrix, in place."""
    index = np.broadcast_to(other[..., None], (*M.shape[:-1], 1))
    held = np.take_along_axis(M, index, -1)
    np.put_along_axis(M, index, M[..., j : j + 1], -1)
    M[..., j : j + 1] = held
