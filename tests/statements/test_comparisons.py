"""Standings, slack and bars of comparisons."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.statements.comparisons import Standing

M = tc.Measured
NAN, INF = float("nan"), float("inf")

CASES = [
    (tc.at_most("", 1.0, 2.0), Standing.HOLDS, 1 / 3),
    (tc.at_most("", 2.0, 1.0), Standing.VIOLATED, -1 / 3),
    (tc.at_least("", 2.0, 1.0), Standing.HOLDS, 1 / 3),
    (tc.at_least("", -2.0, -1.0), Standing.VIOLATED, -1 / 3),
    (tc.at_most("", M(1.0, 0.6), M(2.0, 0.6)), Standing.TOO_CLOSE, 1 / 3),
    (tc.at_most("", M(2.0, 0.6), M(1.0, 0.6)), Standing.TOO_CLOSE, -1 / 3),
    (tc.at_most("", M(1.0, 0.4), M(2.0, 0.4)), Standing.HOLDS, 1 / 3),
    (tc.at_most("", 0.0, 0.0), Standing.TOO_CLOSE, 0.0),
    (tc.at_most("", 1.0, 1.0), Standing.TOO_CLOSE, 0.0),
    (tc.at_most("", 1.0, 1.0 + 1e-12), Standing.HOLDS, 5e-13),
    (tc.at_most("", NAN, 1.0), Standing.UNDEFINED, NAN),
    (tc.at_most("", 1.0, INF), Standing.UNDEFINED, NAN),
    (tc.at_most("", M(1.0, INF), 2.0), Standing.TOO_CLOSE, 1 / 3),
    (tc.at_most("", M(1.0, NAN), 2.0), Standing.UNDEFINED, 1 / 3),
    (tc.at_most("", [1.0, 3.0, 0.0], 2.0), Standing.VIOLATED, -0.2),
    (tc.at_most("", [1.0, NAN, 3.0], 2.0), Standing.VIOLATED, -0.2),
    (tc.at_most("", [1.0, NAN], 2.0), Standing.UNDEFINED, NAN),
    (tc.equal("", 1.0, 1.0), Standing.HOLDS, 0.0),
    (tc.equal("", 0.0, 0.0), Standing.HOLDS, 0.0),
    (tc.equal("", 1.0, 1.0 + 1e-12), Standing.VIOLATED, -5e-13),
    (tc.equal("", M(1.0, 1e-3), 1.0001), Standing.TOO_CLOSE, -1e-4 / 2.0001),
    (tc.equal("", M(1.0, 1e-3), 1.0001, resolution=1e-2), Standing.HOLDS, -1e-4 / 2.0001),
    (tc.equal("", M([1.0, 1e-17], [0, 1e-17]), [1.0, 0.0]), Standing.HOLDS, -5e-18),
    (tc.equal("", 1e-20, 0.0), Standing.VIOLATED, -1.0),
    (tc.equal("", 1e-20, 0.0, scale=1.0), Standing.HOLDS, -1e-20),
    (tc.equal("", 1e-3, 0.0, scale=1.0), Standing.VIOLATED, -1e-3),
    (tc.all_of(tc.at_most("", 1.0, 2.0), tc.equal("", 1.0, 1.0)), Standing.HOLDS, 0.0),
    (tc.all_of(tc.at_most("", 1.0, 2.0), tc.at_most("", 1.0, 1.0)), Standing.TOO_CLOSE, 0.0),
    (tc.all_of(tc.at_most("", 2.0, 1.0), tc.at_most("", NAN, 1.0)), Standing.VIOLATED, -1 / 3),
    (tc.all_of(tc.at_most("", 1.0, 2.0), tc.at_most("", NAN, 1.0)), Standing.UNDEFINED, NAN),
]


@pytest.mark.parametrize(("comparison", "standing", "slack"), CASES)
def test_standing_and_slack(comparison, standing, slack):
    assert comparison.standing is standing
    assert comparison.slack == pytest.approx(slack, abs=1e-15, nan_ok=True)


def test_all_of_names_the_worst_part():
    entry = tc.all_of(tc.at_most("first", 1.0, 2.0), tc.at_most("second", 5.0, 1.0)).worst
    assert (entry.label, entry.left, entry.right) == ("second", 5.0, 1.0)


def test_lanes_judge_each_instance_by_itself():
    both = tc.all_of(tc.at_most("a", np.array([[1.0, 2.0], [5.0, 0.0]]), 3.0), tc.at_most("b", np.array([0.0, 0.0]), np.array([1.0, 1.0])))
    assert [(e.standing, e.label) for e in both.lanes(2)] == [(Standing.HOLDS, "a"), (Standing.VIOLATED, "a")]
    zeros, noise = np.zeros((2, 3)), np.full((2, 3), 1e-20)
    assert [e.standing for e in tc.equal("c", noise, zeros, scale=np.array([1.0, 1e-20])).lanes(2)] == [Standing.HOLDS, Standing.VIOLATED]
    with pytest.raises(tc.ShapeMismatch, match="drop stacked=True"):
        list(tc.at_most("a", 1.0, 2.0).lanes(2))


DOUBTS = [
    (tc.at_most("", 1.0, 2.0), False),
    (tc.at_most("", 1.0, 1.0 + 1e-7), True),
    (tc.at_most("", 2.0, 1.0), True),
    (tc.at_most("", np.nan, 1.0), False),
    (tc.equal("", 1.0, 1.0), False),
    (tc.equal("", 1.0, 1.1), True),
    (tc.all_of(tc.equal("", 1.0, 1.0), tc.at_most("", 1.0, 2.0)), False),
    (tc.all_of(tc.equal("", 1.0, 1.0 + 1e-15), tc.at_most("", 1.0, 1.0 + 1e-9)), True),
    (tc.all_of(tc.at_most("", np.nan, 1.0), tc.at_most("", 1.0, 1.0 + 1e-9)), False),
    (tc.all_of(tc.at_most("", np.nan, 1.0), tc.at_most("", 2.0, 1.0)), True),
]


@pytest.mark.parametrize(("comparison", "doubtful"), DOUBTS)
def test_what_may_not_be_believed_as_it_stands(comparison, doubtful):
    assert comparison.worst.doubtful is doubtful


def test_nothing_to_compare_is_an_error():
    with pytest.raises(tc.InvalidArgument, match="must be comparisons, at least one"):
        tc.all_of()
    with pytest.raises(tc.InvalidArgument, match="have no entries"):
        tc.at_most("empty", np.zeros(0), 1.0).standing  # noqa: B018 - the property raises


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tc.at_most(1.0, 2.0, "x ≤ y"), "`label=1.0` must be a string; say what is compared"),
        (lambda: tc.at_most("x ≤ y", "x", 1.0), "`number=x` must be an array of real numbers"),
        (lambda: tc.at_least("x ≥ y", None, 1.0), "`number=None` must be an array of real numbers"),
        (lambda: tc.equal("x = y", 1.0, 1.0, resolution=0.0), "`resolution=0.0` must be positive"),
        (lambda: tc.equal("x = y", np.ones(2), np.ones(3)), "of `x = y` must broadcast"),
        (lambda: tc.all_of(True), r"`comparisons=\(True,\)` must be comparisons"),
    ],
)
def test_bad_sides_are_one_clear_error(make, message):
    with pytest.raises(tc.InvalidArgument, match=message):
        make()
