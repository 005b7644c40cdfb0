"""The account of a step of a flow in vector registers: the error against the embedded formulas, and the norms that step control asks for.

As in `micro`: eight lanes at a time (then four, two, one of the rest), sums in registers, in the order of plain loops over the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.micro import DOUBLE, INTEGER, POINTER, TILE, WIDTHS, Lanes

INT = types.int64
BODY = Callable[[Lanes, Any, list[Any], list[Any]], None]


def _scaled_errors(lanes: Lanes, rows: Any, counts: list[Any], data: list[Any]) -> None:
    stages, values, K, T, Y, tolerance, offset, out = data
    b, size = lanes.builder, lanes.builder.mul(rows, lanes.columns)
    bits, lane_tolerance, lane_offset = b.bitcast(stages, INTEGER.as_pointer()), lanes.load(tolerance, INTEGER(0)), lanes.load(offset, INTEGER(0))
    one = lanes.spread(ir.Constant(DOUBLE, 1.0))
    sums = [cgutils.alloca_once_value(b, lanes.zero()) for _ in counts]

    def tile(places: list[Any]) -> None:
        scales = []
        for place in places:
            t, y = lanes.absolute(lanes.load(T, place)), lanes.absolute(lanes.load(Y, place))
            largest = b.select(b.fcmp_ordered(">", y, t), y, t)
            scales.append(b.fdiv(one, b.fmul(lane_tolerance, b.fadd(largest, lane_offset))))
        for r, (total, count) in enumerate(zip(sums, counts, strict=True)):
            first = INTEGER(16 * r)  # rows of the tableau have sixteen places
            errors = [cgutils.alloca_once_value(b, lanes.zero()) for _ in places]
            with cgutils.for_range(b, count) as loop:
                entry = b.add(first, loop.index)
                factor = lanes.spread(b.load(b.gep(values, [entry])))
                slopes = b.gep(K, [b.mul(b.load(b.gep(bits, [entry])), size)])
                for error, place in zip(errors, places, strict=True):
                    b.store(lanes.plus_product(b.load(error), factor, lanes.load(slopes, place)), error)
            for error, scale in zip(errors, scales, strict=True):
                relative = b.fmul(b.load(error), scale)
                b.store(lanes.plus_product(b.load(total), relative, relative), total)

    _tiled(b, rows, tile)
    for r, total in enumerate(sums):
        lanes.store(b.load(total), out, INTEGER(r))


def _squared_norms(lanes: Lanes, rows: Any, counts: list[Any], data: list[Any]) -> None:
    K, T, Y, X, out = data
    b, size = lanes.builder, lanes.builder.mul(rows, lanes.columns)
    last, before = (b.gep(K, [b.mul(stage, size)]) for stage in counts)
    sums = [cgutils.alloca_once_value(b, lanes.zero()) for _ in range(6)]

    def tile(places: list[Any]) -> None:
        for place in places:
            t, y, x = (lanes.load(block, place) for block in (T, Y, X))
            first, final, earlier = (lanes.load(block, place) for block in (K, last, before))
            for total, value in zip(sums, (t, y, first, final, b.fsub(final, earlier), b.fsub(y, x)), strict=True):
                b.store(lanes.plus_product(b.load(total), value, value), total)

    _tiled(b, rows, tile)
    for r, total in enumerate(sums):
        lanes.store(b.load(total), out, INTEGER(r))


def _tiled(b: Any, count: Any, work: Callable[[list[Any]], None]) -> None:
    whole = b.mul(b.sdiv(count, INTEGER(TILE)), INTEGER(TILE))
    with cgutils.for_range_slice(b, INTEGER(0), whole, INTEGER(TILE)) as (first, _):
        work([b.add(first, INTEGER(t)) for t in range(TILE)])
    with cgutils.for_range_slice(b, whole, count, INTEGER(1)) as (first, _):
        work([first])


def _function(module: Any, body: BODY, arrays: int) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [INTEGER] * 4 + [POINTER] * arrays)
    function = cgutils.get_or_insert_function(module, kind, f"theorycheck.flow{body.__name__}")
    if function.blocks:
        return function
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    for pointer in function.args[4:]:
        pointer.add_attribute("noalias")
    b = ir.IRBuilder(function.append_basic_block())
    rows, columns, one, other, *data = function.args
    begin = INTEGER(0)
    for width in WIDTHS:
        end = b.mul(b.sdiv(columns, INTEGER(width)), INTEGER(width))
        with cgutils.for_range_slice(b, begin, end, INTEGER(width)) as (first, _):
            body(Lanes(b, columns, first, width), rows, [one, other], data)
        begin = end
    b.ret_void()
    return function


def _called(body: BODY) -> Callable[..., Any]:
    """Lowering of ``(integer, integer, *arrays)``, the last but one of which has the rows and the columns of a block."""

    def generated(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        one, other, *values = arguments
        made = [context.make_array(kind)(context, b, value) for kind, value in zip(signature.args[2:], values, strict=True)]
        rows, columns = cgutils.unpack_tuple(b, made[_SHAPED[body]].shape)
        b.call(_function(b.module, body, len(made)), [rows, columns, one, other, *(b.bitcast(array.data, POINTER) for array in made)])
        return context.get_dummy_value()

    return generated


_SHAPED: dict[BODY, int] = {_scaled_errors: 3, _squared_norms: 1}  # which argument is a block of states


@intrinsic
def scaled_errors(context: Any, one: Any, other: Any, stages: Any, values: Any, K: Any, T: Any, Y: Any, tolerance: Any, offset: Any, out: Any) -> Any:
    """out[r] = Σ_p (Σ_j values_rj K[stages_rj]_p x_p)² for two neighbouring rows of `one` and `other` terms.

    Here x_p = 1 / (tolerance (max(|T_p|, |Y_p|) + offset)).
    """
    return types.void(INT, INT, stages, values, K, T, Y, tolerance, offset, out), _called(_scaled_errors)


@intrinsic
def squared_norms(context: Any, last: Any, before: Any, K: Any, T: Any, Y: Any, X: Any, out: Any) -> Any:
    """Squared Euclidean norms of T, Y, K[0], K[last], K[last] - K[before] and Y - X into the rows of out."""
    return types.void(INT, INT, K, T, Y, X, out), _called(_squared_norms)
