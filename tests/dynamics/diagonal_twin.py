"""Slow twin in 50 digits of u² - v² under the squared loss: risk, gradient and Hessian of chosen samples."""

from typing import Any

import mpmath as mp
import numpy as np

from tests.dynamics.exact import multiprecision
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import Diagonal

C = 0.75
ROOT = np.vectorize(mp.sqrt, otypes=[object])
EXP = np.vectorize(mp.exp, otypes=[object])


def network(seed: int, leading: tuple[int, ...] = (), samples: int = 4, dim: int = 2) -> tuple[Objective, np.ndarray]:
    rng = np.random.default_rng(seed)
    data = Regression(rng.standard_normal((*leading, samples, dim)), rng.standard_normal((*leading, samples)))
    return Objective(Diagonal(dim, 2), SquaredLoss(C), data), rng.uniform(0.3, 0.9, (*leading, 2 * dim))


def norm(vector: np.ndarray) -> Any:
    return mp.sqrt(np.sum(vector**2))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / norm(vector)


class DiagonalTwin:
    """(C/B) Σ (x_i·(u² - v²) - y_i - shift_i)² over samples `rows`."""

    def __init__(self, objective: Objective) -> None:
        self.X, self.y, self.d = multiprecision(objective.data.X), multiprecision(objective.data.y), objective.data.inputs

    def seen(self, rows=None, shift=0) -> "DiagonalTwin":
        part = object.__new__(DiagonalTwin)
        rows = np.arange(len(self.y)) if rows is None else rows
        part.X, part.y, part.d = self.X[rows], self.y[rows] + shift, self.d
        return part

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        return self.X @ (theta[: self.d] ** 2 - theta[self.d :] ** 2) - self.y

    def risk(self, theta: np.ndarray) -> Any:
        return mp.mpf(C) / len(self.y) * np.sum(self.residuals(theta) ** 2)

    def gradient_in_w(self, theta: np.ndarray) -> np.ndarray:
        return 2 * mp.mpf(C) / len(self.y) * (self.residuals(theta) @ self.X)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        G = self.gradient_in_w(theta)
        return np.concatenate([2 * theta[: self.d] * G, -2 * theta[self.d :] * G])

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        G = self.gradient_in_w(theta)
        J = np.concatenate([np.diag(2 * theta[: self.d]), np.diag(-2 * theta[self.d :])], axis=1)
        K = 2 * mp.mpf(C) / len(self.y) * (self.X.T @ self.X)
        return J.T @ K @ J + np.diag(np.concatenate([2 * G, -2 * G]))
