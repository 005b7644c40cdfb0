"""Rational points at which identities are tried: the same ones on every machine, in line with what the symbols assume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import sympy as sp

TRIES = 200  # candidates for one symbol: enough for any sign, parity or integrality


def rational_points(symbols: Iterable[sp.Symbol], count: int) -> Iterator[dict[sp.Symbol, sp.Rational]]:
    """At most `count` points, small numbers first; none if a symbol assumes what no small rational satisfies.

    Examples
    --------
    >>> n = sp.Symbol("n", integer=True, positive=True)
    >>> [point[n] for point in rational_points([n], 3)]
    [1, 4, 1]

    """
    names = sorted(symbols, key=lambda s: (s.name, str(sorted(s.assumptions0.items()))))
    generator = np.random.default_rng(20240513)
    for i in range(count):
        sign = {1: -1, 2: 1}.get(i, 0)  # all negative once and all positive once, where allowed: branches differ there
        point = {symbol: _value(symbol, generator, 2 + 2 * i, sign) for symbol in names}
        if any(value is None for value in point.values()):
            return
        yield point


def _value(symbol: sp.Symbol, generator: np.random.Generator, size: int, sign: int) -> sp.Rational | None:
    for attempt in range(TRIES):
        numerator, denominator = int(generator.integers(-size, size + 1)), int(generator.choice([1, 1, 2, 3] if size > 2 else [1]))
        if sign and 2 * attempt < TRIES:
            numerator = sign * abs(numerator)
        candidate = sp.Rational(numerator, denominator)
        if candidate and all(getattr(candidate, f"is_{fact}") in (truth, None) for fact, truth in symbol.assumptions0.items()):
            return candidate
    return None


def differ(left: sp.Expr, right: sp.Expr) -> bool | None:
    """Whether two numbers differ; None if one of them is not a finite number.

    Rationals are compared exactly, other numbers to 30 digits.
    """
    if any(not value.is_number or value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for value in (left, right)):
        return None
    if left.is_Rational and right.is_Rational:
        return bool(left != right)
    with_digits = [sp.N(value, 40) for value in (left, right)]
    if any(not value.is_number or value.has(sp.nan, sp.zoo, sp.oo) for value in with_digits):
        return None
    scale = sum(abs(value) for value in with_digits)
    return bool(abs(sp.N(left - right, 40)) > scale * sp.Float("1e-30", 40))
