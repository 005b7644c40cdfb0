"""One tree of errors: each says which rule was broken, shows ``name=value`` and what to do.

Everything the project raises on purpose is a `TheorycheckError`; the argument errors are `ValueError`s too,
so that code which knows nothing of this project still catches them.
"""

from __future__ import annotations

import numpy as np


class TheorycheckError(Exception):
    """Root of the tree."""


class InvalidArgument(TheorycheckError, ValueError):
    """An argument breaks a rule: the message reads "`name=value` rule; remedy"."""

    def __init__(self, name: str, value: object, rule: str, remedy: str = "") -> None:
        self.name, self.value, self.rule, self.remedy = name, value, rule, remedy
        super().__init__(name, value, rule, remedy)

    def __str__(self) -> str:
        return f"`{self.name}={brief(self.value)}` {self.rule}" + (f"; {self.remedy}" if self.remedy else "")


class ShapeMismatch(InvalidArgument):
    """Two shapes that must agree do not."""


class NotFinite(InvalidArgument):
    """An input holds NaN or an infinity."""


class DataError(InvalidArgument):
    """A data file cannot be used as it is."""


class TooLarge(InvalidArgument):
    """An exact computation would exceed its budget; the remedy names the other route."""


class UnknownTheorem(InvalidArgument, LookupError):
    """A selector or a name matches nothing in the library."""


class CannotBindData(InvalidArgument, TypeError):
    """A theorem's recipe takes no data of the reader's own."""


class EnforcementConflict(TheorycheckError):
    """Enforcing one premise broke another that held before."""


class WorkerLost(TheorycheckError):
    """A worker process died while it held part of a check."""


def brief(value: object, limit: int = 80) -> str:
    """Value as it stands in a message: shapes of large arrays instead of their entries."""
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"array of shape {value.shape}"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def require_finite(name: str, value: object, remedy: str = "pass finite numbers only") -> np.ndarray:
    """Return `value` as an array of float64, or raise `NotFinite` naming the first entry that is not finite.

    Exact and enclosed numbers, which are always finite, stay what they are.
    """
    if hasattr(value, "as_enclosed_array"):
        return value.as_enclosed_array()
    array = require_real(name, value)
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(np.atleast_1d(array)))[0])
        raise NotFinite(name, value, f"has an entry that is not finite, at index {where}", remedy)
    return array


def require_real(name: str, value: object) -> np.ndarray:
    """Return `value` as an array of float64, finite or not, or raise `InvalidArgument` where it is not made of real numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c" or value is None:
            raise TypeError("no real numbers")
        return array.astype(float, copy=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(name, value, "must be an array of real numbers", "pass floats or integers") from error


def require_positive(name: str, value: object) -> np.ndarray:
    """Return `value` as an array of positive finite float64, or raise."""
    array = require_finite(name, value)
    if not np.all(array > 0):
        raise InvalidArgument(name, value, "must be positive", f"pass {name} > 0")
    return array


def require_whole(name: str, value: object, least: int, example: int) -> None:
    """Raise `InvalidArgument` unless `value` is a whole number from `least`."""
    if not isinstance(value, int | np.integer) or value < least:
        raise InvalidArgument(name, value, f"must be a whole number from {least}", f"pass {name}={example}")


def require_shape(name: str, value: np.ndarray, expected: tuple[int, ...], why: str) -> np.ndarray:
    """Return `value` if its trailing axes have the `expected` sizes, or raise `ShapeMismatch`."""
    if value.shape[value.ndim - len(expected) :] != expected or value.ndim < len(expected):
        raise ShapeMismatch(f"{name}.shape", value.shape, f"must end with {expected}", why)
    return value
