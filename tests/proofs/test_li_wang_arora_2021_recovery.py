"""The catalogue's recovered fractions."""

import numpy as np
import pytest

from tests.proofs.descents import module

RECOVERY = module("li_wang_arora_2021_recovery")


@pytest.mark.parametrize(("n", "low", "high"), [(4, 0.0, 0.2), (8, 0.1, 0.55), (12, 0.75, 1.0), (16, 0.95, 1.0)])
def test_recovered_fractions(n: int, low: float, high: float) -> None:
    """Catalogue, d = 60 inputs of which κ = 2 count, Rademacher, 40 trials: 0.03, 0.30, 0.90, 1.00."""
    designs = np.random.default_rng(5).integers(0, 2, size=(40, n, 60)) * 2.0 - 1.0
    solved, certified = RECOVERY.solved(designs, 2), RECOVERY.certified(designs, 2)
    assert low <= solved.mean() <= high
    assert not np.any(certified & ~solved)
