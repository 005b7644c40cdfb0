"""The adversary: continuous optimisers on the numbers of an instance, driving the slack down from where sampling came nearest.

A sample that came near is a start. Its sizes, options and signs stay; its real and normal numbers move in their box, and every
candidate lies on the grids of its tables, so it is an instance like any other: replayed, confirmed and contracted as they are.
Islands share out the starts, one shape after the other, and each has its own budget and its own stream of randomness, so what
an island finds does not depend on how many workers there are. A candidate is screened loosely; what violates at the screen is
confirmed like a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from theorycheck.instances.choices import Group
from theorycheck.instances.recipes import Draw, Recipe
from theorycheck.instances.tables import NormalTable, RealTable
from theorycheck.search.screening import screened
from theorycheck.search.tallies import judged
from theorycheck.search.verdicts import Choices, Tally, Tightest
from theorycheck.statements.comparisons import NEAR, OPPOSITE, Entry, Standing
from theorycheck.statements.theorems import Theorem

ISLANDS = 8  # at most, with so many candidates each at least
LEAST = 200
STARTS_AN_ISLAND = 4

_REJECTED, _BROKEN = 2 * OPPOSITE, 4 * OPPOSITE  # what candidates without an entry are worth; the others their nearness, which is less
_ROUND, _GAIN, _SMALLEST = 30, 0.02, 5e-3  # candidates of a round for each number, what counts as a gain, the last simplex
_FAR = 8.0  # standard deviations within which normal numbers are looked for


@dataclass(frozen=True)
class Pursuit:
    """What an island found: a confirmed violation as choices, or None; its nearest miss; candidates spent."""

    found: Choices | None = None
    tightest: Tightest | None = None
    spent: int = 0

    @property
    def tally(self) -> Tally:
        """The same as a tally: candidates are no samples."""
        return Tally(pursued=self.spent, found=self.found, tightest=self.tightest)


class _Over(Exception):
    """The island has found a violation, or spent its budget."""


@dataclass
class _Island:
    """Progress of one island."""

    theorem: Theorem
    budget: int
    spent: int = 0
    found: Choices | None = None
    tightest: Tightest | None = None
    accused: set[Choices] = field(default_factory=set)

    @property
    def recipe(self) -> Recipe:
        return self.theorem.ambient  # type: ignore[return-value]

    def worth(self, draws: Sequence[Draw | None]) -> list[float]:
        """What each candidate is worth; raises `_Over` at the first confirmed violation or at the end of the budget."""
        draws = draws[: self.budget - self.spent]
        self.spent += len(draws)
        results = screened(self.theorem, draws)
        values = [self._value(draw, result) for draw, result in zip(draws, results, strict=True)]
        if self.spent >= self.budget:
            raise _Over
        return values

    def _value(self, draw: Draw | None, result: Entry | float) -> float:
        if draw is None or not isinstance(result, Entry):
            return _REJECTED + result if isinstance(result, float) and np.isfinite(result) else _BROKEN
        if result.standing is Standing.VIOLATED:
            return self._accuse(draw)
        if result.standing is Standing.UNDEFINED:
            return _BROKEN
        if result.bar <= NEAR and (self.tightest is None or result.slack < self.tightest.slack):
            self.tightest = Tightest(result.slack, result.label, result.bar, None, draw.choices, result.left, result.right)
        return result.nearness

    def _accuse(self, draw: Draw) -> float:
        """Confirm a violation seen at the screen; one that rounding made is worth a tie, so that nothing is gained by more of it."""
        if draw.choices not in self.accused:
            self.accused.add(draw.choices)
            if judged(self.theorem, draw).violates:
                self.found = draw.choices
                raise _Over
        return 0.0


@dataclass(frozen=True)
class _Box:
    """The numbers of a start that move, scaled to the unit box, and the way back to an instance."""

    recipe: Recipe
    groups: tuple[Group, ...]

    @property
    def moving(self) -> tuple[int, ...]:
        """Groups whose numbers move."""
        return tuple(i for i, g in enumerate(self.groups) if isinstance(g.table, (RealTable, NormalTable)) and g.indices)

    @property
    def limits(self) -> np.ndarray:
        """Lowest and highest value of each moving number, shape (2, N)."""
        rows = []
        for i in self.moving:
            table = self.groups[i].table
            ends = (table.low, table.high) if isinstance(table, RealTable) else (-_FAR, _FAR)
            rows.append(np.tile(np.array(ends)[:, None], len(self.groups[i].indices)))
        return np.concatenate(rows, axis=1) if rows else np.zeros((2, 0))

    @property
    def start(self) -> np.ndarray:
        """The numbers of the start in the unit box, shape (N,)."""
        values = [self.groups[i].table.values(np.array(self.groups[i].indices)) for i in self.moving]
        low, high = self.limits
        return (np.concatenate(values) - low) / (high - low) if values else np.zeros(0)

    def draw(self, z: np.ndarray) -> Draw | None:
        """The instance at a point (moved into the box), on the grids; None where the recipe raises."""
        low, high = self.limits
        values, groups, position = low + np.clip(z, 0, 1) * (high - low), list(self.groups), 0
        for i in self.moving:
            group = groups[i]
            count = len(group.indices)
            indices = group.table.nearest(values[position : position + count])  # type: ignore[attr-defined]
            groups[i] = Group(group.table, group.shape, tuple(indices.tolist()))
            position += count
        try:
            return self.recipe.replay(tuple(index for group in groups for index in group.indices))
        except Exception:  # noqa: BLE001 - a recipe that fails on a candidate only loses the candidate
            return None


Worth = Callable[[np.ndarray], np.ndarray]  # points (B, N) to what they are worth (B,)
Way = Callable[[Worth, np.ndarray, np.random.Generator], tuple[np.ndarray, float]]


def simplex(worth: Worth, start: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, float]:
    """Nelder-Mead from a start, and again from its end with a simplex turned anew, until two rounds gain nothing."""
    best, value, size = start, np.inf, 0.2
    while size > _SMALLEST:
        corners = np.clip(best + size * np.concatenate([np.zeros((1, len(best))), _frame(len(best), draw)]), 0, 1)
        options = {"initial_simplex": corners, "adaptive": True, "maxfev": _ROUND * (len(best) + 1), "xatol": 1e-8, "fatol": 1e-9}
        found = minimize(lambda z: float(worth(z[None])[0]), best, method="Nelder-Mead", options=options)  # type: ignore[call-overload]
        gained = value - found.fun
        if found.fun < value:
            best, value = np.clip(found.x, 0, 1), float(found.fun)
        size = size if gained > _GAIN * (abs(value) + _GAIN) else size / 8
    return best, value


def evolution(worth: Worth, start: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, float]:
    """CMA-ES (Hansen) from a start: whole populations, so that stacked claims take one call a generation."""
    import cma  # here, where it is needed: it takes a second to import

    options = {
        "bounds": [0.0, 1.0],
        "seed": np.nan,  # its randomness is the island's, not the global state
        "randn": lambda *shape: draw.standard_normal(shape),
        "verbose": -9,
        "tolfun": 1e-3,
        "maxfevals": 4 * _ROUND * (len(start) + 2),
    }
    strategy = cma.CMAEvolutionStrategy(np.clip(start, 1e-3, 1 - 1e-3), 0.25, options)
    while not strategy.stop():
        points = np.array(strategy.ask())
        strategy.tell(list(points), worth(points).tolist())
    return np.asarray(strategy.result.xbest), float(strategy.result.fbest)


def _frame(size: int, draw: np.random.Generator) -> np.ndarray:
    """A random orthonormal frame, one vector a row."""
    return np.asarray(np.linalg.qr(draw.standard_normal((size, size)))[0])


def ways(theorem: Theorem, size: int) -> tuple[Way, ...]:
    """The optimisers in the order they take turns: a table; to add one, give it a row."""
    if theorem.stacked or size > 12:
        return (evolution,)
    return (simplex,) if size < 2 else (simplex, evolution)


def pursued(theorem: Theorem, seed: int, starts: Sequence[Choices], island: int, budget: int) -> Pursuit:
    """Drive the slack down from some starts, in turn, until a violation is confirmed or the budget is spent.

    Parameters
    ----------
    theorem : Theorem
    seed, island : int
        Address of the island's stream of randomness.
    starts : sequence of choices
        The nearest first.
    budget : int
        Candidates to try; confirmations are not counted.

    """
    state = _Island(theorem, budget)
    draw = np.random.Generator(np.random.Philox(key=np.array([seed, 2**63 + island], dtype=np.uint64)))
    boxes = [_Box(state.recipe, state.recipe.replay(choices).groups) for choices in starts]
    boxes = [box for box in boxes if box.moving]
    with threadpool_limits(1):  # rounding modes are a thread's own
        try:
            for turn in range(budget if boxes else 0):
                box = boxes[turn // 2 % len(boxes)]
                choose = ways(theorem, len(box.start))
                start = draw.uniform(size=len(box.start)) if turn % 2 else box.start  # every other turn from anywhere in the box
                choose[(turn // 2 + island) % len(choose)](partial(_worth_of_points, state, box), start, draw)
        except _Over:
            pass
    return Pursuit(state.found, state.tightest, state.spent)


def _worth_of_points(island: _Island, box: _Box, points: np.ndarray) -> np.ndarray:
    return np.array(island.worth([box.draw(z) for z in points]))


def pursuits(theorem: Theorem, seed: int, total: Tally, budget: int) -> list[tuple[int, tuple[Choices, ...], int, int]]:
    """The islands that follow a tally of samples, as arguments of `pursued` after the theorem; none where a violation is known."""
    if total.violation is not None or budget < 1:
        return []
    starts = starts_of(theorem, seed, total, min(ISLANDS, 1 + budget // LEAST))
    return [(seed, chosen, island, budget // len(starts)) for island, chosen in enumerate(starts)]


def starts_of(theorem: Theorem, seed: int, total: Tally, islands: int) -> tuple[tuple[Choices, ...], ...]:
    """The starts of each island: the nearest samples, those of different shapes first."""
    recipe: Recipe = theorem.ambient  # type: ignore[assignment]
    draws = [recipe.sample(seed, index) for _, index in total.nearest]
    rounds: dict[Any, int] = {}
    order = []
    for position, draw in enumerate(draws):
        shape = tuple((g.table, g.shape, g.indices if g.table.is_size else ()) for g in draw.groups)
        rounds[shape] = rounds.get(shape, -1) + 1
        order.append((rounds[shape], position))
    ranked = [draws[position].choices for _, position in sorted(order)][: islands * STARTS_AN_ISLAND]
    return tuple(tuple(ranked[i::islands]) for i in range(islands) if ranked[i::islands])
