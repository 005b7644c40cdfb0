"""The catalogue's numbers for weight normalisation: where the flow ends, and how far plain descent would."""

import sys

import numpy as np
import pytest

from theorycheck.library import load, shelf

MODULE = sys.modules[load(shelf() / "wu_2019.py").theorems[0].claim.__module__]


def start(g, s, k=0.8, rate=1.0):
    """a = e_1, y = √s, a unit v with |P_N v|² = k."""
    v = np.array([[np.sqrt(1 - k), np.sqrt(k), 0.0]])
    return MODULE.Normalized(np.array([[1.0, 0.0, 0.0]]), np.array([np.sqrt(s)]), np.array([g]), v, np.array([rate]))


@pytest.mark.parametrize(
    ("g", "s", "error"), [(0.1, 9.0, 0.030), (1.0, 9.0, 0.049), (2.0, 9.0, 0.216), (0.1, 1.0, 0.536), (0.5, 1.0, 0.599), (5.0, 1.0, 4.880)]
)
def test_distances_to_the_least_norm(g, s, error):
    p = start(g, s)
    assert np.sqrt(p.gain**2 - s)[0] == pytest.approx(error, abs=6e-4)
    np.testing.assert_allclose(np.linalg.norm(p.limit(np.ones(1)) - p.least, axis=-1), np.sqrt(p.gain**2 - s), rtol=1e-9)


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0])
def test_the_flow_ends_there(rate):
    p = start(1.0, 1.0, rate=rate)
    g, x = MODULE.ends(p)
    assert np.abs(g.value) == pytest.approx(p.gain, rel=1e-8)
    np.testing.assert_allclose(x.value, p.limit(np.sign(g.value)), atol=1e-8)


def test_the_minimiser_is_one():
    """No point of the plane nearby has less of R(x) - e^{g²/2ℓ²}⟨v̂, x⟩."""
    p = start(1.0, 1.0)
    (best,) = MODULE.least_potential(p).value
    r = np.linspace(0, 1, 2001)

    def value(x):
        size = np.linalg.norm(x)
        return size * np.trapezoid(np.exp((r * size) ** 2 / 2), r) - np.exp(0.5) * p.unit[0] @ x

    for move in np.random.default_rng(0).normal(size=(20, 3)) * [0.0, 0.05, 0.05]:
        assert value(best + move) > value(best)
