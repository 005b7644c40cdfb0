"""Dormand and Prince's explicit method of order 8(5,3) for any field, vectorised over lanes with NumPy.

The same combinations as the compiled `kernels.flow`, which serves deep linear networks; see there for the sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.integrators.fields import Field
from theorycheck.dynamics.integrators.schemes import Step
from theorycheck.symbolic.kernels.flows.control import EDGE
from theorycheck.symbolic.kernels.flows.steps import weighted
from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE, EXTRA, FIFTH, SOLUTION, STAGES, THIRD


@dataclass(frozen=True)
class DormandPrince:
    """The scheme; its interpolant is of order 7 and costs three slopes more, once a step."""

    @property
    def order(self) -> int:
        return 8

    def step(self, field: Field, x: np.ndarray, slope: np.ndarray, h: np.ndarray) -> Step:
        K, h = np.zeros((STAGES + 1 + EXTRA, *x.shape)), h[:, None]
        K[0] = slope
        last = x
        for s in range(1, STAGES):
            last = x + h * _combined(s, K)
            K[s] = field.slope(last)
        state = x + h * _combined(SOLUTION, K)
        K[STAGES] = field.slope(state)
        apart = np.linalg.norm(state - last, axis=-1)
        speed = np.linalg.norm(K[STAGES] - K[STAGES - 1], axis=-1)
        stability = np.where(apart > 0, h[:, 0] * speed / np.where(apart > 0, apart, 1.0), 0.0) / EDGE
        errors = h * _combined(FIFTH, K), h * _combined(THIRD, K)
        return Step(state, K[STAGES].copy(), errors, stability, STAGES, Interpolant(field, x, state, h, K))

    def ratio(self, norms: tuple[np.ndarray, ...]) -> np.ndarray:
        fifth, third = (np.square(norm) for norm in norms)
        both = fifth + 0.01 * third
        return np.where(both == 0, 0.0, np.where(both < np.inf, fifth / np.sqrt(np.where(both == 0, 1.0, both)), np.inf))


@dataclass(eq=False)
class Interpolant:
    """The polynomial through a step, made when it is first asked for."""

    field: Field
    x: np.ndarray
    state: np.ndarray
    h: np.ndarray
    K: np.ndarray
    terms: np.ndarray | None = None

    def __call__(self, fraction: np.ndarray) -> np.ndarray:
        if self.terms is None:
            self.terms = self._terms()
        c, value = fraction[..., None], np.zeros_like(self.x)
        for i, term in enumerate(self.terms):
            value = (value + term) * (c if i % 2 == 0 else 1 - c)
        return self.x + value

    def _terms(self) -> np.ndarray:
        """Coefficients from the highest down; powers of c and 1 - c alternate."""
        for s in range(STAGES + 1, STAGES + 1 + EXTRA):
            self.K[s] = self.field.slope(self.x + self.h * _combined(s, self.K))
        jump, first, final = self.state - self.x, self.h * self.K[0], self.h * self.K[STAGES]
        high = self.h * np.einsum("ij,jbn->ibn", DORMAND_PRINCE.interpolant, self.K)
        return np.concatenate([high[::-1], np.stack([2 * jump - first - final, first - jump, jump])])


def _combined(row: int, K: np.ndarray) -> np.ndarray:
    """Σ a_j K_j for one row of the tableau, in the order of the compiled code."""
    out = np.empty(K.shape[1:])
    weighted(DORMAND_PRINCE, row, K, out)
    return out
