"""The catalogue's numbers: one observed entry, and the two-layer value against a minimiser."""

import sys

import numpy as np
import pytest
from scipy.optimize import minimize

import theorycheck as tc
from theorycheck.instances import SensedNetwork
from theorycheck.library import load, shelf

PAPER = load(shelf() / "gatmiry_2023_two_layers.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def instance_of(M, spectrum=None, turn=None, tiny=2.0**-30):
    """Two square layers with product M, and measurements."""
    d = len(M)
    n = d * d
    layers = [np.asarray(M, dtype=float), np.eye(d)]
    numbers = np.ones(n) if spectrum is None else np.asarray(spectrum, dtype=float), np.eye(n) if turn is None else turn
    return SensedNetwork((d, d, d), np.concatenate([W.ravel() for W in layers]), *numbers, 0.5, np.zeros(n), tiny)


@pytest.mark.parametrize(("M", "value"), [([[0.0, 1.0], [1.0, 0.0]], 0.0), ([[1.5, 3.0], [-2.0, 1.0]], 6.0)])
def test_one_observed_entry(M, value):
    # A = e_1 e_1ᵀ and n = 1 have the second moments of these four with one eigenvalue 1
    f = instance_of(M, spectrum=[1.0, 0.0, 0.0, 0.0], tiny=1e-16)
    g, _ = MODULE.at_two_layer_ideal(f)
    np.testing.assert_allclose(g.M, M, atol=1e-6)
    assert float(g.trace) == pytest.approx(value, abs=1e-6)
    assert MODULE.two_layer_bound(f, tc.Precision(0)).right.value == pytest.approx(value, abs=1e-12)


def test_two_layer_value_is_the_least_of_all_factorisations():
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    f = instance_of(rng.normal(size=(2, 2)), spectrum=rng.uniform(0.2, 2, size=4), turn=turn)

    def trace_of(entries):
        first = entries.reshape(2, 2)
        layers = np.concatenate([first.ravel(), (f.M @ np.linalg.inv(first)).ravel()])
        return float(tc.hessian_trace(f.objective, layers))

    found = min(minimize(trace_of, rng.normal(size=4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).fun for _ in range(3))
    assert found == pytest.approx(float(MODULE.two_layer_bound(f, tc.Precision(0)).right.value), rel=1e-7)
