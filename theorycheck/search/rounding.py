"""The IEEE rounding modes, through the C library: the cheapest honest probe of rounding error.

A true near-tie changes the sign of its computed difference, or at least its size, when every operation is rounded the
other way; a real violation does not.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache

import numpy as np


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


@cache
def available() -> bool:
    """Whether changing the mode changes NumPy's arithmetic here; where it does not, nothing closer than 1e-6 is accused."""
    third, total = np.array([1.0]) / 3.0, []
    for mode in (Rounding.DOWN, Rounding.UP):
        with rounded(mode):
            total.append((third + np.array([1e-20]))[0])
    return bool(total[0] != total[1])
