"""Programs on arrays of exact or enclosed numbers: slot by slot in plain NumPy, for dtype object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from theorycheck.symbolic.kernels.tapes.program import Array, Program, Ref, Slot, Term


def evaluated(program: Program, arrays: Mapping[Array, np.ndarray]) -> np.ndarray:
    """Outputs of a program, one row an instance, shape ``(B, m)``.

    Parameters
    ----------
    program : Program
        What is computed.
    arrays : mapping of Array to ndarray, each of shape ``(B, size)`` or ``(1, size)``
        What it is computed from.

    """
    values: dict[int, np.ndarray] = {}
    for number in program.needed:
        slot = program.slots[number]
        if slot.array is not None:
            values[number] = arrays[slot.array][:, slot.offset : slot.offset + slot.size].reshape(-1, slot.rows, slot.cols)
        elif slot.viewed is not None:
            values[number] = values[slot.viewed].reshape(-1, slot.rows, slot.cols)
        else:
            terms = [_value(term, slot, values) for term in slot.terms]
            values[number] = reduce(np.add, terms, np.full((1, slot.rows, slot.cols), 0, dtype=object))
    B = len(arrays[Array.THETA])
    flat = [values[n].reshape(len(values[n]), -1) for n in program.outputs]
    return np.concatenate([np.broadcast_to(part, (B, part.shape[1])) for part in flat], axis=1)


def _value(term: Term, slot: Slot, values: Mapping[int, np.ndarray]) -> np.ndarray:
    number: Any = int(term.coefficient) if term.coefficient.is_integer() else term.coefficient
    if not term.factors:
        unit = np.array([[int(i == j) for j in range(slot.cols)] for i in range(slot.rows)], dtype=object)
        return number * unit[None]
    product = reduce(np.matmul, [_matrix(factor, values) for factor in term.factors])
    return product if number == 1 else number * product


def _matrix(ref: Ref, values: Mapping[int, np.ndarray]) -> np.ndarray:
    return np.swapaxes(values[ref.slot], 1, 2) if ref.transposed else values[ref.slot]
