"""Numbers that carry their error bar, and the level of precision at which they are computed.

`Measured` is value ± error, elementwise, with error an absolute bound. Arithmetic carries the bar outward: a function
is evaluated at the ends of the interval, and each operation adds one rounding. A plain number entering a comparison or
an operation is a `Measured` of error 16 ulp. NumPy functions that only move entries, sums, means, extremes, norms and matrix
products keep the bar; any other says so instead of dropping it.

`Precision` is the level at which a claim runs: 0 screens, each further level divides every accuracy by 100. A check
opens a scope, so flows and quantities tighten even where a claim ignores its `precision` argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from theorycheck.errors import InvalidArgument, require_real

EPS = float(np.finfo(float).eps)
PLAIN_ULPS = 16


@dataclass(frozen=True, eq=False, repr=False)
class Measured(NDArrayOperatorsMixin):
    """A number or array with an absolute error bar of the same shape.

    Parameters
    ----------
    value : array_like, any shape
        What was measured.
    error : array_like, broadcastable to ``value``
        Bound on ``|value - truth|``, non-negative; infinity and NaN mean "nothing is known".

    """

    value: np.ndarray
    error: np.ndarray

    def __new__(cls, value: Any = 0.0, error: Any = 0.0) -> Any:
        """A number with its bar; in the scope of balls, exact and enclosed numbers widened by the bar."""
        if in_balls() and (np.asanyarray(value).dtype == object or np.asanyarray(error).dtype == object):
            none = np.asanyarray(error).dtype != object and not np.any(error)
            return value if none else value + error * flint.arb(0, 1)
        return super().__new__(cls)

    def __init__(self, value: Any, error: Any = 0.0) -> None:
        try:
            value = np.asarray(value, dtype=float)
            error = np.asarray(error, dtype=float)
        except (TypeError, ValueError):
            require_real("value", value)
            require_real("error", error)
            raise
        if (error < 0).any():
            raise InvalidArgument("error", error, "must be non-negative", "pass the absolute size of the bar")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "error", error if error.shape == value.shape else np.broadcast_to(error, value.shape))

    @classmethod
    def of(cls, number: Any) -> Measured:
        """Return `number` as it is if it is `Measured`, else with the bar of a plain number (16 ulp).

        A sequence of `Measured` becomes one. In the scope of balls, exact and enclosed numbers stay what they are.

        Raises
        ------
        InvalidArgument
            For what is not made of real numbers.

        """
        if isinstance(number, Measured) or (in_balls() and np.asanyarray(number).dtype == object):
            return number
        value = np.asarray(number)
        if value.dtype != float:
            if value.dtype == object and any(isinstance(entry, Measured) for entry in value.flat):
                return _gathered(value)
            value = require_real("number", number)
        with np.errstate(all="ignore"):
            return cls(value, np.abs(value) * (PLAIN_ULPS * EPS))

    # -- the shape of an array, so that claims can index and reduce --
    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.value.size

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Measured:
        return Measured(self.value[key], self.error[key])

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def reshape(self, *shape: Any) -> Measured:
        """The same numbers in another shape."""
        return Measured(self.value.reshape(*shape), self.error.reshape(*shape))

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Measured:
        """Sum over axes; bars add up, and so does the rounding of the sum."""
        total = self.value.sum(axis=axis, keepdims=keepdims)
        rounding = EPS * np.abs(self.value).sum(axis=axis, keepdims=keepdims) * max(1.0, np.log2(max(2, self.value.size)))
        return Measured(total, self.error.sum(axis=axis, keepdims=keepdims) + rounding)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Measured:
        """Mean over axes."""
        total = self.sum(axis, keepdims)
        count = self.value.size // max(1, total.size)
        return _rounded(total.value / count, total.error / count)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Measured:
        """Largest entry; the bar is how far it can move when every entry does."""
        return _extreme(self, np.max, axis, keepdims)

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Measured:
        """Least entry."""
        return _extreme(self, np.min, axis, keepdims)

    def __repr__(self) -> str:
        if self.value.ndim == 0:
            return f"{float(self.value):.17g} ± {float(self.error):.2g}"
        return f"Measured(value={self.value!r}, error={self.error!r})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        if ufunc in _COMPARISONS:
            return ufunc(*(x.value if isinstance(x, Measured) else x for x in inputs))
        rule = _RULES.get(ufunc)
        if rule is None:
            if len(inputs) == 1 and ufunc in _MONOTONE:
                return _monotone(ufunc, Measured.of(inputs[0]))
            return NotImplemented
        return rule(*map(Measured.of, inputs))

    def __array_function__(self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if function in _MOVING:
            return _moved(function, args[0], args[1:], kwargs)
        rule = _FUNCTIONS.get(function)
        if rule is None:
            raise TypeError(
                f"numpy.{function.__name__} does not know error bars; pass `.value`, and give the result a bar with tc.Measured(value, error)"
            )
        return rule(*args, **kwargs)


def _gathered(entries: np.ndarray) -> Measured:
    """An array of `Measured` and plain numbers as one."""
    each = [Measured.of(entry) for entry in entries.flat]
    return Measured(*(np.array([getattr(m, part) for m in each], dtype=float).reshape(entries.shape) for part in ("value", "error")))


def _moved(function: Callable[..., np.ndarray], moved: Any, others: Sequence[Any], options: Mapping[str, Any]) -> Measured:
    """A function that only moves entries, of values and of bars; `moved` is an array or, for `stack` and its like, several."""
    each = [Measured.of(m) for m in moved] if isinstance(moved, list | tuple) else Measured.of(moved)
    value, error = ([getattr(m, part) for m in each] if isinstance(each, list) else getattr(each, part) for part in ("value", "error"))
    return Measured(function(value, *others, **options), function(error, *others, **options))


def _chosen(condition: Any, here: Any, there: Any) -> Measured:
    here, there = Measured.of(here), Measured.of(there)
    return Measured(np.where(condition, here.value, there.value), np.where(condition, here.error, there.error))


def _norm(m: Measured, ord: Any = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Measured:
    """A norm of vectors, or Frobenius': none moves further than the norm of the bars."""
    axes = m.ndim if axis is None else len(np.atleast_1d(axis))
    if ord not in ((None, 1, 2, np.inf) if axes == 1 else (None, "fro")):
        raise TypeError(f"numpy.linalg.norm of order {ord} over {axes} axes does not know error bars; pass `.value`, and give the result a bar")
    value, error = (np.linalg.norm(part, ord, axis, keepdims) for part in (m.value, m.error))
    return Measured(value, error * (1 + 8 * EPS) + (m.size + 8) * EPS * value)


def _differences(m: Measured, axis: int = -1) -> Measured:
    along = _moved(np.moveaxis, m, (axis, 0), {})
    return _moved(np.moveaxis, along[1:] - along[:-1], (0, axis), {})


def _extreme(m: Measured, pick: Callable[..., Any], axis: int | tuple[int, ...] | None, keepdims: bool) -> Measured:
    value = pick(m.value, axis=axis, keepdims=keepdims)
    moved = np.stack([pick(m.value + side * m.error, axis=axis, keepdims=keepdims) for side in (-1, 1)])
    return Measured(value, np.abs(moved - value).max(axis=0))


def _rounded(value: np.ndarray, error: np.ndarray) -> Measured:
    return Measured(value, error + EPS * np.abs(value))


def _monotone(f: np.ufunc, a: Measured) -> Measured:
    value = f(a.value)
    with np.errstate(all="ignore"):
        ends = np.maximum(np.abs(f(a.value + a.error) - value), np.abs(f(a.value - a.error) - value))
    if f in (np.sqrt,):  # the lower end leaves the domain when the bar reaches zero: the truth there is at least 0
        ends = np.where(a.value - a.error < 0, np.maximum(value, f(a.value + a.error) - value), ends)
    ends = np.where(np.isnan(ends) & ~np.isnan(value), np.inf, ends)  # the bar leaves the domain: nothing is known
    return _rounded(value, 2 * EPS * np.abs(value) + ends)


def _times(a: Measured, b: Measured) -> Measured:
    return _rounded(a.value * b.value, np.abs(a.value) * b.error + np.abs(b.value) * a.error + a.error * b.error)


def _over(a: Measured, b: Measured) -> Measured:
    value = a.value / b.value
    with np.errstate(all="ignore"):
        least = np.abs(b.value) - b.error
        error = np.where(least > 0, (a.error + np.abs(value) * b.error) / least, np.inf)
    return _rounded(value, error)


def _power(a: Measured, b: Measured) -> Measured:
    value = a.value**b.value
    with np.errstate(all="ignore"):
        corners = [np.abs((a.value + s * a.error) ** (b.value + t * b.error) - value) for s in (-1, 1) for t in (-1, 0, 1)]
        # an even power of an interval around zero is largest at an end, smallest at 0, a negative one unbounded; a NaN corner
        # (negative base, exponent off the integers by its bar) says nothing about an exact integer exponent
        error = np.nanmax(np.stack(np.broadcast_arrays(*corners)), axis=0)
        at_zero = np.where(b.value - b.error < 0, np.inf, np.abs(value))
        error = np.where(np.abs(a.value) <= a.error, np.maximum(error, at_zero), error)
    return _rounded(value, error + 2 * EPS * np.abs(value))


def _absolute(a: Measured) -> Measured:
    return Measured(np.abs(a.value), a.error)


def _wave(f: np.ufunc) -> Callable[[Measured], Measured]:
    """Sine or cosine, which move by no more than their argument does."""
    return lambda a: Measured(f(a.value), np.minimum(a.error, 2.0) + 2 * EPS)


def _product(a: Measured, b: Measured) -> Measured:
    """A matrix product; its rounding is that of sums of so many products."""
    sizes, roundings = (np.abs(a.value), np.abs(b.value)), (a.shape[-1] + 4) * EPS
    moved = sizes[0] @ b.error + a.error @ (sizes[1] + b.error)
    return Measured(a.value @ b.value, (moved + roundings * (sizes[0] @ sizes[1])) * (1 + roundings))


def _pick(f: np.ufunc) -> Callable[[Measured, Measured], Measured]:
    def rule(a: Measured, b: Measured) -> Measured:
        value = f(a.value, b.value)
        low, high = f(a.value - a.error, b.value - b.error), f(a.value + a.error, b.value + b.error)
        return Measured(value, np.maximum(np.abs(low - value), np.abs(high - value)))

    return rule


_COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isfinite, np.isnan}
_MONOTONE = {np.sqrt, np.exp, np.log, np.log1p, np.expm1, np.tanh, np.sinh, np.arcsinh, np.arctan, np.cbrt, np.log2, np.log10, np.exp2}
_RULES: dict[np.ufunc, Callable[..., Measured]] = {
    np.add: lambda a, b: _rounded(a.value + b.value, a.error + b.error),
    np.subtract: lambda a, b: _rounded(a.value - b.value, a.error + b.error),
    np.multiply: _times,
    np.divide: _over,
    np.power: _power,
    np.square: lambda a: _times(a, a),
    np.negative: lambda a: Measured(-a.value, a.error),
    np.positive: lambda a: a,
    np.absolute: _absolute,
    np.maximum: _pick(np.maximum),
    np.minimum: _pick(np.minimum),
    np.matmul: _product,
    np.sin: _wave(np.sin),
    np.cos: _wave(np.cos),
}
_MOVING = {
    *(np.stack, np.concatenate, np.reshape, np.ravel, np.squeeze, np.expand_dims, np.moveaxis, np.swapaxes, np.transpose, np.broadcast_to),
    *(np.flip, np.roll, np.repeat, np.take, np.take_along_axis, np.diagonal, np.atleast_1d, np.copy),
}
_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda m: m.shape,
    np.ndim: lambda m: m.ndim,
    np.size: lambda m: m.size,
    np.sum: Measured.sum,
    np.mean: Measured.mean,
    np.max: Measured.max,
    np.amax: Measured.max,
    np.min: Measured.min,
    np.amin: Measured.min,
    np.diff: _differences,
    np.linalg.norm: _norm,
    np.where: _chosen,
}


@dataclass(frozen=True)
class Precision:
    """The level at which numbers are computed.

    Parameters
    ----------
    level : int
        0 screens; each level divides every accuracy by 100.
    bits : int or None
        Set by `Precision.balls`: working precision of ball arithmetic, for certification.

    """

    level: int = 0
    bits: int | None = None

    def __post_init__(self) -> None:
        if self.level != int(self.level) or self.level < 0:
            raise InvalidArgument("level", self.level, "must be a whole number from 0", "pass Precision(0) to screen")

    @classmethod
    def balls(cls, bits: int = 256) -> Precision:
        """Precision of certification: every operation in balls of `bits` bits."""
        if bits < 53:
            raise InvalidArgument("bits", bits, "must be at least 53", "pass Precision.balls(256)")
        return cls(level=0, bits=bits)

    def tightened(self, accuracy: Any) -> Any:
        """`accuracy` divided by 100 for each level."""
        return accuracy / 100.0**self.level

    @contextmanager
    def scope(self) -> Iterator[Precision]:
        """Make this the precision of everything computed inside the ``with`` block that is not given its own.

        Balls make it the working precision of python-flint too.
        """
        with ExitStack() as stack:
            if self.bits is not None:
                stack.enter_context(flint.ctx.workprec(self.bits))
            stack.callback(_CURRENT.reset, _CURRENT.set(self))
            yield self


_CURRENT: ContextVar[Precision] = ContextVar("precision", default=Precision(0))


def in_force(precision: Precision | None) -> Precision:
    """Return the precision given, or that of the innermost scope (level 0 outside any)."""
    return _CURRENT.get() if precision is None else precision


def in_balls(precision: Precision | None = None) -> bool:
    """Whether numbers are exact or enclosed in balls, for certification: see `Precision.balls`."""
    return in_force(precision).bits is not None


def numbers(value: Any, name: str = "value") -> np.ndarray:
    """An array of float64; in the scope of balls, arrays of exact and enclosed numbers (dtype object) stay what they are.

    Raises
    ------
    InvalidArgument
        For what is not made of real numbers.

    """
    if in_balls():
        array = np.asanyarray(value)
        if array.dtype == object:
            return array
    return require_real(name, value)


def over(a: float, n: int) -> float | Fraction:
    """Return a / n; as a fraction in the scope of balls, since the float quotient has lost digits."""
    return Fraction(a) / n if in_balls() else a / n
