"""Small starts: exact data of the promised spectrum and sizes, at every shape asked for, and the sharpness where flows end."""

from __future__ import annotations

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.deep_linear import DeepLinearFit
from theorycheck.instances.flat_minima import balanced_bound, balanced_sharpness
from theorycheck.instances.small_starts import limit_sharpness, starts, turned

CASES = {
    "default": ({}, (2, 4), (1, 3), (1, 3), (1,), 0.0),
    "two outputs": ({"outputs": (2, 2), "dim": (2, 2)}, (2, 4), (1, 3), (2, 2), (2,), 0.0),
    "bounded away from 0": ({"depth": (2, 3), "width": (1, 2), "dim": (2, 2), "least": 0.25}, (2, 3), (1, 2), (2, 2), (1,), 0.25),
}


@pytest.mark.parametrize("name", CASES)
def test_spectrum_sizes_and_exact_data(name):
    arguments, depth, width, dim, outputs, least = CASES[name]
    recipe, seen = starts(**arguments), set()
    for index in range(60):
        f = recipe.sample(1, index).value
        d, *hidden, d_out = f.widths
        seen.add(f.widths)
        assert depth[0] <= f.depth <= depth[1]
        assert all(width[0] <= h <= width[1] for h in hidden)
        assert dim[0] <= d <= dim[1]
        assert d_out in outputs
        values = np.linalg.eigvalsh(f.covariance)
        assert np.all((values >= 0.5 - 1e-12) & (values <= 2 + 1e-12))
        assert np.all((np.abs(f.theta) >= least) & (np.abs(f.theta) <= 1))
        target = f.data.least_squares
        assert f.X.T @ (f.X @ target.T - f.data.y if target.ndim > 1 else f.X @ target - f.data.y) == pytest.approx(0, abs=1e-12)
        assert np.all((np.abs(target) >= 2 * least - 1e-12) & (np.abs(target) <= 2 + 1e-12))
    assert len(seen) > 3


def test_the_same_choices_give_the_same_start():
    draw = starts().sample(0, 7)
    again = starts().replay(draw.choices)
    assert again.value.widths == draw.value.widths
    assert np.array_equal(again.value.theta, draw.value.theta)


@pytest.mark.parametrize("index", range(12))
def test_turned_starts_point_to_the_target_with_the_same_norms(index):
    f = starts((2, 3), least=0.25).sample(2, index).value
    g = turned(f)
    assert g.w @ g.covariance @ g.w_star >= 0
    assert np.array_equal(np.abs(g.theta), np.abs(f.theta))
    assert float(balanced_sharpness(f)) <= float(balanced_bound(f)) * (1 + 1e-12)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_sharpness_where_the_flow_of_two_scalar_layers_ends(scale):
    # w_1² - w_2² = d is conserved, and w_1w_2 = 1 at the end: S = 2(w_1² + w_2²) = 2 sqrt(d² + 4)
    f = DeepLinearFit((1, 1, 1), tc.Regression([[1.0]], [1.0]), np.array([1.0, 0.5]))
    seen = limit_sharpness(f, np.array([scale]))
    wanted = 2 * np.sqrt((0.75 * scale**2) ** 2 + 4)
    assert abs(float(seen.value[0]) - wanted) <= float(seen.error[0]) < 1e-4
