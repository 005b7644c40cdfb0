"""The catalogue's numbers for what sharpness-aware losses regularise."""

import numpy as np
import pytest

from tests.proofs.descents import TOY


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
