"""Kernels of coordinatewise maps of any dimension: exactly those of the entrywise route where that one reaches, with bars that cover."""

from fractions import Fraction

import numpy as np
import pytest

from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.kernels.maps.coordinatewise import CoordinatewiseKernels, PowerKernels, ProductKernels
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.parametrizations import Diagonal, Hadamard, Parametrization

MAPS: list[tuple[Parametrization, CoordinatewiseKernels]] = [
    *((Diagonal(3, depth, signed), PowerKernels(3, depth, signed)) for depth in (1, 2, 3, 5) for signed in (True, False)),
    (Hadamard(3), ProductKernels(3)),
    (Diagonal(1, 2), PowerKernels(1, 2, True)),
]


def drawn(d: int, P: int, leading=(4,)):
    rng = np.random.default_rng(P)
    A = rng.standard_normal((*leading, d, d))
    return rng.standard_normal((*leading, P)), rng.standard_normal((*leading, d)), A @ np.swapaxes(A, -1, -2), rng.standard_normal((*leading, P))


@pytest.mark.parametrize(("model", "kernels"), MAPS, ids=str)
def test_they_are_the_entrywise_kernels(model, kernels):
    twin = EntrywiseKernels(model.symbols, model.expressions, model.shape)
    theta, G, K, v = drawn(model.shape[0], model.parameters)
    for name, arguments in (("w", ()), ("jacobian", ()), ("gradient", (G,)), ("tangent", (v,)), ("hessian", (G, K)), ("hvp", (G, K, v))):
        fast, slow = (getattr(k, name)(theta, *arguments) for k in (kernels, twin))
        assert fast.shape == slow.shape
        np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-13)
        one = getattr(kernels, name)(theta[1], *(a[1] for a in arguments))
        np.testing.assert_array_equal(one, fast[1])


@pytest.mark.parametrize(("model", "kernels"), MAPS, ids=str)
def test_bars_cover_exact_arithmetic(model, kernels):
    """The same formulas over fractions, which are exact; G and the curvature are known up to what they were moved by."""
    exact = np.vectorize(Fraction, otypes=[object])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        theta, G, K, v = drawn(model.shape[0], model.parameters, ())
        g_off, k_off = 1e-9 * rng.standard_normal(G.shape), 1e-9 * rng.standard_normal(K.shape)
        G_error, K_error = np.linalg.norm(g_off), np.linalg.norm(k_off)

        def off(fast, slow):
            return np.linalg.norm((exact(fast) - slow).astype(float))

        errors = bounded(kernels)
        theta_, G_, K_, v_ = (exact(a) for a in (theta, G + g_off, K + k_off, v / np.linalg.norm(v)))
        assert off(kernels.w(theta), kernels.w(theta_)) <= errors.w_error(theta) <= 1e-12
        assert off(kernels.gradient(theta, G), kernels.gradient(theta_, G_)) <= errors.gradient_error(theta, G, G_error) <= 1e-6
        bar = errors.hessian_error(theta, G, G_error, K, K_error)
        H = kernels.hessian(theta, G, K)
        assert np.linalg.norm((exact(H) - kernels.hessian(theta_, G_, K_)).astype(float), 2) <= bar <= 1e-7 * (1 + np.abs(H).max())
        assert off(kernels.hvp(theta, G, K, v / np.linalg.norm(v)), kernels.hvp(theta_, G_, K_, v_)) <= bar


def test_large_dimensions_are_linear():
    kernels = PowerKernels(100_000, 2, True)
    theta, G = np.full(200_000, 0.5), np.ones(100_000)
    assert kernels.w(theta).shape == (100_000,)
    np.testing.assert_array_equal(kernels.gradient(theta, G)[[0, -1]], [1.0, -1.0])
