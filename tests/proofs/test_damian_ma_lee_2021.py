"""Numbers of the catalogue for label noise with large steps."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.proofs.descents import module
from theorycheck.instances.hessians import Curved

DAMIAN = module("damian_ma_lee_2021")


def test_large_steps_follow_the_whole_regularizer() -> None:
    """Catalogue, f = y√(1+x²) from x = 0.8 at ηH = 1.2 and σ = 0.01: mean 0.6736, the flow of R 0.673598, that of tr H/4 0.742207."""
    eta, sigma, runs = 1.2 / 1.64, 0.01, 1000
    steps = round(0.15 / (eta * sigma) ** 2)
    generator, x, y = np.random.default_rng(7), np.full(runs, 0.8), np.zeros(runs)
    for noise in generator.integers(0, 2, size=(steps, runs)) * 2.0 - 1.0:
        g = np.sqrt(1 + x * x)
        slope = eta * (y * g - sigma * noise)
        x, y = x - slope * y * x / g, y - slope * g
    whole = solve_ivp(lambda t, x: -x / (2 - eta * (1 + x * x)), (0, 0.15), [0.8], rtol=1e-10, atol=1e-12).y[0, -1]
    assert whole == pytest.approx(0.673598, abs=2e-5)
    assert 0.8 * np.exp(-0.15 / 2) == pytest.approx(0.7422, abs=1e-4)
    assert x.mean() == pytest.approx(whole, abs=4 * x.std() / np.sqrt(runs) + 2e-4)


@pytest.mark.parametrize(("nu", "value"), [(1e-3, 0.899), (1e-6, 0.828), (1e-12, 0.790)])
def test_the_regularizer_at_the_edge(nu: float, value: float) -> None:
    """Catalogue, H = diag(3, 2, 1), limit 0.75."""
    hessian = Curved(np.array([[3.0, 2.0, 1.0]]), np.eye(3)[None], 0.5, 0.0, 1.0, 1.0)
    assert DAMIAN.at_edge(hessian, np.array([np.log(2 / nu)]))[0, 0] == pytest.approx(value, abs=6e-4)
