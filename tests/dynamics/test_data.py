"""Data sets: shapes, errors, and what is computed from them, against loops over single data sets."""

import numpy as np
import pytest

from theorycheck.dynamics.data import Classification, Regression
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


SHAPES = [  # X, y, given, lanes, outputs (None: targets without an axis of outputs)
    ((5, 3), (5,), None, (), None),
    ((5, 3), (5, 2), None, (), 2),
    ((5, 3), (2, 5), None, (2,), None),
    ((5, 3), (5, 5), None, (), 5),
    ((5, 3), (5, 5), False, (5,), None),
    ((4, 5, 3), (5,), None, (4,), None),
    ((4, 5, 3), (4, 5), None, (4,), None),
    ((5, 5, 3), (5, 5), None, (5,), None),
    ((4, 5, 3), (4, 5, 2), None, (4,), 2),
    ((4, 5, 3), (5, 2), None, (4,), 2),
    ((4, 1, 5, 3), (6, 5), None, (4, 6), None),
    ((1, 1), (1,), None, (), None),
    ((2, 1, 1), (2, 1), None, (2,), None),
    ((1, 1), (2, 1, 1), False, (2, 1), None),
]


@pytest.mark.parametrize(("X", "y", "given", "lanes", "outputs"), SHAPES, ids=str)
def test_shapes(X, y, given, lanes, outputs):
    data = Regression(numbers(*X), numbers(*y, seed=1), several_outputs=given)
    assert data.lanes == lanes
    assert data.several_outputs is (outputs is not None)
    assert (data.samples, data.inputs, data.outputs) == (*X[-2:], outputs or 1)
    behind = () if outputs is None else (outputs,)
    w = numbers(*lanes, *behind, X[-1])
    assert data.predictions(w).shape == (*lanes, X[-2], *behind)
    assert data.pulled_back(data.predictions(w)).shape == w.shape
    assert np.broadcast_shapes(data.least_squares.shape, w.shape) == w.shape
    again = data.along_times
    assert (again.lanes, again.several_outputs) == ((*lanes, 1) if lanes else (), data.several_outputs)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Regression(numbers(5), numbers(5)), ShapeMismatch, r"`X.shape=\(5,\)` must be"),
        (lambda: Regression(numbers(5, 0), numbers(5)), ShapeMismatch, "at least one sample and one input"),
        (lambda: Regression(numbers(5, 2), numbers(4)), ShapeMismatch, r"`y.shape=\(4,\)` must be \(\.\.\., 5\)"),
        (lambda: Regression(numbers(5, 2), 1.0), ShapeMismatch, "pass one target a sample"),
        (lambda: Regression(numbers(2, 5, 2), numbers(3, 5)), ShapeMismatch, "must broadcast with X"),
        (lambda: Regression([[1.0], [np.nan]], [1.0, 2.0]), NotFinite, r"`X=.*` has an entry that is not finite, at index \(1, 0\)"),
        (lambda: Regression([[1.0]], [np.inf]), NotFinite, "`y="),
        (lambda: Regression([["a"]], [1.0]), InvalidArgument, "must be an array of real numbers"),
        (lambda: Classification([[1.0], [2.0]], [1.0, 0.0]), InvalidArgument, "labels 1 and -1 only"),
        (lambda: Classification([[1.0]], [[1.0]], several_outputs=True), InvalidArgument, "labels of two classes"),
    ],
)
def test_bad_data_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(("n", "d", "outputs"), [(6, 3, None), (2, 4, None), (6, 3, 2), (1, 1, None), (3, 3, 2)])
def test_many_data_sets_are_a_loop_of_single_ones(n, d, outputs):
    behind = () if outputs is None else (outputs,)
    X, y = numbers(4, n, d), numbers(4, n, *behind, seed=1)
    X[1] = np.outer(X[1, :, 0], np.arange(1.0, d + 1))  # rank one
    data = Regression(X, y)
    for i in range(4):
        one, slow = Regression(X[i], y[i]), np.linalg.lstsq(X[i], y[i], rcond=None)[0].T
        np.testing.assert_allclose(data.least_squares[i], slow, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(one.covariance, sum(np.outer(x, x) for x in X[i]) / n, rtol=1e-14)
        np.testing.assert_allclose(one.correlation, sum(np.multiply.outer(t, x) for t, x in zip(y[i], X[i], strict=True)) / n, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(one.factor.T @ one.factor, one.covariance, rtol=1e-13, atol=1e-14)
        assert one.factor.shape == (min(n, d), d)
        for name in ("covariance", "correlation", "factor", "least_squares"):
            np.testing.assert_allclose(getattr(data, name)[i], getattr(one, name), rtol=1e-9, atol=1e-13)


def test_least_squares_has_least_norm():
    X = np.array([[1.0, 1.0], [2.0, 2.0]])
    np.testing.assert_allclose(Regression(X, [2.0, 4.0]).least_squares, np.ones(2), rtol=1e-14)


SIGNALS = [  # X, y, signal: sums that cancel, in one order or another, of integers or after a projection
    ([[-2.0], [2.0]], [1.0, 1.0], False),
    ([[0.1], [0.2], [-0.3]], [1.0, 1.0, 1.0], False),
    ([[0.25, 0.0], [0.125, 0.0]], [-1.0, 2.0], False),
    ([[1e9], [1e9]], [1e-9, -1e-9 * (1 + 1e-9)], True),
    ([[1.0], [0.0]], [1e-9, 1.0], True),
    ([[1.0], [0.0]], [1e-16, 1.0], False),
    ([[1e-9, 0.0], [0.0, 1.0]], [1e-9, 0.0], True),
]


@pytest.mark.parametrize(("X", "y", "signal"), SIGNALS)
def test_without_signal_the_solution_is_zero(X, y, signal):
    data = Regression(X, y)
    assert data.has_signal == bool(np.any(data.least_squares)) == signal
    assert Regression(X, data.predictions(data.least_squares)).has_signal == signal
    mixed = Regression(X, np.stack([y, np.sign(X).sum(axis=1)], axis=-1))  # the second output always has one
    assert np.any(mixed.least_squares, axis=-1).tolist() == [signal, True]


@pytest.mark.parametrize("seed", range(20))
def test_targets_made_orthogonal_have_no_signal(seed):
    X, y = numbers(6, 3, seed=seed), numbers(6, seed=seed + 100)
    assert Regression(X, y).has_signal
    assert not Regression(X, y - X @ np.linalg.lstsq(X, y)[0]).has_signal


def test_predictions_and_their_adjoint():
    data = Regression(numbers(3, 5, 2), numbers(3, 5, 4))
    w, slope = numbers(3, 4, 2, seed=2), numbers(3, 5, 4, seed=3)
    left, right = (data.predictions(w) * slope).sum((1, 2)), (w * data.pulled_back(slope)).sum((1, 2))
    np.testing.assert_allclose(left, right, rtol=1e-12)


def test_chosen_lanes():
    data = Regression(numbers(4, 1, 5, 3), numbers(6, 5))
    mask = np.zeros((4, 6), dtype=bool)
    mask[1, 2] = mask[3, 0] = True
    part = data.chosen((4, 6), mask)
    np.testing.assert_array_equal(part.X, data.X[[1, 3], 0])
    np.testing.assert_array_equal(part.y, data.y[[2, 0]])
    shared = Regression(numbers(5, 3), numbers(5))
    assert shared.chosen((4,), np.ones(4, dtype=bool)) is shared


def test_data_is_frozen():
    X = np.ones((2, 1))
    data = Regression(X, [1.0, 2.0])
    X[0] = 5.0
    assert data.X[0, 0] == 1.0
    for array in (data.X, data.y, data.covariance, data.least_squares):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0
    with pytest.raises(AttributeError):
        data.X = X  # type: ignore[misc]
