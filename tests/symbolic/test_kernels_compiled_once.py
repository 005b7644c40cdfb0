"""Compiled code is made once: for all shapes, sets of matrices and equal maps."""

import numpy as np
import sympy as sp
from numba.core.dispatcher import Dispatcher

from tests.symbolic.kernel_arguments import FUNCTIONS, a, arguments, b, called
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels, _lowered, _Part
from theorycheck.symbolic.kernels.networks import dense, descent, lanes, norms, quadratic_forms
from theorycheck.symbolic.kernels.networks import steps as descent_steps
from theorycheck.symbolic.kernels.networks.descent import FoldedData
from theorycheck.symbolic.parametrizations import DeepLinear, QuadraticForms


def dispatchers() -> dict[str, Dispatcher]:
    modules = (lanes, dense, norms, descent, descent_steps)
    return {f"{m.__name__}.{name}": f for m in modules for name, f in vars(m).items() if isinstance(f, Dispatcher)}


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


def test_equal_maps_are_compiled_once():
    first, second = (EntrywiseKernels((a, b), (a * b, a + 1), (2,)) for _ in range(2))
    assert first is not second
    assert _lowered(first, _Part.JACOBIAN) is _lowered(second, _Part.JACOBIAN)
