"""The catalogue's counterexample: a support vector that should go inactive cannot."""

import numpy as np
import pytest

from theorycheck.dynamics.margin_flows import dual_flow, simplex_minimum

X = np.array([[0.82, 0.8, 0.98, 1.69, -0.05], [0.94, -0.74, -0.35, 1.06, 0.39]])


def link(z):
    """h_2."""
    return 2 * np.sinh(z)


def margins(lam):
    """X h(Xᵀλ)."""
    return link(lam @ X) @ X.T


@pytest.mark.parametrize(("alpha", "ratio"), [(10.0, 1.1425), (100.0, 1.1407), (300.0, 1.1406)])
def test_margins_of_the_flow_stay_apart(alpha, ratio):
    seen = margins(dual_flow(link, X, np.array(3.68), np.array(alpha**2), steps=256).value)
    assert seen[0] / seen[1] == pytest.approx(ratio, abs=5e-4)


def test_the_limit_it_should_have_has_equal_margins():
    lam = simplex_minimum(link, X, np.array(3.688 + 0.0286)).value
    np.testing.assert_allclose(lam, [0.0286, 3.688], atol=2e-3)
    seen = margins(lam)
    assert seen[0] == pytest.approx(seen[1], rel=1e-6)
