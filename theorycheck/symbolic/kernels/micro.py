"""The inner loops of products of matrices over lanes, in vector registers.

A compiler keeps sums over rows in memory when the inner loop runs over lanes. Here eight lanes (then four, two, one of the rest) are taken at a
time, and the sums of `TILE` rows or columns stay in registers. Every sum is taken in the order of the plain loops, one rounding an
operation and no fastmath, so results are those of the plain loops to the last bit.

Arrays are C-contiguous with one column a lane: entry p of lane l is ``block[p, l]``; matrices are flattened row by row into such entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTHS, TILE = (8, 4, 2, 1), 4
INTEGER, DOUBLE = ir.IntType(64), ir.DoubleType()


class _Lanes:
    """Some neighbouring lanes of blocks that have the same columns."""

    def __init__(self, builder: Any, columns: Any, first: Any, width: int) -> None:
        self.builder, self.columns, self.first = builder, columns, first
        self.kind = ir.VectorType(DOUBLE, width) if width > 1 else DOUBLE

    def at(self, data: Any, row: Any) -> Any:
        """Pointer to the lanes of a row."""
        place = self.builder.add(self.builder.mul(row, self.columns), self.first)
        return self.builder.bitcast(self.builder.gep(data, [place]), self.kind.as_pointer())

    def load(self, data: Any, row: Any) -> Any:
        """The lanes of a row."""
        return self.builder.load(self.at(data, row), align=8)

    def store(self, value: Any, data: Any, row: Any) -> None:
        """Into the lanes of a row."""
        self.builder.store(value, self.at(data, row), align=8)

    def plus_product(self, total: Any, x: Any, y: Any) -> Any:
        """Total + x y, rounded twice."""
        return self.builder.fadd(total, self.builder.fmul(x, y))

    def minus_product(self, total: Any, x: Any, y: Any) -> Any:
        """Total - x y, rounded twice."""
        return self.builder.fsub(total, self.builder.fmul(x, y))


@contextmanager
def _upto(builder: Any, count: Any) -> Iterator[Any]:
    """A loop over 0, ..., count - 1."""
    with cgutils.for_range(builder, count) as loop:
        yield loop.index


def _tiles(builder: Any, count: Any, work: Callable[[list[Any]], None]) -> None:
    """Work on the indices below `count`, `TILE` neighbours at a time and the rest one by one."""
    whole = builder.mul(builder.sdiv(count, INTEGER(TILE)), INTEGER(TILE))
    with cgutils.for_range_slice(builder, INTEGER(0), whole, INTEGER(TILE)) as (first, _):
        work([builder.add(first, INTEGER(t)) for t in range(TILE)])
    with cgutils.for_range_slice(builder, whole, count, INTEGER(1)) as (first, _):
        work([first])


def _over_lanes(builder: Any, columns: Any, work: Callable[[_Lanes], None]) -> None:
    """Work on all lanes, the widest groups first."""
    begin = INTEGER(0)
    for width in WIDTHS:
        end = builder.mul(builder.sdiv(columns, INTEGER(width)), INTEGER(width))
        with cgutils.for_range_slice(builder, begin, end, INTEGER(width)) as (first, _):
            work(_Lanes(builder, columns, first, width))
        begin = end


def _kernel(arrays: int, body: Callable[..., None]) -> Callable[..., Any]:
    """An intrinsic ``(rows, cols, *arrays)`` from what it does to some lanes."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[2:], arguments[2:], strict=True)]
        columns = cgutils.unpack_tuple(builder, made[-1].shape)[1]
        data = [array.data for array in made]
        _over_lanes(builder, columns, lambda lanes: body(builder, lanes, arguments[0], arguments[1], *data))
        return context.get_dummy_value()

    return generated


def _summed(builder: Any, lanes: _Lanes, out: Any, places: list[Any], count: Any, terms: Callable[[Any, list[Any]], list[Any]]) -> None:
    """out[places] += Σ over 0 ... count - 1; `terms` takes an index and the totals so far, and gives the new ones."""
    totals = [cgutils.alloca_once_value(builder, lanes.load(out, place)) for place in places]
    with _upto(builder, count) as index:
        for total, value in zip(totals, terms(index, [builder.load(total) for total in totals]), strict=True):
            builder.store(value, total)
    for total, place in zip(totals, places, strict=True):
        lanes.store(builder.load(total), out, place)


def _add_vector_matrix(builder: Any, lanes: _Lanes, rows: Any, cols: Any, q: Any, W: Any, out: Any) -> None:
    def tile(js: list[Any]) -> None:
        def terms(i: Any, totals: list[Any]) -> list[Any]:
            a, row = lanes.load(q, i), builder.mul(i, cols)
            return [lanes.plus_product(total, a, lanes.load(W, builder.add(row, j))) for total, j in zip(totals, js, strict=True)]

        _summed(builder, lanes, out, js, rows, terms)

    _tiles(builder, cols, tile)


def _add_matrix_vector(builder: Any, lanes: _Lanes, rows: Any, cols: Any, W: Any, h: Any, out: Any) -> None:
    def tile(indices: list[Any]) -> None:
        begins = [builder.mul(i, cols) for i in indices]

        def terms(j: Any, totals: list[Any]) -> list[Any]:
            b = lanes.load(h, j)
            return [lanes.plus_product(total, lanes.load(W, builder.add(begin, j)), b) for total, begin in zip(totals, begins, strict=True)]

        _summed(builder, lanes, out, indices, cols, terms)

    _tiles(builder, rows, tile)


def _multiply_and_update(builder: Any, lanes: _Lanes, rows: Any, cols: Any, q: Any, h: Any, W: Any, out: Any) -> None:
    def tile(indices: list[Any]) -> None:
        begins, factors = [builder.mul(i, cols) for i in indices], [lanes.load(q, i) for i in indices]
        for i in indices:
            lanes.store(ir.Constant(lanes.kind, None), out, i)

        def terms(j: Any, totals: list[Any]) -> list[Any]:
            b, new = lanes.load(h, j), []
            for total, begin, a in zip(totals, begins, factors, strict=True):
                place = builder.add(begin, j)
                old = lanes.load(W, place)
                new.append(lanes.plus_product(total, old, b))
                lanes.store(lanes.minus_product(old, a, b), W, place)
            return new

        _summed(builder, lanes, out, indices, cols, terms)

    _tiles(builder, rows, tile)


def _add_outer(builder: Any, lanes: _Lanes, rows: Any, cols: Any, q: Any, h: Any, out: Any) -> None:
    def tile(indices: list[Any]) -> None:
        begins, factors = [builder.mul(i, cols) for i in indices], [lanes.load(q, i) for i in indices]
        with _upto(builder, cols) as j:
            b = lanes.load(h, j)
            for begin, a in zip(begins, factors, strict=True):
                place = builder.add(begin, j)
                lanes.store(lanes.plus_product(lanes.load(out, place), a, b), out, place)

    _tiles(builder, rows, tile)


@intrinsic
def vector_matrix_of_lanes(context: Any, rows: Any, cols: Any, q: Any, W: Any, out: Any) -> Any:
    """out += qᵀ W."""
    return types.void(types.int64, types.int64, q, W, out), _kernel(3, _add_vector_matrix)


@intrinsic
def matrix_vector_of_lanes(context: Any, rows: Any, cols: Any, W: Any, h: Any, out: Any) -> Any:
    """out += W h."""
    return types.void(types.int64, types.int64, W, h, out), _kernel(3, _add_matrix_vector)


@intrinsic
def multiply_and_update_of_lanes(context: Any, rows: Any, cols: Any, q: Any, h: Any, W: Any, out: Any) -> Any:
    """out = W h with the old W, then W -= q hᵀ, in one pass over W."""
    return types.void(types.int64, types.int64, q, h, W, out), _kernel(4, _multiply_and_update)


@intrinsic
def outer_of_lanes(context: Any, rows: Any, cols: Any, q: Any, h: Any, out: Any) -> Any:
    """out += q hᵀ."""
    return types.void(types.int64, types.int64, q, h, out), _kernel(3, _add_outer)
