"""Batches of compiled maps against loops: values, norms, what is not finite, and the leading axes of arguments."""

import numpy as np
import pytest

from tests.symbolic.kernel_arguments import FUNCTIONS, MAPS, arguments, called
from theorycheck.symbolic.kernels.compiled import together
from theorycheck.symbolic.kernels.networks import norms
from theorycheck.symbolic.parametrizations import DeepLinear, Hadamard, QuadraticForms


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


def test_together_gives_what_a_kernel_takes():
    frozen = np.broadcast_to(np.arange(3.0), (2, 3))
    leading, (rows, ones) = together((frozen, 1), (np.eye(2), 2))
    assert (leading, rows.shape, ones.shape) == ((2,), (2, 3), (2, 4))
    assert all(array.flags.c_contiguous and array.flags.writeable for array in (rows, ones))
