"""The catalogue's numbers for theorem 2: starts of the wrong sign, and what rank one and alignment need."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_small_start.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def scalars(depth, target, start):
    """Scalar layers, Σ = 1."""
    return DeepLinearFit((1,) * (depth + 1), tc.Regression([[1.0]], [target]), np.full(depth, float(start)))


def plane(theta):
    """Two layers with two hidden units on two inputs."""
    X = np.diag(np.sqrt(2 * np.array([4.0, 1.0])))
    return DeepLinearFit((2, 2, 1), tc.Regression(X, X @ np.ones(2)), np.asarray(theta, dtype=float))


START = (0.75, -0.5, 0.25, 1.0, 0.5, 0.75)

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


def test_excesses_by_a_loop():
    f = plane(START)
    (W, v), D = f.layers, f.layers[1].T @ f.layers[1] - f.layers[0] @ f.layers[0].T
    rho = MODULE.excesses(f)
    assert rho[0] == pytest.approx(np.sum(W**2) - np.sum(v**2) + np.abs(np.linalg.eigvalsh(D)).max(), rel=1e-13)
    assert rho[1] == 0


def test_twice_the_imbalance_is_needed():
    # W_1 = I/√2, W_2 = (0, 1): the singular vectors are at right angles, |D| = 1/2
    f = plane((np.sqrt(0.5) + 1e-9, 0, 0, np.sqrt(0.5), 0, 1))
    turn = MODULE.shapes(f.objective, f.theta).value[1]
    assert turn == pytest.approx(1.0, abs=1e-8)
    assert turn == pytest.approx(2 * MODULE.imbalances(f)[0], abs=1e-8)
