"""The state of a stage of a flow, in vector registers: T plus a step times a combination of slopes, the products in its sum not rounded."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.micro.lanes import INTEGER, POINTER, Lanes, over_lanes, shared_function, tiles


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


def _function(module: Any) -> Any:
    """The function ``(rows, count, columns, stages, values, K, T, h, out)`` that takes all lanes through it, the widest groups first."""

    def write(builder: Any, rows: Any, count: Any, columns: Any, *data: Any) -> None:
        over_lanes(builder, columns, lambda lanes: _combination(lanes, rows, count, *data))

    return shared_function(module, "micro_combination", [INTEGER] * 3 + [POINTER] * 6, 3, write)


@intrinsic
def combination(context: Any, count: Any, stages: Any, values: Any, K: Any, T: Any, h: Any, out: Any) -> Any:
    """out = T + h Σ_j values_j K[stages_j] over the first `count` of them, at least one, lane by lane; sums from the left, products not rounded."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[1:], arguments[1:], strict=True)]
        rows, columns = cgutils.unpack_tuple(builder, made[-1].shape)
        data = [builder.bitcast(array.data, POINTER) for array in made]
        builder.call(_function(builder.module), [rows, arguments[0], columns, *data])
        return context.get_dummy_value()

    return types.void(types.int64, stages, values, K, T, h, out), generated
