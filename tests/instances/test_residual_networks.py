"""Residual networks near the identity: their data against products of layers, and targets drawn near."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.residual_networks import closeness, drawn_near, kappa, largest_curvature, least_curvature, residuals_of


@pytest.mark.parametrize("index", range(12))
def test_the_risk_by_a_product_of_layers(index):
    r = residuals_of((1, 2), points=True).sample(5, index).value
    d = len(r.p)
    w = reduce(lambda v, V: (np.eye(d) + V).T @ v, r.V.reshape(r.depth, d, d)[::-1], np.array(r.p, dtype=float))
    assert float(tc.risk(r.objective, r.V)) == pytest.approx(np.sum((r.X @ (w - r.p - r.offset)) ** 2) / len(r.X), rel=1e-11, abs=1e-14)
    assert float(tc.risk(r.objective, 0 * r.V)) == pytest.approx(float(r.excess), rel=1e-12, abs=1e-14)
    assert r.size == r.p[0] ** 2


@pytest.mark.parametrize("index", range(12))
def test_curvatures_are_those_of_the_recipe(index):
    r = residuals_of((2,)).sample(6, index).value
    values = np.linalg.eigvalsh(r.covariance)
    assert float(least_curvature(r)) == pytest.approx(1.0, rel=1e-12)
    assert float(largest_curvature(r)) == pytest.approx(max(values), rel=1e-12)
    assert float(kappa(r)) < 1 < float(kappa(r, 1.0))


@pytest.mark.parametrize("index", range(12))
def test_targets_are_drawn_near_along_their_direction(index):
    r = residuals_of((1, 2)).sample(7, index).value
    near = drawn_near(r)
    assert float(near.excess) <= float(closeness(r)) * (1 + 1e-12)
    if r.excess > closeness(r):
        assert float(near.excess) == pytest.approx(float(closeness(r)), rel=1e-12)
    assert np.linalg.matrix_rank(np.stack([near.offset, r.offset]), tol=1e-12) <= 1


def test_flows_are_followed_in_units_of_their_rate():
    r = drawn_near(residuals_of((1,)).sample(0, 1).value)
    instants, run = r.trained((tc.risk,), (0.5, 2.0))
    np.testing.assert_allclose(instants, np.array([0.5, 2.0]) / (4 * r.depth * r.size))
    assert np.all(np.diff(run.records[tc.risk].value) <= 0)
