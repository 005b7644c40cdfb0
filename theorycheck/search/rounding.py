"""The IEEE rounding modes, through the C library: the cheapest honest probe of rounding error.

A true near-tie changes the sign of its computed difference, or at least its size, when every operation is rounded the
other way; a real violation does not. One mode for a whole run has a blind spot: in a difference of two numbers of one binade,
(a + ε_1) - (b + ε_2), both round up together and both round down together, and the difference keeps the same error. So an
accusation must also survive runs in which the direction changes at random from one bytecode instruction to the next.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from types import FrameType
from typing import Any

import numpy as np

_SWITCHES = 200_000  # instructions after which a shuffled run only switches at calls: a long loop in Python is not slowed for ever


class Rounding(Enum):
    """Rounding directions of IEEE 754."""

    NEAREST = 0
    DOWN = 1
    UP = 2
    ZERO = 3


OTHERS = (Rounding.DOWN, Rounding.UP, Rounding.ZERO)

# the fenv.h constants in the order of `Rounding`
_CONSTANTS = {"x86_64": (0x000, 0x400, 0x800, 0xC00), "aarch64": (0x000000, 0x800000, 0x400000, 0xC00000)}
_SAME = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


@cache
def _library() -> tuple[ctypes.CDLL, tuple[int, ...]] | None:
    constants = _CONSTANTS.get(_SAME.get(platform.machine().lower(), ""))
    name = ctypes.util.find_library("m")
    if constants is None or (name is None and platform.system() == "Windows"):
        return None
    library = ctypes.CDLL(name)
    return (library, constants) if hasattr(library, "fesetround") else None


@contextmanager
def rounded(mode: Rounding) -> Iterator[None]:
    """Run the block in the given rounding mode; the mode before is restored."""
    found = _library()
    if mode is Rounding.NEAREST or found is None:
        yield
        return
    library, constants = found
    library.fesetround(constants[mode.value])
    try:
        yield
    finally:
        library.fesetround(constants[Rounding.NEAREST.value])


@contextmanager
def shuffled(seed: int) -> Iterator[None]:
    """Run the block with the rounding direction, up or down, drawn anew before every bytecode instruction of what it calls.

    Deterministic in `seed`. Compiled kernels and library routines run in one direction each, another one at each call.
    """
    found = _library()
    if found is None:
        yield
        return
    before = sys.gettrace()
    sys.settrace(_switcher(found, seed))
    try:
        yield
    finally:
        sys.settrace(before)
        found[0].fesetround(found[1][Rounding.NEAREST.value])


def _switcher(found: tuple[ctypes.CDLL, tuple[int, ...]], seed: int) -> Callable[[FrameType, str, Any], Any]:
    library, constants = found
    directions = constants[Rounding.DOWN.value], constants[Rounding.UP.value]
    set_mode, state, left = library.fesetround, (2 * seed + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF, _SWITCHES

    def switch(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal state, left
        left -= 1
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        set_mode(directions[state >> 63])
        if left < 0:
            return None
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return switch

    return switch


@cache
def available() -> bool:
    """Whether changing the mode changes NumPy's arithmetic here; where it does not, nothing closer than 1e-6 is accused."""
    third, total = np.array([1.0]) / 3.0, []
    for mode in (Rounding.DOWN, Rounding.UP):
        with rounded(mode):
            total.append((third + np.array([1e-20]))[0])
    return bool(total[0] != total[1])
