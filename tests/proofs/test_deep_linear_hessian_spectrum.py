"""Spectrum and trace by hand where the layers are scalars, and that the spectrum needs a minimiser."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.instances.deep_linear import ScaledFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "deep_linear_hessian_spectrum.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def scalars(w, target):
    """Scalar layers, Σ = 1, c = 1."""
    return ScaledFit(DeepLinearFit((1,) * (len(w) + 1), tc.Regression([[1.0]], [target]), np.array(w)), 2)


@pytest.mark.parametrize("w", [(1.0, 2.0), (0.5, -1.0, 3.0), (1.0, -2.0, 0.5, 4.0)])
def test_scalar_layers_by_hand(w):
    f = scalars(w, np.prod(w))
    squares = [np.prod([x for i, x in enumerate(w) if i != k]) ** 2 for k in range(len(w))]
    assert float(MODULE.traces(f)) == pytest.approx(sum(squares), rel=1e-14)
    assert MODULE.small_matrix(f) == pytest.approx(2 * sum(squares), rel=1e-14)
    assert np.linalg.eigvalsh(f.hessian.value)[-1] == pytest.approx(2 * sum(squares), rel=1e-13)


def test_the_trace_needs_no_minimiser_and_the_spectrum_does():
    f = scalars((1.0, 2.0), 0.0)
    assert MODULE.trace_claim(f, tc.Precision(0)).standing is tc.Standing.HOLDS
    assert MODULE.spectrum(f, tc.Precision(0)).standing is tc.Standing.VIOLATED
