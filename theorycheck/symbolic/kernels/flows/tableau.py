"""The coefficients of Dormand and Prince's method of order 8(5,3), as SciPy publishes them.

Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, II.5 and the code DOP853. SciPy keeps them in a
private module; a test holds it to the order conditions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.integrate._ivp import dop853_coefficients as published

STAGES, EXTRA = 12, 3
SOLUTION, THIRD, FIFTH = 16, 17, 18  # rows of the tableau after those of the stages, and where `Tableau.rows` has them


class Tableau(NamedTuple):
    """Linear combinations of stages that the method is made of: a row each, its coefficients that are not zero first in place."""

    rows: np.ndarray  # (19,) their numbers: numba would compile `weighted` anew for every constant among its arguments
    counts: np.ndarray  # (19,) how many coefficients
    stages: np.ndarray  # (19, 16) which stage each belongs to
    values: np.ndarray  # (19, 16)
    interpolant: np.ndarray  # (4, 16) the same for the four highest terms of the interpolant, in full

    @classmethod
    def of(cls, A: np.ndarray, B: np.ndarray, E3: np.ndarray, E5: np.ndarray, D: np.ndarray) -> Tableau:
        """Pack the published arrays: A of shape (16, 16), whose last three rows serve the interpolant, B, E3, E5 and D."""
        rows = [*A, B, E3, E5]
        counts, stages, values = np.zeros(len(rows), np.int64), np.zeros((len(rows), 16), np.int64), np.zeros((len(rows), 16))
        for r, row in enumerate(rows):
            nonzero = np.flatnonzero(row)
            counts[r], stages[r, : nonzero.size], values[r, : nonzero.size] = nonzero.size, nonzero, row[nonzero]
        return cls(np.arange(len(rows)), counts, stages, values, np.array(D, dtype=float, order="C"))

    def row(self, number: int) -> dict[int, float]:
        """Coefficients of a row that are not zero, by stage."""
        count = self.counts[number]
        return {int(j): float(a) for j, a in zip(self.stages[number, :count], self.values[number, :count], strict=True)}


DORMAND_PRINCE = Tableau.of(published.A, published.B, published.E3, published.E5, published.D)
NODES = published.C
