"""Neighbouring lanes of blocks, and how the functions that run over them are written.

A compiler keeps sums in memory when its inner loop runs over lanes. Here eight lanes (then four, two, one of the rest) are taken at a
time, and the sums of `TILE` rows or columns stay in registers. Arrays are C-contiguous with one column a lane: entry p of lane l is
``block[p, l]``; a matrix is such entries row by row. Functions are written once for all sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

WIDTHS, TILE = (8, 4, 2, 1), 4
INTEGER, DOUBLE = ir.IntType(64), ir.DoubleType()
POINTER = DOUBLE.as_pointer()


class Lanes:
    """Some neighbouring lanes of blocks that have the same number of columns."""

    def __init__(self, builder: Any, columns: Any, first: Any, width: int) -> None:
        self.builder, self.columns, self.first = builder, columns, first
        self.kind = ir.VectorType(DOUBLE, width) if width > 1 else DOUBLE

    def at(self, data: Any, row: Any) -> Any:
        """Where the lanes of a row are."""
        place = self.builder.add(self.builder.mul(row, self.columns), self.first)
        return self.builder.bitcast(self.builder.gep(data, [place]), self.kind.as_pointer())

    def load(self, data: Any, row: Any) -> Any:
        """The lanes of a row."""
        return self.builder.load(self.at(data, row), align=8)

    def store(self, value: Any, data: Any, row: Any) -> None:
        """Values for the lanes of a row."""
        self.builder.store(value, self.at(data, row), align=8)

    def spread(self, number: Any) -> Any:
        """A number in every lane."""
        if self.kind is DOUBLE:
            return number
        first = self.builder.insert_element(ir.Constant(self.kind, ir.Undefined), number, ir.IntType(32)(0))
        return self.builder.shuffle_vector(
            first, ir.Constant(self.kind, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), self.kind.count), None)
        )

    def zero(self) -> Any:
        """Zero in every lane."""
        return ir.Constant(self.kind, [0.0] * self.kind.count if isinstance(self.kind, ir.VectorType) else 0.0)

    def called(self, name: str, *operands: Any) -> Any:
        """An intrinsic of LLVM that works entry by entry."""
        suffix = f"v{self.kind.count}f64" if isinstance(self.kind, ir.VectorType) else "f64"
        kind = ir.FunctionType(self.kind, [self.kind] * len(operands))
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}.{suffix}"), operands)

    def minus(self, x: Any) -> Any:
        """-x, its sign bit changed."""
        return self.builder.fneg(x)

    def absolute(self, x: Any) -> Any:
        """|x|, its sign bit cleared."""
        return self.called("fabs", x)

    def plus_product(self, total: Any, x: Any, y: Any) -> Any:
        """Total + x y, rounded twice."""
        return self.builder.fadd(total, self.builder.fmul(x, y))

    def fused(self, total: Any, x: Any, y: Any) -> Any:
        """Total + x y, rounded once."""
        return self.called("fma", x, y, total)

    def minus_product(self, total: Any, x: Any, y: Any) -> Any:
        """Total - x y, rounded twice."""
        return self.builder.fsub(total, self.builder.fmul(x, y))

    def summed(self, out: Any, places: list[Any], count: Any, terms: Callable[[Any, list[Any]], list[Any]], fresh: bool = False) -> None:
        """out[places] += Σ over 0 ... count - 1, or = where fresh; `terms` takes an index and the totals so far, and gives the new ones."""
        totals = [cgutils.alloca_once_value(self.builder, self.zero() if fresh else self.load(out, place)) for place in places]
        with cgutils.for_range(self.builder, count) as loop:
            for total, value in zip(totals, terms(loop.index, [self.builder.load(total) for total in totals]), strict=True):
                self.builder.store(value, total)
        for total, place in zip(totals, places, strict=True):
            self.store(self.builder.load(total), out, place)


def pointers(context: Any, builder: Any, kind: Any, value: Any) -> tuple[list[Any], Any]:
    """Where the data of an array or of every array of a named tuple begin, and the rows of the first.

    Taken from the tuple as it stands: a field of it taken by compiled code is counted up and down, which costs more than small products.
    """
    values = cgutils.unpack_tuple(builder, value) if isinstance(kind, types.BaseTuple) else [value]
    kinds = list(kind) if isinstance(kind, types.BaseTuple) else [kind]
    made = [context.make_array(kind)(context, builder, value) for kind, value in zip(kinds, values, strict=True)]
    return [builder.bitcast(array.data, POINTER) for array in made], cgutils.unpack_tuple(builder, made[0].shape)[0]


def shared_function(module: Any, name: str, kinds: list[Any], numbers: int, write: Callable[..., None]) -> Any:
    """A function of a module that is written once, as ``write(builder, *arguments)``; arguments after the first `numbers` are pointers apart."""
    function = cgutils.get_or_insert_function(module, ir.FunctionType(ir.VoidType(), kinds), f"theorycheck.{name}")
    if not function.blocks:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        for pointer in function.args[numbers:]:
            pointer.add_attribute("noalias")
        builder = ir.IRBuilder(function.append_basic_block())
        write(builder, *function.args)
        builder.ret_void()
    return function


def over_lanes(builder: Any, columns: Any, work: Callable[[Lanes], None]) -> None:
    """Work on all lanes, the widest groups first."""
    begin = INTEGER(0)
    for width in WIDTHS:
        end = builder.mul(builder.sdiv(columns, INTEGER(width)), INTEGER(width))
        with cgutils.for_range_slice(builder, begin, end, INTEGER(width)) as (first, _):
            work(Lanes(builder, columns, first, width))
        begin = end


def tiles(builder: Any, count: Any, work: Callable[[list[Any]], None]) -> None:
    """Work on the indices below `count`, `TILE` neighbours at a time and the rest one by one."""
    whole = builder.mul(builder.sdiv(count, INTEGER(TILE)), INTEGER(TILE))
    with cgutils.for_range_slice(builder, INTEGER(0), whole, INTEGER(TILE)) as (first, _):
        work([builder.add(first, INTEGER(t)) for t in range(TILE)])
    with cgutils.for_range_slice(builder, whole, count, INTEGER(1)) as (first, _):
        work([first])
