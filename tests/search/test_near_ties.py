"""Law 3: true near-ties are never accused, real violations of 1e-12 are."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.search import rounding
from theorycheck.search.tallies import judged

SEEDS = 30


@dataclass(frozen=True)
class Pair:
    x: float
    y: float


@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))


def cancelled(p):
    """(1 + s) - 1 against s, s a thousandth of x: equal over the reals, off by up to 1e-13 in floats."""
    s = p.x / 1000
    return (1 + s) - 1, s


def solved(p):
    """A⁻¹(Av) against v at condition 4e7."""
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-7]])
    v = np.array([p.x, p.y])
    return np.linalg.solve(A, A @ v), v


def expanded(p):
    """x² + 2xy + y² against (x + y)²."""
    return p.x**2 + 2 * p.x * p.y + p.y**2, (p.x + p.y) ** 2


def two_large_sums(p):
    """(u² + a) - (v² + b), term by term of one size, against its small exact value: both sums round the same way in one mode."""
    u, v = 1 + p.x / 1000, 1 + p.y / 1000
    return u * u - v * v, (u - v) * (u + v)


NEAR_TIES = (cancelled, solved, expanded, two_large_sums)
RELATIONS = (tc.at_most, tc.at_least, tc.equal)


@pytest.mark.skipif(not rounding.available(), reason="this machine cannot change its rounding mode")
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("sides", NEAR_TIES)
def test_true_near_ties_are_never_accused(sides, relation):
    theorem = tc.Theorem("near_tie", tc.CONJECTURE, pairs, (), lambda p, _: relation("equal over the reals", *sides(p)))
    for seed in range(SEEDS):
        verdict = tc.check(theorem, instances=24, seed=seed)
        assert verdict.outcome is not tc.Outcome.REFUTED, (seed, str(verdict))
        assert verdict.undefined == 0


@pytest.mark.parametrize("relation", [tc.at_least, tc.equal])
def test_a_violation_of_1e_12_is_accused(relation):
    theorem = tc.Theorem("off_by_1e_12", tc.CONJECTURE, pairs, (), lambda p, _: relation("x² against (1 + 1e-12) x²", p.x**2, (1 + 1e-12) * p.x**2))
    for seed in range(SEEDS):
        verdict = tc.check(theorem, instances=100, seed=seed)
        assert verdict.outcome is tc.Outcome.REFUTED, seed
        assert verdict.counterexample.instance == Pair(1.0, 0.0)


def inflated(p, precision, gap):
    return tc.at_least("x²", p.x**2, (1 + gap) * p.x**2)


def test_without_rounding_modes_nothing_closer_than_1e_6_is_accused(monkeypatch):
    monkeypatch.setattr("theorycheck.search.confirmation.available", lambda: False)
    for gap, outcome in ((1e-12, tc.Outcome.INCONCLUSIVE), (1e-4, tc.Outcome.REFUTED)):
        theorem = tc.Theorem("off", tc.CONJECTURE, pairs, (), partial(inflated, gap=gap))
        assert tc.check(theorem, instances=100).outcome is outcome


@pytest.mark.skipif(not rounding.available(), reason="this machine cannot change its rounding mode")
@pytest.mark.skipif(not rounding.available(), reason="this machine cannot change its rounding mode")
def test_other_modes_run_only_where_there_is_something_left_to_decide():
    found, levels = rounding._library(), []
    assert found is not None

    def tie(p, precision, gap):
        levels.append((precision.level, found[1].index(found[0].fegetround())))
        return tc.at_least("x² against (1 - gap) x²", p.x**2 + 1, (1 - gap) * (p.x**2 + 1))

    def seen(gap):
        theorem = tc.Theorem("tie", tc.CONJECTURE, pairs, (), partial(tie, gap=gap))
        levels.clear()
        return judged(theorem, theorem.ambient.sample(0, 5)).entry.standing, levels

    assert seen(0.0) == (tc.Standing.TOO_CLOSE, [(0, 0), (1, 0)])
    assert seen(1e-9) == (tc.Standing.HOLDS, [(0, 0)] + [(1, mode.value) for mode in (rounding.Rounding.NEAREST, *rounding.OTHERS)])


def test_one_mode_for_a_whole_run_has_a_blind_spot_that_shuffling_closes():
    """Found by checking arora_2018: without shuffled runs true identities of the kind D(θ') - D(θ) were accused."""

    def difference(a, b):
        return (1 + a) * (1 + a) - (1 + b) * (1 + b)

    rng = np.random.default_rng(0)
    blind, closed = 0, 0
    for a, b in rng.normal(size=(200, 2)) * 1e-3:
        with rounding.rounded(rounding.Rounding.DOWN):
            down = difference(a, b)
        with rounding.rounded(rounding.Rounding.UP):
            up = difference(a, b)
        if up == down == difference(a, b):
            blind += 1
            seen = set()
            for seed in range(12):
                with rounding.shuffled(seed):
                    seen.add(difference(a, b))
            closed += len(seen) > 1
    assert blind > 10
    assert closed == blind


def test_rounding_modes_round_the_way_they_say():
    third = []
    for mode in (rounding.Rounding.DOWN, rounding.Rounding.NEAREST, rounding.Rounding.UP):
        with rounding.rounded(mode):
            third.append((np.array([1.0]) / np.array([3.0]))[0])
    assert third[0] < third[2]
    assert third[1] in (third[0], third[2])
    assert (np.array([1.0]) / np.array([3.0]))[0] == third[1]  # the mode is restored
