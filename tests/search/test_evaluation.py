"""What a claim may do to its process: raise, leave, or hang."""

import pytest

import theorycheck as tc
from theorycheck.errors import InvalidArgument, WorkerLost
from theorycheck.measured import Precision
from theorycheck.search.evaluation import Broken, guarded
from theorycheck.search.workers import Workers


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-3, 3))


def leaves(x, precision):
    raise SystemExit(0)


def recipe_that_leaves(draw):
    raise SystemExit(3)


@pytest.mark.parametrize(
    "theorem",
    [
        tc.Theorem("claim", tc.CONJECTURE, numbers, (), leaves),
        tc.Theorem("premise", tc.CONJECTURE, numbers, (tc.Premise("p", "p", lambda x: leaves(x, None)),), lambda x, precision: tc.at_least("", x, x)),
        tc.Theorem("recipe", tc.CONJECTURE, tc.recipe(recipe_that_leaves), (), leaves),
    ],
    ids=str,
)
def test_exit_in_a_theorem_is_undefined_and_ends_nothing(theorem: tc.Theorem) -> None:
    verdict = tc.check(theorem, instances=20)
    assert (verdict.outcome, verdict.tried, verdict.undefined) == (tc.Outcome.INCONCLUSIVE, 20, 20)
    assert "SystemExit" in verdict.problems[0]


def test_a_premise_that_forgets_to_answer_is_undefined() -> None:
    premise = tc.Premise("p", "x > 0", lambda x: None)  # type: ignore[arg-type, return-value]
    verdict = tc.check(tc.Theorem("silent", tc.CONJECTURE, numbers, (premise,), lambda x, _: tc.at_least("", x, x)), instances=20)
    assert (verdict.outcome, verdict.undefined) == (tc.Outcome.INCONCLUSIVE, 20)
    assert "`p.holds(instance)=None` says neither yes nor no" in verdict.problems[0]


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(interrupted, Precision(0))


def hang(seconds: float) -> bool:
    """What a worker runs: an evaluation that takes so long."""
    import time

    return isinstance(guarded(lambda: time.sleep(seconds), Precision(0)), Broken)


@pytest.mark.parametrize(("limit", "outcome"), [(0.2, "no answer within 0.2 s"), (30.0, None), (None, None)])
def test_a_time_limit_is_for_one_evaluation(limit: float | None, outcome: str | None) -> None:
    with Workers(1, time_limit=limit) as workers:
        answer = workers.alone(hang, (0.5,))
        assert (str(answer) if isinstance(answer, WorkerLost) else answer or None) == outcome
        assert [workers.alone(hang, (0.01,)) for _ in range(30)] == [False] * 30  # together longer than the limit


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_limit_is_positive_and_finite(wrong: float) -> None:
    with pytest.raises(InvalidArgument, match="must be a positive number of seconds"):
        Workers(1, time_limit=wrong)
