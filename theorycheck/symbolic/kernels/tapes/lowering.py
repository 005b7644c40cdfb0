"""Lowering of matrix words: folds outward from the gradient G of the risk in w, so that words share their partial products.

A gradient is a sum of words L G R. The factors of L are multiplied from G outward, and so are those of R; G itself joins the side on
which it is cheaper at the sizes at hand. The words of a chain then share all partial products, and with a row or a column for G every
product is one of a vector with a matrix. No word is bracketed by itself: at depth 10 that would need 90 products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from theorycheck.symbolic.kernels.tapes.program import Array, Builder, Program, Ref, Tangents, Term
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, WordSum, differential, read_gradient, zero
from theorycheck.symbolic.matrix_words.words import Size, Word


@dataclass(frozen=True, eq=False)
class WordMap:
    """A map θ -> w given by words, at particular sizes.

    Parameters
    ----------
    derivatives : MapDerivatives
        w as a sum of words, differentiated in its layers.
    trained : tuple of Factor
        What θ holds, each flattened row by row.
    sizes : mapping of Symbol to int
        Values of the sizes.
    definitions : mapping of Factor to WordSum
        Layers of the words that are words in the trained matrices, such as W_k = I + V_k; other layers are trained themselves.
    constants : tuple of Factor
        Matrices that are neither; their values are given when a tape is played.

    """

    derivatives: MapDerivatives
    trained: tuple[Factor, ...]
    sizes: Mapping[Size, int]
    definitions: Mapping[Factor, WordSum]
    constants: tuple[Factor, ...]

    def size(self, size: Size) -> int:
        """A size as a number."""
        return size if isinstance(size, int) else self.sizes[size]

    def shape(self, words: Factor | WordSum) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = words.shape
        return self.size(rows), self.size(cols)

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        return self.entries(self.trained)

    def entries(self, matrices: Sequence[Factor]) -> int:
        """Number of entries of some matrices together."""
        return sum(prod(self.shape(matrix)) for matrix in matrices)

    @cached_property
    def gradient(self) -> tuple[WordSum, ...]:
        """∇R, one sum of words a trained matrix: the gradients in the layers, through their definitions."""
        return tuple(self._through_definitions(matrix) for matrix in self.trained)

    def _through_definitions(self, matrix: Factor) -> WordSum:
        total, direction = zero(*matrix.shape), Factor("direction", matrix.rows, matrix.cols)
        for layer, gradient in zip(self.derivatives.layers, self.derivatives.gradient, strict=True):
            if layer == matrix:
                total = total + gradient
            elif layer in self.definitions:
                total = total + read_gradient(differential(self.definitions[layer], {matrix: direction}), direction, gradient)
        return total


class Lowering:
    """Slots for the words of a map; `G_first` says whether G joins the factors on its left.

    With `flattened`, the Hessian of the risk in w is any symmetric matrix on the entries of w row by row, else I ⊗ K.
    """

    def __init__(self, source: WordMap, *, G_first: bool, flattened: bool = False) -> None:
        self.source, self.G_first, self.flattened = source, G_first, flattened
        self.builder = Builder()
        self._values: dict[Factor, Ref] = {}
        self._fill(Array.THETA, source.trained)
        self._fill(Array.CONSTANT, source.constants)
        self.G = source.derivatives.gradient_in_w

    @property
    def w(self) -> Ref:
        """The map."""
        return self.lowered(self.source.derivatives.w)

    @property
    def slope(self) -> Ref:
        """G as an input."""
        return self.builder.input(Array.SLOPE, 0, *self.source.shape(self.G))

    def gradient(self, G: Ref) -> list[Ref]:
        """One matrix a trained matrix, for G in a slot."""
        self._values[self.G] = G
        return [self.lowered(words) for words in self.source.gradient]

    def curved(self, w: Ref) -> Ref:
        """The Hessian of the risk in w, applied to a matrix of the shape of w."""
        return self._affine(w, [])

    def slope_of_squared_loss(self) -> Ref:
        """G = w S - C, with S for the curvature and C for the slope among the arrays."""
        return self._affine(self.w, [Term(-1.0, (self.slope,))])

    def _affine(self, w: Ref, others: list[Term]) -> Ref:
        rows, cols = self.builder.shape(w)
        if not self.flattened:
            curvature = self.builder.input(Array.CURVATURE, 0, cols, cols)
            return self.builder.total([*others, Term(1.0, (w, curvature))], rows, cols)
        m = rows * cols
        flat = [Term(t.coefficient, (self.builder.reshaped(t.factors[0], 1, m),)) for t in others]
        curvature = self.builder.input(Array.CURVATURE, 0, m, m)
        curved = self.builder.total([*flat, Term(1.0, (self.builder.reshaped(w, 1, m), curvature))], 1, m)
        return self.builder.reshaped(curved, rows, cols)

    def directions(self, start: int = 0) -> dict[int, Ref]:
        """For every trained matrix, a direction of its shape, as inputs from a place in their array on."""
        seeds, offset = {}, start
        for matrix in self.source.trained:
            rows, cols = self.source.shape(matrix)
            seeds[self._values[matrix].slot] = Ref(self.builder.input(Array.DIRECTION, offset, rows, cols).slot)
            offset += rows * cols
        return seeds

    def lowered(self, words: WordSum) -> Ref:
        """A sum of words, stored row by row."""
        terms = [self._term(word) for word in words.words]
        return self.builder.total(terms, *self.source.shape(words))

    def _term(self, word: Word) -> Term:
        coefficient, places = float(word.coefficient), [i for i, f in enumerate(word.factors) if f.named == self.G]
        if not places:
            return Term(coefficient, self._ends(word.factors, leftward=self.G_first))
        (i,) = places
        if word.factors[i].transposed and not word.factors[i].symmetric:
            turned = self._term(word.flipped)
            return Term(coefficient, tuple(self.builder.flip(factor) for factor in reversed(turned.factors)))
        cut = i + 1 if self.G_first else i
        left, right = word.factors[:cut], word.factors[cut:]
        if not left or not right:
            return Term(coefficient, self._ends(left + right, leftward=not right))
        return Term(coefficient, (self._fold(left, leftward=True), self._fold(right, leftward=False)))

    def _ends(self, factors: tuple[Factor, ...], *, leftward: bool) -> tuple[Ref, ...]:
        """The two factors of the last product of a fold."""
        if len(factors) < 2:
            return tuple(map(self._value, factors))
        if leftward:
            return self._value(factors[0]), self._fold(factors[1:], leftward=True)
        return self._fold(factors[:-1], leftward=False), self._value(factors[-1])

    def _fold(self, factors: tuple[Factor, ...], *, leftward: bool) -> Ref:
        """The product, factor by factor from one end."""
        ends = self._ends(factors, leftward=leftward)
        return ends[0] if len(ends) == 1 else self.builder.product(*ends)

    def _value(self, factor: Factor) -> Ref:
        named = factor.named
        if named not in self._values:
            self._values[named] = self.lowered(self.source.definitions[named])
        return self.builder.flip(self._values[named]) if factor.transposed else self._values[named]

    def _fill(self, array: Array, matrices: Sequence[Factor]) -> None:
        offset = 0
        for matrix in matrices:
            rows, cols = self.source.shape(matrix)
            self._values[matrix] = self.builder.input(array, offset, rows, cols)
            offset += rows * cols


def map_program(lowering: Lowering) -> Program:
    """Program of θ -> w."""
    return lowering.builder.program([lowering.w])


def gradient_program(lowering: Lowering) -> Program:
    """Program of (θ, G) -> JᵀG."""
    return lowering.builder.program(lowering.gradient(lowering.slope))


def tangent_program(lowering: Lowering) -> Program:
    """Program of (θ, v) -> J v: the tangent of the map."""
    w = lowering.w
    moved = Tangents(lowering.builder, lowering.directions()).along(w)
    return lowering.builder.program([moved or lowering.builder.total([], *lowering.builder.shape(w))])


def second_program(lowering: Lowering) -> Program:
    """Program of (θ, u, v) -> D²w(θ)[u, v], the second differential as a bilinear form: the tangent of the tangent."""
    w, builder = lowering.w, lowering.builder
    moved = Tangents(builder, lowering.directions()).along(w)
    twice = None if moved is None else Tangents(builder, lowering.directions(lowering.source.parameters)).along(moved)
    return builder.program([twice or builder.total([], *builder.shape(w))])


def hvp_program(lowering: Lowering) -> Program:
    """Program of (θ, G, K, v) -> Hessian times v: the tangent of the gradient, with dG = dw K."""
    builder, G, w = lowering.builder, lowering.slope, lowering.w
    gradients = lowering.gradient(G)
    tangents = Tangents(builder, lowering.directions())
    moved = tangents.along(w)
    if moved is not None:
        tangents.seeds[G.slot] = _as_stored(builder, lowering.curved(moved), G)
    found = [tangents.along(gradient) or builder.total([], *builder.shape(gradient)) for gradient in gradients]
    return builder.program(found)


def step_program(lowering: Lowering) -> Program:
    """Program of (θ, C, S) -> JᵀG at G = w S - C: what gradient descent on the squared loss subtracts, the step folded into S and C."""
    return lowering.builder.program(lowering.gradient(lowering.slope_of_squared_loss()))


def cheapest(build: Callable[[Lowering], Program], source: WordMap, *, flattened: bool = False) -> Program:
    """The program with fewer multiplications of the two that take G to one side or the other."""
    programs = [build(Lowering(source, G_first=G_first, flattened=flattened)) for G_first in (False, True)]
    return min(programs, key=lambda program: program.cost)


def _as_stored(builder: Builder, ref: Ref, like: Ref) -> Ref:
    """A slot that holds, as stored, what `ref` is to `like`."""
    return builder.stored(builder.flip(ref) if like.transposed else ref)
