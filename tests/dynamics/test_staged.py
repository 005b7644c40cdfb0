"""The order-swap numbers of the catalogue (li-wang-lee-arora-2022/commuting-implies-mirror-flow)."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from theorycheck.dynamics.staged import staged_flow

a, b, c, d = sp.symbols("a b c d", real=True)
g, u, v = sp.symbols("g u v", real=True)
GRAM = tc.Entrywise((a, b, c, d), (a**2 + b**2, a * c + b * d, c**2 + d**2))
NEURON = tc.Entrywise((a, b, c), (a * b, a * c))
NORMALIZED = tc.Entrywise((g, u, v), (g * u / sp.sqrt(u**2 + v**2), g * v / sp.sqrt(u**2 + v**2)))

# model, start, entries pushed in turn, duration, w in the first order, w in the other
CATALOGUE = [
    (GRAM, (0.5, 0.0, 0.0, 1.0), (0, 1), 0.3, (0.99973, 0.58255, 1.1697), (1.21488, 0.72504, 1.11592)),
    (NEURON, (1.0, 0.5, 0.2), (0, 1), 1.0, (6.858, 9.908), (9.532, 4.943)),
    (NORMALIZED, (1.0, 0.6, 0.8), (0, 1), 0.5, (0.8487, 1.5067), (1.4293, 1.0016)),
]


@pytest.mark.parametrize(("model", "start", "pushed", "duration", "first", "second"), CATALOGUE)
def test_order_matters_where_fields_do_not_commute(model, start, pushed, duration, first, second):
    axes = -np.eye(model.shape[0])
    loss = tc.LinearLoss(tuple((duration, tuple(axes[i])) for i in pushed))
    ends = [staged_flow(model, order, np.array(start), 1e-9) for order in (loss, loss.swapped())]
    for seen, known in zip(ends, (first, second), strict=True):
        assert np.allclose(seen.value, known, atol=6e-4)
        assert np.all(seen.error < 1e-7)
    gap = np.abs(ends[0].value - ends[1].value)
    assert np.all(gap > 1e3 * (ends[0].error + ends[1].error))


def test_order_does_not_matter_where_they_commute():
    model, start = tc.Hadamard(2), np.array([0.5, 1.0, 0.25, -0.5])
    loss = tc.LinearLoss(((0.5, (-1.0, 0.0)), (0.5, (0.0, 2.0))))
    one, two = (staged_flow(model, order, start, 1e-10) for order in (loss, loss.swapped()))
    assert np.all(np.abs(one.value - two.value) <= one.error + two.error)
    assert np.all(one.error < 1e-8)


def test_wrong_pieces():
    with pytest.raises(tc.InvalidArgument, match="duration > 0"):
        tc.LinearLoss(((0.0, (1.0,)),))
    with pytest.raises(tc.ShapeMismatch, match="one c for each entry"):
        staged_flow(tc.Hadamard(2), tc.LinearLoss(((1.0, (1.0,)),)), np.ones(4), 1e-8)
