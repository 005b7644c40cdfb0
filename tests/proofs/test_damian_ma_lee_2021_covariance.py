"""The convention of the loss in the covariance of label noise."""

import numpy as np

import theorycheck as tc


def test_labels_twice_as_heavy_double_the_noise() -> None:
    """Catalogue, trap 3: with L = (1/n)Σr² the covariance of label noise δ is 2δ²H, with (1/2n)Σr² it is δ²H; and H doubles."""
    model, start = tc.Diagonal(2, 2), np.array([1.0, 0.5, 0.75, 0.25])
    data = tc.Regression([[1.0, 0.5]], np.array([[1.0, 0.5]]) @ model.w(start))
    for weight, factor in ((0.5, 1.0), (1.0, 2.0)):
        objective = tc.Objective(model, tc.SquaredLoss(weight), data)
        step = tc.follow(objective, tc.GradientDescent(1.0, tc.LabelNoise(0.5, seed=1)), start, tc.Stop(steps=1)).final - start
        np.testing.assert_allclose(np.outer(step, step), factor * 0.25 * objective.hessian(start), atol=1e-12)
