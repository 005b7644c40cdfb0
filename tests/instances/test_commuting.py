"""Commuting parametrizations of two weights, and fits by them: brackets, pace, interpolators, metrics in full."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.commuting import COMMUTING, FORMS, GRAM, NEURON, NORMALIZED, in_full, nameless, parametrized_fits
from theorycheck.instances.stacking import stacked
from theorycheck.symbolic.potentials.forms import CommutingFormsRow


@pytest.mark.parametrize("model", COMMUTING)
def test_the_fields_commute_and_the_bare_map_is_the_same(model):
    assert tc.lie_brackets(model).commuting
    theta = np.linspace(0.5, 1.25, model.parameters)
    np.testing.assert_allclose(nameless(model).w(theta), model.w(theta), rtol=1e-15)
    assert nameless(model) is nameless(model)


def test_the_other_maps_and_that_their_fields_do_not_commute():
    U, w, v, gain = np.array([[1.0, 0.5], [-0.25, 2.0]]), np.array([0.5, -2.0]), np.array([0.6, 0.8]), 1.5
    np.testing.assert_allclose(GRAM.w(U.ravel()), (U @ U.T)[0], rtol=1e-15)
    np.testing.assert_allclose(NEURON.w(np.array([gain, *w])), gain * w, rtol=1e-15)
    np.testing.assert_allclose(NORMALIZED.w(np.array([gain, *(2 * v)])), gain * v, rtol=1e-15)
    assert not any(tc.lie_brackets(model).commuting for model in (GRAM, NEURON, NORMALIZED))


def test_the_pair_of_forms_is_one_of_commuting_matrices():
    """(a + c)(b + d) and ac + bd are θᵀA_iθ/2 for two circulants, served jointly from an eigenbasis that is none of the axes."""
    matrices = [[[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]], np.eye(4)[[2, 3, 0, 1]]]
    theta = np.array([1.0, 0.5, -0.25, 2.0])
    np.testing.assert_array_equal(FORMS.w(theta), tc.QuadraticForms(np.array(matrices, dtype=float)).w(theta))
    (row,) = tc.legendre_potential(FORMS, np.array([1.0, 0.5, 0.75, 1.25])).system.rows
    assert isinstance(row, CommutingFormsRow)


@pytest.mark.parametrize("pace", [None, 2.0])
@pytest.mark.parametrize("model", COMMUTING)
def test_fits(model, pace):
    for index in range(10):
        f = parametrized_fits((model,), pace).sample(3, index).value
        assert np.all((f.start >= 0.25) & (f.start <= 1.5))
        assert np.all(np.isfinite(f.potential.inverse(f.dual)))
        if np.any(f.X):
            np.testing.assert_allclose(f.X @ f.interpolator, f.y, atol=1e-9)
            moves = 1e-5 * np.eye(model.parameters)
            slopes = [(f.X @ (model.w(f.start + move) - model.w(f.start - move))) / 2e-5 for move in moves]
            assert pace is None or np.sum(np.square(slopes)) == pytest.approx(pace, rel=1e-7)


def test_metrics_in_full():
    for model in COMMUTING:
        f = stacked([parametrized_fits((model,)).sample(3, index).value for index in range(4)])
        J = model.kernels.jacobian(f.start)
        np.testing.assert_allclose(in_full(f.potential.metric(model.w(f.start)), f.potential), J @ np.swapaxes(J, -1, -2), rtol=1e-9, atol=1e-12)
