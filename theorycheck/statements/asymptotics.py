"""Claims about limits and rates, as comparisons with a bar for what was not seen.

Both take a sequence that approaches its limit, the last entry nearest to it. Nothing finite proves a limit: the bar says how
far the unseen rest could go if the sequence keeps closing in at the rate it shows. The bar of one that does not close in is
hundreds or thousands of times its largest change: only one that has all but come to rest can hold, or be accused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_positive
from theorycheck.measured import EPS, Measured
from theorycheck.statements.comparisons import Comparison, Relation

_DRIFT = 24.0  # the least that never accuses 1/log, 1/sqrt(log) and log corrections in the sweep of the tests
_SLOWEST = 0.9  # a ratio of successive changes above this is no convergence yet


def tends_to(label: str, scales: Any, values: Any, limit: Any, resolution: float = 1e-3) -> Comparison:
    """The claim that values tend to a limit along scales that tend to zero (or to infinity), by geometric extrapolation.

    Parameters
    ----------
    label : str
    scales : array_like, shape (k,), k ≥ 3
        Positive, monotone, in a constant ratio to 1 %.
    values : Measured or array_like, shape (k, ...)
    limit : Measured or array_like, broadcastable to ``values[0]``
    resolution : float
        The largest relative bar at which agreement counts as evidence.

    """
    seen, scales = Measured.of(values), _checked(scales, len(np.atleast_1d(Measured.of(values).value)))
    ratios = scales[1:] / scales[:-1]
    if np.ptp(ratios) > 0.01 * abs(ratios[0]):
        raise InvalidArgument("scales", scales, "must be in a constant ratio", "pass scales such as 0.1 * 2.0 ** -np.arange(5)")
    extrapolated, bar = _extrapolated(seen, _nearer(scales))
    return Comparison(label, Relation.EQUAL, Measured(extrapolated, bar), Measured.of(limit), resolution)


def scales_as(label: str, xs: Any, ys: Any, exponent: float, resolution: float = 0.02) -> Comparison:
    """The claim that y scales as a power of x: local slopes of log y against log x tend to the exponent.

    The bar of the slope is narrower for more scales (from five on the drift of successive changes is seen), and nearer to the limit. Plain
    numbers count as exact: where they are rounded or estimated, their changes stop shrinking and the bar is wide, unless it comes with them.
    `rate_of` gives the interval of the slopes seen, for exponents that are bounded only. No bar can know a term of lower order that is hidden
    behind others at every scale passed: give the theorem a premise that it shows, as `marion_chizat_2024_small_start_limit` does.

    Parameters
    ----------
    label : str
    xs : array_like, shape (k,), k ≥ 4
        Positive, monotone, in a constant ratio to 1 %; the last is nearest to the limit.
    ys : Measured or array_like, shape (k, ...)
        Positive.
    exponent : float
    resolution : float
        The largest relative bar of the slope at which agreement counts as evidence.

    """
    seen = Measured.of(ys)
    xs = _checked(xs, len(np.atleast_1d(seen.value)), least=4)
    if np.any(seen.value <= 0):
        raise InvalidArgument("ys", seen.value, "must be positive", "pass absolute values, and leave out exact zeros")
    logs = np.log(seen)
    slopes = (logs[1:] - logs[:-1]) / Measured(np.diff(np.log(xs)).reshape(-1, *(1,) * (logs.ndim - 1)))
    extrapolated, bar = _extrapolated(slopes, _nearer(xs))
    return Comparison(label, Relation.EQUAL, Measured(extrapolated, bar), Measured.of(exponent), resolution)


def _checked(scales: Any, count: int, least: int = 3) -> np.ndarray:
    scales = require_positive("scales", scales)
    if scales.ndim != 1 or len(scales) != count:
        raise ShapeMismatch("scales.shape", scales.shape, f"must be ({count},), one scale a value", "pass one scale for each value")
    if count < least:
        raise InvalidArgument("scales", scales, f"must have at least {least} entries", "a rate cannot be read off fewer")
    if not (np.all(np.diff(scales) > 0) or np.all(np.diff(scales) < 0)):
        raise InvalidArgument("scales", scales, "must be monotone", "sort them, the one nearest to the limit last")
    return scales


def _nearer(scales: np.ndarray) -> float:
    """The factor below 1 by which successive scales come nearer to their limit."""
    ratio = float(scales[-1] / scales[-2])
    return min(ratio, 1 / ratio)


def _extrapolated(seen: Measured, nearer: float) -> tuple[np.ndarray, np.ndarray]:
    """The last value plus the rest of a geometric series, and a bar for it.

    The bar is that rest, more of it the more the ratio of successive changes still drifts (a logarithm's drifts to 1), plus the
    bars seen, amplified as the extrapolation amplifies them. Changes that shrink faster than the scales may do so because terms of
    different order cancel just there: what the larger changes before leave at the rate of the scales is the least bar. Where the
    changes are within the bars already, the last value stands; where they do not shrink, it stands with the bar of `_restless`.
    """
    v, e = seen.value, seen.error
    changes = np.diff(v, axis=0)[-3:]
    noise = e[-1] + 2 * e[-2] + e[-3] + 8 * EPS * np.abs(v[-1])
    with np.errstate(all="ignore"):
        ratio = changes[-1] / changes[-2]
        drift = np.abs(ratio - changes[-2] / changes[-3]) if len(changes) == 3 else np.abs(ratio)
        left = 1 - np.abs(ratio)
        rest = changes[-1] * ratio / (1 - ratio)
        converging = np.abs(ratio) <= _SLOWEST
        drifting = np.where(rest == 0, 0.0, np.abs(rest) * (1 + _DRIFT * drift / left))  # a last change of 0 leaves nothing, whatever the drift
        closing = np.maximum(drifting, _unseen(changes, nearer)) + noise / left**2
        bar = np.where(converging, closing, _restless(changes, ratio, nearer) + noise / (1 - _SLOWEST) ** 2)
    flat = (np.abs(changes[-1]) <= noise) & (np.abs(changes[-2]) <= 2 * noise)
    value = np.where(flat | ~converging, v[-1], v[-1] + np.nan_to_num(rest))
    return value, np.where(flat, 4 * noise, bar)


def _unseen(changes: np.ndarray, nearer: float) -> np.ndarray:
    """What is left after the last change where every change since the largest only shrank at the rate `nearer`."""
    ages = np.arange(len(changes))[::-1].reshape(-1, *(1,) * (changes.ndim - 1))
    return np.asarray(np.max(np.abs(changes) * nearer**ages, axis=0) * nearer / (1 - nearer))


def _restless(changes: np.ndarray, ratio: np.ndarray, nearer: float) -> np.ndarray:
    """What changes that do not shrink may leave, as a multiple of the largest.

    Where the last two have one sign, what log^(-p), p ≥ 1/4, leaves at worst over the whole range of floats. Where they alternate, which no
    logarithm does, the bar of the shortest sequence that closes in at the slowest ratio.
    """
    drifting = 4 * np.log(np.finfo(float).max) / np.log(1 / nearer)
    alternating = _SLOWEST / (1 + _SLOWEST) * (1 + _DRIFT * _SLOWEST / (1 - _SLOWEST))
    return np.asarray(np.max(np.abs(changes), axis=0) * np.where(ratio < 0, alternating, drifting))
