"""Lowering of products of matrices: depth and widths are arguments of the compiled code, so no shape compiles anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.symbolic.kernels.bounded import euclidean
from theorycheck.symbolic.kernels.compiled import together
from theorycheck.symbolic.kernels.exact import ExactProducts, exactly_too
from theorycheck.symbolic.kernels.maps.deep_linear_errors import PartialNorms
from theorycheck.symbolic.kernels.networks import dense, descent, lanes
from theorycheck.symbolic.kernels.networks.descent import FoldedData


@dataclass(frozen=True)
class DeepLinearKernels:
    """The map θ -> W_L ... W_1 and its derivatives; each W_k of shape ``(d_k, d_{k-1})``, flattened row by row.

    With a scalar output every function but the dense matrices costs O(Σ d_k d_{k-1}) an instance. The result for one
    instance does not depend on the others in the call, to the last bit.
    """

    widths: tuple[int, ...]

    @cached_property
    def sizes(self) -> np.ndarray:
        """Widths as the compiled code takes them."""
        return np.array(self.widths, dtype=np.int64)

    @property
    def exact(self) -> ExactProducts:
        """The same functions on arrays of exact or enclosed numbers."""
        return ExactProducts(self.widths)

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of w."""
        return (self.widths[0],) if self.widths[-1] == 1 else (self.widths[-1], self.widths[0])

    @property
    def entries(self) -> int:
        """m, the number of entries of w."""
        return self.widths[0] * self.widths[-1]

    @exactly_too
    def w(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        out = np.empty((len(rows), self.entries))
        lanes.ends(self.sizes, rows, out)
        return out.reshape(*leading, *self.shape)

    @exactly_too
    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        out = np.empty((len(rows), self.entries, self.parameters))
        dense.jacobians(self.sizes, rows, out)
        return out.reshape(*leading, self.entries, self.parameters)

    @exactly_too
    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        leading, (rows, slopes) = together((theta, 1), (G, len(self.shape)))
        out = np.empty_like(rows)
        lanes.gradients(self.sizes, rows, slopes, out)
        return out.reshape(*leading, self.parameters)

    @exactly_too
    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, directions) = together((theta, 1), (v, 1))
        out = np.empty((len(rows), self.entries))
        lanes.tangents(self.sizes, rows, directions, out)
        return out.reshape(*leading, *self.shape)

    @exactly_too
    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        leading, (rows, slopes, curvatures) = together((theta, 1), (G, len(self.shape)), (curvature, 2))
        out = np.empty((len(rows), self.parameters, self.parameters))
        dense.hessians(self.sizes, rows, slopes, curvatures, out)
        return out.reshape(*leading, self.parameters, self.parameters)

    @exactly_too
    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, slopes, curvatures, directions) = together((theta, 1), (G, len(self.shape)), (curvature, 2), (v, 1))
        out = np.empty_like(rows)
        lanes.hessian_products(self.sizes, rows, slopes, curvatures, directions, out)
        return out.reshape(*leading, self.parameters)

    @exactly_too
    def gauss_newton(self, theta: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """(I ⊗ F) J Jᵀ (I ⊗ F)ᵀ for a factor F of shape ``(..., f, d_0)``; shape ``(..., d_L f, d_L f)``.

        Where FᵀF = K it has the non-zero spectrum of Jᵀ (I ⊗ K) J, the first term of the Hessian.
        """
        factor = np.asarray(factor, dtype=float)
        size, f = self.widths[-1] * factor.shape[-2], factor.shape[-2]
        leading, (rows, factors) = together((theta, 1), (factor, 2))
        out = np.empty((len(rows), size, size))
        dense.gauss_newtons(self.sizes, rows, factors.reshape(len(rows), f, self.widths[0]), out)
        return out.reshape(*leading, size, size)

    def descend(
        self, theta: np.ndarray, data: FoldedData, counts: np.ndarray, threshold: np.ndarray, kick: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradient descent on the squared loss, a whole run inside compiled code.

        Parameters
        ----------
        theta : ndarray, shape (B, P)
            Starts.
        data : FoldedData
            Data of every lane, its step size folded in.
        counts : ndarray of int, shape (B,)
            Steps to take.
        threshold : ndarray, shape (B,)
            A lane stops before the first step whose norm is at most this; negative: never.
        kick : ndarray, shape (P,) or (0,)
            Part of itself by which each parameter is moved before every segment of `descent.SEGMENT` steps, for each of its steps;
            empty for none.

        Returns
        -------
        theta, taken, ending
            Final states ``(B, P)`` (the last finite one of a lane that diverged), steps taken and `descent.RAN`, `descent.SMALL` or
            `descent.DIVERGED`, both ``(B,)``.

        """
        states = np.array(theta, dtype=float, order="C")
        taken, ending = np.zeros(len(states), dtype=np.int64), np.zeros(len(states), dtype=np.int64)
        small = np.where(threshold < 0, -1.0, np.square(threshold))
        descent.descend(self.sizes, states, *data, descent.SEGMENT, np.array(counts, dtype=np.int64), small, taken, ending, kick)
        return states, taken, ending

    def norms(self, theta: np.ndarray) -> PartialNorms:
        """Norms of the partial products, and the error bounds they give."""
        return PartialNorms.of(self.sizes, theta)

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return PartialNorms.of(self.sizes, theta, between_layers=False).w()

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        return self.norms(theta).gradient(euclidean(G, len(self.shape)), np.asarray(G_error))

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        G, K = euclidean(G, len(self.shape)), euclidean(curvature, 2)
        return self.norms(theta).hessian(G, np.asarray(G_error), K, np.asarray(curvature_error))
