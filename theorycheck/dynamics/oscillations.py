"""What is left of a run after its two-step oscillation is averaged out, and what the oscillation is.

Descent at the edge of stability jumps from side to side of its minimisers, θ_k ≈ ζ + (-1)^k u v: averages over neighbours with weights
1/4, 1/2, 1/4 move with ζ, up to second differences of u; half the difference of neighbours is u v.
"""

from __future__ import annotations

import numpy as np

from theorycheck.errors import ShapeMismatch


def two_step_average(states: np.ndarray, window: int = 3) -> np.ndarray:
    """Means of `window` successive states with binomial weights, shape ``(..., T - window + 1, P)`` for states ``(..., T, P)``.

    Three states take off an alternating part that is constant, four one that is linear in the step, and so on.

    Raises
    ------
    ShapeMismatch
        For fewer states than the window has.

    Examples
    --------
    >>> two_step_average(np.array([[1.0], [-1.0], [1.0], [-1.0]])).ravel()
    array([0., 0.])

    """
    states = np.asarray(states, dtype=float)
    if window < 2 or states.ndim < 2 or states.shape[-2] < window:
        raise ShapeMismatch("states.shape", states.shape, f"must be (..., T, P) with T ≥ {window} ≥ 2", "keep more states, with Every(1)")
    for _ in range(window - 1):
        states = (states[..., 1:, :] + states[..., :-1, :]) / 2
    return states


def two_step_amplitude(states: np.ndarray) -> np.ndarray:
    """Half the difference of successive states, with the sign of the first: shape ``(..., T - 1, P)`` for states ``(..., T, P)``.

    Examples
    --------
    >>> two_step_amplitude(np.array([[3.0], [1.0], [3.0]])).ravel()
    array([1., 1.])

    """
    states = np.asarray(states, dtype=float)
    if states.ndim < 2 or states.shape[-2] < 2:
        raise ShapeMismatch("states.shape", states.shape, "must be (..., T, P) with T ≥ 2", "keep more states, with Every(1)")
    signs = (-1.0) ** np.arange(states.shape[-2] - 1)
    return signs[:, None] * (states[..., :-1, :] - states[..., 1:, :]) / 2
