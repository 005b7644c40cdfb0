"""The catalogue's numbers: deepening, and the harmonic mean at rank one."""

import sys

import numpy as np
import pytest

from theorycheck.instances.relu_networks import ReLUNetwork
from theorycheck.library import load, shelf

PAPER = load(shelf() / "timor_2022.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def test_deepening_keeps_the_function_and_spreads_the_norm():
    network = ReLUNetwork((np.array([[1.0, -2.0], [0.5, 1.0]]), np.array([[1.5, -1.0]])))
    X = np.array([[0.3, 0.7], [-1.0, 0.2], [0.4, -0.4]])
    B = float(network.equalised().norms[0])
    for depth in (3, 6, 64):
        deep = network.deepened(depth).equalised()
        assert deep.predict(X) == pytest.approx(network.predict(X), abs=1e-10)
        assert deep.norms == pytest.approx(np.full(depth, MODULE.sharp_bound(B, 2, depth)), rel=1e-12)
    assert MODULE.sharp_bound(B, 2, 10**6) == pytest.approx(np.sqrt(2), rel=1e-5)


def test_harmonic_mean_is_the_geometric_one_at_rank_one():
    rows = np.array([0.6, 0.8])
    network = ReLUNetwork((np.outer([2.0, 1.0], rows), np.array([[2.0, 1.0]])))
    x = rows[None]
    network = network.scaled(1 / float(network.predict(x)[0, 0]))
    assert MODULE.harmonic(network) == pytest.approx(1.0, rel=1e-14)
    assert float(network.equalised().norms[0]) == pytest.approx(1.0, rel=1e-14)
