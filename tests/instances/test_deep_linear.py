"""Fits with a constant of the loss: gradient and Hessian against differences, at one point and in stacks."""

from __future__ import annotations

import numpy as np
import pytest

from theorycheck.instances import deep_linear_fits
from theorycheck.instances.deep_linear import with_constant

FITS = with_constant(deep_linear_fits(depth=(1, 4), outputs=(1, 3), samples=(1, 5)))


@pytest.mark.parametrize("index", range(12))
def test_gradient_in_the_product_and_hessian_by_differences(index):
    f = FITS.sample(3, index).value
    W, layers = np.atleast_2d(f.fit.w), f.fit.layers
    targets = f.fit.y if f.fit.data.several_outputs else f.fit.y[:, None]

    def risk(W):
        return f.c * np.sum((f.fit.X @ W.T - targets) ** 2) / len(targets)

    G = f.gradient_in_w(layers)
    for entry in np.ndindex(W.shape):
        step = np.zeros(W.shape)
        step[entry] = 1e-5
        assert G[entry] == pytest.approx((risk(W + step) - risk(W - step)) / 2e-5, abs=1e-7 * (1 + np.abs(G).max()))
    assert np.all(np.abs(G) <= f.gradient_in_w(tuple(map(abs, layers)), absolute=True) * (1 + 1e-12) + 1e-12)
    steps = 1e-5 * np.eye(len(f.fit.theta))
    seen = (f.objective.gradient(f.fit.theta + steps) - f.objective.gradient(f.fit.theta - steps)) / 2e-5
    np.testing.assert_allclose(f.hessian.value, seen, atol=1e-7 * (1 + np.abs(seen).max()))


def test_the_constant_comes_in_halves():
    assert {FITS.sample(0, index).value.c for index in range(40)} == {0.5, 1.0, 1.5}
