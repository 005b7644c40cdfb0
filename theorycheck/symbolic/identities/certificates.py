"""Certificates of non-negativity: an expression that is visibly non-negative, and why. A new way of proving an inequality is one class here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch


class Certificate(Protocol):
    """An expression that cannot be negative."""

    @property
    def gap(self) -> sp.Expr:
        """The non-negative expression; an inequality holds if right - left equals it."""

    @property
    def why(self) -> str:
        """The reason in words."""


@dataclass(frozen=True)
class NonNegativeTerms(Certificate):
    """A sum of terms that the assumptions on the symbols make non-negative one by one."""

    terms: tuple[sp.Expr, ...]

    def __post_init__(self) -> None:
        for term in self.terms:
            _require_nonnegative("terms", term)

    @property
    def gap(self) -> sp.Expr:
        return sp.Add(*self.terms)

    @property
    def why(self) -> str:
        return "every term is non-negative"


@dataclass(frozen=True)
class SumOfSquares(Certificate):
    """Σ c_i e_i² with c_i ≥ 0 and e_i real; `terms` holds the pairs (c_i, e_i)."""

    terms: tuple[tuple[sp.Expr, sp.Expr], ...]

    def __post_init__(self) -> None:
        for coefficient, root in self.terms:
            _require_nonnegative("terms", sp.sympify(coefficient))
            _require_real("terms", root)

    @property
    def gap(self) -> sp.Expr:
        return sp.Add(*(sp.sympify(c) * root**2 for c, root in self.terms))

    @property
    def why(self) -> str:
        return "a sum of squares"


@dataclass(frozen=True)
class ArithmeticGeometric(Certificate):
    """Σ p_i a_i - Π a_i^(p_i) ≥ 0 for a_i ≥ 0, p_i ≥ 0, Σ p_i = 1, times a factor ≥ 0; equal weights by default."""

    terms: tuple[sp.Expr, ...]
    weights: tuple[sp.Expr, ...] = ()
    factor: sp.Expr = sp.S.One

    def __post_init__(self) -> None:
        weights = self.weights or (sp.Rational(1, len(self.terms)),) * len(self.terms)
        object.__setattr__(self, "weights", tuple(map(sp.sympify, weights)))
        if len(self.weights) != len(self.terms) or sp.cancel(sp.Add(*self.weights)) != 1:
            raise InvalidArgument("weights", self.weights, "must be one weight a term with sum 1", "leave them out for equal weights")
        for value in (*self.terms, *self.weights, self.factor):
            _require_nonnegative("terms, weights, factor", sp.sympify(value))

    @property
    def gap(self) -> sp.Expr:
        mean = sp.Add(*(p * a for a, p in zip(self.terms, self.weights, strict=True)))
        return self.factor * (mean - sp.Mul(*(a**p for a, p in zip(self.terms, self.weights, strict=True))))

    @property
    def why(self) -> str:
        return "weighted arithmetic mean ≥ geometric mean"


@dataclass(frozen=True)
class CauchySchwarz(Certificate):
    """|u|² |v|² - ⟨u, v⟩² ≥ 0 for real vectors."""

    u: tuple[sp.Expr, ...]
    v: tuple[sp.Expr, ...]

    def __post_init__(self) -> None:
        if len(self.u) != len(self.v):
            raise ShapeMismatch("v", self.v, f"must have the {len(self.u)} entries of u", "pass two vectors of one size")
        for value in (*self.u, *self.v):
            _require_real("u, v", value)

    @property
    def gap(self) -> sp.Expr:
        return _dot(self.u, self.u) * _dot(self.v, self.v) - _dot(self.u, self.v) ** 2

    @property
    def why(self) -> str:
        return "Cauchy-Schwarz"


@dataclass(frozen=True)
class Together(Certificate):
    """The sum of several certificates."""

    parts: tuple[Certificate, ...]

    @property
    def gap(self) -> sp.Expr:
        return sp.Add(*(part.gap for part in self.parts))

    @property
    def why(self) -> str:
        return " + ".join(part.why for part in self.parts)


def _dot(u: Sequence[sp.Expr], v: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Add(*(a * b for a, b in zip(u, v, strict=True)))


def _require_nonnegative(name: str, value: sp.Expr) -> None:
    if sp.sympify(value).is_nonnegative is not True:
        raise InvalidArgument(name, value, "is not known to be non-negative", "declare its symbols positive or nonnegative")


def _require_real(name: str, value: sp.Expr) -> None:
    if sp.sympify(value).is_extended_real is not True:
        raise InvalidArgument(name, value, "is not known to be real", "declare its symbols real")
