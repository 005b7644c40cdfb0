"""Values of words: NumPy arrays (also stacked along leading axes), exact arrays (dtype object), or SymPy matrices.

Integers and fractions stay exact: arrays of integers are computed with Python's unbounded integers. One array of floats among
the values makes everything float.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words.calculus import KroneckerSum, KroneckerTerm
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, Size, Word, as_sum


def evaluate(
    expression: Algebra | KroneckerSum,
    values: Mapping[Factor, Any],
    scalars: Mapping[sp.Symbol, Any] | None = None,
) -> Any:
    """Value of a sum of words, or of a matrix of Kronecker products.

    Parameters
    ----------
    expression : Factor, Word, WordSum or KroneckerSum
        What is evaluated.
    values : mapping of Factor to array_like or sympy Matrix
        A value, shape ``(..., rows, cols)``, for every named matrix; sizes given by symbols are read off the shapes.
    scalars : mapping of Symbol to number, optional
        Values of the symbols in the coefficients.

    Returns
    -------
    ndarray or sympy Matrix
        A SymPy matrix iff one of the values is.

    Raises
    ------
    InvalidArgument
        If a matrix or a size has no value.
    ShapeMismatch
        If two values disagree about a size.

    """
    return Point(values, scalars).evaluate(expression)


class Point:
    """Values of the named matrices, checked and converted once, at which many expressions are evaluated."""

    def __init__(self, values: Mapping[Factor, Any], scalars: Mapping[sp.Symbol, Any] | None = None) -> None:
        self.symbolic = any(isinstance(value, sp.MatrixBase) for value in values.values())
        self.scalars = dict(scalars or {})
        arrays = {factor.named: _array(value) for factor, value in values.items()}
        self.exact = all(array.dtype.kind != "f" for array in arrays.values())
        self.arrays = {factor: array.astype(object if self.exact else float) for factor, array in arrays.items()}
        self.sizes = _sizes(self.arrays)

    def evaluate(self, expression: Algebra | KroneckerSum) -> Any:
        """Value of one expression; see `evaluate`."""
        array = self._kronecker_sum(expression) if isinstance(expression, KroneckerSum) else self._word_sum(expression)
        return sp.Matrix(array) if self.symbolic else array

    def size(self, size: Size) -> int:
        """Value of a size."""
        if isinstance(size, int):
            return size
        if size not in self.sizes:
            raise InvalidArgument("values", str(size), "is a size no given matrix has", "give a value to a matrix of that size")
        return self.sizes[size]

    def _word_sum(self, expression: Algebra) -> np.ndarray:
        total = as_sum(expression)
        terms = [self._number(word.coefficient) * self._product(word) for word in total.words]
        return sum(terms[1:], terms[0]) if terms else self._zeros([self.size(s) for s in total.shape])

    def _kronecker_sum(self, block: KroneckerSum) -> np.ndarray:
        source = [self.size(s) for s in block.direction.shape]
        terms = [self._kronecker_term(term, source) for term in block.terms]
        return sum(terms[1:], terms[0]) if terms else self._zeros([prod(self.size(s) for s in block.target), prod(source)])

    def _kronecker_term(self, term: KroneckerTerm, source: list[int]) -> np.ndarray:
        left, right = self._product(term.left), self._product(term.right)
        blocks = left[..., :, None, :, None] * right[..., None, :, None, :]
        matrix = blocks.reshape(*blocks.shape[:-4], blocks.shape[-4] * blocks.shape[-3], -1)
        if term.commuted:  # times K: column (a, b) of the product is column (b, a) of the matrix
            matrix = np.swapaxes(matrix.reshape(*matrix.shape[:-1], *source[::-1]), -1, -2).reshape(matrix.shape)
        return self._number(term.coefficient) * matrix

    def _product(self, word: Word) -> np.ndarray:
        value: np.ndarray | None = None
        for factor in word.factors:
            matrix = self._value(factor)
            value = matrix if value is None else value @ matrix
        if value is not None:
            return value
        n = self.size(word.shape[0])
        return np.array([[int(i == j) for j in range(n)] for i in range(n)], dtype=object if self.exact else float)

    def _value(self, factor: Factor) -> np.ndarray:
        if factor.named not in self.arrays:
            raise InvalidArgument("values", str(factor.named), "has no value", "give a value to every named matrix")
        array = self.arrays[factor.named]
        return np.swapaxes(array, -1, -2) if factor.transposed else array

    def _number(self, coefficient: sp.Expr) -> Any:
        number = sp.sympify(coefficient).subs(self.scalars) if self.scalars else coefficient
        if not self.exact:
            return float(number)
        if number.is_Rational:
            return int(number) if number.is_Integer else Fraction(int(number.p), int(number.q))
        return number

    def _zeros(self, shape: list[int]) -> np.ndarray:
        return np.full(shape, 0, dtype=object if self.exact else float)


def _array(value: Any) -> np.ndarray:
    array = np.array(value.tolist(), dtype=object).reshape(value.shape) if isinstance(value, sp.MatrixBase) else np.asarray(value)
    if array.ndim < 2:
        raise ShapeMismatch("value.shape", array.shape, "must have rows and columns", "pass a vector as a matrix of one row or column")
    return array


def _sizes(arrays: Mapping[Factor, np.ndarray]) -> dict[Size, int]:
    sizes: dict[Size, int] = {}
    for factor, array in arrays.items():
        for size, number in zip(factor.shape, array.shape[-2:], strict=True):
            expected = size if isinstance(size, int) else sizes.setdefault(size, number)
            if expected != number:
                raise ShapeMismatch(f"{factor}.shape", array.shape, f"disagrees: the size {size} is {expected} elsewhere", "check the shapes")
    return sizes
