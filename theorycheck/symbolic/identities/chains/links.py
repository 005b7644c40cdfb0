"""Steps of a chain that rewrite a quadratic form: hypotheses, Gram swap, Loewner order, eigenvalue of a multiple of the identity.

A step takes the quantity so far and gives the next one with its relation, or says why it does not apply. It never trusts its
arguments: every instantiation is recomputed in words. To add a way of reasoning, add one class with `applied`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import sympy as sp

from theorycheck.symbolic.identities.certificates import Certificate
from theorycheck.symbolic.identities.chains.hypotheses import Given, PositiveSemidefinite, SquaredNorm
from theorycheck.symbolic.identities.chains.ledger import Ledger
from theorycheck.symbolic.identities.chains.quantities import (
    Least,
    Matrices,
    QuadraticForm,
    Quantity,
    Relation,
    TopEigenvalue,
    TraceOf,
    coefficient_of,
    replaced,
    same_words_with_coefficients,
    with_coefficients,
)
from theorycheck.symbolic.identities.proving import Stuck
from theorycheck.symbolic.matrix_words.calculus import read_gradient, split
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, WordSum, as_sum, zero


@dataclass(frozen=True)
class Outcome:
    """The next quantity, how the one before stands to it, and the step in words."""

    quantity: Quantity
    relation: Relation
    sentence: str


class Link(Protocol):
    """A step of a chain."""

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        """The next quantity, or why the step does not apply."""


@dataclass(frozen=True)
class Using(Link):
    """Rewrite by the named hypotheses, here and in everything after."""

    names: tuple[str, ...]

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        said = []
        for name in self.names:
            hypothesis = ledger.hypothesis(name, Given)
            if isinstance(hypothesis, Stuck):
                return hypothesis
            assert isinstance(hypothesis, Given)
            ledger.adopt(name, hypothesis.left, hypothesis.right)
            said.append(str(hypothesis))
        return Outcome(_rewritten(current, ledger), Relation.EQUAL, "; ".join(said))


@dataclass(frozen=True)
class Named(Link):
    """Give squared norms their symbols."""

    norms: tuple[SquaredNorm, ...]

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        for norm in self.norms:
            found = ledger.name(norm)
            if found is not None:
                return found
        return Outcome(_rewritten(current, ledger), Relation.EQUAL, "with " + ", ".join(map(str, self.norms)))


@dataclass(frozen=True)
class GramVanishes(Link):
    """From Z Zᵀ = 0 conclude Z = 0, with Z = left - right; left is rewritten by right from then on."""

    left: Algebra
    right: Algebra

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if len(as_sum(self.left).words) != 1:
            return Stuck(f"{as_sum(self.left)} is not a single word")
        difference = ledger.rewritten(as_sum(self.left) - as_sum(self.right))
        gram = ledger.rewritten(difference @ difference.T)
        if gram.words:
            return Stuck(f"with Z = {as_sum(self.left)} - ({as_sum(self.right)}), Z Zᵀ is not seen to vanish", gram)
        ledger.adopt("", as_sum(self.left).words[0], as_sum(self.right))
        sentence = f"{as_sum(self.left)} = {as_sum(self.right)}, since the Gram matrix of the difference vanishes"
        return Outcome(_rewritten(current, ledger), Relation.EQUAL, sentence)


@dataclass(frozen=True)
class GramSwap(Link):
    """λ_max(s K* K) = λ_max(s K K*): the non-zero spectra agree. `root` is K(V), linear in the directions; s > 0."""

    root: Algebra
    scale: sp.Expr

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TopEigenvalue):
            return Stuck("the Gram swap is for a largest eigenvalue")
        if sp.sympify(self.scale).is_positive is not True:
            return Stuck(f"the factor {self.scale} is not known to be positive")
        form, root = current.form, ledger.rewritten(self.root)
        if any(sum(f.named in form.directions for f in word.factors) != 1 for word in root.words):
            return Stuck(f"K = {root} is not linear in the directions")
        for v, row in zip(form.directions, form.rows, strict=True):
            wanted = ledger.rewritten(self.scale * read_gradient(_part(root, v), v, root))
            found = same_words_with_coefficients(row, wanted)
            if found is not None:
                return Stuck(f"row {v} of the form is not that of {self.scale} K* K with K = {root}: {found.reason}", found.remainder)
        target = Factor("Y", *root.shape)
        adjoint = {v: read_gradient(_part(root, v), v, target) for v in form.directions}
        moved = ledger.rewritten(self.scale * replaced(root, adjoint))
        sentence = f"K* K and K K* have the same non-zero spectrum, K = {root}"
        return Outcome(TopEigenvalue(QuadraticForm((target,), (moved,))), Relation.EQUAL, sentence)


class SemidefiniteTerm(Protocol):
    """A positive semidefinite operator."""

    def operator(self, ledger: Ledger) -> WordSum | Stuck:
        """The operator in words."""

    def __str__(self) -> str:
        """Why it is positive semidefinite."""


@dataclass(frozen=True)
class Gram(SemidefiniteTerm):
    """c M Mᵀ with c ≥ 0; c is an expression that SymPy knows to be non-negative, or a certificate, whose gap is one."""

    root: Algebra
    coefficient: sp.Expr | Certificate = sp.S.One

    def operator(self, ledger: Ledger) -> WordSum | Stuck:
        found = _nonnegative(self.coefficient)
        return found if isinstance(found, Stuck) else found * (as_sum(self.root) @ as_sum(self.root).T)

    def __str__(self) -> str:
        return f"{as_sum(self.root) @ as_sum(self.root).T} ⪰ 0 with a coefficient ≥ 0{_why(self.coefficient)}"


@dataclass(frozen=True)
class LoewnerCauchySchwarz(SemidefiniteTerm):
    """c (|q|² BᵀB - (q B)ᵀ(q B)) ⪰ 0 for a row q, a matrix B and c ≥ 0."""

    q: Algebra
    B: Algebra
    coefficient: sp.Expr | Certificate = sp.S.One

    def operator(self, ledger: Ledger) -> WordSum | Stuck:
        row, matrix, c = as_sum(self.q), as_sum(self.B), _nonnegative(self.coefficient)
        if row.shape[0] != 1:
            return Stuck(f"{row} is not a row")
        if isinstance(c, Stuck):
            return c
        return c * (ledger.trace(row @ row.T) * (matrix.T @ matrix) - (row @ matrix).T @ (row @ matrix))

    def __str__(self) -> str:
        return f"|{as_sum(self.q)}|² BᵀB ⪰ (qB)ᵀ(qB) with q = {as_sum(self.q)}, B = {as_sum(self.B)} (Cauchy-Schwarz)"


@dataclass(frozen=True)
class Assumed(SemidefiniteTerm):
    """c ≥ 0 times an operator that a hypothesis says to be positive semidefinite."""

    name: str
    coefficient: sp.Expr | Certificate = sp.S.One

    def operator(self, ledger: Ledger) -> WordSum | Stuck:
        hypothesis, c = ledger.hypothesis(self.name, PositiveSemidefinite), _nonnegative(self.coefficient)
        if isinstance(hypothesis, Stuck) or isinstance(c, Stuck):
            return hypothesis if isinstance(hypothesis, Stuck) else c
        assert isinstance(hypothesis, PositiveSemidefinite)
        return c * as_sum(hypothesis.operator)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class LoewnerOrder(Link):
    """λ_max is monotone: the form minus `to` (or `to` minus the form) is a sum of positive semidefinite operators."""

    to: Algebra
    by: tuple[SemidefiniteTerm, ...]
    relation: Relation = Relation.AT_LEAST

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TopEigenvalue) or len(current.form.rows) != 1:
            return Stuck("the Loewner order is for the largest eigenvalue of a form on one matrix")
        if current.form.directions[0].shape != (as_sum(self.to).shape[0], 1):
            return Stuck(f"the form acts on matrices of shape {current.form.directions[0].shape}, not on columns of `to`")
        after = TopEigenvalue.of(ledger.rewritten(self.to))
        if current.form.asymmetry(ledger) != 0 or after.form.asymmetry(ledger) != 0:
            return Stuck("a form is not symmetric, so eigenvalues are not ordered by the Loewner order")
        total = zero(*as_sum(self.to).shape)
        for term in self.by:
            operator = term.operator(ledger)
            if isinstance(operator, Stuck):
                return operator
            if operator.shape != total.shape:
                return Stuck(f"{term} acts on vectors of another size")
            total = total + operator
        sign = {Relation.AT_LEAST: 1, Relation.AT_MOST: -1, Relation.EQUAL: 0}[self.relation]
        below = replaced(after.form.rows[0], {after.form.directions[0]: current.form.directions[0]})
        found = same_words_with_coefficients(ledger.rewritten(below + sign * (total @ current.form.directions[0])), current.form.rows[0])
        if found is not None or (self.relation is Relation.EQUAL and total.words):
            return found or Stuck("an equality needs no semidefinite terms")
        return Outcome(after, self.relation, "λ_max is monotone in the Loewner order: " + "; ".join(map(str, self.by)))


@dataclass(frozen=True)
class OnIdentity(Link):
    """λ_max(c I) = c."""

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TopEigenvalue) or len(current.form.rows) != 1:
            return Stuck("this step is for λ_max of a multiple of the identity")
        row, direction = current.form.rows[0], current.form.directions[0]
        if any(word.factors != (direction,) for word in row.words):
            return Stuck(f"{row} is not a multiple of {direction}")
        return Outcome(coefficient_of(row, (direction,)), Relation.EQUAL, "λ_max(c I) = c")


@dataclass(frozen=True)
class TakeTrace(Link):
    """tr(V ↦ L V R) = tr(L) tr(R), direction by direction; terms of a row without its own direction do not count."""

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TraceOf):
            return Stuck("this step is for the trace of a quadratic form")
        total = sp.S.Zero
        for direction, row in zip(current.form.directions, current.form.rows, strict=True):
            for word in _part(row, direction).words:
                left, right, flipped = split(word, direction)
                if flipped:
                    return Stuck(f"{word} holds {direction} transposed")
                total += ledger.trace(left) * ledger.trace(right)
        return Outcome(sp.expand(total), Relation.EQUAL, "tr(V ↦ L V R) = tr(L) tr(R)")


@dataclass(frozen=True)
class LeastOver(Link):
    """f(t_1) ≥ inf over t > 0 of f(t), for a form that depends on the parameters through the positive number t_1 only."""

    symbol: sp.Symbol
    variable: sp.Symbol
    parameters: tuple[Factor, ...]

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TopEigenvalue) or self.symbol.is_positive is not True or self.symbol not in ledger.symbols:
            return Stuck(f"{self.symbol} must be a positive squared norm in a largest eigenvalue")
        left = {f for row in current.form.rows for f in row.factors} & {f.named for f in self.parameters}
        free = set().union(*(w.coefficient.free_symbols for row in current.form.rows for w in row.words))
        if self.variable in free or self.variable.is_positive is not True:
            return Stuck(f"{self.variable} must be a new positive symbol")
        if left or (free & set(ledger.symbols)) - {self.symbol}:
            others = left | (free & set(ledger.symbols)) - {self.symbol}
            return Stuck(f"the form depends on the parameters also through {', '.join(sorted(map(str, others)))}")
        form = current.form.mapped(lambda row: with_coefficients(row, {self.symbol: self.variable}))
        return Outcome(Least(self.variable, TopEigenvalue(form)), Relation.AT_LEAST, f"the value at {self.variable} = {self.symbol} is one of them")


def _rewritten(quantity: Quantity, ledger: Ledger) -> Quantity:
    if isinstance(quantity, TopEigenvalue | TraceOf):
        return replace(quantity, form=quantity.form.mapped(ledger.rewritten))
    if isinstance(quantity, Matrices):
        return Matrices(tuple(map(ledger.rewritten, quantity.words)))
    return quantity


def _part(root: WordSum, direction: Factor) -> WordSum:
    wanted = {direction, direction.flipped}
    return WordSum.of((word for word in root.words if not wanted.isdisjoint(word.factors)), root.shape)


def _nonnegative(value: sp.Expr | Certificate) -> sp.Expr | Stuck:
    expression = sp.sympify(value) if isinstance(value, sp.Basic | int) else value.gap
    certified = not isinstance(value, sp.Basic | int) or expression.is_nonnegative is True
    return expression if certified else Stuck(f"the coefficient {expression} is not known to be non-negative")


def _why(value: sp.Expr | Certificate) -> str:
    return "" if isinstance(value, sp.Basic | int) else f" ({value.why})"
