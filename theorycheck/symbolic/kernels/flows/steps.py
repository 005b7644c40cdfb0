"""Dormand-Prince 8(5,3) over a block of lanes: stages, error norms, the interpolant.

Arrays of a block have one column a lane (see `networks.lanes`); K holds the slopes of the stages, shape (16, P, n). The formulas are those
of Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, II.5 (step control) and II.6 (interpolant), and, for
the edge of stability, volume II, IV.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.flows.tableau import EXTRA, SOLUTION, STAGES, Tableau
from theorycheck.symbolic.kernels.micro.combination import combination
from theorycheck.symbolic.kernels.micro.flow import relative_errors, squared_norms
from theorycheck.symbolic.kernels.micro.networks import network_field
from theorycheck.symbolic.kernels.micro.stages import WIDTH, network_stages
from theorycheck.symbolic.kernels.networks.lanes import add_products, clear, up
from theorycheck.symbolic.kernels.networks.steps import slopes

LINE = 8  # numbers in a line of the cache
CHUNK = 512  # entries that a linear combination works on at a time: they stay in the nearest cache

ERROR, RATIO, OFFSET, TOLERANCE, SIZE, NEW_SIZE, SPEED, NEW_SPEED, CHANGE, MOVE = range(10)  # rows of the room of a block
THIRD_SQUARES, FIFTH_SQUARES, FLOOR, ROOM_ROWS = 10, 11, 12, 13


class Network(NamedTuple):
    """What is the same for all lanes, and where layers begin (`lanes.offsets`)."""

    widths: np.ndarray
    at: np.ndarray
    to: np.ndarray


class Block(NamedTuple):
    """Arrays of a block of n lanes."""

    T: np.ndarray  # (P, n) states
    Y: np.ndarray  # (P, n) states after the step
    X: np.ndarray  # (P, n) where a stage is evaluated
    K: np.ndarray  # (16, P, n) slopes of the stages
    S: np.ndarray  # (d_0 d_0, n) -2cΣ
    C: np.ndarray  # (d_L d_0, n) -2c times the correlation
    Q: np.ndarray  # (d_L Σ d_k, n) room of the sweeps
    H: np.ndarray


@compiled
def aligned(size: int) -> np.ndarray:
    """Zeros that begin where a line of the cache begins: a vector register then never reads from two of them."""
    room = np.zeros(size + LINE)
    skipped = -(room.ctypes.data // 8) % LINE
    return room[skipped : skipped + size]


@compiled
def block_arrays(P: int, covariance: int, correlation: int, height: int, n: int) -> Block:
    """Arrays of a block, full of zeros: lanes that stay idle must not hold numbers that are slow to compute with."""
    return Block(
        aligned(P * n).reshape(P, n),
        aligned(P * n).reshape(P, n),
        aligned(P * n).reshape(P, n),
        aligned((STAGES + 1 + EXTRA) * P * n).reshape(STAGES + 1 + EXTRA, P, n),
        aligned(covariance * n).reshape(covariance, n),
        aligned(correlation * n).reshape(correlation, n),
        aligned(height * n).reshape(height, n),
        aligned(height * n).reshape(height, n),
    )


@borrowing
def field(net: Network, block: Block, T: np.ndarray, out: np.ndarray) -> None:
    """out = -∇R(T)."""
    if net.widths[-1] == 1 and out.shape[1] > 1:
        network_field(1, net.widths, net.at, net.to, T, block.S, block.C, block.Q, block.H, out)
        return
    slopes(net.widths, net.at, net.to, T, block.S, block.C, block.Q, block.H)
    up(net.widths, net.at, net.to, T, block.H)
    clear(out)
    add_products(net.widths, net.at, net.to, block.Q, block.H, out)


@borrowing
def add_three(o: np.ndarray, a: float, x: np.ndarray, b: float, y: np.ndarray, c: float, z: np.ndarray) -> None:
    """o += a x + b y + c z, from the left."""
    for i in range(o.size):
        o[i] = o[i] + a * x[i] + b * y[i] + c * z[i]


@borrowing
def weighted(tableau: Tableau, row: int, K: np.ndarray, out: np.ndarray) -> None:
    """out = Σ_j a_j K_j for one row of the tableau."""
    entries, stride, all_slopes = out.reshape(-1), out.size, K.reshape(-1)
    count, stage, a = tableau.counts[row], tableau.stages[row], tableau.values[row]
    for low in range(0, entries.size, CHUNK):
        o, k = entries[low : min(low + CHUNK, entries.size)], all_slopes[low:]
        for i in range(o.size):
            o[i] = 0.0
        j = 0
        while j + 2 < count:
            add_three(o, a[j], k[stage[j] * stride :], a[j + 1], k[stage[j + 1] * stride :], a[j + 2], k[stage[j + 2] * stride :])
            j += 3
        while j < count:
            c, x = a[j], k[stage[j] * stride :]
            for i in range(o.size):
                o[i] += c * x[i]
            j += 1


@borrowing
def displaced(tableau: Tableau, row: int, block: Block, h: np.ndarray, out: np.ndarray) -> None:
    """out = T + h Σ_j a_j K_j for one row of the tableau, every lane with its own h."""
    combination(tableau.counts[row], tableau.stages[row], tableau.values[row], block.K, block.T, h, out)


@borrowing
def stages(net: Network, tableau: Tableau, block: Block, h: np.ndarray) -> None:
    """One attempted step: Y, and K up to the slope at Y; X is left where the last stage before it was evaluated."""
    if net.widths[-1] == 1 and h.size == WIDTH:
        network_stages(net, block, h)
    else:
        stages_one_by_one(net, tableau, block, h)


@borrowing
def stages_one_by_one(net: Network, tableau: Tableau, block: Block, h: np.ndarray) -> None:
    """The same for any network and any number of lanes."""
    for s in range(1, STAGES):
        displaced(tableau, s, block, h, block.X)
        field(net, block, block.X, block.K[s])
    displaced(tableau, tableau.rows[SOLUTION], block, h, block.Y)
    field(net, block, block.Y, block.K[STAGES])


@borrowing
def sizes(X: np.ndarray, out: np.ndarray) -> None:
    """Euclidean norm of every column."""
    for lane in range(out.size):
        out[lane] = 0.0
    for p in range(X.shape[0]):
        x = X[p]
        for lane in range(out.size):
            out[lane] += x[lane] * x[lane]
    for lane in range(out.size):
        out[lane] = np.sqrt(out[lane])


@borrowing
def norms(block: Block, room: np.ndarray) -> None:
    """Norms of states and slopes before and after the step, and of what changed between the last two stages, into the rows of `room`."""
    out = room[SIZE:THIRD_SQUARES]
    squared_norms(block, out)
    flat = out.reshape(-1)
    for i in range(flat.size):
        flat[i] = np.sqrt(flat[i])


@borrowing
def errors(block: Block, h: np.ndarray, room: np.ndarray) -> None:
    """Error of the step in units of tolerance (max(|T_p|, |Y_p|) + offset), lane by lane; and h times the size of the Jacobian.

    The latter is seen by the last two stages: about 6.1 at the edge of stability.
    """
    fifth, third, offset, tolerance = room[FIFTH_SQUARES], room[THIRD_SQUARES], room[OFFSET], room[TOLERANCE]
    change, move, out, ratio = room[CHANGE], room[MOVE], room[ERROR], room[RATIO]
    relative_errors(block, offset, room[THIRD_SQUARES:FLOOR])
    for lane in range(h.size):
        ratio[lane] = h[lane] * change[lane] / move[lane] if move[lane] > 0.0 else 0.0
        denominator = (fifth[lane] + 0.01 * third[lane]) * block.T.shape[0]
        if not (denominator < np.inf and offset[lane] < np.inf):  # an explosion hides behind its own size
            out[lane] = np.inf
        else:
            out[lane] = h[lane] * fifth[lane] / (np.sqrt(denominator) * tolerance[lane]) if denominator > 0.0 else 0.0


@borrowing
def interior_stages(net: Network, tableau: Tableau, block: Block, h: np.ndarray) -> None:
    """The three further slopes that the interpolant needs."""
    for s in range(STAGES + 1, STAGES + 1 + EXTRA):
        displaced(tableau, s, block, h, block.X)
        field(net, block, block.X, block.K[s])


@borrowing
def interior(tableau: Tableau, block: Block, lane: int, h: float, x: float, out: np.ndarray) -> None:
    """State of one lane at the fraction x of the step."""
    last = block.K.shape[0]
    for p in range(out.size):
        old, jump = block.T[p, lane], block.Y[p, lane] - block.T[p, lane]
        first, final = h * block.K[0, p, lane], h * block.K[STAGES, p, lane]
        value = 0.0
        for i in range(tableau.interpolant.shape[0] - 1, -1, -1):
            total = 0.0
            for j in range(last):
                total += tableau.interpolant[i, j] * block.K[j, p, lane]
            value = (value + h * total) * (x if i % 2 == 1 else 1.0 - x)
        value = (value + 2.0 * jump - first - final) * x
        value = (value + first - jump) * (1.0 - x)
        out[p] = old + (value + jump) * x
