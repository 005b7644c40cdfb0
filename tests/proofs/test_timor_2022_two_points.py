"""The catalogue's numbers: the threshold angle, and the singular values of the limit on both sides of it."""

import sys

import numpy as np
import pytest

from theorycheck.library import load, shelf

PAPER = load(shelf() / "timor_2022_two_points.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
Y = np.array([1.0, 1.2])


def pair(theta, y=Y):
    """Units along x_1, x_2, between them, and beside that."""
    return MODULE.Pair(y, np.cos(theta), np.array([-0.25, theta + 0.25, theta / 2, theta / 2 + 0.25]))


def values(gram):
    """Singular values of W, the largest first."""
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[..., ::-1], 0.0))


def test_threshold_angle():
    theta = np.arccos(-Y.min() / (2 * Y.max()))
    assert theta == pytest.approx(2.0006, abs=5e-5)
    assert float(pair(theta).growth) == pytest.approx(Y.max(), rel=1e-14)
    assert float(pair(theta + 0.01).growth) < Y.max() < float(pair(theta - 0.01).growth)


@pytest.mark.parametrize(("theta", "predicted"), [(2.2, (1.3238, 0.6690)), (2.8, (1.4618, 0.2510))])
def test_singular_values_of_the_rank_two_limit(theta, predicted):
    assert values(pair(theta).gram) == pytest.approx(predicted, abs=1e-4)


def test_flow_past_the_threshold_ends_at_rank_two():
    p = pair(2.8)
    assert values(MODULE.grams(p, np.array([1e-6])).value[0]) == pytest.approx((1.4618, 0.2510), abs=2e-4)


@pytest.mark.parametrize(("scale", "stable_rank"), [(1e-3, 1.044), (1e-6, 1.0035)])
def test_flow_at_a_slightly_obtuse_angle_ends_at_rank_one(scale, stable_rank):
    p = pair(1.671)
    assert p.cosine < 0
    s = values(MODULE.grams(p, np.array([scale])).value[0])
    # the catalogue's run has thirty Gaussian units; four here are nearer to rank one already
    assert 1 <= np.sum(s**2) / s[0] ** 2 <= stable_rank
    assert MODULE.grams(p, np.array([1e-10])).value[0] == pytest.approx(MODULE.along(p), abs=1e-3)


def test_direction_of_the_limit_is_not_that_of_first_growth():
    p = pair(1.0)
    beta, early = (np.linalg.eigh(MODULE.along(p, early))[1][:, -1] for early in (False, True))
    assert abs(beta @ early) < 0.999
    same = pair(1.0, np.ones(2))
    assert MODULE.along(same) == pytest.approx(MODULE.along(same, early=True), abs=1e-14)
