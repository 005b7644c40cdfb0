"""The catalogue's numbers for a potential turned into a parametrization."""

import numpy as np
import pytest

import theorycheck as tc
from tests.proofs.descents import module

CONVERSE = module("li_wang_lee_arora_2022_converse")


def test_flow_of_the_fermi_potential():
    """G = sin²(x/2), ℓ = (w - 0.83)², x_0 = 1, t = 1.5: 0.52881775589 by both flows."""
    y, w0 = np.array(0.83), np.sin(0.5) ** 2
    objective = tc.Objective(CONVERSE.FERMI, tc.SquaredLoss(1.0), tc.Regression([[1.0]], [0.83]))
    w = np.sin(tc.follow(objective, tc.GradientFlow(accuracy=1e-11), [1.0], tc.Stop(time=1.5)).final[0] / 2) ** 2
    assert w == pytest.approx(0.52881775589, abs=1e-9)
    assert CONVERSE.elapsed(CONVERSE.FERMI, w, y) - CONVERSE.elapsed(CONVERSE.FERMI, w0, y) == pytest.approx(3.0, abs=1e-7)
