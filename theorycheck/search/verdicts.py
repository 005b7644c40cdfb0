"""What a check answers: outcomes, tallies, counterexamples, verdicts. No answer is "true"; each says what it is worth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.statements.comparisons import Entry
from theorycheck.statements.theorems import Theorem

Choices = tuple[int, ...]

_PROBLEMS_KEPT = 5
_NEAREST_KEPT = 64
_SAMPLE_KEPT = 256
_ENTRIES_SHOWN = 120


class Outcome(Enum):
    """What a check found."""

    CORROBORATED = "corroborated"
    INCONCLUSIVE = "inconclusive"
    VACUOUS = "vacuous"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Tightest:
    """The admitted instance that came closest to the bound, among those measured to 1e-6 of the scale.

    ``index`` is the number of the sample, or None where the adversary met it; then ``choices`` are the instance. ``left`` and
    ``right`` are the two sides.
    """

    slack: float
    label: str
    bar: float
    index: int | None
    choices: Choices = ()
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True)
class Problem:
    """Something that went wrong, where it first did, and how often."""

    reason: str
    where: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.where}{f' (and {self.count - 1} more)' if self.count > 1 else ''}: {self.reason}"


def _merged(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The first few different problems, each counted once."""
    kept: dict[str, Problem] = {}
    for p in problems:
        seen = kept.get(p.reason)
        if seen is not None:
            kept[p.reason] = Problem(p.reason, seen.where, seen.count + p.count)
        elif len(kept) < _PROBLEMS_KEPT:
            kept[p.reason] = p
    return tuple(kept.values())


@dataclass(frozen=True)
class Tally:
    """Counts over a range of instances; tallies of successive ranges add up in order.

    ``violation`` is the index of the first confirmed violation; a range ends there. ``nearest`` holds the samples that came
    nearest to a violation, as pairs (nearness, index): where the adversary starts. ``pursued`` counts its candidates, ``found``
    is the violation it found. ``sample`` holds the deciding entries of the first 256 admitted instances, for figures.
    """

    tried: int = 0
    admitted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    holds: int = 0
    too_close: int = 0
    undefined: int = 0
    tightest: Tightest | None = None
    violation: int | None = None
    problems: tuple[Problem, ...] = ()
    nearest: tuple[tuple[float, int], ...] = ()
    pursued: int = 0
    found: Choices | None = None
    sample: tuple[Entry, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        both = [t for t in (self.tightest, other.tightest) if t is not None]
        return Tally(
            self.tried + other.tried,
            self.admitted + other.admitted,
            self.rejected + other.rejected,
            self.holds + other.holds,
            self.too_close + other.too_close,
            self.undefined + other.undefined,
            min(both, key=lambda t: t.slack, default=None),
            self.violation if self.violation is not None else other.violation,
            _merged(self.problems + other.problems),
            tuple(sorted(self.nearest + other.nearest)[:_NEAREST_KEPT]),
            self.pursued + other.pursued,
            self.found if self.found is not None else other.found,
            (self.sample + other.sample)[:_SAMPLE_KEPT],
        )

    def outcome(self, tight: bool) -> Outcome:
        """The outcome these counts amount to (DESIGN, section 3)."""
        if self.violation is not None or self.found is not None:
            return Outcome.REFUTED
        if self.admitted < max(10, self.tried / 100):
            return Outcome.VACUOUS if self.undefined <= self.admitted else Outcome.INCONCLUSIVE
        enough = self.admitted / (10 if tight else 2)
        return Outcome.INCONCLUSIVE if self.undefined or self.holds < enough or self.problems else Outcome.CORROBORATED


@dataclass(frozen=True)
class Counterexample:
    """An admitted instance on which the claim fails, beyond every bar.

    Parameters
    ----------
    theorem : Theorem
        The statement it refutes.
    choices : tuple of int
        The instance as choices: ``theorem.ambient.replay(choices)``, then enforcement, gives it back.
    instance : object
        After enforcement.
    entry : Entry
        Both sides, slack and bar of the deciding comparison.
    seed : int
    index : int or None
        Of the sample that was the first violation; None where the adversary found it.
    first : tuple of int
        The choices of that first violation, before contraction.
    exhausted : bool
        Every simpler instance of the same length was tried and none violates.
    replayed_from : str
        The witness file it was replayed from, if it was not found anew.

    """

    theorem: Theorem
    choices: tuple[int, ...]
    instance: Any
    entry: Entry
    seed: int
    index: int | None
    first: tuple[int, ...]
    exhausted: bool = False
    replayed_from: str = ""

    @property
    def origin(self) -> str:
        """Where the violation was first met, in words."""
        return self.met()

    def met(self, by: str = "by the adversary") -> str:
        """The same, with `by` whom it was found if it is no sample."""
        where = f"found {by}, seed {self.seed}" if self.index is None else f"first violated at instance {self.index} of seed {self.seed}"
        return f"replayed from {self.replayed_from}, nothing else was tried; {where}" if self.replayed_from else where

    def story(self, by: str = "by the adversary") -> str:
        """Where it was first found, how far it was contracted, and what is known of simpler ones."""
        as_found = "as first found" if self.choices == self.first else f"contracted from {len(self.first)} drawn numbers to {len(self.choices)}"
        simpler = "every simpler one of as many numbers was tried and none violates" if self.exhausted else "no simpler one was found"
        return f"{self.met(by)}; {as_found}; {simpler}"

    def __str__(self) -> str:
        e = self.entry
        return f"{shown(self.instance)}\n{e.label}: left {e.left:.12g}, right {e.right:.12g} (slack {e.slack:+.3g} ± {e.bar:.1g})"

    def _repr_html_(self) -> str:
        from theorycheck.search.display import counterexample_table

        return counterexample_table(self)


def shown(instance: Any) -> str:
    """An instance as text, arrays as nested lists of short numbers (large ones by their shape)."""
    if isinstance(instance, np.ndarray) and instance.size > _ENTRIES_SHOWN:
        return f"<array of shape {instance.shape}>"
    if isinstance(instance, np.ndarray):
        return shown_numbers(instance.tolist())
    if isinstance(instance, float):
        return f"{instance:.10g}"
    if isinstance(instance, tuple):
        return "(" + ", ".join(map(shown, instance)) + ("," if len(instance) == 1 else "") + ")"
    if is_dataclass(instance) and not isinstance(instance, type):
        return f"{type(instance).__name__}(" + ", ".join(f"{f.name}={shown(getattr(instance, f.name))}" for f in fields(instance) if f.repr) + ")"
    return repr(instance)


def shown_numbers(nested: Any) -> str:
    """Nested lists of floats with 10 significant digits."""
    return "[" + ", ".join(map(shown_numbers, nested)) + "]" if isinstance(nested, list) else f"{nested:.10g}"


@dataclass(frozen=True)
class Verdict:
    """The answer of `check`.

    Counts: ``tried`` instances were drawn, ``admitted`` satisfied the premises, ``rejected`` says which premise turned the
    others away; of the admitted ``holds``, ``too_close`` and ``undefined`` are how the claim stood. ``tightest`` came closest
    to the bound. ``problems`` are sentences about what went wrong. ``pursued`` candidates of the adversary came after the samples.
    ``sample`` holds the deciding entries of the first 256 admitted instances whose sides are finite: what the figures draw.
    """

    theorem: Theorem
    outcome: Outcome
    tried: int
    admitted: int
    rejected: dict[str, int]
    holds: int
    too_close: int
    undefined: int
    tightest: Tightest | None
    counterexample: Counterexample | None
    problems: tuple[str, ...]
    seed: int
    seconds: float
    pursued: int = 0
    sample: tuple[Entry, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        lines = [f"{self.theorem.name}: {self.outcome.name}, {self.admitted} of {self.tried} instances admitted (seed {self.seed})"]
        if self.tightest is not None:
            lines.append(f"tightest slack {self.tightest.slack:+.3g} in {self.tightest.label}")
        lines.extend(self.problems)
        if self.counterexample is not None:
            lines += [f"counterexample: {self.counterexample}", f"({self.counterexample.story()})"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from theorycheck.search.display import verdict_table

        return verdict_table(self)


def require_counterexample(counterexample: object) -> None:
    """Raise `InvalidArgument` for what is no `Counterexample`, such as a verdict."""
    if not isinstance(counterexample, Counterexample):
        rule = "is no Counterexample"
        raise InvalidArgument("counterexample", counterexample, rule, "pass `verdict.counterexample` of a verdict that is REFUTED")
