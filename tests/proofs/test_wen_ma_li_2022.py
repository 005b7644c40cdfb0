"""The catalogue's numbers for sharpness-aware steps, and how fast their distance to the flow shrinks with the step."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.proofs.descents import admitted, descended, module, ode

x, y, z, w = sp.symbols("x y z w", real=True)
F1, F2 = x**2 + 6 * y**2 + 8, 4 * (1 - x) ** 2 + (1 - y) ** 2 + 1
TOY = tc.Landscape((x, y, z, w), F1 * z**2 + F2 * w**2)


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


def test_rate_of_sam():
    """The median over the networks drawn of how far SAM is from its flow, over the way."""
    wen = module("wen_ma_li_2022_flows")
    N = admitted(wen.flow_of_sam, 100)
    share, beside = wen.reached(N, tc.TOP, 0.5, wen.runs(N, wen.ETAS, wen.COUNTS))
    rate = tc.rate_of(wen.ETAS, np.median(np.hypot(share - 1, beside), axis=1))
    assert float(rate) == pytest.approx(1.12, abs=0.1)
    assert float(rate.error) < 0.2


def test_rate_of_one_sam():
    """The same for what is missing of the mean way of four runs of 1-SAM."""
    wen = module("wen_ma_li_2022_flows")
    N = admitted(wen.one_sam, 300)
    counts = np.round(wen.TIME / wen.FEW_ETAS**4).astype(int)
    share, _ = wen.passed(N, tc.TRACE, 0.5, wen.runs(N, wen.FEW_ETAS, counts, samples=True))
    rate = tc.rate_of(wen.FEW_ETAS, np.abs(np.median(np.mean(share, axis=0) - 1, axis=1)))
    assert float(rate) == pytest.approx(1.22, abs=0.1)
    assert float(rate.error) < 0.4
