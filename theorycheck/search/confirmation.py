"""Confirmation: screen cheaply, accuse carefully.

A violation, and an inequality closer than 1e-6, is re-run at tighter levels of precision and in the other IEEE rounding
modes. The bar is then the bars of the Measured parts, plus the change of each side between levels, plus twice the spread
of the signed difference over rounding modes (which run only where the rest of the bar leaves anything to decide); what still
stands as a violation must survive runs whose rounding is shuffled and, below 1e-6, whose linear algebra is done in another order.
The drawn instance is exact and the same in each run; enforcement is part of what is re-run, and the instance is rebuilt so
that nothing it has cached is carried from one mode into another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from theorycheck.measured import Measured, Precision
from theorycheck.search.evaluation import Broken, admission, claim_of, guarded
from theorycheck.search.reordering import reordered
from theorycheck.search.rounding import OTHERS, available, rounded, shuffled
from theorycheck.statements.comparisons import NEAR, Comparison, Standing
from theorycheck.statements.theorems import Premise, Theorem

LEVELS = (1, 2)


class Shuffles(NamedTuple):
    """How many runs with shuffled rounding a violation must survive: a tiny one, and one that is clear, above 1e-6."""

    tiny: int
    clear: int


IN_FULL = Shuffles(32, 2)  # what one run shows with probability 1/2 escapes 32 once in 4·10⁹: an adversary tries often
FEW = Shuffles(2, 2)  # of candidates, what is left of which is confirmed in full
UNSHUFFLED = Shuffles(32, 0)  # of clear finds, likewise

Around = Callable[[], AbstractContextManager[None]]
Run = Callable[[Precision, Around], "Comparison | Broken"]


def confirmed_claim(
    theorem: Theorem,
    rebuild: Callable[[], Any],
    screened: Comparison,
    *,
    as_is: bool = False,
    shuffles: Shuffles = IN_FULL,
) -> Comparison | Broken:
    """The claim on the instance `rebuild` returns (enforced again, unless `as_is`), with bars that may carry an accusation.

    Fewer `shuffles` are for a violation that is confirmed once more before it is said.
    """

    def run(precision: Precision, around: Around) -> Comparison | Broken:
        with precision.scope():  # noise is fresh at every level
            value = rebuild()  # exact, and before the mode changes: only what is computed from it may move

        def whole() -> Comparison:
            return claim_of(theorem, value if as_is else admission(theorem, value).instance, precision)

        with around():
            return guarded(whole, precision)

    return confirmed(run, screened, shuffles)


def confirmed_premise(theorem: Theorem, premise: Premise, rebuild: Callable[[], Any]) -> bool:
    """Whether a premise violated by less than 1e-6 was so only by rounding."""

    def run(precision: Precision, around: Around) -> Comparison | Broken:
        value = rebuild()

        def whole() -> Comparison:
            held = premise.holds(admission(theorem, value).instance)
            return held if isinstance(held, Comparison) else Comparison(premise.name)

        with around():
            return guarded(whole, precision)

    screened = run(Precision(0), nullcontext)
    result = screened if isinstance(screened, Broken) else confirmed(run, screened)
    return not isinstance(result, Broken) and result.standing in (Standing.HOLDS, Standing.TOO_CLOSE)


def confirmed(run: Run, screened: Comparison, shuffles: Shuffles = IN_FULL) -> Comparison | Broken:
    """Raise the level until the comparison is decided or the bars stop shrinking; `screened` is the run at level 0."""
    before, result = screened, screened
    for level in map(Precision, LEVELS):
        now = run(level, nullcontext)
        if isinstance(now, Broken):
            return now
        result = _with_bars(before, now)
        if result.standing is not Standing.TOO_CLOSE:  # what is too close already is so with larger bars
            others = [run(level, partial(rounded, mode)) for mode in OTHERS] if available() else []
            result = _with_bars(before, now, others)
            if result.standing is Standing.VIOLATED:
                if not others:
                    return result
                arounds = map(_shaken, range(shuffles.tiny)) if -result.slack < NEAR else (partial(shuffled, seed) for seed in range(shuffles.clear))
                return _shuffled(run, level, before, now, others, arounds)
        if result.standing is not Standing.TOO_CLOSE or not _tightens(before, now):
            return result
        before = now
    return result


def _shaken(seed: int) -> Around:
    """Shuffled rounding, and linear algebra in another order."""

    @contextmanager
    def around() -> Iterator[None]:
        with reordered(seed), shuffled(seed):
            yield

    return around


def _shuffled(
    run: Run, level: Precision, before: Comparison, now: Comparison, others: list[Comparison | Broken], arounds: Iterable[Around]
) -> Comparison:
    """The comparison with shuffled runs among those that make its bar; ends as soon as it is no violation any more."""
    seen, result = list(others), _with_bars(before, now, others)
    for around in arounds:
        seen.append(run(level, around))
        result = _with_bars(before, now, seen)
        if result.standing is not Standing.VIOLATED:
            break
    return result


def _tightens(before: Comparison, now: Comparison) -> bool:
    """Whether a tighter level changed anything: an algebraic claim has nothing to gain from another."""
    pairs = zip(before.leaves, now.leaves, strict=True)
    return any(
        not (np.array_equal(a.left.value, b.left.value) and np.array_equal(a.right.value, b.right.value))
        or np.any(b.left.error < a.left.error)
        or np.any(b.right.error < a.right.error)
        for a, b in pairs
    )


def _with_bars(before: Comparison, now: Comparison, others: list[Comparison | Broken] | None = None) -> Comparison:
    """The comparison with the change between levels in its bars, and what the other rounding modes showed, once they have run."""
    leaves = []
    for i, (a, b) in enumerate(zip(before.leaves, now.leaves, strict=True)):
        with np.errstate(all="ignore"):
            left = Measured(b.left.value, np.nan_to_num(b.left.error + np.abs(b.left.value - a.left.value), nan=np.inf))
            right = Measured(b.right.value, np.nan_to_num(b.right.error + np.abs(b.right.value - a.right.value), nan=np.inf))
        leaves.append(replace(b, left=left, right=right, rounding=0.0 if others is None else _spread(b, i, others)))
    return now.with_leaves(iter(leaves))


def _spread(leaf: Comparison, i: int, others: list[Comparison | Broken]) -> np.ndarray:
    """Twice the spread of the signed difference over rounding modes; infinite where a mode cannot answer."""
    nearest = leaf.signed_difference
    if not others:  # no rounding modes on this machine: nothing closer than 1e-6 is accused
        return NEAR * (np.abs(leaf.left.value) + np.abs(leaf.right.value))
    seen = [nearest]
    for other in others:
        if isinstance(other, Broken) or len(other.leaves) <= i or other.leaves[i].signed_difference.shape != nearest.shape:
            return np.full_like(nearest, np.inf)
        seen.append(other.leaves[i].signed_difference)
    with np.errstate(all="ignore"):
        spread = np.max(seen, axis=0) - np.min(seen, axis=0)
    with np.errstate(over="ignore"):  # of sides that have all but overflowed
        return 2 * np.where(np.isnan(spread), np.inf, spread)
