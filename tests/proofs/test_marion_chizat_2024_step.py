"""The catalogue's numbers for the largest step: the threshold from both sides, heavy ball, minimisers that no step leaves."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.instances.flat_minima import flat_bound
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_step.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def beside(depth, share, size=2.0**-12):
    """Σ = diag(1.5, 1, .6), w* = (.6, .8, 0), hidden layers of two units."""
    d, target = 3, np.array([0.6, 0.8, 0.0])
    X = np.diag(np.sqrt(d * np.array([1.5, 1.0, 0.6])))
    widths = (d, *[2] * (depth - 1), 1)
    fit = DeepLinearFit(widths, tc.Regression(X, X @ target), np.ones(tc.DeepLinear(widths).parameters))
    return MODULE.Beside(fit, share, size, np.sin(1.0 + np.arange(fit.theta.size)))


@pytest.mark.parametrize("depth", [2, 5, 10])
@pytest.mark.parametrize(("share", "settles"), [(0.5, True), (0.97, True), (1.03, False), (1.3, False)])
def test_the_threshold_is_sharp_from_both_sides(depth, share, settles):
    b = beside(depth, share)
    first, last = MODULE.settled(b, b.off(b.aligned(b.least[0]).theta))
    assert (last < first) == settles
    assert settles or last > 1e-3


@pytest.mark.parametrize(("depth", "ratio"), [(2, 0.962), (5, 0.990), (10, 0.996)])
def test_published_threshold_is_a_little_too_large(depth, ratio):
    b = beside(depth, 1.0)
    assert float(flat_bound(b.fit) / b.least[1].value) == pytest.approx(ratio, abs=5e-4)


@pytest.mark.parametrize("step", [0.1, 10.0])
def test_descent_from_an_exact_minimiser_stays_there_for_any_step(step):
    objective = tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(1.0), tc.Regression([[1.0]], [1.0]))
    run = tc.follow(objective, tc.GradientDescent(step=step), np.ones(2), tc.Stop(steps=64))
    assert np.array_equal(run.final, np.ones(2))


@pytest.mark.parametrize(("share", "stable"), [(1.47, True), (1.53, False)])
def test_heavy_ball_reaches_one_and_a_half_times_as_far(share, stable):
    # β = 1/2 on a quadratic: 0.98 and 1.02 of 2(1 + β)/η
    x, before = 1.0, 1.0
    for _ in range(4000):
        x, before = x - 2 * share * x + 0.5 * (x - before), x
    assert (abs(x) < 1) == stable
    claim = MODULE.with_momentum(beside(2, share), tc.Precision(0))
    assert (claim.standing is tc.Standing.VIOLATED) == stable
