"""The catalogue's numbers: the published upper bound, and balanced minimisers between it and the least."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_balanced.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize(("depth", "least", "balanced", "upper"), [(2, 4.618802, 8.0, 14.0), (3, 6.105143, 8.0, 4 * np.sqrt(21.0))])
def test_upper_bound_of_the_catalogue(depth, least, balanced, upper):
    # Σ = diag(4, 1), w* = (0, 1)
    X = np.diag(np.sqrt(2 * np.array([4.0, 1.0])))
    widths = (2, *[1] * depth)
    fit = DeepLinearFit(widths, tc.Regression(X, X @ np.array([0.0, 1.0])), np.ones(tc.DeepLinear(widths).parameters))
    assert float(MODULE.upper(fit)) == pytest.approx(upper, rel=1e-14)
    assert float(MODULE.least_sharpness(fit)[1]) == pytest.approx(least, rel=1e-6)
    even = MODULE.balanced(fit)
    assert float(tc.sharpness(even.objective, even.theta)) == pytest.approx(balanced, rel=1e-13)
