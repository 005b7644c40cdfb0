"""The adversary: needles found, the smallest of them reached, nothing true accused, the same answer with any number of jobs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.library import Address, load
from theorycheck.search.adversary import LEAST, pursuits
from theorycheck.search.tallies import tallied

FILE = Path(__file__).with_name("needles.py")
NAMED = {needle.name: needle for needle in load(FILE).false}
NEEDLES = [pytest.param(needle, id=name) for name, needle in NAMED.items()]


@pytest.mark.parametrize("needle", NEEDLES)
def test_samples_miss_it_and_the_adversary_does_not(needle):
    without = tc.check(needle, instances=1000, seed=3, pursue=0)
    assert without.outcome is not tc.Outcome.REFUTED
    assert without.pursued == 0
    found = tc.check(needle, instances=1000, seed=3, pursue=20_000)
    assert found.outcome is tc.Outcome.REFUTED, str(found)
    assert found.tried == 1000
    assert 0 < found.pursued <= 20_000
    assert found.counterexample.index is None
    assert "adversary" in found.counterexample.origin
    assert (len(found.counterexample.choices), sum(found.counterexample.choices)) <= (
        len(found.counterexample.first),
        sum(found.counterexample.first),
    )


def test_any_number_of_jobs_finds_the_same():
    needle = NAMED["two_step_orbit"]
    alone = tc.check(needle, instances=500, seed=1, pursue=8000)
    together = tc.check(needle, instances=500, seed=1, pursue=8000, jobs=2, address=Address(str(FILE), needle.name))
    assert alone.outcome is tc.Outcome.REFUTED
    assert (alone.counterexample.choices, alone.counterexample.first) == (together.counterexample.choices, together.counterexample.first)
    assert alone.pursued == together.pursued


def test_a_pursuit_is_a_function_of_its_address():
    needle = NAMED["start_on_stable_manifold"]
    total = tallied(needle, 2, 0, 256)
    first, again = pursuits(needle, 2, total, 800), pursuits(needle, 2, total, 800)
    assert first == again
    assert len(first) == 1 + 800 // LEAST
    assert [task[2] for task in first] == list(range(5))


def product_at_most_squares(p, precision, factor=1.0):
    """2 x_0 x_1 ≤ x_0² + x_1², with equality on a line: the pursuit ends on ties."""
    x = p.x.reshape(-1, p.x.shape[-1])
    sides = 2 * factor * x[:, 0] * x[:, 1], x[:, 0] ** 2 + x[:, 1] ** 2
    return tc.at_most("2 x y ≤ x² + y²", *(side.reshape(p.x.shape[:-1]) for side in sides))


AMBIENT = NAMED["near_critical_step"].ambient
TIED = tc.Theorem("tied", tc.CONJECTURE, AMBIENT, (), product_at_most_squares, tight=True)


@pytest.mark.parametrize("theorem", [TIED, replace(TIED, stacked=True)], ids=["alone", "stacked"])
def test_a_true_near_tie_is_pursued_and_never_accused(theorem):
    verdict = tc.check(theorem, instances=200, seed=5, pursue=4000)
    assert verdict.outcome is tc.Outcome.CORROBORATED, str(verdict)
    assert 3990 <= verdict.pursued <= 4000
    assert abs(verdict.tightest.slack) < 1e-9


@pytest.mark.parametrize("stacked", [False, True], ids=["alone", "stacked"])
def test_a_constant_too_good_by_a_millionth_falls(stacked):
    falsehood = replace(TIED.claiming("too_good", lambda p, _: product_at_most_squares(p, _, 1 + 1e-12)), stacked=stacked)
    turned = replace(falsehood, ambient=shifted, claim=lambda p, _: shifted_claim(p, stacked))
    assert tc.check(turned, instances=200, seed=5, pursue=0).outcome is not tc.Outcome.REFUTED
    verdict = tc.check(turned, instances=200, seed=5, pursue=6000)
    assert verdict.outcome is tc.Outcome.REFUTED, str(verdict)


@tc.recipe
def shifted(draw):
    return replace(AMBIENT.replay(()).value, x=draw(tc.array(2, 0.1, 1.9)))


def shifted_claim(p, stacked):
    x = p.x / np.array([1.0, np.sqrt(3.0)])
    return tc.at_most("2 x y ≤ x² + y²", 2 * (1 + 1e-6) * x[..., 0] * x[..., 1], x[..., 0] ** 2 + x[..., 1] ** 2)


def test_premises_lead_the_way():
    """An instance the premises reject is worth the less the farther it is; the needle lies where few samples are admitted."""
    ring = tc.Premise("ring", "|x|² ≥ 3", lambda p: tc.at_least("|x|² ≥ 3", p.x @ p.x, 3.0))
    theorem = replace(
        NAMED["narrow_cone"], premises=(ring,), claim=lambda p, _: tc.at_most("cos ≤ 1 - 5e-9", p.x @ AXIS / np.sqrt(p.x @ p.x), 1 - 5e-9)
    )
    verdict = tc.check(theorem, instances=200, seed=0, pursue=8000)
    assert verdict.outcome is tc.Outcome.REFUTED
    assert verdict.counterexample.instance.x @ verdict.counterexample.instance.x >= 3


AXIS = np.array([1.0, np.sqrt(2.0), -np.sqrt(3.0)]) / np.sqrt(6.0)


def test_nothing_to_move_is_no_error():
    @tc.recipe
    def whole(draw):
        return replace(AMBIENT.replay(()).value, n=draw(tc.integers(0, 9)))

    verdict = tc.check(tc.Theorem("whole", tc.CONJECTURE, whole, (), lambda p, _: tc.at_least("n ≥ -1", float(p.n), -1.0)), instances=50)
    assert verdict.outcome is tc.Outcome.CORROBORATED
    assert verdict.pursued == 0
