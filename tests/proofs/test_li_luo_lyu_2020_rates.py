"""The catalogue's numbers: the rate to the rank-one trajectory, and what depth does to the second mode."""

import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.instances.factorizations import FullyObserved
from theorycheck.instances.linear_phases import LinearPhase
from theorycheck.library import load, shelf

PAPER = load(shelf() / "li_luo_lyu_2020_rates.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
SPECTRUM = np.array([2.0, 1.0, 0.5])
START = np.random.default_rng(1).normal(size=(3, 3))
TURN = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]


def fully(time):
    """M with eigenvalues 2, 1, 1/2."""
    return FullyObserved(TURN, SPECTRUM, START, time)


def test_closed_form_against_an_integrator():
    W0 = 0.01 * START @ START.T

    def slope(_, w):
        W = w.reshape(3, 3)
        return (W @ (np.diag(SPECTRUM) - W) + (np.diag(SPECTRUM) - W) @ W).ravel()

    end = solve_ivp(slope, (0, 1.5), W0.ravel(), rtol=1e-11, atol=1e-13).y[:, -1]
    p = fully(1.5)
    assert MODULE.closed_form(p, 0.01, late=False).ravel() == pytest.approx(end, abs=1e-9)


def test_distance_to_the_rank_one_trajectory_falls_with_the_exact_exponent():
    p, scales = fully(0.3), 10.0 ** -np.arange(3.0, 10.0, 2.0)
    apart = np.linalg.norm(MODULE.closed_form(p, scales) - MODULE.rank_one_limit(p), axis=(-2, -1))
    slopes = np.diff(np.log(apart)) / np.diff(np.log(scales))
    assert slopes[-1] == pytest.approx(0.25, abs=0.01)  # γ/(2μ_1), where γ/(2μ_1 + γ) = 0.2 is guaranteed
    assert np.all(slopes > 0.2)


def test_rank_one_trajectory_solves_its_equation():
    p, h = fully(0.3), 1e-5
    w = [MODULE.rank_one_limit(fully(0.3 + s))[0, 0] for s in (-h, 0.0, h)]
    assert (w[2] - w[0]) / (2 * h) == pytest.approx(2 * w[1] * (2 - w[1]), rel=1e-8)
    assert MODULE.rank_one_limit(p)[1:, 1:] == pytest.approx(np.zeros((2, 2)))


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
