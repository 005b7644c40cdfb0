"""The catalogue's numbers for brackets that obstruct mirror flow, and for a potential turned into a parametrization."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.library import load, shelf

MODULE = sys.modules[load(shelf() / "li_wang_lee_arora_2022_converse.py").theorems[0].claim.__module__]


def test_bracket_of_gram_at_the_catalogue_point():
    """U_0 = diag(.5, 1), S = 2E_11, S' = E_12 + E_21: [[0, -1.5], [-1.5, 0]]."""
    S, other, U = np.diag([2.0, 0.0, 0.0]), np.zeros((3, 3)), np.diag([0.5, 1.0, 0.0])
    other[0, 1] = other[1, 0] = 1.0
    B, W = MODULE.Pair(S, other, U).bracket, U @ U.T
    np.testing.assert_allclose((B @ W - W @ B)[:2, :2], [[0.0, -1.5], [-1.5, 0.0]])


@pytest.mark.parametrize(
    ("model", "theta", "s", "one", "two"),
    [
        (MODULE.NEURON, [1.0, 0.5, 0.2], 1.0, (6.858, 9.908), (9.532, 4.943)),
        (MODULE.NORMALIZED, [1.0, 0.6, 0.8], 0.5, (0.8487, 1.5067), (1.4293, 1.0016)),
    ],
)
def test_order_swaps(model, theta, s, one, two):
    """The catalogue's swaps, in either order."""
    loss = tc.LinearLoss(((s, (-1.0, 0.0)), (s, (0.0, -1.0))))
    seen = [tc.staged_flow(model, order, np.array(theta), 1e-9).value for order in (loss, loss.swapped())]
    np.testing.assert_allclose(sorted(w[0] for w in seen), sorted((one[0], two[0])), rtol=2e-3)
    np.testing.assert_allclose(sorted(w[1] for w in seen), sorted((one[1], two[1])), rtol=2e-3)


def test_flow_of_the_fermi_potential():
    """G = sin²(x/2), ℓ = (w - 0.83)², x_0 = 1, t = 1.5: 0.52881775589 by both flows."""
    y, w0 = np.array(0.83), np.sin(0.5) ** 2
    objective = tc.Objective(MODULE.FERMI, tc.SquaredLoss(1.0), tc.Regression([[1.0]], [0.83]))
    w = np.sin(tc.follow(objective, tc.GradientFlow(accuracy=1e-11), [1.0], tc.Stop(time=1.5)).final[0] / 2) ** 2
    assert w == pytest.approx(0.52881775589, abs=1e-9)
    assert MODULE.elapsed(MODULE.FERMI, w, y) - MODULE.elapsed(MODULE.FERMI, w0, y) == pytest.approx(3.0, abs=1e-7)
