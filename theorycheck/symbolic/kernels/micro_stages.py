"""All stages of a step of a flow of networks with a scalar output, in one call for a block of `WIDTH` lanes.

A call a stage would cost as much as its arithmetic. Here the combinations of stages have their coefficients in place, and those of later
stages are begun where the slopes they share with an earlier one are at hand: the sums so far wait in the room of the slopes
that come after them. Sums are taken in the order of `micro.combination`, so results are those of one stage after another to the last bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.micro import DOUBLE, INTEGER, POINTER, TILE, Lanes, pointers
from theorycheck.symbolic.kernels.micro_networks import NUMBERS, field_function
from theorycheck.symbolic.kernels.tableau import DORMAND_PRINCE, SOLUTION, STAGES

WIDTH = 8
BEGINNINGS = {5: (6, 7, 8), 9: (10, 11, 12)}  # stages, and the later ones that are begun with them
ROWS = {s: DORMAND_PRINCE.row(SOLUTION if s == STAGES else s) for s in range(1, STAGES + 1)}


def _begun(stage: int) -> int:
    """How many of the slopes that a stage combines have been summed before."""
    return next((sum(j < first for j in ROWS[stage]) for first, later in BEGINNINGS.items() if stage in later), 0)


class _Stages:
    """Stages over the lanes of a block; K begins at the slopes of the stages, in order."""

    def __init__(self, lanes: Lanes, rows: Any, K: Any, T: Any, h: Any) -> None:
        self.lanes, self.rows, self.T, self.step = lanes, rows, T, lanes.load(h, INTEGER(0))
        size = lanes.builder.mul(rows, lanes.columns)
        self.slopes = [lanes.builder.gep(K, [lanes.builder.mul(size, INTEGER(s))]) for s in range(STAGES + 1)]

    def displace(self, stage: int, out: Any) -> None:
        """out = T + h times the combination of a stage, and the sums of those that begin with it."""
        b, whole = self.lanes.builder, self.lanes.builder.mul(self.lanes.builder.sdiv(self.rows, INTEGER(TILE)), INTEGER(TILE))
        with cgutils.for_range_slice(b, INTEGER(0), whole, INTEGER(TILE)) as (first, _):
            for t in range(TILE):
                self._entry(stage, b.add(first, INTEGER(t)), out)
        with cgutils.for_range_slice(b, whole, self.rows, INTEGER(1)) as (place, _):
            self._entry(stage, place, out)

    def _entry(self, stage: int, place: Any, out: Any) -> None:
        lanes, begun, later = self.lanes, _begun(stage), BEGINNINGS.get(stage, ())
        sums: dict[int, Any] = {stage: lanes.load(self.slopes[stage], place)} if begun else {}
        for j in list(ROWS[stage])[begun:]:
            slope = lanes.load(self.slopes[j], place)
            for s in (stage, *later):
                if j in ROWS[s]:
                    a = lanes.spread(ir.Constant(DOUBLE, ROWS[s][j]))
                    sums[s] = lanes.fused(sums[s], a, slope) if s in sums else lanes.builder.fmul(a, slope)
        for s in later:
            lanes.store(sums[s], self.slopes[s], place)
        lanes.store(lanes.fused(lanes.load(self.T, place), self.step, sums[stage]), out, place)


def _function(module: Any) -> Any:
    """The function ``(rows, depth, widths, at, to, T, Y, X, K, S, C, Q, H, h)``."""
    kind = ir.FunctionType(ir.VoidType(), [INTEGER] * 2 + [NUMBERS] * 3 + [POINTER] * 9)
    function = cgutils.get_or_insert_function(module, kind, "theorycheck.networks.stages")
    if function.blocks:
        return function
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    for pointer in function.args[2:]:
        pointer.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block())
    rows, depth, widths, at, to, T, Y, X, K, S, C, Q, H, h = function.args
    stages, field = _Stages(Lanes(builder, INTEGER(WIDTH), INTEGER(0), WIDTH), rows, K, T, h), field_function(module, WIDTH)
    for s in range(1, STAGES + 1):
        where = Y if s == STAGES else X
        stages.displace(s, where)
        builder.call(field, [depth, widths, at, to, where, S, C, Q, H, stages.slopes[s]])
    builder.ret_void()
    return function


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
