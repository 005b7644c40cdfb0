"""Which row of the table serves which entries of w: read off the expressions, whatever class the model is of.

Entries that share no parameter are separate. An entry alone is affine (Σ a θ_k + b), a power (a u^D), a difference of equal powers
(a u^D - a v^D), a product (a u v) or a quadratic form; entries that share parameters have a row only if all are quadratic forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import sympy as sp

Monomials = dict[tuple[int, ...], sp.Expr]


class Kind(Enum):
    """A row of the table; the value is its formula."""

    AFFINE = "Σ a θ + b"
    POWER = "a u^D"
    DIFFERENCE = "a (u^D - v^D)"
    PRODUCT = "a u v"
    FORMS = "θᵀ A_i θ/2"


@dataclass(frozen=True)
class Piece:
    """Entries of w served together by one row.

    Parameters
    ----------
    kind : Kind
        The row.
    outputs : tuple of int
        Entries of w.
    inputs : tuple of int
        Entries of θ they depend on, in the order of the formula (u before v).
    coefficients : tuple of Expr
        The a's; then b where the row has one. Empty for forms.
    depth : int
        D.

    """

    kind: Kind
    outputs: tuple[int, ...]
    inputs: tuple[int, ...]
    coefficients: tuple[sp.Expr, ...] = ()
    depth: int = 2


@lru_cache(maxsize=256)
def pieces_of(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> tuple[Piece | tuple[int, ...], ...]:
    """The pieces of a map; a plain tuple of outputs stands where no row is known.

    Examples
    --------
    >>> u, v, x = sp.symbols("u v x", real=True)
    >>> [piece.kind.value for piece in pieces_of((u, v, x), (u**2 - v**2, x**2 / 4))]
    ['a (u^D - v^D)', 'a u^D']

    """
    places = {symbol: k for k, symbol in enumerate(symbols)}
    return tuple(_piece(group, expressions, places) for group in joined(expressions))


def joined(expressions: Sequence[sp.Expr]) -> list[tuple[int, ...]]:
    """Entries of w joined by shared parameters."""
    groups: list[tuple[set[sp.Symbol], list[int]]] = []
    for i, expression in enumerate(expressions):
        used, members = set(expression.free_symbols), [i]
        apart = []
        for names, outputs in groups:
            if names & used:
                used, members = used | names, outputs + members
            else:
                apart.append((names, outputs))
        groups = [*apart, (used, members)]
    return sorted(tuple(sorted(members)) for _, members in groups)


def _piece(outputs: tuple[int, ...], expressions: Sequence[sp.Expr], places: dict[sp.Symbol, int]) -> Piece | tuple[int, ...]:
    names = sorted(set().union(*(expressions[i].free_symbols for i in outputs)), key=places.__getitem__)
    polynomials = [_monomials(expressions[i], names) for i in outputs]
    if not names or any(terms is None for terms in polynomials):
        return outputs
    inputs = tuple(places[name] for name in names)
    alone = _alone(polynomials[0] or {}, outputs, inputs) if len(outputs) == 1 else None
    if alone is not None:
        return alone
    quadratic = all(sum(powers) == 2 for terms in polynomials for powers in terms or {})
    return Piece(Kind.FORMS, outputs, inputs) if quadratic else outputs


def _monomials(expression: sp.Expr, names: Sequence[sp.Symbol]) -> Monomials | None:
    """Exponents -> real coefficient, or None for what is not a polynomial with real numbers as coefficients."""
    if not names or not expression.is_polynomial(*names):
        return None
    terms = dict(sp.Poly(expression, *names).terms())
    return terms if all(c.is_number and c.is_real for c in terms.values()) else None


def _alone(terms: Monomials, outputs: tuple[int, ...], inputs: tuple[int, ...]) -> Piece | None:
    """The row of a single entry, if it is one of the simple ones."""
    degrees = {sum(powers) for powers in terms}
    constant = terms.get((0,) * len(inputs), sp.S.Zero)
    if max(degrees) == 1:
        slopes = tuple(terms[tuple(int(i == k) for i in range(len(inputs)))] for k in range(len(inputs)))
        return Piece(Kind.AFFINE, outputs, inputs, (*slopes, constant), depth=1)
    if constant != 0 or len(degrees) > 1:
        return None
    depth, powers = degrees.pop(), sorted(terms, key=lambda p: -terms[p])  # the positive coefficient first
    pure = [p.index(depth) for p in powers if depth in p]
    if len(pure) == len(powers) == 1:
        return Piece(Kind.POWER, outputs, inputs, (terms[powers[0]],), depth)
    if len(pure) == len(powers) == 2 and terms[powers[0]] == -terms[powers[1]]:
        return Piece(Kind.DIFFERENCE, outputs, tuple(inputs[k] for k in pure), (terms[powers[0]],), depth)
    if powers == [(1, 1)]:
        return Piece(Kind.PRODUCT, outputs, inputs, (terms[(1, 1)],))
    return None
