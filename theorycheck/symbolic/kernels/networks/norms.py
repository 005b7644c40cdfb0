"""Frobenius norms of the partial products of a network, over blocks of lanes; notation as in `lanes` and `dense`."""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.micro.products import vector_matrix
from theorycheck.symbolic.kernels.networks.dense import LARGE, inners, matrix_of, outers, product
from theorycheck.symbolic.kernels.networks.lanes import block_of, block_size, down, load, offsets


@compiled
def partial_norms(widths: np.ndarray, theta: np.ndarray, outer: np.ndarray, inner: np.ndarray, own: np.ndarray, between: np.ndarray) -> None:
    """Frobenius norms of A_k, B_k, W_k, shape (B, L) each, and of M_kj, shape (B, L, L) or (B, 0, 0) for none."""
    if widths.max() >= LARGE or block_size(theta.shape[0], theta.shape[1]) == 1:
        norms_one_by_one(widths, theta, outer, inner, own, between)
        return
    at, to = offsets(widths)
    first, widest = at[0], widths.max()
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        n = members.size
        T, Q, room = np.empty((theta.shape[1], n)), np.empty((widths[-1] * at[-1], n)), np.empty((2, widest * widest, n))
        load(theta, members, T)
        down(widths, at, to, T, Q)
        for k in range(1, widths.size):
            entries = widths[-1] * widths[k]
            for lane in range(n):
                outer[members[lane], k - 1] = 1.0 if k == widths.size - 1 else column_norm(Q, widths[-1] * at[k], entries, lane)
                own[members[lane], k - 1] = column_norm(T, to[k - 1], to[k] - to[k - 1], lane)
        for j in range(widths.size - 1 if between.shape[1] > 0 else 1):
            chain_of_block(widths, to, T, j, members, room, inner, between)
        if between.shape[1] > 0:
            for lane in range(n):
                for k in range(widths.size - 1):
                    between[members[lane], k, widths.size - 2] = 0.0
        first += n


@borrowing
def column_norm(block: np.ndarray, first: int, count: int, lane: int) -> float:
    """Euclidean norm of some rows of one lane."""
    total = 0.0
    for p in range(first, first + count):
        total += block[p, lane] * block[p, lane]
    return np.sqrt(total)


@borrowing
def chain_of_block(
    widths: np.ndarray, to: np.ndarray, T: np.ndarray, j: int, members: np.ndarray, room: np.ndarray, inner: np.ndarray, between: np.ndarray
) -> None:
    """Norms of M_kj for one j into column j - 1 of `between`, 0 for k <= j and 1 for the identity; for j = 0 those of B_k into `inner`."""
    depth, cols = widths.size - 1, widths[j]
    for k in range(1, depth + 1):
        old, new = room[k % 2], room[1 - k % 2]
        rows, above = widths[k - 1], widths[k - 2] if k > 1 else cols
        if k == j + 2:
            for p in range(rows * cols):
                for lane in range(members.size):
                    new[p, lane] = T[to[k - 2] + p, lane]
        elif k > j + 2:
            for p in range(rows * cols):
                for lane in range(members.size):
                    new[p, lane] = 0.0
            for i in range(rows):
                vector_matrix(above, cols, T, to[k - 2] + i * above, old, 0, new, i * cols)
        for lane in range(members.size):
            found = 0.0 if k <= j else 1.0 if k == j + 1 else column_norm(new, 0, rows * cols, lane)
            if j == 0:
                inner[members[lane], k - 1] = found
            else:
                between[members[lane], k - 1, j - 1] = found


@borrowing
def norm(values: np.ndarray) -> float:
    """Euclidean norm of the entries of a matrix."""
    total = 0.0
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            total += values[i, j] * values[i, j]
    return np.sqrt(total)


@borrowing
def chain_norms(widths: np.ndarray, to: np.ndarray, row: np.ndarray, j: int, room: np.ndarray, out: np.ndarray) -> None:
    """Frobenius norms of M_kj for one j into column j - 1 of `out`: 0 for k <= j, and 1 for the identity."""
    depth, cols = widths.size - 1, widths[j]
    for k in range(1, depth + 1):
        out[k - 1, j - 1] = 1.0 if k == j + 1 else 0.0
    for k in range(j + 2, depth + 1):
        rows, inner, first, old, new = widths[k - 1], widths[k - 2], to[k - 2], k % 2, 1 - k % 2
        if k == j + 2:
            for i in range(rows * cols):
                room[new, i] = row[first + i]
        elif min(rows, inner, cols) >= LARGE:
            M = room[old, : inner * cols].reshape(inner, cols)
            product(row[first : first + rows * inner].reshape(rows, inner), M, room[new, : rows * cols].reshape(rows, cols))
        else:
            for i in range(rows):
                for c in range(cols):
                    room[new, i * cols + c] = 0.0
                for m in range(inner):
                    a = row[first + i * inner + m]
                    for c in range(cols):
                        room[new, i * cols + c] += a * room[old, m * cols + c]
        total = 0.0
        for i in range(rows * cols):
            total += room[new, i] * room[new, i]
        out[k - 1, j - 1] = np.sqrt(total)


@compiled
def norms_one_by_one(widths: np.ndarray, theta: np.ndarray, outer: np.ndarray, inner: np.ndarray, own: np.ndarray, between: np.ndarray) -> None:
    """As `partial_norms`, instance after instance, by BLAS where the matrices are large."""
    at, to = offsets(widths)
    depth, rows, d, widest = widths.size - 1, widths[-1], widths[0], widths.max()
    A, B, identity, room = np.empty(rows * at[-1]), np.empty(d * at[-1]), np.eye(d), np.empty((2, widest * widest))
    for instance in range(theta.shape[0]):
        row = theta[instance]
        outers(widths, at, to, row, A)
        inners(widths, at, to, row, identity, B)
        for j in range(1, depth + 1):
            outer[instance, j - 1] = 1.0 if j == depth else norm(A[rows * at[j] : rows * at[j + 1]].reshape(rows, widths[j]))
            inner[instance, j - 1] = 1.0 if j == 1 else norm(B[d * at[j - 1] : d * at[j]].reshape(widths[j - 1], d))
            own[instance, j - 1] = norm(matrix_of(widths, to, row, j))
            if between.shape[1] > 0:
                chain_norms(widths, to, row, j, room, between[instance])
