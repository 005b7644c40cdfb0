"""Lowering of a matrix-valued map as a vector: w becomes its entries, row by row, and the curvature any m x m matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.bounded import bounded, euclidean
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.embedded import EmbeddedKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words
from theorycheck.symbolic.kernels.protocol import MapKernels
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels

LARGEST_CURVATURE = 32  # side of K up to which a tape, which holds a copy of K a lane, beats three sweeps and a product of matrices


@dataclass(frozen=True, eq=False)
class FlattenedKernels:
    """The map θ -> vec w(θ), row by row, and its derivatives: ∇²R = Jᵀ K J + Σ_i G_i ∇²w_i with K of shape ``(..., m, m)``.

    Parameters
    ----------
    source : MapKernels
        The map as it was.
    source_shape : tuple of int
        Shape of its w.

    """

    source: MapKernels
    source_shape: tuple[int, ...]

    @cached_property
    def tape(self) -> TapeKernels | None:
        """The flattened map from the words of the source, where it has them."""
        if isinstance(self.source, DeepLinearKernels):
            return TapeKernels(deep_linear_words(self.source.widths), self.source.shape).flat
        return self.source.tape.flat if isinstance(self.source, EmbeddedKernels) else None

    @property
    def entries(self) -> int:
        """m, the number of entries of w."""
        return prod(self.source_shape)

    def w(self, theta: np.ndarray) -> np.ndarray:
        return self._flat(self.source.w(theta))

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        return self.source.jacobian(theta)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        return self.source.gradient(theta, self._folded(G))

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self._flat(self.source.tangent(theta, v))

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        J = self.source.jacobian(theta)
        return np.swapaxes(J, -1, -2) @ (np.asarray(curvature) @ J) + self.source.hessian(theta, self._folded(G), self._none)

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        if self.tape is not None and self.entries <= LARGEST_CURVATURE:
            return self.tape.hvp(theta, G, curvature, v)
        bent = (np.asarray(curvature) @ self.tangent(theta, v)[..., None])[..., 0]
        return self.gradient(theta, bent) + self.source.hvp(theta, self._folded(G), self._none, v)

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return bounded(self.source).w_error(theta)

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        return bounded(self.source).gradient_error(theta, self._folded(G), G_error)

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        source, nothing = bounded(self.source), np.zeros(())
        J, K = euclidean(source.jacobian(theta), 2), euclidean(np.asarray(curvature), 2)
        moved_J = source.gradient_error(theta, np.ones(self.source_shape), nothing)  # a bound on ‖δJ‖, since every entry of J takes part
        first = 2 * moved_J * K * J + 2 * (self.entries + 1) * EPS * K * J**2 + curvature_error * J**2
        return first + source.hessian_error(theta, self._folded(G), G_error, self._none, nothing)

    @property
    def _none(self) -> np.ndarray:
        """No curvature, in the shape that the source takes."""
        return np.zeros((self.source_shape[-1],) * 2)

    def _flat(self, w: np.ndarray) -> np.ndarray:
        return w.reshape(*w.shape[: w.ndim - len(self.source_shape)], self.entries)

    def _folded(self, G: np.ndarray) -> np.ndarray:
        G = np.asanyarray(G)
        return G.reshape(*G.shape[:-1], *self.source_shape)
