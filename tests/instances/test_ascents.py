"""The largest rise of a risk within a radius, against a grid of directions."""

import numpy as np
import pytest

from theorycheck.instances import valleys
from theorycheck.instances.ascents import worst_rise
from theorycheck.instances.stacking import stacked

V = stacked([v for v in (valleys().sample(9, index).value for index in range(10)) if v.ratio < 1][:6])


SIDE = (V.Q[..., 0] + V.Q[..., 1]) / np.sqrt(2)


@pytest.mark.parametrize("radius", [2.0**-4, 2.0**-9])
@pytest.mark.parametrize("start", [V.Q[..., 0], SIDE], ids=["top", "between"])
def test_against_a_grid_of_directions(start, radius):
    found = worst_rise(V.objective, V.origin, start, np.full(6, radius))
    heights, turns = np.meshgrid(np.linspace(-1, 1, 81), np.linspace(0, 2 * np.pi, 160, endpoint=False))
    side = np.sqrt(1 - heights**2)
    grid = np.stack([side * np.cos(turns), side * np.sin(turns), heights], axis=-1).reshape(-1, 3)
    rises = np.stack([V.objective.risk(V.origin + radius * d) for d in grid]) / radius**2
    np.testing.assert_allclose(found, rises.max(axis=0), rtol=2e-3)
