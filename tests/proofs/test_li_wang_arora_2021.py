"""Derivatives of the limit map against whole flows by another integrator, and the catalogue's counterexamples."""

import sys

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import theorycheck as tc
from theorycheck.library import load, shelf

LI = sys.modules[load(shelf() / "li_wang_arora_2021.py").theorems[0].claim.__module__]


def valley(seed: int, shape: tuple[int, int] = (2, 4), offset: float = 0.0):
    """A valley as the catalogue's, D = 4 and M = 2, in a stack of one."""
    generator, (M, P) = np.random.default_rng(seed), shape
    B, C = generator.standard_normal((1, M, P)), generator.standard_normal((1, M, P, P)) / 2
    return LI.Valley(B, C, offset * generator.standard_normal((1, P)), generator.standard_normal((1, P)))


def flowed(v, x: np.ndarray) -> np.ndarray:
    """Φ(x) by DOP853 up to t = 200."""
    gradient = v.objective.gradient
    return solve_ivp(lambda t, x: -gradient(x)[0], (0, 200), x, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]


def second_difference(v, way: np.ndarray, h: float = 2e-3) -> np.ndarray:
    """∂²Φ[way, way] at 0 by central differences, as in the catalogue."""
    return (flowed(v, h * way) + flowed(v, -h * way)) / h**2


@pytest.mark.parametrize("seed", [0, 1])
def test_second_derivatives_by_whole_flows(seed):
    """Catalogue, D = 4 and M = 2: tangent 2e-6, mixed 2e-5, normal 8e-6 against magnitudes about 0.3."""
    v = valley(seed)
    g, (t, n) = v.minimiser, (way[0] for way in v.ways)
    for one, other in ((t, t), (n, n), (n, t)):
        formula = g.second(LI.outer(one, other)).value[0]
        seen = (second_difference(v, one + other) - second_difference(v, one - other)) / 4 if other is not one else second_difference(v, one)
        np.testing.assert_allclose(seen, formula, atol=1e-4 * np.max(np.abs(formula)))
        assert np.max(np.abs(formula)) > 0.05


def test_drift_of_label_noise_by_whole_flows():
    """½∂²Φ[H], H a sum over the rows of ∂F, is -¼P_T∇tr H, with ∇tr H by differences of tr H."""
    v = valley(2)
    seen = sum(second_difference(v, row) for row in v.B[0]) / 2
    steps = 1e-5 * np.eye(4)
    trace = np.array([np.trace(v.objective.hessian(s)[0] - v.objective.hessian(-s)[0]) / 2e-5 for s in steps])
    np.testing.assert_allclose(seen, -0.25 * v.tangent[0] @ trace, atol=1e-4 * np.max(np.abs(seen)))


def test_isotropic_noise_weighs_eigenvalues_by_their_inverse():
    """Catalogue, λ = (4, 1): weights (1/4, 1) of the gradients of λ_1, λ_2 rather than (1, 1); here these are 4 and 2 along x."""
    C = np.zeros((1, 2, 3, 3))
    C[0, 0, 0, 1] = C[0, 0, 1, 0] = C[0, 1, 0, 2] = C[0, 1, 2, 0] = 1.0
    v = LI.Valley(np.array([[[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]]), C, np.zeros((1, 3)), np.ones((1, 3)))  # y (2 + x), z (1 + x)
    isotropic, labels = LI.bends(v, np.eye(3)[None]).value[0].sum(axis=-2) / 2, LI.bends(v, v.jacobian).value[0].sum(axis=-2) / 2
    np.testing.assert_allclose(isotropic[-1], [-(4 / 4 + 2 / 1) / 4, 0, 0], atol=2e-3)
    np.testing.assert_allclose(labels[-1], [-(4 + 2) / 4, 0, 0], atol=2e-3)


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
        v = valley(3, offset=distance)
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
    v = LI.Valley(np.array([[[2.0, 0.5, 0.0]]]), C, np.zeros((1, 3)), np.ones((1, 3)))
    for S in (np.eye(3), LI.outer(np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, 1.0]))):
        by_differences, exact = tc.Minimiser.of(waves, np.zeros(3)).second(S), v.minimiser.second(S)
        np.testing.assert_allclose(by_differences.value, exact.value[0], atol=1e-9)
    seen = tc.limit_near(waves, np.zeros(3), np.array([[1.0], [-1.0]]) * v.direction / 128)
    formula = v.minimiser.second(LI.outer(v.direction[0], v.direction[0])).value[0]
    np.testing.assert_allclose(seen.value.sum(axis=0) * 128**2, formula, atol=2e-3)


@pytest.mark.parametrize("c", [0.5, 1.0])
def test_covariance_of_label_noise(c):
    """Catalogue, trap 3: δ²H for L = (1/2n)Σr², 2δ²H for L = (1/n)Σr²."""
    a, b = sp.symbols("a b", real=True)
    theta, eta, deviation = np.array([1.5, -0.5]), 2.0**-10, 0.25
    objective = tc.Objective(tc.Entrywise((a, b), (a * b + a**2,)), tc.SquaredLoss(c), tc.Regression([[1.0]], [1.5]))
    end = tc.follow(objective, tc.GradientDescent(eta, tc.LabelNoise(deviation, seed=np.arange(8))), np.tile(theta, (8, 1)), tc.Stop(steps=1)).final
    moved = (end - theta) / eta
    covariance = np.mean(moved[:, :, None] * moved[:, None, :], axis=0)
    np.testing.assert_allclose(covariance, 2 * c * deviation**2 * objective.hessian(theta), rtol=1e-9)
