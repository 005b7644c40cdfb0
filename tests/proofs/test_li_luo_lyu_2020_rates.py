"""The catalogue's numbers: the closed form, and the rate to the rank-one trajectory."""

import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.instances.factorizations import FullyObserved
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
