"""The catalogue's numbers for theorem 3: the closeness constant, and what fails without κ or far away."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.residual_networks import Residual
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_residual.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def residual(target, depth=6, delta=1 / 3):
    """d = 1, Σ = 1, p = 1."""
    return Residual(depth, (1,), np.eye(1), np.array([target - 1.0]), delta, np.zeros(depth))


def test_closeness_constant_of_deep_networks():
    r = residual(1.0, depth=10**6)
    assert float(MODULE.closeness(r)) == pytest.approx(np.exp(-2) / 9, rel=1e-5)
    assert float(MODULE.integral_closeness(r)) == pytest.approx(((1 - np.exp(-1)) / 3) ** 2, rel=1e-5)


def test_the_integral_by_a_sum():
    r = residual(1.0, depth=5, delta=0.75)
    x = (np.arange(200_000) + 0.5) / 200_000 * r.delta
    reach = np.mean((1 - x / 5) ** 8 * (1 + x / 5) ** -4) * r.delta
    assert float(MODULE.integral_closeness(r)) == pytest.approx(reach**2, rel=1e-9)


@pytest.mark.parametrize("delta", [1 / 1024, 0.25, 0.75])
@pytest.mark.parametrize("depth", [2, 6])
def test_the_integral_lets_targets_be_further(depth, delta):
    r = residual(1.0, depth, delta)
    assert float(MODULE.closeness(r)) < float(MODULE.integral_closeness(r)) < delta**2


def test_displacement_where_the_target_is_far():
    r = residual(2.0)
    run = tc.follow(r.objective, tc.GradientFlow(accuracy=1e-8, floor=1.0), 0 * r.V, tc.Stop(time=20.0))
    assert 6 * float(MODULE.largest_step(r.objective, run.final).value) == pytest.approx(0.735, abs=1e-3)


def test_rate_without_kappa():
    r = residual(0.88)
    rate = 2 * float(tc.sharpness(r.objective, np.full(6, 0.88 ** (1 / 6) - 1)).value)
    assert rate / 24 == pytest.approx(0.808, abs=1e-3)


@pytest.mark.parametrize(("depth", "late"), [(3, 5.0e-5), (4, 5.0e-3)])
def test_flow_to_the_opposite_target_comes_to_the_saddle(depth, late):
    r = residual(-1.0, depth)
    run = tc.follow(r.objective, tc.GradientFlow(accuracy=1e-6, floor=1.0), 0 * r.V, tc.Stop(time=1e4))
    assert 1 + run.final == pytest.approx(np.full(depth, late), rel=0.02)
