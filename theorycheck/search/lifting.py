"""Functions of a theorem file with ``float()``, ``min()`` and ``max()`` that take balls.

Claims say ``float(x)`` where they mean "the number x". In balls a conversion to float would lose the enclosure, and so raises; in the
functions of a theorem file these three names are given a meaning for balls instead, by running them with other globals. The file's own
functions, its partials and closures are followed, and what it imports from `theorycheck.instances`; methods of its classes, and other
modules, are left as they are.
"""

from __future__ import annotations

import builtins
from functools import partial, reduce
from types import CellType, FunctionType
from typing import Any

import numpy as np

from theorycheck.dynamics.certificates.arrays import holds_balls

_OURS = "theorycheck."
_NUMBERS_OF_INSTANCES = "theorycheck.instances."


class _NumberType(type):
    """What `float` is where balls are numbers too."""

    def __call__(cls, number: Any = 0.0) -> Any:
        if not holds_balls(number):
            return builtins.float(number)
        return number.item()

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, builtins.float)


class _Number(metaclass=_NumberType):
    """``float`` of a theorem file."""


def _least(*numbers: Any, **options: Any) -> Any:
    return _picked(builtins.min, np.minimum, numbers, options)


def _largest(*numbers: Any, **options: Any) -> Any:
    return _picked(builtins.max, np.maximum, numbers, options)


def _picked(builtin: Any, ufunc: np.ufunc, numbers: Any, options: Any) -> Any:
    among = numbers if len(numbers) > 1 else (numbers[0],) if hasattr(numbers[0], "shape") else tuple(numbers[0])
    if options or not any(map(holds_balls, among)):
        return builtin(*numbers, **options)
    return reduce(ufunc, among)


_NAMES = {"float": _Number, "min": _least, "max": _largest}


def _settled(function: FunctionType) -> bool:
    """Whether a function is one of ours that says itself what it does with balls."""
    return str(function.__module__).startswith(_OURS) and not str(function.__module__).startswith(_NUMBERS_OF_INSTANCES)


def _followed(value: Any, names: dict[str, Any]) -> bool:
    """Whether a global of a module is lifted with it: its own functions and partials, and the numbers of instances."""
    if isinstance(value, FunctionType):
        return value.__globals__ is names or str(value.__module__).startswith(_NUMBERS_OF_INSTANCES)
    return isinstance(value, partial)


class Lift:
    """Lifted copies of functions; each original is copied once."""

    def __init__(self) -> None:
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._globals: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def __call__(self, value: Any) -> Any:
        """The lifted copy of a function or partial; anything else as it is."""
        if isinstance(value, partial):
            return partial(self(value.func), *map(self, value.args), **{k: self(v) for k, v in value.keywords.items()})
        if not isinstance(value, FunctionType) or _settled(value):
            return value
        if id(value) not in self._copies:
            self._copies[id(value)] = (value, self._copied(value))
        return self._copies[id(value)][1]

    def _copied(self, function: FunctionType) -> FunctionType:
        names = self._lifted_globals(function.__globals__)
        closure = tuple(self._cell(cell) for cell in function.__closure__ or ())
        defaults = tuple(map(self, function.__defaults__)) if function.__defaults__ else None
        copy = FunctionType(function.__code__, names, function.__name__, defaults, closure)
        copy.__kwdefaults__ = {k: self(v) for k, v in (function.__kwdefaults__ or {}).items()} or None
        return copy

    def _lifted_globals(self, names: dict[str, Any]) -> dict[str, Any]:
        """The globals of a module with its functions lifted; kept before they are filled, since functions call each other."""
        if id(names) not in self._globals:
            lifted = names | {name: ours for name, ours in _NAMES.items() if name not in names}
            self._globals[id(names)] = (names, lifted)
            lifted.update({name: self(value) for name, value in names.items() if _followed(value, names)})
        return self._globals[id(names)][1]

    def _cell(self, cell: CellType) -> CellType:
        try:
            content = cell.cell_contents
        except ValueError:  # an empty cell
            return cell
        changed = self(content)
        return cell if changed is content else CellType(changed)
