"""The catalogue's numbers: the least sharpness of T = [[2, .5], [0, 1]] at depth 3, and the general bound at one output."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "mulayoff_michaeli_2020.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
T = np.array([[2.0, 0.5], [0.0, 1.0]])


def test_least_sharpness_of_the_catalogue():
    assert MODULE.least(np.linalg.norm(T, 2), 3) == pytest.approx(15.927745084301172, rel=1e-14)


def test_the_general_bound_is_that_of_one_output():
    # Σ = diag(4, 1), w* = (0, 1), depth 2: the lower bound of Marion & Chizat is 4
    X = np.diag(np.sqrt(2 * np.array([4.0, 1.0])))
    fit = DeepLinearFit((2, 1, 1), tc.Regression(X, X @ np.array([0.0, 1.0])), np.array([0.0, 1.0, 1.0]))
    assert MODULE.general_bound(fit, tc.Precision(0)).right.value == pytest.approx(4.0, rel=1e-14)
