"""The minimum of a convex function of one variable, enclosed by its tangents.

A tangent of a convex function lies below it, so two tangents of opposite slope bound the minimum from below by the height at which
they cross; any value bounds it from above. All of it in balls: only the choice of the points is made in floats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import ctx

from theorycheck.dynamics.certificates.arrays import balls
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.reals import Undecided, exactly
from theorycheck.errors import InvalidArgument

Oracle = Callable[[Any], tuple[Any, Any]]

_ROUNDS = 80
_NARROW = 1e-9  # of an interval that is one point, evaluated as a ball


@dataclass(frozen=True)
class _Tangent:
    """A point, the value there, and a slope: F(y) >= value.lower + slope (y - point) on the interval."""

    point: Ball
    value: Ball
    slope: Ball


def enclosed_minimum(oracle: Oracle, low: Any, high: Any) -> tuple[Ball, Ball]:
    """A ball around a minimiser on [low, high], and a ball around the minimum.

    Parameters
    ----------
    oracle : callable
        Points, shape (1,) -> values and slopes, shape (1,). Where a value is a ball, a line through its lower end with the slope must
        lie below the function: so it does for the tangents of a function known exactly, and for top eigenvalues as
        `top_eigenpair` encloses them, with the slope of the Rayleigh quotient of its vector.
    low, high : number
        The interval.

    """
    low, high = Ball(low), Ball(high)
    a, b = low.midpoint, high.midpoint
    if not a <= b:
        raise InvalidArgument("low, high", (low, high), "must satisfy low <= high", "swap them")
    if b - a <= _NARROW * max(1.0, abs(a), abs(b)):
        whole = low.hull(high)
        return whole, Ball(oracle(balls([whole]))[0][0])
    left, right = (_tangent(oracle, end) for end in (low, high))
    if _sign(left.slope) > 0:
        return low, left.value
    if _sign(right.slope) < 0:
        return high, right.value
    return _between(oracle, left, right)


def _between(oracle: Oracle, left: _Tangent, right: _Tangent) -> tuple[Ball, Ball]:
    """Narrow the interval between tangents that do not slope away from each other."""
    best = left.value.upper if left.value.midpoint < right.value.midpoint else right.value.upper
    target = Ball(2) ** (-ctx.prec // 2)
    for turn in range(_ROUNDS):
        floor = _floor(left, right)
        if best - floor <= target * abs(best):
            break
        x = _next_point(left, right, turn)
        if x is None:
            break
        middle = _tangent(oracle, Ball(exactly(x)))
        best = middle.value.upper if middle.value.upper.midpoint < best.midpoint else best
        sign = _sign(middle.slope)
        if sign == 0:  # the slope is as good as zero: its tangent is the bound
            left, right = _closer(oracle, left, middle, right)
            floor = _larger(floor, _larger(_floor(left, right), _flat_floor(middle, left, right)))
            return left.point.hull(right.point), floor.hull(best)
        left, right = (middle, right) if sign < 0 else (left, middle)
    return left.point.hull(right.point), _floor(left, right).hull(best)


def _closer(oracle: Oracle, left: _Tangent, middle: _Tangent, right: _Tangent) -> tuple[_Tangent, _Tangent]:
    """The ends drawn to either side of a point of undecided slope, where the slopes there are decided."""
    reach = Ball(exactly(_NARROW * max(1.0, abs(middle.point.midpoint))))
    if middle.point - reach > left.point:
        near = _tangent(oracle, middle.point - reach)
        left = near if _sign(near.slope) < 0 else left
    if middle.point + reach < right.point:
        near = _tangent(oracle, middle.point + reach)
        right = near if _sign(near.slope) > 0 else right
    return left, right


def _tangent(oracle: Oracle, point: Ball) -> _Tangent:
    values, slopes = oracle(balls([point]))
    return _Tangent(point, Ball(values[0]), Ball(slopes[0]))


def _sign(slope: Ball) -> int:
    """Sign of the slope, 0 where it is not decided."""
    try:
        return 1 if slope > 0 else -1 if slope < 0 else 0
    except Undecided:
        return 0


def _floor(left: _Tangent, right: _Tangent) -> Ball:
    """A lower bound for the function between two points: where their tangents cross, or the lower of their ends."""
    s, t, width = left.slope, right.slope, right.point - left.point
    if _sign(s) < 0 < _sign(t):
        crossing = (t * left.value.lower - s * right.value.lower + s * t * width) / (t - s)
        return crossing.lower
    return _larger(*(v.value.lower - abs(v.slope) * width for v in (left, right))).lower


def _flat_floor(flat: _Tangent, left: _Tangent, right: _Tangent) -> Ball:
    reach = right.point - left.point
    return (flat.value.lower - abs(flat.slope) * reach).lower


def _larger(a: Ball, b: Ball) -> Ball:
    return a if a.midpoint >= b.midpoint else b


def _next_point(left: _Tangent, right: _Tangent, turn: int) -> float | None:
    """A float inside: in turn where the tangents cross, where the slope would vanish if it were linear, and the middle."""
    a, b, s, t = left.point.midpoint, right.point.midpoint, left.slope.midpoint, right.slope.midpoint
    if not np.nextafter(a, np.inf) < np.nextafter(b, -np.inf) or not s < t:
        return None
    crossing = (left.value.midpoint - right.value.midpoint + t * b - s * a) / (t - s)
    secant = a - s * (b - a) / (t - s)
    x = (crossing, secant, (a + b) / 2)[turn % 3]
    margin = 1e-3 * (b - a)
    inside = min(max(x, a + margin), b - margin)
    return float(inside) if a < inside < b else None
