"""The catalogue's numbers for descent on the sphere, and how fast its distance to the flow shrinks with the intrinsic rate."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.proofs.descents import admitted, descended, module, ode

x, y, z = sp.symbols("x y z", real=True)


@pytest.mark.parametrize(("kappa", "end", "without"), [(1.0, 1.37978, 1.46640), (2.0, 1.49835, 1.95630), (3.0, 1.47219, 2.36608)])
def test_flow_of_spherical_sharpness(kappa, end, without):
    """Catalogue: φ = 1 over τ = 1 on e^(κ cos φ), with the square in the denominator and without."""
    for square, value in ((1, end), (0, without)):
        assert ode(lambda s, q=square: 2 * kappa * np.sin(s) / (4 + q * kappa**2 * np.sin(s) ** 2), 1.0, 1.0) == pytest.approx(value, abs=2e-5)


def test_descent_on_the_sphere():
    """Catalogue, L = (2 + x/r) z²/r², λ = 10⁻³, τ = 2: 1.37400, the flow 1.37290."""
    r = sp.sqrt(x**2 + y**2 + z**2)
    risk = tc.Landscape((x, y, z), (2 + x / r) * z**2 / r**2)
    n = np.array([np.cos(1.0), np.sin(1.0), 1e-2])
    start = np.sqrt(2 + np.cos(1.0)) * n / np.linalg.norm(n)
    states = descended(risk, tc.WeightDecay(tc.GradientDescent(step=1.0), 1e-3), start, 2000)
    average = tc.two_step_average(states / np.linalg.norm(states, axis=-1, keepdims=True))[-1]
    assert np.arctan2(average[1], average[0]) == pytest.approx(1.37290, abs=5e-3)


def test_rate_of_the_sphere():
    """The root mean square over the instances drawn of what is missing of the way, against the intrinsic rate √(2ηλ), three of them."""
    lyu = module("lyu_li_arora_2022")
    e = admitted(lyu.sharpness_reduction, 400)
    ends = np.stack([lyu.angles(states)[..., -1] for states in lyu.runs(e)])
    missing = (ends - e.angle) / (lyu.flow_angle(e, lyu.TIME) - e.angle) - 1
    rate = tc.rate_of(lyu.INTRINSIC[::2], np.sqrt(np.mean(missing[::2] ** 2, axis=1)))
    assert float(rate) == pytest.approx(1.05, abs=0.05)
    assert float(rate.error) < 0.2
