"""`Ball`: one real number, exact or enclosed, with the arithmetic of a Python number.

A `Ball` never becomes a float by itself: ``float(ball)``, ``int(ball)``, ``math.sqrt(ball)`` raise `OutsideBalls`, and a comparison
or truth value that the enclosures do not decide raises `Undecided`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from flint import arb, fmpq

from theorycheck.dynamics.certificates import reals
from theorycheck.dynamics.certificates.reals import OutsideBalls, Real


def _binary(rule: Callable[[Real, Real], Any]) -> tuple[Callable[[Ball, Any], Any], Callable[[Ball, Any], Any]]:
    """An operator and its reflection."""

    def forward(self: Ball, other: Any) -> Any:
        b = _value(other)
        return NotImplemented if b is None else Ball(rule(self.number, b))

    def reflected(self: Ball, other: Any) -> Any:
        a = _value(other)
        return NotImplemented if a is None else Ball(rule(a, self.number))

    return forward, reflected


def _comparison(rule: Callable[[Real, Real], bool]) -> Callable[[Ball, Any], Any]:
    def compared(self: Ball, other: Any) -> Any:
        b = _value(other)
        return NotImplemented if b is None else rule(self.number, b)

    return compared


def _function(name: str) -> Callable[[Ball], Ball]:
    """A function that arb has, under its name there."""

    def applied(self: Ball) -> Ball:
        return Ball(reals.bounded(getattr(arb(self.number), name)(), name))

    applied.__doc__ = f"Enclosure of {name}."
    return applied


def _refused(name: str, remedy: str) -> Callable[..., NoReturn]:
    def refuse(self: Ball, *_: Any) -> NoReturn:
        raise OutsideBalls(f"{name} takes a number out of its enclosure; {remedy}")

    refuse.__doc__ = "Raise `OutsideBalls`."
    return refuse


class Ball:
    """A real number: `number` is a rational (`fmpq`) or a ball (`arb`).

    Parameters
    ----------
    value : number
        A float of many digits becomes a ball of 16 ulp, see `reals.as_real`.

    Examples
    --------
    >>> third = Ball(1) / 3
    >>> third * 3 == 1, np.sqrt(Ball(4)), third < 0.34
    (True, Ball(2), True)

    """

    __slots__ = ("number",)

    number: Real
    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(self, value: Any) -> None:
        real = value.number if isinstance(value, Ball) else reals.as_real(value)
        if real is None:
            raise OutsideBalls(f"{value!r} is no number that can be enclosed; pass whole numbers, fractions or floats")
        self.number = real

    # -- as claims ask a `Measured` --
    @property
    def value(self) -> Ball:
        """The number itself: its bar is part of it."""
        return self

    @property
    def error(self) -> float:
        """Zero: the bar is part of the number."""
        return 0.0

    # -- what is known --
    @property
    def exact(self) -> fmpq | None:
        """The rational number this is; None where only an enclosure is known."""
        return self.number if isinstance(self.number, fmpq) else None

    @property
    def enclosure(self) -> arb:
        """A ball at the working precision."""
        return arb(self.number)

    @property
    def midpoint(self) -> float:
        """The float nearest to the middle: for starting values and display, never a bound."""
        return float(arb(self.number).mid())

    @property
    def lower(self) -> Ball:
        """The lower end."""
        return self if isinstance(self.number, fmpq) else Ball(self.number.lower())

    @property
    def upper(self) -> Ball:
        """The upper end."""
        return self if isinstance(self.number, fmpq) else Ball(self.number.upper())

    def hull(self, other: Ball) -> Ball:
        """The smallest ball around both."""
        same = isinstance(self.number, fmpq) and isinstance(other.number, fmpq) and self.number == other.number
        return self if same else Ball(arb(self.number).union(arb(other.number)))

    def as_enclosed_array(self) -> Any:
        """The number as an array of no axes."""
        from theorycheck.dynamics.certificates.arrays import balls

        return balls(self)

    def reshape(self, *shape: Any) -> Any:
        """An array of this number, as NumPy scalars make it."""
        return self.as_enclosed_array().reshape(*shape)

    def sum(self, axis: None = None) -> Ball:
        """The number."""
        return self

    max = min = sum

    def item(self) -> Ball:
        """The number, as NumPy scalars say it."""
        return self

    def conjugate(self) -> Ball:
        """The number: it is real."""
        return self

    # -- arithmetic --
    __add__, __radd__ = _binary(lambda a, b: reals.settled(a + b))
    __sub__, __rsub__ = _binary(lambda a, b: reals.settled(a - b))
    __mul__, __rmul__ = _binary(reals.product)
    __truediv__, __rtruediv__ = _binary(reals.quotient)
    __pow__, __rpow__ = _binary(reals.power)

    def __neg__(self) -> Ball:
        return Ball(-self.number)

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        return Ball(abs(self.number))

    def sqrt(self) -> Ball:
        """Square root, exact for squares of rationals."""
        return Ball(reals.root(self.number))

    def cbrt(self) -> Ball:
        """Cube root of a number that is not negative."""
        return Ball(reals.root(self.number, 3))

    def exp(self) -> Ball:
        """Exponential, exact at 0."""
        return Ball(1) if self.exact == 0 else Ball(reals.bounded(arb(self.number).exp(), "exp"))

    def log(self) -> Ball:
        """Logarithm of a positive number, exact at 1."""
        return Ball(0) if self.exact == 1 else Ball(reals.bounded(arb(self.number).log(), "log"))

    expm1, log1p, tanh, sinh, cosh = map(_function, ("expm1", "log1p", "tanh", "sinh", "cosh"))
    sin, cos, arctan, arcsinh = map(_function, ("sin", "cos", "atan", "asinh"))

    # -- comparisons --
    __lt__ = _comparison(reals.less)
    __gt__ = _comparison(lambda a, b: reals.less(b, a))
    __le__ = _comparison(reals.at_most)
    __ge__ = _comparison(lambda a, b: reals.at_most(b, a))
    __eq__ = _comparison(reals.equal)
    __ne__ = _comparison(lambda a, b: not reals.equal(a, b))
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return reals.nonzero(self.number)

    # -- ways out --
    __float__ = _refused("float()", "leave the number as it is, NumPy functions and `**` take it")
    __int__ = _refused("int()", "branch on whole numbers of the instance")
    __index__ = _refused("an index", "branch on whole numbers of the instance")
    __complex__ = _refused("complex()", "leave the number as it is")
    __round__ = _refused("round()", "compare without rounding")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from theorycheck.dynamics.certificates.arrays import on_balls

        return on_balls(ufunc, method, inputs, kwargs)

    def __repr__(self) -> str:
        return f"Ball({reals.shown(self.number)})"

    def __str__(self) -> str:
        return reals.shown(self.number)

    def __format__(self, spec: str) -> str:
        return str(self)


def _value(other: Any) -> Real | None:
    return other.number if isinstance(other, Ball) else reals.as_real(other)
