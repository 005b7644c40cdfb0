"""The catalogue's numbers: the integrals of the inverse links, by quadrature."""

import sys

import pytest
from scipy.integrate import quad

from theorycheck.instances.classifiers import link
from theorycheck.library import load, shelf

PAPER = load(shelf() / "moroshko_2020_shape.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_integral_of_the_inverse_link(depth):
    y = 0.7
    area = quad(lambda s: s * (link(s + 1e-6, depth) - link(s - 1e-6, depth)) / 2e-6, 0, y)[0]
    assert MODULE.integral(y, depth) == pytest.approx(area, rel=1e-7)
