"""The catalogue's numbers: least curvatures far out, and where the loss is concave."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "elkabetz_cohen_2021_curvature.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize(("s", "least"), [(1.0, -2.0), (10.0, -10010.0), (100.0, -1.0000010e8)])
def test_least_curvature_on_the_ray(s, least):
    objective = tc.Objective(tc.DeepLinear((1, 1, 1, 1)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [1.0]))
    assert np.linalg.eigvalsh(objective.hessian([-s, s, s]))[0] == pytest.approx(least, rel=1e-9)


def test_least_curvature_of_a_concave_loss_is_below_the_bound():
    objective = tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [0.0]))
    assert np.linalg.eigvalsh(-objective.hessian([1.0, 1.0]))[0] == pytest.approx(-3.0, rel=1e-14)
    assert np.abs(objective.gradient_in_w(np.ones(2)))[0] == 1.0


def test_the_bound_of_the_catalogue_fails_where_the_loss_is_concave():
    fit = DeepLinearFit((1, 1, 1), tc.Regression([[1.0]], [0.5]), np.array([1.0, 1.0]))
    convex, concave = (MODULE.curvature_bound(MODULE.Signed(fit, sign), tc.Precision(0)).standing for sign in (1, -1))
    assert convex is not tc.Standing.VIOLATED
    assert concave is tc.Standing.VIOLATED


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_value_on_the_ray(depth):
    assert MODULE.ray_value(MODULE.Ray(depth, 1.5, 2.0), tc.Precision(0)).standing is not tc.Standing.VIOLATED
