"""Diagonal networks at a minimiser: they fit, and the trace of their Hessian is that of the Hessian."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.diagonal_fits import DiagonalFit


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("leading", [(), (3,)])
def test_trace_of_the_hessian_where_it_fits(signed, leading):
    rng, model = np.random.default_rng(3), tc.Diagonal(4, 2, signed=signed)
    f = DiagonalFit(model, rng.uniform(0.25, 1.0, (*leading, model.parameters)), rng.normal(size=(*leading, 2, 4)), 1.0)
    np.testing.assert_allclose(f.objective.risk(f.theta), 0, atol=1e-30)
    np.testing.assert_allclose(f.objective.gradient(f.theta), 0, atol=1e-14)
    np.testing.assert_allclose(f.c, np.einsum("...ij,...ij->...j", f.Z, f.Z) / 2, rtol=1e-14)
    np.testing.assert_allclose(f.trace, np.trace(f.objective.hessian(f.theta), axis1=-2, axis2=-1), rtol=1e-12)
