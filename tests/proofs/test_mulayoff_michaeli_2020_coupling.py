"""The catalogue's numbers: flattest points of T = [[2, .5], [0, 1]] at depth 3, of which one is not balanced, and the inner constant."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import ModalNetwork
from theorycheck.library import load, shelf

PAPER = load(shelf() / "mulayoff_michaeli_2020_coupling.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
T = np.array([[2.0, 0.5], [0.0, 1.0]])


def network_of(others):
    """Depth 3, product T up to rotations: equal gains of the strongest mode, the given ones of the other."""
    s = np.linalg.svd(T, compute_uv=False)
    gains = np.column_stack([np.full(3, s[0] ** (1 / 3)), others])
    return ModalNetwork((2,) * 4, (np.eye(2),) * 4, gains)


def test_a_flattest_point_that_is_not_balanced():
    rest = 2.0 / np.linalg.norm(T, 2)  # the other singular value, since det T = 2
    network = network_of([0.582, 1.4818, rest / (0.582 * 1.4818)])
    assert network.gains[2, 1] == pytest.approx(1.1152, abs=1e-4)
    assert network.gains[0, 0] == pytest.approx(1.2764, abs=1e-4)
    assert float(tc.sharpness(network.fitted(), network.theta)) == pytest.approx(15.927745084301172, rel=1e-12)
    f = MODULE.Factorisation(network, 1.0, 1.0)
    assert MODULE.gains_claim(f, tc.Precision(0)).standing is tc.Standing.HOLDS
    assert MODULE.flattest_is_balanced(f, tc.Precision(0)).standing is tc.Standing.VIOLATED
    assert MODULE.gain_is_top(f, tc.Precision(0)).standing is tc.Standing.VIOLATED


def test_rescaling_leaves_the_flattest_points():
    network = network_of([1.0, 1.0, 2.0 / np.linalg.norm(T, 2)])
    scaled = ModalNetwork(network.widths, network.rotations, network.gains * np.array([[2.0], [0.5], [1.0]]))
    assert float(tc.sharpness(scaled.fitted(), scaled.theta)) > 16.0


def test_the_inner_constant_is_attained():
    b = 3**0.25
    network = ModalNetwork((2,) * 4, (np.eye(2),) * 4, np.array([[1.0, b], [1.0, 0.0], [1.0, b]]))
    assert float(tc.sharpness(network.fitted(), network.theta)) == pytest.approx(6.0, rel=1e-12)
    products = [np.linalg.norm(A, 2) * np.linalg.norm(B, 2) for A, B in zip(MODULE.above(network.layers), MODULE.below(network.layers), strict=True)]
    assert products[1] == pytest.approx(np.sqrt(3), rel=1e-12)
    assert max(products[0], products[2]) <= np.sqrt(2)
