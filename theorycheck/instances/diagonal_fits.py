"""Diagonal linear networks that fit their samples: where label noise and batches start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.instances.recipes import Noise
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import Diagonal


@dataclass(frozen=True)
class DiagonalFit:
    """A diagonal linear network at a minimiser of |Zw - y|²/(2n), a time, and where a claim is noisy its noise; stacks along leading axes.

    Parameters
    ----------
    model : Diagonal
        w = u² - v² or v².
    theta : ndarray, shape (..., P)
        θ, which fits: y = Z w(θ).
    Z : ndarray, shape (..., n, d)
        Samples as rows.
    time : float
        In units of what the claim says.
    noise : Noise or None

    """

    model: Diagonal
    theta: np.ndarray
    Z: np.ndarray
    time: float
    noise: Noise | None = None

    @property
    def objective(self) -> Objective:
        """|Zw - y|²/(2n), zero at θ."""
        fit = (self.Z @ self.model.w(self.theta)[..., None])[..., 0]
        return Objective(self.model, SquaredLoss(0.5), Regression(self.Z, fit))

    @property
    def c(self) -> np.ndarray:
        """c_j = Σ_i Z_ij²/n, shape (..., d)."""
        return np.mean(self.Z**2, axis=-2)

    @property
    def trace(self) -> np.ndarray:
        """tr H at θ for depth 2: 4Σ_j c_j(u_j² + v_j²), or 4Σ_j c_jv_j², shape (...)."""
        squares = (self.theta**2).reshape(*self.theta.shape[:-1], -1, self.Z.shape[-1]).sum(axis=-2)
        return np.asarray(4 * np.sum(self.c * squares, axis=-1))
