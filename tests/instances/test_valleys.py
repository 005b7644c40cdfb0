"""Valleys: runs across them against a slow loop."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import valleys
from theorycheck.instances.stacking import stacked
from theorycheck.instances.valleys import edge_runs

V = stacked([valleys().sample(5, index).value for index in range(8)])


def stepped(risk, method, eta, x):
    """One step of either descent, from its definition."""
    slope = risk.gradient(x)
    if method is tc.NormalizedGradientDescent:
        return x - eta * slope / np.linalg.norm(slope, axis=-1, keepdims=True)
    return x - eta * slope / (2 * np.sqrt(risk.risk(x)))[..., None]


@pytest.mark.parametrize("method", [tc.NormalizedGradientDescent, tc.SqrtLossDescent])
def test_edge_runs_against_a_loop(method):
    steps, counts = np.array([0.125, 0.0625]), np.array([3, 5])
    states = edge_runs(V, method, steps, counts, tc.Ends())
    assert states.shape == (2, 8, 2, 3)
    for k, (eta, count) in enumerate(zip(steps, counts, strict=True)):
        length = np.ones(8) if method is tc.NormalizedGradientDescent else np.sqrt(V.sharpness / 2)
        x = eta * length[:, None] * V.offset
        np.testing.assert_allclose(states[k, :, 0], x, rtol=1e-15)
        for _ in range(count):
            x = stepped(V.objective, method, eta, x)
        np.testing.assert_allclose(states[k, :, -1], x, rtol=1e-9, atol=1e-12)


def test_edge_runs_keep_their_length_on_a_quadratic():
    """Across a straight valley from z = (1/2, 0) the steps of both descents are two-cycles of the promised length."""
    bare = np.zeros_like(V.C)
    flat = type(V)(V.top, V.ratio, V.Q, bare, np.tile([0.5, 0.0], (8, 1)))
    for method, length in ((tc.NormalizedGradientDescent, 1.0), (tc.SqrtLossDescent, np.sqrt(flat.sharpness / 2))):
        states = edge_runs(flat, method, np.array([0.25]), np.array([1]), tc.Every(1))[0]
        np.testing.assert_allclose(np.linalg.norm(states[:, 1] - states[:, 0], axis=-1), 0.25 * length, rtol=1e-12)
        np.testing.assert_allclose(states[:, 1], -states[:, 0], atol=1e-14)
