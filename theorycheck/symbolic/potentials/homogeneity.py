"""Degrees of homogeneity: they fix the constant of the conjugate of a potential, and say where flows cannot blow up."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp

from theorycheck.symbolic.potentials.recognition import joined


@lru_cache(maxsize=256)
def degrees(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> tuple[tuple[tuple[int, ...], int | None], ...]:
    """For each class of entries of w that share parameters: those parameters, and the degree in which all are homogeneous, if there is one.

    Examples
    --------
    >>> u, v, x = sp.symbols("u v x", real=True)
    >>> degrees((u, v, x), (u**2 * v, x**2 + x))
    (((0, 1), 3), ((2,), None))

    """
    found = []
    for outputs in joined(expressions):
        entries = [expressions[i] for i in outputs]
        names = [symbol for symbol in symbols if any(symbol in entry.free_symbols for entry in entries)]
        common = {_degree(entry, names) for entry in entries}
        found.append((tuple(symbols.index(name) for name in names), common.pop() if len(common) == 1 else None))
    return tuple(found)


def constant_of_conjugate(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...], start: np.ndarray) -> np.ndarray:
    """Q(0) from a start ``(..., P)``: Σ |θ_0|²/(2k) over the classes that are homogeneous of degree k ≥ 2, and R = 0 at the start for others."""
    constant = np.zeros(start.shape[:-1])
    for inputs, degree in degrees(symbols, expressions):
        if degree is not None and degree >= 2:
            constant = constant + np.sum(start[..., list(inputs)] ** 2, axis=-1) / (2 * degree)
    return constant


def total_degree(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> int | None:
    """The largest total degree of the entries, or None where one is not polynomial."""
    if not all(entry.is_polynomial(*symbols) for entry in expressions):
        return None
    return max(int(sp.Poly(entry, *symbols).total_degree()) for entry in expressions)


def _degree(entry: sp.Expr, names: list[sp.Symbol]) -> int | None:
    if not names or not entry.is_polynomial(*names):
        return None
    powers = {sum(monomial) for monomial in sp.Poly(entry, *names).monoms()}
    return int(powers.pop()) if len(powers) == 1 else None
