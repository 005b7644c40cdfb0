"""The catalogue's numbers: the sharpness along the rescaled family."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_sharp.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def test_unbounded_family_of_the_catalogue():
    fit = DeepLinearFit((1, 1, 1), tc.Regression([[1.0]], [1.0]), np.ones(2))
    for tau, sharpness in ((1, 4.0), (2, 8.5), (10, 200.02), (100, 20000.0002)):
        g = MODULE.rescaled(fit, float(tau))
        assert float(tc.sharpness(g.objective, g.theta)) == pytest.approx(sharpness, rel=1e-14)
