"""Random words by address: word a of a seed and a stream is computed from these three numbers alone, in compiled code.

The cipher is Philox 4x64 with ten rounds (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Words come
in blocks of four, and are numbered as NumPy numbers them: word a is entry a of ``np.random.Philox(key=[seed, stream]).random_raw(a + 1)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.compiled import compiled

ROUNDS = 10
FIRST, SECOND = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)  # multipliers
GOLDEN, SILVER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)  # what the key moves by in a round
FOUR, ONE, ZERO = np.uint64(4), np.uint64(1), np.uint64(0)
LOWEST = np.uint64(11)  # bits of a word that a float64 in [0, 1) has no room for
UNIT = 2.0**-53


@intrinsic
def high(context: Any, a: Any, b: Any) -> Any:
    """The upper half of the 128 bits of a product of two words."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generated


@compiled
def block(seed: np.uint64, stream: np.uint64, number: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Words 4 · number, ..., 4 · number + 3."""
    a, b, c, d = number + ONE, ZERO, ZERO, ZERO
    k, l = seed, stream  # noqa: E741
    for _ in range(ROUNDS):
        a, b, c, d = high(SECOND, c) ^ b ^ k, SECOND * c, high(FIRST, a) ^ d ^ l, FIRST * a
        k, l = k + GOLDEN, l + SILVER  # noqa: E741
    return a, b, c, d


@compiled
def words(seed: np.uint64, stream: np.uint64, first: np.uint64, out: np.ndarray) -> None:
    """Words first, first + 1, ... into `out`, of uint64."""
    position, end, number, skipped = 0, out.size, first // FOUR, int(first % FOUR)
    while position < end:
        a, b, c, d = block(seed, stream, number)
        for j in range(skipped, 4):
            if position < end:
                out[position] = a if j == 0 else b if j == 1 else c if j == 2 else d
                position += 1
        skipped = 0
        number += ONE


@compiled
def below(word: np.uint64, n: np.uint64) -> np.int64:
    """A whole number in 0 .. n - 1, the integer part of n · word/2⁶⁴: each has the same chance up to n/2⁶⁴."""
    return np.int64(high(word, n))


@compiled
def sign(word: np.uint64) -> float:
    """1.0 or -1.0, by the highest bit."""
    return -1.0 if np.int64(word) < 0 else 1.0


@compiled
def unit(word: np.uint64) -> float:
    """A float64 in [0, 1), a multiple of 2⁻⁵³; exact in every rounding mode."""
    return np.float64(np.int64(word >> LOWEST)) * UNIT


@compiled
def words_of_lanes(seeds: np.ndarray, stream: np.uint64, first: np.ndarray, out: np.ndarray) -> None:
    """Row by row: words first[b], first[b] + 1, ... of seeds[b] into out[b]."""
    for b in range(seeds.size):
        words(seeds[b], stream, first[b], out[b])


@compiled
def numbers_below(words: np.ndarray, n: np.uint64, out: np.ndarray) -> None:
    """`below` of every word."""
    for i in range(words.size):
        out[i] = below(words[i], n)
