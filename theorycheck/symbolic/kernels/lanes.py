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

from theorycheck.symbolic.kernels.compiled import compiled

LANES = 64
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


@compiled
def clear(block: np.ndarray) -> None:
    """Zeros."""
    for p in range(block.shape[0]):
        for lane in range(block.shape[1]):
            block[p, lane] = 0.0


@compiled
def add_vector_matrix(rows: int, cols: int, q: np.ndarray, W: np.ndarray, out: np.ndarray) -> None:
    """out += qᵀ W."""
    n = out.shape[1]
    if n == 1:
        x, M, y = q.reshape(-1), W.reshape(-1), out.reshape(-1)
        for i in range(rows):
            a, w = x[i], M[i * cols : (i + 1) * cols]
            for j in range(cols):
                y[j] += a * w[j]
        return
    for i in range(rows):
        a = q[i]
        for j in range(cols):
            o, w = out[j], W[i * cols + j]
            for lane in range(n):
                o[lane] += a[lane] * w[lane]


@compiled
def add_matrix_vector_of_one(rows: int, cols: int, W: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out += W h for a block of one: four rows at a time hide the latency of a sum that must stay in order."""
    M, x, y = W.reshape(-1), h.reshape(-1), out.reshape(-1)
    four = rows - rows % 4
    for i in range(0, four, 4):
        r0, r1 = M[i * cols : (i + 1) * cols], M[(i + 1) * cols : (i + 2) * cols]
        r2, r3 = M[(i + 2) * cols : (i + 3) * cols], M[(i + 3) * cols : (i + 4) * cols]
        s0, s1, s2, s3 = y[i], y[i + 1], y[i + 2], y[i + 3]
        for j in range(cols):
            b = x[j]
            s0 += r0[j] * b
            s1 += r1[j] * b
            s2 += r2[j] * b
            s3 += r3[j] * b
        y[i], y[i + 1], y[i + 2], y[i + 3] = s0, s1, s2, s3
    for i in range(four, rows):
        s, r = y[i], M[i * cols : (i + 1) * cols]
        for j in range(cols):
            s += r[j] * x[j]
        y[i] = s


@compiled
def add_matrix_vector(rows: int, cols: int, W: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out += W h."""
    n = out.shape[1]
    if n == 1:
        add_matrix_vector_of_one(rows, cols, W, h, out)
        return
    for i in range(rows):
        o = out[i]
        for j in range(cols):
            w, b = W[i * cols + j], h[j]
            for lane in range(n):
                o[lane] += w[lane] * b[lane]


@compiled
def add_outer(sign: float, rows: int, cols: int, q: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out += sign q hᵀ, for a sign of 1.0 or -1.0."""
    n = out.shape[1]
    if n == 1:
        x, y, M = q.reshape(-1), h.reshape(-1), out.reshape(-1)
        for i in range(rows):
            a, w = sign * x[i], M[i * cols : (i + 1) * cols]
            for j in range(cols):
                w[j] += a * y[j]
        return
    for i in range(rows):
        a = q[i]
        for j in range(cols):
            w, b = out[i * cols + j], h[j]
            for lane in range(n):
                w[lane] += sign * a[lane] * b[lane]


@compiled
def down(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, Q: np.ndarray) -> None:
    """All A_k of a block T of parameters."""
    depth, outputs = widths.size - 1, widths[-1]
    clear(Q[: outputs * at[depth - 1]])
    for p in range(outputs * widths[depth - 1]):  # A_{L-1} = W_L
        entry, weight = Q[outputs * at[depth - 1] + p], T[to[depth - 1] + p]
        for lane in range(entry.size):
            entry[lane] = weight[lane]
    for r in range(outputs):
        for s in range(outputs):
            entry = Q[outputs * (at[depth] + r) + s]
            for lane in range(entry.size):
                entry[lane] = 1.0 if r == s else 0.0
    for k in range(depth - 1, 0, -1):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            add_vector_matrix(widths[k], widths[k - 1], Q[above:], T[to[k - 1] :], Q[below:])


@compiled
def down_tangent(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, V: np.ndarray, Q: np.ndarray, D: np.ndarray) -> None:
    """D_k, the derivative of A_k along V."""
    outputs = widths[-1]
    clear(D)
    for k in range(widths.size - 1, 0, -1):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            add_vector_matrix(widths[k], widths[k - 1], D[above:], T[to[k - 1] :], D[below:])
            add_vector_matrix(widths[k], widths[k - 1], Q[above:], V[to[k - 1] :], D[below:])


@compiled
def up(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, H: np.ndarray) -> None:
    """All H_k from H_1 = G, which the caller has put in place."""
    clear(H[widths[-1] * widths[0] :])
    for k in range(1, widths.size - 1):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            add_matrix_vector(widths[k], widths[k - 1], T[to[k - 1] :], H[below:], H[above:])


@compiled
def up_tangent(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, V: np.ndarray, H: np.ndarray, E: np.ndarray) -> None:
    """E_k, the derivative of H_k along V, from E_1, which the caller has put in place."""
    clear(E[widths[-1] * widths[0] :])
    for k in range(1, widths.size - 1):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            add_matrix_vector(widths[k], widths[k - 1], T[to[k - 1] :], E[below:], E[above:])
            add_matrix_vector(widths[k], widths[k - 1], V[to[k - 1] :], H[below:], E[above:])


@compiled
def add_products(widths: np.ndarray, at: np.ndarray, to: np.ndarray, Q: np.ndarray, H: np.ndarray, out: np.ndarray) -> None:
    """out += A_kᵀ H_k for every layer."""
    for k in range(1, widths.size):
        for r in range(widths[-1]):
            below, above = widths[-1] * at[k - 1] + r * widths[k - 1], widths[-1] * at[k] + r * widths[k]
            add_outer(1.0, widths[k], widths[k - 1], Q[above:], H[below:], out[to[k - 1] :])


@compiled
def load(values: np.ndarray, members: np.ndarray, block: np.ndarray) -> None:
    """Instances `members` of values (B, m) into the first m rows of a block."""
    for lane in range(members.size):
        row = values[members[lane]]
        for p in range(row.size):
            block[p, lane] = row[p]


@compiled
def store(block: np.ndarray, members: np.ndarray, values: np.ndarray) -> None:
    """The first m rows of a block into instances `members` of values (B, m)."""
    for lane in range(members.size):
        row = values[members[lane]]
        for p in range(row.size):
            row[p] = block[p, lane]


@compiled
def block_size(instances: int, parameters: int) -> int:
    """Lanes of a full block."""
    return 1 if instances < FEWEST_LANES or parameters > LARGEST_LANE else LANES


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
            add_vector_matrix(d, d, D[r * d :], C, E[r * d :])
        up(widths, at, to, T, H)
        up_tangent(widths, at, to, T, U, H, E)
        add_products(widths, at, to, D, H, X)
        add_products(widths, at, to, Q, E, X)
        store(X, members, out)
        first += n
