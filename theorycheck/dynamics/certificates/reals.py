"""Real numbers known exactly or enclosed: rationals (`fmpq`) and balls (`arb`), and what may be done with them.

A value stays rational as long as its operations are (sums, products, quotients, whole powers, roots of perfect powers) and
becomes a ball otherwise. Balls are rounded outward at the working precision of python-flint. Nothing here rounds silently:
a comparison that the enclosures do not decide raises `Undecided`, whatever has no enclosure raises `OutsideBalls`. A value may also be a
polynomial in time with ball coefficients (`arb_poly`), for sums, products and whole powers: `tubes` sends paths through a gradient.
"""

from __future__ import annotations

from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np
from flint import arb, arb_poly, fmpq, fmpz

from theorycheck.errors import TheorycheckError
from theorycheck.measured import EPS, PLAIN_ULPS

Real = Any  # fmpq or arb, which carry no types

SHORT_BITS = 32  # a plain float with a shorter mantissa is meant as it is: 2.5, 3.0, 2**-20
TALL_BITS = 2**15  # rationals beyond become balls
_ROOTS = 64


class OutsideBalls(TheorycheckError):
    """A computation left exact and enclosed numbers: what it did, and what to do instead."""


class Undecided(TheorycheckError):
    """The enclosures are too wide to decide a comparison, or for a quotient or root to be bounded; more bits may help."""


def as_real(number: Any) -> Real | None:
    """The value of a number, or None where it is no number.

    Whole numbers and fractions are exact, and so are floats of at most `SHORT_BITS` significant bits. Any other float stands for
    the number that was rounded to it in a few operations: it becomes a ball of 16 ulp.
    """
    if isinstance(number, (fmpq, arb, arb_poly)):
        return number
    if isinstance(number, (bool, np.bool_, Integral)):
        return fmpq(int(number))
    if isinstance(number, (float, np.floating)):
        return _of_float(float(number))
    return fmpq(number.numerator, number.denominator) if isinstance(number, Fraction) else None


def exactly(number: float) -> fmpq:
    """The rational number that a finite float is."""
    return fmpq(*float(number).as_integer_ratio())


def _of_float(x: float) -> Real:
    if not np.isfinite(x):
        raise OutsideBalls(f"the float {x} is not a number with an enclosure; guard the operation it comes from")
    numerator, _ = x.as_integer_ratio()
    odd = numerator // (numerator & -numerator) if numerator else 0
    return exactly(x) if abs(odd) < 2**SHORT_BITS else arb(x, abs(x) * PLAIN_ULPS * EPS)


def settled(value: Real) -> Real:
    """The value, as a ball where its numerator and denominator have grown too long."""
    return arb(value) if isinstance(value, fmpq) and value.height_bits() > TALL_BITS else value


def bounded(value: arb, operation: str) -> arb:
    """The ball, if it is one: infinities and NaN raise."""
    if not value.is_finite():
        raise Undecided(f"{operation} has no bounded enclosure at this precision")
    return value


def product(a: Real, b: Real) -> Real:
    """Product of a and b; exactly zero where a factor is."""
    if (isinstance(a, fmpq) and a == 0) or (isinstance(b, fmpq) and b == 0):
        return fmpq(0)
    return settled(a * b)


def quotient(a: Real, b: Real) -> Real:
    """Quotient a/b; raises where b may vanish."""
    if isinstance(b, fmpq) and b == 0:
        raise OutsideBalls("division by zero")
    if isinstance(a, arb_poly) and isinstance(b, fmpq):
        return a * (1 / b)
    if isinstance(a, fmpq) and (isinstance(b, fmpq) or a == 0) and nonzero(b):
        return settled(a / b) if isinstance(b, fmpq) else a
    return bounded(a / b, "a quotient")


def nonzero(a: Real) -> bool:
    """Whether a differs from zero."""
    return not equal(a, fmpq(0))


def less(a: Real, b: Real) -> bool:
    """Whether a is less than b."""
    if a < b:
        return True
    if a >= b:
        return False
    raise Undecided(f"whether {shown(a)} < {shown(b)} is not decided by their enclosures")


def at_most(a: Real, b: Real) -> bool:
    """Whether a is at most b."""
    return True if a <= b else not less(b, a)


def equal(a: Real, b: Real) -> bool:
    """Whether a equals b: yes for equal rationals only."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return bool(a == b)
    if a < b or a > b:
        return False
    raise Undecided(f"whether {shown(a)} = {shown(b)} is not decided by their enclosures")


def least(a: Real, b: Real) -> Real:
    """Smaller of a and b, or a ball around it where it is not decided which is."""
    try:
        return b if less(b, a) else a
    except Undecided:
        return arb(a).min(arb(b))


def root(a: Real, degree: int = 2) -> Real:
    """The non-negative root of a number that is not negative; exact for perfect powers."""
    if isinstance(a, fmpq):
        if a < 0:
            raise OutsideBalls(f"a root of the negative number {shown(a)}")
        parts = [_whole_root(fmpz(part), degree) for part in (a.numerator, a.denominator)]
        if all(part is not None for part in parts):
            return fmpq(*parts)
    if not a >= 0:
        raise Undecided(f"a root of {shown(a)}, which may be negative")
    return bounded(arb(a).root(degree), "a root")


def root_of_square(a: Real) -> Real:
    """The root of what is known not to be negative, such as a sum of squares."""
    return root(a) if isinstance(a, fmpq) or a >= 0 else arb(a).nonnegative_part().sqrt()


def _whole_root(a: fmpz, degree: int) -> fmpz | None:
    found = a.root(degree)
    return found if found**degree == a else None


def power(a: Real, b: Real) -> Real:
    """Power a**b, with 0**b = 0 for positive b; a must be positive where b is not whole."""
    if isinstance(b, fmpq) and b.denominator == 1:
        return _whole_power(a, int(b.numerator))
    if isinstance(a, fmpq) and a == 0 and b > 0:
        return fmpq(0)
    if isinstance(a, fmpq) and isinstance(b, fmpq) and a > 0 and b.denominator <= _ROOTS:
        base = root(a, int(b.denominator))
        return _whole_power(base, int(b.numerator))
    if a < 0:
        raise OutsideBalls(f"the power {shown(b)} of the negative number {shown(a)}")
    if not a > 0:
        raise Undecided(f"the power {shown(b)} of {shown(a)}, which may not be positive")
    return bounded(arb(a) ** arb(b), "a power")


def _whole_power(a: Real, n: int) -> Real:
    if n < 0:
        return quotient(fmpq(1), _whole_power(a, -n))
    if isinstance(a, fmpq) and a.height_bits() * n > TALL_BITS:
        return arb(a) ** n
    return a**n


def shown(a: Real, digits: int = 15) -> str:
    """The number as text: a fraction, or midpoint and radius."""
    return str(a) if isinstance(a, fmpq) and a.height_bits() <= 4 * digits else arb(a).str(digits, radius=True)
