"""Tapes: lists of instructions for `interpreter`, checked as they are made.

A tape reads nothing that has not been written, stays in its room, and leaves the arrays it is played on alone, but for θ where it is
made to move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.errors import TheorycheckError
from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes.program import Array


class WrongTape(TheorycheckError):
    """A tape reads what has not been written, or leaves its room: a fault of this project."""


@dataclass(frozen=True)
class Instruction:
    """One row of a tape; see `interpreter` for the meaning of the fields."""

    op: int
    out: int
    a: int = 0
    b: int = 0
    rows: int = 0
    inner: int = 0
    cols: int = 0
    c: int = 0
    number: float = 1.0

    @property
    def row(self) -> tuple[int, ...]:
        """The integers."""
        return (self.op, self.out, self.a, self.b, self.rows, self.inner, self.cols, self.c)

    @property
    def sound(self) -> bool:
        """Whether the fields fit the operation: sizes that it takes and no others, a number where it takes one."""
        sizes = (self.rows, self.cols, self.inner) if self.op in machine.PRODUCTS else (self.rows, self.cols)
        fits = 0 <= self.op < machine.COUNT and min(sizes) > 0 and (self.op in machine.PRODUCTS or self.inner == 0)
        square = self.op != machine.ADD_IDENTITY or self.rows == self.cols
        row = self.op != machine.THROUGH_AND_UPDATE or self.rows == 1
        return fits and square and row and (self.op in machine.WITH_NUMBER or self.number == 1)

    @property
    def reads(self) -> tuple[tuple[int, int], ...]:
        """Ranges read, as first entry and length."""
        size = self.rows * self.cols
        own = () if self.op in machine.SETTING else ((self.out, size),)
        if self.op in machine.PRODUCTS:
            third = ((self.c, self.cols),) if self.op == machine.THROUGH_AND_UPDATE else ()
            return (*own, (self.a, self.rows * self.inner), (self.b, self.inner * self.cols), *third)
        return own if self.op in (machine.CLEAR, machine.ADD_IDENTITY) else (*own, (self.a, size))

    @property
    def writes(self) -> tuple[tuple[int, int], ...]:
        """Ranges written."""
        out = (self.out, self.rows * self.cols)
        return (out, (self.b, self.inner * self.cols)) if self.op == machine.THROUGH_AND_UPDATE else (out,)


@dataclass(frozen=True, eq=False)
class Tape:
    """What the interpreter plays.

    Parameters
    ----------
    instructions : tuple of Instruction
        In order.
    sizes : mapping of Array to int
        Length of each array it is played on; those not named are not used.
    room : int
        Entries in all; the outputs are the last ones.
    outputs : int
        How many of them.
    moves : bool
        Whether it may write to θ.

    Raises
    ------
    WrongTape
        If an instruction makes no sense, reads what is not written, or writes outside its place, or an output is not written.

    """

    instructions: tuple[Instruction, ...]
    sizes: Mapping[Array, int]
    room: int
    outputs: int
    moves: bool = False

    def __post_init__(self) -> None:
        inputs, written = sum(self.sizes.values()), np.zeros(self.room, dtype=bool)
        written[:inputs] = True
        for i, instruction in enumerate(self.instructions):
            if not instruction.sound:
                raise WrongTape(f"instruction {i} has sizes or a number that its operation does not take: {instruction}")
            if any(start < 0 or start + length > self.room for start, length in (*instruction.reads, *instruction.writes)):
                raise WrongTape(f"instruction {i} leaves the room of {self.room}: {instruction}")
            if not all(written[start : start + length].all() for start, length in instruction.reads):
                raise WrongTape(f"instruction {i} reads what has not been written: {instruction}")
            for start, length in instruction.writes:
                if start < inputs and not (self.moves and start + length <= self.sizes[Array.THETA]):
                    raise WrongTape(f"instruction {i} writes to what is given: {instruction}")
                written[start : start + length] = True
        if not written[self.room - self.outputs :].all():
            raise WrongTape("an output is not written")

    @cached_property
    def code(self) -> np.ndarray:
        """The instructions as integers, shape ``(n, 8)``."""
        return np.array([i.row for i in self.instructions], dtype=np.int64).reshape(-1, 8)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The number beside every instruction, shape ``(n,)``."""
        return np.array([i.number for i in self.instructions], dtype=float)
