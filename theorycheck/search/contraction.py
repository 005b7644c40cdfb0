"""Contraction: from a violating instance to the smallest one, on choices.

Simpler means fewer choices, then a smaller sum of choices, then the earlier sequence. The moves, each keeping only
confirmed violations that are simpler: tiny shapes drawn anew; sizes lowered, with requests dropped beside them; numbers
lowered one by one and in pairs, or drawn anew among the simplest; Hypothesis' shrinker, seeded with the find. Where few
enough remain, every simpler sequence of the same length is tried, so that "no number can be simpler" is a fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, islice, product, takewhile
from math import comb
from random import Random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes

from theorycheck.errors import InvalidArgument
from theorycheck.instances.choices import Group
from theorycheck.instances.recipes import Draw, Recipe
from theorycheck.instances.tables import IntegerTable
from theorycheck.search.screening import screened
from theorycheck.search.tallies import judged, violated_at_screen
from theorycheck.statements.comparisons import Entry
from theorycheck.statements.theorems import Theorem

Choices = tuple[int, ...]

_REDRAWN = 200
_REDRAW_FROM = 2**62
_MOVES = 4000
_HYPOTHESIS_CALLS = 400
_EXHAUSTIVE = 2000
_DEAR_MOVES = 120  # for stacked claims, whose candidates are screened so many together: one by itself is dear
_TOGETHER = 64
_PAIRED = 10  # raised choices that are lowered in pairs
_PAIR_DEPTH = 5
_WAYS = 729


@dataclass(frozen=True)
class Contraction:
    """What remains of a violation: its choices, the confirmed comparison, and whether every simpler one of as many choices was tried."""

    choices: Choices
    entry: Entry
    exhausted: bool = False


@dataclass
class _Search:
    """The best violation so far and what every candidate tried was worth; one contraction's working state.

    With `quick` a violation that is clear at the screen is believed until the end; without, each is confirmed in full.
    """

    theorem: Theorem
    recipe: Recipe
    best: Choices
    quick: bool
    left: int

    def __post_init__(self) -> None:
        self.violates: dict[Choices, bool] = {self.best: True}
        self.chain = [self.best]

    def offer(self, *draws: Draw | None) -> bool:
        """Whether one of the draws, if simpler and not seen, still violates; the first that does is the best.

        The candidates of stacked claims are screened together.
        """
        return self.first(iter(draws))

    def first(self, draws: Iterator[Draw | None]) -> bool:
        """The same for a sequence of candidates that is read only as far as needed."""
        while self.left > 0:
            new = (d for d in draws if d is not None and simplicity(d.choices) < simplicity(self.best) and d.choices not in self.violates)
            together = list(islice(new, _TOGETHER if self.theorem.stacked else 1))
            if not together:
                return False
            self.left -= 1
            for draw, violates in zip(together, self._judged(together), strict=True):
                self.violates[draw.choices] = violates
                if violates:
                    self.best = draw.choices
                    self.chain.append(self.best)
                    return True
        return False

    def _judged(self, draws: list[Draw]) -> Iterator[bool]:
        """Whether each of the draws violates."""
        if len(draws) == 1:
            yield judged(self.theorem, draws[0], provisional=self.quick).violates
            return
        for draw, entry in zip(draws, screened(self.theorem, draws), strict=True):
            if not isinstance(entry, Entry) or not entry.doubtful:
                yield False
            else:
                yield (self.quick and violated_at_screen(entry)) or judged(self.theorem, draw, provisional=self.quick).violates


def simplicity(choices: Choices) -> tuple[int, int, Choices]:
    """Sort key: fewer choices, smaller sum, earlier sequence."""
    return len(choices), sum(choices), choices


def contracted(theorem: Theorem, choices: Choices, seed: int = 0) -> Contraction:
    """The simplest violation found from `choices`, confirmed in full.

    The result is never larger than what was given. Deterministic in (theorem, choices, seed).

    Raises
    ------
    InvalidArgument
        If the instance of these choices does not violate the claim.

    """
    recipe: Recipe = theorem.ambient  # type: ignore[assignment]
    believed, exhausted = _searched(theorem, recipe, recipe.replay(choices).choices, seed, quick=True)
    found, stood = _last_confirmed(theorem, believed.chain)
    if stood:
        return replace(found, exhausted=exhausted)
    careful, exhausted = _searched(theorem, recipe, found.choices, seed, quick=False)
    return replace(confirmed_at(theorem, careful.best), exhausted=exhausted)


def confirmed_at(theorem: Theorem, choices: Choices) -> Contraction:
    """The violation of these choices as it is.

    Raises
    ------
    InvalidArgument
        If they do not violate the claim.

    """
    found = _confirmed(theorem, choices)
    if found is None:
        raise InvalidArgument(
            "choices", choices, "no longer violate the claim", "the claim is not a function of its instance: remove hidden randomness or state"
        )
    return found


def _confirmed(theorem: Theorem, choices: Choices) -> Contraction | None:
    result = judged(theorem, theorem.ambient.replay(choices))
    return Contraction(choices, result.entry) if result.violates and result.entry is not None else None


def _last_confirmed(theorem: Theorem, chain: list[Choices]) -> tuple[Contraction, bool]:
    """The last violation of a chain that stands when it is confirmed, looked for in leaps of 1, 2, 4, ...; and whether it is the very last."""
    position, leap = len(chain) - 1, 1
    while position > 0:
        if (found := _confirmed(theorem, chain[position])) is not None:
            return found, position == len(chain) - 1
        position, leap = max(position - leap, 0), 2 * leap
    return confirmed_at(theorem, chain[0]), len(chain) == 1


def _searched(theorem: Theorem, recipe: Recipe, start: Choices, seed: int, quick: bool) -> tuple[_Search, bool]:
    """A contraction by all moves, and whether every simpler sequence as long as what remains was tried."""
    search = _Search(theorem, recipe, start, quick, _DEAR_MOVES if theorem.stacked else _MOVES)
    _redraw_tiny(search, seed)
    before = None
    while before != search.best and search.left > 0:
        before = search.best
        _lower_sizes(search)
        _lower_numbers(search)
        _redraw_numbers(search)
    if not theorem.stacked:
        _hypothesis(search)
    return search, _exhaust(search)  # may still find a simpler one


def _redraw_tiny(search: _Search, seed: int) -> None:
    draws = (_quietly(search.recipe.sample, seed, _REDRAW_FROM + 4 * j + 3) for j in range(_REDRAWN))
    while search.first(draws):
        pass


def _quietly(make, *arguments) -> Draw | None:  # type: ignore[no-untyped-def]
    """A draw, or None where the reader's recipe raises on these choices."""
    try:
        return make(*arguments)
    except Exception:  # noqa: BLE001 - a recipe that fails on a candidate only loses the candidate
        return None


def _lower_sizes(search: _Search) -> None:
    moved = True
    while moved and search.left > 0:
        groups = search.recipe.replay(search.best).groups
        moved = search.first(_quietly(search.recipe.replay_groups, candidate) for candidate in _smaller_shapes(groups))


def _smaller_shapes(groups: tuple[Group, ...]) -> Iterator[tuple[Group, ...]]:
    """Each size lowered, alone, and with one or two other requests dropped (a layer goes with its width)."""
    for i, group in enumerate(groups):
        if not group.table.is_size or group.indices == (0,) * len(group.indices):
            continue
        for index in sorted({0, group.indices[0] // 2, group.indices[0] - 1}) if len(group.indices) == 1 else ():
            lowered = (*groups[:i], Group(group.table, group.shape, (index,)), *groups[i + 1 :])
            yield lowered
            rest = range(i + 1, len(groups))
            for drop in [*combinations(rest, 1), *(combinations(rest, 2) if len(groups) <= 16 else ())]:
                yield tuple(g for k, g in enumerate(lowered) if k not in drop)


def _lower_numbers(search: _Search) -> None:
    position = 0
    while position < len(search.best) and search.left > 0:
        search.first(_with(search, {position: lower}) for lower in _lower_indices(search.best[position]))
        if position < len(search.best):
            now = search.best[position]
            twins = [k for k in range(position + 1, len(search.best)) if search.best[k] == now > 0]
            search.first(_with(search, {position: low, twin: low}) for twin in twins for low in _lower_indices(now))
        position += 1
    _lower_pairs(search)


def _lower_pairs(search: _Search) -> None:
    """Two small choices lowered together, each as far as it goes: 2 x 1/2 becomes 1 x 1."""
    raised = [k for k, c in enumerate(search.best) if c > 0][:_PAIRED]
    for i, j in combinations(raised, 2):
        if max(i, j) >= len(search.best):
            return
        lower = product(range(min(search.best[i], _PAIR_DEPTH)), range(min(search.best[j], _PAIR_DEPTH)))
        search.first(_with(search, {i: a, j: b}) for a, b in sorted(lower, key=sum))


def _redraw_numbers(search: _Search) -> None:
    """All numbers of the present shape anew among the three simplest of their tables: every way, or a sample of the ways."""
    groups = search.recipe.replay(search.best).groups
    free = [k for k, group in enumerate(g for g in groups for _ in g.indices) if not isinstance(group.table, IntegerTable)]
    if 3 ** len(free) <= _WAYS:
        ways = sorted(product(range(3), repeat=len(free)), key=sum)
    else:
        generator = Random(0)
        ways = [tuple(generator.randrange(3) for _ in free) for _ in range(_WAYS // 3)]
    search.first(_with(search, dict(zip(free, way, strict=True))) for way in ways)


def _lower_indices(index: int) -> list[int]:
    halves = []
    step = index // 2
    while step > 0:
        halves.append(index - step)
        step //= 2
    return [*range(min(index, 18)), *(h for h in halves if h >= 18)]


def _with(search: _Search, changes: dict[int, int]) -> Draw | None:
    """The instance after some choices changed (the shape may follow)."""
    return _quietly(search.recipe.replay, tuple(changes.get(k, c) for k, c in enumerate(search.best)))


def _hypothesis(search: _Search) -> None:
    """Hypothesis' shrinker, started at the find through its example database."""
    database, key = InMemoryExampleDatabase(), b"theorycheck"
    database.save(key, choices_to_bytes(search.best))
    calls = 0

    def violates(draw: Draw) -> bool:
        nonlocal calls
        calls += 1
        if calls > _HYPOTHESIS_CALLS:
            return False
        search.offer(draw)
        return search.violates.get(draw.choices, False)

    options = settings(
        database=database, phases=(Phase.reuse, Phase.shrink), deadline=None, max_examples=_HYPOTHESIS_CALLS, suppress_health_check=list(HealthCheck)
    )
    try:
        find(search.recipe.draws(), violates, settings=options, random=Random(0), database_key=key)
    except Exception:  # noqa: BLE001 - the find may not replay, or the reader's recipe raise on a candidate; what contraction has stands
        return


def _exhaust(search: _Search) -> bool:
    """Try every simpler sequence of the same length, simplest first, where there are few enough."""
    n, total = len(search.best), sum(search.best)
    if n == 0 or comb(n + total, n) > _EXHAUSTIVE:
        return False
    search.left = max(search.left, _EXHAUSTIVE)
    simpler = takewhile(lambda c: simplicity(c) < simplicity(search.best), (c for s in range(total + 1) for c in _sequences(n, s)))
    draws = ((c, _quietly(search.recipe.replay, c)) for c in simpler)
    search.first(draw for c, draw in draws if draw is not None and draw.choices == c)
    return True


def _sequences(length: int, total: int) -> Iterator[Choices]:
    """All sequences of whole numbers of this length and sum, in lexicographic order."""
    if length == 1:
        yield (total,)
        return
    for head in range(total + 1):
        for tail in _sequences(length - 1, total - head):
            yield (head, *tail)
