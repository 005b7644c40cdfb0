"""The catalogue's numbers for quadratics at κ = 50."""

import numpy as np
import pytest

from theorycheck.instances.spectra import Spectrum

AT_50 = Spectrum(1.0, 50.0, 0.0, 1.0, 1.0, np.ones(12))


def test_rates():
    assert pytest.approx(0.960784, abs=1e-6) == (AT_50.kappa - 1) / (AT_50.kappa + 1)
    assert AT_50.ratio == pytest.approx(0.752201, abs=1e-6)
    assert 2 / (AT_50.ratio**12 + AT_50.ratio**-12) == pytest.approx(0.0655499, abs=1e-7)


def test_the_polynomial_of_chebyshev_steps_is_as_large_at_every_extremum():
    values = np.abs(np.prod(1 - AT_50.nodes(extrema=True)[:, None] / AT_50.nodes(), axis=-1))
    np.testing.assert_allclose(values, 0.0655499, atol=1e-7)
