"""The exponent of the gap to least ℓ1 at the catalogue's certificate, and both regimes."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.one_equation import OneEquation


@pytest.mark.parametrize(("depth", "slope", "within"), [(2, 0.9, 0.01), (3, 3.0, 0.02), (4, 4.0, 0.01)])
def test_exponents_of_the_gap(depth, slope, within):
    """Catalogue: ρ = 0.55 gives 2(1 - ρ) = 0.90 for D = 2; 2.98 and 4.005 for D = 3 and 4."""
    p = OneEquation(depth, 1.0, np.array([1.0, 0.55]), 1.0, 0.0, 1.0)
    alphas = 2.0 ** -np.arange(9, 13)
    rate = tc.rate_of(alphas, np.abs(p.limits(alphas)[:, 1]))
    assert float(rate) == pytest.approx(slope, abs=within)


def test_from_kernel_to_rich():
    """The ℓ1 norm falls to its least value, and the ℓ2 norm rises from its own, as α falls."""
    p = OneEquation(2, 1.0, np.array([1.0, 0.5]), 1.0, 0.0, 1.0)
    found = p.limits(np.array([10.0, 1.0, 0.1, 0.001])).value
    np.testing.assert_allclose(found[0], [0.8, 0.4], atol=1e-4)
    np.testing.assert_allclose(found[-1], [1.0, 0.0], atol=2e-3)
    assert np.all(np.diff(np.abs(found).sum(axis=1)) < 0)
    assert np.all(np.diff(np.square(found).sum(axis=1)) > 0)
