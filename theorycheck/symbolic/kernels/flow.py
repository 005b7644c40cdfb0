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

EVALUATIONS, STEPS, REJECTED, EDGES, CALMS, JUST_REJECTED = 0, 1, 2, 3, 4, 5  # what is counted: `Runs.counts`
RUNNING, ENDED, SMALL, STIFF, DIVERGED, UNRESOLVED, EXHAUSTED = 0, 1, 2, 3, 4, 5, 6
SAFETY, LEAST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 10.0
EDGE = 6.1  # h times the size of the Jacobian where steps of this method stop being stable
IN_A_ROW, CALM = 15, 6  # steps near the edge that make a lane stiff, and steps away from it that clear the suspicion
HUGE = 1e100
ROOM = 8192  # parameters times lanes whose stages stay in the second cache
FEW = 16  # lanes that cost no less when they are fewer
EPS = 2.0**-52


class Data(NamedTuple):
    """Data of the squared loss of B lanes, C-contiguous."""

    covariance: np.ndarray  # (B, d_0 d_0), -2cΣ
    correlation: np.ndarray  # (B, d_L d_0), -2c times the correlation


class Requests(NamedTuple):
    """What B lanes are asked, C-contiguous."""

    end: np.ndarray  # (B,) time at which the lane ends, may be infinite
    times: np.ndarray  # (B, m) times to save, ascending; infinity for none
    small: np.ndarray  # (B,) it ends after the first step where the norm of the gradient is at most this; negative: never
    tolerance: np.ndarray  # (B,) of a step, relative
    floor: np.ndarray  # (B,) norm below which the size of a state does not count
    first: np.ndarray  # (B,) scale of the first step, 1 by default
    patience: np.ndarray  # (B,) a stiff lane is left to another method if more steps than this remain
    budget: np.ndarray  # (B,) attempted steps


class Runs(NamedTuple):
    """Progress of B lanes, read and written, C-contiguous."""

    state: np.ndarray  # (B, P)
    time: np.ndarray  # (B,)
    step: np.ndarray  # (B,) the next step size; 0 before the first
    saved: np.ndarray  # (B, m, P)
    following: np.ndarray  # (B,) index of the next time to save
    counts: np.ndarray  # (B, 6), columns named above
    ending: np.ndarray  # (B,)


@compiled
def load_lane(lane, m, block, data, runs):
    """Instance m into one lane of a block."""
    for p in range(block.T.shape[0]):
        block.T[p, lane] = runs.state[m, p]
    for p in range(block.S.shape[0]):
        block.S[p, lane] = data.covariance[m, p]
    for p in range(block.C.shape[0]):
        block.C[p, lane] = data.correlation[m, p]


@compiled
def begin(m, state, slope, requests, runs):
    """First step of a lane, and what there is to save or to stop for at its start."""
    last = requests.end[m] - runs.time[m]
    if runs.step[m] == 0.0:
        runs.counts[m, EVALUATIONS] += 1
        size = max(state, requests.floor[m])
        reach = 0.01 * size / slope if size > 0.0 else 1e-6
        runs.step[m] = requests.first[m] * min(reach, last / 3.0)
    while runs.following[m] < requests.times.shape[1] and requests.times[m, runs.following[m]] <= runs.time[m]:
        out = runs.saved[m, runs.following[m]]
        for p in range(out.size):
            out[p] = runs.state[m, p]
        runs.following[m] += 1
    if not np.isfinite(slope) or not np.isfinite(state):
        runs.ending[m] = DIVERGED
    elif slope <= requests.small[m]:
        runs.ending[m] = SMALL
    elif last <= 0.0:
        runs.ending[m] = ENDED


@compiled
def limit(members, h, requests, runs):
    """Steps of a block, shortened where a lane would pass its end; 0 for idle lanes."""
    end, time, step = requests.end, runs.time, runs.step
    for lane in range(h.size):
        m = members[lane]
        h[lane] = 0.0
        if m >= 0:
            h[lane] = end[m] - time[m] if 1.01 * step[m] >= end[m] - time[m] else step[m]


@compiled
def reached(time, h, end):
    """Time at the end of a step."""
    return end if h >= end - time else time + h


@compiled
def factor(error):
    """Ratio of the next step to this one, before limits: 0.9 error^(-1/8)."""
    if not error < 1e300:
        return LEAST_FACTOR
    return LARGEST_FACTOR if error < 1e-12 else SAFETY / np.sqrt(np.sqrt(np.sqrt(error)))


@compiled
def lost(step, time, h, state, slope):
    """How a lane ends whose step has become too small for its time: by an explosion, if it moves all the same, or in rounding."""
    if step > 16.0 * EPS * time and step > 1e-300:
        return RUNNING
    return DIVERGED if not slope < HUGE or slope * h > 1e-6 * state else UNRESOLVED


@compiled
def suspicion(hits, away, ratio):
    """Steps at the edge of stability in a row, and steps away from it since, one step later."""
    if ratio > EDGE:
        return hits + 1, 0
    return (0, 0) if away + 1 == CALM else (hits, away + 1)


@compiled
def too_stiff(hits, remaining, patience):
    """Whether steps have been at the edge of stability for a while, and too many of them remain."""
    return hits > patience if remaining == np.inf else hits >= IN_A_ROW and remaining > patience


@compiled
def settle(members, h, room, requests, runs):
    """Time, step size and ending of every lane after an attempted step; room holds error, stability, and norms before and after."""
    error, ratio, state, before, after = room[0], room[1], room[2], room[6], room[7]
    time, step, counts, ending, end = runs.time, runs.step, runs.counts, runs.ending, requests.end
    for lane in range(h.size):
        m = members[lane]
        if m < 0:
            continue
        passed = error[lane] < 1.0
        largest = 1.0 if counts[m, JUST_REJECTED] > 0 or not passed else LARGEST_FACTOR
        step[m] = h[lane] * max(LEAST_FACTOR, min(largest, factor(error[lane])))
        counts[m, EVALUATIONS] += STAGES
        counts[m, STEPS if passed else REJECTED] += 1
        counts[m, JUST_REJECTED] = 0 if passed else 1
        if not passed:
            ending[m] = lost(step[m], time[m], h[lane], state[lane], before[lane])
        else:
            time[m] = reached(time[m], h[lane], end[m])
            counts[m, EDGES], counts[m, CALMS] = suspicion(counts[m, EDGES], counts[m, CALMS], ratio[lane])
            if after[lane] <= requests.small[m]:
                ending[m] = SMALL
            elif time[m] >= end[m]:
                ending[m] = ENDED
            elif too_stiff(counts[m, EDGES], (end[m] - time[m]) / h[lane], requests.patience[m]):
                ending[m] = STIFF
        if ending[m] == RUNNING and counts[m, STEPS] + counts[m, REJECTED] >= requests.budget[m]:
            ending[m] = EXHAUSTED


@compiled
def due(members, h, error, requests, runs):
    """Whether a requested time lies inside one of the steps just taken."""
    count, times, following = requests.times.shape[1], requests.times, runs.following
    for lane in range(h.size):
        m = members[lane]
        if m >= 0 and error[lane] < 1.0 and following[m] < count:
            if times[m, following[m]] < reached(runs.time[m], h[lane], requests.end[m]):
                return True
    return False


@compiled
def save(tableau, block, members, h, error, requests, runs):
    """States at the requested times up to the end of the steps just taken."""
    count, times, following = requests.times.shape[1], requests.times, runs.following
    for lane in range(h.size):
        m = members[lane]
        while m >= 0 and error[lane] < 1.0 and following[m] < count:
            time, final = times[m, following[m]], reached(runs.time[m], h[lane], requests.end[m])
            if time > final:
                break
            out = runs.saved[m, following[m]]
            if time < final:
                interior(tableau, block, lane, h[lane], (time - runs.time[m]) / h[lane], out)
            else:
                for p in range(out.size):
                    out[p] = block.Y[p, lane]
            following[m] += 1


@compiled
def attempt(net, tableau, block, members, h, room, requests, runs):
    """One attempted step of every lane of a block, and the account of it."""
    error, scale, tolerance = room[0], room[4], room[5]
    stages(net, tableau, block, h)
    sizes(block.T, room[2])
    sizes(block.Y, room[3])
    for lane in range(h.size):
        m = max(members[lane], 0)
        tolerance[lane] = requests.tolerance[m]
        scale[lane] = 0.01 * max(room[2, lane], room[3, lane], requests.floor[m]) / np.sqrt(float(block.T.shape[0])) + 1e-140
    stability(block, h, room[6], room[1])
    errors(tableau, block, h, tolerance, scale, room[6:8], error)
    if requests.times.shape[1] > 0:
        if due(members, h, error, requests, runs):
            interior_stages(net, tableau, block, h)
        save(tableau, block, members, h, error, requests, runs)
    sizes(block.K[0], room[6])
    sizes(block.K[STAGES], room[7])
    settle(members, h, room, requests, runs)
    commit(block, error)


@compiled
def commit(block, error):
    """The new state and its slope, where the step was accepted."""
    for p in range(block.T.shape[0]):
        t, y, k, final = block.T[p], block.Y[p], block.K[0, p], block.K[STAGES, p]
        for lane in range(error.size):
            if error[lane] < 1.0:
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
                runs.state[m, p] = block.T[p, lane]
            members[lane] = -1
        elif m >= 0:
            active += 1
    return active


@compiled
def refill(net, block, members, pending, following, room, data, requests, runs):
    """Pending instances into idle lanes; the first that still waits."""
    n = members.size
    arrived = True
    while arrived and following < pending.size:
        arrived = False
        for lane in range(n):
            room[2, lane] = 0.0
            if members[lane] < 0 and following < pending.size:
                members[lane] = pending[following]
                load_lane(lane, pending[following], block, data, runs)
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
def march(net, tableau, pending, n, data, requests, runs):
    """A block of n lanes, run until all instances are done or half of its lanes are idle; the instances that are left."""
    height = net.widths[-1] * net.at[-1]
    block = block_arrays(runs.state.shape[1], data.covariance.shape[1], data.correlation.shape[1], height, n)
    members, h, room, following, active = np.full(n, -1, np.int64), np.empty(n), np.zeros((8, n)), 0, n
    while True:
        following = refill(net, block, members, pending, following, room, data, requests, runs)
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
                runs.state[m, p] = block.T[p, lane]
            left[count] = m
            count += 1
    return left


@compiled
def flow(widths, tableau, data, requests, runs):
    """Integrate the instances under way in place, each to its end."""
    at, to = offsets(widths)
    net, pending = Network(widths, at, to), np.flatnonzero(runs.ending == RUNNING)
    while pending.size > 0:
        n = min(LANES, pending.size, max(1, ROOM // runs.state.shape[1]))
        pending = march(net, tableau, pending, n, data, requests, runs)
