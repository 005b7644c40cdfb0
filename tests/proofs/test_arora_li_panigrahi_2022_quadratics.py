"""The catalogue's numbers for the two-cycle on a quadratic."""

import numpy as np
import pytest

from tests.proofs.descents import module
from theorycheck.instances import Bowl


def test_splits_of_the_cycle():
    """Catalogue, λ = (1, U(0.1, 0.95)²): no split below the bound, median of the smaller part 0.351."""
    arora, rng = module("arora_li_panigrahi_2022_quadratics"), np.random.default_rng(0)
    ratios, count = rng.uniform(0.1, 0.95, (500, 2)), 500
    bowl = Bowl(np.ones(count), ratios, np.broadcast_to(np.eye(3), (count, 3, 3)), rng.normal(size=(count, 3)), np.full(count, 0.1))
    _, a = arora.along_top(bowl)
    share = np.abs(a[-1, 0]) / np.abs(a[-1]).sum(axis=0)
    assert np.mean(share * (1 - share) >= np.max(ratios * (1 - ratios), axis=-1) / 2) > 0.99
    assert np.median(np.minimum(share, 1 - share)) == pytest.approx(0.351, abs=0.03)
