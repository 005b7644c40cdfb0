"""Rates of convergence that are bounded, not known: the interval of the slopes seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_positive
from theorycheck.measured import Measured


def rate_of(xs: Any, ys: Any) -> Measured:
    """Slope of log y against log x: the middle of the slopes between neighbours, with their whole spread as its bar.

    For claims such as ``at_least("of first order", rate_of(steps, distances), 1.0)``, where a distance need not scale as one power: the
    claim holds where every slope seen is larger, and falls where every one is smaller, by half of their spread at least: slopes that still
    drift need not have arrived. Where the exponent is known, `scales_as` says more.

    Parameters
    ----------
    xs : array_like, shape (k,), k ≥ 3
        Positive, monotone.
    ys : Measured or array_like, shape (k, ...)
        Positive; where one is not, nothing is known.

    Returns
    -------
    Measured, shape (...)

    """
    seen, xs = Measured.of(ys), require_positive("xs", xs)
    if xs.ndim != 1 or len(xs) < 3 or seen.shape[:1] != xs.shape:
        raise ShapeMismatch("xs.shape", xs.shape, f"must be ({seen.shape[0] if seen.ndim else 1},), at least 3", "pass one x a value")
    widths = np.diff(np.log(xs))
    if not (np.all(widths > 0) or np.all(widths < 0)):
        raise InvalidArgument("xs", xs, "must be monotone", "sort them")
    positive = np.all(seen.value > seen.error, axis=0)
    logs = np.log(Measured(np.where(positive, seen.value, 1.0), np.where(positive, seen.error, 0.0)))
    slopes = (logs[1:] - logs[:-1]) / Measured(widths.reshape(-1, *(1,) * (seen.ndim - 1)) * np.ones(seen.shape[1:]))
    low, high = np.min(slopes.value - slopes.error, axis=0), np.max(slopes.value + slopes.error, axis=0)
    return Measured((low + high) / 2, np.where(positive, high - low, np.inf))


def first_order_limit(xs: Any, values: Any) -> Measured:
    """The last of values that approach a limit at least like x → 0, with a bar for what is left: three times as much as the worst line says.

    A value v_k = v + O(x_k) leaves |v_k - v_last| x_last/(x_k - x_last) to go for each k; sequences that approach faster, or whose terms
    cancel at one x, are within it too. `tends_to` extrapolates, and is for sequences without noise.

    Parameters
    ----------
    xs : array_like, shape (k,), k ≥ 3
        Positive, falling.
    values : Measured or array_like, shape (k, ...)

    Returns
    -------
    Measured, shape (...)

    """
    seen, xs = Measured.of(values), require_positive("xs", xs)
    if xs.ndim != 1 or len(xs) < 3 or seen.shape[:1] != xs.shape:
        raise ShapeMismatch("xs.shape", xs.shape, f"must be ({seen.shape[0] if seen.ndim else 1},), at least 3", "pass one x a value")
    if np.any(np.diff(xs) >= 0):
        raise InvalidArgument("xs", xs, "must fall", "sort them, the one nearest to 0 last")
    left = (xs[-1] / (xs[:-1] - xs[-1])).reshape(-1, *(1,) * (seen.ndim - 1))
    return Measured(seen.value[-1], seen.error[-1] + 3 * np.max(np.abs(seen.value[:-1] - seen.value[-1]) * left, axis=0))
