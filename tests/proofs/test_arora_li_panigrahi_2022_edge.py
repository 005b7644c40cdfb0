"""The catalogue's numbers for the loss and the stableness at the edge of stability."""

import numpy as np
import pytest

import theorycheck as tc
from tests.proofs.descents import TUBE, descended


def test_edge_of_stability_in_the_tube():
    states = descended(TUBE, tc.NormalizedGradientDescent(step=0.04), [1.0, 0.013, 0.011], 1000)[-2:]
    roots, top = np.sqrt(TUBE.risk(states)).sum(), 2 + np.cos(states[-1, 0])
    assert roots / (0.04 * np.sqrt(top / 2)) == pytest.approx(1, abs=2e-5)
    inverse = np.linalg.norm(TUBE.gradient(states), axis=-1) / (0.04 * np.linalg.eigvalsh(TUBE.hessian(states))[:, -1])
    assert inverse.sum() == pytest.approx(1, abs=1e-3)
