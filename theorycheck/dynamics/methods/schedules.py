"""Numbers of a method that may change from step to step, and the time they add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_positive
from theorycheck.measured import EPS

CHUNK = 4096  # steps of a schedule that are looked at together
LONGEST = 10_000_000  # steps of a schedule that are added up in search of a time


@dataclass(frozen=True, eq=False)
class Schedule:
    """A number of a method as a function of the step k = 0, 1, 2, ....

    Parameters
    ----------
    formula : callable
        Takes k, an array of int, and returns numbers that broadcast with it, entry by entry.
    lanes : tuple of int
        Leading shape of what it returns beyond that of k.

    Examples
    --------
    >>> Schedule(lambda k: 0.1 / np.sqrt(1 + k)).at(np.array([0, 3]))
    array([0.1 , 0.05])
    >>> Schedule.listed([0.1, 0.1, 0.01]).at(np.array([0, 2, 50]))
    array([0.1 , 0.01, 0.01])

    """

    formula: Callable[[np.ndarray], ArrayLike]
    lanes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not callable(self.formula):
            remedy = "pass Schedule(lambda k: 0.1 / (1 + k)) or Schedule.listed([0.1, 0.01])"
            raise InvalidArgument("formula", self.formula, "must be a function of k", remedy)

    @classmethod
    def listed(cls, values: ArrayLike) -> Schedule:
        """The schedule of given numbers, shape ``(..., K)``; from step K on, the last of them."""
        numbers = np.array(require_finite("values", values))
        if numbers.ndim < 1 or not numbers.shape[-1]:
            raise ShapeMismatch("values.shape", numbers.shape, "must be (..., K), K ≥ 1", "pass one number a step")

        def entry(k: np.ndarray) -> np.ndarray:
            place = np.minimum(k, numbers.shape[-1] - 1)
            lanes = np.broadcast_shapes(place.shape, numbers.shape[:-1])
            table = np.broadcast_to(numbers, (*lanes, numbers.shape[-1]))
            return np.take_along_axis(table, np.broadcast_to(place, lanes)[..., None], axis=-1)[..., 0]

        return cls(entry, numbers.shape[:-1])

    def at(self, k: np.ndarray) -> np.ndarray:
        """The numbers of steps k."""
        return np.asarray(self.formula(k), dtype=float)


Number = float | np.ndarray | Schedule


def number(name: str, value: Number) -> Number:
    """A schedule as it is, anything else as a read-only array of finite numbers."""
    if isinstance(value, Schedule):
        return value
    array = require_finite(name, value).copy()
    array.flags.writeable = False
    return array


def positive(name: str, value: Number) -> Number:
    """A `number` whose entries are positive; those of a schedule are looked at when they are used."""
    return value if isinstance(value, Schedule) else number(name, require_positive(name, value))


def fraction(name: str, value: Number) -> Number:
    """A `number` with entries in [0, 1)."""
    if isinstance(value, Schedule):
        return value
    array = np.asarray(number(name, value))
    return _required(name, array, (array >= 0) & (array < 1), "must be in [0, 1)")


def positive_at(name: str, value: Number, k: np.ndarray) -> np.ndarray:
    """A positive number at steps k; a schedule that is not positive there raises `InvalidArgument`."""
    if not isinstance(value, Schedule):
        return np.asarray(value)
    found = value.at(k)
    return _required(name, found, found > 0, "must be positive at every step of the schedule")


def fraction_at(name: str, value: Number, k: np.ndarray) -> np.ndarray:
    """A number in [0, 1) at steps k; see `positive_at`."""
    if not isinstance(value, Schedule):
        return np.asarray(value)
    found = value.at(k)
    return _required(name, found, (found >= 0) & (found < 1), "must be in [0, 1) at every step of the schedule")


def time_of(step: Number, k: np.ndarray) -> np.ndarray:
    """Σ_{j<k} η_j; k is ``(..., T)``."""
    if not isinstance(step, Schedule):
        return k * np.asarray(step)[..., None]
    found = np.zeros(k.shape)
    for first, sums in _sums(step, k.shape[:-1], int(np.max(k, initial=0))):
        place = np.clip(k - first, 0, CHUNK)
        found = np.where(k >= first, np.take_along_axis(sums, place, axis=-1), found)
    return found


def steps_to(step: Number, time: np.ndarray, lanes: tuple[int, ...]) -> np.ndarray:
    """The first k with Σ_{j<k} η_j ≥ time, shape `lanes`; a time that is a whole number of steps up to rounding is that number."""
    if not isinstance(step, Schedule):
        return np.broadcast_to(np.minimum(np.ceil(time / np.asarray(step) * (1 - 4 * EPS)), 2.0**62).astype(np.int64), lanes)
    wanted, found = np.broadcast_to(time * (1 - 4 * EPS), lanes), np.full(lanes, -1)
    for first, sums in _sums(step, lanes, LONGEST):
        reached = sums >= wanted[..., None]
        found = np.where((found < 0) & reached.any(axis=-1), first + reached.argmax(axis=-1), found)
        if np.all(found >= 0):
            return found
    raise InvalidArgument("time", time, f"is not reached in {LONGEST} steps of the schedule", "pass Stop(steps=...)")


def _sums(step: Schedule, lanes: tuple[int, ...], last: int) -> Iterator[tuple[int, np.ndarray]]:
    """Chunk by chunk up to step `last`: the number of its first step, and the times of its steps, shape ``(*lanes, CHUNK + 1)``."""
    total, index = np.zeros((*lanes, 1)), np.arange(CHUNK).reshape(-1, *(1,) * len(lanes))
    for first in range(0, last + 1, CHUNK):
        sizes = positive_at("step", step, np.broadcast_to(first + index, (CHUNK, *lanes)))
        parts = np.moveaxis(np.broadcast_to(sizes, (CHUNK, *lanes)), 0, -1)
        sums = np.concatenate([total, total + np.cumsum(parts, axis=-1)], axis=-1)
        yield first, sums
        total = sums[..., -1:]


def _required(name: str, value: np.ndarray, kept: np.ndarray, rule: str) -> np.ndarray:
    if not np.all(kept):
        raise InvalidArgument(name, value if value.ndim else value.item(), rule, f"pass {name}=0.9" if "[0, 1)" in rule else f"pass {name} > 0")
    return value
