"""Minima of convex functions in balls are enclosed."""

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

import theorycheck as tc
from tests.dynamics.enclosures import holds
from theorycheck.dynamics.certificates import Ball, balls, exact

pytestmark = pytest.mark.usefixtures("in_balls")


def curve(value, slope):
    """An oracle for `convex_minimum` of one function of one ball."""
    return lambda x: (balls([value(x[0])]), balls([slope(x[0])]))


@pytest.mark.parametrize(
    ("value", "slope", "low", "high", "argument", "minimum"),
    [
        (lambda x: (x - Fraction(1, 3)) ** 2 + 1, lambda x: 2 * (x - Fraction(1, 3)), -4, 5, Fraction(1, 3), 1),
        (lambda x: np.exp(x) + np.exp(-2 * x), lambda x: np.exp(x) - 2 * np.exp(-2 * x), -3, 3, math.log(2) / 3, 2 ** (1 / 3) + 2 ** (-2 / 3)),
        (lambda x: np.exp(x), lambda x: np.exp(x), -1, 2, -1, math.exp(-1)),
        (lambda x: -x, lambda x: Ball(-1), -1, 2, 2, -2),
        (lambda x: abs(x - 1) + 2, lambda x: Ball(1 if x > 1 else -1), -3.3, 3, 1, 2),
        (lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), 1, 1, 1, 0),
    ],
)
def test_minima_are_enclosed(value, slope, low, high, argument, minimum):
    where, least = tc.convex_minimum(curve(value, slope), Ball(low), Ball(high))
    assert where.lower.midpoint - 1e-15 <= argument <= where.upper.midpoint + 1e-15
    assert least.lower.midpoint - 1e-15 <= minimum <= least.upper.midpoint + 1e-15
    assert least.upper.midpoint - least.lower.midpoint <= 1e-14 * max(1, abs(minimum))


def test_the_least_sharpness_of_the_catalogue_is_enclosed():
    """Σ = diag(4, 1), w* = (0, 1), L = 2: S_min = 2 min_t λ_max(tΣ + zzᵀ/t) = 8/√3 at t = 1/√3, where two eigenvalues cross."""
    sigma, zz = exact([[4.0, 0.0], [0.0, 1.0]]), exact([[0.0, 0.0], [0.0, 1.0]])

    def oracle(log_t):
        t = np.exp(log_t)[:, None, None]
        value, v = tc.top_eigenpair(t * sigma + zz / t)
        return 2 * value, 2 * np.einsum("ki,kij,kj->k", v, t * sigma - zz / t, v)

    log_t, least = tc.convex_minimum(oracle, Ball(-3), Ball(2))
    with mp.workdps(40):
        holds(least, 8 / mp.sqrt(3), 1e-14)
        holds(log_t, -mp.log(3) / 2, 1e-8)
