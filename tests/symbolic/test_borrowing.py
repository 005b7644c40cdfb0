"""Compiled functions that do not count the arrays they are given: none of them may make an array, or be handed one of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import theorycheck
from theorycheck.symbolic.kernels.compiled import borrowing, compiled

KERNELS = Path(theorycheck.__file__).parent / "symbolic" / "kernels"
NUMBERS = {"None", "float", "int", "bool", "tuple[int, int]"}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Compiled functions with their decorators."""
    for file in KERNELS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield from ((d.id, node) for d in node.decorator_list if isinstance(d, ast.Name) and d.id in ("compiled", "borrowing"))


def test_functions_that_borrow_return_numbers_and_call_nothing_that_returns_arrays():
    """An array from a counting function would never be given back, and one handed to such a function would be given back twice."""
    found = list(functions())
    owners = {node.name for _, node in found if ast.unparse(node.returns) not in NUMBERS}
    borrowers = [node for kind, node in found if kind == "borrowing"]
    assert len(borrowers) > 30
    for node in borrowers:
        assert ast.unparse(node.returns) in NUMBERS, node.name
        called = {call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
        assert not called & owners, node.name


@borrowing
def summed(values: np.ndarray) -> float:
    total = 0.0
    for row in range(values.shape[0]):
        part = values[row]
        for column in range(part.size):
            total += part[column]
    return total


@compiled
def summed_often(rows: int) -> float:
    total = 0.0
    for _ in range(1000):
        values = np.ones((rows, 3))
        total += summed(values) + summed(values[1:])
    return total


def test_arrays_live_as_long_as_their_owner():
    values = np.ones((4, 3))
    assert summed(values) == 12.0
    assert summed_often(4) == 1000 * (12.0 + 9.0)
    assert summed(values) == 12.0


def test_what_needs_counting_does_not_compile():
    @borrowing
    def made(n: int) -> float:
        return np.ones(n)[0]

    with pytest.raises(TypingError):
        made(3)
