"""The driver: steps of a scheme, lane by lane, until every lane has ended.

Requests, progress and endings are those of the compiled `kernels.flow`, so a lane may be left by one and taken up by the other.
Every lane has its own time and step size; lanes that have ended are dropped from the batch from time to time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.dynamics.integrators.events import Watch
from theorycheck.dynamics.integrators.fields import Field
from theorycheck.dynamics.integrators.schemes import Scheme, Step
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.flow import (
    CALM,
    CALMS,
    DIVERGED,
    EDGES,
    ENDED,
    EVALUATIONS,
    EXHAUSTED,
    HUGE,
    IN_A_ROW,
    JUST_REJECTED,
    LARGEST_FACTOR,
    LEAST_FACTOR,
    REJECTED,
    RUNNING,
    SAFETY,
    SMALL,
    STEPS,
    STIFF,
    UNRESOLVED,
    Requests,
    Runs,
)

EVENT = 7  # an ending that compiled code does not know
TINY = 1e-300
CROWDED = 0.75  # share of lanes that run below which a batch is packed anew


@dataclass(frozen=True, eq=False)
class Front:
    """The batch under way: lanes as indices into the runs, their field, coordinates, slopes and θ."""

    lanes: np.ndarray
    field: Field
    x: np.ndarray
    slope: np.ndarray
    theta: np.ndarray
    watch: Watch | None

    def kept(self, mask: np.ndarray) -> Front:
        """The lanes where the mask is true."""
        field, watch = self.field.chosen(mask), None if self.watch is None else self.watch.chosen(mask)
        return Front(self.lanes[mask], field, self.x[mask], self.slope[mask], self.theta[mask], watch)

    def moved(self, step: Step, theta: np.ndarray, passed: np.ndarray) -> Front:
        """After a step that only some lanes have passed."""
        x, slope, theta = (np.where(passed[:, None], new, old) for new, old in ((step.state, self.x), (step.slope, self.slope), (theta, self.theta)))
        return replace(self, x=x, slope=slope, theta=theta)


def march(scheme: Scheme, field: Field, requests: Requests, runs: Runs, mask: np.ndarray, watch: Watch | None = None) -> None:
    """Run lanes to their ends, in place.

    Parameters
    ----------
    scheme : Scheme
        The method.
    field : Field
        Of all B lanes.
    requests, runs : Requests, Runs
        See `kernels.flow`.
    mask : ndarray of bool, shape (B,)
        The lanes to run.
    watch : Watch or None
        An event to look out for, for all B lanes.

    """
    chosen, x = field.chosen(mask), runs.state[mask]
    front = Front(np.flatnonzero(mask), chosen, x, chosen.slope(x), chosen.theta(x), None if watch is None else watch.chosen(mask))
    _begin(front, requests, runs)
    while True:
        running = runs.ending[front.lanes] == RUNNING
        if not np.any(running):
            return
        if np.mean(running) <= CROWDED:
            front = front.kept(running)
        front = _attempt(scheme, front, requests, runs)


def _begin(front: Front, requests: Requests, runs: Runs) -> None:
    """First steps, and what there is to save or to stop for at the start."""
    m, last = front.lanes, requests.end[front.lanes] - runs.time[front.lanes]
    norm, speed = np.linalg.norm(front.theta, axis=-1), np.linalg.norm(front.field.tangent(front.x, front.slope), axis=-1)
    size = np.maximum(norm, requests.floor[m])
    reach = np.where(size > 0, 0.01 * size / np.where(speed > 0, speed, 1.0), 1e-6)
    first = requests.first[m] * np.minimum(np.where(speed > 0, reach, np.inf), last / 3)
    runs.counts[m, EVALUATIONS] += 1
    runs.step[m] = np.where(runs.step[m] == 0, first, runs.step[m])
    for k in range(requests.times.shape[1]):
        due = (runs.following[m] == k) & (requests.times[m, k] <= runs.time[m])
        runs.saved[m[due], k] = front.x[due]
        runs.following[m[due]] += 1
    steepness = front.field.steepness(front.x, front.slope)
    bad = ~np.isfinite(speed) | ~np.isfinite(norm) | ~np.all(np.isfinite(front.slope), axis=-1)
    runs.ending[m] = np.select([bad, steepness <= requests.small[m], last <= 0], [DIVERGED, SMALL, ENDED], RUNNING)
    if front.watch is not None:
        front.watch.begin(front.theta)


def _attempt(scheme: Scheme, front: Front, requests: Requests, runs: Runs) -> Front:
    """One attempted step of every lane of the front, and the account of it."""
    m, last = front.lanes, requests.end[front.lanes] - runs.time[front.lanes]
    running = runs.ending[m] == RUNNING
    h = np.where(running, np.where(1.01 * runs.step[m] >= last, last, runs.step[m]), 0.0)
    step = scheme.step(front.field, front.x, front.slope, h)
    theta = front.field.theta(step.state)
    error = scheme.ratio(_norms(front, step, theta, requests))
    passed = running & (error < 1) & np.all(np.isfinite(step.slope), axis=-1)
    end = np.where(h >= last, requests.end[m], runs.time[m] + h)
    after = front.field.steepness(step.state, step.slope)
    event = np.full(len(m), np.inf) if front.watch is None else front.watch.crossing(front.field, step, passed)
    _save(front, step, h, passed, np.minimum(end, runs.time[m] + event * h), requests, runs)
    _settle(scheme, front, step, h, np.where(passed, error, np.where(error < 1, np.inf, error)), end, after, requests, runs)
    front = front.moved(step, theta, passed)
    runs.state[m] = front.x
    hit = passed & (event <= 1)
    if np.any(hit):
        at = step.inside(np.where(hit, event, 0.0))
        runs.state[m[hit]], runs.ending[m[hit]] = at[hit], EVENT
        runs.time[m[hit]] += (event[hit] - 1) * h[hit]
    return front


def _norms(front: Front, step: Step, theta: np.ndarray, requests: Requests) -> tuple[np.ndarray, ...]:
    """Root mean squares over θ of the error vectors, in units of tolerance · (|θ_p| + ‖θ‖/(100 √P))."""
    m, P = front.lanes, theta.shape[-1]
    size = np.maximum(np.maximum(np.linalg.norm(front.theta, axis=-1), np.linalg.norm(theta, axis=-1)), requests.floor[m])
    scale = requests.tolerance[m, None] * (np.maximum(np.abs(front.theta), np.abs(theta)) + (0.01 * size / np.sqrt(P))[:, None] + TINY)
    return tuple(np.sqrt(np.mean(np.square(front.field.tangent(step.state, error) / scale), axis=-1)) for error in step.errors)


def _save(front: Front, step: Step, h: np.ndarray, passed: np.ndarray, until: np.ndarray, requests: Requests, runs: Runs) -> None:
    """Coordinates at the requested times up to `until`, in the steps that were passed."""
    m, count = front.lanes, requests.times.shape[1]
    while count:
        k = np.minimum(runs.following[m], count - 1)
        time = requests.times[m, k]
        due = passed & (runs.following[m] < count) & (time <= until)
        if not np.any(due):
            return
        fraction = np.where(due & (h > 0), (time - runs.time[m]) / np.where(h > 0, h, 1.0), 0.0)
        whole = time >= np.where(h >= requests.end[m] - runs.time[m], requests.end[m], runs.time[m] + h)
        state = step.state if np.all(whole[due]) else np.where(whole[:, None], step.state, step.inside(fraction))
        runs.saved[m[due], k[due]] = state[due]
        runs.following[m[due]] += 1


def _settle(
    scheme: Scheme, front: Front, step: Step, h: np.ndarray, error: np.ndarray, end: np.ndarray, after: np.ndarray, requests: Requests, runs: Runs
) -> None:
    """Time, step size, counts and ending of every lane after an attempted step; an error of at least 1 rejects it."""
    running = runs.ending[front.lanes] == RUNNING
    m, h, error, end, after, stability = (a[running] for a in (front.lanes, h, error, end, after, step.stability))
    passed, counts = error < 1, runs.counts
    largest = np.where(passed & (counts[m, JUST_REJECTED] == 0), LARGEST_FACTOR, 1.0)
    runs.step[m] = h * np.clip(_factor(error, scheme.order), LEAST_FACTOR, largest)
    counts[m, EVALUATIONS] += step.evaluations
    counts[m, STEPS] += passed
    counts[m, REJECTED] += ~passed
    counts[m, JUST_REJECTED] = ~passed
    edge = passed & (stability > 1)
    counts[m, CALMS] = np.where(edge, 0, counts[m, CALMS] + passed)
    counts[m, EDGES] = np.where(passed & (counts[m, CALMS] >= CALM), 0, counts[m, EDGES] + edge)
    speed, size = np.linalg.norm(front.slope[running], axis=-1), np.linalg.norm(front.x[running], axis=-1)
    exploding = ~(speed < HUGE) | (speed * h > 1e-6 * size)
    lost = ~passed & ((runs.step[m] <= 16 * EPS * runs.time[m]) | (runs.step[m] < TINY))
    runs.time[m] = np.where(passed, end, runs.time[m])
    remaining = (requests.end[m] - runs.time[m]) / h
    stiff = np.where(np.isinf(remaining), counts[m, EDGES] > requests.patience[m], (counts[m, EDGES] >= IN_A_ROW) & (remaining > requests.patience[m]))
    runs.ending[m] = np.select(
        [lost & exploding, lost, passed & (after <= requests.small[m]), passed & (end >= requests.end[m]), passed & stiff],
        [DIVERGED, UNRESOLVED, SMALL, ENDED, STIFF],
        np.where(counts[m, STEPS] + counts[m, REJECTED] >= requests.budget[m], EXHAUSTED, RUNNING),
    )


def _factor(error: np.ndarray, order: int) -> np.ndarray:
    """Ratio of the next step to this one, before limits: 0.9 error^(-1/order)."""
    known = error < HUGE
    return np.where(known, SAFETY * np.maximum(np.where(known, error, 1.0), TINY) ** (-1.0 / order), LEAST_FACTOR)
