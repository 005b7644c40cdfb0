"""Weight normalisation on one equation: the root of the scalar equation, the end of the flow, the ranges of the recipe."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.stacking import stacked
from theorycheck.instances.weight_normalized import WeightNormalizedFit, weight_normalized_fits


def fit(g=1.0, y=1.0, k=0.8, rate=1.0):
    """a = e_1, a unit v with |P_N v|² = k, stacked."""
    v = np.array([[np.sqrt(1 - k), np.sqrt(k), 0.0]])
    return WeightNormalizedFit(np.array([[1.0, 0.0, 0.0]]), np.array([y]), np.array([g]), v, np.array([rate]))


def test_the_gain_solves_its_equation():
    members = [weight_normalized_fits().sample(4, index).value for index in range(60)]
    f = stacked([m for m in members if np.linalg.norm(m.a) >= 0.5 and np.linalg.norm(m.v) >= 0.5 and abs(m.y) >= 0.25])
    s, k = np.sum(f.least**2, axis=-1), np.sum(f.across(f.unit) ** 2, axis=-1)
    np.testing.assert_allclose(np.sum(f.a * f.least, axis=-1), f.y, rtol=1e-12)
    np.testing.assert_allclose(np.sum(f.a * f.across(f.v), axis=-1), 0, atol=1e-12)
    assert np.all(f.gain >= np.sqrt(s))
    np.testing.assert_allclose(1 - s / f.gain**2, k * np.exp((f.g**2 - f.gain**2) / (f.rate * f.size)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(f.limit(np.ones_like(s)), axis=-1), f.gain, rtol=1e-9)


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0])
def test_the_flow_ends_there(rate):
    f = fit(rate=rate)
    g, x = f.ends()
    assert np.abs(g.value) == pytest.approx(f.gain, rel=1e-8)
    np.testing.assert_allclose(x.value, f.limit(np.sign(g.value)), atol=1e-8)


@pytest.mark.parametrize("rate", [0.25, 2.0])
def test_the_start_moves_at_the_rates_of_its_law(rate):
    """ġ = -c⟨v̂, a⟩r and v̇ = -(g/|v|)(I - v̂v̂ᵀ)a r at the start, in the coordinates in which the flow is run."""
    f = fit(g=0.75, rate=rate)
    (slope,), (v,), (a,) = f.objective.gradient(f.start), f.unit, f.a
    residual = 0.75 * v @ a - 1.0
    g, moved = f.parts(tc.Measured(-slope[None], np.zeros((1, 4))))
    np.testing.assert_allclose(g.value, -rate * (v @ a) * residual, rtol=1e-12)
    np.testing.assert_allclose(moved.value[0], -0.75 * (a - v * (v @ a)) * residual, rtol=1e-12, atol=1e-15)


def test_a_start_at_rest_stays():
    g, x = fit(g=0.0, k=1.0).ends()
    assert g.value == 0 == g.error
    assert not np.any(x.value)


def test_recipe_keeps_its_ranges():
    stuck = plain = 0
    for index in range(80):
        f = weight_normalized_fits().sample(1, index).value
        assert max(abs(f.g), abs(f.y)) <= 2
        assert max(np.abs(f.a).max(), np.abs(f.v).max()) <= 1.5
        assert 0.25 <= f.rate <= 2
        stuck, plain = stuck + (f.g == 0 and f.a @ f.v == 0), plain + (f.rate == 1)
    assert stuck > 8
    assert plain > 25
