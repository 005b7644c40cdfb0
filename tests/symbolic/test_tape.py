"""Tapes against the words they are made of, exactly, and against entrywise SymPy."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.tape_sources import FUNCTIONS, SOURCES, called, constants_of, given_for, kernels_of, shape_of
from theorycheck.symbolic.derivations.base import layer_values
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.kernels.maps.flattened import FlattenedKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words, factorization_words, residual_words, symmetric_words
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.kernels.tapes.lowering import WordMap
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, Point, substitute
from theorycheck.symbolic.models import Flattened, MatrixFactorization, ResidualLinear, SymmetricFactorization
from theorycheck.symbolic.parametrizations import DeepLinear, Parametrization


def slowly(source: WordMap, given: dict[str, np.ndarray], dtype: type = float) -> dict[str, np.ndarray]:
    """Every function from the words with all definitions written out, one word after the other, in whole numbers."""
    words = MapDerivatives(substitute(source.derivatives.w, source.definitions), source.trained)
    first, second = words.directions, tuple(Factor("Z", d.rows, d.cols, d.index) for d in words.directions)
    shapes = tuple(source.shape(matrix) for matrix in source.trained)
    values = dict(zip(source.constants, _constant_matrices(source), strict=True)) | {
        words.gradient_in_w: given["G"].reshape(source.shape(words.w)),
        words.covariance: given["K"],
    }
    for matrices, name in ((source.trained, "theta"), (first, "v"), (second, "u")):
        values |= dict(zip(matrices, layer_values(given[name], shapes), strict=True))
    point = Point(values, None)
    parts = {"w": (words.w,), "gradient": words.gradient, "tangent": (words.tangent,), "hvp": words.hvp, "second": (words.bilinear(first, second),)}
    return {name: np.concatenate([np.reshape(point.evaluate(w), -1) for w in sums]).astype(dtype) for name, sums in parts.items()}


def _constant_matrices(source: WordMap) -> list[np.ndarray]:
    shapes = tuple(source.shape(matrix) for matrix in source.constants)
    return [matrix.astype(int).astype(object) for matrix in layer_values(constants_of(source), shapes)]


@pytest.mark.parametrize(("name", "source"), SOURCES, ids=[name for name, _ in SOURCES])
def test_every_function_is_that_of_the_words_exactly(name: str, source: WordMap) -> None:
    kernels, given = kernels_of(source), given_for(source, seed=len(name))
    for function, expected in slowly(source, given).items():
        assert np.array_equal(called(kernels, function, given).reshape(-1), expected), function


MODELS: list[tuple[Parametrization, WordMap]] = [
    *((DeepLinear(w), deep_linear_words(w)) for w in ((2, 1), (2, 3), (3, 2, 1), (1, 2, 2), (2, 2, 2), (1, 3, 1, 2), (2, 1, 2, 1, 2))),
    (MatrixFactorization(2, 3, 2), factorization_words(2, 3, 2)),
    (SymmetricFactorization(3, 2), symmetric_words(3, 2)),
    (ResidualLinear(2, 3, (1.0, -3.0)), residual_words(2, 3)),
]


@pytest.mark.parametrize(("model", "source"), MODELS, ids=[str(model) for model, _ in MODELS])
def test_every_function_is_entrywise_sympy_exactly_at_rational_points(model: Parametrization, source: WordMap) -> None:
    """Quarters, so that every product is exact in floating point."""
    kernels, given = (
        TapeKernels(source, model.shape, constants=np.array(getattr(model, "output", ()))),
        {name: value / 4 for name, value in given_for(source, (5,), seed=3).items()},
    )
    entrywise = EntrywiseKernels(model.symbols, tuple(map(sp.expand, model.expressions)), model.shape)
    for name in ("w", "gradient", "tangent", "hvp"):
        assert np.array_equal(called(kernels, name, given), called(entrywise, name, given)), name
    hessian = entrywise.hessian(given["theta"], given["G"], given["K"])
    assert np.array_equal(kernels.hessian(given["theta"], given["G"], given["K"]), hessian)
    assert np.array_equal(kernels.jacobian(given["theta"]), entrywise.jacobian(given["theta"]))


@pytest.mark.parametrize(("name", "source"), SOURCES[::3], ids=[name for name, _ in SOURCES[::3]])
def test_exact_numbers_stay_exact(name: str, source: WordMap) -> None:
    """Thirds, which no float holds: 3^degree times every value is that of whole numbers."""
    kernels, given = kernels_of(source), given_for(source, (2,), seed=len(name))
    thirds = {letter: np.vectorize(Fraction, otypes=[object])(value.astype(object)) / 3 for letter, value in given.items()}
    found = {function: called(kernels, function, thirds) for function in FUNCTIONS}
    for lane in range(2):
        expected = slowly(source, {letter: value[lane] for letter, value in thirds.items()}, dtype=object)
        for function, value in expected.items():
            assert np.array_equal(found[function][lane].reshape(-1), value), function
            assert all(isinstance(x, Fraction | int) for x in found[function].reshape(-1))


FLAT = [source for name, source in SOURCES if len(shape_of(source)) == 2 and "C" not in name][:20]


@pytest.mark.parametrize("source", FLAT, ids=range(len(FLAT)))
def test_a_flattened_map_takes_any_curvature(source: WordMap) -> None:
    shape = shape_of(source)
    side = shape[0] * shape[1]
    plain = kernels_of(source)
    given = given_for(source, (3,), seed=5, side=side)
    G, K = given["G"].reshape(3, side), given["K"]
    J, nothing = plain.jacobian(given["theta"]), np.zeros((shape[1],) * 2)
    expected = np.swapaxes(J, 1, 2) @ K @ J + plain.hessian(given["theta"], given["G"], nothing)
    assert np.array_equal(plain.flat.hessian(given["theta"], G, K), expected)
    assert np.array_equal(plain.flat.w(given["theta"]), plain.w(given["theta"]).reshape(3, side))


@pytest.mark.parametrize("source", [deep_linear_words((3, 2, 2, 1)), symmetric_words(3, 2), residual_words(2, 3)], ids=["chain", "U Uᵀ", "residual"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_batch_is_a_loop_to_the_last_bit_and_leading_axes_broadcast(source: WordMap, function: str) -> None:
    kernels, rng = kernels_of(source), np.random.default_rng(4)
    given = {name: value + rng.normal(size=value.shape) for name, value in given_for(source, (70, 1)).items()}
    alone = {name: value + rng.normal(size=value.shape) for name, value in given_for(source, (3,)).items()}
    mixed = given | {"G": alone["G"], "u": alone["u"]}
    found = called(kernels, function, mixed)
    for i, j in ((0, 0), (17, 2), (69, 1)):
        one = {name: value[j % len(value)] if name in ("G", "u") else value[i, 0] for name, value in mixed.items()}
        assert np.array_equal(found[i, min(j, found.shape[1] - 1)], called(kernels, function, one))
    empty = {name: value[:0] for name, value in given.items()}
    assert called(kernels, function, empty).shape[0] == 0


@pytest.mark.parametrize(
    "model", [MatrixFactorization(5, 7, 2), SymmetricFactorization(6, 3), DeepLinear((4, 3, 2)), MatrixFactorization(2, 3, 2)], ids=str
)
def test_both_routes_of_a_flattened_product_agree(model: Parametrization) -> None:
    """By the tape up to `LARGEST_CURVATURE` entries, by three sweeps above."""
    flat, rng = Flattened(model).kernels, np.random.default_rng(6)
    assert isinstance(flat, FlattenedKernels)
    assert flat.tape is not None
    P, m = model.parameters, flat.entries
    theta, v, G, root = (rng.integers(-2, 3, shape).astype(float) for shape in ((3, P), (3, P), (3, m), (m, m)))
    asked = (theta, G, root + root.T, v)
    assert np.array_equal(flat.hvp(*asked), flat.tape.hvp(*asked))
    assert np.array_equal(flat.hvp(*asked), (flat.hessian(*asked[:3]) @ v[..., None])[..., 0])
