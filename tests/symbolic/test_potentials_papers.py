"""Legendre potentials against what the papers say: their integrals, constants and conventions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from tests.symbolic.scalar_maps import x
from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import legendre_potential


@pytest.mark.parametrize("depth", [3, 4, 6])
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_higher_depth_potential_is_the_integral_of_woodworth_2020(depth: int, alpha: float) -> None:
    """R(w) = α²/(D(D-2)) q_D(w/α^D) - α²/D with q_D = ∫ h_D^(-1), the constant being that of R = Q*."""
    potential, r = legendre_potential(Diagonal(1, depth), [alpha, alpha]), depth / (depth - 2)

    def inverse(z: float) -> float:
        return brentq(lambda t: (1 - t) ** -r - (1 + t) ** -r - z, -1 + 1e-12, 1 - 1e-12, xtol=1e-15)

    for z in (-4.0, 0.3, 9.0):
        q = quad(inverse, 0, z, epsabs=1e-12)[0]
        t = inverse(z)
        assert q == pytest.approx(z * t - (depth - 2) / 2 * ((1 - t) ** (-2 / (depth - 2)) + (1 + t) ** (-2 / (depth - 2)) - 2), rel=1e-9)
        expected = alpha**2 / (depth * (depth - 2)) * q - alpha**2 / depth
        assert potential.value([z * alpha**depth]) == pytest.approx(expected, rel=1e-9)
    assert 1 / potential.metric([0.0])[0] == pytest.approx(alpha ** (2 - 2 * depth) / (2 * depth**2), rel=1e-13)


def test_hyperbolic_entropy_has_its_catalogued_constants() -> None:
    alpha, w = 0.7, np.array([-3.0, 0.0, 0.2])
    potential = legendre_potential(Diagonal(3, 2), np.full(6, alpha))
    q = 2 - np.sqrt(4 + (w / alpha**2) ** 2) + w / alpha**2 * np.arcsinh(w / (2 * alpha**2))
    assert potential.value(w) == pytest.approx(np.sum(alpha**2 * q / 4 - alpha**2 / 2), rel=1e-14)
    np.testing.assert_allclose(potential.mirror(w), np.arcsinh(w / (2 * alpha**2)) / 4, rtol=1e-14)
    entropy = legendre_potential(Entrywise((x,), (x**2 / 4,)), [2.0])  # w_0 = 1: R = w ln w - w
    assert entropy.value([3.0]) == pytest.approx(3 * np.log(3) - 3, rel=1e-15)


def test_traps_of_convention() -> None:
    """u v is not u² - v² from the same start; R depends on the start, and on its imbalance by a linear term."""
    start, w = [0.5, 0.3], np.array([0.4])
    product_row, squares = legendre_potential(Hadamard(1), start), legendre_potential(Diagonal(1, 2), start)
    assert abs(product_row.mirror(w)[0] - squares.mirror(w)[0]) > 0.01
    assert abs(legendre_potential(Diagonal(1, 2), [0.5, 0.31]).mirror(w)[0] - squares.mirror(w)[0]) > 1e-3
    level = np.sqrt(0.15)
    tilt = np.log(0.5 / 0.3) / 4
    assert squares.mirror(w)[0] == pytest.approx(legendre_potential(Diagonal(1, 2), [level, level]).mirror(w)[0] - tilt, rel=1e-13)
    alpha = ((0.5**-2 + 0.3**-2) / 2) ** -0.5
    zeta = (0.3**-2 - 0.5**-2) / (0.3**-2 + 0.5**-2)
    shifted = legendre_potential(Diagonal(1, 4), [alpha, alpha]).mirror(w)[0] - zeta / (8 * alpha**2)
    assert legendre_potential(Diagonal(1, 4), start).mirror(w)[0] == pytest.approx(shifted, rel=1e-12)
