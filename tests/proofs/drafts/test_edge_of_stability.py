"""The catalogue's numbers for descent at the edge of stability, sharpness-aware steps and normalisation; the rates, with their intervals."""

import sys
from functools import cache

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from theorycheck.instances.stacking import stacked
from theorycheck.library import load, shelf
from theorycheck.search.evaluation import admission

x, y, z, w = sp.symbols("x y z w", real=True)
TUBE = tc.Landscape((x, y, z), ((2 + sp.cos(x)) * y**2 + (1 + sp.Rational(3, 10) * sp.sin(x)) * z**2) / 2)
CROSSING = tc.Landscape((x, y, z), ((2 + x) * y**2 + (2 - x) * z**2) / 2)
F1, F2 = x**2 + 6 * y**2 + 8, 4 * (1 - x) ** 2 + (1 - y) ** 2 + 1
TOY = tc.Landscape((x, y, z, w), F1 * z**2 + F2 * w**2)


@cache
def module(name):
    """The theorem file."""
    return sys.modules[load(shelf() / "drafts" / f"{name}.py").theorems[0].claim.__module__]


def admitted(theorem, count):
    """The instances among the first `count` of seed 7, stacked."""
    found = (admission(theorem, theorem.ambient.sample(7, i).value) for i in range(count))
    return stacked([f.instance for f in found if f.rejected_by is None])


def descended(risk, method, start, steps):
    """All states of one run."""
    return tc.follow(risk, method, np.array(start), tc.Stop(steps=steps), save=tc.Every(1)).states


def ode(velocity, start, time, steps=400):
    """The end of an autonomous flow, by Runge and Kutta's steps."""
    state, h = np.array(start, dtype=float), time / steps
    for _ in range(steps):
        a = velocity(state)
        b = velocity(state + h / 2 * a)
        c = velocity(state + h / 2 * b)
        state = state + h / 6 * (a + 2 * b + 2 * c + velocity(state + h * c))
    return state


@pytest.mark.parametrize(("height", "end"), [(0.013, 1.179573), (0.0, 0.931645)])
def test_normalized_descent_follows_the_top_or_what_is_left_of_it(height, end):
    """From x = 1 over τ = 2: log F_1 generically, log F_2 from y = 0."""
    states = descended(TUBE, tc.NormalizedGradientDescent(step=0.04), [1.0, height, 0.011], 1250)
    assert states[-1, 0] == pytest.approx(end, abs=1e-3)


def test_edge_of_stability_in_the_tube():
    states = descended(TUBE, tc.NormalizedGradientDescent(step=0.04), [1.0, 0.013, 0.011], 1000)[-2:]
    roots, top = np.sqrt(TUBE.risk(states)).sum(), 2 + np.cos(states[-1, 0])
    assert roots / (0.04 * np.sqrt(top / 2)) == pytest.approx(1, abs=2e-5)
    inverse = np.linalg.norm(TUBE.gradient(states), axis=-1) / (0.04 * np.linalg.eigvalsh(TUBE.hessian(states))[:, -1])
    assert inverse.sum() == pytest.approx(1, abs=1e-3)


def test_root_descent_in_the_tube():
    start = descended(TUBE, tc.SqrtLossDescent(step=0.04), [1.4, 0.013, 0.003], 200)[-1]
    end = descended(TUBE, tc.SqrtLossDescent(step=0.04), start, 600)[-1, 0]
    assert end == pytest.approx(ode(lambda s: np.sin(s) / 8, start[0], 600 * 0.04**2), abs=2e-4)


def test_unperturbed_descent_runs_through_a_crossing():
    """Catalogue: x = -0.2678 at τ = 12, on the wrong eigenvalue; with kicks it stops near 0."""
    method = tc.NormalizedGradientDescent(step=0.0625)
    steps = int(12 / 0.0625**2)
    start = [1.0, 0.02, 0.01]
    states = descended(CROSSING, method, start, steps)
    assert states[-1, 0] == pytest.approx(-0.2678, abs=5e-3)
    assert np.abs(states[steps * 5 // 6, 2]) < 1e-300
    kicked = descended(CROSSING, tc.Perturbed(method, size=1e-6, seed=0), start, steps)
    assert abs(kicked[-1, 0]) < 0.1


def test_splits_of_the_cycle():
    """Catalogue, λ = (1, U(0.1, 0.95)²): no split below the bound, median of the smaller part 0.351."""
    arora, rng = module("arora_li_panigrahi_2022"), np.random.default_rng(0)
    ratios, count = rng.uniform(0.1, 0.95, (500, 2)), 500
    bowl = arora.Bowl(np.ones(count), ratios, np.broadcast_to(np.eye(3), (count, 3, 3)), rng.normal(size=(count, 3)), np.full(count, 0.1))
    _, a = arora.along_top(bowl)
    share = np.abs(a[-1, 0]) / np.abs(a[-1]).sum(axis=0)
    assert np.mean(share * (1 - share) >= np.max(ratios * (1 - ratios), axis=-1) / 2) > 0.99
    assert np.median(np.minimum(share, 1 - share)) == pytest.approx(0.351, abs=0.03)


def test_biases_of_the_toy():
    """λ_M/2 = 3.6 and λ_1/2 = 8.33 up to (1 + 10⁻³)², tr/(2D) = 2.9825 at (0.3, 0.2)."""
    rho, angles = 1e-3, np.linspace(0, np.pi, 181)
    p = np.array([0.3, 0.2, 0.0, 0.0])
    at = p + 1e-3 * rho * np.stack([0 * angles, 0 * angles, np.cos(angles), np.sin(angles)], axis=-1)
    slope = TOY.gradient(at)
    gain = (TOY.risk(at + rho * slope / np.linalg.norm(slope, axis=-1, keepdims=True)) - TOY.risk(at)) / rho**2
    assert gain.min() == pytest.approx(3.60721, abs=2e-4)
    assert gain.max() == pytest.approx(8.34666, abs=2e-4)
    draws = np.random.default_rng(0).normal(size=(200_000, 4))
    mean = TOY.risk(p + rho * draws / np.linalg.norm(draws, axis=-1, keepdims=True)).mean() / rho**2
    assert mean == pytest.approx(2.9825, abs=0.02)


def test_sam_in_the_toy_has_the_factor_of_a_finite_step():
    eta, rho, steps = 0.02, 0.05, 1000
    method = tc.GradientDescent(step=eta, gradient=tc.SharpnessAware(rho))
    end = descended(TOY, method, [0.6, 0.4, 0.005, 0.001], steps)[-1, :2]

    def velocity(s, power):
        return -0.5 * np.array([4 * s[0], 24 * s[1]]) * (1 - eta * (s[0] ** 2 + 6 * s[1] ** 2 + 8)) ** power

    plain, refined = (np.linalg.norm(end - ode(lambda s, p=p: velocity(s, p), [0.6, 0.4], eta * rho**2 * steps)) for p in (0, -2))
    assert plain > 10 * refined
    assert refined < 1e-2


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


@pytest.mark.parametrize(("name", "slope"), [("flow_of_normalized", 1.96), ("flow_of_root", 1.87)])
def test_rate_of_the_edge(name, slope):
    """The median distance to the flow over the valleys drawn, against η."""
    arora = module("arora_li_panigrahi_2022")
    theorem = getattr(arora, name)
    v, told = admitted(theorem, 400), theorem.claim.keywords
    found = v.repeated.onto_minimisers(arora.ends(v, told["method"], arora.STEPS, arora.COUNTS)[..., -1, :])
    end = tc.manifold_flow(v.objective, told["function"], v.origin, [arora.TIME], rate=told["rate"], steps=8)[..., 0, :].value
    rate = tc.rate_of(arora.STEPS, np.median(np.linalg.norm(found - end, axis=-1) / np.linalg.norm(end, axis=-1), axis=1))
    assert float(rate) == pytest.approx(slope, abs=0.3)
    assert float(rate) - float(rate.error) > 1.3


def test_rate_of_sam():
    wen = module("wen_ma_li_2022")
    N = admitted(wen.flow_of_sam, 100)
    share, beside = wen.reached(N, tc.TOP, 0.5, wen.runs(N, wen.ETAS, wen.COUNTS))
    rate = tc.rate_of(wen.ETAS, np.median(np.hypot(share - 1, beside), axis=1))
    assert float(rate) == pytest.approx(1.06, abs=0.1)
    assert float(rate.error) < 0.15
