"""Compiled maps against SymPy, exact arithmetic and complex steps; batches against loops; errors against their bounds."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from numba.core.dispatcher import Dispatcher

from theorycheck.errors import InvalidArgument, TooLarge
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.kernels.compiled import together, watched
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.entrywise import PARAMETER_BUDGET, EntrywiseKernels, _lowered, _Part, majorant
from theorycheck.symbolic.kernels.networks import dense, descent, lanes, norms, quadratic_forms
from theorycheck.symbolic.kernels.networks import steps as descent_steps
from theorycheck.symbolic.kernels.networks.descent import FoldedData
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, QuadraticForms

SHALLOW = [(2, 1), (2, 3), (1, 1, 1), (3, 2, 1), (2, 1, 2), (1, 2, 2), (2, 2, 2, 1), (1, 3, 1, 2), (1, 1, 1, 1, 1), (2, 1, 2, 1, 2)]
DEEP = [(3,) * 12 + (1,), (2, 4, 1, 3, 2, 5, 2, 1, 1, 3, 2, 4, 2), (1,) * 13, (7, 6, 5, 4)]
FUNCTIONS = {"w": "", "jacobian": "", "gradient": "G", "tangent": "v", "hessian": "GK", "hvp": "GKv"}
a, b, c = sp.symbols("a b c", real=True)
MAPS = [
    Diagonal(2, 3),
    Hadamard(2),
    Entrywise((a, b), (sp.exp(a) * b, sp.sin(a - b) / (1 + b**2), sp.Integer(3))),
    Entrywise((a, b, c), (a * b**2 - c, sp.Integer(0), a)),
    QuadraticForms([[[2.0, 1.0], [1.0, 0.0]]]),
    QuadraticForms([np.diag([1.0, 2.0, -1.0]), np.ones((3, 3)), np.zeros((3, 3)), [[0.0, 0.5, 0.0], [0.5, 0.0, 3.0], [0.0, 3.0, 1.0]]]),
]


def test_maps_in_symbols_not_declared_real_are_read_as_real_and_stay_in_them() -> None:
    u, v = sp.symbols("u v")
    model = Entrywise((u, v), (sp.re(u) * v, sp.log(sp.exp(v)), sp.sqrt(u**4)))
    assert model.symbols == (u, v)
    assert model.expressions == (u * v, v, u**2)
    np.testing.assert_array_equal(model.kernels.jacobian(np.array([-2.0, 3.0])), [[3.0, -2.0], [0.0, 1.0], [-4.0, 0.0]])
    assert Entrywise(u, (u**2,)).w(np.array([3.0])) == 9.0


def numbers(shape: tuple[int, ...], seed: int, whole: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-3, 4, shape).astype(float) if whole else rng.standard_normal(shape)


def arguments(model, leading: tuple[int, ...] = (), seed: int = 0, whole: bool = False) -> dict[str, np.ndarray]:
    K = numbers((*leading, model.shape[-1], model.shape[-1]), seed + 3, whole)
    return {
        "theta": numbers((*leading, model.parameters), seed, whole),
        "G": numbers((*leading, *model.shape), seed + 1, whole),
        "v": numbers((*leading, model.parameters), seed + 2, whole),
        "K": K + np.swapaxes(K, -1, -2),
    }


def called(kernels, name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    return getattr(kernels, name)(given["theta"], *(given[letter] for letter in FUNCTIONS[name]))


def chain(widths: tuple[int, ...], theta: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Layers and their product, by plain products, in any kind of numbers."""
    layers, end, product = [], 0, np.eye(widths[0], dtype=theta.dtype)
    for rows, cols in zip(widths[1:], widths[:-1], strict=True):
        layers.append(theta[end : end + rows * cols].reshape(rows, cols))
        end += rows * cols
        product = layers[-1] @ product
    return layers, product


def slow_gradient(widths: tuple[int, ...], theta: np.ndarray, G: np.ndarray) -> np.ndarray:
    """A_kᵀ G B_kᵀ with both products made anew for every layer."""
    layers, _ = chain(widths, theta)
    parts = []
    for k in range(len(layers)):
        above, below = np.eye(widths[-1], dtype=theta.dtype), np.eye(widths[0], dtype=theta.dtype)
        for W in layers[:k:-1] if k + 1 < len(layers) else []:
            above = above @ W
        for W in layers[:k]:
            below = W @ below
        parts.append((above.T @ G.reshape(widths[-1], widths[0]) @ below.T).reshape(-1))
    return np.concatenate(parts)


def dispatchers() -> dict[str, Dispatcher]:
    modules = (lanes, dense, norms, descent, descent_steps)
    return {f"{m.__name__}.{name}": f for m in modules for name, f in vars(m).items() if isinstance(f, Dispatcher)}


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


@pytest.mark.parametrize("model", [DeepLinear((3, 4, 2, 1)), DeepLinear((2, 3, 3)), DeepLinear((1, 1, 1)), *MAPS], ids=str)
@pytest.mark.parametrize("leading", [(1,), (3,), (70,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_batch_is_a_loop(model, leading, name):
    given = arguments(model, leading, seed=3)
    together = called(model.kernels, name, given)
    for index in np.ndindex(leading):
        one = called(model.kernels, name, {key: value[index] for key, value in given.items()})
        if isinstance(model, DeepLinear | QuadraticForms):
            assert np.array_equal(together[index], one)
        else:
            np.testing.assert_allclose(together[index], one, rtol=1e-14, atol=1e-14)
    assert together.shape[: len(leading)] == leading


@pytest.mark.parametrize("model", [DeepLinear((3, 2, 1)), DeepLinear((2, 3, 3)), Hadamard(2)], ids=str)
def test_leading_axes_broadcast(model):
    given, alone = arguments(model, (4, 1), seed=1), arguments(model, (3,), seed=2)
    K = arguments(model)["K"]
    mixed = model.kernels.hvp(given["theta"], alone["G"], K, given["v"])
    for i, j in np.ndindex(4, 3):
        one = model.kernels.hvp(given["theta"][i, 0], alone["G"][j], K, given["v"][i, 0])
        np.testing.assert_allclose(mixed[i, j], one, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("widths", [(5,) * 6 + (1,), (3, 4, 2, 3), (4, 1), (2, 7, 5)], ids=str)
@pytest.mark.parametrize("between", [True, False])
def test_norms_do_not_depend_on_the_block(widths, between):
    """To the last bit those of one instance after the other, and those of products by NumPy."""
    model, L = DeepLinear(widths), len(widths) - 1
    theta, pairs = np.random.default_rng(L).normal(size=(37, model.parameters)), L if between else 0
    found, alone = ([*(np.full((37, L), np.nan) for _ in range(3)), np.full((37, pairs, pairs), np.nan)] for _ in range(2))
    norms.partial_norms(np.array(widths), theta, *found)
    norms.norms_one_by_one(np.array(widths), theta, *alone)
    assert all(np.array_equal(a, b) for a, b in zip(found, alone, strict=True))
    layers = model.layers(theta)
    last = np.linalg.multi_dot([layer[7] for layer in layers[:0:-1]]) if L > 2 else layers[-1][7] if L > 1 else None
    if last is not None:
        np.testing.assert_allclose(found[0][7, 0], np.linalg.norm(last), rtol=1e-14)


def test_a_hundred_shapes_compile_once():
    """Two rounds meet every layout and kind of argument; nothing compiles in the other ninety-eight."""
    rng, counts = np.random.default_rng(0), []
    for number in range(100):
        model = DeepLinear(tuple(int(d) for d in rng.integers(1, 6, 2 + number % 6)))
        given = arguments(model, ((), (3,), (20,))[number % 3], seed=number)
        for value in given.values():
            value.flags.writeable = number % 2 == 0
        given["theta"] = given["theta"][..., ::-1] if number % 5 == 0 else given["theta"]
        for name in FUNCTIONS:
            called(model.kernels, name, given)
        kernels, B = DeepLinearKernels(model.widths), 3
        kernels.gauss_newton(given["theta"], np.eye(model.widths[0]))
        kernels.w_error(given["theta"])
        data = FoldedData(np.zeros((B, model.widths[0] ** 2)), np.zeros((B, kernels.entries)))
        kernels.descend(np.zeros((B, model.parameters)), data, np.full(B, 2), np.full(B, -1.0), np.zeros(0))
        counts.append({name: len(kernel.overloads) for name, kernel in dispatchers().items()})
    assert counts[1:] == counts[1:2] * 99
    entries = [(lanes, name) for name in ("ends", "gradients", "tangents", "hessian_products")] + [(descent, "descend")]
    entries += [(dense, name) for name in ("jacobians", "hessians", "gauss_newtons")] + [(norms, "partial_norms")]
    assert all(counts[1][f"{module.__name__}.{name}"] for module, name in entries)


def test_sets_of_matrices_are_data_of_one_compiled_code():
    rng, counts = np.random.default_rng(1), []
    for number in range(50):
        half = rng.integers(-3, 4, (1 + number % 5, *(1 + number % 7,) * 2)) / 2
        model = QuadraticForms(half + np.swapaxes(half, 1, 2))
        given = arguments(model, ((), (3,), (2, 2))[number % 3], seed=number, whole=True)
        for name in FUNCTIONS:
            called(model.kernels, name, given)
        if number < 10:
            entrywise = EntrywiseKernels(model.symbols, tuple(map(sp.expand, model.expressions)), model.shape)
            assert np.array_equal(model.kernels.hessian(given["theta"], given["G"], given["K"]), called(entrywise, "hessian", given))
        counts.append({name: len(f.overloads) for name, f in vars(quadratic_forms).items() if isinstance(f, Dispatcher)})
    assert counts[1:] == counts[1:2] * 49
    assert all(counts[1].values())


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


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_what_is_not_finite_stays_so(name, bad):
    model = DeepLinear((2, 3, 2, 1))
    given = arguments(model, (20,))
    given["theta"][5, :3] = bad
    with np.errstate(all="raise"):
        found = called(model.kernels, name, given).reshape(20, -1)
    clean = np.isfinite(found).all(axis=-1)
    assert clean.sum() == 19 + (bad == 1e300 and clean[5])
    if bad == 1e300:
        given["theta"][5] = bad
        assert not np.isfinite(called(model.kernels, "hessian", given)[5]).all()


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


def test_entrywise_budget():
    symbols = sp.symbols(f"x:{PARAMETER_BUDGET + 1}", real=True)
    with pytest.raises(TooLarge, match=f"`parameters={PARAMETER_BUDGET + 1}` exceed the budget"):
        EntrywiseKernels(symbols, (symbols[0],), (1,))


def test_equal_maps_are_compiled_once():
    first, second = (EntrywiseKernels((a, b), (a * b, a + 1), (2,)) for _ in range(2))
    assert first is not second
    assert _lowered(first, _Part.JACOBIAN) is _lowered(second, _Part.JACOBIAN)


def test_kernels_without_bounds_are_named():
    with pytest.raises(InvalidArgument, match="`kernels=object` have no w_error"):
        bounded(object())  # type: ignore[arg-type]


def test_together_gives_what_a_kernel_takes():
    frozen = np.broadcast_to(np.arange(3.0), (2, 3))
    leading, (rows, ones) = together((frozen, 1), (np.eye(2), 2))
    assert (leading, rows.shape, ones.shape) == ((2,), (2, 3), (2, 4))
    assert all(array.flags.c_contiguous and array.flags.writeable for array in (rows, ones))


def folded(model: DeepLinear, B: int, step: np.ndarray, seed: int = 0) -> FoldedData:
    X, target = numbers((B, 5, model.widths[0]), seed), numbers((B, *model.shape), seed + 1)
    covariance = np.swapaxes(X, -1, -2) @ X / 5
    correlation = (target.reshape(B, -1, model.widths[0]) @ covariance).reshape(B, -1)
    return FoldedData(2 * step[:, None] * covariance.reshape(B, -1), 2 * step[:, None] * correlation)


@pytest.mark.parametrize("widths", [(2, 1), (3, 2, 1), (2, 3, 2), (1, 1, 1, 1), (2,) * 8 + (1,)], ids=str)
def test_descent_is_the_loop_of_steps(widths):
    model, B = DeepLinear(widths), 70
    kernels, data = DeepLinearKernels(widths), folded(DeepLinear(widths), 70, np.full(70, 0.01))
    theta, counts = 0.5 * numbers((B, model.parameters), 9), np.arange(B) % 140
    final, taken, ending = kernels.descend(theta, data, counts, np.full(B, -1.0), np.zeros(0))
    assert np.array_equal(taken, counts)
    assert np.all(ending == descent.RAN)
    slow = theta.copy()
    for k in range(counts.max()):
        w = kernels.w(slow).reshape(B, -1, widths[0])
        G = w @ data.covariance.reshape(B, widths[0], widths[0]) - data.correlation.reshape(w.shape)
        slow = np.where((k < counts)[:, None], slow - kernels.gradient(slow, G.reshape(B, *model.shape)), slow)
    np.testing.assert_allclose(final, slow, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kick", [np.zeros(0), 1e-10 * numbers((8,), 0)], ids=["plain", "kicked"])
def test_descent_of_one_lane_does_not_depend_on_the_others(kick):
    model, B = DeepLinear((3, 2, 1)), 150
    kernels, data = DeepLinearKernels(model.widths), folded(model, B, np.geomspace(1e-3, 3.0, B))
    theta, counts, small = numbers((B, model.parameters), 4), (np.arange(B) * 7) % 500, np.full(B, 1e-9)
    final, taken, ending = kernels.descend(theta, data, counts, small, kick)
    assert set(ending) == {descent.RAN, descent.SMALL, descent.DIVERGED}
    assert np.all(np.isfinite(final))
    for lane in range(B):
        row = slice(lane, lane + 1)
        alone = kernels.descend(theta[row], FoldedData(*(part[row] for part in data)), counts[row], small[row], kick)
        assert np.array_equal(alone[0][0], final[lane])
        assert (alone[1][0], alone[2][0]) == (taken[lane], ending[lane])


def test_kicks_of_descent():
    """Before steps 0, 64, 128, ... by the kick times the steps up to the next one, relative to each parameter."""
    model = DeepLinear((2, 2, 1))
    kernels, data = DeepLinearKernels(model.widths), folded(model, 1, np.full(1, 0.01))
    theta, kick, none = numbers((1, 6), 3), 1e-4 * numbers((6,), 4), np.zeros(0)
    kicked = kernels.descend(theta, data, np.array([150]), np.array([-1.0]), kick)[0]
    for steps in (64, 64, 22):
        theta = theta + steps * kick * theta
        theta = kernels.descend(theta, data, np.array([steps]), np.array([-1.0]), none)[0]
    np.testing.assert_allclose(kicked, theta, rtol=1e-14)


# -- the cache on disk --

HEAD = "from theorycheck.symbolic.kernels.compiled import compiled\n"
INNER = HEAD + "@compiled\ndef inner(x):\n    return x * {factor}\n"
OUTER = HEAD + "from kern.inner import inner\n@compiled\ndef outer(x):\n    return inner(x) + 1.0\n"
CALL = "from kern.outer import outer; print(outer(3.0), sum(outer.stats.cache_hits.values()))"


def run(folder: Path, **environment: str) -> list[str]:
    root = Path(__file__).resolve().parents[2]
    base = {"PYTHONPATH": f"{folder}:{root}", "PATH": "", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", CALL], env=base | environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def package(folder: Path) -> Path:
    (folder / "kern").mkdir()
    (folder / "kern" / "__init__.py").touch()
    (folder / "kern" / "inner.py").write_text(INNER.format(factor=2.0))
    (folder / "kern" / "outer.py").write_text(OUTER)
    return folder


def test_cache_sees_changes_in_the_kernels_a_kernel_calls(tmp_path):
    folder = package(tmp_path)
    assert run(folder) == ["7.0", "0"]
    assert run(folder) == ["7.0", "1"]
    (folder / "kern" / "inner.py").write_text(INNER.format(factor=5.0))
    assert run(folder) == ["16.0", "0"]
    for file in (folder / "kern" / "__pycache__").glob("*.nb?"):
        file.write_bytes(b"damaged")
    assert run(folder) == ["16.0", "0"]


def test_no_place_for_a_cache_costs_a_compile_only(tmp_path):
    folder = package(tmp_path)
    (folder / "kern" / "__pycache__").touch()  # a file where the directory would be
    (folder / "blocked").touch()
    assert run(folder, XDG_CACHE_HOME=str(folder / "blocked" / "cache")) == ["7.0", "0"]


def test_watched_sources_follow_the_imports():
    names = {path.stem for path in watched(descent.__name__)}
    assert {"descent", "steps", "lanes", "compiled"} <= names
    assert "dense" not in names
