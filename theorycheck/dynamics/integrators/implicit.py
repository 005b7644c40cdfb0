"""Extrapolated linearly implicit Euler steps, for stiff fields with a known Jacobian J.

Column j takes n_j = j substeps z += (I - h_j J)^(-1) h_j f(z) with h_j = h/j and J from the start of the step; columns 1..k are
extrapolated to order k by Aitken and Neville's scheme. There is no iteration, so lanes never wait for each other, and the
columns are substeps of one batch. As h grows without bound a step becomes one of Newton's method: flows that come to rest are
followed to any time. Increments are extrapolated, not states, which keeps rounding relative to them.

Source: Deuflhard 1985, SIAM Review 27; Hairer & Wanner, Solving Ordinary Differential Equations II, IV.9 (SEULEX).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.integrators.fields import Field
from theorycheck.dynamics.integrators.schemes import Step


@dataclass(frozen=True)
class ExtrapolatedEuler:
    """The scheme with k columns; inside a step it takes a shorter step from the same start."""

    columns: int = 8

    @property
    def order(self) -> int:
        return self.columns

    def step(self, field: Field, x: np.ndarray, slope: np.ndarray, h: np.ndarray) -> Step:
        J = field.jacobian(x)
        moved, below = self._moved(field, x, slope, J, h)
        state = x + moved

        def inside(fraction: np.ndarray) -> np.ndarray:
            return x + self._moved(field, x, slope, J, fraction * h)[0]

        evaluations = self.columns * (self.columns - 1) // 2 + 1
        return Step(state, field.slope(state), (moved - below,), np.zeros(len(x)), evaluations, inside)

    def ratio(self, norms: tuple[np.ndarray, ...]) -> np.ndarray:
        return 4 * norms[0]

    def _moved(self, field: Field, x: np.ndarray, slope: np.ndarray, J: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Increment over steps h ``(..., B)``, and the one of order one less, both ``(..., B, N)``."""
        parts = (h / np.arange(1.0, self.columns + 1).reshape(-1, *(1,) * h.ndim))[..., None]
        inverses = parts[..., None] * _inverses(np.eye(x.shape[-1]) - parts[..., None] * J)
        moved = np.zeros((self.columns, *h.shape, x.shape[-1]))
        for i in range(self.columns):  # columns i + 1, i + 2, ... still have substeps to take
            f = slope if i == 0 else field.slope(x + moved[i:])
            moved[i:] += (inverses[i:] @ np.broadcast_to(f, moved[i:].shape)[..., None])[..., 0]
        return _extrapolated(moved)


def _extrapolated(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits h -> 0 of increments with 1, 2, ..., k substeps: of order k and of order k - 1."""
    k, table = len(columns), columns
    for order in range(1, k):
        weight = (np.arange(order + 1.0, k + 1) / np.arange(1.0, k - order + 1) - 1).reshape(-1, *(1,) * (columns.ndim - 1))
        table, last = table[1:] + (table[1:] - table[:-1]) / weight, table
    return table[-1], last[-1]


def _inverses(matrices: np.ndarray) -> np.ndarray:
    """Inverses of matrices ``(..., N, N)``; NaN for the singular ones."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        singular = np.linalg.det(matrices) == 0
        safe = np.where(singular[..., None, None], np.eye(matrices.shape[-1]), matrices)
        return np.where(singular[..., None, None], np.nan, np.linalg.inv(safe))
