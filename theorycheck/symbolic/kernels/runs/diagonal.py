"""Runs of descent of diagonal networks under the squared loss, inside compiled code.

Gradient descent, minibatches and label noise, each of them also with the sharpness-aware step. Lanes run one after the other, in
segments of at most `SEGMENT` steps between two looks at them; one that blew up inside a segment is run again from the start of the
segment, one step at a time, to its last finite state. Noise is drawn for a segment at a time, by address (`philox`), so it is the same
in every cut. Runs can be kicked, for error bars, as in `descent`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.descent import DIVERGED, RAN, SEGMENT, SMALL
from theorycheck.symbolic.kernels.runs.diagonal_steps import steps_of_samples, steps_of_single_samples
from theorycheck.symbolic.kernels.runs.philox import below, sign, words

WHOLE, REPLACED, PERMUTED = 0, 1, 2  # how the samples of a step are chosen: all, independently, or by epochs
BATCH_STREAM, EPOCH_STREAM, LABEL_STREAM = np.uint64(0), np.uint64(1), np.uint64(2)  # `dynamics.noise.Stream`


class DiagonalSetting(NamedTuple):
    """What all lanes share."""

    depth: int
    samples: int
    size: int  # samples of a step
    sampling: int  # `WHOLE`, `REPLACED` or `PERMUTED`
    weight: float  # 2c / size
    normalized: bool


class DiagonalRuns(NamedTuple):
    """What each lane has of its own, one row a lane, C-contiguous; X and y may have one row for all lanes."""

    X: np.ndarray  # (B, n d), row by row
    y: np.ndarray  # (B, n)
    step: np.ndarray  # (B,)
    rho: np.ndarray  # (B,), 0 for plain steps
    deviation: np.ndarray  # (B,), of the label noise, 0 for none
    seed: np.ndarray  # (B,), uint64


@compiled
def draw_picks(setting: DiagonalSetting, seed: np.uint64, k: int, picks: np.ndarray) -> None:
    """Samples of steps k, k + 1, ... into the rows of `picks`."""
    n, size = setting.samples, setting.size
    if setting.sampling == WHOLE:
        for s in range(picks.shape[0]):
            for i in range(size):
                picks[s, i] = i
        return
    if setting.sampling == REPLACED:
        fresh = np.empty(picks.size, np.uint64)
        words(seed, BATCH_STREAM, np.uint64(k) * np.uint64(size), fresh)
        for s in range(picks.shape[0]):
            for i in range(size):
                picks[s, i] = below(fresh[s * size + i], np.uint64(n))
        return
    batches, present, drawn = n // size, -1, np.empty(n, np.uint64)
    order = np.empty(n, np.int64)
    for s in range(picks.shape[0]):
        epoch, place = (k + s) // batches, (k + s) % batches
        if epoch != present:
            words(seed, EPOCH_STREAM, np.uint64(epoch) * np.uint64(n), drawn)
            order, present = np.argsort(drawn, kind="mergesort"), epoch
        for i in range(size):
            picks[s, i] = order[place * size + i]


@compiled
def draw_targets(size: int, deviation: float, seed: np.uint64, k: int, y: np.ndarray, picks: np.ndarray, targets: np.ndarray) -> None:
    """Targets of the samples picked, with their noise, into the rows of `targets`."""
    for s in range(picks.shape[0]):
        for i in range(size):
            targets[s, i] = y[picks[s, i]]
    if deviation > 0.0:
        drawn = np.empty(picks.size, np.uint64)
        words(seed, LABEL_STREAM, np.uint64(k) * np.uint64(size), drawn)
        for s in range(picks.shape[0]):
            for i in range(size):
                targets[s, i] += deviation * sign(drawn[s * size + i])


@compiled
def all_finite(T: np.ndarray) -> bool:
    """Whether all parameters are finite."""
    for p in range(T.size):  # noqa: SIM110 (compiled code has no all())
        if not np.isfinite(T[p]):
            return False
    return True


class Room(NamedTuple):
    """Arrays that the steps of a lane work on."""

    before: np.ndarray
    ascended: np.ndarray
    w: np.ndarray
    G: np.ndarray
    residuals: np.ndarray
    spare: np.ndarray
    g: np.ndarray
    picks: np.ndarray
    targets: np.ndarray


@compiled
def room_for(parameters: int, d: int, setting: DiagonalSetting) -> Room:
    """Room for one lane, for the noise of a segment."""
    P, n, size = parameters, setting.samples, setting.size
    vectors = np.empty(P), np.empty(P), np.empty(d), np.empty(d), np.empty(n), np.empty(P), np.empty(P)
    return Room(*vectors, np.empty((SEGMENT, size), np.int64), np.empty((SEGMENT, size)))


@compiled
def draw(setting: DiagonalSetting, runs: DiagonalRuns, lane: int, k: int, steps: int, room: Room) -> None:
    """Samples and targets of steps k, ..., k + steps - 1."""
    y = runs.y[lane % runs.y.shape[0]]
    draw_picks(setting, runs.seed[lane], k, room.picks[:steps])
    draw_targets(setting.size, runs.deviation[lane], runs.seed[lane], k, y, room.picks[:steps], room.targets[:steps])


@compiled
def advance(setting: DiagonalSetting, runs: DiagonalRuns, lane: int, first: int, last: int, small: float, theta: np.ndarray, room: Room) -> int:
    """Steps first, ..., last - 1 of what has been drawn, in place: how many were taken."""
    X, eta, rho, whole = runs.X[lane % runs.X.shape[0]], runs.step[lane], runs.rho[lane], setting.sampling == WHOLE
    targets, picks = room.targets[first:last], room.picks[first:last]
    if setting.size == 1 and not whole and rho == 0.0:
        steps_of_single_samples(setting.depth, setting.weight, eta, X, targets.reshape(-1), picks.reshape(-1), theta, room.w, room.g)
        return last - first
    return steps_of_samples(setting.depth, whole, setting.weight, eta, rho, setting.normalized, small, X, targets, picks,
                            theta, room.ascended, room.w, room.G, room.residuals, room.spare, room.g)  # fmt: skip


@compiled
def run_lane(
    setting: DiagonalSetting, runs: DiagonalRuns, lane: int, theta: np.ndarray, first: int, count: int, small: float, kick: np.ndarray
) -> tuple[int, int]:
    """Steps first, ..., first + count - 1 of a lane in place: steps taken, and how it ended."""
    room = room_for(theta.size, runs.X.shape[1] // setting.samples, setting)
    noisy, taken = setting.sampling != WHOLE or runs.deviation[lane] > 0.0, 0
    draw(setting, runs, lane, first, min(SEGMENT, count), room)
    while taken < count:
        k = first + taken
        steps = min(SEGMENT - k % SEGMENT, count - taken)
        if k % SEGMENT == 0:
            for p in range(kick.size):
                theta[p] += steps * kick[p] * theta[p]
        if noisy and taken > 0:
            draw(setting, runs, lane, k, steps, room)
        room.before[:] = theta
        done = advance(setting, runs, lane, 0, steps, small, theta, room)
        if all_finite(theta):
            taken += done
            if done < steps:
                return taken, SMALL
            continue
        theta[:] = room.before
        for s in range(steps):
            room.before[:] = theta
            advance(setting, runs, lane, s, s + 1, -1.0, theta, room)
            if not all_finite(theta):
                theta[:] = room.before
                return taken + s, DIVERGED
        taken += steps
    return taken, RAN


@compiled
def descend(
    setting: DiagonalSetting,
    runs: DiagonalRuns,
    chosen: np.ndarray,
    theta: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
    small: np.ndarray,
    kick: np.ndarray,
    taken: np.ndarray,
    ending: np.ndarray,
    every: int,
    saved: np.ndarray,
) -> None:
    """Run lanes in place.

    Parameters
    ----------
    chosen : int64, shape (B,)
        The lanes of `runs` that run.
    theta : shape (B, P)
        States; on return those after the steps taken. A lane that diverged keeps its last finite state.
    first, counts : int64, shape (B,)
        Steps taken before, and steps to take.
    small : shape (B,)
        A lane stops before the first step whose gradient has at most this norm; negative for never.
    kick : shape (P,) or (0,)
        Part of itself by which each parameter moves before a segment, for every step of it; empty for none.
    taken, ending : int64, shape (B,)
        Written: the steps taken, and `RAN`, `SMALL` or `DIVERGED`.
    every, saved : int, shape (B, columns, P)
        States after every, 2 every, ... steps go into the columns, the last of a lane to its end; without columns `every` is not used.

    """
    columns = saved.shape[1]
    for b in range(theta.shape[0]):
        taken[b], ending[b] = 0, RAN
        for column in range(max(columns, 1)):
            if ending[b] == RAN:
                part = counts[b] if columns == 0 else min(every, counts[b] - taken[b])
                done, ending[b] = run_lane(setting, runs, chosen[b], theta[b], first[b] + taken[b], part, small[b], kick)
                taken[b] += done
            if columns > 0:
                saved[b, column] = theta[b]
