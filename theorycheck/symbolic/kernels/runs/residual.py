"""Runs of descent of risks with quadratic residuals, in space or on the sphere, inside compiled code.

R(θ) = |f(θ)|²/2 with f_j = b_jᵀθ + θᵀC_jθ/2, or the same of θ/|θ|; steps along ∇R, ∇R/|∇R| or ∇√R, each of the first two also with the
gradient a distance ρ away, and with weight decay. Lanes run one after the other; what they do is a few dozen operations a step, so
that calls from outside would cost hundreds of times as much. Runs can be kicked, for error bars, as in `descent`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.descent import DIVERGED, RAN, SEGMENT

PLAIN, NORMALIZED, ROOT = 0, 1, 2  # along ∇R, ∇R/|∇R| or ∇√R


class ResidualSetting(NamedTuple):
    """What all lanes share."""

    residuals: int
    along: int  # `PLAIN`, `NORMALIZED` or `ROOT`
    unit_ascent: bool  # whether the ascent of sharpness-aware steps is divided by the norm of the gradient
    spherical: bool  # whether R is the risk of θ/|θ|


class ResidualRuns(NamedTuple):
    """What each lane has of its own, one row a lane, C-contiguous; B and C may have one row for all lanes."""

    B: np.ndarray  # (B, M P)
    C: np.ndarray  # (B, M P P), symmetric
    step: np.ndarray  # (B,)
    rho: np.ndarray  # (B,), 0 for plain steps
    decay: np.ndarray  # (B,), 0 for none


class Room(NamedTuple):
    """Arrays that the steps of a lane work on."""

    before: np.ndarray
    there: np.ndarray
    direction: np.ndarray
    slope: np.ndarray
    row: np.ndarray


@compiled
def make_unit(vector: np.ndarray) -> None:
    """Divide a vector by its norm, in place, also where squares underflow or overflow; 0 stays 0."""
    largest, square = 0.0, 0.0
    for p in range(vector.size):
        size = abs(vector[p])
        if size > largest or size != size:
            largest = size
    if largest == 0.0:
        return
    for p in range(vector.size):
        vector[p] /= largest
        square += vector[p] * vector[p]
    norm = np.sqrt(square)
    for p in range(vector.size):
        vector[p] /= norm


@compiled
def slope_of_residuals(residuals: int, B: np.ndarray, C: np.ndarray, theta: np.ndarray, row: np.ndarray, slope: np.ndarray) -> float:
    """∇R into `slope`; R."""
    P, risk = theta.size, 0.0
    slope[:] = 0.0
    for j in range(residuals):
        f = 0.0
        for p in range(P):
            turned = 0.0
            for q in range(P):
                turned += C[(j * P + p) * P + q] * theta[q]
            f += (B[j * P + p] + turned / 2) * theta[p]
            row[p] = B[j * P + p] + turned
        for p in range(P):
            slope[p] += row[p] * f
        risk += f * f
    return risk / 2


@compiled
def slope_at(setting: ResidualSetting, B: np.ndarray, C: np.ndarray, theta: np.ndarray, room: Room, slope: np.ndarray) -> float:
    """∇R of the setting into `slope`; R."""
    if not setting.spherical:
        return slope_of_residuals(setting.residuals, B, C, theta, room.row, slope)
    square, along = 0.0, 0.0
    for p in range(theta.size):
        square += theta[p] * theta[p]
    norm = np.sqrt(square)
    for p in range(theta.size):
        room.direction[p] = theta[p] / norm
    risk = slope_of_residuals(setting.residuals, B, C, room.direction, room.row, slope)
    for p in range(theta.size):
        along += room.direction[p] * slope[p]
    for p in range(theta.size):
        slope[p] = (slope[p] - along * room.direction[p]) / norm
    return risk


@compiled
def step_of_residuals(
    setting: ResidualSetting, B: np.ndarray, C: np.ndarray, eta: float, rho: float, decay: float, theta: np.ndarray, room: Room
) -> None:
    """One step in place."""
    slope = room.slope
    risk = slope_at(setting, B, C, theta, room, slope)
    if rho > 0.0:
        if setting.unit_ascent:
            make_unit(slope)
        for p in range(theta.size):
            room.there[p] = theta[p] + rho * slope[p]
        risk = slope_at(setting, B, C, room.there, room, slope)
    if setting.along == NORMALIZED:
        make_unit(slope)
    elif setting.along == ROOT:
        twice = 2 * np.sqrt(risk)
        for p in range(theta.size):
            slope[p] = 0.0 if risk == 0.0 else slope[p] / twice
    for p in range(theta.size):
        theta[p] = theta[p] - eta * slope[p] - eta * decay * theta[p]


@compiled
def run_residual_lane(
    setting: ResidualSetting, runs: ResidualRuns, lane: int, theta: np.ndarray, first: int, count: int, kick: np.ndarray, room: Room
) -> tuple[int, int]:
    """Steps first, ..., first + count - 1 of a lane in place: steps taken, and how it ended."""
    B, C = runs.B[lane % runs.B.shape[0]], runs.C[lane % runs.C.shape[0]]
    for s in range(count):
        if kick.size > 0 and (first + s) % SEGMENT == 0:
            for p in range(kick.size):
                theta[p] += min(SEGMENT, count - s) * kick[p] * theta[p]
        room.before[:] = theta
        step_of_residuals(setting, B, C, runs.step[lane], runs.rho[lane], runs.decay[lane], theta, room)
        for p in range(theta.size):
            if not np.isfinite(theta[p]):
                theta[:] = room.before
                return s, DIVERGED
    return count, RAN


@compiled
def descend_residuals(
    setting: ResidualSetting,
    runs: ResidualRuns,
    chosen: np.ndarray,
    theta: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
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
    kick : shape (P,) or (0,)
        Part of itself by which each parameter moves before a segment, for every step of it; empty for none.
    taken, ending : int64, shape (B,)
        Written: the steps taken, and `RAN` or `DIVERGED`.
    every, saved : int, shape (B, columns, P)
        States after every, 2 every, ... steps go into the columns, the last of a lane to its end; without columns `every` is not used.

    """
    columns, P = saved.shape[1], theta.shape[1]
    room = Room(np.empty(P), np.empty(P), np.empty(P), np.empty(P), np.empty(P))
    for b in range(theta.shape[0]):
        taken[b], ending[b] = 0, RAN
        for column in range(max(columns, 1)):
            if ending[b] == RAN:
                part = counts[b] if columns == 0 else min(every, counts[b] - taken[b])
                done, ending[b] = run_residual_lane(setting, runs, chosen[b], theta[b], first[b] + taken[b], part, kick, room)
                taken[b] += done
            if columns > 0:
                saved[b, column] = theta[b]
