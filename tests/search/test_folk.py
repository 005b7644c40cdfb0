"""The folk statement about 2/step falls twice, each time to the smallest example; with slow landings it is not seen to fall."""

from pathlib import Path

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.library import load

PAPER = load(Path(__file__).with_name("folk.py"))
NAMED = {theorem.name: theorem for theorem in (*PAPER.theorems, *PAPER.false)}


@pytest.mark.parametrize("seed", [0, 1])
def test_it_falls_to_a_start_that_is_stationary_already(seed):
    found = tc.check(NAMED["settled_sharpness"], instances=2000, seed=seed).counterexample
    assert found.exhausted
    assert (found.instance.x, found.instance.y, found.instance.start.tolist(), found.instance.step) == (2, 0, [0, 1], 1)
    assert int(found.instance.path.cost) == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_falls_again_to_a_jump_onto_a_sharp_minimiser(seed):
    found = tc.check(NAMED["settled_sharpness_of_moving"], instances=2000, seed=seed).counterexample
    assert found.exhausted
    run = found.instance
    assert int(run.path.cost) == 1
    assert (run.x, run.y, run.start.tolist(), run.step) == (1, 0, [1, 2], 0.5)
    # (1, 2) -> (-3, 0), where 2 x² |θ|² = 18 > 2/step = 4
    np.testing.assert_array_equal(run.path.final, [-3.0, 0.0])


def test_slow_landings_are_flat():
    verdict = tc.check(NAMED["settled_sharpness_of_slow"], instances=1500, seed=0)
    assert verdict.outcome is tc.Outcome.CORROBORATED, str(verdict)
