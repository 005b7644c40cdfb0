"""The fields ∇w_i of a map θ -> w(θ) and their Lie brackets, exact: over the rationals where w is polynomial, in SymPy otherwise.

Convention   [X, Y] = (∂Y) X - (∂X) Y. A matrix w is flattened row by row. A field is a dictionary from the index of a parameter to the
             component along it; components that are the number zero are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import comb, lcm, prod
from typing import Any, Protocol, TypeAlias

import flint
import sympy as sp

from theorycheck.errors import InvalidArgument, TooLarge
from theorycheck.symbolic.brackets import ExactMap
from theorycheck.symbolic.identities.statements import Identity, Proof
from theorycheck.symbolic.parametrizations import DeepLinear

TERMS = 100_000  # terms that a map may have when it is multiplied out
Field: TypeAlias = dict[int, Any]
Point: TypeAlias = Mapping[sp.Symbol, sp.Rational]


class NotPolynomial(InvalidArgument):
    """A map is not a polynomial in its parameters with rational coefficients."""


class Calculus(Protocol):
    """Arithmetic of functions of θ: they also offer ``+``, ``-`` and ``*``."""

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters."""

    def derivative(self, function: Any, k: int) -> Any:
        """∂f/∂θ_k."""

    def vanishes(self, function: Any) -> bool:
        """Whether f was proved to be 0 identically; False may mean that this is not known."""

    def value(self, function: Any, point: Point) -> sp.Expr:
        """f at a rational point, exact."""

    def expression(self, function: Any) -> sp.Expr:
        """f in SymPy."""


@dataclass(frozen=True)
class Polynomials:
    """Polynomials over the rationals: whether one vanishes is always decided."""

    symbols: tuple[sp.Symbol, ...]

    @cached_property
    def context(self) -> Any:
        """The polynomial ring, in FLINT."""
        return flint.fmpq_mpoly_ctx.get(("x", len(self.symbols)), flint.Ordering.lex)

    @cached_property
    def generators(self) -> dict[sp.Symbol, Any]:
        """The parameters as polynomials."""
        return dict(zip(self.symbols, self.context.gens(), strict=True))

    def read(self, expression: sp.Expr) -> Any:
        """Multiply an expression out; floats count as the rational numbers they are.

        Raises
        ------
        NotPolynomial, TooLarge
            If the expression is no polynomial over the rationals, or one of too many terms.

        """
        terms = _terms_at_most(expression)
        if terms > TERMS:
            remedy = "use fewer parameters, or matrix words (`derive`) for products of matrices"
            raise TooLarge("terms", terms, f"may exceed the {TERMS} terms that a polynomial may have when multiplied out", remedy)
        return self._read(expression)

    def integral(self, function: Any) -> Any:
        """The smallest multiple of a polynomial that has integer coefficients."""
        return function * lcm(*(int(c.q) for c in function.coeffs()))

    def derivative(self, function: Any, k: int) -> Any:
        return function.derivative(k)

    def vanishes(self, function: Any) -> bool:
        return not function

    def value(self, function: Any, point: Point) -> sp.Rational:
        found = function(*(flint.fmpq(int(point[s].p), int(point[s].q)) for s in self.symbols))
        return _rational(found)

    def expression(self, function: Any) -> sp.Expr:
        terms = function.to_dict().items()
        return sp.Add(*(sp.Mul(_rational(c), *(s**e for s, e in zip(self.symbols, powers, strict=True) if e)) for powers, c in terms))

    def _read(self, expression: sp.Expr) -> Any:
        if expression in self.generators:
            return self.generators[expression]
        if expression.is_Rational or expression.is_Float:
            number = sp.Rational(expression)
            return self.context.constant(flint.fmpq(int(number.p), int(number.q)))
        if expression.is_Add:
            return sum(map(self._read, expression.args), self.context.constant(0))
        if expression.is_Mul:
            return prod(map(self._read, expression.args), start=self.context.constant(1))
        if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
            return self._read(expression.base) ** int(expression.exp)
        remedy = "cancel fractions and rescale irrational coefficients; write a piecewise map as the polynomials of its pieces"
        raise NotPolynomial("expression", expression, "is not a polynomial in the parameters with rational coefficients", remedy)


@dataclass(frozen=True)
class Expressions:
    """Any SymPy expressions: what vanishes is decided as far as `Identity.prove` can."""

    symbols: tuple[sp.Symbol, ...]

    def derivative(self, function: sp.Expr, k: int) -> sp.Expr:
        return sp.diff(function, self.symbols[k])

    def vanishes(self, function: sp.Expr) -> bool:
        return function == 0 or isinstance(Identity(function, 0).prove(), Proof)

    def value(self, function: sp.Expr, point: Point) -> sp.Expr:
        return function.subs(point)

    def expression(self, function: sp.Expr) -> sp.Expr:
        return function


def polynomial_map(model: ExactMap) -> tuple[Polynomials, tuple[Any, ...]]:
    """The ring of a model's parameters and the entries of w in it.

    Raises
    ------
    InvalidArgument
        If the model has no exact map; `NotPolynomial` if the map is not polynomial, `TooLarge` if it has too many terms.

    """
    ring = Polynomials(symbols_of(model))
    return ring, tuple(map(ring.read, expressions_of(model)))


def exact_map(model: ExactMap) -> tuple[Calculus, tuple[Any, ...]]:
    """Like `polynomial_map`, but a map that is not polynomial is taken in SymPy."""
    try:
        return polynomial_map(model)
    except NotPolynomial:
        return Expressions(model.symbols), tuple(w.xreplace({x: sp.Rational(x) for x in w.atoms(sp.Float)}) for w in model.expressions)


def symbols_of(model: ExactMap) -> tuple[sp.Symbol, ...]:
    """The parameters of a model, or `InvalidArgument` if it has no exact map."""
    return tuple(_asked(model, "symbols"))


def expressions_of(model: ExactMap) -> tuple[sp.Expr, ...]:
    """The entries of w, or an error if the model has none or is too large for them to be written out."""
    if isinstance(model, DeepLinear) and prod(model.widths) * model.depth > TERMS:
        rule = f"give {prod(model.widths)} products of {model.depth} parameters, over the budget of {TERMS} factors"
        remedy = "networks of any size conserve `layer_imbalances`, and `derive` takes the route of matrix words; or use smaller widths"
        raise TooLarge("widths", model.widths, rule, remedy)
    return tuple(_asked(model, "expressions"))


def _asked(model: ExactMap, name: str) -> Any:
    try:
        return getattr(model, name)
    except (AttributeError, NotImplementedError) as error:
        remedy = "pass a parametrization; for a piecewise map, Entrywise(parameters, expressions) of its smooth pieces"
        raise InvalidArgument("model", model, "has no exact map θ -> w(θ)", remedy) from error


def gradient(calculus: Calculus, function: Any) -> Field:
    """∇f as a field."""
    slopes = ((k, calculus.derivative(function, k)) for k in range(len(calculus.symbols)))
    return {k: slope for k, slope in slopes if slope}


def along(calculus: Calculus, field: Field, function: Any) -> Any:
    """⟨X, ∇f⟩, the derivative of f along the field; the number 0 where no parameter is shared."""
    return sum(component * slope for k, component in field.items() if (slope := calculus.derivative(function, k)))


def bracket(calculus: Calculus, first: Field, second: Field) -> Field:
    """[X, Y] = (∂Y) X - (∂X) Y."""
    components = {}
    for k in sorted(first.keys() | second.keys()):
        forward = along(calculus, first, second[k]) if k in second else 0
        back = along(calculus, second, first[k]) if k in first else 0
        if found := forward - back:
            components[k] = found
    return components


def inner(first: Field, second: Field) -> Any:
    """⟨X, Y⟩; the number 0 where no parameter is shared."""
    return sum(first[k] * second[k] for k in first.keys() & second.keys())


def _terms_at_most(expression: sp.Expr) -> int:
    """A bound on the number of terms of the expression multiplied out."""
    if expression.is_Add:
        return sum(map(_terms_at_most, expression.args))
    if expression.is_Mul:
        return prod(map(_terms_at_most, expression.args))
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        terms, power = _terms_at_most(expression.base), int(expression.exp)
        return comb(terms + power - 1, power)
    return 1


def _rational(number: Any) -> sp.Rational:
    return sp.Rational(int(number.p), int(number.q)) if isinstance(number, flint.fmpq) else sp.Integer(int(number))
