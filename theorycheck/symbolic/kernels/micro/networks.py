"""Whole sweeps through a network with a scalar output, in vector registers: the field of gradient flow, and steps of gradient descent.

`products` runs one product over all lanes of a block; here eight lanes (then four, two, one of the rest) go through all layers, and through
many steps, before the next ones begin: what they need stays in the nearest cache, and nothing is called on the way. The order of
operations is that of the loops in `networks.lanes` and `networks.steps`, so results are theirs to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from theorycheck.symbolic.kernels.micro.lanes import INTEGER, POINTER, Lanes, over_lanes, shared_function

NUMBERS = INTEGER.as_pointer()
WIDEST = 8  # rows or columns whose sums are in registers at a time; a rest of fewer is one tile of its own
INT = types.int64


class _Sweeps:
    """Sweeps over some lanes: q_k = A_k and h_k of `networks.lanes`, for rows of `at` and matrices of `to`."""

    def __init__(self, lanes: Lanes, depth: Any, numbers: Sequence[Any], data: Sequence[Any]) -> None:
        self.lanes, self.builder, self.depth = lanes, lanes.builder, depth
        self.widths, self.at, self.to = numbers
        self.T, self.S, self.C, self.Q, self.H = data

    def number(self, of: Any, k: Any) -> Any:
        return self.builder.load(self.builder.gep(of, [k]))

    def row(self, data: Any, row: Any) -> Any:
        """Where a row of a block begins."""
        return self.builder.gep(data, [self.builder.mul(row, self.lanes.columns)])

    def layer(self, k: Any) -> tuple[Any, Any, Any]:
        """Rows and columns of W_{k+1}, and where it is, for an index k from 0."""
        return self.number(self.widths, self.plus(k, 1)), self.number(self.widths, k), self.row(self.T, self.number(self.to, k))

    def plus(self, k: Any, more: int) -> Any:
        return self.builder.add(k, INTEGER(more))

    def vector(self, of: Any, k: Any) -> Any:
        """Where q_k or h_{k+1} is."""
        return self.row(of, self.number(self.at, k))

    def above(self, k: Any) -> Any:
        """Where q_k is; the last of them is W_L itself."""
        last = self.plus(self.depth, -1)
        return self.builder.select(self.builder.icmp_signed("==", k, last), self.row(self.T, self.number(self.to, last)), self.vector(self.Q, k))

    def slopes(self) -> None:
        """Every q_{k-1} = q_k W_k from q_{L-1} = W_L on, and h_1 = q_0 S - C."""
        b, last = self.builder, self.plus(self.depth, -1)
        with cgutils.for_range(b, last) as loop:
            k = b.sub(last, self.plus(loop.index, 1))
            rows, cols, W = self.layer(k)
            self.through(rows, cols, self.above(self.plus(k, 1)), W, self.vector(self.Q, k), None)
        d = self.number(self.widths, INTEGER(0))
        self.through(d, d, self.above(INTEGER(0)), self.S, self.H, self.C)

    def keep(self) -> None:
        """W_L among the q_k: it is about to change, and who looks at the sizes of steps reads it there."""
        last = self.plus(self.depth, -1)
        _, cols, W = self.layer(last)
        with cgutils.for_range(self.builder, cols) as loop:
            self.lanes.store(self.lanes.load(W, loop.index), self.vector(self.Q, last), loop.index)

    def through(self, rows: Any, cols: Any, q: Any, W: Any, out: Any, less: Any) -> None:
        """out = qᵀ W - less."""
        lanes, b = self.lanes, self.builder

        def tile(js: list[Any]) -> None:
            totals = [cgutils.alloca_once_value(b, lanes.zero() if less is None else lanes.minus(lanes.load(less, j))) for j in js]
            with cgutils.for_range(b, rows) as loop:
                a, row = lanes.load(q, loop.index), b.mul(loop.index, cols)
                for total, j in zip(totals, js, strict=True):
                    b.store(lanes.plus_product(b.load(total), a, lanes.load(W, b.add(row, j))), total)
            for total, j in zip(totals, js, strict=True):
                lanes.store(b.load(total), out, j)

        _tiled(b, cols, tile)

    def up(self, each: Callable[[Any, Any, Any, Any], None], last: Callable[[Any, Any], None]) -> None:
        """h_{k+1} = W_k h_k with `each` on the way, given where the entry is, the old entry, q and h; `last` in the last layer, without q."""
        lanes, b = self.lanes, self.builder
        end = self.plus(self.depth, -1)
        with cgutils.for_range(b, end) as outer:
            k = outer.index
            rows, cols, W = self.layer(k)
            q, h, out, first = (
                self.above(self.plus(k, 1)),
                self.vector(self.H, k),
                self.vector(self.H, self.plus(k, 1)),
                self.number(self.to, k),
            )

            def tile(indices: list[Any]) -> None:
                begins, factors = [b.mul(i, cols) for i in indices], [lanes.load(q, i) for i in indices]
                totals = [cgutils.alloca_once_value(b, lanes.zero()) for _ in indices]
                with cgutils.for_range(b, cols) as loop:
                    x = lanes.load(h, loop.index)
                    for total, begin, a in zip(totals, begins, factors, strict=True):
                        place = b.add(begin, loop.index)
                        old = lanes.load(W, place)
                        b.store(lanes.plus_product(b.load(total), old, x), total)
                        each(b.add(first, place), old, a, x)
                for total, i in zip(totals, indices, strict=True):
                    lanes.store(b.load(total), out, i)

            _tiled(b, rows, tile)
        _, cols, _ = self.layer(end)
        h, first = self.vector(self.H, end), self.number(self.to, end)
        with cgutils.for_range(b, cols) as loop:
            last(b.add(first, loop.index), lanes.load(h, loop.index))


def _tiled(builder: Any, count: Any, work: Callable[[list[Any]], None]) -> None:
    """Work on the indices below `count`, `WIDEST` neighbours at a time, and on all that are left at once."""
    whole = builder.mul(builder.sdiv(count, INTEGER(WIDEST)), INTEGER(WIDEST))
    with cgutils.for_range_slice(builder, INTEGER(0), whole, INTEGER(WIDEST)) as (first, _):
        work([builder.add(first, INTEGER(t)) for t in range(WIDEST)])
    end = builder.function.append_basic_block("tiled")
    switch = builder.switch(builder.sub(count, whole), end)
    for rest in range(1, WIDEST):
        block = builder.function.append_basic_block(f"rest{rest}")
        switch.add_case(INTEGER(rest), block)
        builder.position_at_end(block)
        work([builder.add(whole, INTEGER(t)) for t in range(rest)])
        builder.branch(end)
    builder.position_at_end(end)


def _function(module: Any, name: str, body: Callable[..., None], arrays: int) -> Any:
    """The function ``(depth, steps, columns, widths, at, to, *blocks)`` that takes all lanes through a body, the widest groups first."""

    def write(builder: Any, depth: Any, steps: Any, columns: Any, *pointers: Any) -> None:
        over_lanes(builder, columns, lambda lanes: body(lanes, depth, steps, pointers[:3], pointers[3:]))

    return shared_function(module, f"networks.{name}", [INTEGER] * 3 + [NUMBERS] * 3 + [POINTER] * arrays, 3, write)


def field_function(module: Any, width: int) -> Any:
    """The function ``(depth, widths, at, to, T, S, C, Q, H, out)`` of the field of a block that has just so many columns."""

    def write(builder: Any, depth: Any, *pointers: Any) -> None:
        _field(Lanes(builder, INTEGER(width), INTEGER(0), width), depth, None, pointers[:3], pointers[3:])

    return shared_function(module, f"networks.field_of_{width}", [INTEGER] + [NUMBERS] * 3 + [POINTER] * 6, 1, write)


def _field(lanes: Lanes, depth: Any, steps: Any, numbers: Sequence[Any], data: Sequence[Any]) -> None:
    *inner, out = data
    sweeps = _Sweeps(lanes, depth, numbers, inner)
    sweeps.slopes()
    sweeps.up(lambda place, old, q, h: lanes.store(lanes.builder.fmul(q, h), out, place), lambda place, h: lanes.store(h, out, place))


def _descent(lanes: Lanes, depth: Any, steps: Any, numbers: Sequence[Any], data: Sequence[Any]) -> None:
    sweeps = _Sweeps(lanes, depth, numbers, data)
    T = data[0]
    with cgutils.for_range(lanes.builder, steps):
        sweeps.slopes()
        sweeps.keep()
        sweeps.up(
            lambda place, old, q, h: lanes.store(lanes.minus_product(old, q, h), T, place),
            lambda place, h: lanes.store(lanes.builder.fsub(lanes.load(T, place), h), T, place),
        )


def _called(name: str, body: Callable[..., None]) -> Callable[..., Any]:
    """Lowering of ``(steps, widths, at, to, *blocks)``."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        steps, *values = arguments
        made = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[1:], values, strict=True)]
        depth = builder.sub(cgutils.unpack_tuple(builder, made[0].shape)[0], INTEGER(1))
        columns = cgutils.unpack_tuple(builder, made[3].shape)[1]
        numbers = [builder.bitcast(array.data, NUMBERS) for array in made[:3]]
        blocks = [builder.bitcast(array.data, POINTER) for array in made[3:]]
        builder.call(_function(builder.module, name, body, len(blocks)), [depth, steps, columns, *numbers, *blocks])
        return context.get_dummy_value()

    return generated


@intrinsic
def network_field(context: Any, steps: Any, widths: Any, at: Any, to: Any, T: Any, S: Any, C: Any, Q: Any, H: Any, out: Any) -> Any:
    """out = A_kᵀ H_k of every layer for H_1 = w S - C; Q and H are room. `steps` is not used."""
    return types.void(INT, widths, at, to, T, S, C, Q, H, out), _called("field", _field)


@intrinsic
def network_descent(context: Any, steps: Any, widths: Any, at: Any, to: Any, T: Any, S: Any, C: Any, Q: Any, H: Any) -> Any:
    """`steps` steps W_k -= A_kᵀ H_k in place; Q and H are room."""
    return types.void(INT, widths, at, to, T, S, C, Q, H), _called("descent", _descent)
