"""The catalogue's numbers: gaps at a saddle, least curvatures far out, and the reduced flow against quadrature."""

import sys

import numpy as np
import pytest
from scipy.integrate import quad

import theorycheck as tc
from theorycheck.library import load, shelf

PAPER = load(shelf() / "elkabetz_cohen_2021.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
BALANCED = sys.modules[load(shelf() / "elkabetz_cohen_2021_balanced.py").theorems[0].claim.__module__]


@pytest.mark.parametrize(("time", "gap"), [(2, 0.00738), (4, 0.109), (8, 11.89)])
def test_gap_at_a_saddle(time, gap):
    eta = 1e-3
    q = MODULE.Quadratic(np.array([-1.0]), np.array([1.0]), np.zeros(1), eta, round(time / eta))
    comparison = MODULE.quadratic_gap(q, tc.Precision(0))
    assert comparison.left.value[-1] == pytest.approx(gap, rel=2e-3)
    assert comparison.standing is tc.Standing.HOLDS
    assert comparison.left.value[-1] == pytest.approx(eta * time * np.exp(time) / 2, rel=1e-2)


@pytest.mark.parametrize(("s", "least"), [(1.0, -2.0), (10.0, -10010.0), (100.0, -1.0000010e8)])
def test_least_curvature_on_the_ray(s, least):
    objective = tc.Objective(tc.DeepLinear((1, 1, 1, 1)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [1.0]))
    assert np.linalg.eigvalsh(objective.hessian([-s, s, s]))[0] == pytest.approx(least, rel=1e-9)


def test_least_curvature_of_a_concave_loss_is_below_the_bound():
    objective = tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [0.0]))
    assert np.linalg.eigvalsh(-objective.hessian([1.0, 1.0]))[0] == pytest.approx(-3.0, rel=1e-14)
    assert np.abs(objective.gradient_in_w(np.ones(2)))[0] == 1.0


def test_pair_products():
    P = MODULE.pair_products(np.array([2.0, 3.0, 5.0]))
    np.testing.assert_array_equal(P, [[0, 5, 3], [5, 0, 2], [3, 2, 0]])


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("nu", [-0.9, 0.0, 0.3, 0.95])
def test_integral_of_powers(n, nu):
    assert BALANCED.powers_integral(np.array(nu), n) == pytest.approx(quad(lambda s: (1 - s * s) ** (-n / 2), 0, nu, epsabs=1e-13)[0], rel=1e-10)


def test_the_gap_of_a_network_is_of_first_order():
    t = MODULE.tubes.sample(0, 1).value
    run = tc.follow(t.fit.objective, tc.GradientFlow(accuracy=1e-11), t.fit.theta, tc.Stop(time=1.0))
    gaps = []
    for eta in 2.0 ** -np.arange(8, 11):
        descent = tc.follow(t.fit.objective, tc.GradientDescent(step=eta), t.fit.theta, tc.Stop(steps=round(1 / eta)))
        gaps.append(np.linalg.norm(descent.final - run.final))
    assert gaps[1] / gaps[2] == pytest.approx(2.0, abs=0.02)
    assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=0.05)
