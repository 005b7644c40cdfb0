"""How far a risk rises within a small radius: what sharpness-aware losses are compared by."""

from __future__ import annotations

import numpy as np

from theorycheck.dynamics.risks import SmoothRisk

STEPS = 40


def worst_rise(risk: SmoothRisk, x: np.ndarray, start: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """max over |d| = 1 of (R(x + ρd) - R(x))/ρ², found by taking the direction of the gradient at x + ρd over and over, from ± a start.

    It closes in by the share λ_2/λ_1 a round, so that what it finds is short of the largest where the two are alike.

    Parameters
    ----------
    risk : SmoothRisk
        R.
    x : ndarray, shape (..., P)
    start : ndarray, broadcast to x
        A direction d of length 1, near the top eigenvector of ∇²R(x).
    rho : ndarray, shape (...)
        The radius ρ.

    Returns
    -------
    ndarray, shape (...)
        The larger of the two rises.

    """
    found = []
    for sign in (1.0, -1.0):
        d = sign * start + 0 * x
        for _ in range(STEPS):
            slope = risk.gradient(x + rho[..., None] * d)
            d = slope / np.linalg.norm(slope, axis=-1, keepdims=True)
        found.append((risk.risk(x + rho[..., None] * d) - risk.risk(x)) / rho**2)
    return np.maximum(*found)
