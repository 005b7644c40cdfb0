"""Balls against exact rationals and 60 digits of mpmath: arithmetic, functions, powers and bars of single numbers."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

import theorycheck as tc
from tests.dynamics.enclosures import as_mp, fraction, holds
from theorycheck.dynamics.certificates import Ball, OutsideBalls, exact

pytestmark = pytest.mark.usefixtures("in_balls")

RNG = np.random.default_rng(0)
PAIRS = [(Fraction(int(a), int(b)), Fraction(int(c), int(d))) for a, b, c, d in RNG.integers(1, 50, (20, 4)) * [1, 1, -1, 1]]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_rational_arithmetic_is_exact(a, b):
    x, y = Ball(a), Ball(b)
    found = (x + y, x - y, x * y, x / y, x**3, x**-2, -x, abs(y), 2 * x - 1, 1 / x)
    assert [fraction(f) for f in found] == [a + b, a - b, a * b, a / b, a**3, a**-2, -a, abs(b), 2 * a - 1, 1 / a]
    assert (x < y, x == y, x >= y, x == a) == (a < b, a == b, a >= b, True)


FUNCTIONS = {
    np.sqrt: mp.sqrt,
    np.cbrt: mp.cbrt,
    np.exp: mp.exp,
    np.log: mp.log,
    np.tanh: mp.tanh,
    np.expm1: mp.expm1,
    np.log1p: mp.log1p,
    np.sin: mp.sin,
    np.cos: mp.cos,
    np.arctan: mp.atan,
    np.arcsinh: mp.asinh,
    np.sinh: mp.sinh,
    np.cosh: mp.cosh,
}


@pytest.mark.parametrize("name", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(7, 2), Fraction(1, 2**30), Fraction(9)])
def test_functions_enclose_the_truth(name, x):
    with mp.workdps(60):
        holds(name(Ball(x)), FUNCTIONS[name](mp.mpf(x.numerator) / x.denominator), 1e-30)


@pytest.mark.parametrize(
    ("base", "exponent"), [(Fraction(2), Fraction(1, 3)), (Fraction(3, 7), Fraction(-5, 4)), (Fraction(11, 4), Fraction(7, 101))]
)
def test_powers_enclose_the_truth(base, exponent):
    with mp.workdps(60):
        truth = mp.power(mp.mpf(base.numerator) / base.denominator, mp.mpf(exponent.numerator) / exponent.denominator)
        holds(Ball(base) ** Ball(exponent), truth, 1e-30)
        holds(Ball(base) ** float(exponent), truth, 1e-13)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: np.sqrt(Ball(Fraction(9, 4))), Fraction(3, 2)),
        (lambda: Ball(Fraction(8, 27)) ** Fraction(2, 3), Fraction(4, 9)),
        (lambda: Ball(0) ** 0.3, Fraction(0)),
        (lambda: Ball(0) ** 0, Fraction(1)),
        (lambda: Ball(2).sqrt() * 0, Fraction(0)),
        (lambda: np.linalg.norm(exact([3.0, 4.0])), Fraction(5)),
        (lambda: np.exp(Ball(0)) + np.log(Ball(1)), Fraction(1)),
        (lambda: Ball(2.0**-20) + 2.5, Fraction(5 * 2**19 + 1, 2**20)),
        (lambda: exact(0.1) * 2**55, Fraction(3602879701896397)),
    ],
)
def test_what_is_rational_stays_rational(value, expected):
    assert fraction(value()) == expected


@pytest.mark.parametrize("x", [0.1, 2.02, 1 / 3, 2 - 2 / 3, 1e-300])
def test_a_float_of_many_digits_is_a_ball_around_what_was_rounded(x):
    with mp.workdps(60):
        for truth in (mp.mpf(x), mp.mpf(repr(x)), mp.mpf(x) * (1 + 15 * mp.mpf(2) ** -52)):
            assert as_mp(Ball(x).lower) <= truth <= as_mp(Ball(x).upper)


def test_a_bar_widens_a_ball():
    found = tc.Measured(exact([1.0, 2.0]), 0.25)
    assert all(x.lower <= k + 0.75 and k + 1.25 <= x.upper for k, x in enumerate(found.tolist()))
    assert all(x.upper - x.lower < 0.5 + 1e-8 for x in found.tolist())
    assert tc.Measured.of(found) is found
    assert isinstance(tc.Measured(1.0, 0.25), tc.Measured)
    assert fraction(tc.Measured(Ball(2), 0.0)) == 2
    assert found.value is found
    assert not found.error.any()


def test_one_number_behaves_as_a_numpy_scalar():
    x = Ball(Fraction(1, 3))
    assert (x.reshape(1, 1).shape, x.shape, x.ndim, x.size, np.array([x, x]).shape) == ((1, 1), (), 0, 1, (2,))
    assert [x.sum(), x.max(), x.min(), x.item(), x.conjugate()] == [x] * 5


def test_a_claim_that_asks_for_the_value_stays_in_its_enclosure():
    top = tc.top_eigenvalue(exact([[2.0, 1.0], [1.0, 1.0]]))
    assert isinstance(top.value, Ball)
    assert (top.error, top.value is top) == (0.0, True)
    with pytest.raises(OutsideBalls):
        float(top.value)
