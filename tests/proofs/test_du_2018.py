"""Balancedness by slow twins: gradients by differences, and which products of layers and gradients agree."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.relu_networks import ReLUNetwork
from theorycheck.library import load, shelf

PAPER = load(shelf() / "du_2018.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize("quarters", [0, 1, 4])
def test_gradients_of_networks_by_differences(quarters):
    rng = np.random.default_rng(7)
    network = ReLUNetwork(tuple(rng.normal(size=shape) for shape in ((3, 2), (2, 3), (1, 2))), quarters)
    X, g = rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    found = network.gradients(X, g)
    for j, W in enumerate(network.layers):
        for index in np.ndindex(W.shape):
            moved = []
            for h in (1e-6, -1e-6):
                layers = [w.copy() for w in network.layers]
                layers[j][index] += h
                moved.append(float(np.sum(g * ReLUNetwork(tuple(layers), quarters).predict(X))))
            assert found[j][index] == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize(("quarters", "whole"), [(0, False), (1, False), (4, True)])
def test_only_the_diagonal_is_conserved_across_kinks(quarters, whole):
    rng = np.random.default_rng(3)
    network = ReLUNetwork(tuple(rng.normal(size=shape) for shape in ((3, 2), (1, 3))), quarters)
    first, second = network.gradients(rng.normal(size=(4, 2)), rng.normal(size=(4, 1)))
    apart = first @ network.layers[0].T - network.layers[1].T @ second
    assert np.diag(apart) == pytest.approx(np.zeros(3), abs=1e-13)
    assert (np.abs(apart).max() < 1e-13) == whole


def test_the_imbalances_of_units_are_the_diagonal_of_the_matrix():
    f = MODULE.fits.sample(3, 4).value
    theta = tc.Measured.of(f.theta)
    whole = MODULE.imbalance(f, theta, matrix=True).value.reshape(f.model.hidden, f.model.hidden)
    np.testing.assert_allclose(np.diag(whole), MODULE.imbalance(f, theta).value, atol=1e-15)
