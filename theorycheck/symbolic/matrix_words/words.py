"""Sums of products of named matrices, of any size.

A `Factor` is a named matrix or its transpose, a `Word` a number times a product of factors, a `WordSum` a sum of words in
normal form: equal products are collected, zero terms dropped. Sizes are whole numbers or SymPy symbols, so one sum stands for
every width.

Two sums are equal as values iff they agree for matrices of every size (products of generic matrices and their transposes are
linearly independent once the sizes are large enough). At particular small sizes more identities hold (1x1 matrices commute);
equality here does not know them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch

Size: TypeAlias = "int | sp.Symbol"


class Algebra:
    """The operations shared by factors, words and sums: ``+``, ``-``, ``@``, a scalar from the left, ``.T``."""

    def __add__(self, other: Algebra) -> WordSum:
        left, right = as_sum(self), as_sum(other)
        _require_equal(left.shape, right.shape, "sum")
        return WordSum.of((*left.words, *right.words), left.shape)

    def __sub__(self, other: Algebra) -> WordSum:
        return self + (-1) * as_sum(other)

    def __neg__(self) -> WordSum:
        return (-1) * as_sum(self)

    def __rmul__(self, scalar: Any) -> WordSum:
        total, number = as_sum(self), sp.sympify(scalar)
        return WordSum.of((replace(word, coefficient=number * word.coefficient) for word in total.words), total.shape)

    def __matmul__(self, other: Algebra) -> WordSum:
        left, right = as_sum(self), as_sum(other)
        _require_equal(left.shape[1:], right.shape[:1], "product")
        return WordSum.of((a.times(b) for a in left.words for b in right.words), (left.shape[0], right.shape[1]))

    @property
    def T(self) -> WordSum:  # the field's name for it
        """The transpose."""
        total = as_sum(self)
        return WordSum.of((word.flipped for word in total.words), total.shape[::-1])


@dataclass(frozen=True)
class Factor(Algebra):
    """A named matrix, or its transpose.

    Parameters
    ----------
    name : str
        For instance ``"W"``.
    rows, cols : int or Symbol
        Shape of the named matrix (not of its transpose).
    index : tuple of int or str
        Printed below the name: ``("W", (3,))`` is W_3. Strings stand for an index in general.
    transposed : bool
        Whether this is the transpose of the named matrix.
    symmetric : bool
        Whether the matrix equals its transpose.

    """

    name: str
    rows: Size
    cols: Size
    index: tuple[int | str, ...] = ()
    transposed: bool = False
    symmetric: bool = False

    @property
    def shape(self) -> tuple[Size, Size]:
        """Rows and columns of the factor as it stands."""
        return (self.cols, self.rows) if self.transposed else (self.rows, self.cols)

    @cached_property
    def named(self) -> Factor:
        """The named matrix itself, not transposed."""
        return replace(self, transposed=False) if self.transposed else self

    @cached_property
    def flipped(self) -> Factor:
        """The transpose as a factor."""
        return self if self.symmetric else replace(self, transposed=not self.transposed)

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.index, self.transposed))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.name + ("_" + ",".join(map(str, self.index)) if self.index else "") + ("ᵀ" if self.transposed else "")


@dataclass(frozen=True)
class Word(Algebra):
    """A number times a product of factors; the empty product is an identity matrix, so the shape is kept."""

    coefficient: sp.Expr
    factors: tuple[Factor, ...]
    shape: tuple[Size, Size]

    @property
    def flipped(self) -> Word:
        """The transpose as a word."""
        return Word(self.coefficient, tuple(f.flipped for f in reversed(self.factors)), self.shape[::-1])

    def times(self, other: Word) -> Word:
        """The product of two words that fit."""
        return Word(self.coefficient * other.coefficient, self.factors + other.factors, (self.shape[0], other.shape[1]))

    def __str__(self) -> str:
        product = " ".join(map(str, self.factors)) or "I"
        if self.coefficient in (1, -1):
            return product if self.coefficient == 1 else "-" + product
        return f"{self.coefficient} {product}" if self.coefficient.is_Atom else f"({self.coefficient}) {product}"


@dataclass(frozen=True, eq=False)
class WordSum(Algebra):
    """A sum of words in normal form; build it with the operators, `identity` and `zero`.

    Examples
    --------
    >>> A, B = Factor("A", 2, 3), Factor("B", 3, 2)
    >>> print((A @ B + 2 * A @ B).T)
    3 Bᵀ Aᵀ
    >>> A @ B - A @ B == zero(2, 2)
    True

    """

    words: tuple[Word, ...]
    shape: tuple[Size, Size]

    @classmethod
    def of(cls, words: Iterable[Word], shape: tuple[Size, Size]) -> WordSum:
        """Collect equal products; words keep the order of their first appearance."""
        coefficients: dict[tuple[Factor, ...], sp.Expr] = {}
        for word in words:
            if word.factors in coefficients:
                coefficients[word.factors] = sp.expand(coefficients[word.factors] + word.coefficient)
            else:
                coefficients[word.factors] = word.coefficient
        return cls(tuple(Word(c, factors, shape) for factors, c in coefficients.items() if c != 0), shape)

    @cached_property
    def _content(self) -> frozenset[tuple[sp.Expr, tuple[Factor, ...]]]:
        return frozenset((sp.expand(word.coefficient), word.factors) for word in self.words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordSum) and self.shape == other.shape and self._content == other._content

    def __hash__(self) -> int:
        return hash((self.shape, self._content))

    def __str__(self) -> str:
        text = " + ".join(map(str, self.words)).replace("+ -", "- ")
        return text or "0"

    @property
    def factors(self) -> frozenset[Factor]:
        """The named matrices that occur."""
        return frozenset(f.named for word in self.words for f in word.factors)


def as_sum(expression: Algebra) -> WordSum:
    """Return a factor or a word as a sum."""
    if isinstance(expression, WordSum):
        return expression
    if isinstance(expression, Word):
        return WordSum.of((expression,), expression.shape)
    if isinstance(expression, Factor):
        return WordSum((Word(sp.S.One, (expression,), expression.shape),), expression.shape)
    raise InvalidArgument("expression", expression, "must be a Factor, a Word or a WordSum", "name every matrix by a Factor")


def identity(size: Size) -> WordSum:
    """Return the identity matrix."""
    return WordSum((Word(sp.S.One, (), (size, size)),), (size, size))


def zero(rows: Size, cols: Size) -> WordSum:
    """Return the zero matrix."""
    return WordSum((), (rows, cols))


def product(factors: Iterable[Algebra], size: Size) -> WordSum:
    """Product in the order given; of nothing, the identity of the given size."""
    parts = [as_sum(factor) for factor in factors] or [identity(size)]
    words = parts[0].words
    for left, right in pairwise(parts):
        _require_equal(left.shape[1:], right.shape[:1], "product")
        words = tuple(a.times(b) for a in words for b in right.words)
    return WordSum.of(words, (parts[0].shape[0], parts[-1].shape[1]))


def _require_equal(left: tuple[Size, ...], right: tuple[Size, ...], operation: str) -> None:
    if left != right:
        raise ShapeMismatch("shapes", (left, right), f"do not fit in a {operation}", "check the order of the factors and their transposes")
