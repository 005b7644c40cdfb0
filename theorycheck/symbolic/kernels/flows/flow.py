"""Gradient flow of the squared loss of products of matrices: Dormand-Prince 8(5,3) over lanes, whole runs inside compiled code.

Every lane has a time, a step size and a tolerance of its own. A lane that is done gives its place to one that waits. Results do not
depend on the block, to the last bit (see `networks.lanes`).

The field is θ̇_k = A_kᵀ H_k with H_1 = w S - C for S = -2cΣ and C = -2c (the correlation).
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.flows.control import (
    DIVERGED,
    ENDED,
    EVALUATIONS,
    RUNNING,
    SMALL,
    Data,
    Requests,
    Runs,
    limit,
    reached,
    settle,
)
from theorycheck.symbolic.kernels.flows.steps import (
    ERROR,
    FLOOR,
    NEW_SIZE,
    OFFSET,
    ROOM_ROWS,
    SIZE,
    TOLERANCE,
    Block,
    Network,
    block_arrays,
    errors,
    field,
    interior,
    interior_stages,
    norms,
    sizes,
    stages,
)
from theorycheck.symbolic.kernels.flows.tableau import Tableau
from theorycheck.symbolic.kernels.micro.flow import taken
from theorycheck.symbolic.kernels.micro.stages import WIDTH
from theorycheck.symbolic.kernels.networks.lanes import offsets

ROOM = 8192  # parameters times lanes whose stages stay in the second cache
PADDED = 100  # parameters up to which a single instance, too, is quicker among idle lanes


@borrowing
def load_lane(lane: int, m: int, block: Block, data: Data, runs: Runs) -> None:
    """Instance m into one lane of a block."""
    for p in range(block.T.shape[0]):
        block.T[p, lane] = runs.state[m, p]
    for p in range(block.S.shape[0]):
        block.S[p, lane] = data.covariance[m, p]
    for p in range(block.C.shape[0]):
        block.C[p, lane] = data.correlation[m, p]


@borrowing
def begin(m: int, state: float, slope: float, requests: Requests, runs: Runs) -> None:
    """First step of a lane, and what there is to save or to stop for at its start."""
    last = requests.end[m] - runs.time[m]
    if runs.step[m] == 0.0:
        runs.counts[m, EVALUATIONS] += 1
        size = max(state, requests.floor[m])
        reach = 0.01 * size / slope if size > 0.0 else 1e-6
        runs.step[m] = requests.first[m] * min(reach, last / 3.0)
    while runs.following[m] < requests.times.shape[1] and requests.times[m, runs.following[m]] <= runs.time[m]:
        out = runs.saved[m, runs.following[m]]
        for p in range(out.size):
            out[p] = runs.state[m, p]
        runs.following[m] += 1
    if not np.isfinite(slope) or not np.isfinite(state):
        runs.ending[m] = DIVERGED
    elif slope <= requests.small[m]:
        runs.ending[m] = SMALL
    elif last <= 0.0:
        runs.ending[m] = ENDED


@borrowing
def due(members: np.ndarray, h: np.ndarray, error: np.ndarray, requests: Requests, runs: Runs) -> bool:
    """Whether a requested time lies inside one of the steps just taken."""
    count, times, following = requests.times.shape[1], requests.times, runs.following
    for lane in range(h.size):
        m = members[lane]
        waits = m >= 0 and error[lane] < 1.0 and following[m] < count
        if waits and times[m, following[m]] < reached(runs.time[m], h[lane], requests.end[m]):
            return True
    return False


@borrowing
def save(tableau: Tableau, block: Block, members: np.ndarray, h: np.ndarray, error: np.ndarray, requests: Requests, runs: Runs) -> None:
    """States at the requested times up to the end of the steps just taken."""
    count, times, following = requests.times.shape[1], requests.times, runs.following
    for lane in range(h.size):
        m = members[lane]
        while m >= 0 and error[lane] < 1.0 and following[m] < count:
            time, final = times[m, following[m]], reached(runs.time[m], h[lane], requests.end[m])
            if time > final:
                break
            out = runs.saved[m, following[m]]
            if time < final:
                interior(tableau, block, lane, h[lane], (time - runs.time[m]) / h[lane], out)
            else:
                for p in range(out.size):
                    out[p] = block.Y[p, lane]
            following[m] += 1


@borrowing
def attempt(
    net: Network, tableau: Tableau, block: Block, members: np.ndarray, h: np.ndarray, room: np.ndarray, requests: Requests, runs: Runs
) -> None:
    """One attempted step of every lane of a block, and the account of it."""
    error, offset, before, after, floor, share = room[ERROR], room[OFFSET], room[SIZE], room[NEW_SIZE], room[FLOOR], 0.01 / np.sqrt(block.T.shape[0])
    stages(net, tableau, block, h)
    norms(block, room)
    for lane in range(h.size):
        offset[lane] = share * max(before[lane], after[lane], floor[lane]) + 1e-140
    errors(block, h, room)
    if requests.times.shape[1] > 0:
        if due(members, h, error, requests, runs):
            interior_stages(net, tableau, block, h)
        save(tableau, block, members, h, error, requests, runs)
    settle(members, h, room, requests, runs)
    taken(block, error)


@borrowing
def retire(block: Block, members: np.ndarray, runs: Runs) -> int:
    """Write back every lane of a block whose run has ended; how many go on."""
    active = 0
    for lane in range(members.size):
        m = members[lane]
        if m >= 0 and runs.ending[m] != RUNNING:
            for p in range(block.T.shape[0]):
                runs.state[m, p] = block.T[p, lane]
            members[lane] = -1
        elif m >= 0:
            active += 1
    return active


@borrowing
def refill(
    net: Network, block: Block, members: np.ndarray, pending: np.ndarray, following: int, room: np.ndarray, data: Data, requests: Requests, runs: Runs
) -> int:
    """Pending instances into idle lanes; the first that still waits."""
    n = members.size
    arrived = True
    while arrived and following < pending.size:
        arrived = False
        for lane in range(n):
            room[2, lane] = 0.0
            if members[lane] < 0 and following < pending.size:
                members[lane] = pending[following]
                load_lane(lane, pending[following], block, data, runs)
                room[TOLERANCE, lane], room[FLOOR, lane] = requests.tolerance[members[lane]], requests.floor[members[lane]]
                following += 1
                room[2, lane] = 1.0
                arrived = True
        if arrived:
            field(net, block, block.T, block.K[0])
            sizes(block.T, room[0])
            sizes(block.K[0], room[1])
            for lane in range(n):
                if room[2, lane] == 1.0:
                    begin(members[lane], room[0, lane], room[1, lane], requests, runs)
            retire(block, members, runs)
    return following


@compiled
def march(net: Network, tableau: Tableau, pending: np.ndarray, n: int, data: Data, requests: Requests, runs: Runs) -> None:
    """Run the pending instances in a block of n lanes until all are done; lanes that are left over stay idle."""
    height = net.widths[-1] * net.at[-1]
    block = block_arrays(runs.state.shape[1], data.covariance.shape[1], data.correlation.shape[1], height, n)
    step_by_step(net, tableau, pending, block, np.full(n, -1, np.int64), np.empty(n), np.zeros((ROOM_ROWS, n)), data, requests, runs)


@borrowing
def step_by_step(
    net: Network,
    tableau: Tableau,
    pending: np.ndarray,
    block: Block,
    members: np.ndarray,
    h: np.ndarray,
    room: np.ndarray,
    data: Data,
    requests: Requests,
    runs: Runs,
) -> None:
    """Attempted steps of a block until none of its lanes is under way."""
    following, active = 0, members.size
    while active > 0 or following < pending.size:
        following = refill(net, block, members, pending, following, room, data, requests, runs)
        limit(members, h, requests, runs)
        attempt(net, tableau, block, members, h, room, requests, runs)
        active = retire(block, members, runs)


@borrowing
def lanes_of_block(outputs: int, parameters: int, pending: int) -> int:
    """How many lanes a block has."""
    if outputs == 1 and parameters <= (PADDED if pending == 1 else ROOM // WIDTH):
        return WIDTH  # whatever is pending: idle lanes cost less than the general path
    return min(WIDTH, pending, max(1, ROOM // parameters))


@compiled
def flow(widths: np.ndarray, tableau: Tableau, data: Data, requests: Requests, runs: Runs) -> None:
    """Integrate the instances under way in place, each to its end."""
    at, to = offsets(widths)
    pending = np.flatnonzero(runs.ending == RUNNING)
    if pending.size > 0:
        n = lanes_of_block(widths[-1], runs.state.shape[1], pending.size)
        march(Network(widths, at, to), tableau, pending, n, data, requests, runs)
