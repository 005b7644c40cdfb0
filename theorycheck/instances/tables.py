"""Tables: the values one drawn number can take, ordered by simplicity, and how a sample picks among them.

A choice is an index into a table; index 0 is the simplest entry, and a smaller index is never a more complicated value.
A table turns uniform 64-bit words into indices (`pick`) with integer and IEEE arithmetic only, so that an instance is
the same on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, floor, log2

import numpy as np
from scipy.special import ndtr, ndtri

from theorycheck.errors import InvalidArgument

SIMPLE = (0, 1, -1, 2, -2, 1 / 2, -1 / 2, 3, -3, 3 / 2, -3 / 2, 1 / 4, -1 / 4, 4, -4, 3 / 4, -3 / 4)
_TINY = 5  # a tiny draw takes its numbers among the first entries: 0, 1, -1, 2, -2
_GRID_BITS = 20
_UNIFORM_BITS = 53


class Table:
    """Entries 0 .. size-1 in order of simplicity."""

    size: int
    is_size = False  # True for counts and options: what contraction may change the shape with

    def values(self, indices: np.ndarray) -> np.ndarray:
        """Entries at the given indices."""
        raise NotImplementedError

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        """Indices from uniform 64-bit words."""
        raise NotImplementedError


def scaled_down(words: np.ndarray, size: int) -> np.ndarray:
    """Words to indices 0 .. size-1, uniform up to 2^-53 x size."""
    return np.minimum(((words >> np.uint64(11)).astype(np.float64) * 2.0**-53 * size).astype(np.int64), size - 1)


@lru_cache(maxsize=256)
def _dyadic_levels(low: float, high: float) -> tuple[np.ndarray, ...]:
    """Columns level, step, first positive, their count, first negative, their count; and the rank each level starts at."""
    finest = _GRID_BITS + max(0, ceil(-log2(high - low)))
    rows = []
    for g in range(finest + 1):
        top, bottom = floor(high * 2.0**g), ceil(low * 2.0**g)
        step = 1 if g == 0 else 2
        first_up, first_down = max(bottom, 0), min(top, -1)
        if g > 0:  # odd numerators only
            first_up += 1 - first_up % 2
            first_down -= 1 - first_down % 2
        rows.append((g, step, first_up, max(0, (top - first_up) // step + 1), first_down, max(0, (first_down - bottom) // step + 1)))
    columns = np.array(rows, dtype=np.int64).T
    return (*columns, np.concatenate([[0], np.cumsum(columns[3] + columns[5])]))


@dataclass(frozen=True)
class RealTable(Table):
    """Numbers in [low, high]: the simple ones, then the dyadic grid, coarse levels first.

    Level g of the grid holds the odd multiples of 2^-g (level 0: the integers), by size, positive before negative.
    The finest level is 2^-20, or finer where the interval is narrow.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InvalidArgument("low, high", (self.low, self.high), "must be finite with low < high", "pass reals(-4, 4)")

    @cached_property
    def simple(self) -> np.ndarray:
        inside = [s for s in SIMPLE if self.low <= s <= self.high]
        if not inside:  # start from the simplest grid point of the interval
            inside = [float(self._grid(np.array([0]))[0])]
        return np.array(inside, dtype=float)

    @property
    def _levels(self) -> tuple[np.ndarray, ...]:
        return _dyadic_levels(self.low, self.high)

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        return len(self.simple) + int(self._levels[-1][-1])

    def _grid(self, rank: np.ndarray) -> np.ndarray:
        level, step, first_up, up, first_down, down, starts = self._levels
        g = np.searchsorted(starts[1:-1], rank, side="right")
        r = rank - starts[g]
        if self.low == -self.high:  # up and down alternate on every level: the quick path of the usual tables
            integers = g == 0
            numerator = np.where(integers, (r + 1) // 2, 2 * (r // 2) + 1)
            return np.ldexp(np.where((r % 2 == 0) != integers, numerator, -numerator).astype(float), -level[g])
        zero_first = (first_up[g] == 0) & (up[g] > 0)  # 0 stands alone, before the pairs 1, -1, 2, -2, ...
        r = r - zero_first
        ups = up[g] - zero_first
        base = first_up[g] + zero_first * step[g]
        pairs = np.minimum(ups, down[g])
        in_pairs = r < 2 * pairs
        i = np.where(in_pairs, r // 2, r - pairs)
        positive = np.where(in_pairs, r % 2 == 0, ups > down[g])
        numerator = np.where(r < 0, 0, np.where(positive, base + i * step[g], first_down[g] - i * step[g]))
        return np.ldexp(numerator.astype(float), -level[g])

    def values(self, indices: np.ndarray) -> np.ndarray:
        indices = np.asarray(indices, dtype=np.int64)
        n = len(self.simple)
        if indices.size and indices.max() < n:
            return self.simple[indices]
        grid = self._grid(np.maximum(indices - n, 0))
        return np.where(indices < n, self.simple[np.minimum(indices, n - 1)], grid)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Indices of the grid points nearest to `values` (clipped to the interval): off-grid numbers are rounded here."""
        level, step, first_up, up, first_down, down, starts = self._levels
        finest = int(level[-1])
        scaled = np.clip(np.asarray(values, dtype=float), self.low, self.high) * 2.0**finest
        numerator = np.clip(np.rint(scaled), ceil(self.low * 2.0**finest), floor(self.high * 2.0**finest)).astype(np.int64)
        lowest_bit = np.where(numerator == 0, 1, numerator & -numerator)
        g = np.where(numerator == 0, 0, np.maximum(finest - np.log2(lowest_bit).astype(np.int64), 0))
        odd = numerator // 2 ** (finest - g)
        zero_first = ((first_up[g] == 0) & (up[g] > 0)).astype(np.int64)
        ups, downs = up[g] - zero_first, down[g]
        i = np.where(odd >= 0, (odd - first_up[g]) // step[g] - zero_first, (first_down[g] - odd) // step[g])
        pairs = np.minimum(ups, downs)
        rank = np.where(i < pairs, 2 * i + (odd < 0), i + pairs)
        rank = np.where((odd == 0) & (zero_first == 1), -1, rank)
        return len(self.simple) + starts[g] + zero_first + rank

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        n = len(self.simple)
        if tiny:
            return scaled_down(words, min(_TINY, n))
        simple = (words & np.uint64(3)) == 0
        return np.where(simple, scaled_down(words, n), n + scaled_down(words, self.size - n))


@dataclass(frozen=True)
class IntegerTable(Table):
    """Whole numbers low .. high, nearest to zero first, positive before negative; a size of something."""

    low: int
    high: int
    is_size = True

    def __post_init__(self) -> None:
        if not all(isinstance(end, int | np.integer) for end in (self.low, self.high)) or self.low > self.high:
            raise InvalidArgument("low, high", (self.low, self.high), "must be whole numbers with low <= high", "pass integers(1, 4)")

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        return self.high - self.low + 1

    @cached_property
    def _entries(self) -> np.ndarray:
        return np.array(sorted(range(self.low, self.high + 1), key=lambda k: (abs(k), k < 0)))

    def values(self, indices: np.ndarray) -> np.ndarray:
        return self._entries[indices]

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        if tiny:  # least size in three tiny draws of four
            return np.minimum((words & np.uint64(3)) == 0, self.size - 1).astype(np.int64)
        return scaled_down(words, self.size)


@dataclass(frozen=True)
class OptionTable(Table):
    """Positions in a list of options, first = simplest."""

    size: int
    is_size = True

    def values(self, indices: np.ndarray) -> np.ndarray:
        return indices

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        return scaled_down(words, self.size)


@dataclass(frozen=True)
class NormalTable(Table):
    """Exact standard normal law, rounded to multiples of 2^-32; the simple numbers come first and are never sampled."""

    size: int = len(SIMPLE) + 2**_UNIFORM_BITS

    def values(self, indices: np.ndarray) -> np.ndarray:
        indices = np.asarray(indices, dtype=np.int64)
        n = len(SIMPLE)
        uniform = (np.maximum(indices - n, 0).astype(float) + 0.5) * 2.0**-_UNIFORM_BITS
        # rounding to the grid removes the last bits, where libraries differ
        exact = np.rint(ndtri(np.minimum(uniform, 1 - 2.0**-53)) * 2.0**32) * 2.0**-32
        return np.where(indices < n, np.array(SIMPLE, dtype=float)[np.minimum(indices, n - 1)], exact)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Indices whose entries are nearest to `values`."""
        return len(SIMPLE) + np.clip(ndtr(np.asarray(values, dtype=float)) * 2.0**_UNIFORM_BITS, 0, 2**_UNIFORM_BITS - 1).astype(np.int64)

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        return len(SIMPLE) + (words >> np.uint64(64 - _UNIFORM_BITS)).astype(np.int64)


@dataclass(frozen=True)
class SignTable(Table):
    """+1 and -1 with probability one half each."""

    size: int = 2

    def values(self, indices: np.ndarray) -> np.ndarray:
        return 1.0 - 2.0 * indices

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        return (words >> np.uint64(63)).astype(np.int64)


@dataclass(frozen=True)
class KeyTable(Table):
    """Keys of addressable noise; all equally simple."""

    size: int = 2**32

    def values(self, indices: np.ndarray) -> np.ndarray:
        return indices

    def pick(self, words: np.ndarray, tiny: bool) -> np.ndarray:
        return (words >> np.uint64(32)).astype(np.int64)
