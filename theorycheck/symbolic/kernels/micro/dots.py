"""Scalar products along memory, in vector registers.

A compiler may not reorder a sum, so a plain loop adds one term at a time. Here four vectors of four partial sums run side by side, over
blocks of sixteen terms; they are joined vector by vector, (0+1) + (2+3), then entry by entry in the same way, and the terms left over of
sixteen, added up one by one, come last. The order is fixed, whatever the machine: no fastmath.

Vectors of four because they are what the compiler stores: a wider load of entries that have just been stored waits for the stores.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH, CHAINS = 4, 4
BLOCK = WIDTH * CHAINS
DOUBLE, VECTOR = ir.DoubleType(), ir.VectorType(ir.DoubleType(), WIDTH)


@intrinsic
def dot(context: Any, X: Any, start: Any, w: Any, count: Any) -> Any:
    """Σ_j X[start + j] w[j] over j < count, for contiguous float64 arrays."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _sums(context, builder, signature, arguments[0], [arguments[1]], arguments[2], arguments[3])[0]

    return types.float64(X, types.int64, w, types.int64), generated


@intrinsic
def four_dots(context: Any, X: Any, start: Any, stride: Any, w: Any, count: Any) -> Any:
    """`dot` from start, start + stride, start + 2 stride and start + 3 stride: rows of a matrix times a vector, each as by `dot`."""
    result = types.UniTuple(types.float64, 4)

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        starts = [arguments[1]]
        for _ in range(3):
            starts.append(builder.add(starts[-1], arguments[2]))
        moved = types.float64(signature.args[0], types.int64, signature.args[3], types.int64)
        return context.make_tuple(builder, result, _sums(context, builder, moved, arguments[0], starts, arguments[3], arguments[4]))

    return result(X, types.int64, types.int64, w, types.int64), generated


def _sums(context: Any, builder: Any, signature: Any, X: Any, starts: list[Any], w: Any, count: Any) -> list[Any]:
    """The scalar products from several starts, with one load of w for all."""
    left, right = (context.make_array(kind)(context, builder, value).data for kind, value in ((signature.args[0], X), (signature.args[2], w)))
    rows = [builder.gep(left, [start]) for start in starts]
    zero = ir.Constant(VECTOR, [0.0] * WIDTH)
    partial = [[cgutils.alloca_once_value(builder, zero) for _ in range(CHAINS)] for _ in rows]
    whole = builder.sdiv(count, count.type(BLOCK))
    with cgutils.for_range(builder, whole) as loop:
        for chain in range(CHAINS):
            place = builder.add(builder.mul(loop.index, count.type(BLOCK)), count.type(WIDTH * chain))
            b = _vector(builder, right, place)
            for row, totals in zip(rows, partial, strict=True):
                term = builder.fmul(_vector(builder, row, place), b)
                builder.store(builder.fadd(builder.load(totals[chain]), term), totals[chain])
    rest = [cgutils.alloca_once_value(builder, ir.Constant(DOUBLE, 0.0)) for _ in rows]
    with cgutils.for_range_slice(builder, builder.mul(whole, count.type(BLOCK)), count, count.type(1)) as (place, _):
        b = builder.load(builder.gep(right, [place]))
        for row, total in zip(rows, rest, strict=True):
            term = builder.fmul(builder.load(builder.gep(row, [place])), b)
            builder.store(builder.fadd(builder.load(total), term), total)
    many = [_halved(builder, [builder.load(total) for total in totals]) for totals in partial]
    return [builder.fadd(_joined(builder, vector), builder.load(few)) for vector, few in zip(many, rest, strict=True)]


def _vector(builder: Any, data: Any, place: Any) -> Any:
    """Four entries from a place on, which need not be aligned."""
    pointer = builder.bitcast(builder.gep(data, [place]), VECTOR.as_pointer())
    loaded = builder.load(pointer)
    loaded.align = 8
    return loaded


def _joined(builder: Any, vector: Any) -> Any:
    """The sum of the entries of a vector."""
    return _halved(builder, [builder.extract_element(vector, ir.IntType(32)(i)) for i in range(WIDTH)])


def _halved(builder: Any, parts: list[Any]) -> Any:
    """The sum of numbers or vectors, neighbours first."""
    while len(parts) > 1:
        parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
