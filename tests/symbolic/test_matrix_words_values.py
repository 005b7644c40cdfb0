"""Values of matrix words: stacked, exact, complete and of shapes that fit."""

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.word_chains import A, B, S, derived, p
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words import Algebra, KroneckerSum, evaluate, identity


def test_stacked_values_are_computed_one_by_one() -> None:
    rng, words = np.random.default_rng(6), derived(3, 2)
    shapes = [(2, 3), (2, 2), (1, 2)]
    weights = [rng.normal(size=(4, *shape)) for shape in shapes]
    covariance, G = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 1, 3))
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: G}
    expressions: list[Algebra | KroneckerSum] = [*words.gradient, *(block for row in words.hessian for block in row)]
    for expression in expressions:
        stacked = evaluate(expression, values)
        alone = [evaluate(expression, {name: value[i] for name, value in values.items()}) for i in range(4)]
        np.testing.assert_allclose(np.broadcast_to(stacked, np.shape(alone)), alone, rtol=1e-13)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({A: np.ones((2, 3))}, InvalidArgument),
        ({A: np.ones((2, 3)), B: np.ones((2, 2))}, ShapeMismatch),
        ({A: np.ones((2, 3)), B: np.ones(3)}, ShapeMismatch),
    ],
)
def test_values_must_be_complete_and_fit(values: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        evaluate(A @ B, values)


def test_a_size_nobody_has_is_named() -> None:
    with pytest.raises(InvalidArgument, match="is a size no given matrix has"):
        evaluate(identity(p), {A: np.ones((2, 3))})


def test_coefficients_take_values_and_stay_exact() -> None:
    eta = sp.Symbol("eta")
    found = evaluate(eta**2 * A - sp.Rational(1, 3) * A, {A: np.array([[1, 2]])}, {eta: sp.Rational(1, 2)})
    assert found.tolist() == [[sp.Rational(-1, 12), sp.Rational(-1, 6)]]
    assert evaluate(A @ B, {A: sp.Matrix([[1, 2]]), B: sp.Matrix([3, 4])}) == sp.Matrix([[11]])
    huge = np.array([[2**40]])
    assert evaluate(S @ S, {S: huge}).tolist() == [[2**80]]
