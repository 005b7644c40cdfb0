"""Drifts of noise against whole flows by another integrator, and the catalogue's numbers."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.proofs.descents import residual_point, second_difference
from theorycheck.instances.limit_maps import ResidualPoint


def test_drift_of_label_noise_by_whole_flows():
    """½∂²Φ[H], H a sum over the rows of ∂F, is -¼P_T∇tr H, with ∇tr H by differences of tr H."""
    v = residual_point(2)
    seen = sum(second_difference(v, row) for row in v.B[0]) / 2
    steps = 1e-5 * np.eye(4)
    trace = np.array([np.trace(v.objective.hessian(s)[0] - v.objective.hessian(-s)[0]) / 2e-5 for s in steps])
    np.testing.assert_allclose(seen, -0.25 * v.tangent[0] @ trace, atol=1e-4 * np.max(np.abs(seen)))


def test_isotropic_noise_weighs_eigenvalues_by_their_inverse():
    """Catalogue, λ = (4, 1): weights (1/4, 1) of the gradients of λ_1, λ_2 rather than (1, 1); here these are 4 and 2 along x."""
    C = np.zeros((1, 2, 3, 3))
    C[0, 0, 0, 1] = C[0, 0, 1, 0] = C[0, 1, 0, 2] = C[0, 1, 2, 0] = 1.0
    v = ResidualPoint(np.array([[[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]]), C, np.zeros((1, 3)), np.ones((1, 3)))  # y (2 + x), z (1 + x)
    isotropic, labels = (v.bends(ways).value[-1, 0].sum(axis=-2) / 2 for ways in (np.eye(3)[None], v.jacobian))
    np.testing.assert_allclose(isotropic, [-(4 / 4 + 2 / 1) / 4, 0, 0], atol=2e-3)
    np.testing.assert_allclose(labels, [-(4 + 2) / 4, 0, 0], atol=2e-3)


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
