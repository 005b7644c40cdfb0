"""Wrong tapes are refused or seen, each by its fault, and right ones read nothing before it is written."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product as tuples

import numpy as np
import pytest

from tests.symbolic.tape_sources import sum_words
from theorycheck.errors import ShapeMismatch
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words, factorization_words, symmetric_words
from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes import lowering as lowering
from theorycheck.symbolic.kernels.tapes.assembly import assembled
from theorycheck.symbolic.kernels.tapes.lowering import Lowering, WordMap
from theorycheck.symbolic.kernels.tapes.program import Array, Builder, Program
from theorycheck.symbolic.kernels.tapes.tape import Instruction, Tape, WrongTape

Made = tuple[Program, dict[Array, int]]


def made(source: WordMap, build: Callable[[Lowering], Program], *used: Array) -> Made:
    rows, cols = source.shape(source.derivatives.w)
    lengths = {Array.THETA: source.parameters, Array.SLOPE: rows * cols, Array.CURVATURE: cols**2, Array.DIRECTION: source.parameters}
    return lowering.cheapest(build, source), {array: lengths[array] for array in (Array.THETA, *used)} | {
        Array.CONSTANT: source.entries(source.constants)
    }


GIVEN = (Array.SLOPE, Array.CURVATURE, Array.DIRECTION)
TAPES = {
    "gradient of a chain": made(deep_linear_words((3, 2, 4, 2)), lowering.gradient_program, Array.SLOPE),
    "product of a chain": made(deep_linear_words((2, 3, 2, 2)), lowering.hvp_program, *GIVEN),
    "gradient, sum of words": made(sum_words("U Vᵀ + U Uᵀ C", 2, 3, 2), lowering.gradient_program, Array.SLOPE),
    "product of U Uᵀ": made(symmetric_words(3, 2), lowering.hvp_program, *GIVEN),
    "map of U Vᵀ": made(factorization_words(2, 3, 2), lowering.map_program),
}


def played(tape: Tape, poison: float) -> np.ndarray:
    """Outputs on five lanes, with scratch room full of a number that is not one."""
    inputs = sum(tape.sizes.values())
    M = np.full((tape.room, 5), poison)
    M[:inputs] = np.random.default_rng(2).normal(size=(inputs, 5))
    machine.play(tape.code, tape.numbers, M)
    return M[tape.room - tape.outputs :]


@pytest.mark.parametrize("name", TAPES)
def test_nothing_is_read_before_it_is_written(name: str) -> None:
    tape = assembled(*TAPES[name])
    found = played(tape, np.nan)
    assert np.array_equal(found, played(tape, 7.0))
    assert np.all(np.isfinite(found))


def mutants(tape: Tape) -> list[tuple[Instruction, ...]]:
    """One instruction left out or given twice, another operation, place, inner size or number."""
    old, found = tape.instructions, []
    for i, instruction in enumerate(old):
        changed = [replace(instruction, op=op) for op in range(machine.COUNT) if op != instruction.op]
        used = ("out", "a", "b") if instruction.op in machine.PRODUCTS else ("out",) if instruction.op == machine.CLEAR else ("out", "a")
        changed += [replace(instruction, **{field: getattr(instruction, field) + by}) for field, by in tuples(used, (1, -1, 1000))]
        changed += [replace(instruction, inner=instruction.inner + by) for by in (1, -1)] + [replace(instruction, number=-instruction.number)]
        found += [(*old[:i], *old[i + 1 :])] + [(*old[:i], new, *old[i + 1 :]) for new in changed]
    return found


@pytest.mark.parametrize("name", TAPES)
def test_every_wrong_tape_is_refused_or_gives_other_values(name: str) -> None:
    """All sizes are 2 or more, so no two operations mean the same."""
    tape = assembled(*TAPES[name])
    truth, refused, unseen = played(tape, np.nan), 0, []
    for instructions in mutants(tape):
        try:
            wrong = replace(tape, instructions=instructions)
        except WrongTape:
            refused += 1
        else:
            unseen += [instructions] if np.array_equal(played(wrong, 7.0), truth) else []
    assert unseen == []
    assert refused > len(tape.instructions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.instructions[1:], "reads what has not been written|an output is not written"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], out=t.room)), "leaves the room"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], a=-1)), "leaves the room"),
        (lambda t: (*t.instructions, replace(t.instructions[-1], out=0)), "writes to what is given"),
        (lambda t: (), "an output is not written"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], op=99)), "does not take"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], inner=0)), "does not take"),
    ],
)
def test_the_fault_of_a_refused_tape_is_named(change: Callable[[Tape], tuple[Instruction, ...]], message: str) -> None:
    tape = assembled(*TAPES["gradient of a chain"])
    with pytest.raises(WrongTape, match=message):
        replace(tape, instructions=change(tape))


def test_factors_must_fit() -> None:
    builder = Builder()
    left, right = builder.input(Array.THETA, 0, 2, 3), builder.input(Array.THETA, 6, 2, 3)
    with pytest.raises(ShapeMismatch, match="do not fit in a product"):
        builder.product(left, right)
