"""Gradient descent on the squared loss of products of matrices, whole runs inside compiled code.

A step is W_k -= A_kᵀ H_k with the step size folded into the data: H_1 = w S - C for S = 2cηΣ and C = 2cη (the correlation).
Lanes run in segments of at most `SEGMENT` steps between two looks at them; a lane that stopped or blew up inside a segment is
replayed alone from the segment's start, which gives the same numbers (see `lanes`), up to the step in question.

What `descend` writes for the error bar, seen at the start of every segment: the norm of the step, whose growth shows how the
dynamics amplify a perturbation, and the rounding of one step, ‖θ‖ + roundings · ‖A_kᵀ H_k with every sign made positive‖.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.lanes import (
    add_matrix_vector,
    add_outer,
    add_vector_matrix,
    block_of,
    block_size,
    clear,
    down,
    load,
    offsets,
    store,
    up,
)

SEGMENT = 64
EPS = 2.0**-52


class FoldedData(NamedTuple):
    """Data of the squared loss with the step folded in, one row a lane, C-contiguous."""

    covariance: np.ndarray  # 2cη Σ, shape (B, d_0 d_0)
    correlation: np.ndarray  # 2cη times the correlation, shape (B, d_L d_0)
    absolute_covariance: np.ndarray  # the same two of absolute data
    absolute_correlation: np.ndarray


class Watch(NamedTuple):
    """What a run notes for its error bar, shape ``(B,)`` each, carried on from call to call."""

    least: np.ndarray  # the least norm of a step, where it is above its rounding
    growth: np.ndarray  # the largest growth of the norm of a step since
    local: np.ndarray  # the largest rounding of a step, in units of eps

    @classmethod
    def fresh(cls, lanes: int) -> Watch:
        """Nothing seen so far."""
        return cls(np.full(lanes, np.inf), np.ones(lanes), np.zeros(lanes))
RAN, SMALL, DIVERGED = 0, 1, 2  # how a lane ended: all its steps taken, step norm at or below the threshold, or not finite


@compiled
def slopes(widths, at, to, sign, T, S, C, Q, H):
    """Q = all A_k and H_1 = w S + sign C."""
    d = widths[0]
    down(widths, at, to, T, Q)
    for i in range(C.shape[0]):
        h, c = H[i], C[i]
        for lane in range(h.size):
            h[lane] = sign * c[lane]
    for r in range(widths[-1]):
        add_vector_matrix(d, d, Q[r * d :], S, H[r * d :])


@compiled
def up_and_update_of_row(rows, cols, q, W, h, out):
    """out = W h with the old W, then W -= q hᵀ: one pass over W where lanes share it."""
    n = out.shape[1]
    if n == 1:
        clear(out[:rows])
        add_matrix_vector(rows, cols, W, h, out)
        add_outer(-1.0, rows, cols, q, h, W)
        return
    for i in range(rows):
        o, a = out[i], q[i]
        for lane in range(n):
            o[lane] = 0.0
        for j in range(cols):
            w, b = W[i * cols + j], h[j]
            for lane in range(n):
                old = w[lane]
                o[lane] += old * b[lane]
                w[lane] = old - a[lane] * b[lane]


@compiled
def up_and_update(widths, at, to, T, Q, H):
    """All H_k from H_1, and W_k -= A_kᵀ H_k on the way, each after its last use."""
    outputs = widths[-1]
    if outputs == 1:
        for k in range(1, widths.size):
            up_and_update_of_row(widths[k], widths[k - 1], Q[at[k] :], T[to[k - 1] :], H[at[k - 1] :], H[at[k] :])
        return
    up(widths, at, to, T, H)
    for k in range(1, widths.size):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            add_outer(-1.0, widths[k], widths[k - 1], Q[above:], H[below:], T[to[k - 1] :])


@compiled
def dots(length, x, y, out):
    """Scalar products of the first `length` entries, lane by lane."""
    for lane in range(out.size):
        out[lane] = 0.0
    for i in range(length):
        a, b = x[i], y[i]
        for lane in range(out.size):
            out[lane] += a[lane] * b[lane]


@compiled
def squared_steps(widths, at, Q, H, room):
    """Σ_k ‖A_kᵀ H_k‖² into room[0], through the products of rows: <A_kᵀ H_k, A_kᵀ H_k> = Σ_rs (a_r·a_s)(h_r·h_s)."""
    outputs, out, left, right = widths[-1], room[0], room[1], room[2]
    for lane in range(out.size):
        out[lane] = 0.0
    for k in range(1, widths.size):
        for r in range(outputs):
            for s in range(outputs):
                dots(widths[k], Q[outputs * at[k] + r * widths[k] :], Q[outputs * at[k] + s * widths[k] :], left)
                dots(widths[k - 1], H[outputs * at[k - 1] + r * widths[k - 1] :], H[outputs * at[k - 1] + s * widths[k - 1] :], right)
                for lane in range(out.size):
                    out[lane] += left[lane] * right[lane]


@compiled
def observe(widths, at, to, T, S, C, SA, CA, Q, H, room, roundings, members, least, growth, local):
    """What the error bar needs, at the present state of every lane (see the head of this file)."""
    slopes(widths, at, to, -1.0, T, S, C, Q, H)
    up(widths, at, to, T, H)
    squared_steps(widths, at, Q, H, room)
    norms, A = np.sqrt(room[0]), np.abs(T)
    slopes(widths, at, to, 1.0, A, SA, CA, Q, H)
    up(widths, at, to, A, H)
    squared_steps(widths, at, Q, H, room)
    for lane in range(members.size):
        m, noise, total = members[lane], roundings * np.sqrt(room[0, lane]), 0.0
        for p in range(T.shape[0]):
            total += T[p, lane] * T[p, lane]
        local[m] = max(local[m], np.sqrt(total) + noise)
        least[m] = min(least[m], max(norms[lane], EPS * noise))
        if least[m] > 0.0:
            growth[m] = max(growth[m], norms[lane] / least[m])


@compiled
def run(widths, at, to, T, S, C, Q, H, room, steps, small, hits):
    """`steps` steps of a block in place; hits is the first step (or -1) whose squared norm is at most `small`, if any small is not negative."""
    watched = False
    for lane in range(hits.size):
        hits[lane] = -1
        watched = watched or small[lane] >= 0.0
    for s in range(steps):
        slopes(widths, at, to, -1.0, T, S, C, Q, H)
        up_and_update(widths, at, to, T, Q, H)
        if watched:
            squared_steps(widths, at, Q, H, room)
            for lane in range(hits.size):
                if hits[lane] < 0 and room[0, lane] <= small[lane]:
                    hits[lane] = s


@compiled
def finite(T, lane):
    """Whether all parameters of a lane are finite."""
    total = 0.0
    for p in range(T.shape[0]):
        total += T[p, lane] * 0.0
    return total == 0.0


@compiled
def lane_of(block, lane):
    """One lane, as a block of one."""
    one = np.empty((block.shape[0], 1))
    for p in range(block.shape[0]):
        one[p, 0] = block[p, lane]
    return one


@compiled
def replay(widths, at, to, T, S, C, steps, hit):
    """A block of one again, to the state before step `hit`, or to its last finite state where hit is -1: state, steps taken, how it ended."""
    Q, room, never, hits = np.empty((widths[-1] * at[-1], 1)), np.empty((3, 1)), np.empty(1), np.empty(1, np.int64)
    H, single = np.empty_like(Q), min(1, steps)
    never[0] = -1.0
    for s in range(steps):
        if s == hit:
            return T, s, SMALL
        before = T.copy()
        run(widths, at, to, T, S, C, Q, H, room, single, never, hits)
        for lane in range(T.shape[1]):
            if not finite(T, lane):
                return before, s, DIVERGED
    return T, steps, RAN


@compiled
def next_block(members, left, following, parameters):
    """Lanes of a block that still have steps to take, filled up with waiting ones; and the first that still waits."""
    waiting, size = block_of(following, left.size, parameters), block_size(left.size, parameters)
    kept, count = np.empty(size, np.int64), 0
    for m in members:
        if left[m] > 0:
            kept[count] = m
            count += 1
    for m in waiting:
        if count == size:
            break
        following += 1
        if left[m] > 0:
            kept[count] = m
            count += 1
    return kept[:count].copy(), following


@compiled
def segment(widths, at, to, T, S, C, Q, H, room, members, longest, small, hits, left, taken, ending):
    """Steps up to the next look, and the account of every lane after them; whether all lanes go on."""
    steps, steady, before = longest, True, T.copy()
    for m in members:
        steps = min(steps, left[m])
    run(widths, at, to, T, S, C, Q, H, room, steps, small, hits)
    for lane in range(members.size):
        m = members[lane]
        if hits[lane] < 0 and finite(T, lane):
            taken[m] += steps
            left[m] -= steps
            steady = steady and left[m] > 0
            continue
        one, done, ending[m] = replay(widths, at, to, lane_of(before, lane), lane_of(S, lane), lane_of(C, lane), steps, hits[lane])
        for p in range(T.shape[0]):
            T[p, lane] = one[p, 0]
        taken[m] += done
        left[m], steady = 0, False
    return steady


@compiled
def descend(widths, theta, S, C, SA, CA, longest, counts, small, roundings, taken, ending, least, growth, local):
    """Run every instance in place.

    Parameters
    ----------
    theta : shape (B, P)
        Starts; the final states on return. A lane that diverged keeps its last finite state.
    S, C, SA, CA : as in `FoldedData`
    longest : int
        Steps of a segment, at most.
    counts : int64, shape (B,)
        Steps to take.
    small : shape (B,)
        A lane stops before the first step whose squared norm is at most this; negative for never.
    roundings : int
        Roundings on a path through one step, for `local`.
    taken, ending : int64, shape (B,)
        Written: the steps taken, and `RAN`, `SMALL` or `DIVERGED`.
    least, growth, local : as in `Watch`

    """
    at, to = offsets(widths)
    P, height = theta.shape[1], widths[-1] * at[-1]
    left, members, following = counts.copy(), np.empty(0, np.int64), at[0]
    while True:
        members, following = next_block(members, left, following, P)
        if members.size == 0 and following == left.size:
            return
        n = members.size
        T, X, Y = np.empty((P, n)), np.empty((S.shape[1], n)), np.empty((C.shape[1], n))
        XA, YA = np.empty((S.shape[1], n)), np.empty((C.shape[1], n))
        Q, H, room = np.empty((height, n)), np.empty((height, n)), np.empty((3, n))
        hits, limits = np.empty(n, np.int64), np.empty(n)
        load(theta, members, T)
        load(S, members, X)
        load(C, members, Y)
        load(SA, members, XA)
        load(CA, members, YA)
        for lane in range(n):
            limits[lane] = small[members[lane]]
        steady = n > 0
        while steady:
            observe(widths, at, to, T, X, Y, XA, YA, Q, H, room, roundings, members, least, growth, local)
            steady = segment(widths, at, to, T, X, Y, Q, H, room, members, longest, limits, hits, left, taken, ending)
        store(T, members, theta)
