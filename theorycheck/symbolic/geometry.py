"""Geometry of a parametrization, exact: Jacobian, metric, iterated Lie brackets, and what a mirror flow needs of them.

Setting      w = G(θ) with Jacobian J = ∂w/∂θ, shape (d, P); gradient flow moves w by ẇ = -J Jᵀ ∇ℓ(w).
Convention   [X, Y] = (∂Y) X - (∂X) Y. A bracket of order k has k fields: [∇w_i, ∇w_j] is of order 2. A matrix w is flattened row by row.
Results      If from every start gradient flow of every loss, also one that depends on time, is a mirror flow, then J Z = 0 for every iterated bracket
             Z of order ≥ 2. For quadratic w order 2 is enough: then J [∇w_i, ∇w_j] = 0 for all pairs iff all brackets vanish (the catalogue's lemma).
Not covered  One start, or one static loss: those may give mirror flows where the condition fails.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036, necessary condition; in the form derived in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy as sp

from theorycheck.errors import InvalidArgument, TooLarge
from theorycheck.symbolic.brackets import ExactMap
from theorycheck.symbolic.identities.points import rational_points
from theorycheck.symbolic.vector_fields import Calculus, Field, along, bracket, exact_map, expressions_of, gradient, symbols_of

Word: TypeAlias = tuple[int, ...]
Level: TypeAlias = list[tuple[Word, Field]]
POINTS = 40
BRACKETS = 20_000


@dataclass(frozen=True)
class IteratedBracket:
    """[∇w_a, [∇w_b, ... [∇w_y, ∇w_z]]] for the word (a, b, ..., y, z).

    Parameters
    ----------
    word : tuple of int
        Entries of w.
    field : tuple of Expr
        The components of the bracket, one for each parameter.

    """

    word: Word
    field: tuple[sp.Expr, ...]

    def __str__(self) -> str:
        return f"{word_text(self.word)} = ({', '.join(map(str, self.field))})"


@dataclass(frozen=True)
class Obstruction:
    """A bracket that moves w.

    Parameters
    ----------
    word : tuple of int
        Which bracket Z.
    point : tuple of (Symbol, Rational)
        Where.
    image : tuple of Expr
        J Z there, exact, one number for each entry of w.

    """

    word: Word
    point: tuple[tuple[sp.Symbol, sp.Rational], ...]
    image: tuple[sp.Expr, ...]

    def __str__(self) -> str:
        at = ", ".join(f"{symbol} = {value}" for symbol, value in self.point)
        return f"∂w {word_text(self.word)} = ({', '.join(map(str, self.image))}) at {at}"


@dataclass(frozen=True)
class NecessaryCondition:
    """Whether the iterated brackets up to some order leave w alone.

    Parameters
    ----------
    holds : bool or None
        True: proved for all brackets of order 2 .. `order`. False: there is an obstruction. None: some brackets are `undecided`.
    order : int
        The largest order that was looked at.
    all_orders : bool
        Whether the condition is known to hold at every order, because all brackets of order `order` vanish identically.
    obstruction : Obstruction or None
        A bracket that moves w, of the lowest order, and where.
    undecided : tuple of words
        Brackets with J Z = 0 at the rational points tried but without a proof; only where w is not polynomial.

    """

    holds: bool | None
    order: int
    all_orders: bool = False
    obstruction: Obstruction | None = None
    undecided: tuple[Word, ...] = ()


def jacobian(model: ExactMap) -> sp.ImmutableMatrix:
    """J = ∂w/∂θ, exact, shape ``(d, P)``: row i is ∇w_i.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Hadamard
    >>> jacobian(Hadamard(2))
    Matrix([
    [v1,  0, u1,  0],
    [ 0, v2,  0, u2]])

    """
    return sp.ImmutableMatrix([[sp.diff(w, symbol) for symbol in symbols_of(model)] for w in expressions_of(model)])


def metric(model: ExactMap, *, expanded: bool = False) -> sp.ImmutableMatrix:
    """J Jᵀ, exact, shape ``(d, d)``: gradient flow moves w by -J Jᵀ ∇ℓ(w).

    Parameters
    ----------
    model : parametrization
        Anything with `symbols` and `expressions`.
    expanded : bool
        Whether to multiply the entries out; nothing else is simplified.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Diagonal
    >>> metric(Diagonal(dim=1, depth=3))
    Matrix([[9*u1**4 + 9*v1**4]])

    """
    J = jacobian(model)
    product = J * J.T
    return product.applyfunc(sp.expand) if expanded else product


def iterated_brackets(model: ExactMap, order: int = 2) -> tuple[IteratedBracket, ...]:
    """Iterated Lie brackets of the fields ∇w_i of order 2 .. `order` that do not vanish identically.

    Nested to the right and with the innermost pair in order: every iterated bracket is a combination of these with constant coefficients.

    Parameters
    ----------
    model : parametrization
        Anything with `symbols` and `expressions`.
    order : int
        The largest number of fields in a bracket, at least 2.

    Raises
    ------
    InvalidArgument
        If the order is below 2, or the model has no exact map.
    TooLarge
        If more than `BRACKETS` brackets would have to be formed.

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.symbolic.parametrizations import Entrywise
    >>> a, b, c = sp.symbols("a b c", real=True)
    >>> for found in iterated_brackets(Entrywise((a, b, c), (a * b, a * c)), order=3):
    ...     print(found)
    [∇w[0], ∇w[1]] = (0, -c, b)
    [∇w[0], [∇w[0], ∇w[1]]] = (c, 0, a)
    [∇w[1], [∇w[0], ∇w[1]]] = (-b, -a, 0)

    """
    calculus, entries = exact_map(model)
    P = len(calculus.symbols)
    return tuple(
        IteratedBracket(word, tuple(calculus.expression(field[k]) if k in field else sp.S.Zero for k in range(P)))
        for level in _levels(calculus, entries, order)
        for word, field in level
    )


def necessary_condition(model: ExactMap, order: int = 2) -> NecessaryCondition:
    """Whether every iterated bracket of order 2 .. `order` lies in the kernel of ∂w at every θ, as mirror flow for all losses needs.

    Parameters
    ----------
    model : parametrization
        Anything with `symbols` and `expressions`. Polynomial maps are always decided.
    order : int
        The largest order looked at, at least 2.

    Raises
    ------
    InvalidArgument, TooLarge
        As `iterated_brackets`.

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.symbolic.parametrizations import Entrywise, Hadamard
    >>> necessary_condition(Hadamard(2)).all_orders
    True
    >>> a, b, c = sp.symbols("a b c", real=True)
    >>> print(necessary_condition(Entrywise((a, b, c), (a * b, a * c))).obstruction)
    ∂w [∇w[0], ∇w[1]] = (-2, -2) at a = 1, b = -2, c = 2

    """
    calculus, entries = exact_map(model)
    undecided: list[Word] = []
    level: Level = []
    for level in _levels(calculus, entries, order):
        for word, field in level:
            image = [along(calculus, field, w) for w in entries]
            if all(not rate or calculus.vanishes(rate) for rate in image):
                continue
            if (found := _obstruction(calculus, word, image)) is not None:
                return NecessaryCondition(False, order, False, found)
            undecided.append(word)
    return NecessaryCondition(None if undecided else True, order, not level, None, tuple(undecided))


def word_text(word: Word) -> str:
    """The bracket that a word stands for."""
    text = f"∇w[{word[-1]}]"
    for i in reversed(word[:-1]):
        text = f"[∇w[{i}], {text}]"
    return text


def _levels(calculus: Calculus, entries: Sequence[Any], order: int) -> Iterator[Level]:
    """The brackets of order 2, 3, ..., `order` that were not proved to vanish, one list an order."""
    if isinstance(order, bool) or not isinstance(order, int) or order < 2:
        raise InvalidArgument("order", order, "must be an integer of at least 2", "pass order=2 for the brackets of pairs")
    fields = [gradient(calculus, w) for w in entries]
    level: Level = [((i,), field) for i, field in enumerate(fields)]
    formed = 0
    for depth in range(2, order + 1):
        pairs = [(i, word, field) for i in range(len(fields)) for word, field in level if depth > 2 or i < word[0]]
        formed += len(pairs)
        if formed > BRACKETS:
            raise TooLarge("order", order, f"asks for more than {BRACKETS} brackets of {len(fields)} fields", "ask for a lower order")
        found = (((i, *word), bracket(calculus, fields[i], field)) for i, word, field in pairs)
        level = [(word, field) for word, field in found if not all(map(calculus.vanishes, field.values()))]
        yield level


def _obstruction(calculus: Calculus, word: Word, image: Sequence[Any]) -> Obstruction | None:
    """The first rational point where J Z is a real vector other than 0."""
    for point in rational_points(calculus.symbols, POINTS):
        values = tuple(calculus.value(rate, point) if rate else sp.S.Zero for rate in image)
        if all(value.is_number and value.is_real for value in values) and any(value.equals(0) is False for value in values):
            return Obstruction(word, tuple(point.items()), values)
    return None
