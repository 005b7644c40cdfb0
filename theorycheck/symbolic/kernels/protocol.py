"""What a lowered parametrization offers to the numeric layer."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class MapKernels(Protocol):
    """The map θ -> w(θ) and its derivatives, in float64.

    Shapes: θ and v are ``(..., P)``; w and G are ``(..., d)`` or ``(..., d_out, d_in)``; leading axes broadcast. `m` is the
    number of entries of w, flattened row by row. G is the gradient of a risk in w and is opaque here; so is `curvature`,
    ``(..., d_in, d_in)``: the Hessian of the risk in w is ``I_(d_out) ⊗ curvature`` (row by row), which is 2c Σ for the squared loss.
    """

    def w(self, theta: np.ndarray) -> np.ndarray:
        """Shape ``(..., d)`` or ``(..., d_out, d_in)``."""

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """J, shape ``(..., m, P)``."""

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        """Jᵀ G, shape ``(..., P)``."""

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v, shape of w."""

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Jᵀ (I ⊗ curvature) J + Σ_i G_i ∇²w_i, shape ``(..., P, P)``."""

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The same matrix times v, without forming it, shape ``(..., P)``."""
