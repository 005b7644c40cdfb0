"""The driver: steps of a scheme, lane by lane, until every lane has ended.

Requests, progress and endings are those of the compiled `kernels.flow`, so a lane may be left by one and taken up by the other.
Every lane has its own time and step size; lanes that have ended are dropped from the batch from time to time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from theorycheck.dynamics.integrators.events import Watch, first_beyond
from theorycheck.dynamics.integrators.fields import Field, steepness
from theorycheck.dynamics.integrators.pace import WINDOW, Pace
from theorycheck.dynamics.integrators.schemes import Scheme, Step
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.flows.control import (
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
TINY, LEAST_SCALE = 1e-300, 1e-140
DRIFT = 1e3  # rounding of the gradient times the time passed, over the tolerance, at which it is vain to wait for a small gradient
SELDOM = 8  # attempts between two looks at the rounding of the gradient
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
    pace = Pace.unknown(len(mask), front.theta.shape[-1])
    for turn in count():
        running = runs.ending[front.lanes] == RUNNING
        if not np.any(running):
            return
        if np.mean(running) <= CROWDED:
            front = front.kept(running)
        front = _attempt(scheme, front, requests, runs)
        if turn % SELDOM == 0:
            _give_up(front, requests, runs)
        if turn % WINDOW == 0:
            _look(pace, front, requests, runs)


def _begin(front: Front, requests: Requests, runs: Runs) -> None:
    """First steps, and what there is to save or to stop for at the start."""
    m, last = front.lanes, requests.end[front.lanes] - runs.time[front.lanes]
    norm, speed = np.linalg.norm(front.theta, axis=-1), np.linalg.norm(_pace(front), axis=-1)
    size = np.maximum(norm, requests.floor[m])
    reach = np.where(size > 0, 0.01 * size / np.where(speed > 0, speed, 1.0), 1e-6)
    whole = last if front.field.time(front.x) is None else np.full(len(m), np.inf)
    first = requests.first[m] * np.minimum(np.where(speed > 0, reach, np.inf), whole / 3)
    runs.counts[m, EVALUATIONS] += 1
    runs.step[m] = np.where(runs.step[m] == 0, first, runs.step[m])
    for k in range(requests.times.shape[1]):
        due = (runs.following[m] == k) & (requests.times[m, k] <= runs.time[m])
        runs.saved[m[due], k] = front.x[due]
        runs.following[m[due]] += 1
    bad = ~np.isfinite(speed) | ~np.isfinite(norm) | ~np.all(np.isfinite(front.slope), axis=-1)
    still = steepness(front.field, front.x, front.slope) <= requests.small[m]
    runs.ending[m] = np.select([bad, still, last <= 0], [DIVERGED, SMALL, ENDED], RUNNING)
    if front.watch is not None:
        front.watch.begin(front.theta)


def _pace(front: Front) -> np.ndarray:
    """dθ by the variable of integration."""
    if front.field.time(front.x) is None:
        return front.field.tangent(front.x, front.theta, front.slope)
    moved = front.slope.copy()
    moved[..., -1] = 0.0
    return front.field.tangent(front.x, front.theta, moved)


def _attempt(scheme: Scheme, front: Front, requests: Requests, runs: Runs) -> Front:
    """One attempted step of every lane of the front, and the account of it."""
    m, timed = front.lanes, front.field.time(front.x) is None
    running, last = runs.ending[m] == RUNNING, requests.end[m] - runs.time[m]
    h = np.where(timed & (1.01 * runs.step[m] >= last), last, runs.step[m]) * running
    step = scheme.step(front.field, front.x, front.slope, h)
    theta = front.field.theta(step.state)
    error = scheme.ratio(_norms(front, step, theta, requests))
    passed = running & (error < 1) & np.isfinite(np.linalg.norm(theta, axis=-1)) & np.all(np.isfinite(step.slope), axis=-1)
    error = np.where(passed, error, np.maximum(np.where(np.isnan(error), np.inf, error), 1.0))
    way = Way(front.field, step, runs.time[m], h, np.where(timed & (h >= last), requests.end[m], runs.time[m] + h))
    event = np.full(len(m), np.inf) if front.watch is None else front.watch.crossing(front.field, step, passed)
    stop = way.fraction_at(requests.end[m], passed & (way.end >= requests.end[m]))
    leave, leave_for = np.minimum(event, stop), np.where(event <= stop, EVENT, ENDED)
    inside = leave < 1
    until = np.where(inside, way.time_at(np.where(inside, leave, 0.0)), way.end) if np.any(inside) else way.end
    _save(front, way, passed, until, requests, runs)
    _settle(scheme, front, way, error, requests, runs)
    front = front.moved(step, theta, passed)
    runs.state[m[running]] = front.x[running]
    left = passed & (leave <= 1)
    if np.any(left):
        if np.any(inside):
            at = step.inside(np.where(inside, leave, 0.0)[None])[0]
            runs.state[m[inside]] = at[inside]
        runs.ending[m[left]], runs.time[m[left]] = leave_for[left], np.where(leave_for == ENDED, requests.end[m], until)[left]
    return front


@dataclass(frozen=True, eq=False)
class Way:
    """The time along a step: B lanes from `start` to `end` while the variable of integration moves by h."""

    field: Field
    step: Step
    start: np.ndarray
    h: np.ndarray
    straight: np.ndarray

    @property
    def timed(self) -> bool:
        """Whether the variable is the time itself."""
        return self.field.time(self.step.state) is None

    @property
    def end(self) -> np.ndarray:
        """Time at the end, shape ``(B,)``."""
        time = self.field.time(self.step.state)
        return self.straight if time is None else time

    def progress(self, time: np.ndarray) -> np.ndarray:
        """How much time counts: time itself, or its logarithm."""
        return time if self.timed else np.log1p(time)

    def time_at(self, fraction: np.ndarray) -> np.ndarray:
        """Time at fractions ``(B,)``."""
        time = self.field.time(self.step.inside(fraction[None])[0])
        return self.start + fraction * (self.end - self.start) if time is None else time

    def fraction_at(self, time: np.ndarray, within: np.ndarray) -> np.ndarray:
        """Fractions at times ``(B,)`` for the lanes whose step reaches them; infinity for the others."""
        if self.timed or not np.any(within):
            fraction = np.where(self.end > time, (time - self.start) / np.where(self.h > 0, self.h, 1.0), 1.0)
            return np.where(within, fraction, np.inf)

        def beyond(fractions: np.ndarray) -> np.ndarray:
            times = self.field.time(self.step.inside(fractions))
            return np.asarray(times >= time)

        found = first_beyond(beyond, np.zeros(len(time)), np.ones(len(time)))
        return np.where(within, found, np.inf)


def _norms(front: Front, step: Step, theta: np.ndarray, requests: Requests) -> tuple[np.ndarray, ...]:
    """Root mean squares over θ of the error vectors, in units of tolerance · (|θ_p| + ‖θ‖/(100 √P))."""
    m, P = front.lanes, theta.shape[-1]
    size = np.maximum(np.maximum(np.linalg.norm(front.theta, axis=-1), np.linalg.norm(theta, axis=-1)), requests.floor[m])
    scale = requests.tolerance[m, None] * (np.maximum(np.abs(front.theta), np.abs(theta)) + (0.01 * size / np.sqrt(P))[:, None] + LEAST_SCALE)
    return tuple(np.sqrt(np.mean(np.square(front.field.tangent(step.state, theta, error) / scale), axis=-1)) for error in step.errors)


def _save(front: Front, way: Way, passed: np.ndarray, until: np.ndarray, requests: Requests, runs: Runs) -> None:
    """Coordinates at the requested times up to `until`, in the steps that were passed."""
    m, wanted = front.lanes, requests.times.shape[1]
    while wanted:
        k = np.minimum(runs.following[m], wanted - 1)
        time = requests.times[m, k]
        due = passed & (runs.following[m] < wanted) & (time <= until)
        if not np.any(due):
            return
        fraction = way.fraction_at(time, due)
        whole = due & (fraction == 1)
        x = way.step.state
        if np.any(due & ~whole):
            x = np.where(whole[:, None], x, way.step.inside(np.where(due, fraction, 0.0)[None])[0])
        runs.saved[m[due], k[due]] = x[due]
        runs.following[m[due]] += 1


def _settle(scheme: Scheme, front: Front, way: Way, error: np.ndarray, requests: Requests, runs: Runs) -> None:
    """Time, step size, counts and ending of every lane after an attempted step; an error of at least 1 rejects it."""
    running, step = runs.ending[front.lanes] == RUNNING, way.step
    after = steepness(front.field, step.state, step.slope)
    passed, counts, everything = error < 1, runs.counts, (front.lanes, way.h, error, way.end, after, step.stability)
    m, h, error, end, after, stability = (a[running] for a in everything)
    passed = error < 1
    largest = np.where(passed & (counts[m, JUST_REJECTED] == 0), LARGEST_FACTOR, 1.0)
    runs.step[m] = h * np.clip(_factor(error, scheme.order), LEAST_FACTOR, largest)
    counts[m, EVALUATIONS] += step.evaluations
    counts[m, STEPS] += passed
    counts[m, REJECTED] += ~passed
    counts[m, JUST_REJECTED] = ~passed
    edge = passed & (stability > 1)
    counts[m, CALMS] = np.where(edge, 0, counts[m, CALMS] + passed)
    counts[m, EDGES] = np.where(passed & (counts[m, CALMS] >= CALM), 0, counts[m, EDGES] + edge)
    lost = ~passed & _lost(front, way, runs)[running]
    moved, size = h * np.linalg.norm(_pace(front), axis=-1)[running], np.linalg.norm(front.theta, axis=-1)[running]
    exploding = ~(moved < HUGE) | (moved > 1e-6 * size)
    advanced = way.progress(end) - way.progress(runs.time[m])
    runs.time[m] = np.where(passed, end, runs.time[m])
    remaining = (way.progress(requests.end[m]) - way.progress(end)) / np.where(advanced > 0, advanced, 1.0)
    edges, patience = counts[m, EDGES], requests.patience[m]
    stiff = np.where(np.isinf(remaining), edges > patience, (edges >= IN_A_ROW) & (remaining > patience))
    runs.ending[m] = np.select(
        [lost & exploding, lost, passed & (after <= requests.small[m]), passed & (end >= requests.end[m]), passed & stiff],
        [DIVERGED, UNRESOLVED, SMALL, ENDED, STIFF],
        np.where(counts[m, STEPS] + counts[m, REJECTED] >= requests.budget[m], EXHAUSTED, RUNNING),
    )


def _look(pace: Pace, front: Front, requests: Requests, runs: Runs) -> None:
    """Give up the lanes that are going nowhere."""
    m, timed = front.lanes, front.field.time(front.x) is None
    time, end = runs.time[m], requests.end[m]
    progress, last = (time, end) if timed else (np.log1p(time), np.log1p(end))
    pace.look(m, progress, last, steepness(front.field, front.x, front.slope), front.theta, requests, runs)


def _give_up(front: Front, requests: Requests, runs: Runs) -> None:
    """End the lanes that wait for a smaller gradient than rounding lets them see, or have waited until rounding has moved them too far."""
    m, field = front.lanes, front.field
    waiting = (runs.ending[m] == RUNNING) & (requests.small[m] >= 0)
    if not np.any(waiting):
        return
    noise, size = field.noise(front.theta), np.maximum(np.linalg.norm(front.theta, axis=-1), requests.floor[m])
    unseen = steepness(field, front.x, front.slope) <= noise
    timed, speed = field.time(front.x) is None, np.linalg.norm(_pace(front), axis=-1)
    resting = np.isinf(requests.end[m]) & (runs.time[m] * speed <= size)  # an explosion is no rest
    drifted = timed & resting & (runs.time[m] * noise > DRIFT * requests.tolerance[m] * size)
    runs.ending[m[waiting & (unseen | drifted)]] = UNRESOLVED


def _lost(front: Front, way: Way, runs: Runs) -> np.ndarray:
    """Whether the next step is lost against the time, or moves a state whose time is a coordinate by no more than its rounding."""
    m = front.lanes
    if way.timed:
        return (runs.step[m] <= 16 * EPS * runs.time[m]) | (runs.step[m] < TINY)
    return runs.step[m] * np.linalg.norm(front.slope, axis=-1) <= EPS * np.linalg.norm(front.x, axis=-1)


def _factor(error: np.ndarray, order: int) -> np.ndarray:
    """Ratio of the next step to this one, before limits: 0.9 error^(-1/order)."""
    known = error < HUGE
    return np.where(known, SAFETY * np.maximum(np.where(known, error, 1.0), TINY) ** (-1.0 / order), LEAST_FACTOR)
