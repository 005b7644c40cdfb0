"""Numbers of the catalogue for label noise on v², and what weighs the eigenvalues."""

import numpy as np

import theorycheck as tc


def test_label_noise_recovers_where_descent_does_not() -> None:
    """Catalogue, d = 16, n = 8, w* = (1, 0.7, 0, ...), v(0) = 1: descent stays far from w*, label noise comes near, as the closed form says."""
    Z, w = np.random.default_rng(8).standard_normal((8, 16)), np.array([1.0, 0.7] + [0.0] * 14)
    model, start = tc.Diagonal(16, 2, signed=False), np.ones(16)
    objective, c = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(Z, Z @ w)), np.mean(Z**2, axis=0)
    plain = tc.follow(objective, tc.GradientDescent(0.01), start, tc.Stop(steps=60000)).final ** 2
    entropy = tc.bregman_projection(tc.legendre_potential(model, start), Z, Z @ w).w.value
    assert np.max(np.abs(plain - entropy)) < 2e-2
    assert np.max(np.abs(plain - w)) > 0.2
    noisy = tc.follow(objective, tc.GradientDescent(0.002, tc.LabelNoise(1.0, seed=np.arange(4))), start, tc.Stop(steps=500_000)).final
    annealed = tc.follow(objective, tc.GradientDescent(0.01), noisy, tc.Stop(steps=20000)).final ** 2
    closed = tc.bregman_projection(tc.legendre_potential(model, np.exp(-2 * c * 2.0)), Z, Z @ w).w.value
    assert np.max(np.abs(annealed.mean(axis=0) - closed)) < 0.05
    assert np.max(np.abs(annealed.mean(axis=0) - w)) < 0.5 * np.max(np.abs(plain - w))


def test_isotropic_noise_weighs_eigenvalues_by_their_inverse() -> None:
    """Catalogue: at λ = (4, 1) the slopes of log pdet are (1/4, 1), those of the trace (1, 1)."""
    eigenvalues, normal = np.array([0.0, 1.0, 4.0]), np.array([False, True, True])
    np.testing.assert_array_equal(tc.LOG_PDET.slopes(eigenvalues, normal), [0.0, 1.0, 0.25])
    np.testing.assert_array_equal(tc.TRACE.slopes(eigenvalues, normal), [0.0, 1.0, 1.0])
