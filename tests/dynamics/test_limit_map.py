"""Derivatives of the limit map and flows on manifolds of minimisers, against limits of whole flows, differences and closed forms."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from theorycheck.errors import InvalidArgument

x, y, z = sp.symbols("x y z", real=True)
FEATURES = tc.Entrywise((x, y, z), (x, y, z, x**2, y**2, z**2, x * y, y * z, z * x))
WAVES = tc.Landscape((x, y, z), sp.exp(x) * sp.sin(y) + sp.cos(x * z) + z**3 * y)


def valley(count: int, residuals: int = 2, seed: int = 0) -> tuple[tc.Objective, np.ndarray]:
    """Quadratic residuals that vanish at θ, whose Hessian there is well conditioned."""
    generator = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    while len(kept) < count:
        X, theta = generator.uniform(-1, 1, (residuals, 9)), generator.uniform(-1, 1, 3)
        sizes = np.linalg.svd(X @ FEATURES.kernels.jacobian(theta))[1]
        if sizes[-1] > 0.5:
            kept.append((X, theta))
    X, theta = (np.stack(part) for part in zip(*kept, strict=True))
    return tc.Objective(FEATURES, tc.SquaredLoss(0.5 * residuals), tc.Regression(X, (X @ FEATURES.w(theta)[..., None])[..., 0])), theta


def test_third_derivatives_are_those_of_the_expression() -> None:
    theta = np.array([[0.3, -0.7, 1.1], [2.0, 0.1, -0.4]])
    found = tc.third_derivative(WAVES, theta)
    symbols = WAVES.symbols
    exact = sp.lambdify(symbols, sp.Array(sp.derive_by_array(WAVES.hessian_expressions, symbols)), "numpy")
    for lane, point in enumerate(theta):
        truth = np.array(exact(*point), dtype=float)
        assert np.all(np.abs(found.value[lane] - truth) <= found.error[lane])
        assert np.max(found.error[lane]) < 1e-8 * np.max(np.abs(truth))


@pytest.mark.parametrize("residuals", [1, 2])
def test_limits_next_to_minimisers_are_those_of_whole_flows(residuals: int) -> None:
    objective, theta = valley(6, residuals)
    moves = 0.03 * np.random.default_rng(1).standard_normal((6, 1, 3))
    near = tc.limit_near(objective, theta, moves)
    whole = tc.flow_limit(objective, tc.GradientFlow(accuracy=1e-10), theta + moves[:, 0]).theta
    assert np.all(np.linalg.norm(near.value[:, 0] - whole.value, axis=-1) <= near.error[:, 0, 0] + whole.error[:, 0])
    assert np.max(near.error) < 1e-6


def test_where_a_displacement_is_far_from_small_nothing_is_said() -> None:
    objective, theta = valley(2)
    found = tc.limit_near(objective, theta, np.array([[[0.01, 0.0, 0.0], [300.0, -200.0, 100.0]]] * 2))
    np.testing.assert_array_equal(found.value[:, 1], theta)
    assert np.all(np.isinf(found.error[:, 1]))
    assert np.all(found.error[:, 0] < 1e-6)


def test_second_derivatives_are_differences_of_limits() -> None:
    objective, theta = valley(8)
    minimiser, reach = tc.Minimiser.of(objective, theta), 0.01
    v = np.random.default_rng(2).standard_normal((8, 3))
    limits = tc.limit_near(objective, theta, reach * np.stack([v, -v, 2 * v, -2 * v], axis=1)).value - theta[:, None]
    fine, coarse = (limits[:, 0] + limits[:, 1]) / reach**2, (limits[:, 2] + limits[:, 3]) / (2 * reach) ** 2
    formula = minimiser.second(v[:, :, None] * v[:, None, :])
    size = np.linalg.norm(formula.value, axis=-1)
    assert np.all(np.linalg.norm((4 * fine - coarse) / 3 - formula.value, axis=-1) < 1e-3 * size)
    assert np.all(formula.error < 1e-6)


def test_the_parts_of_a_minimiser_fit_each_other() -> None:
    objective, theta = valley(5)
    g, S = tc.Minimiser.of(objective, theta), np.random.default_rng(3).standard_normal((5, 3, 3))
    S, H, M = S + np.swapaxes(S, -1, -2), objective.hessian(theta), g.lyapunov_inverse(S + np.swapaxes(S, -1, -2))
    np.testing.assert_allclose(g.tangent_projection + g.normal_projection, np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-14)
    np.testing.assert_allclose(H @ g.pseudo_inverse, g.normal_projection, atol=1e-12)
    np.testing.assert_allclose(H @ M + M @ H, g.normal_projection @ S @ g.normal_projection, atol=1e-12)
    np.testing.assert_allclose(g.lyapunov_inverse(H), g.normal_projection / 2, atol=1e-12)


@pytest.mark.parametrize("function", [tc.TRACE, tc.TOP, tc.LOG_TOP, tc.LOG_PDET, tc.explicit_regularizer(0.1), tc.explicit_regularizer(0.2, 0.5)])
def test_drifts_are_differences_along_the_manifold(function: tc.SpectralFunction) -> None:
    objective, theta = valley(5)
    drift, tangent = function.drift(objective, theta), tc.Minimiser.of(objective, theta).vectors[..., :, 0]
    moved = tc.limit_near(objective, theta, 1e-3 * np.stack([tangent, -tangent], axis=1)).value
    values = function.value(objective, moved[:, 0]).value - function.value(objective, moved[:, 1]).value
    slope = values / np.sum((moved[:, 0] - moved[:, 1]) * tangent, axis=-1)
    np.testing.assert_allclose(-np.sum(drift.value * tangent, axis=-1), slope, rtol=1e-4, atol=1e-6)


def test_the_flow_of_the_trace_is_the_projection_from_the_shrunk_start() -> None:
    """Catalogue li-wang-arora-2021/diagonal-linear-label-noise, for two inputs and three."""
    generator = np.random.default_rng(4)
    for d, n in ((2, 1), (3, 2)):
        model, Z, theta = tc.Diagonal(d, 2), generator.uniform(0.25, 1.0, (n, d)), generator.uniform(0.5, 1.25, 2 * d)
        objective = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(Z, Z @ model.w(theta)))
        flow = tc.manifold_flow(objective, tc.TRACE, theta, [0.25, 0.5], rate=0.25)
        c = np.mean(Z**2, axis=0)
        for k, t in enumerate((0.25, 0.5)):
            shrunk = theta * np.tile(np.exp(-2 * c * t), 2)
            truth = tc.bregman_projection(tc.legendre_potential(model, shrunk), Z, objective.data.y).theta
            assert np.linalg.norm(flow.value[k] - truth) <= flow.error[k, 0] < 1e-4


def test_times_of_a_flow_ascend() -> None:
    objective, theta = valley(1)
    with pytest.raises(InvalidArgument, match="must be ascending"):
        tc.manifold_flow(objective, tc.TRACE, theta, [1.0, 0.5])
    with pytest.raises(InvalidArgument, match="must be even"):
        tc.manifold_flow(objective, tc.TRACE, theta, [1.0], steps=3)


def test_runs_of_an_ensemble_depend_on_their_number_alone() -> None:
    model = tc.Diagonal(2, 2)
    objective = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression([[1.0, 0.5]], [0.5]))
    steps = np.array([0.01, 0.02])
    ensemble = tc.Ensemble(objective, lambda s: tc.GradientDescent(steps[:, None], tc.LabelNoise(0.1, s)), np.full(4, 0.5), tc.Stop(steps=5))
    samples = ensemble.changes(lambda theta: theta.sum(axis=-1), key=7)
    np.testing.assert_array_equal(samples(np.arange(8))[3:5], samples(np.array([3, 4])))
    assert samples(np.arange(8)).shape == (8, 2)
    one = tc.follow(objective, tc.GradientDescent(0.02, tc.LabelNoise(0.1, seed=10)), np.full(4, 0.5), tc.Stop(steps=5)).final
    assert samples(np.array([3]))[0, 1] == one.sum() - 2.0
