"""The catalogue's numbers for brackets that obstruct mirror flow."""

import numpy as np
import pytest

import theorycheck as tc
from tests.proofs.descents import module
from theorycheck.instances.commuting import NEURON, NORMALIZED

BRACKETS = module("li_wang_lee_arora_2022_brackets")


def test_bracket_of_gram_at_the_catalogue_point():
    """U_0 = diag(.5, 1), S = 2E_11, S' = E_12 + E_21: [[0, -1.5], [-1.5, 0]]."""
    S, other, U = np.diag([2.0, 0.0, 0.0]), np.zeros((3, 3)), np.diag([0.5, 1.0, 0.0])
    other[0, 1] = other[1, 0] = 1.0
    B, W = BRACKETS.Pair(S, other, U).bracket, U @ U.T
    np.testing.assert_allclose((B @ W - W @ B)[:2, :2], [[0.0, -1.5], [-1.5, 0.0]])


@pytest.mark.parametrize(
    ("model", "theta", "s", "one", "two"),
    [
        (NEURON, [1.0, 0.5, 0.2], 1.0, (6.858, 9.908), (9.532, 4.943)),
        (NORMALIZED, [1.0, 0.6, 0.8], 0.5, (0.8487, 1.5067), (1.4293, 1.0016)),
    ],
)
def test_order_swaps(model, theta, s, one, two):
    """The catalogue's swaps, in either order."""
    loss = tc.LinearLoss(((s, (-1.0, 0.0)), (s, (0.0, -1.0))))
    seen = [tc.staged_flow(model, order, np.array(theta), 1e-9).value for order in (loss, loss.swapped())]
    np.testing.assert_allclose(sorted(w[0] for w in seen), sorted((one[0], two[0])), rtol=2e-3)
    np.testing.assert_allclose(sorted(w[1] for w in seen), sorted((one[1], two[1])), rtol=2e-3)
