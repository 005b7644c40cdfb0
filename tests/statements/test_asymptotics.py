"""Limits and rates: extrapolation, bars, and the standings they give."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.statements.comparisons import Standing

X = 0.1 * 2.0 ** -np.arange(7)

LIMITS = [
    (3 + X, 3.0, Standing.HOLDS),
    (3 + X + X**2, 3.0, Standing.HOLDS),
    (3 - 5 * X**2, 3.0, Standing.HOLDS),
    (3 + 0 * X, 3.0, Standing.HOLDS),
    (3 + X, 3.02, Standing.VIOLATED),
    (3 + X + X**2, 3.02, Standing.VIOLATED),
    (3 + 1 / np.log(1 / X), 3.0, Standing.TOO_CLOSE),
    (3 + np.sqrt(X), 3.2, Standing.VIOLATED),
    (3 + np.sqrt(X), 3.0, Standing.TOO_CLOSE),
    (3 + (-1.0) ** np.arange(7), 3.0, Standing.TOO_CLOSE),
    (np.full(7, np.nan), 3.0, Standing.UNDEFINED),
]


def test_rates_of_a_stack_are_those_of_its_members():
    values = np.stack([X, 3 * X**2, X * (1 + X)], axis=-1)
    together = list(tc.scales_as("rate", X, values, 1.0).lanes(3))
    assert [e.standing for e in together] == [Standing.HOLDS, Standing.VIOLATED, Standing.HOLDS]
    assert together == [tc.scales_as("rate", X, column, 1.0).worst for column in values.T]


@pytest.mark.parametrize(("values", "limit", "standing"), LIMITS)
def test_tends_to(values, limit, standing):
    assert tc.tends_to("limit", X, values, limit).standing is standing


@pytest.mark.parametrize("seed", range(20))
def test_bars_of_the_values_cover_the_limit(seed):
    rng = np.random.default_rng(seed)
    noise = 1e-9 * rng.uniform(-1, 1, 7)
    comparison = tc.tends_to("limit", X, tc.Measured(2 + X**2 + noise, 1e-9), 2.0)
    assert comparison.standing is not Standing.VIOLATED


RESTLESS = X * np.exp(1e-5 * (-1.0) ** np.arange(7))  # slopes that agree and do not close in
RATES = [
    (2 * X**2, 2.0, Standing.HOLDS),
    (X**2 * (1 + X), 2.0, Standing.HOLDS),
    (X**2 * (1 + X), 2.1, Standing.VIOLATED),
    (X**0.5 * (1 + 3 * X), 0.5, Standing.HOLDS),
    (X * np.log(1 / X), 1.0, Standing.TOO_CLOSE),
    (RESTLESS, 1.0, Standing.HOLDS),
    (RESTLESS, 1.01, Standing.VIOLATED),
    (X * np.exp(1e-2 * (-1.0) ** np.arange(7)), 1.0, Standing.TOO_CLOSE),
    (X * 2 ** (1e-3 * np.arange(7.0) ** 2), 1.0, Standing.TOO_CLOSE),
]


@pytest.mark.parametrize(("values", "exponent", "standing"), RATES)
def test_scales_as(values, exponent, standing):
    assert tc.scales_as("rate", X, values, exponent).standing is standing


@pytest.mark.parametrize("count", [4, 5, 7])
@pytest.mark.parametrize("seed", range(10))
def test_rounded_values_whose_slopes_agree_have_a_narrow_bar(count, seed):
    """Rounded far above the rounding of floats: the changes of the slopes shrink and grow at random."""
    values = X[:count] * (1 + 1e-9 * np.random.default_rng(seed).uniform(-1, 1, count))
    bar = tc.scales_as("rate", X[:count], values, 1.0).left.error
    assert bar < 1e-4


WRONG = [
    (lambda: tc.tends_to("", X[:2], X[:2], 0.0), "at least 3"),
    (lambda: tc.tends_to("", [1.0, 3.0, 2.0], [1.0, 1.0, 1.0], 0.0), "must be monotone"),
    (lambda: tc.tends_to("", [1.0, 0.5, 0.1], [1.0, 1.0, 1.0], 0.0), "constant ratio"),
    (lambda: tc.tends_to("", X, X[:3], 0.0), "one scale"),
    (lambda: tc.scales_as("", X, -X, 1.0), "must be positive"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments(call, message):
    with pytest.raises(tc.InvalidArgument, match=message):
        call()


@pytest.mark.parametrize("largest", [0.3, 0.1, 0.01, 1e-4, 1e-30, 1e-100])
@pytest.mark.parametrize("ratio", [1.1, 2.0, 3.0, 10.0])
@pytest.mark.parametrize("count", [4, 5, 7, 9])
def test_logarithms_are_never_accused(largest, ratio, count):
    x = largest * ratio ** -np.arange(count)
    log = np.log(1 / x)
    for slow in (1 / log, 1 / log**2, 1 / np.sqrt(log)):
        assert tc.tends_to("limit", x, 3 + slow, 3.0).standing is not Standing.VIOLATED
    for y, exponent in ((x * log, 1.0), (x / log, 1.0), ((x * log) ** 2, 2.0)):
        assert tc.scales_as("rate", x, y, exponent).standing is not Standing.VIOLATED


def test_a_last_change_of_zero_has_a_bar():
    """Changes 0, δ, 0, as rounding leaves them: no ratio is known, and the bar is that of what δ may leave."""
    values = 1.0 + np.array([0.0, 0.0, 0.0, 1e-11, 1e-11])
    found = tc.tends_to("flat", 2.0 ** -np.arange(5), values, values[-1])
    assert 1e-12 < found.left.error < 1e-10
    assert found.standing is tc.Standing.HOLDS
