"""Models in balls: derivatives, sharpness, steps of descent and draws are exact, or enclosed."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.dynamics.enclosures import fit, fraction, holds, middles_of
from tests.dynamics.exact import ExactRegression, fractions
from theorycheck.dynamics.certificates import Ball, exact

pytestmark = pytest.mark.usefixtures("in_balls")


@pytest.mark.parametrize("widths", [(1, 1, 1), (3, 2, 1), (2, 3, 2, 1), (2, 2, 2), (3, 2, 2, 2, 2)])
def test_derivatives_of_deep_networks_are_exact(widths):
    f = fit(widths)
    with tc.Precision(0).scope():
        g = fit(widths)
    twin, theta = ExactRegression(g.objective, fractions), fractions(g.theta)
    pairs = [
        (f.objective.risk(f.theta), twin.risk(theta)),
        (f.objective.gradient(f.theta), twin.gradient(theta)),
        (f.objective.hessian(f.theta), twin.hessian(theta)),
        (f.objective.hvp(f.theta, f.theta), twin.hessian(theta) @ theta),
        (f.model.kernels.tangent(f.theta, f.theta), (len(widths) - 1) * twin.w(theta)),  # Euler's identity: w has degree L
    ]
    for found, expected in pairs:
        assert [fraction(x) for x in np.ravel(found).tolist()] == np.ravel(expected).tolist()


@pytest.mark.parametrize("model", [tc.Diagonal(2, 3), tc.Hadamard(2)], ids=str)
def test_derivatives_of_maps_written_entry_by_entry_are_exact(model):
    theta = exact(np.array([0.5, -1.5, 2.0, 0.25])[: model.parameters])
    values = {s: sp.Rational(Fraction(fraction(x))) for s, x in zip(model.symbols, theta.tolist(), strict=True)}
    J = sp.Matrix(model.expressions).jacobian(model.symbols).subs(values)
    assert [fraction(Ball(x)) for x in np.ravel(model.kernels.jacobian(theta)).tolist()] == [Fraction(int(x.p), int(x.q)) for x in J]


def test_sharpness_by_the_small_matrix_and_by_the_hessian_agree():
    f = fit((3, 2, 2, 1), samples=2, seed=3).moved_onto_minimisers()
    small = tc.sharpness(f.objective, f.theta)
    whole = tc.top_eigenvalue(f.objective.hessian(f.theta))
    assert all(x.exact == 0 for x in f.objective.gradient_in_w(f.theta).tolist())
    assert small.lower <= whole.upper
    assert whole.lower <= small.upper


def test_a_step_of_gradient_descent_is_exact():
    f = fit()
    run = tc.follow(f.objective, tc.GradientDescent(step=Ball(Fraction(1, 4))), f.theta, tc.Stop(steps=2), record=(tc.risk,), save=tc.Every(1))
    theta = f.theta
    for k in range(2):
        assert fraction(run.records[tc.risk][k]) == fraction(f.objective.risk(theta))
        theta = theta - Fraction(1, 4) * f.objective.gradient(theta)
    assert np.array_equal(run.final, theta)
    assert run.ending.item() is tc.Ending.REACHED_STEPS


@pytest.mark.parametrize(
    "draws", [tc.array((3, 3)), tc.normals((4,)), tc.orthogonal(3), tc.with_spectrum((1.0, 2.0, 2.0)), tc.reals(-3, 3), tc.signs((5,))]
)
def test_draws_are_the_floats_exactly(draws):
    recipe = tc.recipe(lambda draw: draw(draws))
    found = recipe.sample(5, 2).value
    with tc.Precision(0).scope():
        expected = recipe.sample(5, 2).value
    middles = middles_of(found)
    if isinstance(draws, type(tc.array(1))):
        assert np.array_equal(middles, expected)
        assert all(Ball(x).exact is not None for x in np.ravel(found).tolist())
    np.testing.assert_allclose(middles, expected, rtol=1e-12, atol=1e-12)


def test_a_drawn_rotation_is_orthogonal():
    Q = tc.recipe(lambda draw: draw(tc.orthogonal(3))).sample(5, 2).value
    with mp.workdps(60):
        for found, expected in zip((Q.T @ Q).ravel().tolist(), np.eye(3).ravel().tolist(), strict=True):
            holds(found, mp.mpf(expected), 1e-25)
