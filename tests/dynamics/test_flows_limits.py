"""Limits of flows: Bregman projections, isolated minimisers, sets of minimisers, and what is not settled."""

import numpy as np
import pytest

from theorycheck.dynamics.bregman import bregman_projection
from theorycheck.dynamics.costs import Coordinates
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.flows import GradientFlow, MirrorFlow
from theorycheck.dynamics.limits import Limit, Rest, flow_limit
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import end_to_end, risk
from theorycheck.dynamics.trajectories import Ending
from theorycheck.measured import Measured
from theorycheck.symbolic.losses import ExponentialLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import legendre_potential

INSTANCES = 200


def underdetermined(model, instances=INSTANCES, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(instances, 2, 4))
    sparse = rng.normal(size=(instances, 4)) * (rng.uniform(size=(instances, 4)) < 0.5)
    y, start = np.einsum("bnd,bd->bn", X, sparse), rng.uniform(0.2, 1.2, size=(instances, model.parameters))
    return Objective(model, SquaredLoss(), Regression(X, y)), start


@pytest.mark.parametrize("coordinates", ["mirror", "parameters"])
@pytest.mark.parametrize("model", [Diagonal(4, 2), Hadamard(4), Diagonal(4, 3), Diagonal(4, 4)], ids=["u²-v²", "uv", "u³-v³", "u⁴-v⁴"])
def test_limits_are_bregman_projections(model, coordinates):
    """Li, Wang, Lee & Arora 2022: the flow of an underdetermined regression ends at the projection of its potential."""
    mirror = coordinates == "mirror"
    objective, start = underdetermined(model, INSTANCES if mirror else INSTANCES // 4)
    potential = legendre_potential(model, start)
    projection = bregman_projection(potential, objective.data.X, objective.data.y)
    assert np.all(projection.converged)
    if mirror:
        limit = flow_limit(objective, MirrorFlow(potential, accuracy=1e-9), start)
    else:
        objective = Objective(Entrywise(model.symbols, model.expressions), objective.loss, objective.data)
        limit = flow_limit(objective, GradientFlow(accuracy=1e-9), start)
    assert limit.trajectory.cost.coordinates is (Coordinates.MIRROR if mirror else Coordinates.PARAMETERS)
    assert set(limit.rest) == {Rest.ON_A_SET}
    assert np.all(limit.theta.error <= 1e-8)
    assert np.all(np.linalg.norm(limit.theta.value - projection.theta, axis=-1) <= limit.theta.error[:, 0])
    w = limit.recorded(end_to_end, objective)
    assert np.all(np.abs(w.value - projection.w.value) <= w.error + projection.w.error)
    assert np.all(w.error <= 1e-6 * np.max(np.abs(w.value), axis=-1, keepdims=True))


def test_quantities_at_a_limit_carry_its_bar():
    """By hand: ‖∇q‖ times the radius of the ball; infinite where nothing is settled."""
    objective = Objective(Hadamard(1), SquaredLoss(0.5), Regression([[1.0]], [2.0]))
    theta = np.array([[3.0, 4.0], [1.0, 1.0]])
    bars = np.array([[1e-6, 1e-6], [np.inf, np.inf]])
    found = Limit(Measured(theta, bars), np.full(2, Rest.ON_A_SET), None).recorded(end_to_end, objective)
    np.testing.assert_array_equal(found.value, [[12.0], [1.0]])
    np.testing.assert_allclose(found.error[0], 5e-6, rtol=1e-6)
    assert found.error[1] == np.inf
    squared = Limit(Measured(theta, bars), np.full(2, Rest.ON_A_SET), None).recorded(risk, objective)
    np.testing.assert_allclose(squared.error, [10 * 5e-6, np.inf], rtol=1e-5)


def test_an_isolated_minimiser_is_polished():
    rng = np.random.default_rng(1)
    objective = Objective(DeepLinear((3, 1)), SquaredLoss(), Regression(rng.normal(size=(5, 6, 3)), rng.normal(size=(5, 6))))
    limit = flow_limit(objective, GradientFlow(accuracy=1e-4), rng.normal(size=(5, 3)))
    assert set(limit.rest) == {Rest.ISOLATED}
    error = np.linalg.norm(limit.theta.value - objective.data.least_squares, axis=-1)
    assert np.all(error <= limit.theta.error[:, 0])
    assert np.all(limit.theta.error <= 1e-12)


def test_conservation_leads_to_the_right_point_of_a_curve():
    """w = u v with target 1: u² - v² is conserved, so the limit is known in closed form."""
    start = np.array([[1.5, 0.2], [0.3, 0.1], [-0.1, 0.6]])
    D = start[:, 0] ** 2 - start[:, 1] ** 2
    u = np.sqrt((D + np.sqrt(D**2 + 4)) / 2) * np.sign(start[:, 0] + start[:, 1])
    for model in (Hadamard(1), Entrywise(Hadamard(1).symbols, Hadamard(1).expressions), DeepLinear((1, 1, 1))):
        objective = Objective(model, SquaredLoss(0.5), Regression([[1.0]], [1.0]))
        limit = flow_limit(objective, GradientFlow(accuracy=1e-9), start)
        assert set(limit.rest) == {Rest.ON_A_SET}
        error = np.linalg.norm(limit.theta.value - np.stack([u, 1 / u], axis=-1), axis=-1)
        assert np.all(error <= limit.theta.error[:, 0])
        assert np.all(limit.theta.error <= 1e-8)


def test_what_has_no_limit_is_not_settled():
    separable = Objective(DeepLinear((2, 1)), ExponentialLoss(), Classification([[1.0, 0.3], [0.2, 1.0]], [1.0, 1.0]))
    limit = flow_limit(separable, GradientFlow(accuracy=1e-6), [0.1, 0.0])
    assert limit.rest.item() is Rest.UNKNOWN
    assert np.all(np.isinf(limit.theta.error))
    saddle = Objective(DeepLinear((1, 1, 1)), SquaredLoss(), Regression([[1.0]], [1.0]))
    assert flow_limit(saddle, GradientFlow(accuracy=1e-6), [0.5, -0.5]).rest.item() is Rest.UNKNOWN
    assert flow_limit(saddle, GradientFlow(accuracy=1e-6), [0.0, 0.0]).rest.item() is Rest.UNKNOWN
    quartic = Objective(Diagonal(1, 4, signed=False), SquaredLoss(), Regression([[1.0]], [0.0]))
    unsettled = flow_limit(quartic, GradientFlow(accuracy=1e-6), [1.0])
    assert unsettled.rest.item() is Rest.UNKNOWN
    assert unsettled.trajectory.ending.item() in {Ending.GRADIENT_SMALL, Ending.ROUNDING_LIMIT}
