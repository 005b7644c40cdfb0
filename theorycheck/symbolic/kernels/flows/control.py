"""Step control of flows: what every lane is asked, how far it has come, how it ends, and its next step.

Formulas of Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, II.4, and of volume II, IV.2 for stiffness.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing
from theorycheck.symbolic.kernels.flows.steps import ERROR, NEW_SPEED, RATIO, SIZE, SPEED
from theorycheck.symbolic.kernels.flows.tableau import STAGES

EVALUATIONS, STEPS, REJECTED, EDGES, CALMS, JUST_REJECTED = 0, 1, 2, 3, 4, 5  # what is counted: `Runs.counts`
RUNNING, ENDED, SMALL, STIFF, DIVERGED, UNRESOLVED, EXHAUSTED = 0, 1, 2, 3, 4, 5, 6
SAFETY, LEAST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 10.0
EDGE = 6.1  # h times the size of the Jacobian where steps of this method stop being stable
IN_A_ROW, CALM = 15, 6  # steps near the edge that make a lane stiff, and steps away from it that clear the suspicion
HUGE = 1e100
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


@borrowing
def limit(members: np.ndarray, h: np.ndarray, requests: Requests, runs: Runs) -> None:
    """Steps of a block, shortened where a lane would pass its end; 0 for idle lanes."""
    end, time, step = requests.end, runs.time, runs.step
    for lane in range(h.size):
        m = members[lane]
        h[lane] = 0.0
        if m >= 0:
            h[lane] = end[m] - time[m] if 1.01 * step[m] >= end[m] - time[m] else step[m]


@borrowing
def reached(time: float, h: float, end: float) -> float:
    """Time at the end of a step."""
    return end if h >= end - time else time + h


@borrowing
def factor(error: float) -> float:
    """Ratio of the next step to this one, before limits: 0.9 error^(-1/8)."""
    if not error < 1e300:
        return LEAST_FACTOR
    return LARGEST_FACTOR if error < 1e-12 else SAFETY / np.sqrt(np.sqrt(np.sqrt(error)))


@borrowing
def lost(step: float, time: float, h: float, state: float, slope: float) -> int:
    """How a lane ends whose step has become too small for its time: by an explosion, if it moves all the same, or in rounding."""
    if step > 16.0 * EPS * time and step > 1e-300:
        return RUNNING
    return DIVERGED if not slope < HUGE or slope * h > 1e-6 * state else UNRESOLVED


@borrowing
def suspicion(hits: int, away: int, ratio: float) -> tuple[int, int]:
    """Steps at the edge of stability in a row, and steps away from it since, one step later."""
    if ratio > EDGE:
        return hits + 1, 0
    return (0, 0) if away + 1 == CALM else (hits, away + 1)


@borrowing
def too_stiff(hits: int, remaining: float, patience: float) -> bool:
    """Whether steps have been at the edge of stability for a while, and too many of them remain."""
    return hits > patience if remaining == np.inf else hits >= IN_A_ROW and remaining > patience


@borrowing
def settle(members: np.ndarray, h: np.ndarray, room: np.ndarray, requests: Requests, runs: Runs) -> None:
    """Time, step size and ending of every lane after an attempted step; room as its rows are named."""
    error, ratio, state, before, after = room[ERROR], room[RATIO], room[SIZE], room[SPEED], room[NEW_SPEED]
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
