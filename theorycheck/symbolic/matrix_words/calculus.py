"""Differential calculus on sums of words: the product rule, and reading matrices off linear forms.

Nothing here takes the derivative of an expression in a matrix symbol. A differential replaces one factor at a time; a
gradient is read off ⟨M, L V R⟩ = ⟨Lᵀ M Rᵀ, V⟩ and ⟨M, L Vᵀ R⟩ = ⟨R Mᵀ L, V⟩, with ⟨A, B⟩ = tr(Aᵀ B); the matrix of a linear map is
read off its words.

Convention   matrices are flattened **row by row**, r(V). Then r(L V R) = (L ⊗ Rᵀ) r(V), and r(L Vᵀ R) = (L ⊗ Rᵀ) K r(V), where the
             permutation K is defined by K r(V) = r(Vᵀ) for V of the shape of the direction. (With columns stacked instead, the two
             factors of every ⊗ change places.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, Size, Word, WordSum, as_sum, product, zero


def differential(expression: Algebra, rules: Mapping[Factor, Algebra]) -> WordSum:
    """First differential by the product rule.

    Parameters
    ----------
    expression : Factor, Word or WordSum
        What is differentiated.
    rules : mapping of Factor to Factor, Word or WordSum
        The differential of each named matrix; matrices without a rule are constant.

    Examples
    --------
    >>> A, V = Factor("A", 2, 2), Factor("V", 2, 2)
    >>> print(differential(A @ A.T, {A: V}))
    V Aᵀ + A Vᵀ

    """
    total, moved = as_sum(expression), {factor: as_sum(rule) for factor, rule in rules.items()}
    return WordSum.of((term for word in total.words for term in _product_rule(word, moved)), total.shape)


def _product_rule(word: Word, rules: Mapping[Factor, WordSum]) -> list[Word]:
    terms = []
    for i, factor in enumerate(word.factors):
        rule = rules.get(factor.named)
        if rule is not None:
            for inner in (rule.T if factor.transposed else rule).words:
                terms.append(Word(word.coefficient * inner.coefficient, word.factors[:i] + inner.factors + word.factors[i + 1 :], word.shape))
    return terms


def substitute(expression: Algebra, values: Mapping[Factor, Algebra]) -> WordSum:
    """Replace named matrices by sums of words of the same shape."""
    total, sums = as_sum(expression), {factor: as_sum(value) for factor, value in values.items()}
    for factor, value in sums.items():
        if factor.shape != value.shape:
            raise ShapeMismatch(f"{factor}", value.shape, f"must have shape {factor.shape}", "substitute matrices of the same shape")
    terms: list[Word] = []
    for word in total.words:
        parts = [sums[f.named].T if f.transposed and f.named in sums else sums.get(f.named, as_sum(f)) for f in word.factors]
        terms.extend((word.coefficient * product(parts, word.shape[0])).words)
    return WordSum.of(terms, total.shape)


def read_gradient(linear: Algebra, direction: Factor, cotangent: Algebra) -> WordSum:
    """X with ⟨cotangent, linear(V)⟩ = ⟨X, V⟩ for every V, where `linear` is linear in the direction V.

    Examples
    --------
    >>> A, V, G = Factor("A", 2, 3), Factor("V", 3, 4), Factor("G", 2, 4)
    >>> print(read_gradient(A @ V, V, G))
    Aᵀ G

    """
    outer, result = as_sum(cotangent), zero(*direction.shape)
    for word in as_sum(linear).words:
        left, right, flipped = split(word, direction)
        result = result + (right @ outer.T @ left if flipped else left.T @ outer @ right.T)
    return result


def split(word: Word, direction: Factor) -> tuple[WordSum, WordSum, bool]:
    """L, R and whether it is L Vᵀ R (else L V R); L carries the coefficient.

    Raises
    ------
    InvalidArgument
        If the direction does not occur exactly once.

    """
    places = [i for i, factor in enumerate(word.factors) if factor.named == direction]
    if len(places) != 1:
        raise InvalidArgument("word", str(word), f"must hold {direction} exactly once", "take the differential in one direction at a time")
    (i,) = places
    used = word.factors[i]
    left = product(word.factors[:i], word.shape[0])
    return word.coefficient * left, product(word.factors[i + 1 :], word.shape[1]), used.transposed


@dataclass(frozen=True)
class KroneckerTerm:
    """The matrix coefficient · (left ⊗ right), times K if `commuted`; acts on matrices flattened row by row."""

    coefficient: sp.Expr
    left: Word
    right: Word
    commuted: bool

    def __str__(self) -> str:
        return f"{self.coefficient} ({self.left}) ⊗ ({self.right})" + (" K" if self.commuted else "")


@dataclass(frozen=True)
class KroneckerSum:
    """The matrix of a linear map V ↦ Σ L V R + Σ L Vᵀ R, rows and columns flattened row by row.

    `target` is the shape of the image, `direction` the factor V; the matrix has as many rows and columns as they have entries.
    """

    terms: tuple[KroneckerTerm, ...]
    target: tuple[Size, Size]
    direction: Factor

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms)) or "0"


def matrix_of(linear: Algebra, direction: Factor) -> KroneckerSum:
    """Matrix of the part of `linear` that holds the direction.

    Examples
    --------
    >>> A, B, V = Factor("A", 2, 3), Factor("B", 4, 5), Factor("V", 3, 4)
    >>> print(matrix_of(A @ V @ B, V))
    1 (A) ⊗ (Bᵀ)

    """
    total, terms, wanted = as_sum(linear), [], {direction, direction.flipped}
    for word in total.words:
        if not wanted.isdisjoint(word.factors):
            left, right, flipped = split(word, direction)
            (a,), (b,) = left.words, right.T.words
            terms.append(KroneckerTerm(a.coefficient, Word(sp.S.One, a.factors, a.shape), b, flipped))
    return KroneckerSum(tuple(terms), total.shape, direction)
