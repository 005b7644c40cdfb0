"""The inner loops of products of matrices over lanes, in vector registers.

Every sum is taken in the order of the plain loops, one rounding an operation and no fastmath: results are those of the plain loops to
the last bit, whatever lanes stand beside them. Operands are given as an array and the row at which they begin, since a slice costs
compiled code more than a small product does. A lane alone is contiguous: there the loops over columns fill the registers, in the same
order of operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.micro.lanes import INTEGER, POINTER, Lanes, over_lanes, shared_function, tiles

Body = Callable[..., None]


def _function(module: Any, body: Body, alone: Body, arrays: int) -> Any:
    """The function ``(rows, cols, columns, *pointers)`` that runs a body over all lanes, the widest groups first, and another for one lane."""

    def write(builder: Any, rows: Any, cols: Any, columns: Any, *data: Any) -> None:
        with builder.if_then(builder.icmp_signed("==", columns, INTEGER(1))):
            alone(Lanes(builder, INTEGER(1), INTEGER(0), 1), rows, cols, *data)
            builder.ret_void()
            builder.position_at_end(builder.function.append_basic_block())  # where nothing arrives
        over_lanes(builder, columns, lambda lanes: body(lanes, rows, cols, *data))

    return shared_function(module, f"micro{body.__name__}", [INTEGER] * 3 + [POINTER] * arrays, 3, write)


def _called(body: Body, alone: Body) -> Callable[..., Any]:
    """Lowering of ``(rows, cols, X, row of X, Y, row of Y, ...)`` into a call of the function of a body."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[2::2], arguments[2::2], strict=True)]
        columns = cgutils.unpack_tuple(builder, made[-1].shape)[1]
        data = [builder.gep(array.data, [builder.mul(row, columns)]) for array, row in zip(made, arguments[3::2], strict=True)]
        builder.call(_function(builder.module, body, alone, len(made)), [*arguments[:2], columns, *data])
        return context.get_dummy_value()

    return generated


def _vector_matrix(lanes: Lanes, rows: Any, cols: Any, q: Any, W: Any, out: Any) -> None:
    add, mul = lanes.builder.add, lanes.builder.mul

    def tile(js: list[Any]) -> None:
        def terms(i: Any, totals: list[Any]) -> list[Any]:
            a, row = lanes.load(q, i), mul(i, cols)
            return [lanes.plus_product(total, a, lanes.load(W, add(row, j))) for total, j in zip(totals, js, strict=True)]

        lanes.summed(out, js, rows, terms)

    tiles(lanes.builder, cols, tile)


def _matrix_vector(lanes: Lanes, rows: Any, cols: Any, W: Any, h: Any, out: Any) -> None:
    add, mul = lanes.builder.add, lanes.builder.mul

    def tile(indices: list[Any]) -> None:
        begins = [mul(i, cols) for i in indices]

        def terms(j: Any, totals: list[Any]) -> list[Any]:
            b = lanes.load(h, j)
            return [lanes.plus_product(total, lanes.load(W, add(begin, j)), b) for total, begin in zip(totals, begins, strict=True)]

        lanes.summed(out, indices, cols, terms)

    tiles(lanes.builder, rows, tile)


def _product_and_update(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, W: Any, out: Any) -> None:
    add, mul = lanes.builder.add, lanes.builder.mul

    def tile(indices: list[Any]) -> None:
        begins, factors = [mul(i, cols) for i in indices], [lanes.load(q, i) for i in indices]

        def terms(j: Any, totals: list[Any]) -> list[Any]:
            b, new = lanes.load(h, j), []
            for total, begin, a in zip(totals, begins, factors, strict=True):
                old = lanes.load(W, add(begin, j))
                new.append(lanes.plus_product(total, old, b))
                lanes.store(lanes.minus_product(old, a, b), W, add(begin, j))
            return new

        lanes.summed(out, indices, cols, terms, fresh=True)

    tiles(lanes.builder, rows, tile)


def _outer(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, out: Any, negative: bool = False) -> None:
    add, mul = lanes.builder.add, lanes.builder.mul

    def tile(indices: list[Any]) -> None:
        begins, factors = [mul(i, cols) for i in indices], [lanes.load(q, i) for i in indices]
        with cgutils.for_range(lanes.builder, cols) as loop:
            b = lanes.load(h, loop.index)
            for begin, a in zip(begins, factors, strict=True):
                place = add(begin, loop.index)
                combine = lanes.minus_product if negative else lanes.plus_product
                lanes.store(combine(lanes.load(out, place), a, b), out, place)

    tiles(lanes.builder, rows, tile)


def _minus_outer(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, out: Any) -> None:
    _outer(lanes, rows, cols, q, h, out, negative=True)


def _minus_outer_alone(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, out: Any) -> None:
    _outer_alone(lanes, rows, cols, q, h, out, negative=True)


def _vector_matrix_alone(lanes: Lanes, rows: Any, cols: Any, q: Any, W: Any, out: Any) -> None:
    with cgutils.for_range(lanes.builder, rows) as row:
        a, begin = lanes.load(q, row.index), lanes.builder.mul(row.index, cols)
        with cgutils.for_range(lanes.builder, cols) as column:
            w = lanes.load(W, lanes.builder.add(begin, column.index))
            lanes.store(lanes.plus_product(lanes.load(out, column.index), a, w), out, column.index)


def _outer_alone(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, out: Any, negative: bool = False) -> None:
    with cgutils.for_range(lanes.builder, rows) as row:
        a, begin = lanes.load(q, row.index), lanes.builder.mul(row.index, cols)
        with cgutils.for_range(lanes.builder, cols) as column:
            place = lanes.builder.add(begin, column.index)
            combine = lanes.minus_product if negative else lanes.plus_product
            lanes.store(combine(lanes.load(out, place), a, lanes.load(h, column.index)), out, place)


def _product_and_update_alone(lanes: Lanes, rows: Any, cols: Any, q: Any, h: Any, W: Any, out: Any) -> None:
    with cgutils.for_range(lanes.builder, rows) as row:
        lanes.store(lanes.zero(), out, row.index)
    _matrix_vector(lanes, rows, cols, W, h, out)
    _outer_alone(lanes, rows, cols, q, h, W, negative=True)


INT = types.int64


@intrinsic
def vector_matrix(context: Any, rows: Any, cols: Any, q: Any, q_at: Any, W: Any, W_at: Any, out: Any, out_at: Any) -> Any:
    """out += qᵀ W."""
    return types.void(INT, INT, q, INT, W, INT, out, INT), _called(_vector_matrix, _vector_matrix_alone)


@intrinsic
def matrix_vector(context: Any, rows: Any, cols: Any, W: Any, W_at: Any, h: Any, h_at: Any, out: Any, out_at: Any) -> Any:
    """out += W h."""
    return types.void(INT, INT, W, INT, h, INT, out, INT), _called(_matrix_vector, _matrix_vector)


@intrinsic
def product_and_update(context: Any, rows: Any, cols: Any, q: Any, q_at: Any, h: Any, h_at: Any, W: Any, W_at: Any, out: Any, out_at: Any) -> Any:
    """out = W h with the old W, then W -= q hᵀ, in one pass over W."""
    return types.void(INT, INT, q, INT, h, INT, W, INT, out, INT), _called(_product_and_update, _product_and_update_alone)


@intrinsic
def outer(context: Any, rows: Any, cols: Any, q: Any, q_at: Any, h: Any, h_at: Any, out: Any, out_at: Any) -> Any:
    """out += q hᵀ."""
    return types.void(INT, INT, q, INT, h, INT, out, INT), _called(_outer, _outer_alone)


@intrinsic
def minus_outer(context: Any, rows: Any, cols: Any, q: Any, q_at: Any, h: Any, h_at: Any, out: Any, out_at: Any) -> Any:
    """out -= q hᵀ."""
    return types.void(INT, INT, q, INT, h, INT, out, INT), _called(_minus_outer, _minus_outer_alone)
