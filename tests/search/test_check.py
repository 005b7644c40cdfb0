"""Outcomes, messages and determinism of check."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import theorycheck as tc


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    n: int


@tc.recipe
def points(draw):
    n = draw(tc.integers(1, 5))
    return Point(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)), n)


def am_gm(p, precision, factor=2.0):
    return tc.at_least("x² + y² ≥ 2xy", p.x**2 + p.y**2, factor * p.x * p.y)


TRUE = tc.Theorem("am_gm", tc.CONJECTURE, points, (), am_gm, tight=True)
POSITIVE = tc.Premise("positive", "x > 0", lambda p: p.x > 0)
MINUS_ONE = tc.Premise("minus_one", "x = -1", lambda p: tc.equal("x = -1", p.x, -1.0), enforce=lambda p: replace(p, x=-1.0))
AT_SEVEN = tc.Premise("at_seven", "x = 7", lambda p: tc.equal("x = 7", p.x, 7.0))


def raising_once_in_a_thousand(p, precision):
    if abs(p.x) > 2.997:
        raise RuntimeError("no such point")
    return am_gm(p, precision)


CASES = [
    (TRUE, tc.Outcome.CORROBORATED, None),
    (replace(TRUE, stacked=True), tc.Outcome.CORROBORATED, None),
    (TRUE.claiming("factor_2_02", lambda p, _: am_gm(p, _, 2.02)), tc.Outcome.REFUTED, None),
    (replace(TRUE, premises=(AT_SEVEN,)), tc.Outcome.VACUOUS, "`at_seven` rejected 1000"),
    (replace(TRUE, claim=raising_once_in_a_thousand), tc.Outcome.INCONCLUSIVE, "RuntimeError: no such point"),
    (replace(TRUE, claim=lambda p, _: tc.at_most("nan", float("nan"), 1.0)), tc.Outcome.INCONCLUSIVE, "nan is not finite"),
    (replace(TRUE, claim=lambda p, _: tc.at_most("quotient", np.float64(p.x) / np.float64(0.0), 1.0)), tc.Outcome.INCONCLUSIVE, "divide by zero"),
    (replace(TRUE, claim=lambda p, _: p.x > 0), tc.Outcome.INCONCLUSIVE, "is not a comparison; return tc.at_most"),
    (replace(TRUE, premises=(POSITIVE, MINUS_ONE)), tc.Outcome.INCONCLUSIVE, "enforcing `minus_one` (x = -1) broke the earlier premise `positive`"),
    (replace(TRUE, premises=(MINUS_ONE,)), tc.Outcome.CORROBORATED, None),
    (replace(TRUE, claim=lambda p, _: tc.equal("x = x", p.x, p.x)), tc.Outcome.CORROBORATED, None),
    (replace(TRUE, claim=lambda p, _: tc.at_most("x ≤ x", p.x, p.x)), tc.Outcome.INCONCLUSIVE, "tight=True"),
]


@pytest.mark.parametrize(("theorem", "outcome", "sentence"), CASES)
def test_outcomes_and_sentences(theorem, outcome, sentence):
    verdict = tc.check(theorem, instances=1000)
    assert verdict.outcome is outcome, str(verdict)
    assert verdict.tried == verdict.admitted + sum(verdict.rejected.values()) + (verdict.undefined if verdict.admitted == 0 else 0)
    if sentence is not None:
        assert any(sentence in problem for problem in verdict.problems), verdict.problems


def test_the_smallest_counterexample_is_found_from_every_seed():
    theorem = TRUE.claiming("factor_2_0002", lambda p, _: am_gm(p, _, 2.0002))
    for seed in range(30):
        found = tc.check(theorem, seed=seed).counterexample
        assert found is not None, seed
        assert found.instance == Point(1.0, 1.0, 1), seed
        assert found.exhausted
        assert len(found.choices) <= len(found.first)


def test_a_check_is_a_function_of_its_seed():
    theorem = TRUE.claiming("factor_2_0002", lambda p, _: am_gm(p, _, 2.0002))
    one, two = tc.check(theorem, seed=5), tc.check(theorem, seed=5)
    assert replace(one, seconds=0.0, counterexample=None) == replace(two, seconds=0.0, counterexample=None)
    assert one.counterexample.choices == two.counterexample.choices


def test_stacked_and_single_claims_agree():
    single, stacked = tc.check(TRUE, seed=3), tc.check(replace(TRUE, stacked=True), seed=3)
    assert (single.admitted, single.holds, single.too_close) == (stacked.admitted, stacked.holds, stacked.too_close)
    assert (single.tightest.slack, single.tightest.index) == (stacked.tightest.slack, stacked.tightest.index)


def test_more_jobs_need_a_file():
    with pytest.raises(tc.InvalidArgument, match="as a file lists it"):
        tc.check(replace(TRUE, claim=lambda p, _: am_gm(p, _)), jobs=2)


@pytest.mark.parametrize("arguments", [{"instances": 0}, {"jobs": 0}, {"instances": 2.5}])
def test_wrong_arguments(arguments):
    with pytest.raises(tc.InvalidArgument, match="must be a whole number from 1"):
        tc.check(TRUE, **arguments)


def test_the_name_of_a_theorem_is_no_theorem():
    with pytest.raises(tc.InvalidArgument, match=r"`theorem=am_gm` is no Theorem; pass one, such as tc[.]theorem"):
        tc.check("am_gm")


def test_an_admitted_instance():
    odd = tc.Premise("odd", "n is odd", lambda p: p.n % 2 == 1)
    theorem = replace(TRUE, premises=(POSITIVE, tc.Premise("at_one", "y = 1", lambda p: p.y == 1.0, lambda p: replace(p, y=1.0)), odd))
    for seed, index in ((0, 0), (1, 0), (1, 7)):
        drawn = (points.sample(seed, k).value for k in range(index, 200))
        first = next(p for p in drawn if p.x > 0 and p.n % 2 == 1)
        assert tc.instance(theorem, seed, index) == replace(first, y=1.0)


REJECTING = [
    (AT_SEVEN, "`theorem=am_gm` admits none of the instances 5 to 1004 of seed 1, most often as `at_seven` rejects it"),
    (tc.Premise("raises", "1/0", lambda p: 1 // 0 > 0), "most often as ZeroDivisionError: .* \\(1000 times\\); give the premise an enforce"),
]


@pytest.mark.parametrize(("premise", "message"), REJECTING, ids=str)
def test_no_admitted_instance_names_the_premise(premise, message):
    with pytest.raises(tc.InvalidArgument, match=message):
        tc.instance(replace(TRUE, premises=(premise,)), seed=1, index=5)


def test_examine_shows_premises_and_sides():
    seen = tc.examine(replace(TRUE, premises=(POSITIVE,)), Point(-1.0, 2.0, 1))
    assert seen.premises == {"positive": False}
    assert not seen.admitted
    assert seen.standing is tc.Standing.HOLDS
    assert (seen.comparison.worst.left, seen.comparison.worst.right) == (5.0, -4.0)
    broken = tc.examine(replace(TRUE, claim=raising_once_in_a_thousand), Point(3.0, 2.0, 1))
    assert broken.standing is tc.Standing.UNDEFINED
    assert "no such point" in str(broken.problem)
