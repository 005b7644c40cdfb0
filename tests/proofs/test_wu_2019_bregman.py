"""The minimiser of the potential of weight normalisation is one."""

import numpy as np

from tests.proofs.descents import module
from theorycheck.instances.weight_normalized import WeightNormalizedFit

BREGMAN = module("wu_2019_bregman")


def test_the_minimiser_is_one():
    """No point of the plane nearby has less of R(x) - e^{g²/2ℓ²}⟨v̂, x⟩."""
    v = np.array([[np.sqrt(0.2), np.sqrt(0.8), 0.0]])
    p = WeightNormalizedFit(np.array([[1.0, 0.0, 0.0]]), np.array([1.0]), np.array([1.0]), v, np.array([1.0]))
    (best,) = BREGMAN.least_potential(p).value
    r = np.linspace(0, 1, 2001)

    def value(x):
        size = np.linalg.norm(x)
        return size * np.trapezoid(np.exp((r * size) ** 2 / 2), r) - np.exp(0.5) * p.unit[0] @ x

    for move in np.random.default_rng(0).normal(size=(20, 3)) * [0.0, 0.05, 0.05]:
        assert value(best + move) > value(best)
