"""Numbers of flat minima with several outputs, against the dense matrices they are short for."""

from __future__ import annotations

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import deep_linear_fits, modal_networks
from theorycheck.instances.flat_minima import flat_bound, flat_bound_of_outputs, top_triple
from theorycheck.instances.modal import factorisations_of


@pytest.mark.parametrize("index", range(12))
def test_top_triple_through_a_factor_is_that_of_the_root(index):
    fit = deep_linear_fits(outputs=(1, 3)).sample(4, index).value
    T = np.atleast_2d(fit.data.least_squares)
    sigma, curvature = top_triple(fit.data.least_squares, fit.root)
    squares, V = np.linalg.eigh(fit.covariance)
    _, values, rows = np.linalg.svd(T @ (V * np.sqrt(np.maximum(squares, 0))) @ V.T)
    assert float(sigma) == pytest.approx(values[0], rel=1e-7, abs=1e-7)
    if values[0] > 1e-3 and (len(values) == 1 or values[1] < 0.99 * values[0]):
        assert float(curvature) == pytest.approx(rows[0] @ fit.covariance @ rows[0], rel=1e-5)


@pytest.mark.parametrize("index", range(8))
def test_the_bound_of_one_output_is_the_same(index):
    fit = deep_linear_fits(dim=(1, 1)).sample(2, index).value
    sigma, curvature = top_triple(fit.data.least_squares, fit.root)
    if fit.data.has_signal:
        assert float(flat_bound_of_outputs(sigma, fit.depth, curvature)) == pytest.approx(float(flat_bound(fit)), rel=1e-12)


@pytest.mark.parametrize("index", range(12))
def test_balanced_factorisations_of_whitened_data_attain_the_bound(index):
    f = factorisations_of(modal_networks()).sample(3, index).value
    assert float(f.largest) == pytest.approx(np.linalg.norm(f.network.product, 2), abs=1e-12)
    assert float(tc.risk(f.objective, f.network.theta)) < 1e-25
    even = f.network.balanced()
    assert float(tc.sharpness(even.fitted(), even.theta)) == pytest.approx(float(flat_bound_of_outputs(f.largest, even.depth)), abs=1e-9)
    assert f.objective.data.covariance[0, 0] == pytest.approx(f.stretch**2)
