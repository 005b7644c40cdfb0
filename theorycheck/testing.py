"""Theorems as tests: a line in a test file, and plain pytest runs them, each a test of its own with Hypothesis underneath.

In a file of tests (and a conjecture in ``my_conjecture.py`` that exports THEOREMS and FALSE)::

    from my_conjecture import FALSE, THEOREMS
    from theorycheck.testing import falsehood_tests, theorem_tests

    test_theorem = theorem_tests(THEOREMS)
    test_falsehood = falsehood_tests(FALSE)

``pytest -k`` selects by the names of theorems; profiles, ``--hypothesis-seed``, the example database and shrinking are those of
Hypothesis, and so is ``@settings``: ``test_theorem = settings(max_examples=1000)(theorem_tests(THEOREMS))``. An instance that the
premises reject does not count as an example. A test passes where no example violates the claim, which is less than CORROBORATED:
`theorycheck.check` also asks how many instances hold beyond their bars, and searches harder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument
from theorycheck.instances.recipes import Draw, Recipe
from theorycheck.search.check import check
from theorycheck.search.contraction import contracted, simplicity
from theorycheck.search.tallies import Judged, judged
from theorycheck.search.verdicts import Choices, Outcome, shown
from theorycheck.statements.comparisons import Standing
from theorycheck.statements.theorems import Theorem

Test = Callable[..., None]


class Undefined(AssertionError):
    """The claim has no answer on an instance that the premises admit."""


class _Case:
    """A theorem that is printed as its name (of dataclasses Hypothesis prints the fields), and the smallest violation so far."""

    def __init__(self, theorem: Theorem) -> None:
        self.theorem = theorem
        self.smallest: Choices | None = None

    def contracted(self, choices: Choices) -> Choices:
        """The smallest violation known once these choices are one: contracted at the first, and then only compared."""
        found = contracted(self.theorem, choices).choices if self.smallest is None else choices
        self.smallest = min(found, self.smallest or found, key=simplicity)
        return self.smallest

    def __repr__(self) -> str:
        return self.theorem.name


@dataclass(frozen=True)
class _Example:
    """A draw that Hypothesis prints as its instance."""

    draw: Draw

    def __repr__(self) -> str:
        return shown(self.draw.value)


def theorem_tests(theorems: Sequence[Theorem]) -> Test:
    """A test function with a case for each theorem: it fails with the smallest counterexample Hypothesis finds.

    No deadline, and no complaint about slow examples: compiling a kernel for a new shape is no failure. Settings of your own
    replace that: ``settings(...)(theorem_tests(THEOREMS))``.

    Parameters
    ----------
    theorems : sequence of Theorem
        At least one; their names become the names of the cases.

    """

    @_cases(theorems)
    @given(data=st.data())
    def test_theorem(case: _Case, data: st.DataObject) -> None:
        __tracebackhide__ = True
        theorem = case.theorem
        recipe: Recipe = theorem.ambient  # type: ignore[assignment]
        example = data.draw(recipe.draws().map(_Example), label="instance before enforcement")
        with threadpool_limits(1):
            result = judged(theorem, example.draw)
        assume(result.rejected_by is None)
        with threadpool_limits(1):
            _fail(case, example.draw, result)

    ours = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])(test_theorem)
    vars(ours).pop("_hypothesis_internal_settings_applied", None)  # so that settings of the reader's may still be put on top
    return ours


def falsehood_tests(falsehoods: Sequence[Theorem], instances: int = 20_000, seed: int = 0) -> Test:
    """A test function with a case for each falsehood: it passes where the check refutes it.

    Parameters
    ----------
    falsehoods : sequence of Theorem
    instances, seed : int
        As for `check`. Hypothesis has no part in this: what is tested is the check that `theorycheck` runs.

    """

    @_cases(falsehoods)
    def test_falsehood(case: _Case) -> None:
        __tracebackhide__ = True
        verdict = check(case.theorem, instances, seed)
        if verdict.outcome is not Outcome.REFUTED:
            raise AssertionError(f"the check is blind to this falsehood\n{verdict}")

    return test_falsehood


def _cases(theorems: Sequence[Theorem]) -> Callable[[Test], Test]:
    """One case a theorem, under its name."""
    if isinstance(theorems, Theorem) or not theorems:
        raise InvalidArgument("theorems", theorems, "must be a sequence of at least one theorem", "pass THEOREMS, or (my_theorem,)")
    return pytest.mark.parametrize("case", [pytest.param(_Case(theorem), id=theorem.name) for theorem in theorems])


def _fail(case: _Case, draw: Draw, result: Judged) -> None:
    """Raise where the claim is violated, with the smallest violation that contraction finds, or undefined."""
    __tracebackhide__ = True
    theorem, entry = case.theorem, result.entry
    if result.broken is not None or entry is None or entry.standing is Standing.UNDEFINED:
        why = result.broken.reason if result.broken is not None else f"{entry.label} is not finite" if entry is not None else "no comparison"
        instance = draw.value if result.instance is None else result.instance
        raise Undefined(f"{theorem.name} is undefined on\n{shown(instance)}\n{why}\n{_again(draw.choices)}")
    if result.violates:
        choices = case.contracted(draw.choices)
        result = judged(theorem, theorem.ambient.replay(choices))
        e = result.entry or entry
        sides = f"{e.label}: left {e.left:.12g}, right {e.right:.12g} (slack {e.slack:+.3g} ± {e.bar:.1g})"
        raise AssertionError(f"{theorem.name} is refuted by\n{shown(result.instance)}\n{sides}\n{_again(choices)}")


def _again(choices: Choices) -> str:
    return f"(theorem.ambient.replay({choices}).value is the instance before enforcement)"
