"""Partial products against plain loops, and networks given by their modes."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import ModalNetwork, above, below, between, deep_linear_fits, kronecker, modal_networks, unflattened
from theorycheck.instances.products import layer_norms, nuclear_norm, padded_layers, pair_products
from theorycheck.instances.targets import polar, targeted_modes


@pytest.mark.parametrize("widths", [(2, 3), (3, 1, 2), (2, 4, 3, 1), (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("leading", [(), (5,)])
def test_partial_products(widths, leading):
    rng = np.random.default_rng(1)
    layers = tuple(rng.normal(size=(*leading, b, a)) for a, b in pairwise(widths))
    L = len(layers)

    def run(k, j, size):  # W_k ... W_j
        return reduce(np.matmul, [layers[i - 1] for i in range(k, j - 1, -1)], np.eye(size)) if k >= j else np.broadcast_to(np.eye(size), (1, 1))

    for k in range(1, L + 1):
        assert above(layers)[k - 1].shape == (*leading, widths[-1], widths[k])
        assert below(layers)[k - 1].shape == (*leading, widths[k - 1], widths[0])
        product = above(layers)[k - 1] @ layers[k - 1] @ below(layers)[k - 1]
        np.testing.assert_allclose(product, run(L, 1, widths[-1]), rtol=1e-13, atol=1e-14)
        for j in range(1, k):
            middle = layers[k - 1] @ between(layers, k, j) @ layers[j - 1]
            np.testing.assert_allclose(middle, run(k, j, widths[k]), rtol=1e-13, atol=1e-14)


def test_unflattened_undoes_flat_and_keeps_what_is_complex():
    fit = deep_linear_fits(outputs=(1, 3)).sample(3, 5).value
    for mine, layer in zip(unflattened(fit.widths, fit.theta), fit.layers, strict=True):
        np.testing.assert_array_equal(mine, layer)
    assert unflattened(fit.widths, 1j * fit.theta)[0].dtype == complex


def test_padded_layers_multiply_to_the_product_of_their_cores():
    rng = np.random.default_rng(8)
    cores = [rng.normal(size=(5, *shape)) for shape in ((2, 3), (2, 2), (1, 2))]
    first, second, third = unflattened((3, 4, 2, 1), padded_layers((3, 4, 2, 1), cores))
    np.testing.assert_array_equal(first[:, :2], cores[0])
    assert not np.any(first[:, 2:])
    np.testing.assert_allclose(third @ second @ first, cores[2] @ cores[1] @ cores[0], rtol=1e-12, atol=1e-14)


def test_pair_products_of_layer_norms():
    np.testing.assert_array_equal(pair_products(np.array([2.0, 3.0, 5.0])), [[0, 5, 3], [5, 0, 2], [3, 2, 0]])
    layers = [k * np.linalg.qr(np.random.default_rng(k).normal(size=(4, 3, 3)))[0] for k in (2, 3, 5)]
    norms = layer_norms(layers)
    np.testing.assert_allclose(norms, np.broadcast_to([2.0, 3.0, 5.0], (4, 3)), rtol=1e-14)
    np.testing.assert_allclose(pair_products(norms)[3], [[0, 5, 3], [5, 0, 2], [3, 2, 0]], rtol=1e-13)


@pytest.mark.parametrize("index", range(8))
def test_polar_coordinates_of_the_product(index):
    f = targeted_modes((2, 4)).sample(2, index).value
    r, nu = polar(f)
    w = reduce(np.matmul, reversed(f.network.layers))[0]
    assert float(r) == pytest.approx(np.linalg.norm(w), rel=1e-12)
    assert float(nu) * float(r) == pytest.approx(w @ f.target, abs=1e-12)


def test_nuclear_norm_over_leading_axes():
    M = np.random.default_rng(9).normal(size=(4, 2, 3))
    np.testing.assert_allclose(nuclear_norm(M), [np.linalg.norm(m, "nuc") for m in M], rtol=1e-14)


def test_kronecker_over_leading_axes():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3, 2))
    np.testing.assert_array_equal(kronecker(a, b), [np.kron(x, y) for x, y in zip(a, b, strict=True)])


@pytest.mark.parametrize("index", range(8))
def test_fits_moved_onto_their_data(index):
    fit = deep_linear_fits(outputs=(1, 3), samples=(2, 6)).sample(0, index).value
    here = fit.solved_here()
    np.testing.assert_allclose(here.data.predictions(here.data.least_squares), here.data.predictions(fit.w), atol=1e-12)
    before, after = (f.y - f.data.predictions(f.data.least_squares) for f in (fit, here))
    np.testing.assert_allclose(before, after, atol=1e-12)
    white = fit.whitened()
    np.testing.assert_allclose(white.covariance, np.eye(fit.widths[0]), atol=1e-15)
    np.testing.assert_allclose(white.data.least_squares, fit.data.least_squares, atol=1e-12)


@pytest.mark.parametrize("index", range(8))
def test_modal_networks(index):
    network = modal_networks().sample(1, index).value
    W = reduce(np.matmul, reversed(network.layers))
    np.testing.assert_allclose(W, network.product, atol=1e-13)
    assert float(tc.risk(network.fitted(2.0), network.theta)) < 1e-26
    even = network.balanced()
    np.testing.assert_allclose(even.product, W, atol=1e-13)
    np.testing.assert_allclose(tc.balancedness(even.fitted(), even.theta).value, 0, atol=1e-13)


def test_modal_networks_stack():
    gains = np.array([[[2.0], [1.0]], [[1.0], [3.0]]])
    network = ModalNetwork((1, 1, 1), (np.ones((2, 1, 1)),) * 3, gains)
    np.testing.assert_array_equal(network.product[:, 0, 0], [2.0, 3.0])
    np.testing.assert_allclose(tc.risk(network.fitted(np.array([1.0, 2.0])), network.theta).value, 0, atol=1e-28)
