"""How compiled code is made: one decorator for every numba kernel of the project.

Rules a kernel keeps:

1. IEEE arithmetic as written: no fastmath, no reassociation, so results are right in every rounding mode, do not depend
   on how instances are batched, and a value that is not finite stays so.
2. Sizes are arguments. Arrays are C-contiguous, writeable float64 or int64 (`together` makes them so): one compile for all shapes.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache


def watched(module: str) -> set[Path]:
    """Source files of a module and of everything it imports from its own package, directly or not."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None or name in found or name.split(".")[0] != module.split(".")[0]:
            continue
        found[name] = Path(file)
        for node in ast.walk(ast.parse(found[name].read_text())):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return set(found.values())


@cache
def _sources(module: str) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(watched(module)))).hexdigest()


class _Cache(FunctionCache):
    """numba's cache on disk, which watches the file of a function only, made to watch the files of the kernels it calls too.

    A cache that cannot be read or written costs a compile and nothing else.
    """

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), _sources(self._py_func.__module__))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 (a damaged file may fail in any way while it is unpickled)
            with suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):  # a full disk, a directory that is no longer writeable, a file that another process has damaged
            super().save_overload(sig, data)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call; the machine code is kept on disk where a directory can be written, else in memory only."""
    return _kept(njit(error_model="numpy")(function), function)


def borrowing(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, for functions that make no array and return none: the arrays they are given are not counted up and down.

    Counting every array that a named tuple or a slice hands out costs more than small products do. What needs counting does not compile.
    """
    return _kept(njit(error_model="numpy", _nrt=False)(function), function)


def _kept(dispatcher: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        dispatcher._cache = _Cache(function)
    except (RuntimeError, OSError):  # no directory to write to, or no source file
        return dispatcher
    return dispatcher


def together(*arguments: tuple[Any, int]) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Broadcast the leading axes of arrays and make them one axis: what a kernel takes.

    Parameters
    ----------
    *arguments : (array_like, int)
        An array, and how many of its trailing axes belong to one instance.

    Returns
    -------
    lanes : tuple of int
        The common leading shape.
    arrays : list of ndarray, each of shape ``(B, m)``
        One row an instance, its trailing axes flattened; C-contiguous and writeable. B is the product of `lanes`.

    """
    arrays = [(np.asarray(a, dtype=float), core) for a, core in arguments]
    leading = {a.shape[: a.ndim - core] for a, core in arrays}
    lanes = leading.pop() if len(leading) == 1 else np.broadcast_shapes(*leading)
    rows = []
    for a, core in arrays:
        inner = a.shape[a.ndim - core :]
        if a.shape != (*lanes, *inner) or not (a.flags.c_contiguous and a.flags.writeable):
            a, part = np.empty((*lanes, *inner)), a
            a[...] = part
        rows.append(a.reshape(prod(lanes), prod(inner)))
    return lanes, rows
