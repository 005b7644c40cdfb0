"""The account of a step of a flow in vector registers: its error against the embedded formulas, the norms of step control, the new state.

As in `products`: eight lanes at a time (then four, two, one of the rest), sums in registers and in one order, so results of a lane do not
depend on the lanes beside it. Products of the sums are not rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE, FIFTH, STAGES, THIRD
from theorycheck.symbolic.kernels.micro.lanes import DOUBLE, INTEGER, POINTER, Lanes, over_lanes, pointers, shared_function

EMBEDDED = tuple(DORMAND_PRINCE.row(number) for number in (THIRD, FIFTH))
BODY = Callable[[Lanes, Any, tuple[Any, ...]], None]


class _Sums:
    """Sums over the rows of a block."""

    def __init__(self, lanes: Lanes, count: int) -> None:
        self.lanes = lanes
        self.places = [cgutils.alloca_once_value(lanes.builder, lanes.zero()) for _ in range(count)]

    def add_squares(self, values: list[Any]) -> None:
        b = self.lanes.builder
        for place, value in zip(self.places, values, strict=True):
            b.store(self.lanes.fused(b.load(place), value, value), place)

    def store(self, out: Any) -> None:
        for r, place in enumerate(self.places):
            self.lanes.store(self.lanes.builder.load(place), out, INTEGER(r))


def _relative_errors(lanes: Lanes, rows: Any, data: tuple[Any, ...]) -> None:
    T, Y, _, K, _, _, _, _, offset, out = data
    b, slopes = lanes.builder, slopes_of_stages(lanes, rows, K)
    sums, one, margin = _Sums(lanes, len(EMBEDDED)), lanes.spread(ir.Constant(DOUBLE, 1.0)), lanes.load(offset, INTEGER(0))
    used = sorted({j for row in EMBEDDED for j in row})

    def size(place: Any) -> Any:
        t, y = lanes.absolute(lanes.load(T, place)), lanes.absolute(lanes.load(Y, place))
        return b.fadd(b.select(b.fcmp_ordered(">", y, t), y, t), margin)

    def entry(place: Any, reciprocal: Any) -> None:
        found: list[Any] = [None] * len(EMBEDDED)
        for j in used:
            slope = lanes.load(slopes[j], place)
            for r, row in enumerate(EMBEDDED):
                if j in row:
                    a = lanes.spread(ir.Constant(DOUBLE, row[j]))
                    found[r] = b.fmul(a, slope) if found[r] is None else lanes.fused(found[r], a, slope)
        sums.add_squares([b.fmul(error, reciprocal) for error in found])

    pairs = b.mul(b.sdiv(rows, INTEGER(2)), INTEGER(2))
    with cgutils.for_range_slice(b, INTEGER(0), pairs, INTEGER(2)) as (first, _):
        second = b.add(first, INTEGER(1))
        x, y = size(first), size(second)
        both = b.fdiv(one, b.fmul(x, y))  # one division for two
        entry(first, b.fmul(y, both))
        entry(second, b.fmul(x, both))
    with cgutils.for_range_slice(b, pairs, rows, INTEGER(1)) as (last, _):
        entry(last, b.fdiv(one, size(last)))
    sums.store(out)


def _squared_norms(lanes: Lanes, rows: Any, data: tuple[Any, ...]) -> None:
    T, Y, X, K, _, _, _, _, out = data
    b, slopes, sums = lanes.builder, slopes_of_stages(lanes, rows, K), _Sums(lanes, 6)
    with cgutils.for_range(b, rows) as loop:
        t, y, x = (lanes.load(block, loop.index) for block in (T, Y, X))
        first, before, last = (lanes.load(slopes[s], loop.index) for s in (0, STAGES - 1, STAGES))
        sums.add_squares([t, y, first, last, b.fsub(last, before), b.fsub(y, x)])
    sums.store(out)


def _taken(lanes: Lanes, rows: Any, data: tuple[Any, ...]) -> None:
    T, Y, _, K, _, _, _, _, error = data
    b, slopes = lanes.builder, slopes_of_stages(lanes, rows, K)
    passed = b.fcmp_ordered("<", lanes.load(error, INTEGER(0)), lanes.spread(ir.Constant(DOUBLE, 1.0)))
    with cgutils.for_range(b, rows) as loop:
        for old, new in ((T, Y), (K, slopes[STAGES])):
            lanes.store(b.select(passed, lanes.load(new, loop.index), lanes.load(old, loop.index)), old, loop.index)


def slopes_of_stages(lanes: Lanes, rows: Any, K: Any) -> list[Any]:
    """Where the slopes of the stages begin."""
    size = lanes.builder.mul(rows, lanes.columns)
    return [lanes.builder.gep(K, [lanes.builder.mul(size, INTEGER(s))]) for s in range(STAGES + 1)]


def _function(module: Any, body: BODY, arrays: int) -> Any:
    """The function ``(rows, columns, *pointers)`` that takes all lanes through a body, the widest groups first."""

    def write(builder: Any, rows: Any, columns: Any, *data: Any) -> None:
        over_lanes(builder, columns, lambda lanes: body(lanes, rows, data))

    return shared_function(module, f"flow{body.__name__}", [INTEGER] * 2 + [POINTER] * arrays, 2, write)


def _called(body: BODY) -> Callable[..., Any]:
    """Lowering of ``(block, *arrays)``; the first array of a block has its rows and columns."""

    def generated(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        block = context.make_array(signature.args[0][0])(context, b, b.extract_value(arguments[0], 0))
        data = [pointer for kind, value in zip(signature.args, arguments, strict=True) for pointer in pointers(context, b, kind, value)[0]]
        rows, columns = cgutils.unpack_tuple(b, block.shape)
        b.call(_function(b.module, body, len(data)), [rows, columns, *data])
        return context.get_dummy_value()

    return generated


@intrinsic
def relative_errors(context: Any, block: Any, offset: Any, out: Any) -> Any:
    """Σ_p (Σ_j a_j K[j]_p / (max(|T_p|, |Y_p|) + offset))² for the embedded formulas of order 3 and 5, into the two rows of out."""
    return types.void(block, offset, out), _called(_relative_errors)


@intrinsic
def squared_norms(context: Any, block: Any, out: Any) -> Any:
    """Squared Euclidean norms of T, Y, the first and last slopes, the change from the slope before the last, and Y - X, into the rows of out."""
    return types.void(block, out), _called(_squared_norms)


@intrinsic
def taken(context: Any, block: Any, error: Any) -> Any:
    """T = Y, and the first slope that at Y, in the lanes whose error is below 1."""
    return types.void(block, error), _called(_taken)
