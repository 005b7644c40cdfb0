"""The inner loops of products of matrices over lanes, in vector registers.

A compiler keeps sums in memory when its inner loop runs over lanes. Here eight lanes (then four, two, one of the rest) are taken at a
time, and the sums of `TILE` rows or columns stay in registers. Every sum is taken in the order of the plain loops, one rounding an
operation (in `combination` one for a product and its sum) and no fastmath: results are those of the plain loops to the last bit, whatever
lanes stand beside them.

Arrays are C-contiguous with one column a lane: entry p of lane l is ``block[p, l]``; a matrix is such entries row by row. Operands are
given as an array and the row at which they begin, since a slice costs compiled code more than a small product does. The loops
are functions of their own, compiled once for all sizes. A lane alone is contiguous: there the loops over columns fill the registers,
in the same order of operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

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


Body = Callable[..., None]


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
        lanes.store(ir.Constant(DOUBLE, 0.0), out, row.index)
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


def _combination(lanes: Lanes, rows: Any, count: Any, stages: Any, values: Any, K: Any, T: Any, h: Any, out: Any) -> None:
    builder, step = lanes.builder, lanes.load(h, INTEGER(0))
    numbers, size = builder.bitcast(stages, INTEGER.as_pointer()), builder.mul(rows, lanes.columns)

    def term(j: Any) -> tuple[Any, Any]:
        factor = lanes.spread(builder.load(builder.gep(values, [j])))
        return factor, builder.gep(K, [builder.mul(builder.load(builder.gep(numbers, [j])), size)])

    def tile(places: list[Any]) -> None:
        factor, slopes = term(INTEGER(0))
        totals = [cgutils.alloca_once_value(builder, builder.fmul(factor, lanes.load(slopes, place))) for place in places]
        with cgutils.for_range_slice(builder, INTEGER(1), count, INTEGER(1)) as (j, _):
            factor, slopes = term(j)
            for total, place in zip(totals, places, strict=True):
                builder.store(lanes.fused(builder.load(total), factor, lanes.load(slopes, place)), total)
        for total, place in zip(totals, places, strict=True):
            lanes.store(lanes.fused(lanes.load(T, place), step, builder.load(total)), out, place)

    tiles(builder, rows, tile)


@intrinsic
def combination(context: Any, count: Any, stages: Any, values: Any, K: Any, T: Any, h: Any, out: Any) -> Any:
    """out = T + h Σ_j values_j K[stages_j] over the first `count` of them, at least one, lane by lane; sums from the left, products not rounded."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[1:], arguments[1:], strict=True)]
        rows, columns = cgutils.unpack_tuple(builder, made[-1].shape)
        data = [builder.bitcast(array.data, POINTER) for array in made]
        builder.call(_function(builder.module, _combination, _combination, len(made)), [rows, arguments[0], columns, *data])
        return context.get_dummy_value()

    return types.void(INT, stages, values, K, T, h, out), generated
