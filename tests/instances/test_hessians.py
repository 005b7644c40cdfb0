"""Hessians by eigenvalues and basis: the promised spectrum, the step at the edge of heavy ball's stability, stacks."""

import numpy as np
import pytest

from theorycheck.instances.hessians import Curved, curved
from theorycheck.instances.stacking import stacked


@pytest.mark.parametrize("momentum", [False, True])
def test_recipe_keeps_its_ranges(momentum):
    flat = alike = 0
    for index in range(80):
        c = curved(momentum).sample(2, index).value
        np.testing.assert_allclose(np.linalg.eigvalsh(c.hessian), np.sort(c.eigenvalues), atol=1e-14)
        np.testing.assert_array_equal(c.hessian, c.of(c.eigenvalues))
        assert 0.25 <= c.beta <= 0.875 if momentum else c.beta == 0
        assert 0.09375 <= c.share <= 1.5
        assert 0.25 <= c.sigma <= 1
        assert c.batch in (1, 2, 3, 4)
        flat, alike = flat + (c.eigenvalues[2] == 0), alike + (c.eigenvalues[0] == c.eigenvalues[1])
        assert np.all(c.eigenvalues[:2] >= 0.5)
    assert min(flat, alike) > 20


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize(("share", "grows"), [(0.96875, False), (1.03125, True)])
def test_share_one_is_where_heavy_ball_stops_being_stable(beta, share, grows):
    c = Curved(np.array([2.0, 0.5, 0.0]), np.eye(3), share, beta, 1.0, 1.0)
    before = now = 1.0  # along the top eigenvector, slow loop
    for _ in range(2000):
        before, now = now, now - float(c.step) * 2.0 * now + beta * (now - before)
    assert (abs(now) > 1) == grows


def test_a_stack_is_its_members():
    members = [curved(True).sample(0, index).value for index in range(5)]
    together = stacked(members)
    for k, c in enumerate(members):
        np.testing.assert_array_equal(together.hessian[k], c.hessian)
        assert together.step[k] == c.step
