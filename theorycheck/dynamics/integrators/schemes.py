"""What a scheme offers to the driver: one attempted step of every lane, pure.

To add a scheme, give it `step`, which moves x by its own time h in every lane, and `ratio`, which turns the norms of its error
vectors into a number that is below 1 where the step is good and grows like h^order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from theorycheck.dynamics.integrators.fields import Field


@dataclass(frozen=True, eq=False)
class Step:
    """An attempted step of B lanes.

    Parameters
    ----------
    state, slope : ndarray, shape (B, N)
        After the step.
    errors : tuple of ndarray, shape (B, N)
        Error vectors of the scheme.
    stability : ndarray, shape (B,)
        h times the size of the Jacobian, in units of the edge of stability; 0 for a scheme without one.
    evaluations : int
        Slopes evaluated in each lane.
    inside : callable
        Fractions of the step, shape ``(k, B)`` -> states there, shape ``(k, B, N)``.

    """

    state: np.ndarray
    slope: np.ndarray
    errors: tuple[np.ndarray, ...]
    stability: np.ndarray
    evaluations: int
    inside: Callable[[np.ndarray], np.ndarray]


class Scheme(Protocol):
    """A method of integration, a frozen value."""

    @property
    def order(self) -> int:
        """Power of h in `ratio`."""

    def step(self, field: Field, x: np.ndarray, slope: np.ndarray, h: np.ndarray) -> Step:
        """One step of length h, shape ``(B,)``, from x with its slope, both ``(B, N)``."""

    def ratio(self, norms: tuple[np.ndarray, ...]) -> np.ndarray:
        """Error in units of the tolerance, shape ``(B,)``, from the norms of the error vectors in these units."""
