"""Which premises are needed: the four answers, pairs, and what an answer is worth."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.errors import InvalidArgument
from theorycheck.library import load, shelf
from theorycheck.report.ablations import ablation_record, ablations_status
from theorycheck.search.ablation import Ablation, Need, ablate
from theorycheck.search.outside import OUTSIDE, fails, variants_of
from theorycheck.search.workers import Workers


@dataclass(frozen=True)
class Pair:
    x: float
    y: float


@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))


@tc.recipe
def positive_pairs(draw):
    return Pair(draw(tc.reals(1, 3)), draw(tc.reals(1, 3)))


positive = tc.Premise("positive", "x > 0", lambda p: p.x > 0)
also_positive = tc.Premise("also_positive", "2x > 0", lambda p: 2 * p.x > 0)
nonzero = tc.Premise("nonzero", "x ≠ 0", lambda p: p.x != 0)
low = tc.Premise("low", "y ≤ 2", lambda p: p.y <= 2)
forced = tc.Premise("forced", "x = 1", lambda p: tc.equal("x = 1", p.x, 1.0), enforce=lambda p: replace(p, x=1.0))
on_parabola = tc.Premise("on_parabola", "y = x²", lambda p: tc.equal("y = x²", p.y, p.x**2), enforce=lambda p: replace(p, y=p.x**2))


def theorem(claim, *premises, ambient=pairs, **more):
    return tc.Theorem("t", tc.CONJECTURE, ambient, premises, claim, **more)


def x_nonnegative(p, precision):
    return tc.at_least("x + 4 ≥ 4", p.x + 4, 4.0)


def inverse_square(p, precision):
    return tc.at_least("1 + 1/x² ≥ 1", 1 + 1 / p.x**2, 1.0)


def y_nonnegative(p, precision):
    return tc.at_least("y + 4 ≥ 4", p.y + 4, 4.0)


def everywhere(p, precision):
    return tc.at_least("x² + 1 ≥ 0", p.x**2 + 1, 0.0)


CASES = {
    "needed": (theorem(x_nonnegative, positive), {("positive",): Need.NEEDED}),
    "well posed": (theorem(inverse_square, nonzero), {("nonzero",): Need.WELL_POSEDNESS}),
    "does not matter": (theorem(everywhere, low), {("low",): Need.NOT_SEEN_TO_MATTER}),
    "never left": (theorem(everywhere, positive, ambient=positive_pairs), {("positive",): Need.NEVER_LEFT}),
    "a map goes with its premise": (theorem(y_nonnegative, on_parabola), {("on_parabola",): Need.NEEDED}),
    "either of two": (
        theorem(x_nonnegative, positive, also_positive),
        {("positive",): Need.NEVER_LEFT, ("also_positive",): Need.NEVER_LEFT, ("positive", "also_positive"): Need.NEEDED},
    ),
    "a map that forces another": (
        theorem(everywhere, positive, forced),
        {("positive",): Need.NEVER_LEFT, ("forced",): Need.NOT_SEEN_TO_MATTER, ("positive", "forced"): Need.NOT_SEEN_TO_MATTER},
    ),
    "refuted as it stands": (theorem(lambda p, precision: tc.at_least("-1 ≥ 0", -1.0, 0.0), low), {("low",): Need.NEEDED}),
    "undefined as it stands": (theorem(inverse_square, low), {("low",): Need.UNDECIDED}),
    "no premises": (theorem(everywhere), {}),
}


def answers(ablation: Ablation) -> dict[tuple[str, ...], Need]:
    return {tuple(p.name for p in d.premises): d.need for d in ablation.dropped}


@pytest.mark.parametrize("name", CASES)
def test_each_premise_has_its_answer(name: str) -> None:
    asked, expected = CASES[name]
    ablation = ablate(asked, instances=200)
    assert answers(ablation) == expected
    for d in ablation.dropped:
        assert d.outside + sum(d.verdict.rejected.values()) + d.verdict.undefined >= d.tried
        assert d.counterexample is None or all(fails(premise, d.counterexample.instance) for premise in d.premises)
        assert d.sentence


def test_a_premise_that_fails_at_zero_only_is_left_by_simplified_instances() -> None:
    some = tc.Premise("some", "v ≠ 0", lambda v: bool(np.any(v)))
    asked = theorem(lambda v, precision: tc.at_least("1/|v|² ≥ 0", 1 / (v @ v), 0.0), some, ambient=tc.recipe(lambda draw: draw(tc.array(12, -3, 3))))
    (found,) = ablate(asked, instances=100).dropped
    assert (found.need, found.simplified) == (Need.WELL_POSEDNESS, True)
    assert found.verdict.undefined > 5
    assert "of 100 instances drawn toward their simplest numbers" in found.sentence


def test_where_a_premise_that_stays_is_undefined_inside_it_is_not_asked() -> None:
    """1/x < 5 is undefined at x = 0, which lies inside x ≤ 0: dropping that leaves no undefined instance."""
    nonpositive = tc.Premise("nonpositive", "x ≤ 0", lambda p: p.x <= 0)
    moderate = tc.Premise("moderate", "1/x < 5", lambda p: 1 / p.x < 5)
    (first, _) = ablate(theorem(everywhere, nonpositive, moderate), instances=200).dropped[:2]
    assert first.need is Need.NOT_SEEN_TO_MATTER
    assert first.verdict.undefined == 0
    assert first.outside + first.stayed + first.verdict.rejected.get("moderate", 0) == first.tried


def test_counterexamples_lie_outside_and_are_the_smallest() -> None:
    ablation = ablate(theorem(y_nonnegative, on_parabola), instances=200)
    (dropped,) = ablation.dropped
    assert dropped.counterexample.instance == Pair(0.0, -1.0)
    # on y ≤ x² - 5 the claim fails, and inside it holds: the negation of the premise is part of the statement that is refuted
    assert dropped.counterexample.theorem.premises[-1].name == OUTSIDE


def test_an_answer_says_how_many_tries_it_rests_on() -> None:
    hardly = tc.Premise("hardly_left", "x < 2.95", lambda p: p.x < 2.95)
    ablation = ablate(theorem(everywhere, hardly), instances=100)
    (dropped,) = ablation.dropped
    assert dropped.need is Need.NOT_SEEN_TO_MATTER
    assert 0 < dropped.outside < 10
    assert f"{dropped.outside} of 100 instances lie outside, hardly any ({dropped.stayed} satisfy it all the same)" in dropped.sentence
    assert dropped.hardest.slack == 1.0


def test_the_question_can_be_asked_by_name() -> None:
    ablation = ablate(theorem(x_nonnegative, positive, also_positive), instances=100)
    assert ablation.need("positive", also_positive) is Need.NEEDED
    with pytest.raises(InvalidArgument, match="were not dropped together; choose among positive, also_positive, positive and also_positive"):
        ablation.need("low")


@pytest.mark.parametrize("wrong", [{"instances": 0}, {"jobs": 0}])
def test_counts_are_positive(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="must be a whole number from 1"):
        ablate(CASES["needed"][0], **wrong)


# -- the library --

PAPER = load(shelf() / "marion_chizat_2024.py")


def named(name: str) -> tc.Theorem:
    return next(t for t in (*PAPER.theorems, *PAPER.false) if t.name == name)


def test_premises_of_the_lower_bound() -> None:
    """The minimiser is needed, w* ≠ 0 is there for the bound to mean something, and full rank is put in for the purpose."""
    full_rank = tc.Premise("full_rank", "Σ is invertible", lambda f: np.linalg.matrix_rank(f.covariance) == f.widths[0])
    bound = named("sharpness_ge_of_minimiser")
    ablation = ablate(replace(bound, premises=(full_rank, *bound.premises)), instances=200)
    assert answers(ablation) == {
        ("full_rank",): Need.NOT_SEEN_TO_MATTER,
        ("target_nonzero",): Need.WELL_POSEDNESS,
        ("at_minimiser",): Need.NEEDED,
    }
    full, _, minimiser = ablation.dropped
    assert full.outside >= 15
    assert minimiser.counterexample.instance.widths == (1, 1, 1)


def test_a_variant_takes_the_place_of_a_joint_map() -> None:
    """Dropping a premise drops the joint map, and then nothing is drawn on the curve; a map of its own reaches it again."""
    on_curve = tc.Premise("on_curve", "y = x²/3 + 1/7", lambda p: tc.equal("y = x²/3 + 1/7", p.y, p.x**2 / 3 + 1 / 7))
    joint = theorem(x_nonnegative, positive, on_curve, enforce=lambda p: Pair(abs(p.x) + 1, (abs(p.x) + 1) ** 2 / 3 + 1 / 7))
    variant = joint.without(positive, enforce=lambda p: replace(p, y=p.x**2 / 3 + 1 / 7))
    assert ablate(joint, instances=100).need(positive) is Need.NEVER_LEFT
    assert variants_of(joint, (variant, joint.without(on_curve), joint.claiming("else", everywhere))) == (variant,)
    assert ablate(joint, instances=100, variants=(variant,)).need(positive) is Need.NEEDED


def test_the_library_has_a_variant() -> None:
    paper = load(shelf() / "marion_chizat_2024_balanced.py")
    balanced = next(t for t in paper.theorems if t.name == "sharpness_eq_balanced_of_balanced")
    assert [v.name for v in variants_of(balanced, paper.false)] == ["sharpness_eq_balanced_of_balanced:without_at_minimiser"]


# -- any number of jobs --


FILE = """
import theorycheck as tc

@tc.recipe
def pairs(draw):
    return (draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))

positive = tc.Premise("positive", "x > 0", lambda p: p[0] > 0)
also = tc.Premise("also", "2x > 0", lambda p: 2 * p[0] > 0)
nonzero = tc.Premise("nonzero", "y ≠ 0", lambda p: p[1] != 0)

def claim(p, precision):
    return tc.at_least("x + 1/y² ≥ 0", p[0] + 1 / p[1]**2, 0.0)

THEOREMS = (tc.Theorem("t", tc.CONJECTURE, pairs, (positive, also, nonzero), claim),)
"""


def test_answers_do_not_depend_on_jobs(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(FILE)
    asked = load(tmp_path / "file.py").theorems[0]
    alone = ablate(asked, instances=130)
    with Workers(2) as workers:
        together = ablate(asked, instances=130, workers=workers)
    assert answers(alone) == answers(together)
    assert set(answers(alone).values()) == {Need.NEVER_LEFT, Need.WELL_POSEDNESS, Need.NEEDED}
    for a, b in zip(alone.dropped, together.dropped, strict=True):
        assert (a.outside, a.verdict.rejected, a.verdict.problems, a.hardest) == (b.outside, b.verdict.rejected, b.verdict.problems, b.hardest)
        assert (a.counterexample and a.counterexample.choices) == (b.counterexample and b.counterexample.choices)


def test_workers_need_an_address() -> None:
    with Workers(1) as workers, pytest.raises(InvalidArgument, match="pass jobs=1, or say address="):
        ablate(CASES["needed"][0], workers=workers)


# -- records --


def test_statuses_and_records(tmp_path: Path) -> None:
    found = {name: ablate(asked, instances=100) for name, (asked, _) in CASES.items()}
    statuses = {name: int(ablations_status([ablation])) for name, ablation in found.items()}
    assert statuses == dict.fromkeys(CASES, 0) | {
        "never left": 3,
        "either of two": 3,
        "a map that forces another": 3,
        "refuted as it stands": 1,
        "undefined as it stands": 3,
    }
    record = ablation_record("paper", found["needed"])
    assert record.pop("seconds") >= 0
    (dropped,) = record.pop("dropped")
    assert record == {"theorem": "t", "paper": "paper", "outcome": "CORROBORATED", "seed": 0}
    assert (dropped["premises"], dropped["answer"]) == (["positive"], "NEEDED")
    assert dropped["counterexample"]["instance"] == "Pair(x=-1, y=0)"
