"""All stages of a step of a flow of networks with a scalar output, in one call for a block of `WIDTH` lanes.

A call a stage would cost as much as its arithmetic. Here the combinations of stages have their coefficients in place. Sums are taken in
the order of `combination`, so results are those of one stage after another to the last bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE, SOLUTION, STAGES
from theorycheck.symbolic.kernels.micro.flow import slopes_of_stages
from theorycheck.symbolic.kernels.micro.lanes import DOUBLE, INTEGER, POINTER, Lanes, pointers, shared_function, tiles
from theorycheck.symbolic.kernels.micro.networks import NUMBERS, field_function

WIDTH = 8
ROWS = {s: DORMAND_PRINCE.row(SOLUTION if s == STAGES else s) for s in range(1, STAGES + 1)}


def _displace(lanes: Lanes, rows: Any, T: Any, step: Any, slopes: list[Any], row: dict[int, float], out: Any) -> None:
    """out = T + h times the combination of slopes that a row of the tableau makes."""
    b = lanes.builder

    def entries(places: list[Any]) -> None:
        for place in places:
            total = None
            for j, coefficient in row.items():
                a, slope = lanes.spread(ir.Constant(DOUBLE, coefficient)), lanes.load(slopes[j], place)
                total = b.fmul(a, slope) if total is None else lanes.fused(total, a, slope)
            lanes.store(lanes.fused(lanes.load(T, place), step, total), out, place)

    tiles(b, rows, entries)


def _write(builder: Any, rows: Any, depth: Any, widths: Any, at: Any, to: Any, *data: Any) -> None:
    T, Y, X, K, S, C, Q, H, h = data
    lanes, field = Lanes(builder, INTEGER(WIDTH), INTEGER(0), WIDTH), field_function(builder.module, WIDTH)
    slopes, step = slopes_of_stages(lanes, rows, K), lanes.load(h, INTEGER(0))
    for s, row in ROWS.items():
        where = Y if s == STAGES else X
        _displace(lanes, rows, T, step, slopes, row, where)
        builder.call(field, [depth, widths, at, to, where, S, C, Q, H, slopes[s]])


def _function(module: Any) -> Any:
    """The function ``(rows, depth, widths, at, to, T, Y, X, K, S, C, Q, H, h)``."""
    return shared_function(module, "networks.stages", [INTEGER] * 2 + [NUMBERS] * 3 + [POINTER] * 9, 2, _write)


@intrinsic
def network_stages(context: Any, net: Any, block: Any, h: Any) -> Any:
    """Y, and K up to the slope at Y, for a block of `WIDTH` lanes; X is left where the last stage before it was evaluated."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (net, widths), (block, rows), (h, _) = (
            pointers(context, builder, kind, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        depth = builder.sub(widths, INTEGER(1))
        numbers = [builder.bitcast(pointer, NUMBERS) for pointer in net]
        builder.call(_function(builder.module), [rows, depth, *numbers, *block, *h])
        return context.get_dummy_value()

    return types.void(net, block, h), generated
