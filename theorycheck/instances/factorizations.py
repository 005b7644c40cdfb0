"""Matrix factorization problems: the completion problem against the nuclear norm, and a matrix observed in full."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.data import MatrixSensing
from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, orthogonal, reals, recipe

OBSERVED = ((0, 2), (2, 0), (0, 3), (3, 0), (1, 2), (2, 1))


@dataclass(frozen=True)
class Completion:
    """R, the free entries of a completion (as a change of M_norm), the scale s of a rank-one completion, a start U_0."""

    R: float
    free: np.ndarray
    s: float
    U: np.ndarray

    @property
    def data(self) -> MatrixSensing:
        """The observed entries."""
        A = np.zeros((6, 4, 4))
        for k, (i, j) in enumerate(OBSERVED):
            A[k, i, j] = 1
        y = np.stack([np.ones_like(self.R)] * 2 + [self.R] * 4, axis=-1)
        return MatrixSensing(np.broadcast_to(A, (*np.shape(self.R), 6, 4, 4)), y)

    @property
    def z(self) -> np.ndarray:
        """(1, R, 1, R)."""
        return np.stack([np.ones_like(self.R), self.R] * 2, axis=-1)

    @property
    def top(self) -> tuple[np.ndarray, np.ndarray]:
        """μ_1 and u_1 of -∇f(0), in closed form."""
        mu = (1 + np.sqrt(1 + 4 * self.R**2)) / 2
        u = np.stack([mu, self.R] * 2, axis=-1)
        return mu, u / np.linalg.norm(u, axis=-1, keepdims=True)

    @property
    def least(self) -> np.ndarray:
        """M_norm, the completion of least nuclear norm, 4R, for R ≥ 1; shape (..., 4, 4)."""
        entries = np.stack([np.ones_like(self.R), self.R], axis=-1)
        return entries[..., np.array([[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])]

    @property
    def completed(self) -> np.ndarray:
        """M_norm with the unobserved entries changed, shape (..., 4, 4)."""
        hidden = np.ones((4, 4))
        hidden[tuple(zip(*OBSERVED, strict=True))] = 0
        return self.least + hidden * (self.free + transposed(self.free))


def completions(low: float, high: float) -> Recipe:
    """R in [low, high]; every third completion is M_norm itself."""

    @recipe
    def problems(draw: Drawer) -> Completion:
        size = draw(choice((0.0, 1.0, 0.0625)))
        return Completion(draw(reals(low, high)), size * draw(array((4, 4))), draw(reals(0.25, 4)), draw(array((4, 4), -1, 1)))

    return problems


@dataclass(frozen=True)
class FullyObserved:
    """A symmetric M = Q diag(m) Qᵀ, all of it observed; a start U_0 of shape (3, 3), in the frame Q; a time."""

    Q: np.ndarray
    m: np.ndarray
    V: np.ndarray
    time: float

    @property
    def data(self) -> MatrixSensing:
        """All entries."""
        M = (self.Q * self.m[..., None, :]) @ transposed(self.Q)
        return MatrixSensing(np.broadcast_to(np.eye(9).reshape(9, 3, 3), (*M.shape[:-2], 9, 3, 3)), M.reshape(*M.shape[:-2], 9))

    @property
    def c(self) -> np.ndarray:
        """u_1ᵀW_0u_1."""
        return np.sum(self.V[..., 0, :] ** 2, axis=-1)


@recipe
def fully_observed(draw: Drawer) -> FullyObserved:
    """Eigenvalues 1 ≤ m_1 ≤ 2 and m_1 g_i with g_i in [-1/2, 1]."""
    m = draw(reals(1, 2))
    return FullyObserved(draw(orthogonal(3)), np.array([m, *(m * draw(array(2, -0.5, 1)))]), draw(array((3, 3), -1, 1)), draw(reals(-0.5, 1)))
