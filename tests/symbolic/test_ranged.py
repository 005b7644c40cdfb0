"""Lanczos in the range of the Hessian against dense eigenvalues: signed, at saddles, with zero layers, cold and warm."""

import numpy as np
import pytest

from theorycheck.dynamics import curvature
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import sharpness
from theorycheck.dynamics.trajectories import Every, Stop, follow
from theorycheck.symbolic.kernels.networks import ranged
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear

SHAPES = [(2, 1), (1, 1, 1, 1), (3, 1, 1), (3, 4, 2, 1), (6, 3, 5, 1), (5,) * 10 + (1,), (12, 12, 12, 1)]


def objective_of(widths: tuple[int, ...], seed: int = 0) -> Objective:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, widths[0]))
    return Objective(DeepLinear(widths), SquaredLoss(), Regression(X, X @ rng.normal(size=widths[0]) + 0.1 * rng.normal(size=20)))


def points(widths: tuple[int, ...], scale: float) -> np.ndarray:
    """Random points, the last of them with a layer of zeros, and the origin."""
    rng, P = np.random.default_rng(1), objective_of(widths).parameters
    theta = scale * rng.normal(size=(8, P)) / np.sqrt(max(widths))
    theta[-2, : widths[0] * widths[1]] = 0
    theta[-1] = 0
    return theta


@pytest.mark.parametrize("widths", SHAPES)
@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 2.0])
def test_the_top_eigenvalue_is_that_of_the_dense_hessian(widths, scale):
    objective, theta = objective_of(widths), points(widths, scale)
    found, spectra = curvature.ranged_top(objective, theta), np.linalg.eigvalsh(objective.hessian(theta))
    size = np.max(np.abs(spectra), axis=-1)
    assert np.all(np.abs(found.value - spectra[:, -1]) <= 1e-12 * size + 1e-300)
    assert np.all(found.error <= 1e-9 * size + 1e-300)


def test_it_is_signed_where_the_most_negative_eigenvalue_is_larger():
    objective = objective_of((5,) * 10 + (1,), 3)
    theta = 0.4 * np.random.default_rng(0).normal(size=(60, objective.parameters))
    spectra = np.linalg.eigvalsh(objective.hessian(theta))
    saddles = -spectra[:, 0] > spectra[:, -1]
    assert saddles.sum() >= 5
    np.testing.assert_allclose(curvature.ranged_top(objective, theta).value, spectra[:, -1], rtol=1e-10)


def test_warm_starts_follow_a_run_and_change_of_the_top_vector():
    """Along a run, and on a path where the top eigenvectors of two far points are exchanged in small moves."""
    objective = objective_of((5,) * 6 + (1,), 2)
    start = 0.45 * np.random.default_rng(2).normal(size=objective.parameters)
    run = follow(objective, GradientDescent(step=0.002), start, Stop(steps=400), save=Every(2)).states
    turned = np.linspace(0, 1, 150)[:, None]
    path = (1 - turned) * run[0] + turned * np.random.default_rng(5).normal(size=start.size) * 0.5
    for states in (run, path, path[::-1]):
        near = np.linalg.norm(np.diff(states, axis=0), axis=-1) <= curvature.NEAR * np.linalg.norm(states[1:], axis=-1)
        assert np.mean(near) > 0.5
        found, spectra = curvature.ranged_top(objective, states), np.linalg.eigvalsh(objective.hessian(states))
        assert np.all(np.abs(found.value - spectra[:, -1]) <= 1e-11 * np.max(np.abs(spectra), axis=-1))


def test_a_warm_start_in_the_wrong_eigenvector_is_left():
    """One layer, whose Hessian is K: the top eigenvector of the first K is exactly the bottom one of the second."""
    d = 40
    K = np.stack([np.diag(np.arange(1.0, d + 1)), np.diag(np.arange(d, 0.0, -1)), np.diag(np.arange(1.0, d + 1))]).reshape(3, -1)
    random, value, residual = np.random.default_rng(0).normal(size=d + 1) / 6, np.empty(3), np.empty(3)
    ranged.tops(np.array([d, 1]), np.zeros((3, d)), np.zeros((3, d)), K, np.ones(3, dtype=np.int64), random, 1e-10, value, residual)
    np.testing.assert_allclose(value, d, rtol=1e-12)
    assert np.all(residual <= 1e-8)


def test_bars_and_the_route_of_sharpness():
    objective = objective_of((5,) * 10 + (1,))
    theta = points((5,) * 10 + (1,), 1.0)[:6]
    assert curvature.has_short_range(objective)
    assert not curvature.has_short_range(objective_of((3, 4, 2, 1)))
    found, spectra = sharpness(objective, theta), np.linalg.eigvalsh(objective.hessian(theta))
    assert np.all(np.abs(found.value - spectra[:, -1]) <= found.error)
    assert np.all(found.error <= 1e-8 * np.max(np.abs(spectra), axis=-1))


def test_other_losses_and_states_that_are_not_finite():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(15, 8))
    objective = Objective(DeepLinear((8, 8, 1)), LogisticLoss(), Classification(X, rng.choice([-1.0, 1.0], 15)))
    theta = 0.5 * rng.normal(size=(4, objective.parameters))
    np.testing.assert_allclose(curvature.ranged_top(objective, theta).value, np.linalg.eigvalsh(objective.hessian(theta))[:, -1], rtol=1e-10)
    theta[1, 0] = np.nan
    with np.errstate(all="ignore"):
        value = curvature.ranged_top(objective, theta).value
    assert np.isnan(value[1])
    assert np.all(np.isfinite(value[[0, 2, 3]]))
