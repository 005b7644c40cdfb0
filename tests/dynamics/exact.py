"""Slow twins in exact or high-precision arithmetic: plain products of matrices over any numbers."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from theorycheck.dynamics.objectives import Objective

DIGITS = 60


def fractions(array: Any) -> np.ndarray:
    return np.asarray(np.vectorize(Fraction, otypes=[object])(np.asarray(array, dtype=float)))


def multiprecision(array: Any) -> np.ndarray:
    return np.asarray(np.vectorize(mp.mpf, otypes=[object])(np.asarray(array, dtype=float)))


def layers(widths: tuple[int, ...], theta: np.ndarray) -> list[np.ndarray]:
    found, end = [], 0
    for rows, cols in zip(widths[1:], widths[:-1], strict=True):
        found.append(theta[end : end + rows * cols].reshape(rows, cols))
        end += rows * cols
    return found


def product(factors: list[np.ndarray], size: int) -> np.ndarray:
    """The last factor first; the identity where there is none."""
    result = np.array([[int(i == j) for j in range(size)] for i in range(size)], dtype=object)
    for factor in factors:
        result = factor @ result
    return result


class ExactRegression:
    """The squared loss of a deep linear network over the numbers that `kind` makes: R, G, gradient, Hessian of one instance."""

    def __init__(self, objective: Objective, kind: Callable[[Any], np.ndarray] = fractions) -> None:
        self.widths = objective.model.widths  # type: ignore[attr-defined]
        self.kind, self.X = kind, kind(objective.data.X)
        self.Y = kind(objective.data.y).reshape(objective.data.samples, -1)
        self.weight = kind(objective.loss.c).item() / objective.data.samples  # type: ignore[attr-defined]

    def w(self, theta: np.ndarray) -> np.ndarray:
        return product(layers(self.widths, theta), self.widths[0])

    def risk(self, theta: np.ndarray) -> Any:
        return self.weight * np.sum((self.X @ self.w(theta).T - self.Y) ** 2)

    def slope(self, theta: np.ndarray) -> np.ndarray:
        return 2 * self.weight * (self.X @ self.w(theta).T - self.Y).T @ self.X

    def pulled(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        parts, Ws = [], layers(self.widths, theta)
        for k in range(len(Ws)):
            above, below = product(Ws[k + 1 :], self.widths[k + 1]), product(Ws[:k], self.widths[0])
            parts.append((above.T @ G @ below.T).reshape(-1))
        return np.concatenate(parts)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return self.pulled(theta, self.slope(theta))

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """Through differences of unit length, which are exact: w and A_kᵀ G B_kᵀ have degree one in every entry of θ."""
        G, end = self.slope(theta), self.w(theta).reshape(-1)
        unit = self.kind(np.eye(len(theta)))
        J = np.stack([self.w(theta + e).reshape(-1) - end for e in unit], axis=-1)
        bend = np.stack([self.pulled(theta + e, G) - self.pulled(theta, G) for e in unit], axis=-1)
        K = np.kron(product([], self.widths[-1]), 2 * self.weight * self.X.T @ self.X)
        return J.T @ K @ J + bend


def eigenvalues(matrix: np.ndarray) -> list[Any]:
    """Eigenvalues of a symmetric matrix of fractions, ascending, to 60 digits."""
    with mp.workdps(DIGITS):
        return sorted(mp.eigsy(mp.matrix([[mp.mpf(x.numerator) / x.denominator for x in row] for row in matrix]), eigvals_only=True))
