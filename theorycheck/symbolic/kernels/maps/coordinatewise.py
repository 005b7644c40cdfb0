"""Lowering of maps that act on each coordinate alike, w_i = φ(u_i, v_i): diagonal networks and Hadamard products of any dimension.

With φ_a the derivatives of φ, taken entry by entry, Jᵀ G = (φ_a ⊙ G)_a, J Jᵀ = diag(Σ_a φ_a²), and the second term of the Hessian has
the blocks diag(φ_ab ⊙ G). Plain NumPy, linear in the dimension but for the matrices that are asked for; arrays of dtype object keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.bounded import euclidean


class CoordinatewiseKernels:
    """Base: a frozen dataclass gives `dim`, `groups` (how many vectors θ has), `degree` and the derivatives of φ."""

    dim: int

    @property
    def groups(self) -> int:
        """Number of vectors of `dim` entries in θ."""
        raise NotImplementedError

    @property
    def degree(self) -> int:
        """Factors of a term of φ."""
        raise NotImplementedError

    def terms(self, parts: list[Any]) -> list[Any]:
        """What φ is the sum of, signs included."""
        raise NotImplementedError

    def slopes(self, parts: list[Any]) -> list[Any]:
        """φ_a, entry by entry."""
        raise NotImplementedError

    def bends(self, parts: list[Any]) -> list[list[Any]]:
        """φ_ab, entry by entry; 0 where it vanishes."""
        raise NotImplementedError

    def w(self, theta: np.ndarray) -> np.ndarray:
        return sum(self.terms(self._parts(theta))[1:], self.terms(self._parts(theta))[0])

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        slopes = self.slopes(self._parts(theta))
        blocks = [np.eye(self.dim, dtype=int) * slope[..., None] for slope in slopes]
        return np.concatenate(blocks, axis=-1)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        return _joined([slope * G for slope in self.slopes(self._parts(theta))])

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        moved = [slope * along for slope, along in zip(self.slopes(self._parts(theta)), self._parts(v), strict=True)]
        return sum(moved[1:], moved[0])

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        parts, eye = self._parts(theta), np.eye(self.dim, dtype=int)
        slopes, bends = self.slopes(parts), self.bends(parts)
        rows = [
            [a[..., :, None] * curvature * b[..., None, :] + eye * (bend * G)[..., None] for b, bend in zip(slopes, row, strict=True)]
            for a, row in zip(slopes, bends, strict=True)
        ]
        return np.concatenate([_joined(row) for row in rows], axis=-2)

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        parts, along = self._parts(theta), self._parts(v)
        curved = (curvature @ self.tangent(theta, v)[..., None])[..., 0]
        slopes, bends = self.slopes(parts), self.bends(parts)
        bent = [sum((bend * G * u for bend, u in zip(row, along, strict=True)), 0 * G) for row in bends]
        return _joined([slope * curved + second for slope, second in zip(slopes, bent, strict=True)])

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return self._lost * euclidean(sum(np.abs(term) for term in self.terms(self._parts(theta))), 1)

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        return self._lost * euclidean(self.gradient(theta, G), 1) + self._norm(theta) * G_error

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        square, bends = self._norm(theta) ** 2, self.bends(self._parts(theta))
        by_G = sum(np.max(np.abs(bend), axis=-1) for row in bends for bend in row if not np.isscalar(bend))
        own = sum(np.max(np.abs(bend * G), axis=-1) for row in bends for bend in row if not np.isscalar(bend))
        roundings = 2 * self._lost + (self.dim + 4) * EPS
        return roundings * (square * euclidean(curvature, 2) + own) + by_G * G_error + square * curvature_error

    @property
    def _lost(self) -> float:
        """eps times the roundings of a term."""
        return (self.degree + 4) * EPS

    def _norm(self, theta: np.ndarray) -> np.ndarray:
        """‖J‖ = max_i √(Σ_a φ_a²)."""
        return np.sqrt(np.max(sum(slope**2 for slope in self.slopes(self._parts(theta))), axis=-1))

    def _parts(self, theta: np.ndarray) -> list[np.ndarray]:
        return [theta[..., a * self.dim : (a + 1) * self.dim] for a in range(self.groups)]


@dataclass(frozen=True)
class PowerKernels(CoordinatewiseKernels):
    """φ = u^D - v^D, or u^D alone."""

    dim: int
    depth: int
    signed: bool

    @property
    def groups(self) -> int:
        return 1 + self.signed

    @property
    def degree(self) -> int:
        return self.depth

    def terms(self, parts: list[Any]) -> list[Any]:
        return [sign * u**self.depth for sign, u in zip((1, -1), parts, strict=False)]

    def slopes(self, parts: list[Any]) -> list[Any]:
        return [sign * self.depth * u ** (self.depth - 1) for sign, u in zip((1, -1), parts, strict=False)]

    def bends(self, parts: list[Any]) -> list[list[Any]]:
        factor = self.depth * (self.depth - 1)
        own = [sign * factor * u ** max(self.depth - 2, 0) for sign, u in zip((1, -1), parts, strict=False)]
        return [[bend if a == b else 0 for b in range(self.groups)] for a, bend in enumerate(own)]


@dataclass(frozen=True)
class ProductKernels(CoordinatewiseKernels):
    """φ = u v."""

    dim: int

    @property
    def groups(self) -> int:
        return 2

    @property
    def degree(self) -> int:
        return 2

    def terms(self, parts: list[Any]) -> list[Any]:
        return [parts[0] * parts[1]]

    def slopes(self, parts: list[Any]) -> list[Any]:
        return [parts[1], parts[0]]

    def bends(self, parts: list[Any]) -> list[list[Any]]:
        one = 0 * parts[0] + 1
        return [[0, one], [one, 0]]


def _joined(parts: list[Any]) -> np.ndarray:
    """Arrays side by side along the last axis, their leading axes broadcast."""
    return np.concatenate(np.broadcast_arrays(*parts), axis=-1)
