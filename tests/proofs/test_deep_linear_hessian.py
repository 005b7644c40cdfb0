"""The blocks against central differences, the hand cases of the catalogue, and where the permutation K shows."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "deep_linear_hessian.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize("index", range(12))
def test_blocks_against_central_differences_of_the_gradient(index):
    f = MODULE.fits.sample(7, index).value
    G = f.gradient_in_w(f.fit.layers)
    closed = MODULE.blocks(f, f.fit.layers, f.fit.covariance, G)
    step = 1e-5 * np.eye(f.fit.model.parameters)
    seen = (f.objective.gradient(f.fit.theta + step) - f.objective.gradient(f.fit.theta - step)) / 2e-5
    np.testing.assert_allclose(closed, seen, rtol=0, atol=1e-8 * (1 + np.abs(closed).max()))


@pytest.mark.parametrize("w", [(1.0, 2.0), (0.5, -1.0, 3.0), (1.0, -2.0, 0.5, 4.0)])
def test_scalar_layers_by_hand(w):
    target = 0.75
    fit = DeepLinearFit((1,) * (len(w) + 1), tc.Regression([[1.0]], [target]), np.array(w))
    H = fit.objective.hessian(fit.theta)
    for k in range(len(w)):
        others = np.prod([x for i, x in enumerate(w) if i != k])
        assert H[k, k] == pytest.approx(2 * others**2, rel=1e-14)
        for j in range(k):
            single = np.prod([x for i, x in enumerate(w) if i != j])
            both = np.prod([x for i, x in enumerate(w) if i not in (j, k)])
            assert H[k, j] == pytest.approx(2 * others * single + 2 * (np.prod(w) - target) * both, rel=1e-13)


@pytest.mark.parametrize("seed", range(3))
def test_the_permutation_shows_from_two_by_two_layers_on(seed):
    falsehood = next(t for t in PAPER.false if t.name == "hessian_eq_blocks:without_commutation")
    found = tc.check(falsehood, instances=5000, seed=seed).counterexample
    assert found.instance.fit.widths == (2, 2, 1)
