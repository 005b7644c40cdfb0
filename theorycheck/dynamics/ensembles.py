"""Ensembles: many runs of a noisy method from one start, as samples for claims about their mean.

What is measured here has no bar: `theorycheck.statements.chances.expectation` takes samples and gives the interval. Ensembles whose runs
have the same numbers see the same noise, so a difference between two of them run by run has much less spread than either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.trajectories import Dynamics, Stop, Trajectory, follow


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Runs that differ in their seed.

    Parameters
    ----------
    objective : SmoothRisk
    method : callable
        Seeds ``(B,)`` -> a method of lanes ``(..., B)``, such as ``lambda seed: GradientDescent(0.1, LabelNoise(0.1, seed))``; the axes in
        front hold several methods, of steps ``(k, 1)`` say, whose runs see the same noise.
    start : ndarray, shape (P,)
    until : Stop

    """

    objective: SmoothRisk
    method: Callable[[np.ndarray], Dynamics]
    start: np.ndarray
    until: Stop

    def runs(self, numbers: np.ndarray, key: int = 0) -> Trajectory:
        """The runs of these numbers ``(B,)``, of seeds key + number, with lanes ``(..., B)``."""
        seeds = np.uint64(key) + np.asarray(numbers, dtype=np.uint64)
        return follow(self.objective, self.method(seeds), self.start, self.until)

    def changes(self, of: Callable[[np.ndarray], Any], key: int = 0) -> Callable[[np.ndarray], np.ndarray]:
        """What `of` changes by between start and end, as the samples of `expectation`: numbers of runs ``(B,)`` -> ``(B, ...)``."""
        before = np.asarray(of(np.asarray(self.start, dtype=float)))

        def samples(numbers: np.ndarray) -> np.ndarray:
            return np.asarray(of(np.moveaxis(self.runs(numbers, key).final, -2, 0))) - before

        return samples
