"""The catalogue's numbers: the counterexample in which a support vector that should go inactive cannot."""

import sys

import numpy as np
import pytest

from theorycheck.dynamics.margin_flows import dual_flow, simplex_minimum
from theorycheck.instances.classifiers import Classifier
from theorycheck.library import load, shelf

PAPER = load(shelf() / "moroshko_2020.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
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


def direction(lam):
    """The classifier of λ at least margin 1."""
    w = link(lam @ X)
    return w / (X @ w).min()


@pytest.mark.parametrize(("alpha", "sum_of_duals", "apart"), [(10.0, 3.671793, 0.1357), (100.0, 3.672651, 0.1339), (300.0, 3.672662, 0.1339)])
def test_distance_to_the_largest_margin_does_not_vanish(alpha, sum_of_duals, apart):
    best = direction(simplex_minimum(link, X, np.array(3.71697)).value)
    lam = dual_flow(link, X, np.array(sum_of_duals), np.array(alpha**2), steps=256).value
    assert margins(lam).min() == pytest.approx(100.0, abs=0.01)  # 1/μ
    assert np.linalg.norm(direction(lam) - best) / np.linalg.norm(best) == pytest.approx(apart, abs=5e-5)


@pytest.mark.parametrize(("share", "monotone"), [(0.25, True), (2.1, False)])
def test_the_premise_turns_the_counterexample_away(share, monotone):
    p = Classifier(2, 1.0, 1.0, X, np.zeros(5), share)
    assert float(p.tau) == pytest.approx(3 * share / 1.69)
    assert MODULE.independent(p)
    assert MODULE.grows(p) == monotone
