"""The catalogue's numbers for the limit of small starts: the balanced sharpness, and the order of the error."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.instances.flat_minima import least_sharpness
from theorycheck.instances.small_starts import limit_sharpness, turned
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_small_start_limit.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def plane(target=(1.0, 1.0)):
    """Two layers with two hidden units on two inputs, Σ = diag(4, 1), turned to the target."""
    X = np.diag(np.sqrt(2 * np.array([4.0, 1.0])))
    return turned(DeepLinearFit((2, 2, 1), tc.Regression(X, X @ np.array(target)), np.array([0.75, -0.5, 0.25, 1.0, 0.5, 0.75])))


def test_the_limit_of_small_starts_is_balanced_and_not_least():
    f = plane()
    found = limit_sharpness(f, np.array([2.0**-9]))
    balanced = float(MODULE.balanced_sharpness(f).value)
    assert float(found.value[0]) == pytest.approx(balanced, rel=1e-4)
    assert float(least_sharpness(f)[1].value) < 0.99 * balanced


@pytest.mark.parametrize(("target", "order"), [((1.0, 1.0), 2.0), ((1.0, 0.0), 4.0)])
def test_order_of_the_error(target, order):
    # where w* is a top eigenvector the coefficient of α² vanishes
    f = plane(target)
    scales = 2.0 ** -np.arange(3, 7)
    errors = np.abs(MODULE.relative_error(f, scales, 1e-11).value)
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(order, abs=0.15)
