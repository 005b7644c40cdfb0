"""Gradient descent on the squared loss of products of matrices, whole runs inside compiled code.

A step is W_k -= A_kᵀ H_k with the step size folded into the data: H_1 = w S - C for S = 2cηΣ and C = 2cη (the correlation).
Lanes run in segments of at most `SEGMENT` steps between two looks at them; a lane that stopped or blew up inside a segment is
replayed alone from the segment's start, which gives the same numbers (see `lanes`), up to the step in question.

For error bars a run can be shadowed by another one that is kicked: before every segment, each parameter moves by a part of itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.micro.networks import network_descent
from theorycheck.symbolic.kernels.networks.lanes import LANES, LARGEST_LANE, block_size, load, offsets, store
from theorycheck.symbolic.kernels.networks.steps import slopes, squared_steps, up_and_update

SEGMENT = 64
NEAREST_TOGETHER = 2560  # parameters times lanes: rows of many lanes share the places of the nearest cache
LEAST_TOGETHER, FEWEST_TOGETHER = 8, 4  # lanes of a block; instances, below which one at a time is quicker


class FoldedData(NamedTuple):
    """Data of the squared loss with the step folded in, one row a lane, C-contiguous."""

    covariance: np.ndarray  # 2cη Σ, shape (B, d_0 d_0)
    correlation: np.ndarray  # 2cη times the correlation, shape (B, d_L d_0)


RAN, SMALL, DIVERGED = 0, 1, 2  # how a lane ended: all its steps taken, step norm at or below the threshold, or not finite


@compiled
def run(
    widths: np.ndarray,
    at: np.ndarray,
    to: np.ndarray,
    T: np.ndarray,
    S: np.ndarray,
    C: np.ndarray,
    Q: np.ndarray,
    H: np.ndarray,
    room: np.ndarray,
    steps: int,
    small: np.ndarray,
    hits: np.ndarray,
) -> None:
    """`steps` steps of a block in place; hits is the first step (or -1) whose squared norm is at most `small`, if any small is not negative."""
    watched = False
    for lane in range(hits.size):
        hits[lane] = -1
        watched = watched or small[lane] >= 0.0
    together = widths[-1] == 1 and hits.size > 1
    if together:
        for lane in range(hits.size):
            Q[at[widths.size - 1], lane] = 1.0
        if not watched:
            network_descent(steps, widths, at, to, T, S, C, Q, H)
            return
    for s in range(steps):
        if together:
            network_descent(1, widths, at, to, T, S, C, Q, H)
        else:
            slopes(widths, at, to, T, S, C, Q, H)
            up_and_update(widths, at, to, T, Q, H)
        if watched:
            squared_steps(widths, at, Q, H, room)
            for lane in range(hits.size):
                if hits[lane] < 0 and room[0, lane] <= small[lane]:
                    hits[lane] = s


@compiled
def lanes_together(instances: int, parameters: int) -> int:
    """Lanes of a block that `network_descent` takes through many steps."""
    if instances < FEWEST_TOGETHER or parameters > LARGEST_LANE:
        return 1
    lanes = LANES
    while lanes > LEAST_TOGETHER and lanes * parameters > NEAREST_TOGETHER:
        lanes //= 2
    return lanes


@compiled
def finite(T: np.ndarray, lane: int) -> bool:
    """Whether all parameters of a lane are finite."""
    total = 0.0
    for p in range(T.shape[0]):
        total += T[p, lane] * 0.0
    return total == 0.0


@compiled
def lane_of(block: np.ndarray, lane: int) -> np.ndarray:
    """One lane, as a block of one."""
    one = np.empty((block.shape[0], 1))
    for p in range(block.shape[0]):
        one[p, 0] = block[p, lane]
    return one


@compiled
def replay(
    widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, S: np.ndarray, C: np.ndarray, steps: int, hit: int
) -> tuple[np.ndarray, int, int]:
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
def next_block(members: np.ndarray, left: np.ndarray, following: int, size: int) -> tuple[np.ndarray, int]:
    """Lanes of a block of `size` that still have steps to take, filled up with waiting ones; and the first that still waits."""
    kept, count, start = np.empty(size, np.int64), 0, following
    for m in members:
        if left[m] > 0:
            kept[count] = m
            count += 1
    while following < min(left.size, start + size) and count < size:
        if left[following] > 0:
            kept[count] = following
            count += 1
        following += 1
    return kept[:count].copy(), following


@compiled
def segment(
    widths: np.ndarray,
    at: np.ndarray,
    to: np.ndarray,
    T: np.ndarray,
    S: np.ndarray,
    C: np.ndarray,
    Q: np.ndarray,
    H: np.ndarray,
    room: np.ndarray,
    members: np.ndarray,
    longest: int,
    small: np.ndarray,
    hits: np.ndarray,
    left: np.ndarray,
    taken: np.ndarray,
    ending: np.ndarray,
) -> bool:
    """Steps up to the next look, and the account of every lane after them; whether all lanes go on."""
    steps, steady, before = longest, True, T.copy()
    for m in members:
        steps = min(steps, left[m], longest - taken[m] % longest)
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
def jolt(T: np.ndarray, members: np.ndarray, taken: np.ndarray, left: np.ndarray, longest: int, kick: np.ndarray) -> None:
    """Kick the lanes that are about to begin a segment of their own, in proportion to its steps, whatever lanes stand beside them."""
    for lane in range(members.size):
        m = members[lane]
        if taken[m] % longest == 0:
            for p in range(kick.size):
                T[p, lane] += min(longest, left[m]) * kick[p] * T[p, lane]


@compiled
def descend(
    widths: np.ndarray,
    theta: np.ndarray,
    S: np.ndarray,
    C: np.ndarray,
    longest: int,
    counts: np.ndarray,
    small: np.ndarray,
    taken: np.ndarray,
    ending: np.ndarray,
    kick: np.ndarray,
) -> None:
    """Run every instance in place.

    Parameters
    ----------
    theta : shape (B, P)
        Starts; the final states on return. A lane that diverged keeps its last finite state.
    S, C : as in `FoldedData`
    longest : int
        Steps of a segment, at most.
    counts : int64, shape (B,)
        Steps to take.
    small : shape (B,)
        A lane stops before the first step whose squared norm is at most this; negative for never.
    taken, ending : int64, shape (B,)
        Written: the steps taken, and `RAN`, `SMALL` or `DIVERGED`.
    kick : shape (P,) or (0,)
        Part of itself by which each parameter moves before a segment, for every step of it; empty for none.

    """
    at, to = offsets(widths)
    P, height = theta.shape[1], widths[-1] * at[-1]
    left, members, following, size = counts.copy(), np.empty(0, np.int64), at[0], block_size(counts.size, P)
    if widths[-1] == 1:
        size = lanes_together(counts.size, P)
    while True:
        members, following = next_block(members, left, following, size)
        if members.size == 0 and following == left.size:
            return
        n = members.size
        T, X, Y = np.empty((P, n)), np.empty((S.shape[1], n)), np.empty((C.shape[1], n))
        Q, H, room = np.empty((height, n)), np.empty((height, n)), np.empty((3, n))
        hits, limits = np.empty(n, np.int64), np.empty(n)
        load(theta, members, T)
        load(S, members, X)
        load(C, members, Y)
        for lane in range(n):
            limits[lane] = small[members[lane]]
        steady = n > 0
        while steady:
            jolt(T, members, taken, left, longest, kick)
            steady = segment(widths, at, to, T, X, Y, Q, H, room, members, longest, limits, hits, left, taken, ending)
        store(T, members, theta)
