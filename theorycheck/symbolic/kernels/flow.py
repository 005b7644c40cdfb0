"""Gradient flow of the squared loss of products of matrices: Dormand-Prince 8(5,3) over lanes, whole runs inside compiled code.

Every lane has a time, a step size and a tolerance of its own. A lane that is done gives its place to one that waits; when none
waits, a half-empty block is packed anew. Results do not depend on the block, to the last bit (see `lanes`).

The field is θ̇_k = A_kᵀ H_k with H_1 = w S - C for S = -2cΣ and C = -2c (the correlation).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.flow_steps import (
    STAGES,
    Network,
    block_arrays,
    errors,
    field,
    interior,
    interior_stages,
    sizes,
    stability,
    stages,
)
from theorycheck.symbolic.kernels.lanes import LANES, offsets

RUNNING, ENDED, SMALL, STIFF, DIVERGED, UNRESOLVED, EXHAUSTED = 0, 1, 2, 3, 4, 5, 6
SAFETY, LEAST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 10.0
EDGE = 6.1  # h times the size of the Jacobian where steps of this method stop being stable
IN_A_ROW, CALM = 15, 6  # steps near the edge that make a lane stiff, and steps away from it that clear the suspicion
HUGE = 1e100
ROOM = 8192  # parameters times lanes whose stages stay in the second cache
FEW = 16  # lanes that cost no less when they are fewer
EPS = 2.0**-52


class Requests(NamedTuple):
    """What every one of B lanes is asked."""

    covariance: np.ndarray  # (B, d_0 d_0), -2cΣ
    correlation: np.ndarray  # (B, d_L d_0), -2c times the correlation
    end: np.ndarray  # (B,) time at which the lane ends, may be infinite
    times: np.ndarray  # (B, m) times to save, ascending; infinity for none
    small: np.ndarray  # (B,) it ends at the first step after which the squared norm of the slope is at most this; negative: never
    tolerance: np.ndarray  # (B,)
    floor: np.ndarray  # (B,) norm below which the size of a state does not count
    first: np.ndarray  # (B,) scale of the first step, 1 by default
    patience: np.ndarray  # (B,) a stiff lane is left to another method if more steps than this remain
    budget: np.ndarray  # (B,) attempted steps


class Runs(NamedTuple):
    """Progress of every lane, read and written."""

    theta: np.ndarray  # (B, P)
    time: np.ndarray  # (B,)
    step: np.ndarray  # (B,) the next step size; 0 before the first
    saved: np.ndarray  # (B, m, P)
    following: np.ndarray  # (B,) index of the next time to save
    counts: np.ndarray  # (B, 6) evaluations, steps, rejected steps, steps at the edge of stability, since then away from it, rejected just now
    ending: np.ndarray  # (B,)


@compiled
def load_lane(lane, m, block, requests, runs):
    """Instance m into one lane of a block."""
    for p in range(block.T.shape[0]):
        block.T[p, lane] = runs.theta[m, p]
    for p in range(block.S.shape[0]):
        block.S[p, lane] = requests.covariance[m, p]
    for p in range(block.C.shape[0]):
        block.C[p, lane] = requests.correlation[m, p]


@compiled
def begin(m, state, slope, requests, runs):
    """First step of a lane, and what there is to save or to stop for at its start."""
    last = requests.end[m] - runs.time[m]
    if runs.step[m] == 0.0:
        runs.counts[m, 0] += 1
        size = max(state, requests.floor[m])
        reach = 0.01 * size / slope if slope > 0.0 else last
        runs.step[m] = requests.first[m] * min(reach, last / 3.0)
    while runs.following[m] < requests.times.shape[1] and requests.times[m, runs.following[m]] <= runs.time[m]:
        out = runs.saved[m, runs.following[m]]
        for p in range(out.size):
            out[p] = runs.theta[m, p]
        runs.following[m] += 1
    if not np.isfinite(slope) or not np.isfinite(state):
        runs.ending[m] = DIVERGED
    elif slope * slope <= requests.small[m]:
        runs.ending[m] = SMALL
    elif last <= 0.0:
        runs.ending[m] = ENDED


@compiled
def limit(members, h, requests, runs):
    """Steps of a block, shortened where a lane would pass its end; 0 for idle lanes."""
    for lane in range(h.size):
        m = members[lane]
        h[lane] = 0.0
        if m >= 0:
            last = requests.end[m] - runs.time[m]
            h[lane] = last if 1.01 * runs.step[m] >= last else runs.step[m]


@compiled
def reached(m, h, requests, runs):
    """Time at the end of a step."""
    return requests.end[m] if h >= requests.end[m] - runs.time[m] else runs.time[m] + h


@compiled
def factor(error):
    """Ratio of the next step to this one, before limits: 0.9 error^(-1/8)."""
    if not error < 1e300:
        return LEAST_FACTOR
    return LARGEST_FACTOR if error < 1e-12 else SAFETY / np.sqrt(np.sqrt(np.sqrt(error)))


@compiled
def reject(m, h, error, state, slope, requests, runs):
    """A smaller step, or an end where the step is lost against the time."""
    runs.counts[m, 2] += 1
    runs.counts[m, 5] = 1
    runs.step[m] = h * max(LEAST_FACTOR, min(1.0, factor(error)))
    if runs.step[m] <= 16.0 * EPS * runs.time[m] or runs.step[m] < 1e-300:
        runs.ending[m] = DIVERGED if not slope < HUGE or slope * h > 1e-6 * state else UNRESOLVED


@compiled
def stiff(m, h, ratio, requests, runs):
    """Whether steps have been at the edge of stability for a while, and too many of them remain."""
    if ratio > EDGE:
        runs.counts[m, 3] += 1
        runs.counts[m, 4] = 0
    else:
        runs.counts[m, 4] += 1
        if runs.counts[m, 4] == CALM:
            runs.counts[m, 3] = 0
    remaining = (requests.end[m] - runs.time[m]) / h
    if not np.isfinite(remaining):
        return runs.counts[m, 3] > requests.patience[m]
    return runs.counts[m, 3] >= IN_A_ROW and remaining > requests.patience[m]


@compiled
def accept(m, h, error, ratio, slope, requests, runs):
    """Time, step size and ending of a lane after an accepted step."""
    runs.time[m] = reached(m, h, requests, runs)
    runs.counts[m, 1] += 1
    largest = 1.0 if runs.counts[m, 5] > 0 else LARGEST_FACTOR
    runs.step[m] = h * max(LEAST_FACTOR, min(largest, factor(error)))
    runs.counts[m, 5] = 0
    if slope * slope <= requests.small[m]:
        runs.ending[m] = SMALL
    elif runs.time[m] >= requests.end[m]:
        runs.ending[m] = ENDED
    elif stiff(m, h, ratio, requests, runs):
        runs.ending[m] = STIFF


@compiled
def save(net, tableau, block, members, h, passed, requests, runs):
    """States at the requested times inside the steps just taken."""
    count, needed = requests.times.shape[1], False
    for lane in range(h.size):
        m = members[lane]
        if passed[lane] and runs.following[m] < count:
            needed = needed or requests.times[m, runs.following[m]] < reached(m, h[lane], requests, runs)
    if needed:
        interior_stages(net, tableau, block, h)
    for lane in range(h.size):
        m = members[lane]
        while passed[lane] and runs.following[m] < count:
            time, out = requests.times[m, runs.following[m]], runs.saved[m, runs.following[m]]
            if time > reached(m, h[lane], requests, runs):
                break
            if time < reached(m, h[lane], requests, runs):
                interior(tableau, block, lane, h[lane], (time - runs.time[m]) / h[lane], out)
            else:
                for p in range(out.size):
                    out[p] = block.Y[p, lane]
            runs.following[m] += 1


@compiled
def attempt(net, tableau, block, members, h, room, requests, runs):
    """One attempted step of every lane of a block, and the account of it."""
    n = h.size
    error, ratio, before, after, scale = room[0], room[1], room[2], room[3], room[4]
    stages(net, tableau, block, h)
    sizes(block.T, before)
    sizes(block.Y, after)
    for lane in range(n):
        m = members[lane]
        floor, tolerance = (requests.floor[m], requests.tolerance[m]) if m >= 0 else (1.0, 1.0)
        scale[lane] = 0.01 * max(before[lane], after[lane], floor) / np.sqrt(float(block.T.shape[0])) + 1e-300
        room[5, lane] = tolerance
    stability(block, h, room[6], ratio)
    errors(tableau, block, h, room[5], scale, room[6:8], error)
    passed = np.zeros(n, np.bool_)
    for lane in range(n):
        passed[lane] = members[lane] >= 0 and error[lane] < 1.0
    if requests.times.shape[1] > 0:
        save(net, tableau, block, members, h, passed, requests, runs)
    sizes(block.K[0], room[6])
    sizes(block.K[STAGES], room[7])
    for lane in range(n):
        m = members[lane]
        if m < 0:
            continue
        runs.counts[m, 0] += STAGES
        if passed[lane]:
            accept(m, h[lane], error[lane], ratio[lane], room[7, lane], requests, runs)
        else:
            reject(m, h[lane], error[lane], before[lane], room[6, lane], requests, runs)
        if runs.ending[m] == RUNNING and runs.counts[m, 1] + runs.counts[m, 2] >= requests.budget[m]:
            runs.ending[m] = EXHAUSTED
    commit(block, passed)


@compiled
def commit(block, passed):
    """The new state and its slope, where the step was accepted."""
    for p in range(block.T.shape[0]):
        t, y, k, final = block.T[p], block.Y[p], block.K[0, p], block.K[STAGES, p]
        for lane in range(passed.size):
            if passed[lane]:
                t[lane] = y[lane]
                k[lane] = final[lane]


@compiled
def retire(block, members, runs):
    """Write back every lane of a block whose run has ended; how many go on."""
    active = 0
    for lane in range(members.size):
        m = members[lane]
        if m >= 0 and runs.ending[m] != RUNNING:
            for p in range(block.T.shape[0]):
                runs.theta[m, p] = block.T[p, lane]
            members[lane] = -1
        elif m >= 0:
            active += 1
    return active


@compiled
def refill(net, block, members, pending, following, room, requests, runs):
    """Pending instances into idle lanes; the first that still waits."""
    n = members.size
    arrived = True
    while arrived and following < pending.size:
        arrived = False
        for lane in range(n):
            room[2, lane] = 0.0
            if members[lane] < 0 and following < pending.size:
                members[lane] = pending[following]
                load_lane(lane, pending[following], block, requests, runs)
                following += 1
                room[2, lane] = 1.0
                arrived = True
        if arrived:
            field(net, block, block.T, block.K[0])
            sizes(block.T, room[0])
            sizes(block.K[0], room[1])
            for lane in range(n):
                if room[2, lane] == 1.0:
                    begin(members[lane], room[0, lane], room[1, lane], requests, runs)
            retire(block, members, runs)
    return following


@compiled
def march(net, tableau, pending, n, requests, runs):
    """A block of n lanes, run until all instances are done or half of its lanes are idle; the instances that are left."""
    height = net.widths[-1] * net.at[-1]
    block = block_arrays(runs.theta.shape[1], requests.covariance.shape[1], requests.correlation.shape[1], height, n)
    members, h, room, following, active = np.full(n, -1, np.int64), np.empty(n), np.zeros((8, n)), 0, n
    while True:
        following = refill(net, block, members, pending, following, room, requests, runs)
        limit(members, h, requests, runs)
        attempt(net, tableau, block, members, h, room, requests, runs)
        active = retire(block, members, runs)
        if following == pending.size and (active == 0 or (2 * active <= n and n > FEW)):
            return leave(block, members, active, runs)


@compiled
def leave(block, members, active, runs):
    """Write back the lanes of a block that still run, and name them."""
    left, count = np.empty(active, np.int64), 0
    for lane in range(members.size):
        m = members[lane]
        if m >= 0:
            for p in range(block.T.shape[0]):
                runs.theta[m, p] = block.T[p, lane]
            left[count] = m
            count += 1
    return left


@compiled
def flow(widths, tableau, requests, runs):
    """Integrate every instance in place, to its end."""
    at, to = offsets(widths)
    net, pending = Network(widths, at, to), np.arange(runs.ending.size)
    while pending.size > 0:
        n = min(LANES, pending.size, max(1, ROOM // runs.theta.shape[1]))
        pending = march(net, tableau, pending, n, requests, runs)
