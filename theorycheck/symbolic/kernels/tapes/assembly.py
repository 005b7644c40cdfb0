"""From programs to tapes: where every slot stands, and in which order the work is done.

`assembled` writes the outputs of a program; `descent` subtracts them from the parameters where they stand, each parameter after its
last use, and joins a product with the update of its matrix in one sweep where they stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes.program import Array, Program, Ref, Slot, Term
from theorycheck.symbolic.kernels.tapes.tape import Instruction, Tape


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the slots of a program begin.

    Parameters
    ----------
    program : Program
        Its slots.
    places : mapping of int to int
        For computed slots, the first entry.
    starts : mapping of Array to int
        For the arrays, the first entry.
    room : int
        Entries in all.

    """

    program: Program
    places: Mapping[int, int]
    starts: Mapping[Array, int]
    room: int

    @classmethod
    def of(cls, program: Program, sizes: Mapping[Array, int], slots: Sequence[int]) -> Layout:
        """Arrays first, in their order; then the given slots, in theirs."""
        starts, end = {}, 0
        for array in sorted(sizes):
            starts[array], end = end, end + sizes[array]
        places = {}
        for number in slots:
            places[number], end = end, end + program.slots[number].size
        return cls(program, places, starts, end)

    def at(self, number: int) -> int:
        """First entry of a slot."""
        root = self.program.root(number)
        slot = self.program.slots[root]
        return self.places[root] if slot.array is None else self.starts[slot.array] + slot.offset

    def written(self, number: int) -> list[Instruction]:
        """What computes a slot: its first term is set where it can be, else added to zeros like the others."""
        slot, at = self.program.slots[number], self.at(number)
        terms = [self.added(term, slot, at) for term in sorted(slot.terms, key=lambda term: not term.factors)]
        if terms and terms[0].op in _FRESH:
            return [replace(terms[0], op=_FRESH[terms[0].op]), *terms[1:]]
        return [Instruction(machine.CLEAR, at, rows=slot.rows, cols=slot.cols), *terms]

    def added(self, term: Term, slot: Slot, at: int) -> Instruction:
        """What adds a term to a matrix of the shape of a slot that begins at a place."""
        made = Instruction(machine.ADD_IDENTITY, at, rows=slot.rows, cols=slot.cols, number=term.coefficient)
        if not term.factors:
            return made
        places = [self.at(factor.slot) for factor in term.factors]
        if len(places) == 1:
            return replace(made, op=machine.ADD_TRANSPOSED if term.flags[0] else machine.ADD, a=places[0])
        left = self.program.slots[term.factors[0].slot]
        inner = left.rows if term.flags[0] else left.cols
        return replace(made, op=_PRODUCTS[term.flags], a=places[0], b=places[1], inner=inner)


_FRESH = {
    machine.PLAIN: machine.PLAIN_FRESH,
    machine.RIGHT_TRANSPOSED: machine.RIGHT_TRANSPOSED_FRESH,
    machine.LEFT_TRANSPOSED: machine.LEFT_TRANSPOSED_FRESH,
    machine.ADD: machine.FRESH,
}
_PRODUCTS: dict[tuple[bool, ...], int] = {
    (False, False): machine.PLAIN,
    (False, True): machine.RIGHT_TRANSPOSED,
    (True, False): machine.LEFT_TRANSPOSED,
}


def assembled(program: Program, sizes: Mapping[Array, int]) -> Tape:
    """The tape that computes the outputs of a program, on arrays of the given sizes."""
    size = sum(program.slots[n].size for n in program.outputs)
    in_place = len(set(program.outputs)) == len(program.outputs) and all(is_computed(program.slots[n]) for n in program.outputs)
    body = [n for n in program.needed if is_computed(program.slots[n])]
    last = program.outputs if in_place else ()
    layout = Layout.of(program, sizes, [*(n for n in body if n not in last), *last])
    instructions = [instruction for number in body for instruction in layout.written(number)]
    if in_place:
        return Tape(tuple(instructions), dict(sizes), layout.room, size)
    end = layout.room
    for number in program.outputs:  # an output that is given, a view, or asked for twice is copied
        slot = program.slots[number]
        instructions.append(Instruction(machine.FRESH, end, a=layout.at(number), rows=slot.rows, cols=slot.cols))
        end += slot.size
    return Tape(tuple(instructions), dict(sizes), end, size)


def descent(program: Program, sizes: Mapping[Array, int]) -> Tape:
    """The tape that subtracts the outputs of a program from the trained matrices, one output for each, in the order of θ."""
    trained = sorted((n for n, slot in enumerate(program.slots) if slot.array is Array.THETA), key=lambda n: program.slots[n].offset)
    updates = _in_order([_Update.of(program, layer, output) for layer, output in zip(trained, program.outputs, strict=True)])
    direct = {update.output for update in updates if update.direct}
    body = [n for n in program.needed if is_computed(program.slots[n]) and n not in direct]
    layout = Layout.of(program, sizes, body)
    after: list[list[_Update]] = [[] for _ in range(len(body) + 1)]  # the first list stands before the body
    positions: list[int] = []
    for i, update in enumerate(updates):
        earlier = [positions[j] for j in range(i) if update.layer in updates[j].reads]
        uses = [k for k, n in enumerate(body, 1) if n in update.reads or update.layer in map(program.root, program.slots[n].reads)]
        positions.append(max([0, *earlier, *uses]))
        after[positions[-1]].append(update)
    instructions: list[Instruction] = []
    for number, following in zip([None, *body], after, strict=True):
        instructions += [] if number is None else layout.written(number)
        for update in following:
            instructions += [layout.added(term, program.slots[update.layer], layout.at(update.layer)) for term in update.terms]
    return Tape(tuple(_joined(instructions)), dict(sizes), layout.room, 0, moves=True)


@dataclass(frozen=True)
class _Update:
    """The subtraction of an output from a layer: of its terms, if `direct`, else of the slot."""

    program: Program
    layer: int
    output: int
    direct: bool

    @classmethod
    def of(cls, program: Program, layer: int, output: int) -> _Update:
        """Direct where the terms take a number in front, and neither read the layer nor are read as a slot."""
        slot = program.slots[output]
        fits = is_computed(slot) and all(len(term.factors) < 2 or _can_be_fresh(term) for term in slot.terms)
        read = any(output in map(program.root, program.slots[n].reads) for n in program.needed) or program.outputs.count(output) > 1
        update = cls(program, layer, output, True)
        return update if fits and not read and layer not in update.reads else replace(update, direct=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """What is added to the layer."""
        if not self.direct:
            return (Term(-1.0, (Ref(self.output),)),)
        return tuple(Term(-term.coefficient, term.factors) for term in self.program.slots[self.output].terms)

    @property
    def reads(self) -> set[int]:
        """Slots whose storage it reads."""
        return {self.program.root(factor.slot) for term in self.terms for factor in term.factors}


def _in_order(updates: list[_Update]) -> list[_Update]:
    """An order in which none moves what a later one reads; where there is none, an output is computed before all of them."""
    waiting, ordered = list(updates), []
    while waiting:
        free = [u for u in waiting if not any(u.layer in other.reads for other in waiting if other is not u)]
        if free:
            ordered.append(free[0])
            waiting.remove(free[0])
        else:
            first = next(i for i, u in enumerate(waiting) if u.direct)
            waiting[first] = replace(waiting[first], direct=False)
    return ordered


def _joined(instructions: list[Instruction]) -> list[Instruction]:
    """h ↦ h Wᵀ followed by W -= qᵀ h, as one instruction."""
    done: list[Instruction] = []
    for update in instructions:
        through = done[-1] if done else update
        alike = through.op == machine.RIGHT_TRANSPOSED_FRESH and through.rows == 1 and (through.b, through.a) == (update.out, update.b)
        if alike and update.op == machine.LEFT_TRANSPOSED and update.number == -1 and update.inner == 1:
            done[-1] = replace(through, op=machine.THROUGH_AND_UPDATE, c=update.a)
        else:
            done.append(update)
    return done


def is_computed(slot: Slot) -> bool:
    """Whether a slot is the sum of its terms."""
    return slot.array is None and slot.viewed is None


def _can_be_fresh(term: Term) -> bool:
    return term.flags in ((False,), (True, False))
