"""Derivatives of the limit map against whole flows by another integrator, and the catalogue's counterexamples."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.proofs.descents import flowed, residual_point, second_difference
from theorycheck.instances.limit_maps import ResidualPoint, symmetric_outer


@pytest.mark.parametrize("seed", [0, 1])
def test_second_derivatives_by_whole_flows(seed):
    """Catalogue, D = 4 and M = 2: tangent 2e-6, mixed 2e-5, normal 8e-6 against magnitudes about 0.3."""
    v = residual_point(seed)
    g, (t, n) = v.minimiser, (way[0] for way in v.ways)
    for one, other in ((t, t), (n, n), (n, t)):
        formula = g.second(symmetric_outer(one, other)).value[0]
        seen = (second_difference(v, one + other) - second_difference(v, one - other)) / 4 if other is not one else second_difference(v, one)
        np.testing.assert_allclose(seen, formula, atol=1e-4 * np.max(np.abs(formula)))
        assert np.max(np.abs(formula)) > 0.05


@pytest.mark.parametrize("angle", [0.3, 0.7, 0.9, 1.4])
def test_limits_from_a_crossing_jump_between_the_axes(angle):
    """Catalogue: L = (xy)²/2 keeps x² - y², so that Φ is not differentiable at 0, where P_T = I."""
    x, y = np.cos(angle), np.sin(angle)
    C = np.zeros((1, 3, 3))
    C[0, 0, 1] = C[0, 1, 0] = 1.0
    end = tc.flow_limit(tc.QuadraticResiduals(np.zeros((1, 3)), C), tc.GradientFlow(accuracy=1e-8), np.array([x, y, 0.0])).theta
    expected = np.sqrt(abs(x**2 - y**2)) * (np.eye(3)[0] if x > y else np.eye(3)[1])
    np.testing.assert_allclose(end.value, expected, atol=1e-6)


def test_projection_fails_off_the_minimisers_at_first_order():
    """Catalogue: ∂Φ = P_T off Γ is wrong by an amount that is linear in the distance."""
    gaps = []
    for distance in (0.04, 0.02, 0.01):
        v = residual_point(3, offset=distance)
        way, h = v.direction[0], 1e-4
        derivative = (flowed(v, v.offset[0] + h * way) - flowed(v, v.offset[0] - h * way)) / (2 * h)
        gaps.append(np.linalg.norm(derivative - v.tangent[0] @ way))
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.2)
    assert gaps[1] / gaps[2] == pytest.approx(2, rel=0.1)


def test_quadratic_residuals_stand_for_all():
    """∂²Φ at a zero of F = 2 sin x + e^(y/2) - 1 + yz + z³ is that of its Taylor polynomial of second degree."""
    x, y, z = sp.symbols("x y z", real=True)
    waves = tc.Objective(
        tc.Entrywise((x, y, z), (2 * sp.sin(x) + sp.exp(y / 2) - 1 + y * z + z**3,)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [0.0])
    )
    C = np.zeros((1, 1, 3, 3))
    C[..., 1, 1], C[..., 1, 2], C[..., 2, 1] = 0.25, 1.0, 1.0
    v = ResidualPoint(np.array([[[2.0, 0.5, 0.0]]]), C, np.zeros((1, 3)), np.ones((1, 3)))
    for S in (np.eye(3), symmetric_outer(np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, 1.0]))):
        by_differences, exact = tc.Minimiser.of(waves, np.zeros(3)).second(S), v.minimiser.second(S)
        np.testing.assert_allclose(by_differences.value, exact.value[0], atol=1e-9)
    seen = tc.limit_near(waves, np.zeros(3), np.array([[1.0], [-1.0]]) * v.direction / 128)
    formula = v.minimiser.second(symmetric_outer(v.direction[0], v.direction[0])).value[0]
    np.testing.assert_allclose(seen.value.sum(axis=0) * 128**2, formula, atol=2e-3)
