"""Products of matrices, many instances at once: sweeps over blocks of lanes.

A block holds up to `LANES` instances side by side: entry p of instance l is ``block[p, l]``, so every inner loop runs over
instances. A block of one instance runs over the columns of its matrices instead, in the same order of operations: results
do not depend on the block, to the last bit.

Notation (rows r of the output, d_L of them): A_k = W_L ... W_{k+1}, with A_L = I and A_0 = w; B_k = W_{k-1} ... W_1.
The sweep down the layers makes all A_k, the sweep up makes H_k = G B_kᵀ; the gradient in W_k is A_kᵀ H_k. With a scalar
output every product is a vector times a matrix, O(Σ d_k d_{k-1}) in all. A_k begins at row ``d_L at[k]`` of its block, H_k at
row ``d_L at[k-1]`` and W_k at row ``to[k-1]``.

The code is plain loops on purpose: numba compiles a kernel anew for every literal among its arguments,
and slices assigned to arrays cost it a second each.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.micro.products import matrix_vector, minus_outer, outer, vector_matrix

LANES = 64  # of a block, at most
NEAREST = 4096  # numbers that the nearest cache holds: blocks are made to fit, down to `FEWEST_LANES`
FEWEST_LANES = 16  # below, one at a time is quicker
LARGEST_LANE = 4096  # parameters: above, a block leaves the cache and one at a time is quicker


@compiled
def offsets(widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where vectors of length d_0, d_1, ... begin, and where W_1, W_2, ... do; the last entry is the room for all."""
    depth = widths.size - 1
    at, to = np.zeros(depth + 2, np.int64), np.zeros(depth + 1, np.int64)
    for k in range(depth + 1):
        at[k + 1] = at[k] + widths[k]
    for k in range(depth):
        to[k + 1] = to[k] + widths[k] * widths[k + 1]
    return at, to


@borrowing
def clear(block: np.ndarray) -> None:
    """Zeros."""
    for p in range(block.shape[0]):
        for lane in range(block.shape[1]):
            block[p, lane] = 0.0


@borrowing
def add_vector_matrix(rows: int, cols: int, q: np.ndarray, W: np.ndarray, out: np.ndarray) -> None:
    """out += qᵀ W."""
    vector_matrix(rows, cols, q, 0, W, 0, out, 0)


@borrowing
def add_matrix_vector(rows: int, cols: int, W: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out += W h."""
    matrix_vector(rows, cols, W, 0, h, 0, out, 0)


@borrowing
def add_outer(factor: float, rows: int, cols: int, q: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out += factor q hᵀ, (factor q) hᵀ in this order."""
    if factor == 1.0:
        outer(rows, cols, q, 0, h, 0, out, 0)
        return
    if factor == -1.0:
        minus_outer(rows, cols, q, 0, h, 0, out, 0)
        return
    for i in range(rows):
        for j in range(cols):
            for lane in range(out.shape[1]):
                out[i * cols + j, lane] += factor * q[i, lane] * h[j, lane]


@borrowing
def down(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, Q: np.ndarray) -> None:
    """All A_k of a block T of parameters."""
    depth, outputs = widths.size - 1, widths[-1]
    before, last = outputs * at[depth - 1], outputs * at[depth]
    for p in range(before):
        for lane in range(Q.shape[1]):
            Q[p, lane] = 0.0
    for p in range(last - before):  # A_{L-1} = W_L
        for lane in range(Q.shape[1]):
            Q[before + p, lane] = T[to[depth - 1] + p, lane]
    for p in range(outputs * outputs):
        for lane in range(Q.shape[1]):
            Q[last + p, lane] = 1.0 if p % (outputs + 1) == 0 else 0.0
    for k in range(depth - 1, 0, -1):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            vector_matrix(widths[k], widths[k - 1], Q, above, T, to[k - 1], Q, below)


@borrowing
def down_tangent(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, V: np.ndarray, Q: np.ndarray, D: np.ndarray) -> None:
    """D_k, the derivative of A_k along V."""
    outputs = widths[-1]
    clear(D)
    for k in range(widths.size - 1, 0, -1):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            vector_matrix(widths[k], widths[k - 1], D, above, T, to[k - 1], D, below)
            vector_matrix(widths[k], widths[k - 1], Q, above, V, to[k - 1], D, below)


@borrowing
def up(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, H: np.ndarray) -> None:
    """All H_k from H_1 = G, which the caller has put in place."""
    clear(H[widths[-1] * widths[0] :])
    for k in range(1, widths.size - 1):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            matrix_vector(widths[k], widths[k - 1], T, to[k - 1], H, below, H, above)


@borrowing
def up_tangent(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, V: np.ndarray, H: np.ndarray, E: np.ndarray) -> None:
    """E_k, the derivative of H_k along V, from E_1, which the caller has put in place."""
    clear(E[widths[-1] * widths[0] :])
    for k in range(1, widths.size - 1):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            matrix_vector(widths[k], widths[k - 1], T, to[k - 1], E, below, E, above)
            matrix_vector(widths[k], widths[k - 1], V, to[k - 1], H, below, E, above)


@borrowing
def add_products(widths: np.ndarray, at: np.ndarray, to: np.ndarray, Q: np.ndarray, H: np.ndarray, out: np.ndarray) -> None:
    """out += A_kᵀ H_k for every layer."""
    for k in range(1, widths.size):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            outer(widths[k], widths[k - 1], Q, above, H, below, out, to[k - 1])


@borrowing
def load(values: np.ndarray, members: np.ndarray, block: np.ndarray) -> None:
    """Instances `members` of values (B, m) into the first m rows of a block."""
    for lane in range(members.size):
        row = values[members[lane]]
        for p in range(row.size):
            block[p, lane] = row[p]


@borrowing
def store(block: np.ndarray, members: np.ndarray, values: np.ndarray) -> None:
    """The first m rows of a block into instances `members` of values (B, m)."""
    for lane in range(members.size):
        row = values[members[lane]]
        for p in range(row.size):
            row[p] = block[p, lane]


@compiled
def block_size(instances: int, parameters: int) -> int:
    """Lanes of a full block."""
    if instances < FEWEST_LANES or parameters > LARGEST_LANE:
        return 1
    lanes = LANES
    while lanes > FEWEST_LANES and lanes * parameters > NEAREST:
        lanes //= 2
    return lanes


@compiled
def block_of(first: int, instances: int, parameters: int) -> np.ndarray:
    """Instances of the block that begins at `first`."""
    return np.arange(first, min(first + block_size(instances, parameters), instances))


@compiled
def ends(widths: np.ndarray, theta: np.ndarray, out: np.ndarray) -> None:
    """w of every instance: theta (B, P), out (B, d_L d_0)."""
    at, to = offsets(widths)
    first = at[0]
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        T, Q = np.empty((theta.shape[1], members.size)), np.empty((widths[-1] * at[-1], members.size))
        load(theta, members, T)
        down(widths, at, to, T, Q)
        store(Q, members, out)
        first += members.size


@compiled
def gradients(widths: np.ndarray, theta: np.ndarray, G: np.ndarray, out: np.ndarray) -> None:
    """Jᵀ G of every instance: theta (B, P), G (B, d_L d_0), out (B, P)."""
    at, to = offsets(widths)
    first = at[0]
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        T, X = np.empty((theta.shape[1], members.size)), np.zeros((theta.shape[1], members.size))
        Q, H = np.empty((widths[-1] * at[-1], members.size)), np.empty((widths[-1] * at[-1], members.size))
        load(theta, members, T)
        load(G, members, H)
        down(widths, at, to, T, Q)
        up(widths, at, to, T, H)
        add_products(widths, at, to, Q, H, X)
        store(X, members, out)
        first += members.size


@compiled
def tangents(widths: np.ndarray, theta: np.ndarray, V: np.ndarray, out: np.ndarray) -> None:
    """J v of every instance: theta and V (B, P), out (B, d_L d_0)."""
    at, to = offsets(widths)
    first = at[0]
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        T, U = np.empty((theta.shape[1], members.size)), np.empty((theta.shape[1], members.size))
        Q, D = np.empty((widths[-1] * at[-1], members.size)), np.empty((widths[-1] * at[-1], members.size))
        load(theta, members, T)
        load(V, members, U)
        down(widths, at, to, T, Q)
        down_tangent(widths, at, to, T, U, Q, D)
        store(D, members, out)
        first += members.size


@compiled
def hessian_products(widths: np.ndarray, theta: np.ndarray, G: np.ndarray, K: np.ndarray, V: np.ndarray, out: np.ndarray) -> None:
    """(Jᵀ (I ⊗ K) J + Σ G_i ∇²w_i) v of every instance: K (B, d_0 d_0) symmetric, the others as in `gradients`."""
    at, to = offsets(widths)
    first, d = at[0], widths[0]
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        P, n, room = theta.shape[1], members.size, widths[-1] * at[-1]
        T, U, X, C = np.empty((P, n)), np.empty((P, n)), np.zeros((P, n)), np.empty((d * d, n))
        Q, D, H, E = np.empty((room, n)), np.empty((room, n)), np.empty((room, n)), np.zeros((room, n))
        load(theta, members, T)
        load(V, members, U)
        load(K, members, C)
        load(G, members, H)
        down(widths, at, to, T, Q)
        down_tangent(widths, at, to, T, U, Q, D)
        for r in range(widths[-1]):
            vector_matrix(d, d, D, r * d, C, 0, E, r * d)
        up(widths, at, to, T, H)
        up_tangent(widths, at, to, T, U, H, E)
        add_products(widths, at, to, D, H, X)
        add_products(widths, at, to, Q, E, X)
        store(X, members, out)
        first += n
