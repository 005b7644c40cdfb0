"""Lanes that are going nowhere: a field with kinks, along which steps shrink to the size of the tolerance and are rejected over and over.

A flow that slides along a kink of ∇R is no solution of its equation there, and no smaller step makes it one. Every `WINDOW` attempts a
lane is looked at. It is given up if a fifth of them were rejected, it has not moved by half of its size, as explosions do, and at this
pace its end would take `HOPELESS` times the attempts that it is still allowed; without an end in time, if it has moved by less than a
hundredth of its size at an undiminished speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.symbolic.kernels.flows.control import EXHAUSTED, HUGE, REJECTED, RUNNING, STEPS, Requests, Runs

WINDOW = 256
ROUGH = 0.2  # share of rejected attempts; smooth fields stay well below it
HOPELESS = 20.0
LONG, SHORT, UNDIMINISHED = 0.5, 0.01, 0.5  # of the size of the state, twice, and of the speed at the last look


@dataclass(eq=False)
class Pace:
    """Where the lanes of a batch were at the last look.

    Parameters
    ----------
    progress, speed : ndarray, shape (B,)
        Time, or its logarithm where time is a coordinate, and ‖∇R‖.
    theta : ndarray, shape (B, P)
    rejected : ndarray of int, shape (B,)

    """

    progress: np.ndarray
    speed: np.ndarray
    theta: np.ndarray
    rejected: np.ndarray

    @classmethod
    def unknown(cls, lanes: int, parameters: int) -> Pace:
        """Before the first look, at which no lane is given up."""
        return cls(np.full(lanes, np.nan), np.full(lanes, np.nan), np.full((lanes, parameters), np.nan), np.zeros(lanes, dtype=np.int64))

    def look(
        self, lanes: np.ndarray, progress: np.ndarray, end: np.ndarray, speed: np.ndarray, theta: np.ndarray, requests: Requests, runs: Runs
    ) -> None:
        """Give up lanes, in place; all but the requests and runs are those of the `lanes`, and `end` is measured like the progress."""
        rejected, floor = runs.counts[lanes, REJECTED], requests.floor[lanes]
        allowed = requests.budget[lanes] - runs.counts[lanes, STEPS] - rejected
        rough = rejected - self.rejected[lanes] >= ROUGH * WINDOW
        with np.errstate(all="ignore"):
            far = WINDOW * (end - progress) > HOPELESS * allowed * (progress - self.progress[lanes])
            size = np.maximum(np.linalg.norm(theta, axis=-1), floor)
            moved = np.linalg.norm(theta - self.theta[lanes], axis=-1) / size
            far &= moved < LONG
            stuck = (moved < SHORT) & (speed > UNDIMINISHED * self.speed[lanes])
        hopeless = (runs.ending[lanes] == RUNNING) & rough & (size < HUGE) & np.where(np.isfinite(end), far, stuck)
        runs.ending[lanes[hopeless]] = EXHAUSTED
        self.progress[lanes], self.speed[lanes], self.theta[lanes], self.rejected[lanes] = progress, speed, theta, rejected
