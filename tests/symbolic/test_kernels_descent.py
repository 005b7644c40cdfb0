"""Compiled descent of deep linear networks against the loop of steps: counts, endings, kicks, and lanes alone."""

import numpy as np
import pytest

from tests.symbolic.kernel_arguments import numbers
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.networks import descent
from theorycheck.symbolic.kernels.networks.descent import FoldedData
from theorycheck.symbolic.parametrizations import DeepLinear


def folded(model: DeepLinear, B: int, step: np.ndarray, seed: int = 0) -> FoldedData:
    X, target = numbers((B, 5, model.widths[0]), seed), numbers((B, *model.shape), seed + 1)
    covariance = np.swapaxes(X, -1, -2) @ X / 5
    correlation = (target.reshape(B, -1, model.widths[0]) @ covariance).reshape(B, -1)
    return FoldedData(2 * step[:, None] * covariance.reshape(B, -1), 2 * step[:, None] * correlation)


@pytest.mark.parametrize("widths", [(2, 1), (3, 2, 1), (2, 3, 2), (1, 1, 1, 1), (2,) * 8 + (1,)], ids=str)
def test_descent_is_the_loop_of_steps(widths):
    model, B = DeepLinear(widths), 70
    kernels, data = DeepLinearKernels(widths), folded(DeepLinear(widths), 70, np.full(70, 0.01))
    theta, counts = 0.5 * numbers((B, model.parameters), 9), np.arange(B) % 140
    final, taken, ending = kernels.descend(theta, data, counts, np.full(B, -1.0), np.zeros(0))
    assert np.array_equal(taken, counts)
    assert np.all(ending == descent.RAN)
    slow = theta.copy()
    for k in range(counts.max()):
        w = kernels.w(slow).reshape(B, -1, widths[0])
        G = w @ data.covariance.reshape(B, widths[0], widths[0]) - data.correlation.reshape(w.shape)
        slow = np.where((k < counts)[:, None], slow - kernels.gradient(slow, G.reshape(B, *model.shape)), slow)
    np.testing.assert_allclose(final, slow, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kick", [np.zeros(0), 1e-10 * numbers((8,), 0)], ids=["plain", "kicked"])
def test_descent_of_one_lane_does_not_depend_on_the_others(kick):
    model, B = DeepLinear((3, 2, 1)), 150
    kernels, data = DeepLinearKernels(model.widths), folded(model, B, np.geomspace(1e-3, 3.0, B))
    theta, counts, small = numbers((B, model.parameters), 4), (np.arange(B) * 7) % 500, np.full(B, 1e-9)
    final, taken, ending = kernels.descend(theta, data, counts, small, kick)
    assert set(ending) == {descent.RAN, descent.SMALL, descent.DIVERGED}
    assert np.all(np.isfinite(final))
    for lane in range(B):
        row = slice(lane, lane + 1)
        alone = kernels.descend(theta[row], FoldedData(*(part[row] for part in data)), counts[row], small[row], kick)
        assert np.array_equal(alone[0][0], final[lane])
        assert (alone[1][0], alone[2][0]) == (taken[lane], ending[lane])


def test_kicks_of_descent():
    """Before steps 0, 64, 128, ... by the kick times the steps up to the next one, relative to each parameter."""
    model = DeepLinear((2, 2, 1))
    kernels, data = DeepLinearKernels(model.widths), folded(model, 1, np.full(1, 0.01))
    theta, kick, none = numbers((1, 6), 3), 1e-4 * numbers((6,), 4), np.zeros(0)
    kicked = kernels.descend(theta, data, np.array([150]), np.array([-1.0]), kick)[0]
    for steps in (64, 64, 22):
        theta = theta + steps * kick * theta
        theta = kernels.descend(theta, data, np.array([steps]), np.array([-1.0]), none)[0]
    np.testing.assert_allclose(kicked, theta, rtol=1e-14)
