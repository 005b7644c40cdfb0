"""Events: the first change of sign of a function of θ, searched inside every step.

A step is sampled; where neighbouring samples differ in sign there is a crossing between them, and where a sample is nearer to zero than
both neighbours the place is sampled again more finely, for two crossings may hide there. The first crossing is then bisected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.integrators.fields import Field
from theorycheck.dynamics.integrators.schemes import Step
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.trajectories import Event

SAMPLES = 8
ROUNDS = 10  # times that a place where two crossings may hide is sampled again
SECTIONINGS = 19  # each leaves an eighth


@dataclass(eq=False)
class Watch:
    """An event of B lanes.

    Parameters
    ----------
    event : Event
        ``event(objective, theta)``, signed values.
    objective : SmoothRisk
        Its first argument.
    side : ndarray, shape (B,)
        The last sign that was not zero; 0 before there is one.

    """

    event: Event
    objective: SmoothRisk
    side: np.ndarray

    def chosen(self, mask: np.ndarray) -> Watch:
        """The lanes where the mask is true."""
        return Watch(self.event, self.objective.chosen(mask.shape, mask), self.side[mask])

    def begin(self, theta: np.ndarray) -> None:
        """Take the sides from θ ``(B, P)`` at the start."""
        self.side = np.nan_to_num(np.sign(np.broadcast_to(self.event(self.objective, theta), theta.shape[:-1])))

    def crossing(self, field: Field, step: Step, passed: np.ndarray) -> np.ndarray:
        """Fraction of the step at the first crossing, shape ``(B,)``; infinity where there is none or the step was not passed."""

        def values(fractions: np.ndarray) -> np.ndarray:
            """Of the event at fractions ``(k, B)``; where it is not a number, on the side it has been on."""
            theta = field.theta(step.inside(fractions))
            found = np.broadcast_to(self.event(self.objective, theta), theta.shape[:-1])
            return np.where(np.isnan(found), self.side, found)

        grid = between(np.zeros(len(passed)), np.ones(len(passed)), SAMPLES)
        sampled = values(grid)
        self.side = np.where(passed & (self.side == 0), _first_sign(sampled), self.side)
        low, high = bracket(grid, sampled, self.side)
        for _ in range(ROUNDS):
            left, right, hidden = dip(grid, sampled, self.side, high)
            hidden &= passed
            if not np.any(hidden):
                break
            finer = between(left, right, SAMPLES)
            grid, sampled = np.where(hidden, finer, grid), np.where(hidden, values(finer), sampled)
            found_low, found_high = bracket(grid, sampled, self.side)
            earlier = hidden & (found_high < high)
            low, high = np.where(earlier, found_low, low), np.where(earlier, found_high, high)
        found = passed & np.isfinite(high)
        if not np.any(found):
            return np.full(len(passed), np.inf)
        root = first_beyond(lambda fractions: values(fractions) * self.side <= 0, low, np.where(found, high, 1.0))
        return np.where(found, root, np.inf)


def between(low: np.ndarray, high: np.ndarray, parts: int) -> np.ndarray:
    """Points from low to high, both ``(B,)``, that cut the way into equal parts; shape ``(parts + 1, B)``."""
    points = low + (high - low) * np.linspace(0.0, 1.0, parts + 1)[:, None]
    points[-1] = high
    return points


def first_beyond(beyond: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where a condition that fails at low and holds at high, both ``(B,)``, begins to hold; it takes points ``(k, B)``."""
    lanes = np.arange(len(low))
    for _ in range(SECTIONINGS):
        points = between(low, high, SAMPLES)
        over = beyond(points)
        over[-1] = True
        first = np.maximum(np.argmax(over, axis=0), 1)
        low, high = points[first - 1, lanes], points[first, lanes]
    return high


def bracket(grid: np.ndarray, sampled: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours on the grid, both ``(k, B)``, around the first value that is not on a side, ``(B,)``; the second is infinite if none is."""
    over = (sampled * side <= 0) & (side != 0)
    over &= np.cumsum(sampled * side > 0, axis=0) > 0  # a value of zero before the side is known is no crossing
    first, any_ = np.argmax(over, axis=0), np.any(over, axis=0)
    lanes = np.arange(len(side))
    return np.where(any_, grid[np.maximum(first - 1, 0), lanes], 0.0), np.where(any_, grid[first, lanes], np.inf)


def dip(grid: np.ndarray, sampled: np.ndarray, side: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first place before `high` where a parabola through three samples comes near zero or beyond: its ends, and whether there is one."""
    distance = sampled * side
    a, b, c = distance[:-2], distance[1:-1], distance[2:]
    bend = a - 2 * b + c
    vertex = b - np.square(c - a) / (8 * np.where(bend > 0, bend, 1.0))
    near = (b > 0) & (b <= a) & (b <= c) & (bend > 0) & (vertex <= 0.5 * b) & (grid[2:] < high)
    first, any_, lanes = np.argmax(near, axis=0), np.any(near, axis=0), np.arange(len(side))
    return grid[first, lanes], grid[first + 2, lanes], any_


def _first_sign(sampled: np.ndarray) -> np.ndarray:
    """The first sign of each column that is not zero, or zero."""
    signs = np.sign(sampled)
    return signs[np.argmax(signs != 0, axis=0), np.arange(signs.shape[1])]
