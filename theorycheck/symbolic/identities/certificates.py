"""Certificates of non-negativity: an expression that is visibly non-negative, and why. A new way of proving an inequality is one class here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch

NO_INTERVAL = frozenset({"algebraic", "composite", "even", "integer", "irrational", "nonpositive", "odd", "prime", "rational", "transcendental"})
SMOOTH = (sp.exp, sp.log, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.atan, sp.sin, sp.cos)


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
        object.__setattr__(self, "weights", _weights(self.weights, len(self.terms)))
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
class Jensen(Certificate):
    """Σ p_i f(a_i) - f(Σ p_i a_i) ≥ 0 for f convex, p_i ≥ 0, Σ p_i = 1, times a factor ≥ 0; equal weights by default.

    `function` is an expression in `variable`, a real or positive symbol; its second derivative must be known to be non-negative there.
    """

    variable: sp.Symbol
    function: sp.Expr
    terms: tuple[sp.Expr, ...]
    weights: tuple[sp.Expr, ...] = ()
    factor: sp.Expr = sp.S.One

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", _weights(self.weights, len(self.terms)))
        for value in (*self.weights, self.factor):
            _require_nonnegative("weights, factor", sp.sympify(value))
        _require_convex(self.variable, self.function)
        _require_in_domain("terms", self.variable, self.terms)

    @property
    def gap(self) -> sp.Expr:
        mean = sp.Add(*(p * a for a, p in zip(self.terms, self.weights, strict=True)))
        values = (p * self.function.subs(self.variable, a) for a, p in zip(self.terms, self.weights, strict=True))
        return self.factor * (sp.Add(*values) - self.function.subs(self.variable, mean))

    @property
    def why(self) -> str:
        return f"Jensen, {self.function} is convex in {self.variable}"


@dataclass(frozen=True)
class TangentLine(Certificate):
    """f(b) - f(a) - f'(a)(b - a) ≥ 0 for f convex; `function` and `variable` as in `Jensen`."""

    variable: sp.Symbol
    function: sp.Expr
    a: sp.Expr
    b: sp.Expr

    def __post_init__(self) -> None:
        _require_convex(self.variable, self.function)
        _require_in_domain("a, b", self.variable, (sp.sympify(self.a), sp.sympify(self.b)))

    @property
    def gap(self) -> sp.Expr:
        value, slope = (f.subs(self.variable, self.a) for f in (self.function, self.function.diff(self.variable)))
        return self.function.subs(self.variable, self.b) - value - slope * (self.b - self.a)

    @property
    def why(self) -> str:
        return f"{self.function} is convex in {self.variable}, so above its tangent"


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


def _weights(given: tuple[sp.Expr, ...], count: int) -> tuple[sp.Expr, ...]:
    weights = tuple(map(sp.sympify, given or (sp.Rational(1, count),) * count))
    if len(weights) != count or sp.cancel(sp.Add(*weights)) != 1:
        raise InvalidArgument("weights", weights, "must be one weight a term with sum 1", "leave them out for equal weights")
    return weights


def _require_convex(variable: sp.Symbol, function: sp.Expr) -> None:
    """Convex and smooth on the interval that the assumptions on the variable describe."""
    facts = {name for name, truth in variable.assumptions0.items() if truth}
    split = "nonzero" in facts and "positive" not in facts
    if variable.is_extended_real is not True or split or facts & NO_INTERVAL:
        raise InvalidArgument("variable", variable, "must range over an interval", "declare it real, positive or nonnegative, and no more")
    smooth = all(isinstance(f, SMOOTH) for f in function.atoms(sp.Function)) and not function.has(sp.Piecewise)
    if not (smooth and function.is_real and function.is_finite):
        raise InvalidArgument("function", function, "is not known to be smooth and finite on the whole interval", "narrow the variable's assumptions")
    if sp.factor(function.diff(variable, 2)).is_nonnegative is not True:
        raise InvalidArgument("function", function, "is not known to be convex", "its second derivative must be non-negative by its form")


def _require_in_domain(name: str, variable: sp.Symbol, values: Sequence[sp.Expr]) -> None:
    for value in values:
        if not (value.is_real and (value.is_positive or not variable.is_positive) and (value.is_nonnegative or not variable.is_nonnegative)):
            raise InvalidArgument(name, value, f"is not known to be where {variable} is", "declare its symbols positive or real")


def _require_nonnegative(name: str, value: sp.Expr) -> None:
    if sp.sympify(value).is_nonnegative is not True:
        raise InvalidArgument(name, value, "is not known to be non-negative", "declare its symbols positive or nonnegative")


def _require_real(name: str, value: sp.Expr) -> None:
    if sp.sympify(value).is_extended_real is not True:
        raise InvalidArgument(name, value, "is not known to be real", "declare its symbols real")
