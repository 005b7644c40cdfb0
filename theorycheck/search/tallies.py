"""Trying a range of instances: sample, enforce, re-check, compare, confirm, count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.instances.recipes import Draw
from theorycheck.instances.stacking import shape_of, stacked
from theorycheck.measured import in_force
from theorycheck.search.confirmation import FEW, IN_FULL, Shuffles, confirmed_claim, confirmed_premise
from theorycheck.search.evaluation import Admission, Broken, admission, claim_of, guarded
from theorycheck.search.screening import SCREEN
from theorycheck.search.verdicts import Problem, Tally, Tightest
from theorycheck.statements.comparisons import NEAR, Comparison, Entry, Standing
from theorycheck.statements.theorems import Theorem


@dataclass(frozen=True)
class Judged:
    """One instance judged: the premise that rejected it, or the deciding entry, or what broke."""

    instance: Any = None
    rejected_by: str | None = None
    entry: Entry | None = None
    broken: Broken | None = None

    @property
    def violates(self) -> bool:
        """Whether this is a confirmed violation."""
        return self.entry is not None and self.entry.standing is Standing.VIOLATED


def judged(theorem: Theorem, draw: Draw, *, provisional: bool = False, shuffles: Shuffles = IN_FULL) -> Judged:
    """One instance all the way to a confirmed standing; confirmation rebuilds it from its choices.

    A `provisional` answer is for candidates of a contraction, whose result is confirmed in full: a violation that is clear at the
    screen is believed; a tiny one after a `FEW` of the shuffled runs.
    """
    rebuild = partial(rebuilt, theorem, draw.choices)
    admitted = admitted_or_not(theorem, draw.value, rebuild)
    if not isinstance(admitted, Admission):
        return admitted
    screened = guarded(partial(claim_of, theorem, admitted.instance, SCREEN), SCREEN)
    if provisional and isinstance(screened, Comparison):
        entry = guarded(lambda: screened.worst, SCREEN)
        if isinstance(entry, Entry) and violated_at_screen(entry):
            return Judged(admitted.instance, entry=entry)
    return _confirmed(theorem, rebuild, admitted.instance, screened, FEW if provisional else shuffles)


def violated_at_screen(entry: Entry) -> bool:
    """Whether a screened violation is beyond its bar and larger than the rounding of all but ill-conditioned claims."""
    return entry.standing is Standing.VIOLATED and -entry.slack > NEAR


def admitted_or_not(theorem: Theorem, value: Any, rebuild: Callable[[], Any]) -> Admission | Judged:
    """The instance after enforcement with every premise decided, or why it goes no further."""
    found = guarded(lambda: admission(theorem, value), SCREEN)
    if isinstance(found, Broken):
        return Judged(broken=found)
    if found.rejected_by is not None:
        return Judged(rejected_by=found.rejected_by)
    for premise in found.unsure:
        if not confirmed_premise(theorem, premise, rebuild):
            return Judged(rejected_by=premise.name)
    return found


def rebuilt(theorem: Theorem, choices: tuple[int, ...]) -> Any:
    """The instance anew: the same numbers, and at each level of precision noise of its own."""
    return theorem.ambient.replay(choices, in_force(None).level).value


def _confirmed(theorem: Theorem, rebuild: Callable[[], Any], instance: Any, screened: Comparison | Broken, shuffles: Shuffles) -> Judged:
    if isinstance(screened, Broken):
        return Judged(instance, broken=screened)
    comparison: Comparison = screened
    entry = guarded(lambda: comparison.worst, SCREEN)
    if not isinstance(entry, Broken) and entry.doubtful:
        again = confirmed_claim(theorem, rebuild, comparison, shuffles=shuffles)
        entry = again if isinstance(again, Broken) else again.worst
    return Judged(instance, broken=entry) if isinstance(entry, Broken) else Judged(instance, entry=entry)


def tallied(theorem: Theorem, seed: int, start: int, stop: int, shuffles: Shuffles = IN_FULL) -> Tally:
    """The tally of instances start .. stop-1 of a seed, ended early by the first violation, confirmed with these shuffled runs.

    One thread of linear algebra: rounding modes are a thread's own.
    """
    with threadpool_limits(1):
        total = Tally()
        for index, result in (_stacked_range if theorem.stacked else _range)(theorem, seed, start, stop, shuffles):
            total = total + _counted(index, seed, result)
            if total.violation is not None:
                break
        return total


def _range(theorem: Theorem, seed: int, start: int, stop: int, shuffles: Shuffles) -> Iterator[tuple[int, Judged]]:
    for index in range(start, stop):
        drawn = guarded(lambda: theorem.ambient.sample(seed, index), SCREEN)  # noqa: B023 - used at once
        yield index, Judged(broken=drawn) if isinstance(drawn, Broken) else judged(theorem, drawn, shuffles=shuffles)


def _stacked_range(theorem: Theorem, seed: int, start: int, stop: int, shuffles: Shuffles) -> Iterator[tuple[int, Judged]]:
    """The same, with the claims of instances of equal shape screened as one call each; the order stays that of the indices."""
    results: dict[int, Callable[[], Judged]] = {}
    groups: dict[Any, list[tuple[int, Any, Any]]] = {}
    for index in range(start, stop):
        drawn = guarded(lambda: theorem.ambient.sample(seed, index), SCREEN)  # noqa: B023 - used at once
        if isinstance(drawn, Broken):
            results[index] = partial(Judged, broken=drawn)
            continue
        rebuild = partial(rebuilt, theorem, drawn.choices)
        admitted = admitted_or_not(theorem, drawn.value, rebuild)
        if isinstance(admitted, Admission):
            groups.setdefault(shape_of(admitted.instance), []).append((index, rebuild, admitted.instance))
        else:
            results[index] = partial(_same, admitted)
    for members in groups.values():
        results.update(_screened_together(theorem, members, shuffles))
    return ((index, results[index]()) for index in sorted(results))  # confirmed in order: the first violation ends the range


def _same(result: Judged) -> Judged:
    return result


def _screened_together(theorem: Theorem, members: list[tuple[int, Any, Any]], shuffles: Shuffles) -> Iterator[tuple[int, Callable[[], Judged]]]:
    def screen() -> list[Entry]:
        return list(theorem.claim(stacked([instance for _, _, instance in members]), SCREEN).lanes(len(members)))

    entries = guarded(screen, SCREEN)
    for lane, (index, rebuild, instance) in enumerate(members):
        if isinstance(entries, Broken) or entries[lane].doubtful or entries[lane].standing is Standing.UNDEFINED:
            yield index, partial(_judged_alone, theorem, rebuild, instance, shuffles)
        else:
            yield index, partial(Judged, instance, entry=entries[lane])


def _judged_alone(theorem: Theorem, rebuild: Callable[[], Any], instance: Any, shuffles: Shuffles) -> Judged:
    """One instance of a stack by itself: a bad one must not speak for the others."""
    return _confirmed(theorem, rebuild, instance, guarded(partial(claim_of, theorem, instance, SCREEN), SCREEN), shuffles)


def _counted(index: int, seed: int, result: Judged) -> Tally:
    if result.rejected_by is not None:
        return Tally(tried=1, rejected=Counter([result.rejected_by]))
    if result.broken is not None or result.entry is None:
        reason = result.broken.reason if result.broken else "no comparison"
        return Tally(tried=1, admitted=int(result.instance is not None), undefined=1, problems=(Problem(reason, f"instance {index} of seed {seed}"),))
    entry, one = result.entry, Tally(tried=1, admitted=1)
    if entry.standing is Standing.UNDEFINED:
        reason = f"{entry.label} is not finite (left {entry.left:g}, right {entry.right:g})"
        return replace(one, undefined=1, problems=(Problem(reason, f"instance {index} of seed {seed}"),))
    return replace(
        one,
        holds=int(entry.standing is Standing.HOLDS),
        too_close=int(entry.standing is Standing.TOO_CLOSE),
        violation=index if result.violates else None,
        tightest=_tightest(entry, index) if entry.bar <= NEAR or result.violates else None,
        nearest=((entry.nearness, index),),
        sample=(entry,),
    )


def _tightest(entry: Entry, index: int) -> Tightest:
    return Tightest(entry.slack, entry.label, entry.bar, index, left=entry.left, right=entry.right)
