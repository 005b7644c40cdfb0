"""Sights of a bound: how much of it an instance uses, and the search for the instance that uses most.

The ratio of an inequality is its lesser side over its greater, as claimed: 1 where equality is attained, above 1 where it is
violated, 0 where the sides have opposite signs. With the slack s it is (1 - s)/(1 + s), up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument
from theorycheck.instances.recipes import Draw, Recipe
from theorycheck.instances.tables import NormalTable, RealTable
from theorycheck.measured import Measured, Precision
from theorycheck.search.adversary import ways
from theorycheck.search.contraction import Contraction, contracted
from theorycheck.search.evaluation import Admission, Broken, claim_of, guarded
from theorycheck.search.features import Features, features_of
from theorycheck.search.places import Place
from theorycheck.search.screening import SCREEN
from theorycheck.search.tallies import Judged, admitted_or_not, judged
from theorycheck.statements.comparisons import Comparison, Entry, Relation, Standing, at_least
from theorycheck.statements.theorems import Theorem

Choices = tuple[int, ...]

_FAR = 6.0  # standard deviations within which normal numbers are moved
_WORTHLESS = 2.0  # above every slack


@dataclass(frozen=True)
class Sight:
    """One inequality of a claim on one instance.

    Parameters
    ----------
    label : str
    slack, bar, left, right : float
        As in `Entry`.
    choices : tuple of int
        The instance.
    features : dict of str to float
    violates : bool
        A confirmed violation of the claim.

    """

    label: str
    slack: float
    bar: float
    left: float
    right: float
    choices: Choices
    features: dict[str, float] = field(default_factory=dict)
    violates: bool = False

    @property
    def ratio(self) -> float:
        """The share of the bound that is used."""
        if self.equal:
            return 1.0
        small, large = sorted((abs(self.left), abs(self.right)))
        if small == 0 or self.left * self.right < 0:
            return 0.0 if self.slack > 0 else float("inf")
        return small / large if self.slack > 0 else large / small

    @property
    def equal(self) -> bool:
        """Whether the sides agree within their bars."""
        return abs(self.slack) <= self.bar


@dataclass(frozen=True)
class Seen:
    """What a range of instances showed; ``undefined`` and ``rejected`` are counts."""

    tried: int = 0
    rejected: int = 0
    undefined: int = 0
    sights: tuple[Sight, ...] = ()

    def __add__(self, other: Seen) -> Seen:
        return Seen(self.tried + other.tried, self.rejected + other.rejected, self.undefined + other.undefined, self.sights + other.sights)


def seen_at(place: Place, seed: int, start: int, stop: int, features: Features | None = None) -> Seen:
    """Sample a range of instances and look at every inequality of the claim."""
    theorem, total = place.load(), Seen()
    with threadpool_limits(1):
        for index in range(start, stop):
            draw = guarded(partial(theorem.ambient.sample, seed, index), SCREEN)
            total = total + (Seen(1, undefined=1) if isinstance(draw, Broken) else _seen(theorem, draw, features))
    return total


def _seen(theorem: Theorem, draw: Draw, features: Features | None) -> Seen:
    instance, comparison = _looked_at(theorem, draw)
    if instance is None:
        return Seen(1, rejected=1)
    if comparison is None:
        return Seen(1, undefined=1)
    sights = tuple(_sights(comparison, draw.choices))
    if any(s.slack < 0 for s in sights) and judged(theorem, draw).violates:
        sights = tuple(replace(s, violates=s.slack < -s.bar) for s in sights)
    found = features_of(instance, features)
    return Seen(1, sights=tuple(replace(s, features=found) for s in sights))


def _looked_at(theorem: Theorem, draw: Draw) -> tuple[Any, Comparison | None]:
    """The admitted instance (None if it is rejected), and its comparison at the screen (None if it is undefined)."""
    admitted = admitted_or_not(theorem, draw.value, lambda: theorem.ambient.replay(draw.choices).value)
    if isinstance(admitted, Judged):
        return (admitted, None) if admitted.broken is not None else (None, None)
    assert isinstance(admitted, Admission)
    comparison = guarded(partial(claim_of, theorem, admitted.instance, SCREEN), SCREEN)
    return admitted.instance, None if isinstance(comparison, Broken) else comparison


def _sights(comparison: Comparison, choices: Choices) -> Iterator[Sight]:
    """The inequalities that say something: finite, and not 0 against 0."""
    for leaf in comparison.leaves:
        entry = guarded(lambda leaf=leaf: leaf.worst, SCREEN)  # type: ignore[misc]
        if leaf.relation is Relation.EQUAL or not isinstance(entry, Entry) or entry.standing is Standing.UNDEFINED:
            continue
        if entry.left != 0 or entry.right != 0:
            yield Sight(entry.label, entry.slack, entry.bar, entry.left, entry.right, choices)


# -- the local search --


def press(theorem: Theorem, value: Callable[[np.ndarray], float], start: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Drive the value of a point of a box down from a start, until `value` raises `_Ended`; the one place that knows optimisers."""
    generator = np.random.Generator(np.random.Philox(key=np.zeros(2, dtype=np.uint64)))

    def worth(points: np.ndarray) -> np.ndarray:
        return np.array([value(low + np.clip(z, 0, 1) * (high - low)) for z in points])

    with suppress(_Ended):
        while True:
            for way in ways(theorem, len(start)):
                way(worth, (start - low) / (high - low), generator)


class _Ended(Exception):
    """There is no more of the bound to use, or the budget is spent."""


@dataclass
class _Press:
    """One local search: the numbers of an instance that move, and the best sight so far."""

    theorem: Theorem
    draw: Draw
    label: str
    budget: int
    best: Sight | None = None
    spent: int = 0

    def __post_init__(self) -> None:
        tables = [group.table for group in self.draw.groups for _ in group.indices]
        self.moving = [k for k, table in enumerate(tables) if isinstance(table, (RealTable, NormalTable))]
        self.tables: list[Any] = [tables[k] for k in self.moving]

    def run(self) -> Sight | None:
        if not self.moving:
            return None
        start = np.array([float(t.values(np.array([self.draw.choices[k]]))[0]) for k, t in zip(self.moving, self.tables, strict=True)])
        low, high = (np.array([getattr(t, side, end) for t in self.tables]) for side, end in (("low", -_FAR), ("high", _FAR)))
        press(self.theorem, self.value, np.clip(start, low, high), low, high)
        return self.best

    def value(self, numbers: np.ndarray) -> float:
        """The slack of the inequality on the instance whose moving numbers are nearest to these."""
        if self.spent >= self.budget:
            raise _Ended
        self.spent += 1
        choices = list(self.draw.choices)
        for k, table, number in zip(self.moving, self.tables, numbers, strict=True):
            choices[k] = int(table.nearest(np.array([number]))[0])
        draw = guarded(partial(self.theorem.ambient.replay, choices), SCREEN)
        if isinstance(draw, Broken):
            return _WORTHLESS
        _, comparison = _looked_at(self.theorem, draw)
        sights = () if comparison is None else tuple(s for s in _sights(comparison, draw.choices) if s.label == self.label)
        if not sights:
            return _WORTHLESS
        worst = min(sights, key=lambda s: s.slack)
        if self.best is None or worst.slack < self.best.slack:
            self.best = worst
        if worst.equal:
            raise _Ended
        return worst.slack


def pressed_at(place: Place, choices: Choices, label: str, budget: int, features: Features | None = None) -> Sight | None:
    """The instance that uses most of an inequality, sought from the one of these choices; its sizes and options stay."""
    theorem = place.load()
    with threadpool_limits(1):
        best = _Press(theorem, theorem.ambient.replay(choices), label, budget).run()
        if best is None:
            return None
        draw = theorem.ambient.replay(best.choices)
        instance, _ = _looked_at(theorem, draw)
        violates = best.slack < -best.bar and judged(theorem, draw).violates
    return replace(best, features=features_of(instance, features), violates=violates)


# -- the simplest instances --


def with_equality_denied(theorem: Theorem, label: str) -> Theorem:
    """The statement that the inequality is strict: refuted where both sides agree within their bars and are not both zero."""

    def strict(instance: Any, precision: Precision) -> Comparison:
        claims = []
        for leaf in claim_of(theorem, instance, precision).leaves:
            if leaf.label == label and leaf.relation is not Relation.EQUAL:
                size = np.abs(leaf.left.value) + np.abs(leaf.right.value)
                bar = np.where(size > 0, leaf.left.error + leaf.right.error, -1.0)  # 0 against 0 is no equality worth a name
                claims.append((np.abs(leaf.signed_difference), bar))
        gap, bar = (np.concatenate([np.ravel(c[k]) for c in claims]) for k in (0, 1))
        i = int(np.argmin(gap - bar))
        return at_least("|left - right| > bar", Measured(gap[i]), Measured(bar[i]))

    return replace(theorem.claiming("strict", strict), stacked=False)


def simplest_at(place: Place, label: str | None, choices: Choices, seed: int) -> Contraction | None:
    """The simplest instance that attains equality, or with no label violates the claim; None where these choices do not."""
    theorem = place.load()
    if label is not None:
        theorem = with_equality_denied(theorem, label)
    recipe: Recipe = theorem.ambient  # type: ignore[assignment]
    with threadpool_limits(1):
        if not judged(theorem, recipe.replay(choices)).violates:
            return None
        return contracted(theorem, choices, seed)


def sight_of(theorem: Theorem, choices: Choices, label: str) -> tuple[Sight, Any]:
    """One inequality on the instance of these choices, and the instance after enforcement."""
    draw = theorem.ambient.replay(choices)
    instance, comparison = _looked_at(theorem, draw)
    sights = () if comparison is None else tuple(s for s in _sights(comparison, draw.choices) if s.label == label)
    if not sights:
        raise InvalidArgument(
            "choices", choices, f"give no `{label}`", "the claim is not a function of its instance: remove hidden randomness or state"
        )
    return min(sights, key=lambda s: s.slack), instance
