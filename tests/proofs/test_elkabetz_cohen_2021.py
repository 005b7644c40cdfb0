"""The catalogue's numbers: gaps at a saddle, and the order of the gap of a network."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.library import load, shelf

PAPER = load(shelf() / "elkabetz_cohen_2021.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize(("time", "gap"), [(2, 0.00738), (4, 0.109), (8, 11.89)])
def test_gap_at_a_saddle(time, gap):
    eta = 1e-3
    q = MODULE.Quadratic(np.array([-1.0]), np.array([1.0]), np.zeros(1), eta, round(time / eta))
    comparison = MODULE.quadratic_gap(q, tc.Precision(0))
    assert comparison.left.value[-1] == pytest.approx(gap, rel=2e-3)
    assert comparison.standing is tc.Standing.HOLDS
    assert comparison.left.value[-1] == pytest.approx(eta * time * np.exp(time) / 2, rel=1e-2)


def test_the_gap_of_a_network_is_of_first_order():
    t = MODULE.tubes.sample(0, 1).value
    run = tc.follow(t.fit.objective, tc.GradientFlow(accuracy=1e-11), t.fit.theta, tc.Stop(time=1.0))
    gaps = []
    for eta in 2.0 ** -np.arange(8, 11):
        descent = tc.follow(t.fit.objective, tc.GradientDescent(step=eta), t.fit.theta, tc.Stop(steps=round(1 / eta)))
        gaps.append(np.linalg.norm(descent.final - run.final))
    assert gaps[1] / gaps[2] == pytest.approx(2.0, abs=0.02)
    assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=0.05)
