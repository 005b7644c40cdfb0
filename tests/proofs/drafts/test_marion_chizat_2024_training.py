"""The catalogue's numbers for theorem 2, theorem 3 and the largest step."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "drafts" / "marion_chizat_2024_training.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def scalars(depth, target, start):
    """Scalar layers, Σ = 1."""
    return DeepLinearFit((1,) * (depth + 1), tc.Regression([[1.0]], [target]), np.full(depth, float(start)))


def residual(target, depth=6, delta=1 / 3):
    """d = 1, Σ = 1, p = 1."""
    return MODULE.Residual(depth, (1,), np.eye(1), np.array([target - 1.0]), delta, np.zeros(depth))


# L, all weights, at t = 1e4 from a start with product of the wrong sign
SADDLES = [(3, -0.3, 1.0, -5.0e-5), (3, 1.0, -1.0, 5.0e-5), (4, 1.0, -1.0, 5.0e-3)]


@pytest.mark.parametrize(("depth", "start", "target", "late"), SADDLES)
def test_flows_of_the_wrong_sign_come_to_the_saddle(depth, start, target, late):
    f = scalars(depth, target, start)
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-6), f.theta, tc.Stop(time=1e4))
    assert run.final == pytest.approx(np.full(depth, late), rel=0.02)


def test_risk_of_the_bad_start():
    f = scalars(3, 1.0, -0.3)
    assert float(f.objective.risk(f.theta)) == pytest.approx(1.0547, abs=5e-5)


def test_closeness_constant_of_deep_networks():
    r = residual(1.0, depth=10**6)
    assert float(MODULE.closeness(r)) == pytest.approx(np.exp(-2) / 9, rel=1e-5)
    assert float(MODULE.integral_closeness(r)) == pytest.approx(((1 - np.exp(-1)) / 3) ** 2, rel=1e-5)


def test_displacement_where_the_target_is_far():
    r = residual(2.0)
    run = tc.follow(r.objective, tc.GradientFlow(accuracy=1e-8, floor=1.0), 0 * r.V, tc.Stop(time=20.0))
    assert 6 * float(MODULE.largest_step(r.objective, run.final).value) == pytest.approx(0.735, abs=1e-3)


def test_rate_without_kappa():
    r = residual(0.88)
    rate = 2 * float(tc.sharpness(r.objective, np.full(6, 0.88 ** (1 / 6) - 1)).value)
    assert rate / 24 == pytest.approx(0.808, abs=1e-3)


def test_sharpness_without_kappa():
    r = residual(1.12)
    sharpness = float(tc.sharpness(r.objective, np.full(6, 1.12 ** (1 / 6) - 1)).value)
    assert sharpness / 12 == pytest.approx(1.208, abs=1e-3)


@pytest.mark.parametrize("depth", [2, 5, 10])
@pytest.mark.parametrize(("share", "settles"), [(0.5, True), (0.97, True), (1.03, False), (1.3, False)])
def test_the_threshold_is_sharp_from_both_sides(depth, share, settles):
    d, target = 3, np.array([0.6, 0.8, 0.0])
    X = np.diag(np.sqrt(d * np.array([1.5, 1.0, 0.6])))
    widths = (d, *[2] * (depth - 1), 1)
    fit = DeepLinearFit(widths, tc.Regression(X, X @ target), np.ones(tc.DeepLinear(widths).parameters))
    direction = np.sin(1.0 + np.arange(fit.theta.size))
    b = MODULE.Beside(fit, share, 2.0**-12, direction)
    first, last = MODULE.settled(b, b.off(b.aligned(b.least[0])))
    assert (last < first) == settles
    assert settles or last > 1e-3
