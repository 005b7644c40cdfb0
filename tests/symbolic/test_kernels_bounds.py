"""Errors of compiled maps against their bounds, in every rounding mode."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.kernel_arguments import MAPS, a, arguments, b, called, chain, numbers, slow_gradient
from theorycheck.errors import InvalidArgument
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.entrywise import majorant
from theorycheck.symbolic.parametrizations import DeepLinear, Entrywise, QuadraticForms


@pytest.mark.parametrize("mode", Rounding)
def test_error_bounds_of_quadratic_forms_hold_in_every_rounding_mode(mode):
    rng, exact = np.random.default_rng(2), np.vectorize(Fraction, otypes=[object])
    for seed in range(5):
        half = rng.standard_normal((3, 4, 4)) * 10.0 ** rng.integers(-3, 4, (3, 1, 1))
        model = QuadraticForms(half + np.swapaxes(half, 1, 2))
        kernels, given, nothing = bounded(model.kernels), arguments(model, seed=seed), np.zeros(())
        A, theta, G, K = (exact(x) for x in (np.array(model.matrices), given["theta"], given["G"], given["K"]))
        J = A @ theta
        truth = {"w": J @ theta / 2, "gradient": G @ J, "hessian": J.T @ K @ J + np.tensordot(G, A, 1)}
        with rounded(mode):
            found = {name: called(kernels, name, given) for name in truth}
        bounds = {
            "w": kernels.w_error(given["theta"]),
            "gradient": kernels.gradient_error(given["theta"], given["G"], nothing),
            "hessian": kernels.hessian_error(given["theta"], given["G"], nothing, given["K"], nothing),
        }
        for name, bound in bounds.items():
            size = np.linalg.norm((exact(found[name]) - truth[name]).astype(float))
            assert size <= bound <= 1e-12 * np.linalg.norm(np.abs(np.array(model.matrices))) ** 2 * (1 + np.linalg.norm(given["theta"])) ** 4 * 100


def exactly(widths: tuple[int, ...], given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """w, gradient and Hessian in fractions; the Hessian through gradients, which are of degree one in every entry."""
    fractions = {name: np.vectorize(Fraction, otypes=[object])(value) for name, value in given.items()}
    theta, G, K = (fractions[name] for name in ("theta", "G", "K"))
    unit = np.vectorize(Fraction, otypes=[object])(np.eye(len(theta), dtype=int))
    end = chain(widths, theta)[1].reshape(-1)
    base = slow_gradient(widths, theta, G)
    bend = np.stack([slow_gradient(widths, theta + e, G) - base for e in unit], axis=-1)
    J = np.stack([chain(widths, theta + e)[1].reshape(-1) - end for e in unit], axis=-1)
    block = np.zeros((widths[-1],) * 2, dtype=object) + Fraction(0)
    np.fill_diagonal(block, Fraction(1))
    return {"w": end, "gradient": base, "hessian": J.T @ np.kron(block, K) @ J + bend}


@pytest.mark.parametrize("mode", Rounding)
@pytest.mark.parametrize("widths", [(2, 3, 1), (3, 2, 2), (1, 1, 1, 1), (2, 2, 2, 2, 2, 1), (2, 1)], ids=str)
def test_error_bounds_of_deep_linear_hold_in_every_rounding_mode(widths, mode):
    model = DeepLinear(widths)
    kernels = DeepLinearKernels(widths)
    for seed in range(5):
        given = arguments(model, seed=10 * seed)
        if seed == 4:  # cancellation: w is tiny against its factors
            given["theta"] = np.where(np.arange(model.parameters) % 2 == 0, 1.0, -1.0) * (1 + 1e-9 * given["theta"])
        truth = exactly(widths, given)
        with rounded(mode):
            found = {name: called(kernels, name, given) for name in truth}
        zero = np.zeros(())
        bounds = {
            "w": kernels.w_error(given["theta"]),
            "gradient": kernels.gradient_error(given["theta"], given["G"], zero),
            "hessian": kernels.hessian_error(given["theta"], given["G"], zero, given["K"], zero),
        }
        for name, bound in bounds.items():
            off = (np.vectorize(Fraction, otypes=[object])(found[name].reshape(truth[name].shape)) - truth[name]).astype(float)
            size = np.linalg.norm(off, 2) if off.ndim == 2 else np.linalg.norm(off)
            assert size <= bound, (name, seed)
            assert bound <= 1e-12 * max(1.0, float(np.abs(truth["hessian"].astype(float)).max()))


@pytest.mark.parametrize("model", [DeepLinear((2, 3, 1)), DeepLinear((2, 2, 2)), *MAPS], ids=str)
def test_errors_of_g_and_curvature_go_into_the_bounds(model):
    given, kernels = arguments(model, seed=21), bounded(model.kernels)
    for seed in range(10):
        dG, dK = 1e-6 * numbers(model.shape, seed), 1e-6 * np.diag(numbers((model.shape[-1],), seed))
        moved = given | {"G": given["G"] + dG, "K": given["K"] + dK}
        gradient, hessian = (called(kernels, name, moved) - called(kernels, name, given) for name in ("gradient", "hessian"))
        size = np.asarray(np.linalg.norm(dG))
        assert np.linalg.norm(gradient) <= kernels.gradient_error(given["theta"], given["G"], size)
        assert np.linalg.norm(hessian, 2) <= kernels.hessian_error(given["theta"], given["G"], size, given["K"], np.asarray(np.abs(dK).max()))


@pytest.mark.parametrize("model", MAPS, ids=str)
def test_error_bounds_of_entrywise_maps_hold(model):
    kernels = bounded(model.kernels)
    for seed in range(5):
        given = arguments(model, seed=seed)
        at = dict(zip(model.symbols, map(sp.Float, given["theta"]), strict=True))
        exact = {symbol: sp.Rational(float(value)) for symbol, value in at.items()}
        w = np.array([sp.N(e.xreplace(exact), 50) for e in model.expressions])
        off = np.array([sp.Float(x, 50) - y for x, y in zip(map(float, kernels.w(given["theta"])), w, strict=True)], dtype=float)
        assert np.linalg.norm(off) <= kernels.w_error(given["theta"]) <= 1e-12


def test_majorant_sees_a_cancellation():
    model = Entrywise((a, b), ((a - b) ** 3 / (1 + a),))
    theta = np.array([1.0, 1.0 - 2.0**-30])
    assert model.kernels.w(theta)[0] < 1e-26
    assert 1e-15 < bounded(model.kernels).w_error(theta) < 1e-12
    assert majorant(sp.sin(a)) == sp.Abs(sp.sin(a)) + sp.Abs(sp.cos(a)) * sp.Abs(a)


def test_kernels_without_bounds_are_named():
    with pytest.raises(InvalidArgument, match="`kernels=object` have no w_error"):
        bounded(object())  # type: ignore[arg-type]
