"""Lowering of models that are deep linear networks with tied, shifted or frozen parameters.

The parameters of the network are ``base + Σ_c E_c θ``, where E_c puts θ, entry by entry, at the places of copy c; places of no copy stay
at the base. So J = J_net Σ_c E_c, and Jacobians and Hessians of the network are gathered at the places and summed over copies.
Values, gradients and products with vectors come from the tape of the model's own words, which is 1.5 to 6 times as fast. It multiplies
the partial products of the network, from one end or the other, so the network's error bounds hold for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.symbolic.kernels.exact import exactly_too
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels

MARGIN = 1.5  # the network commits 5 eps or more an operation; one more for the shift and at most three for copies stay below half of that


@dataclass(frozen=True, eq=False)
class EmbeddedKernels:
    """The map θ -> W_L ... W_1 of an embedded θ, and its derivatives.

    Parameters
    ----------
    network : DeepLinearKernels
        The product of matrices.
    base : ndarray, shape (P_net,)
        Parameters of the network at θ = 0.
    places : tuple of ndarray of int, each of shape (P,)
        For each copy, where the entries of θ stand in the network; no two places agree. At most two copies.
    tape : TapeKernels
        The same map from its words; its shape of w holds the entries of that of the network.

    """

    network: DeepLinearKernels
    base: np.ndarray
    places: tuple[np.ndarray, ...]
    tape: TapeKernels

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of w."""
        return self.tape.shape

    def w(self, theta: np.ndarray) -> np.ndarray:
        return self.tape.w(theta)

    @property
    def exact(self) -> TapeKernels:
        """The same functions on arrays of exact or enclosed numbers."""
        return self.tape

    @exactly_too
    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        return self._gathered(self.network.jacobian(self._embedded(theta, self.base)))

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        return self.tape.gradient(theta, G)

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.tape.tangent(theta, v)

    @exactly_too
    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        full = self.network.hessian(self._embedded(theta, self.base), self._slope(G), curvature)
        return np.swapaxes(self._gathered(np.swapaxes(self._gathered(full), -1, -2)), -1, -2)

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.tape.hvp(theta, G, curvature, v)

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return MARGIN * self.network.w_error(self._embedded(theta, self.base))

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        bound = self.network.gradient_error(self._embedded(theta, self.base), self._slope(G), G_error)
        return MARGIN * len(self.places) * bound

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        bound = self.network.hessian_error(self._embedded(theta, self.base), self._slope(G), G_error, curvature, curvature_error)
        return MARGIN * len(self.places) * bound

    def _embedded(self, theta: np.ndarray, base: np.ndarray) -> np.ndarray:
        theta = np.asarray(theta, dtype=float)
        full = np.array(np.broadcast_to(base, (*theta.shape[:-1], base.size)))
        for places in self.places:
            full[..., places] += theta
        return full

    def _gathered(self, values: np.ndarray) -> np.ndarray:
        """Σ_c E_cᵀ over the last axis."""
        first, *others = (values[..., places] for places in self.places)
        for other in others:
            first = first + other
        return first

    def _slope(self, G: np.ndarray) -> np.ndarray:
        G = np.asarray(G, dtype=float)
        return G.reshape(*G.shape[: G.ndim - len(self.shape)], *self.network.shape)
