"""Whole runs of gradient descent on the squared loss inside compiled code, for any map given by matrix words.

The step is one tape, played on a block of lanes (`interpreter`), the step size folded into the data as in `networks.descent`, whose rules
hold here too: lanes run in segments; a lane that stopped or blew up inside a segment is replayed alone from the segment's start, which
gives the same numbers, up to the step in question. Where the size of the step is watched, a second tape computes the step first.

Arrays: M the block that moves, its first P rows the parameters; N the block of the tape that looks, its last P rows the step.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.descent import DIVERGED, RAN, SMALL, finite, jolt, lane_of, next_block
from theorycheck.symbolic.kernels.networks.lanes import block_size, store
from theorycheck.symbolic.kernels.tapes.interpreter import fetch, play, set_rows


@compiled
def squared_sizes(X: np.ndarray, out: np.ndarray) -> None:
    """Sum of squares of every lane."""
    for lane in range(out.size):
        out[lane] = 0.0
    for p in range(X.shape[0]):
        row = X[p]
        for lane in range(out.size):
            out[lane] += row[lane] * row[lane]


@compiled
def copy_rows(source: np.ndarray, target: np.ndarray) -> None:
    """The rows of one block into another, lane by lane."""
    for p in range(source.shape[0]):
        x, y = source[p], target[p]
        for lane in range(y.size):
            y[lane] = x[lane]


@compiled
def run(
    move: np.ndarray,
    move_numbers: np.ndarray,
    M: np.ndarray,
    look: np.ndarray,
    look_numbers: np.ndarray,
    N: np.ndarray,
    P: int,
    steps: int,
    small: np.ndarray,
    hits: np.ndarray,
) -> None:
    """`steps` steps of a block in place; hits is the first step (or -1) whose squared norm is at most `small`, if any small is not negative."""
    watched, sizes = False, np.empty(hits.size)
    for lane in range(hits.size):
        hits[lane] = -1
        watched = watched or small[lane] >= 0.0
    for s in range(steps):
        if watched:
            copy_rows(M[:P], N[:P])
            play(look, look_numbers, N)
            squared_sizes(N[N.shape[0] - P :], sizes)
            for lane in range(hits.size):
                if hits[lane] < 0 and sizes[lane] <= small[lane]:
                    hits[lane] = s
        play(move, move_numbers, M)


@compiled
def replay(move: np.ndarray, numbers: np.ndarray, M: np.ndarray, P: int, steps: int, hit: int) -> tuple[int, int]:
    """A block of one again, to the state before step `hit`, or to its last finite state where hit is -1: steps taken, how it ended."""
    before = np.empty((P, 1))
    for s in range(steps):
        if s == hit:
            return s, SMALL
        copy_rows(M[:P], before)
        play(move, numbers, M)
        if not finite(M[:P], 0):
            copy_rows(before, M)
            return s, DIVERGED
    return steps, RAN


@compiled
def segment(
    move: np.ndarray,
    move_numbers: np.ndarray,
    M: np.ndarray,
    look: np.ndarray,
    look_numbers: np.ndarray,
    N: np.ndarray,
    P: int,
    members: np.ndarray,
    longest: int,
    small: np.ndarray,
    left: np.ndarray,
    taken: np.ndarray,
    ending: np.ndarray,
) -> bool:
    """Steps up to the next look, and the account of every lane after them; whether all lanes go on."""
    steps, steady, before, hits = longest, True, M[:P].copy(), np.empty(members.size, np.int64)
    for m in members:
        steps = min(steps, left[m], longest - taken[m] % longest)
    run(move, move_numbers, M, look, look_numbers, N, P, steps, small, hits)
    for lane in range(members.size):
        m = members[lane]
        if hits[lane] < 0 and finite(M[:P], lane):
            taken[m] += steps
            left[m] -= steps
            steady = steady and left[m] > 0
            continue
        one = lane_of(M, lane)
        for p in range(P):
            one[p, 0] = before[p, lane]
        done, ending[m] = replay(move, move_numbers, one, P, steps, hits[lane])
        for p in range(P):
            M[p, lane] = one[p, 0]
        taken[m] += done
        left[m], steady = 0, False
    return steady


@compiled
def descend(
    move: np.ndarray,
    move_numbers: np.ndarray,
    move_room: int,
    look: np.ndarray,
    look_numbers: np.ndarray,
    look_room: int,
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
    """Run every instance in place: as `descent.descend`, with two tapes for the widths; both hold θ, C, S and constants at their head."""
    P, none = theta.shape[1], 0 * longest
    left, members, following = counts.copy(), np.empty(0, np.int64), none
    while True:
        members, following = next_block(members, left, following, block_size(left.size, P))
        if members.size == 0 and following == left.size:
            return
        n = members.size
        M, N, limits = np.empty((move_room, n)), np.empty((look_room, n)), np.empty(n)
        start = fetch(theta, members, none, M)
        start = fetch(C, members, start, M)
        start = fetch(S, members, start, M)
        set_rows(move_numbers[move.shape[0] :], start, M)
        copy_rows(M[: start + move_numbers.size - move.shape[0]], N)
        for lane in range(n):
            limits[lane] = small[members[lane]]
        steady = n > 0
        while steady:
            jolt(M[:P], members, taken, left, longest, kick)
            steady = segment(move, move_numbers, M, look, look_numbers, N, P, members, longest, limits, left, taken, ending)
        store(M[:P], members, theta)
