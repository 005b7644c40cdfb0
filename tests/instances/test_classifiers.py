"""Diagonal networks on two samples: the link, the dual of a point, and the room for the sum of the duals."""

from __future__ import annotations

import numpy as np
import pytest

from theorycheck.instances.classifiers import classifiers, link


@pytest.mark.parametrize(("depth", "slope"), [(2, 2.0), (3, 6.0), (4, 4.0), (6, 3.0)])
def test_slope_of_the_link_at_zero(depth, slope):
    assert (link(1e-5, depth) - link(-1e-5, depth)) / 2e-5 == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("index", range(12))
def test_the_link_is_the_map_along_the_dual(index):
    # u_±^(2-D) = (α^(2-D))(1 ∓ z) for D > 2, u_± = α exp(±z/2) for D = 2, and w = u_+^D - u_-^D
    p = classifiers().sample(1, index).value
    D, z = p.depth, p.z
    u, v = (p.alpha * (np.exp(s * z / 2) if D == 2 else (1 - s * z) ** (1 / (2 - D))) for s in (1, -1))
    np.testing.assert_allclose(u**D - v**D, p.alpha**D * p.link(z), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(p.dual * (4 if D == 2 else D * (D - 2) * p.alpha ** (D - 2)), z, rtol=1e-13)
    assert np.array_equal(p.start, p.alpha * np.repeat([1.0, p.ratio], p.X.shape[-1]))


@pytest.mark.parametrize("index", range(12))
def test_duals_of_the_given_sum_stay_in_the_domain_of_the_link(index):
    p = classifiers((3, 4, 5)).sample(2, index).value
    assert np.abs(p.X.T * p.tau).max() < 1
