"""Comparisons: two sides with error bars, and how they stand.

With d = right - left for `at_most` and left - right for `at_least`, scale = |left| + |right| and bar = the bars of both
sides (plus what rounding modes showed), the slack is d / scale and an entry

    HOLDS if d > bar,    VIOLATED if d < -bar,    else is TOO_CLOSE.

For `equal`, d = -|left - right|: VIOLATED if d < -bar, HOLDS if -d <= bar <= resolution x scale, else TOO_CLOSE; its slack,
never positive, is minus the relative mismatch, and its scale is that of the largest entry, whose 16 ulp go into every bar: an
entry of a matrix that cancels to rounding is compared with the matrix. An entry that is not finite is UNDEFINED. The worst entry decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.measured import EPS, PLAIN_ULPS, Measured

NEAR = 1e-6  # an inequality whose sides are relatively closer than this is confirmed before it is believed
OPPOSITE = 1500.0  # the nearness of sides of opposite signs: no logarithm of a ratio of two numbers is larger
_LEAST = 1e-300


class Standing(Enum):
    """How a comparison stands; the later, the worse."""

    HOLDS = "holds"
    TOO_CLOSE = "too close to call"
    UNDEFINED = "undefined"
    VIOLATED = "violated"

    @property
    def badness(self) -> int:
        """Position from best (0) to worst (3)."""
        return list(Standing).index(self)


class Relation(Enum):
    """What is claimed of the two sides."""

    AT_MOST = "≤"
    AT_LEAST = "≥"
    EQUAL = "="


@dataclass(frozen=True)
class Entry:
    """The deciding entry of a comparison: both sides, relative slack and relative bar.

    ``doubtful`` is whether the comparison may not be believed as it stands: some leaf is violated, or an inequality closer than
    `NEAR`, and the deciding entry is not undefined. An equality that holds is no near miss.
    """

    standing: Standing
    slack: float
    bar: float
    label: str
    left: float
    right: float
    relation: Relation = Relation.AT_MOST
    doubtful: bool = False

    @property
    def nearness(self) -> float:
        """How near to a violation: below 0 for one, small for a near miss, at most 1,501.

        For an inequality the logarithm of the ratio of its sides, which still tells instances apart where the slack has
        saturated at 1; for an equality the logarithm of the bar over the difference.
        """
        if self.relation is Relation.EQUAL:
            return float(np.clip(np.log((self.bar + _LEAST) / (-self.slack + _LEAST)), -OPPOSITE, OPPOSITE))
        small, large = sorted((abs(self.left), abs(self.right)))
        if large == 0:  # a tie of nothing with nothing is near nothing
            return OPPOSITE
        if self.left * self.right < 0:
            away = OPPOSITE + small / large
        else:
            away = OPPOSITE if small == 0 else float(np.log(large) - np.log(small))
        return away if self.slack > 0 else -away


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sides and the relation claimed of them, or several comparisons at once (`parts`).

    Parameters
    ----------
    label : str
        The relation in words or symbols, for messages.
    relation : Relation
    left, right : Measured
        Broadcast against each other.
    resolution : float
        For `Relation.EQUAL`: the largest relative bar at which agreement counts as evidence.
    rounding : array
        Absolute; twice the spread of the signed difference over rounding modes, filled in by confirmation.
    parts : tuple of Comparison
        The parts of `all_of`; sides are then unused.
    scale : array, a number or one a stacked instance
        For `Relation.EQUAL`: the size of what may cancel in the sides, if it is larger than they are.

    """

    label: str
    relation: Relation = Relation.EQUAL
    left: Measured = field(default_factory=lambda: Measured(0.0))
    right: Measured = field(default_factory=lambda: Measured(0.0))
    resolution: float = 1e-6
    rounding: Any = 0.0
    parts: tuple[Comparison, ...] = ()
    scale: Any = 0.0

    @property
    def leaves(self) -> tuple[Comparison, ...]:
        """The plain comparisons of which this is made."""
        return tuple(leaf for part in self.parts for leaf in part.leaves) if self.parts else (self,)

    @property
    def signed_difference(self) -> np.ndarray:
        """Left - right, entrywise."""
        with np.errstate(all="ignore"):
            return np.asarray(self.left.value - self.right.value)

    def lanes(self, count: int | None) -> Iterator[Entry]:
        """The deciding entry of each of `count` stacked instances, or of everything (`None`)."""
        if count is None:
            yield self.worst
            return
        rows = [leaf._lane_entries(count) for leaf in self.leaves]
        for entries in zip(*rows, strict=True):
            yield _deciding(entries)

    @property
    def worst(self) -> Entry:
        """The deciding entry."""
        return _deciding(tuple(leaf._entries(*(c.reshape(1, -1) for c in leaf._columns()))[0] for leaf in self.leaves))

    @property
    def standing(self) -> Standing:
        """How the deciding entry stands."""
        return self.worst.standing

    @property
    def slack(self) -> float:
        """Relative slack of the deciding entry."""
        return self.worst.slack

    @property
    def bar(self) -> float:
        """Relative error bar of the deciding entry."""
        return self.worst.bar

    def __str__(self) -> str:
        w = self.worst
        return f"{w.label}: left {w.left:.12g}, right {w.right:.12g}, slack {w.slack:+.3g} ± {w.bar:.1g}, {w.standing.value}"

    def with_leaves(self, leaves: Iterator[Comparison]) -> Comparison:
        """The same tree with its leaves replaced in order."""
        if self.parts:
            return replace(self, parts=tuple(part.with_leaves(leaves) for part in self.parts))
        return next(leaves)

    def _columns(self) -> tuple[np.ndarray, ...]:
        columns = np.broadcast_arrays(self.left.value, self.right.value, self.left.error + self.right.error + self.rounding)
        scale = np.asarray(self.scale, dtype=float)
        behind = scale.reshape(scale.shape + (1,) * (columns[0].ndim - scale.ndim)) if scale.ndim else scale
        return (*columns, np.broadcast_to(behind, columns[0].shape))

    def _lane_entries(self, count: int) -> list[Entry]:
        columns = self._columns()
        if columns[0].ndim == 0 or columns[0].shape[0] != count:
            raise ShapeMismatch(
                "sides.shape",
                columns[0].shape,
                f"must start with the {count} stacked instances",
                "return one entry an instance, or drop stacked=True",
            )
        return self._entries(*(c.reshape(count, -1) for c in columns))

    def _entries(self, left: np.ndarray, right: np.ndarray, error: np.ndarray, least: np.ndarray) -> list[Entry]:
        """The deciding entry of each row."""
        if left.size == 0:
            raise InvalidArgument("sides", self.label, "have no entries", "compare at least one number")
        equality = self.relation is Relation.EQUAL
        with np.errstate(all="ignore"):
            difference = {
                Relation.AT_MOST: lambda: right - left,
                Relation.AT_LEAST: lambda: left - right,
                Relation.EQUAL: lambda: -np.abs(left - right),
            }[self.relation]()
            scale = np.abs(left) + np.abs(right)
            if equality:
                scale = np.maximum(np.max(scale, axis=-1, keepdims=True), least)
                error = error + PLAIN_ULPS * EPS * scale
            slack = np.where(scale == 0, 0.0, difference / scale)
            bar = np.where(scale > 0, error / scale, np.where(error > 0, np.inf, 0.0))
            finite = np.isfinite(left) & np.isfinite(right) & ~np.isnan(error)
            if equality:
                holds = (-difference <= error) & (error <= self.resolution * scale)
            else:
                holds = difference > error
            badness = np.where(~finite, 2, np.where(difference < -error, 3, np.where(holds, 0, 1)))
            doubtful = (badness == 3) | ((np.abs(slack) < NEAR) & (badness != 2) & (not equality))
        worst = np.lexsort((np.where(finite, slack, 0.0), -badness), axis=-1)[:, :1]
        picked = (np.take_along_axis(a, worst, axis=-1)[:, 0].tolist() for a in (badness, slack, bar, left, right, doubtful))
        return [Entry(_BY_BADNESS[b], s, e, self.label, x, y, self.relation, d) for b, s, e, x, y, d in zip(*picked, strict=True)]


_BY_BADNESS = tuple(Standing)


def _order(entry: Entry) -> tuple[int, float]:
    return (-entry.standing.badness, entry.slack if np.isfinite(entry.slack) else 0.0)


def _deciding(entries: tuple[Entry, ...]) -> Entry:
    """The worst of the entries that decide the leaves."""
    worst = min(entries, key=_order)
    doubtful = worst.standing is not Standing.UNDEFINED and any(entry.doubtful for entry in entries)
    return worst if doubtful == worst.doubtful else replace(worst, doubtful=doubtful)


def _compared(label: str, relation: Relation, left: Any, right: Any, resolution: float = 1e-6, scale: Any = 0.0) -> Comparison:
    if not isinstance(label, str):
        raise InvalidArgument("label", label, "must be a string", 'say what is compared: tc.at_most("S ≤ 2/step", left, right)')
    if not resolution > 0:
        raise InvalidArgument("resolution", resolution, "must be positive", "pass the largest relative bar at which agreement counts, such as 1e-6")
    left, right = Measured.of(left), Measured.of(right)
    shapes = np.shape(left), np.shape(right)
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeMismatch("sides.shape", shapes, f"of `{label}` must broadcast", "compare entry by entry, or with a number") from None
    return Comparison(label, relation, left, right, resolution, scale=scale)


def at_most(label: str, left: Any, right: Any) -> Comparison:
    """The claim ``left <= right``, entrywise; plain numbers carry 16 ulp."""
    return _compared(label, Relation.AT_MOST, left, right)


def at_least(label: str, left: Any, right: Any) -> Comparison:
    """The claim ``left >= right``, entrywise."""
    return _compared(label, Relation.AT_LEAST, left, right)


def equal(label: str, left: Any, right: Any, resolution: float = 1e-6, *, scale: Any = 0.0) -> Comparison:
    """The claim ``left == right``, entrywise: evidence only where the bars are within `resolution` of the scale.

    The scale is that of the largest entry, or `scale` where that is larger: pass the size of the terms that may cancel, one number
    or one a stacked instance. An entry whose sides are both exactly zero with no bar holds.
    """
    return _compared(label, Relation.EQUAL, left, right, resolution, scale)


def all_of(*comparisons: Comparison) -> Comparison:
    """All comparisons at once: as bad as the worst."""
    if not comparisons or not all(isinstance(c, Comparison) for c in comparisons):
        raise InvalidArgument("comparisons", comparisons, "must be comparisons, at least one", "pass tc.at_most(...), tc.equal(...), ...")
    return Comparison(" and ".join(c.label for c in comparisons), parts=tuple(comparisons))
