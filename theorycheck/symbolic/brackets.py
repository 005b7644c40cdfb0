"""Lie brackets of the gradients of the entries of w: whether a parametrization commutes.

Setting      w = G(θ) with entries G_i. The flows of the fields ∇G_i commute iff every bracket vanishes at every θ:
             [∇G_i, ∇G_j] = ∇²G_j ∇G_i - ∇²G_i ∇G_j.
Convention   [X, Y] = (∂Y) X - (∂X) Y. A matrix w is flattened row by row.
Results      commuting is what makes gradient flow of every loss, also one that depends on time, a mirror flow. For one static loss
             it is not needed, and for all of them it is only the brackets ∂G [∇G_i, ∇G_j] that must vanish: a witness against
             commuting is no proof that one given flow is not a mirror flow.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import sympy as sp

from theorycheck.symbolic.identities.points import rational_points
from theorycheck.symbolic.identities.statements import Identity, Proof

_POINTS = 4


class ExactMap(Protocol):
    """What is asked of a model: its exact map θ -> w."""

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The entries of θ."""

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The entries of w, row by row."""


@dataclass(frozen=True)
class Witness:
    """A point where a bracket does not vanish.

    Parameters
    ----------
    pair : tuple of int
        i < j, entries of w.
    point : tuple of (Symbol, Rational)
        The parameters that G_i and G_j depend on; the others do not matter.
    bracket : tuple of Expr
        [∇G_i, ∇G_j] there, exact, one number for each parameter of the point.

    """

    pair: tuple[int, int]
    point: tuple[tuple[sp.Symbol, sp.Rational], ...]
    bracket: tuple[sp.Expr, ...]

    def latex(self) -> str:
        """The bracket and the point; entries of w are counted from 1."""
        i, j = self.pair
        at = r",\ ".join(f"{sp.latex(symbol)} = {sp.latex(value)}" for symbol, value in self.point)
        values = r",\ ".join(map(sp.latex, self.bracket))
        return rf"[\nabla w_{{{i + 1}}}, \nabla w_{{{j + 1}}}] = \left({values}\right) \ne 0 \quad \text{{at }} {at}"

    def __str__(self) -> str:
        i, j = self.pair
        at = ", ".join(f"{symbol} = {value}" for symbol, value in self.point)
        return f"[∇w[{i}], ∇w[{j}]] = ({', '.join(map(str, self.bracket))}) at {at}"


@dataclass(frozen=True)
class Brackets:
    """Whether a map commutes.

    Parameters
    ----------
    commuting : bool
        Whether every bracket was proved to vanish identically.
    witness : Witness or None
        A bracket that does not vanish, and where.
    undecided : tuple of pairs
        Brackets that vanished at the rational points tried but were not proved to vanish; empty when there is a witness.

    """

    commuting: bool
    witness: Witness | None = None
    undecided: tuple[tuple[int, int], ...] = ()

    def latex(self) -> str:
        """That all brackets vanish, the one that does not, or those that are not decided; entries of w are counted from 1."""
        if self.witness is not None:
            return self.witness.latex()
        if self.commuting:
            return r"[\nabla w_i, \nabla w_j] = 0 \quad \text{for all } i, j"
        pairs = r",\ ".join(f"({i + 1}, {j + 1})" for i, j in self.undecided)
        return rf"[\nabla w_i, \nabla w_j] = 0 \quad \text{{is not decided for }} (i, j) = {pairs}"

    def __str__(self) -> str:
        if self.witness is not None:
            return f"not commuting: {self.witness}"
        if self.commuting:
            return "commuting: every [∇w[i], ∇w[j]] vanishes identically"
        return f"not decided: [∇w[i], ∇w[j]] for (i, j) = {', '.join(map(str, self.undecided))}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def lie_brackets(model: ExactMap) -> Brackets:
    """Decide exactly whether the gradients of the entries of w commute.

    Rational points come first, for all pairs, so that a map that does not commute is known by a witness; then each bracket is expanded,
    and proved to vanish as an identity where expanding is not enough.

    Parameters
    ----------
    model : parametrization
        Anything with `symbols` and `expressions`.

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.symbolic.parametrizations import Entrywise, Hadamard
    >>> lie_brackets(Hadamard(2)).commuting
    True
    >>> a, b, c = sp.symbols("a b c", real=True)
    >>> print(lie_brackets(Entrywise((a, b, c), (a * b, a * c))).witness)
    [∇w[0], ∇w[1]] = (0, -2, -2) at a = 1, b = -2, c = 2

    """
    symbols, entries = model.symbols, tuple(map(_rational, model.expressions))
    pairs = [(i, j) for i, j in combinations(range(len(entries)), 2) if entries[i].free_symbols & entries[j].free_symbols]
    for i, j in pairs:
        witness = _witness(symbols, entries, i, j)
        if witness is not None:
            return Brackets(False, witness)
    undecided = tuple((i, j) for i, j in pairs if not all(map(_vanishes, _bracket(symbols, entries[i], entries[j]).values())))
    return Brackets(not undecided, None, undecided)


def _bracket(symbols: Sequence[sp.Symbol], first: sp.Expr, second: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
    """The components of [∇first, ∇second], by parameter."""
    slopes = [(name, sp.diff(first, name), sp.diff(second, name)) for name in _used(symbols, first, second)]
    return {name: sp.Add(*(sp.diff(b, other) * x - sp.diff(a, other) * y for other, x, y in slopes)) for name, a, b in slopes}


def _used(symbols: Sequence[sp.Symbol], *expressions: sp.Expr) -> tuple[sp.Symbol, ...]:
    return tuple(symbol for symbol in symbols if any(symbol in expression.free_symbols for expression in expressions))


def _witness(symbols: Sequence[sp.Symbol], entries: Sequence[sp.Expr], i: int, j: int) -> Witness | None:
    """Look at rational points, by the derivative of each gradient along the other."""
    names, t = _used(symbols, entries[i], entries[j]), sp.Dummy("t")
    gradients = [[sp.diff(entries[k], name) for name in names] for k in (i, j)]
    for point in rational_points(names, _POINTS):
        values = [[entry.subs(point) for entry in gradient] for gradient in gradients]
        lines = [{name: point[name] + t * slope for name, slope in zip(names, value, strict=True)} for value in values]
        forward, back = ([sp.diff(entry.subs(line), t).subs(t, 0) for entry in gradients[1 - k]] for k, line in enumerate(lines))
        found = tuple(x - y for x, y in zip(forward, back, strict=True))
        if all(entry.is_number and entry.is_real for entry in found) and any(entry.equals(0) is False for entry in found):
            return Witness((i, j), tuple(point.items()), found)
    return None


def _vanishes(expression: sp.Expr) -> bool:
    return sp.expand(expression) == 0 or isinstance(Identity(expression, 0).prove(), Proof)


def _rational(expression: sp.Expr) -> sp.Expr:
    """The expression on the numbers given: floats become the rational numbers they are."""
    return expression.xreplace({number: sp.Rational(number) for number in expression.atoms(sp.Float)})
