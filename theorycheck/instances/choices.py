"""Choices: the sequence of drawn numbers that *is* an instance.

A recipe asks for numbers; whoever answers decides what happens. `Sampled` answers from an addressed stream of random
words, `Given` from a recorded sequence, tolerantly, `Shrinkable` from Hypothesis. Each records what it answered, one
`Group` for each request, so that contraction can reshape one request without scrambling the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.instances.tables import Table

_WORDS_A_READ = 64
_TINY_EVERY = 4


@dataclass(frozen=True)
class Group:
    """The answer to one request: indices into one table, with the shape they were asked in."""

    table: Table
    shape: tuple[int, ...]
    indices: tuple[int, ...]


class Answers:
    """Base of the answering side of a recipe's draws."""

    fresh = 0  # the epoch of addressable noise: confirmation asks again with another one

    def __init__(self) -> None:
        self.groups: list[Group] = []

    def take(self, table: Table, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Indices of the entries drawn from `table`, as int64 of the given shape; recorded."""
        indices = self._answer(table, shape)
        self.groups.append(Group(table, shape, tuple(indices.tolist())))
        return indices.reshape(shape)

    def _answer(self, table: Table, shape: tuple[int, ...]) -> np.ndarray:
        raise NotImplementedError


class Sampled(Answers):
    """Answers of instance `index` of seed `seed`: the same on any machine, in any shard, in any order.

    Words come from Philox keyed by (seed, index). Every fourth index is a tiny draw: least sizes, simplest entries.
    """

    def __init__(self, seed: int, index: int) -> None:
        super().__init__()
        for name, value in (("seed", seed), ("index", index)):
            if not 0 <= value < 2**64:
                raise InvalidArgument(name, value, "must be a whole number in [0, 2^64)", "pass seed=0")
        self._stream = np.random.Philox(key=np.array([seed, index], dtype=np.uint64))
        self._words = np.empty(0, dtype=np.uint64)
        self.tiny = index % _TINY_EVERY == _TINY_EVERY - 1

    def _answer(self, table: Table, shape: tuple[int, ...]) -> np.ndarray:
        count = prod(shape)
        if len(self._words) < count:
            more = self._stream.random_raw(_WORDS_A_READ * (1 + (count - len(self._words)) // _WORDS_A_READ))
            self._words = np.concatenate([self._words, more])
        words, self._words = self._words[:count], self._words[count:]
        return table.pick(words, self.tiny)


class Given(Answers):
    """Answers from a flat sequence of choices; missing ones are 0, too large ones the last entry."""

    def __init__(self, choices: Iterable[int], fresh: int = 0) -> None:
        super().__init__()
        self._choices, self._next, self.fresh = list(choices), 0, fresh

    def _answer(self, table: Table, shape: tuple[int, ...]) -> np.ndarray:
        return _tolerant(table, self._served(prod(shape)))

    def _served(self, count: int) -> Sequence[int]:
        served = self._choices[self._next : self._next + count]
        self._next += count
        return served + [0] * (count - len(served))


class Regrouped(Answers):
    """Answers request by request: group i serves request i, its leading corner where the shape has shrunk."""

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__()
        self._groups = groups

    def _answer(self, table: Table, shape: tuple[int, ...]) -> np.ndarray:
        position = len(self.groups)
        if position >= len(self._groups):
            return np.zeros(prod(shape), dtype=np.int64)
        group = self._groups[position]
        if group.shape == shape or len(group.shape) != len(shape):
            flat = group.indices[: prod(shape)]
            return _tolerant(table, (*flat, *[0] * (prod(shape) - len(flat))))
        old, new = np.reshape(group.indices, group.shape), np.zeros(shape, dtype=np.int64)
        corner = tuple(slice(0, min(a, b)) for a, b in zip(group.shape, shape, strict=True))
        new[corner] = old[corner]
        return _tolerant(table, new.ravel().tolist())


class Shrinkable(Answers):
    """Answers from Hypothesis: each choice is one whole number it draws, and so one it shrinks."""

    def __init__(self, draw_integer: Callable[[int], int]) -> None:
        super().__init__()
        self._draw_integer = draw_integer

    def _answer(self, table: Table, shape: tuple[int, ...]) -> np.ndarray:
        return np.array([self._draw_integer(table.size - 1) for _ in range(prod(shape))], dtype=np.int64)


def _tolerant(table: Table, indices: Sequence[int]) -> np.ndarray:
    return np.array([min(max(int(i), 0), table.size - 1) for i in indices], dtype=np.int64)
