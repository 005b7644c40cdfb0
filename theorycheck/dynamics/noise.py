"""Noise by address: what step k of a run draws is a function of its seed and of k, and of nothing else.

A lane is known by its seed alone. Lanes with one seed see the same noise, whatever stands beside them, in whatever order, batch or
shard they run and whatever is saved; for independent runs pass different seeds, such as ``seed=np.arange(256)``. Runs of two methods
with one seed see the same batches, the same label noise and the same normals where they draw any: their difference is that of the methods.

Word a of a stream is entry a of ``np.random.Philox(key=[seed, stream]).random_raw(a + 1)`` (`symbolic.kernels.philox`). A method that draws
m words a step reads words km, ..., km + m - 1 at step k. Theorems draw seeds from the addressable noise of their instance,
``instance.noise.generator().integers(2**63, size=runs)``: fresh on confirmation.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.kernels.runs import philox


class Stream(IntEnum):
    """What words are drawn for: independent streams of one seed."""

    BATCH = 0
    EPOCH = 1
    LABEL = 2
    NORMAL = 3
    DIRECTION = 4
    KICK = 5


def checked_seed(seed: ArrayLike | None) -> np.ndarray:
    """Seeds as a read-only array of uint64, or `InvalidArgument`."""
    if seed is None:
        raise InvalidArgument("seed", None, "has no default: noise is a function of the seed and the step", "pass seed=0, or one seed a lane")
    array = np.asarray(seed)
    if array.dtype.kind not in "iu" or np.any(array < 0):
        raise InvalidArgument("seed", seed, "must be a whole number from 0, below 2**64", "pass seed=0, or one seed a lane")
    array = array.astype(np.uint64)
    array.flags.writeable = False
    return array


def words(seed: np.ndarray, stream: Stream, k: ArrayLike, count: int) -> np.ndarray:
    """The `count` words of step k, of uint64, shape ``(..., count)``; seed and k broadcast."""
    seeds, steps = np.broadcast_arrays(seed, np.asarray(k, dtype=np.uint64))
    out = np.empty((seeds.size, count), dtype=np.uint64)
    first = np.ascontiguousarray(steps.ravel()) * np.uint64(count)
    philox.words_of_lanes(np.ascontiguousarray(seeds.ravel()), np.uint64(stream), first, out)
    return out.reshape(*seeds.shape, count)


def indices(seed: np.ndarray, k: ArrayLike, count: int, n: int) -> np.ndarray:
    """Independent numbers in 0 .. n - 1, uniform up to n/2⁶⁴, shape ``(..., count)``."""
    drawn = words(seed, Stream.BATCH, k, count)
    out = np.empty(drawn.shape, dtype=np.int64)
    philox.numbers_below(drawn.reshape(-1), np.uint64(n), out.reshape(-1))
    return out


def permuted_indices(seed: np.ndarray, k: ArrayLike, count: int, n: int) -> np.ndarray:
    """Batch k of epochs of ⌊n/count⌋ batches, shape ``(..., count)``.

    Epoch e is the order of n words of its own, a uniform permutation of 0 .. n - 1; what ⌊n/count⌋ batches leave over, it leaves out.
    """
    batches = n // count
    epoch, place = np.divmod(np.asarray(k), batches)
    order = np.argsort(words(seed, Stream.EPOCH, epoch, n), axis=-1, kind="stable")
    places = place[..., None] * count + np.arange(count)
    return np.take_along_axis(order, np.broadcast_to(places, (*order.shape[:-1], count)), axis=-1)


def signs(seed: np.ndarray, k: ArrayLike, count: int) -> np.ndarray:
    """Independent fair signs ±1, shape ``(..., count)``."""
    return np.where(words(seed, Stream.LABEL, k, count) >> np.uint64(63), -1.0, 1.0)


def normals(seed: np.ndarray, k: ArrayLike, count: int, stream: Stream = Stream.NORMAL) -> np.ndarray:
    """Independent standard normals by the method of Box & Muller (1958), shape ``(..., count)``; at most 8.6 in size."""
    pairs = (count + 1) // 2
    uniform = (words(seed, stream, k, 2 * pairs) >> np.uint64(11)).astype(float) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log1p(-uniform[..., :pairs])), 2 * np.pi * uniform[..., pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)[..., :count]
