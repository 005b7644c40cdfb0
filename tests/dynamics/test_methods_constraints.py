"""Projected methods: the constraint is kept, and the centre of a sphere has no nearest point."""

import numpy as np
import pytest

from tests.dynamics.diagonal_twin import network
from tests.dynamics.method_formulas import A, B
from tests.dynamics.quadratics import QUADRATIC
from theorycheck.dynamics.methods import Adam, Affine, Ball, GradientDescent, HeavyBall, Minibatch, Projected, Sphere, WeightDecay
from theorycheck.dynamics.trajectories import Ending, Every, Stop, follow


@pytest.mark.parametrize("onto", [Ball(0.75), Sphere(np.array([0.5, 2.0, 1.0])), Affine(A, B)], ids=["ball", "sphere", "plane"])
@pytest.mark.parametrize("inner", [GradientDescent(0.02, Minibatch(1, seed=0)), HeavyBall(0.1, 0.9), WeightDecay(Adam(0.05), 0.1)], ids=str)
def test_projection_keeps_the_constraint(inner, onto):
    objective, start = network(4, (3,))
    run = follow(objective, Projected(inner, onto), start, Stop(steps=100), save=Every(1))
    states = run.states[:, 1:]
    sizes = np.linalg.norm(states, axis=-1)
    if isinstance(onto, Ball):
        assert np.all(sizes <= 0.75 * (1 + 1e-15))
        assert np.any(sizes >= 0.75 * (1 - 1e-15))
    elif isinstance(onto, Sphere):
        np.testing.assert_allclose(sizes, np.broadcast_to(np.asarray(onto.radius)[:, None], sizes.shape), rtol=1e-15)
    else:
        np.testing.assert_allclose(states @ A[0], B[0], atol=4e-16 * np.abs(states).max())


def test_the_centre_of_a_sphere_has_no_nearest_point():
    run = follow(QUADRATIC, Projected(GradientDescent(1.0), Sphere()), np.array([0.0, 0.0, 1.0]), Stop(steps=5))
    assert (run.ending.item(), run.cost) == (Ending.DIVERGED, 0)
