"""Theorems as values: dropping, distorting, binding."""

from dataclasses import replace

import numpy as np
import pytest

import theorycheck as tc


@tc.recipe(bind=lambda X, y: tc.recipe(lambda draw: (X, y)))
def numbers(draw):
    return draw(tc.reals(-1, 1))


POSITIVE = tc.Premise("positive", "x > 0", lambda x: x > 0)
SMALL = tc.Premise("small", "x < 1", lambda x: x < 1)
THEOREM = tc.Theorem(
    "square_le",
    tc.Source("Nobody", 1900, arxiv="0000.00000", item="Theorem 1"),
    numbers,
    (POSITIVE, SMALL),
    lambda x, _: tc.at_most("x² ≤ x", x * x, x),
)


def test_without_drops_the_premise_and_the_joint_map():
    joint = tc.Theorem("joint", tc.CONJECTURE, numbers, (POSITIVE, SMALL), THEOREM.claim, enforce=abs)
    dropped = joint.without(POSITIVE)
    assert dropped.premises == (SMALL,)
    assert dropped.of is joint
    assert dropped.enforce is None
    assert dropped.name == "joint:without_positive"
    assert joint.without("small", enforce=abs).enforce is abs
    with pytest.raises(tc.InvalidArgument, match="is not a premise of joint; choose among positive, small"):
        joint.without("large")


def test_claiming_keeps_the_premises_and_remembers():
    distorted = THEOREM.claiming("cube", lambda x, _: tc.at_most("x³ ≤ x", x**3, x))
    assert distorted.premises == THEOREM.premises
    assert distorted.of is THEOREM
    assert distorted.name == "square_le:cube"


def test_on_binds_data():
    X, y = np.eye(2), np.ones(2)
    bound = THEOREM.on(X, y).ambient.sample(0, 0).value
    assert bound[0] is X


def test_premise_names_differ():
    with pytest.raises(tc.InvalidArgument, match="must have different names"):
        tc.Theorem("twice", tc.CONJECTURE, numbers, (POSITIVE, POSITIVE), THEOREM.claim)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "`name=` must be a word"),
        ({"source": "Nobody 1900"}, "`source=Nobody 1900` is no Source; pass tc.Source"),
        ({"ambient": lambda draw: 1.0}, "is no recipe; write @tc.recipe above"),
        ({"premises": POSITIVE}, "must be a tuple of Premise"),
        ({"premises": ("x > 0",)}, "must be a tuple of Premise"),
        ({"claim": "x² ≤ x"}, "`claim=x² ≤ x` cannot be called"),
    ],
)
def test_bad_parts_are_one_clear_error(change, message):
    with pytest.raises(tc.InvalidArgument, match=message):
        replace(THEOREM, **change)


def test_a_list_of_premises_is_a_tuple():
    assert replace(THEOREM, premises=[POSITIVE]).premises == (POSITIVE,)


def test_a_theorem_is_short_where_it_is_shown():
    assert repr(THEOREM) == "<Theorem square_le>"


def test_sources_read_well():
    assert str(THEOREM.source) == "Nobody 1900, arXiv:0000.00000, Theorem 1"
    assert str(tc.CONJECTURE) == "conjecture"
