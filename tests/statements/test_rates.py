"""Intervals of rates and limits of first order."""

import numpy as np
import pytest

import theorycheck as tc

XS = 0.1 * 2.0 ** -np.arange(5)


@pytest.mark.parametrize(("ys", "low", "high"), [(3 * XS, 1, 1), (XS**2, 2, 2), (XS + 30 * XS**2, 0.5, 3.0)])
def test_rate_holds_the_slopes_seen(ys, low, high):
    slope = tc.rate_of(XS, tc.Measured(ys))
    assert low - 1e-6 <= slope.value <= high + 1e-6
    local = np.diff(np.log(ys)) / np.diff(np.log(XS))
    assert np.all(np.abs(local - slope.value) <= slope.error + 1e-12)


def test_rate_knows_nothing_of_what_is_not_positive():
    slope = tc.rate_of(XS, np.stack([XS, 0 * XS], axis=-1))
    assert np.isfinite(slope.error[0])
    assert np.isinf(slope.error[1])


@pytest.mark.parametrize("tail", [2 * XS, -5 * XS**2, XS - 10 * XS**2, XS * np.log(1 / XS), 0 * XS])
def test_limit_of_first_order_is_within_its_bar(tail):
    found = tc.first_order_limit(XS, 1 + tail)
    assert abs(found.value - 1) <= found.error + 1e-15


def test_limits_are_taken_lane_by_lane():
    values = np.stack([1 + XS, 2 - XS], axis=-1)
    assert tc.first_order_limit(XS, values).shape == (2,)
    with pytest.raises(tc.InvalidArgument, match="must fall"):
        tc.first_order_limit(XS[::-1], values)
