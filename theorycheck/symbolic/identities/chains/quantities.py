"""What a chain speaks of: numbers, matrices, largest eigenvalues of quadratic forms, and their least value over a parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.identities.chains.ledger import Ledger
from theorycheck.symbolic.identities.proving import Stuck, vanishing, words_differ
from theorycheck.symbolic.matrix_words.chains import MapDerivatives
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, Size, Word, WordSum, as_sum, identity, zero


class Relation(Enum):
    """How a quantity stands to the one after it."""

    EQUAL = "="
    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True)
class QuadraticForm:
    """The symmetric map V ↦ H V on one or more matrices.

    Parameters
    ----------
    directions : tuple of Factor
        V_1, ..., V_L.
    rows : tuple of WordSum
        (H V)_k of the shape of V_k, linear in the directions.

    """

    directions: tuple[Factor, ...]
    rows: tuple[WordSum, ...]

    @classmethod
    def of(cls, operator: Algebra) -> QuadraticForm:
        """The form of a square sum of words, acting on columns Y."""
        direction = Factor("Y", as_sum(operator).shape[0], 1)
        return cls((direction,), (as_sum(operator) @ direction,))

    def mapped(self, function: Callable[[WordSum], WordSum]) -> QuadraticForm:
        """The form with a function applied to every row."""
        return replace(self, rows=tuple(map(function, self.rows)))

    def between(self, left: Sequence[Algebra], ledger: Ledger) -> sp.Expr:
        """Σ_k tr(left_kᵀ (H V)_k)."""
        return sp.Add(*(ledger.trace(as_sum(u).T @ row) for u, row in zip(left, self.rows, strict=True)))

    def at(self, values: Mapping[Factor, Algebra]) -> QuadraticForm:
        """The rows at given directions; linear in them, so one factor a word is replaced."""
        return self.mapped(lambda row: replaced(row, values))

    def asymmetry(self, ledger: Ledger) -> sp.Expr:
        """⟨U, H V⟩ - ⟨V, H U⟩ for generic U and V; 0 for a symmetric form."""
        others = {v: replace(v, name=f"{v.name}'") for v in self.directions}
        swapped = self.at(others).between(self.directions, ledger)
        return sp.expand(self.between(tuple(others.values()), ledger) - swapped)

    def lines(self) -> list[str]:
        """The operator, or one row a direction."""
        if len(self.rows) == 1 and all(w.factors and w.factors[-1] == self.directions[0] for w in self.rows[0].words):
            words = (Word(w.coefficient, w.factors[:-1], (w.shape[0], self.directions[0].rows)) for w in self.rows[0].words)
            return [str(WordSum.of(words, (self.directions[0].rows, self.directions[0].rows)))]
        return [f"{v} ↦ {row}" for v, row in zip(self.directions, self.rows, strict=True)]


@dataclass(frozen=True)
class TopEigenvalue:
    """λ_max of a quadratic form, with the Frobenius inner product on the directions."""

    form: QuadraticForm

    @classmethod
    def of(cls, operator: Algebra) -> TopEigenvalue:
        """λ_max of a symmetric sum of words."""
        return cls(QuadraticForm.of(operator))

    def __str__(self) -> str:
        return f"λ_max({'; '.join(self.form.lines())})"


@dataclass(frozen=True)
class TraceOf:
    """The trace of a quadratic form, the sum of its eigenvalues."""

    form: QuadraticForm

    def __str__(self) -> str:
        return f"tr({'; '.join(self.form.lines())})"


@dataclass(frozen=True)
class Least:
    """The infimum over a positive parameter of a quantity."""

    variable: sp.Symbol
    of: TopEigenvalue

    def __str__(self) -> str:
        return f"inf over {self.variable} > 0 of {self.of}"


@dataclass(frozen=True)
class Matrices:
    """One or more matrices, as sums of words."""

    words: tuple[WordSum, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.words))


Quantity: TypeAlias = "sp.Expr | Matrices | TopEigenvalue | TraceOf | Least"


def same(left: Quantity, right: Quantity, ledger: Ledger) -> Stuck | None:
    """Nothing if two quantities agree, else why they are not seen to."""
    if isinstance(left, sp.Expr) and isinstance(right, sp.Expr):
        found = vanishing(left, right)
        return found if isinstance(found, Stuck) else None
    if type(left) is not type(right):
        return Stuck(f"{left} and {right} are of different kinds")
    if isinstance(left, Least) and isinstance(right, Least):
        renamed = left.of.form.mapped(lambda row: with_coefficients(row, {left.variable: right.variable}))
        return same(TopEigenvalue(renamed), right.of, ledger)
    if isinstance(left, Matrices) and isinstance(right, Matrices):
        return _same_rows(left.words, right.words, ledger)
    if isinstance(left, TopEigenvalue) and isinstance(right, TopEigenvalue):
        return _same_forms(left.form, right.form, ledger)
    return Stuck(f"{left} and {right} cannot be compared")


def _same_forms(left: QuadraticForm, right: QuadraticForm, ledger: Ledger) -> Stuck | None:
    if [v.shape for v in left.directions] != [v.shape for v in right.directions]:
        return Stuck("the quadratic forms act on different matrices")
    moved = right.at(dict(zip(right.directions, left.directions, strict=True)))
    return _same_rows(left.rows, moved.rows, ledger)


def _same_rows(left: Sequence[WordSum], right: Sequence[WordSum], ledger: Ledger) -> Stuck | None:
    if [row.shape for row in left] != [row.shape for row in right]:
        return Stuck("the matrices have different shapes")
    found = (same_words_with_coefficients(ledger.rewritten(a), ledger.rewritten(b)) for a, b in zip(left, right, strict=True))
    return next((stuck for stuck in found if stuck is not None), None)


def same_words_with_coefficients(left: WordSum, right: WordSum) -> Stuck | None:
    """Nothing if every product has one coefficient on both sides, radicals and powers included."""
    difference = left - right
    for word in difference.words:
        found = vanishing(sp.sympify(word.coefficient), sp.S.Zero)
        if isinstance(found, Stuck):
            product = Word(sp.S.One, word.factors, word.shape)
            ours, theirs = (coefficient_of(side, word.factors) for side in (left, right))
            return Stuck(f"{product} has the coefficient {ours} on one side and {theirs} on the other", difference, *_witness(left, right))
    return None


def _witness(left: WordSum, right: WordSum) -> tuple[Any, ...]:
    if any(not word.coefficient.is_Rational for side in (left, right) for word in side.words):
        return ()
    return words_differ(left, right)


def coefficient_of(total: WordSum, factors: tuple[Factor, ...]) -> sp.Expr:
    """The coefficient of one product."""
    return sp.Add(*(word.coefficient for word in total.words if word.factors == factors))


def with_coefficients(total: WordSum, values: Mapping[sp.Symbol, sp.Expr]) -> WordSum:
    """Put values for symbols in the coefficients."""
    return WordSum.of((replace(word, coefficient=sp.sympify(word.coefficient).subs(values)) for word in total.words), total.shape)


def replaced(total: WordSum, values: Mapping[Factor, Algebra]) -> WordSum:
    """Put sums of words for factors; shapes must fit."""
    sums, result = {factor: as_sum(value) for factor, value in values.items()}, zero(*total.shape)
    for factor, value in sums.items():
        if factor.shape != value.shape:
            raise InvalidArgument(str(factor), value.shape, f"must have shape {factor.shape}", "put a matrix of the same shape")
    for word in total.words:
        product = word.coefficient * identity(word.shape[0])
        for factor in word.factors:
            value = sums.get(factor.named, as_sum(factor.named))
            product = product @ (value.T if factor.transposed else value)
        result = result + product
    return result


def resized(total: WordSum, sizes: Mapping[Size, int]) -> WordSum:
    """The same words with numbers for some sizes."""

    def shape(pair: tuple[Size, Size]) -> tuple[Size, Size]:
        return sizes.get(pair[0], pair[0]), sizes.get(pair[1], pair[1])

    words = (Word(w.coefficient, tuple(resized_factor(f, sizes) for f in w.factors), shape(w.shape)) for w in total.words)
    return WordSum.of(words, shape(total.shape))


def resized_factor(factor: Factor, sizes: Mapping[Size, int]) -> Factor:
    """The same name with numbers for some sizes."""
    return replace(factor, rows=sizes.get(factor.rows, factor.rows), cols=sizes.get(factor.cols, factor.cols))


def hessian_form(derived: MapDerivatives, sizes: Mapping[Size, int]) -> QuadraticForm:
    """The derived Hessian-vector product as a quadratic form, with numbers for some sizes."""
    return QuadraticForm(tuple(resized_factor(v, sizes) for v in derived.directions), tuple(resized(row, sizes) for row in derived.hvp))
