"""The catalogue's numbers: ideal and balanced sums at diag(2, 1)."""

import sys

import numpy as np
import pytest

from theorycheck.instances import SensedNetwork
from theorycheck.library import load, shelf

PAPER = load(shelf() / "gatmiry_2023.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def instance_of(M, depth):
    """A network of square layers with product M, and isotropic measurements."""
    d = len(M)
    n = d * d
    layers = [np.asarray(M, dtype=float), *[np.eye(d)] * (depth - 1)]
    return SensedNetwork((d,) * (depth + 1), np.concatenate([W.ravel() for W in layers]), np.ones(n), np.eye(n), 0.5, np.zeros(n), 2.0**-30)


@pytest.mark.parametrize(("depth", "least", "balanced"), [(2, 12.0, 12.0), (3, 20.6049, 20.7740)])
def test_sums_at_diag_2_1(depth, least, balanced):
    f = instance_of(np.diag([2.0, 1.0]), depth)
    assert MODULE.ideal(f) == pytest.approx(least, abs=1e-4)
    for g, value in ((MODULE.at_ideal(f), least), (MODULE.at_balanced(f), balanced)):
        np.testing.assert_allclose(g.M, np.diag([2.0, 1.0]), atol=1e-14)
        assert MODULE.sum_of_norms(g.layers) == pytest.approx(value, abs=1e-4)
