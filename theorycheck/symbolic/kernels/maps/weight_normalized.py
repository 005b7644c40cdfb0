"""Lowering of weight normalisation w = g v/|v|, θ = (g, v), in closed form: plain NumPy, any dimension, no compile.

With N = |v|, u = v/N, P = I - u uᵀ and p = P G:

    J = [u, (g/N) P],   Σ_i G_i ∇²w_i = [[0, pᵀ/N], [p/N, -(g/N²) (p uᵀ + u pᵀ + (G·u) P)]].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.bounded import euclidean


class _Point(NamedTuple):
    """g, g/N and 1/N of shape ``(..., 1)``, u of shape ``(..., dim)``."""

    gain: np.ndarray
    ratio: np.ndarray
    inverse: np.ndarray
    unit: np.ndarray


@dataclass(frozen=True)
class WeightNormalizedKernels:
    """The map (g, v) -> g v/|v| and its derivatives; values at v = 0 are not finite.

    Parameters
    ----------
    dim : int
        Length of v and of w.

    """

    dim: int

    def w(self, theta: np.ndarray) -> np.ndarray:
        point = _point(theta)
        return point.gain * point.unit

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        _, ratio, _, unit = _point(theta)
        across = ratio[..., None] * (np.eye(self.dim) - unit[..., :, None] * unit[..., None, :])
        return np.concatenate([unit[..., :, None], across], axis=-1)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        _, ratio, _, unit = _point(theta)
        along, across = _parts(unit, np.asanyarray(G))
        return _joined(along, ratio * across)

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        (_, ratio, _, unit), v = _point(theta), np.asanyarray(v)
        return v[..., :1] * unit + ratio * _parts(unit, v[..., 1:])[1]

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        theta, G = (np.asanyarray(a)[..., None, :] for a in (theta, G))
        return self.hvp(theta, G, np.asanyarray(curvature)[..., None, :, :], np.eye(self.dim + 1))

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        (_, ratio, inverse, unit), v = _point(theta), np.asanyarray(v)
        G_along, G_across = _parts(unit, np.asanyarray(G))
        v_along, v_across = _parts(unit, v[..., 1:])
        inner = np.sum(G_across * v[..., 1:], axis=-1, keepdims=True)
        turned = v_along * G_across + inner * unit + G_along * v_across
        bent = _joined(inner * inverse, (v[..., :1] * G_across - ratio * turned) * inverse)
        moved = np.sum(np.asanyarray(curvature) * self.tangent(theta, v)[..., None, :], axis=-1)
        return bent + self.gradient(theta, moved)

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return self._lost * np.abs(_point(theta).gain[..., 0])

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        return self._jacobian_size(theta) * (self._lost * euclidean(G, 1) + G_error)

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        _, ratio, inverse, _ = (part[..., 0] for part in _point(theta))
        bend = (2 + 4 * np.abs(ratio)) * inverse  # times |G|: a bound on the second term and on what meets in it
        first = self._lost * euclidean(curvature, 2) + curvature_error
        return bend * (self._lost * euclidean(G, 1) + G_error) + self._jacobian_size(theta) ** 2 * first

    @property
    def _lost(self) -> float:
        """eps times the roundings on the longest path: four sums over an instance, the norm, and a few products."""
        return (4 * self.dim + 32) * EPS

    def _jacobian_size(self, theta: np.ndarray) -> np.ndarray:
        """1 + 2 |g|/N: a bound on the spectral norm of J, and on those of its terms."""
        return 1 + 2 * np.abs(_point(theta).ratio[..., 0])


def _point(theta: np.ndarray) -> _Point:
    theta = np.asanyarray(theta)
    gain, v = theta[..., :1], theta[..., 1:]
    norm = np.sqrt(np.sum(v * v, axis=-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        return _Point(gain, gain / norm, 1 / norm, v / norm)


def _parts(unit: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """u·x and P x, with P x = x - u (u·x)."""
    along = np.sum(unit * x, axis=-1, keepdims=True)
    return along, x - unit * along


def _joined(first: np.ndarray, others: np.ndarray) -> np.ndarray:
    leading = np.broadcast_shapes(first.shape[:-1], others.shape[:-1])
    return np.concatenate([np.broadcast_to(first, (*leading, 1)), np.broadcast_to(others, (*leading, others.shape[-1]))], axis=-1)
