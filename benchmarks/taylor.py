"""A reference for gradient flows of polynomial models: Taylor series in extended precision, far below the errors of float64.

Order 28 in the 64-bit mantissa of `numpy.longdouble`; lanes side by side, each with its own step. The coefficients of a product of
series are Cauchy sums, so the field is differentiated exactly.
"""

from __future__ import annotations

import numpy as np

ORDER = 28
LOCAL = np.longdouble(1e-21)

Series = np.ndarray  # (ORDER + 1, B, rows, columns), filled up to the order under way


class DeepLinearTaylor:
    """θ̇ = -∇R for w = W_L ... W_1 and R = (c/n) |y - X w|²; X (B, n, d), y (B, n, d_L)."""

    def __init__(self, widths: tuple[int, ...], X: np.ndarray, y: np.ndarray, c: float = 1.0) -> None:
        X, y = X.astype(np.longdouble), y.astype(np.longdouble)
        self.widths = widths
        self.covariance = 2 * c * np.matmul(np.swapaxes(X, -1, -2), X) / X.shape[-2]
        self.correlation = 2 * c * np.matmul(np.swapaxes(y, -1, -2), X) / X.shape[-2]

    def coefficients(self, theta: np.ndarray) -> np.ndarray:
        """Taylor coefficients of the flow from θ ``(B, P)``, shape ``(ORDER + 1, B, P)``."""
        B, depth, out = len(theta), len(self.widths) - 1, np.zeros((ORDER + 1, *theta.shape), dtype=np.longdouble)
        shapes = list(zip(self.widths[1:], self.widths[:-1], strict=True))
        ends = np.cumsum([0] + [a * b for a, b in shapes])
        out[0] = theta
        W = [out[:, :, ends[k] : ends[k + 1]].reshape(ORDER + 1, B, *shapes[k]) for k in range(depth)]
        above = [np.zeros((ORDER + 1, B, self.widths[-1], d), dtype=np.longdouble) for d in self.widths]  # A_k
        below = [np.zeros((ORDER + 1, B, self.widths[-1], d), dtype=np.longdouble) for d in self.widths]  # G B_{k+1}ᵀ
        above[depth][0] = np.eye(self.widths[-1])
        for k in range(ORDER):
            W = [out[:, :, ends[j] : ends[j + 1]].reshape(ORDER + 1, B, *shapes[j]) for j in range(depth)]
            for j in range(depth, 0, -1):
                above[j - 1][k] = product(above[j], W[j - 1], k)
            below[0][k] = np.matmul(above[0][k], self.covariance) - (self.correlation if k == 0 else 0)
            for j in range(1, depth):
                below[j][k] = product(below[j - 1], np.swapaxes(W[j - 1], -1, -2), k)
            slopes = [product(np.swapaxes(above[j], -1, -2), below[j - 1], k).reshape(B, -1) for j in range(1, depth + 1)]
            out[k + 1] = -np.concatenate(slopes, axis=-1) / (k + 1)
        return out


class DifferenceOfSquaresTaylor:
    """θ̇ = -∇R for w = u² - v² and R = (c/n) |y - X w|²; X (B, n, d), y (B, n)."""

    def __init__(self, X: np.ndarray, y: np.ndarray, c: float = 1.0) -> None:
        X, y = X.astype(np.longdouble), y.astype(np.longdouble)
        self.covariance = 2 * c * np.matmul(np.swapaxes(X, -1, -2), X) / X.shape[-2]
        self.correlation = 2 * c * np.matmul(y[..., None, :], X)[..., 0, :] / X.shape[-2]

    def coefficients(self, theta: np.ndarray) -> np.ndarray:
        """Taylor coefficients of the flow from θ ``(B, 2d)``."""
        d = theta.shape[-1] // 2
        out, g = np.zeros((ORDER + 1, *theta.shape), dtype=np.longdouble), np.zeros((ORDER + 1, len(theta), d), dtype=np.longdouble)
        out[0] = theta
        for k in range(ORDER):
            u, v = out[..., :d], out[..., d:]
            w = np.sum(u[: k + 1] * u[k::-1] - v[: k + 1] * v[k::-1], axis=0)
            g[k] = np.matmul(self.covariance, w[..., None])[..., 0] - (self.correlation if k == 0 else 0)
            out[k + 1, :, :d] = -2 * np.sum(u[: k + 1] * g[k::-1], axis=0) / (k + 1)
            out[k + 1, :, d:] = 2 * np.sum(v[: k + 1] * g[k::-1], axis=0) / (k + 1)
        return out


def product(X: Series, Y: Series, k: int) -> np.ndarray:
    """Coefficient k of the product of two series of matrices."""
    return np.matmul(X[: k + 1], Y[k::-1]).sum(axis=0)


def flowed(system: DeepLinearTaylor | DifferenceOfSquaresTaylor, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """θ at the times `end`, shape ``(B,)``, from starts ``(B, P)``."""
    theta, left = start.astype(np.longdouble), end.astype(np.longdouble)
    while np.any(left > 0):
        terms = system.coefficients(theta)
        size = np.maximum(np.linalg.norm(theta.astype(float), axis=-1), 1e-300).astype(np.longdouble)
        last, one_before = (np.sqrt(np.sum(np.square(terms[k]), axis=-1)) for k in (ORDER, ORDER - 1))
        with np.errstate(divide="ignore"):
            h = np.minimum((LOCAL * size / last) ** (np.longdouble(1) / ORDER), (LOCAL * size / one_before) ** (np.longdouble(1) / (ORDER - 1)))
        h = np.where(np.isfinite(h), np.minimum(h, left), left)
        moved = terms[ORDER]
        for k in range(ORDER - 1, -1, -1):
            moved = terms[k] + h[:, None] * moved
        theta, left = moved, left - h
    return theta
