"""Products of matrices, one instance at a time: Jacobian, Hessian and Gauss-Newton matrix by blocks.

Notation as in `lanes`: A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1, and M_kj = W_{k-1} ... W_{j+1} for k > j. Parameters are
flattened row by row, so entry (i, a) of W_k against entry (p, b) of W_j of the Hessian is, for k > j,

    (A_kᵀ A_j)[i, p] (B_k K B_jᵀ)[a, b] + (A_kᵀ G B_jᵀ)[i, b] (M_kj)[a, p]

and its first term alone for k = j (catalogued as hessian-dln/blocks; K is the curvature, I ⊗ K the Hessian of the risk in w).
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.lanes import clear, offsets

TILE = 32
LARGE = 16


@compiled
def product(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """out = left right, by BLAS where the matrices are large."""
    rows, inner, cols = left.shape[0], left.shape[1], right.shape[1]
    if rows >= LARGE and inner >= LARGE and cols >= LARGE:
        np.dot(left, right, out)
        return
    for i in range(rows):
        for j in range(cols):
            out[i, j] = 0.0
        for k in range(inner):
            a = left[i, k]
            for j in range(cols):
                out[i, j] += a * right[k, j]


@compiled
def matrix_of(widths: np.ndarray, to: np.ndarray, theta: np.ndarray, k: int) -> np.ndarray:
    """W_k of one instance, as a view."""
    return theta[to[k - 1] : to[k]].reshape(widths[k], widths[k - 1])


@compiled
def outers(widths: np.ndarray, at: np.ndarray, to: np.ndarray, theta: np.ndarray, A: np.ndarray) -> None:
    """All A_k, each d_L by d_k, one after the other from k = 0."""
    depth, rows = widths.size - 1, widths[-1]
    for r in range(rows):
        for s in range(rows):
            A[rows * (at[depth] + r) + s] = 1.0 if r == s else 0.0
    for k in range(depth, 0, -1):
        above = A[rows * at[k] : rows * at[k + 1]].reshape(rows, widths[k])
        product(above, matrix_of(widths, to, theta, k), A[rows * at[k - 1] : rows * at[k]].reshape(rows, widths[k - 1]))


@compiled
def inners(widths: np.ndarray, at: np.ndarray, to: np.ndarray, theta: np.ndarray, right: np.ndarray, B: np.ndarray) -> None:
    """All B_k right, each d_{k-1} by the columns of `right`, one after the other from k = 1."""
    cols = right.shape[1]
    for i in range(widths[0]):
        for j in range(cols):
            B[i * cols + j] = right[i, j]
    for k in range(1, widths.size - 1):
        below = B[cols * at[k - 1] : cols * at[k]].reshape(widths[k - 1], cols)
        product(matrix_of(widths, to, theta, k), below, B[cols * at[k] : cols * at[k + 1]].reshape(widths[k], cols))


@compiled
def jacobians(widths: np.ndarray, theta: np.ndarray, out: np.ndarray) -> None:
    """J of every instance: theta (B, P), out (B, d_L d_0, P); row (r, m), column (k, i, a) is A_k[r, i] B_k[a, m]."""
    at, to = offsets(widths)
    rows, d = widths[-1], widths[0]
    A, B = np.empty(rows * at[-1]), np.empty(d * at[-1])
    for b in range(theta.shape[0]):
        outers(widths, at, to, theta[b], A)
        inners(widths, at, to, theta[b], np.eye(d), B)
        for k in range(1, widths.size):
            above = A[rows * at[k] : rows * at[k + 1]].reshape(rows, widths[k])
            below = B[d * at[k - 1] : d * at[k]].reshape(widths[k - 1], d)
            for r in range(rows):
                for m in range(d):
                    line = out[b, r * d + m]
                    for i in range(widths[k]):
                        for a in range(widths[k - 1]):
                            line[to[k - 1] + i * widths[k - 1] + a] = above[r, i] * below[a, m]


@compiled
def mirror(H: np.ndarray) -> None:
    """Copy the lower triangle onto the upper one, a tile at a time."""
    P = H.shape[0]
    for top in range(0, P, TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(top + TILE, P)):
                for j in range(left, min(left + TILE, i)):
                    H[j, i] = H[i, j]


@compiled
def fill(AA: np.ndarray, BKB: np.ndarray, AGB: np.ndarray, M: np.ndarray, coupled: bool, H: np.ndarray) -> None:
    """One block of the Hessian, by the formula at the head of this file."""
    rows, cols, width = AA.shape[0], AA.shape[1], BKB.shape[1]
    for i in range(rows):
        for a in range(BKB.shape[0]):
            line = H[i * BKB.shape[0] + a]
            for p in range(cols):
                part, s, inner = line[p * width : (p + 1) * width], AA[i, p], BKB[a]
                for b in range(width):
                    part[b] = s * inner[b]
                if coupled:
                    t, outer = M[a, p], AGB[i]
                    for b in range(width):
                        part[b] += t * outer[b]


@compiled
def hessians(widths: np.ndarray, theta: np.ndarray, G: np.ndarray, K: np.ndarray, out: np.ndarray) -> None:
    """The Hessian of every instance: theta (B, P), G (B, d_L d_0), K (B, d_0 d_0), out (B, P, P)."""
    at, to = offsets(widths)
    depth, rows, d = widths.size - 1, widths[-1], widths[0]
    A, B = np.empty(rows * at[-1]), np.empty(d * at[-1])
    for instance in range(theta.shape[0]):
        slope, curvature = G[instance].reshape(rows, d), K[instance].reshape(d, d)
        outers(widths, at, to, theta[instance], A)
        inners(widths, at, to, theta[instance], np.eye(d), B)
        for j in range(1, depth + 1):
            Bj = B[d * at[j - 1] : d * at[j]].reshape(widths[j - 1], d)
            Aj = A[rows * at[j] : rows * at[j + 1]].reshape(rows, widths[j])
            KB, GB = np.empty((d, widths[j - 1])), np.empty((rows, widths[j - 1]))
            product(curvature, Bj.T.copy(), KB)
            product(slope, Bj.T.copy(), GB)
            M = np.eye(widths[j])
            for k in range(j, depth + 1):
                Ak = A[rows * at[k] : rows * at[k + 1]].reshape(rows, widths[k]).T.copy()
                AA, AGB = np.empty((widths[k], widths[j])), np.empty((widths[k], widths[j - 1]))
                BKB = np.empty((widths[k - 1], widths[j - 1]))
                product(Ak, Aj, AA)
                product(Ak, GB, AGB)
                product(B[d * at[k - 1] : d * at[k]].reshape(widths[k - 1], d), KB, BKB)
                fill(AA, BKB, AGB, M, k > j, out[instance, to[k - 1] : to[k], to[j - 1] : to[j]])
                if k > j:
                    longer = np.empty((widths[k], widths[j]))
                    product(matrix_of(widths, to, theta[instance], k), M, longer)
                    M = longer
        mirror(out[instance])


@compiled
def gauss_newtons(widths: np.ndarray, theta: np.ndarray, F: np.ndarray, out: np.ndarray) -> None:
    """(I ⊗ F) J Jᵀ (I ⊗ F)ᵀ = Σ_k (A_k A_kᵀ) ⊗ (F B_kᵀ B_k Fᵀ): theta (B, P), F (B, f, d_0), out (B, d_L f, d_L f).

    With one output it is the product of one tall matrix, the rows |q_k| B_k Fᵀ of all layers, with its transpose.
    """
    at, to = offsets(widths)
    rows, f = widths[-1], F.shape[1]
    A, B, left, right = np.empty(rows * at[-1]), np.empty(f * at[-1]), np.empty((rows, rows)), np.empty((f, f))
    for instance in range(theta.shape[0]):
        outers(widths, at, to, theta[instance], A)
        inners(widths, at, to, theta[instance], F[instance].T.copy(), B)
        total = out[instance]
        if rows == 1:
            count = at[widths.size - 1]
            for k in range(1, widths.size):
                size = 0.0
                for i in range(at[k], at[k + 1]):
                    size += A[i] * A[i]
                size = np.sqrt(size)
                for i in range(f * at[k - 1], f * at[k]):
                    B[i] *= size
            tall = B[: f * count].reshape(count, f)
            product(tall.T.copy(), tall, total)
            continue
        clear(total)
        for k in range(1, widths.size):
            above = A[rows * at[k] : rows * at[k + 1]].reshape(rows, widths[k])
            below = B[f * at[k - 1] : f * at[k]].reshape(widths[k - 1], f)
            product(above, above.T.copy(), left)
            product(below.T.copy(), below, right)
            for r in range(rows):
                for s in range(rows):
                    for x in range(f):
                        for y in range(f):
                            total[r * f + x, s * f + y] += left[r, s] * right[x, y]
