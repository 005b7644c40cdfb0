"""The catalogue's numbers: what depth does to the second mode."""

import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.instances.linear_phases import LinearPhase
from theorycheck.library import load, shelf

PAPER = load(shelf() / "li_luo_lyu_2020_depth.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]

# L, σ_2/α at α = 1e-2 and 1e-4 when σ_1 = 1, and the limit; μ = (2, 1)
DEPTHS = [(3, 4.46, 6.98, 8.0), (4, 3.31, 3.92, 4.0)]


@pytest.mark.parametrize(("depth", "at_2", "at_4", "limit"), DEPTHS)
def test_second_mode_of_deep_networks(depth, at_2, at_4, limit):
    frames = (np.eye(2),) * (depth + 1)
    for exponent, ratio in ((2, at_2), (4, at_4)):
        p = LinearPhase(depth, np.array([2.0, 1.0]), exponent * np.log2(10.0), frames)
        assert p.modes()[1] / p.alpha == pytest.approx(ratio, abs=5e-3)
        assert MODULE.second_bound(p) / p.alpha == pytest.approx(limit, rel=1e-12)


@pytest.mark.parametrize(("exponent", "second"), [(2, 0.1), (4, 0.01)])
def test_second_mode_of_two_layers(exponent, second):
    p = LinearPhase(2, np.array([2.0, 1.0]), exponent * np.log2(10.0), (np.eye(2),) * 3)
    assert p.modes()[1] == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_modes_against_an_integrator(depth):
    p = LinearPhase(depth, np.array([1.5, 0.75]), 5.0, (np.eye(2),) * (depth + 1))
    end = solve_ivp(lambda _, s: depth * p.mu * s ** (2 - 2 / depth), (0, float(p.first_at_one)), np.full(2, p.alpha), rtol=1e-11, atol=1e-14).y[
        :, -1
    ]
    assert p.modes() == pytest.approx(end, rel=1e-7)
