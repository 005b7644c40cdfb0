"""Compiled maps against SymPy, exact arithmetic and complex steps."""

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.kernel_arguments import FUNCTIONS, MAPS, arguments, called, chain, slow_gradient
from theorycheck.errors import TooLarge
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.entrywise import PARAMETER_BUDGET, EntrywiseKernels
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Entrywise

SHALLOW = [(2, 1), (2, 3), (1, 1, 1), (3, 2, 1), (2, 1, 2), (1, 2, 2), (2, 2, 2, 1), (1, 3, 1, 2), (1, 1, 1, 1, 1), (2, 1, 2, 1, 2)]
DEEP = [(3,) * 12 + (1,), (2, 4, 1, 3, 2, 5, 2, 1, 1, 3, 2, 4, 2), (1,) * 13, (7, 6, 5, 4)]


def test_maps_in_symbols_not_declared_real_are_read_as_real_and_stay_in_them() -> None:
    u, v = sp.symbols("u v")
    model = Entrywise((u, v), (sp.re(u) * v, sp.log(sp.exp(v)), sp.sqrt(u**4)))
    assert model.symbols == (u, v)
    assert model.expressions == (u * v, v, u**2)
    np.testing.assert_array_equal(model.kernels.jacobian(np.array([-2.0, 3.0])), [[3.0, -2.0], [0.0, 1.0], [-4.0, 0.0]])
    assert Entrywise(u, (u**2,)).w(np.array([3.0])) == 9.0


@pytest.mark.parametrize("widths", SHALLOW, ids=str)
def test_deep_linear_is_the_derivation_exactly(widths):
    model, derivation = DeepLinear(widths), derive(DeepLinear(widths), SquaredLoss())
    given = arguments(model, seed=len(widths), whole=True)
    whole = {name: value.astype(int) for name, value in given.items()}
    gradient = derivation.gradient_at(whole["theta"], whole["G"])
    hessian = derivation.hessian_at(whole["theta"], whole["G"], whole["K"])
    assert np.array_equal(model.kernels.gradient(given["theta"], given["G"]), gradient.astype(float))
    assert np.array_equal(model.kernels.hessian(given["theta"], given["G"], given["K"]), hessian.astype(float))
    assert np.array_equal(model.kernels.hvp(given["theta"], given["G"], given["K"], given["v"]), (hessian @ whole["v"]).astype(float))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("widths", SHALLOW, ids=str)
def test_deep_linear_is_entrywise_sympy_exactly(widths, name):
    model = DeepLinear(widths)
    given = arguments(model, (4,), seed=7, whole=True)
    entrywise = EntrywiseKernels(model.symbols, model.expressions, model.shape)
    assert np.array_equal(called(model.kernels, name, given), called(entrywise, name, given))


@pytest.mark.parametrize("widths", SHALLOW + DEEP, ids=str)
def test_deep_linear_is_its_complex_step(widths):
    model, step = DeepLinear(widths), 1e-100j
    given = arguments(model, seed=11)
    theta, G, K, v = (given[name] for name in ("theta", "G", "K", "v"))
    moved = theta + step * np.eye(len(theta))
    J = np.stack([(chain(widths, row)[1].reshape(-1) / step).real for row in moved], axis=-1)
    bend = np.stack([(slow_gradient(widths, row, G) / step).real for row in moved], axis=-1)
    hessian = J.T @ np.kron(np.eye(widths[-1]), K) @ J + bend
    close = {"rtol": 1e-12, "atol": 1e-12 * np.abs(hessian).max()}
    np.testing.assert_allclose(model.kernels.w(theta).reshape(-1), chain(widths, theta)[1].reshape(-1), **close)
    np.testing.assert_allclose(model.kernels.jacobian(theta), J, **close)
    np.testing.assert_allclose(model.kernels.gradient(theta, G), slow_gradient(widths, theta, G), **close)
    np.testing.assert_allclose(model.kernels.tangent(theta, v).reshape(-1), J @ v, **close)
    np.testing.assert_allclose(model.kernels.hessian(theta, G, K), hessian, **close)
    np.testing.assert_allclose(model.kernels.hvp(theta, G, K, v), hessian @ v, **close)
    factor = np.linalg.cholesky(K @ K + np.eye(len(K))).T
    Z = np.kron(np.eye(widths[-1]), factor) @ J
    np.testing.assert_allclose(DeepLinearKernels(widths).gauss_newton(theta, factor), Z @ Z.T, rtol=1e-12, atol=1e-11 * np.abs(Z @ Z.T).max())


@pytest.mark.parametrize("model", MAPS, ids=str)
def test_entrywise_is_sympy_at_exact_points(model):
    given = arguments(model, (3,), seed=5, whole=True)
    for i in range(3):
        at = dict(zip(model.symbols, map(sp.Integer, given["theta"][i].astype(int)), strict=True))
        G, K, v = (sp.Matrix(given[name][i].astype(int)) for name in ("G", "K", "v"))
        w = sp.Matrix(model.expressions)
        J = w.jacobian(sp.Matrix(model.symbols))
        hessian = J.T * K * J + (J.T * G).jacobian(sp.Matrix(model.symbols))
        for name, exact in (("w", w), ("jacobian", J), ("gradient", J.T * G), ("tangent", J * v), ("hessian", hessian), ("hvp", hessian * v)):
            truth = np.array(exact.subs(at).evalf(30), dtype=float)
            found = called(model.kernels, name, given)[i]
            np.testing.assert_allclose(found, truth.reshape(found.shape), rtol=1e-13, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("dim", [1, 2, 5, 60])
def test_weight_normalisation_in_closed_form(dim):
    """Against complex steps of its gradient; at v = 0 nothing is finite, and nothing warns."""
    model, given = WeightNormalized(dim), arguments(WeightNormalized(dim), seed=dim)
    theta, G, K, v = (given[name] for name in ("theta", "G", "K", "v"))
    moved = theta + 1e-100j * np.eye(dim + 1)
    norms = np.sqrt(np.sum(moved[:, 1:] ** 2, axis=1, keepdims=True))
    J = (moved[:, :1] * moved[:, 1:] / norms).imag.T / 1e-100
    unit = moved[:, 1:] / norms
    slopes = np.concatenate([unit @ G[:, None], moved[:, :1] / norms * (G - unit * (unit @ G[:, None]))], axis=1)
    hessian = J.T @ K @ J + slopes.imag / 1e-100
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(model.kernels.jacobian(theta), J, rtol=1e-12, atol=1e-12 * np.abs(J).max())
    np.testing.assert_allclose(model.kernels.gradient(theta, G), J.T @ G, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(model.kernels.tangent(theta, v), J @ v, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(model.kernels.hessian(theta, G, K), hessian, rtol=1e-11, atol=1e-12 * scale)
    np.testing.assert_allclose(model.kernels.hvp(theta, G, K, v), hessian @ v, rtol=1e-11, atol=1e-11 * scale)
    origin = given | {"theta": np.concatenate([theta[:1], np.zeros(dim)])}
    assert not any(np.isfinite(called(model.kernels, name, origin)).all() for name in FUNCTIONS)


def test_entrywise_budget():
    symbols = sp.symbols(f"x:{PARAMETER_BUDGET + 1}", real=True)
    with pytest.raises(TooLarge, match=f"`parameters={PARAMETER_BUDGET + 1}` exceed the budget"):
        EntrywiseKernels(symbols, (symbols[0],), (1,))
