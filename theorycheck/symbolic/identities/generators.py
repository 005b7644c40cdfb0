"""Radicals, symbolic powers and functions as independent generators, so that an identity becomes one between rational functions.

b^(c m), with c rational and m a monomial, is t^(c q) where t = b^(m/q) and q is the common denominator of all c that occur with (b, m):
true on the principal branch for every b != 0. If m = 1 the generator satisfies t^q = b, otherwise it is free. |x| for real x
satisfies t² = x². Any other function of its arguments is a free generator. Treating generators as free symbols never proves a false
identity; it may miss a true one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import lcm

import sympy as sp

HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth)
INVERSE_HYPERBOLIC = (sp.asinh, sp.acosh, sp.atanh)
TRIGONOMETRIC = (sp.sin, sp.cos, sp.tan)


@dataclass(frozen=True)
class Relation:
    """symbol**power = value."""

    symbol: sp.Symbol
    power: int
    value: sp.Expr


@dataclass(frozen=True)
class Renaming:
    """An expression in generators: what each stands for, and the relations between them, inner ones first."""

    expression: sp.Expr
    pairs: tuple[tuple[sp.Symbol, sp.Expr], ...]
    relations: tuple[Relation, ...]


def renamed(expression: sp.Expr) -> Renaming:
    """Return the expression with generators in place of everything that is not rational in its symbols."""
    prepared = expression.rewrite(HYPERBOLIC, sp.exp).rewrite(TRIGONOMETRIC, sp.exp).rewrite(INVERSE_HYPERBOLIC, sp.log)
    prepared = prepared.replace(lambda e: e.is_Pow and e.base.is_Add and not e.exp.is_Integer, lambda e: sp.factor(e.base) ** e.exp)
    prepared = prepared.replace(sp.log, lambda argument: sp.log(sp.factor(sp.together(argument))))
    prepared = sp.expand_log(sp.expand_power_base(sp.expand_power_exp(prepared)))
    state = _Generators()
    state.collect(prepared)
    return Renaming(state.rewrite(prepared), tuple(state.pairs), tuple(state.relations))


def reduced(numerator: sp.Expr, relations: Iterable[Relation]) -> sp.Expr:
    """Numerator modulo the relations, outer generators first; zero proves that the expression vanishes."""
    for relation in reversed(tuple(relations)):
        polynomial = sp.Poly(sp.expand(numerator), relation.symbol)
        lowered = sum(c * relation.symbol ** (n % relation.power) * relation.value ** (n // relation.power) for (n,), c in polynomial.terms())
        numerator = sp.expand(sp.fraction(sp.together(lowered))[0])
    return sp.expand(numerator)


@dataclass
class _Generators:
    """The bookkeeping of one renaming."""

    denominators: dict[tuple[sp.Expr, sp.Expr], int] = field(default_factory=dict)
    known: dict[object, sp.Symbol] = field(default_factory=dict)
    pairs: list[tuple[sp.Symbol, sp.Expr]] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def collect(self, expression: sp.Expr) -> None:
        for node in sp.preorder_traversal(expression):
            for base, monomial, coefficient in _powers(node):
                key = (base, monomial)
                self.denominators[key] = lcm(self.denominators.get(key, 1), int(coefficient.q))

    def rewrite(self, node: sp.Expr) -> sp.Expr:
        if node.is_Symbol or node.is_Rational:
            return node
        if node == sp.I:
            return self.generator("I", node, Relation, (2, sp.S.NegativeOne))
        if node.is_Add or node.is_Mul:
            return node.func(*map(self.rewrite, node.args))
        if node.is_Pow and node.exp.is_Integer:
            return self.rewrite(node.base) ** node.exp
        powers = _powers(node)
        if powers:
            return sp.Mul(*(self.power(*power) for power in powers))
        if isinstance(node, sp.Abs) and node.args[0].is_extended_real:
            return self.generator(node, node, Relation, (2, self.rewrite(node.args[0]) ** 2))
        plain = isinstance(node, sp.Function) and all(isinstance(argument, sp.Expr) for argument in node.args)
        return self.generator(node.func(*map(sp.expand, node.args)) if plain else node, node)

    def power(self, base: sp.Expr, monomial: sp.Expr, coefficient: sp.Rational) -> sp.Expr:
        q = self.denominators[base, monomial]
        if monomial == 1 and q == 1:
            return self.rewrite(base) ** coefficient
        meaning = sp.Pow(base, monomial / q)
        if monomial != 1:
            return self.generator((base, monomial), meaning) ** (coefficient * q)
        return self.generator((base, monomial), meaning, Relation, (q, self.rewrite(base))) ** (coefficient * q)

    def generator(self, key: object, meaning: sp.Expr, kind: type[Relation] | None = None, relation: tuple[int, sp.Expr] | None = None) -> sp.Symbol:
        if key not in self.known:
            self.known[key] = symbol = sp.Dummy(f"t{len(self.known) + 1}")
            self.pairs.append((symbol, meaning))
            if relation is not None:
                self.relations.append(Relation(symbol, *relation))
        return self.known[key]


def _powers(node: sp.Expr) -> list[tuple[sp.Expr, sp.Expr, sp.Rational]]:
    """The triples (b, m, c) with node = Π b^(c m), for a power whose exponent is no whole number."""
    if isinstance(node, sp.exp):
        base, exponent = sp.E, node.args[0]
    elif node.is_Pow and not node.exp.is_Integer:
        base, exponent = node.base, node.exp
    else:
        return []
    triples = []
    for term in sp.Add.make_args(sp.expand(exponent)):
        coefficient, monomial = term.as_coeff_Mul(rational=True)
        triples.append((base, monomial, sp.Rational(coefficient)))
    return triples
