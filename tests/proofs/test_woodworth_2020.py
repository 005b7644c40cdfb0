"""q against quadrature."""

import sys

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from theorycheck.library import load, shelf

MODULE = sys.modules[load(shelf() / "woodworth_2020.py").theorems[0].claim.__module__]


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
@pytest.mark.parametrize("z", [0.01, 1.0, 30.0])
def test_q_is_an_integral(depth, z):
    def inverse(w):
        return np.arcsinh(w / 2) if depth == 2 else brentq(lambda t: MODULE.h(t, depth) - w, 0, 1 - 1e-9, xtol=1e-14)

    assert MODULE.q(np.array(z), depth) == pytest.approx(quad(inverse, 0, z, epsabs=1e-13)[0], rel=1e-8)
    assert MODULE.q(np.array(-z), depth) == pytest.approx(MODULE.q(np.array(z), depth))
