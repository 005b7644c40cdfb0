"""Error bars through arithmetic: the interval of the result covers the image of the intervals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorycheck as tc
from theorycheck.errors import InvalidArgument
from theorycheck.measured import in_force

numbers = st.floats(-100, 100).filter(lambda x: abs(x) > 1e-6)
errors = st.floats(0, 0.5)
shares = st.floats(-1, 1)

BINARY = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
UNARY = [np.exp, np.sqrt, np.log, np.tanh, np.arcsinh, np.square, np.abs, np.negative, lambda x: x**3, lambda x: x**0.5, lambda x: 1 / x]


@pytest.mark.parametrize("op", BINARY.values(), ids=BINARY)
@given(numbers, errors, shares, numbers, errors, shares)
def test_binary_operations_cover(op, x, ex, s, y, ey, t):
    result = op(tc.Measured(x, ex), tc.Measured(y, ey))
    truth_x, truth_y = Fraction(x) + Fraction(ex) * Fraction(s), Fraction(y) + Fraction(ey) * Fraction(t)
    if truth_y == 0:
        return
    truth = op(truth_x, truth_y)
    assert np.isinf(result.error) or abs(Fraction(float(result.value)) - truth) <= Fraction(float(result.error))


@pytest.mark.parametrize("f", UNARY)
@given(st.floats(0.01, 20), st.floats(0, 0.009), shares)
def test_functions_cover(f, x, e, s):
    result = f(tc.Measured(x, e))
    assert abs(float(result) - f(x + e * s)) <= float(result.error) * (1 + 1e-9) + 1e-300


def test_plain_numbers_carry_sixteen_ulp():
    assert tc.Measured.of(3.0).error == 16 * 3.0 * np.finfo(float).eps
    assert (tc.Measured(1.0) + 3.0).error >= tc.Measured.of(3.0).error
    assert tc.Measured.of(0.0).error == 0


def test_arrays_index_reduce_and_compare():
    m = tc.Measured([3.0, 1.0, 2.0], [0.1, 0.2, 0.3])
    assert (m.shape, m.ndim, m.size, len(m)) == ((3,), 1, 3, 3)
    assert float(m[1]) == 1.0
    assert float(m.sum().error) == pytest.approx(0.6)
    assert (float(m.max()), float(m.max().error)) == (3.0, pytest.approx(0.1))
    assert (float(m.min()), float(m.min().error)) == (1.0, pytest.approx(0.2))
    assert (m > 1.5).tolist() == [True, False, True]
    assert isinstance(np.float64(2) * m, tc.Measured)
    assert isinstance(np.ones(3) - m, tc.Measured)


def test_square_root_at_zero_keeps_a_finite_bar():
    root = np.sqrt(tc.Measured(1e-20, 1e-18))
    assert np.isfinite(root.error)
    assert float(root) - float(root.error) <= 0 <= float(root) + float(root.error)
    assert float(root) + float(root.error) >= np.sqrt(1.01e-18)


def test_a_divisor_that_may_be_zero_says_nothing():
    assert np.isinf((1.0 / tc.Measured(0.1, 0.2)).error)


def test_a_bar_that_leaves_the_domain_says_nothing():
    assert np.isinf(np.log(tc.Measured(0.1, 0.2)).error)


def test_negative_bars_are_refused():
    with pytest.raises(InvalidArgument, match="must be non-negative"):
        tc.Measured(1.0, -0.1)


def test_precision_is_scoped():
    assert in_force(None) == tc.Precision(0)
    with tc.Precision(2).scope():
        assert in_force(None) == tc.Precision(2)
        assert in_force(tc.Precision(1)) == tc.Precision(1)
        assert in_force(None).tightened(1e-6) == pytest.approx(1e-10)
    assert in_force(None) == tc.Precision(0)
    assert tc.Precision.balls(128).bits == 128
    with pytest.raises(InvalidArgument):
        tc.Precision(-1)


SHAPED = tc.Measured([[1.0, -2.0, 3.0], [0.5, 0.25, -4.0]], [[0.1, 0.2, 0.0], [0.01, 0.5, 0.3]])
ARRAY_FUNCTIONS = {
    "sum": np.sum,
    "mean": lambda m: np.mean(m, axis=0),
    "max": lambda m: np.max(m, axis=1, keepdims=True),
    "amin": np.amin,
    "Frobenius": np.linalg.norm,
    "norms": lambda m: np.linalg.norm(m, axis=-1),
    "1-norms": lambda m: np.linalg.norm(m, 1, axis=0),
    "product": lambda m: m @ np.arange(6.0).reshape(3, 2),
    "product from the left": lambda m: np.arange(4.0).reshape(2, 2) @ m,
    "square": lambda m: m @ np.swapaxes(m, 0, 1),
    "stack": lambda m: np.stack([m, 2 * m], axis=-1),
    "concatenate": lambda m: np.concatenate([m, np.ones((1, 3))]),
    "where": lambda m: np.where(np.eye(2, 3) > 0, m, 7.0),
    "diff": lambda m: np.diff(m, axis=0),
    "sin": np.sin,
    "cos": np.cos,
    "log2": lambda m: np.log2(np.abs(m) + 1),
}


@pytest.mark.parametrize("f", ARRAY_FUNCTIONS.values(), ids=ARRAY_FUNCTIONS)
@given(st.lists(shares, min_size=6, max_size=6))
def test_array_functions_cover(f, moved):
    result = f(SHAPED)
    truth = f(SHAPED.value + SHAPED.error * np.reshape(moved, (2, 3)))
    assert result.shape == truth.shape
    assert np.all(np.abs(result.value - truth) <= result.error * (1 + 1e-9) + 1e-15)
    assert np.all(result.error <= 16)


@pytest.mark.parametrize("f", [np.median, np.cumprod, lambda m: np.linalg.norm(m, "nuc"), np.linalg.svd], ids=["median", "cumprod", "nuclear", "svd"])
def test_functions_that_would_drop_the_bar_say_so(f):
    with pytest.raises(TypeError, match=r"does not know error bars; pass `[.]value`"):
        f(SHAPED)


def test_a_list_of_measured_numbers_keeps_its_bars():
    gathered = tc.Measured.of([tc.Measured(1.0, 0.5), 2.0, tc.Measured(3.0, 0.25)])
    assert gathered.value.tolist() == [1.0, 2.0, 3.0]
    assert gathered.error.tolist() == [0.5, tc.Measured.of(2.0).error, 0.25]
    assert tc.Measured.of(np.array([SHAPED[0], SHAPED[1]])).error.tolist() == SHAPED.error.tolist()


@pytest.mark.parametrize("number", ["a", None, 1j, object()])
def test_what_is_no_real_number_is_refused(number):
    with pytest.raises(InvalidArgument, match="must be an array of real numbers"):
        tc.Measured.of(number)


def test_a_negative_power_of_an_interval_around_zero_says_nothing():
    assert np.isinf((tc.Measured(0.1, 0.2) ** -1).error)
    assert np.isinf((tc.Measured(0.1, 0.2) ** -0.5).error)
    assert np.isfinite((tc.Measured(0.1, 0.2) ** 2).error)
