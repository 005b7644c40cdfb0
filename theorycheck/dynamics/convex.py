"""Minimum of a convex function of one variable, with an error bar from its tangents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theorycheck.dynamics.certificates import convex
from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS, Measured, in_balls

Oracle = Callable[[np.ndarray], tuple[Measured, np.ndarray]]

_SECTIONS = 17
_ROUNDS = 40


def convex_minimum(oracle: Oracle, low: float, high: float) -> tuple[float, Measured]:
    """Where a convex function on [low, high] is least, and its least value.

    Parameters
    ----------
    oracle : callable
        Points of shape (k,) -> (values as Measured of shape (k,), slopes (subgradients) of shape (k,)).
    low, high : float
        The interval.

    Returns
    -------
    argument : float
        The best point evaluated.
    minimum : Measured
        Its value. A convex function lies above its tangents, so the true minimum lies above the crossing of the two tangents
        that bracket it: the bar is that gap plus the bar of the value.

    """
    if in_balls():
        return convex.enclosed_minimum(oracle, low, high)  # type: ignore[return-value]
    if not low <= high:
        raise InvalidArgument("low, high", (low, high), "must satisfy low <= high", "swap them")
    for _ in range(_ROUNDS):
        points = np.linspace(low, high, _SECTIONS)
        values, slopes = oracle(points)
        right = int(np.argmax(slopes >= 0)) if np.any(slopes >= 0) else _SECTIONS
        if right in (0, _SECTIONS):  # monotone on the interval: the end is the minimum
            end = 0 if right == 0 else -1
            return float(points[end]), values[end]
        left = right - 1
        best = left if values.value[left] < values.value[right] else right
        gap = values.value[best] - _crossing(points, values.value, slopes, left, right)
        low, high = float(points[left]), float(points[right])
        if gap <= EPS * abs(values.value[best]) or high - low <= 4 * EPS * max(abs(low), abs(high)):
            break
    return float(points[best]), Measured(values.value[best], values.error[best] + max(0.0, gap))


def _crossing(points: np.ndarray, values: np.ndarray, slopes: np.ndarray, i: int, j: int) -> float:
    """Height at which the tangents at points i < j cross."""
    if slopes[j] == slopes[i]:
        return float(min(values[i], values[j]))
    x = (values[i] - values[j] + slopes[j] * points[j] - slopes[i] * points[i]) / (slopes[j] - slopes[i])
    return float(values[i] + slopes[i] * (x - points[i]))
