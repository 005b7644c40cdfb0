"""The reduced flow against quadrature."""

import sys

import numpy as np
import pytest
from scipy.integrate import quad

from theorycheck.library import load, shelf

PAPER = load(shelf() / "elkabetz_cohen_2021_balanced.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("nu", [-0.9, 0.0, 0.3, 0.95])
def test_integral_of_powers(n, nu):
    assert MODULE.powers_integral(np.array(nu), n) == pytest.approx(quad(lambda s: (1 - s * s) ** (-n / 2), 0, nu, epsabs=1e-13)[0], rel=1e-10)
