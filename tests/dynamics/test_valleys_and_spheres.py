"""Quadratic residuals, scale-invariant risks and two-step averages against slow twins."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc

x, y, z = sp.symbols("x y z", real=True)
B = np.array([[0.5, -1.0, 2.0], [1.0, 0.25, 0.0]])
C = np.array([[[1.0, 0.5, 0.0], [0.5, -1.0, 0.25], [0.0, 0.25, 2.0]], [[0.0, 1.0, -1.0], [1.0, 0.5, 0.0], [-1.0, 0.0, 0.25]]])
POINTS = np.random.default_rng(3).normal(size=(5, 3))


def formula(n=(x, y, z)):
    """|f|²/2 in SymPy."""
    v = sp.Matrix(n)
    return sum(((sp.Matrix(b).T @ v)[0] + (v.T @ sp.Matrix(c) @ v)[0] / 2) ** 2 for b, c in zip(B, C, strict=True)) / 2


def on_sphere():
    """The same of (x, y, z)/r, with decay."""
    r = sp.sqrt(x**2 + y**2 + z**2)
    return formula((x / r, y / r, z / r)) + r**2 / 8


TWINS = {
    "quadratic residuals": (tc.QuadraticResiduals(B, C), tc.Landscape((x, y, z), formula())),
    "on the sphere": (tc.ScaleInvariant(tc.QuadraticResiduals(B, C), 0.25), tc.Landscape((x, y, z), on_sphere())),
}


@pytest.mark.parametrize("name", TWINS)
def test_derivatives_are_those_of_the_formula(name):
    risk, twin = TWINS[name]
    for f, error in (("risk", "risk_error"), ("gradient", "gradient_error"), ("hessian", "hessian_error")):
        ours, theirs = getattr(risk, f)(POINTS), getattr(twin, f)(POINTS)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
        apart = np.abs(ours - theirs).reshape(5, -1).max(axis=1)
        assert np.all(apart <= getattr(risk, error)(POINTS) + getattr(twin, error)(POINTS))
    np.testing.assert_allclose(risk.hvp(POINTS, POINTS[::-1]), twin.hvp(POINTS, POINTS[::-1]), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(risk.along_times.gradient(POINTS), risk.gradient(POINTS), rtol=1e-14)


def test_lanes_have_coefficients_of_their_own():
    both = tc.QuadraticResiduals(np.stack([B, 2 * B]), np.stack([C, C]))
    assert both.lanes == (2,)
    np.testing.assert_allclose(both.gradient(POINTS[:2])[1], tc.QuadraticResiduals(2 * B, C).gradient(POINTS[1]))
    chosen = both.chosen((2,), np.array([False, True]))
    np.testing.assert_allclose(chosen.risk(POINTS[1:2]), both.risk(POINTS[:2])[1:])
    with pytest.raises(tc.ShapeMismatch, match="one form a residual"):
        tc.QuadraticResiduals(B, C[:1])


def test_gauss_newton_goes_back_to_the_minimisers():
    risk = tc.QuadraticResiduals(B, C)
    near = risk.onto_minimisers(0.05 * POINTS)
    assert np.max(np.abs(risk.residuals(near))) < 1e-13


def test_two_step_average_takes_off_an_alternating_part():
    k = np.arange(6.0)
    states = (3 * k + (-1) ** k * (1 + 0.5 * k))[:, None]
    np.testing.assert_allclose(tc.two_step_average(states, 4)[:, 0], 3 * (k[:3] + 1.5), atol=1e-15)
    np.testing.assert_allclose(tc.two_step_amplitude((-1.0) ** k[:, None] * 2 + 1)[:, 0], 2.0)
    with pytest.raises(tc.ShapeMismatch):
        tc.two_step_average(states[:2])
