"""Programs: sums of products of matrices as a list of slots, each computed from earlier ones; and their tangents.

A slot is stored row by row; it is an input, a view of another slot in another shape, or a sum of terms. A `Ref` is a slot or its
transpose. Equal slots are one, so what two words share is computed once. Three products are offered, X Y, X Yᵀ and Xᵀ Y, and
every product is brought into one of them, turning the result where needed: (XᵀYᵀ) is kept as Y X. A matrix with one column is stored as
a row, so a product with a vector is always a row times a matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from theorycheck.errors import ShapeMismatch


class Array(IntEnum):
    """The arrays a tape is played on, one row an instance; each holds matrices flattened row by row."""

    THETA = 0
    SLOPE = 1  # G
    CURVATURE = 2  # K
    DIRECTION = 3  # one vector of the length of θ, or two
    CONSTANT = 4


@dataclass(frozen=True)
class Ref:
    """A slot by its number, or its transpose."""

    slot: int
    transposed: bool = False


@dataclass(frozen=True)
class Term:
    """A number times a product of two matrices, times one matrix, or times the identity."""

    coefficient: float
    factors: tuple[Ref, ...]

    @property
    def flags(self) -> tuple[bool, ...]:
        """Which factors are transposed."""
        return tuple(factor.transposed for factor in self.factors)


@dataclass(frozen=True)
class Slot:
    """One matrix of a program.

    Parameters
    ----------
    rows, cols : int
        Shape as stored.
    terms : tuple of Term
        Its value, for a computed slot.
    array, offset : Array and int, optional
        Where it stands, for an input.
    viewed : int, optional
        The slot whose entries it reads in another shape.

    """

    rows: int
    cols: int
    terms: tuple[Term, ...] = ()
    array: Array | None = None
    offset: int = 0
    viewed: int | None = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.rows * self.cols

    @property
    def reads(self) -> tuple[int, ...]:
        """Numbers of the slots it is computed from."""
        own = () if self.viewed is None else (self.viewed,)
        return own + tuple(factor.slot for term in self.terms for factor in term.factors)


@dataclass(frozen=True)
class Program:
    """Slots in an order in which they can be computed, and which of them are the outputs, stored one after the other."""

    slots: tuple[Slot, ...]
    outputs: tuple[int, ...]

    @property
    def needed(self) -> tuple[int, ...]:
        """Slots that the outputs depend on, in order."""
        wanted = set(self.outputs)
        for number in reversed(range(len(self.slots))):
            if number in wanted:
                wanted.update(self.slots[number].reads)
        return tuple(sorted(wanted))

    @property
    def cost(self) -> int:
        """Multiplications of an instance."""
        return sum(self._work(term, self.slots[number]) for number in self.needed for term in self.slots[number].terms)

    def root(self, number: int) -> int:
        """The slot whose storage a slot shares."""
        viewed = self.slots[number].viewed
        return number if viewed is None else self.root(viewed)

    def _work(self, term: Term, slot: Slot) -> int:
        if len(term.factors) < 2:
            return slot.size
        left = self.slots[term.factors[0].slot]
        return slot.size * (left.rows if term.factors[0].transposed else left.cols)


class Builder:
    """A program in the making: every call returns a reference to a slot, new or known."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._known: dict[Slot, int] = {}

    def shape(self, ref: Ref) -> tuple[int, int]:
        """Rows and columns of what is referred to."""
        slot = self.slots[ref.slot]
        return (slot.cols, slot.rows) if ref.transposed else (slot.rows, slot.cols)

    def flip(self, ref: Ref) -> Ref:
        """The transpose."""
        return ref if self.slots[ref.slot].size == 1 else Ref(ref.slot, not ref.transposed)

    def input(self, array: Array, offset: int, rows: int, cols: int) -> Ref:
        """A matrix of an array, flattened row by row from `offset` on."""
        column = cols == 1 and rows > 1
        ref = self._slot(Slot(cols, rows, array=array, offset=offset) if column else Slot(rows, cols, array=array, offset=offset))
        return self.flip(ref) if column else ref

    def reshaped(self, ref: Ref, rows: int, cols: int) -> Ref:
        """The same entries, row by row, in another shape."""
        plain = self.stored(ref)
        column = cols == 1 and rows > 1
        view = self._slot(Slot(cols, rows, viewed=plain.slot) if column else Slot(rows, cols, viewed=plain.slot))
        return self.flip(view) if column else view

    def stored(self, ref: Ref) -> Ref:
        """A slot whose entries, as stored, are those of the reference row by row: columns are stored as rows, others copied if transposed."""
        rows, cols = self.shape(ref)
        if not ref.transposed or min(rows, cols) == 1:
            return Ref(ref.slot)
        return self._slot(Slot(rows, cols, (Term(1.0, (ref,)),)))

    def product(self, left: Ref, right: Ref) -> Ref:
        """The product, turned so that the left factor as stored is the thinner one."""
        (rows, inner), (other, cols) = self.shape(left), self.shape(right)
        if inner != other:
            raise ShapeMismatch("shapes", (self.shape(left), self.shape(right)), "do not fit in a product", "check the order of the factors")
        flags = (left.transposed, right.transposed)
        turned = flags == (True, True) or (flags != (False, False) and rows > cols)
        if (cols == 1 and rows > 1) or (turned and not (rows == 1 and cols > 1)):
            return self.flip(self._slot(Slot(cols, rows, (Term(1.0, (self.flip(right), self.flip(left))),))))
        return self._slot(Slot(rows, cols, (Term(1.0, (left, right)),)))

    def total(self, terms: Sequence[Term], rows: int, cols: int) -> Ref:
        """The sum of terms of one shape, stored row by row as it stands (a column as a row)."""
        if cols == 1 and rows > 1:
            return self.flip(self._slot(Slot(cols, rows, tuple(self._fitting(self._flipped(term)) for term in terms))))
        return self._slot(Slot(rows, cols, tuple(map(self._fitting, terms))))

    def computed(self, terms: Sequence[Term], like: Ref) -> Ref:
        """The sum of terms in the shape of a slot as it is stored."""
        slot = self.slots[like.slot]
        return self._slot(Slot(slot.rows, slot.cols, tuple(map(self._fitting, terms))))

    def program(self, outputs: Sequence[Ref]) -> Program:
        """The program that computes the outputs, each stored row by row."""
        numbers = tuple(self.stored(ref).slot for ref in outputs)
        return Program(tuple(self.slots), numbers)

    def _flipped(self, term: Term) -> Term:
        return Term(term.coefficient, tuple(self.flip(factor) for factor in reversed(term.factors)))

    def _fitting(self, term: Term) -> Term:
        """A term whose product is one of the three; a number in front is taken by Xᵀ Y only, and by single matrices."""
        flags = term.flags
        if len(flags) < 2 or flags == (True, False) or (flags != (True, True) and term.coefficient == 1):
            return term
        return Term(term.coefficient, (self.product(*term.factors),))

    def _slot(self, slot: Slot) -> Ref:
        if slot not in self._known:
            self._known[slot] = len(self.slots)
            self.slots.append(slot)
        return Ref(self._known[slot])


class Tangents:
    """Derivatives of the slots of a builder along given directions of its inputs, by the product rule, slot by slot.

    Parameters
    ----------
    builder : Builder
        Holds the slots; the tangents are added to it.
    seeds : mapping of int to Ref
        For input slots, the slot of the direction, as stored; inputs without a direction are constant. More may be added to
        `seeds` as long as nothing that depends on them has been asked for.

    """

    def __init__(self, builder: Builder, seeds: Mapping[int, Ref]) -> None:
        self.builder, self.seeds = builder, dict(seeds)
        self._found: dict[int, Ref | None] = {}

    def along(self, ref: Ref) -> Ref | None:
        """Derivative of what is referred to; none if it is zero."""
        found = self._of(ref.slot)
        return found if found is None or not ref.transposed else self.builder.flip(found)

    def _of(self, number: int) -> Ref | None:
        if number in self.seeds:
            return self.seeds[number]
        if number not in self._found:
            self._found[number] = self._derived(number)
        return self._found[number]

    def _derived(self, number: int) -> Ref | None:
        slot = self.builder.slots[number]
        if slot.viewed is not None:
            inner = self._of(slot.viewed)
            return None if inner is None else self.builder.reshaped(inner, slot.rows, slot.cols)
        terms = [Term(term.coefficient, factors) for term in slot.terms for factors in self._moved(term)]
        return self.builder.computed(terms, Ref(number)) if terms else None

    def _moved(self, term: Term) -> list[tuple[Ref, ...]]:
        moved = []
        for i, factor in enumerate(term.factors):
            tangent = self.along(factor)
            if tangent is not None:
                moved.append((*term.factors[:i], tangent, *term.factors[i + 1 :]))
        return moved
