"""The one compiled interpreter of all tapes: sizes, offsets and the order of work are data, so no model and no shape compiles anew.

A tape is played on a block of lanes, as in `networks.lanes`: entry p of instance l is ``M[p, l]``. The arrays of the instances stand at the
head of M, one after the other, scratch room and outputs behind them. An instruction is a row of integers,

    opcode, out, a, b, rows, inner, cols, c

with offsets into M, and a number beside it; `numbers` has those first, then the constants.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.lanes import add_matrix_vector, add_outer, add_vector_matrix, block_of, clear, store
from theorycheck.symbolic.kernels.networks.steps import up_and_update_of_row

CLEAR = 0  # out = 0, rows x cols
FRESH = 1  # out = number a
ADD = 2  # out += number a
ADD_TRANSPOSED = 3  # out += number aᵀ, a of shape (cols, rows)
ADD_IDENTITY = 4  # out += number I
PLAIN_FRESH = 5  # out = a b, a of shape (rows, inner)
PLAIN = 6  # out += a b
RIGHT_TRANSPOSED_FRESH = 7  # out = a bᵀ, a of shape (rows, inner), b of shape (cols, inner)
RIGHT_TRANSPOSED = 8  # out += a bᵀ
LEFT_TRANSPOSED_FRESH = 9  # out = number aᵀ b, a of shape (inner, rows)
LEFT_TRANSPOSED = 10  # out += number aᵀ b
THROUGH_AND_UPDATE = 11  # out = a bᵀ with the old b, then b -= cᵀ a, a of shape (1, inner), b of shape (cols, inner), c of shape (1, cols)
COUNT = 12
SETTING = (CLEAR, FRESH, PLAIN_FRESH, RIGHT_TRANSPOSED_FRESH, LEFT_TRANSPOSED_FRESH, THROUGH_AND_UPDATE)  # do not read what they write
WITH_NUMBER = (FRESH, ADD, ADD_TRANSPOSED, ADD_IDENTITY, LEFT_TRANSPOSED_FRESH, LEFT_TRANSPOSED)
PRODUCTS = (PLAIN_FRESH, PLAIN, RIGHT_TRANSPOSED_FRESH, RIGHT_TRANSPOSED, LEFT_TRANSPOSED_FRESH, LEFT_TRANSPOSED, THROUGH_AND_UPDATE)


@compiled
def set_outer(number: float, rows: int, cols: int, q: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out = number q hᵀ."""
    n = out.shape[1]
    if n == 1:
        x, y, M = q.reshape(-1), h.reshape(-1), out.reshape(-1)
        for i in range(rows):
            a, w = number * x[i], M[i * cols : (i + 1) * cols]
            for j in range(cols):
                w[j] = a * y[j]
        return
    for i in range(rows):
        a = q[i]
        for j in range(cols):
            w, b = out[i * cols + j], h[j]
            for lane in range(n):
                w[lane] = number * a[lane] * b[lane]


@compiled
def add_scaled(number: float, size: int, a: np.ndarray, out: np.ndarray) -> None:
    """out += number a."""
    for p in range(size):
        x, y = a[p], out[p]
        for lane in range(y.size):
            y[lane] += number * x[lane]


@compiled
def set_scaled(number: float, size: int, a: np.ndarray, out: np.ndarray) -> None:
    """out = number a."""
    for p in range(size):
        x, y = a[p], out[p]
        for lane in range(y.size):
            y[lane] = number * x[lane]


@compiled
def add_transposed(number: float, rows: int, cols: int, a: np.ndarray, out: np.ndarray) -> None:
    """out += number aᵀ, out of shape (rows, cols)."""
    for i in range(rows):
        for j in range(cols):
            x, y = a[j * rows + i], out[i * cols + j]
            for lane in range(y.size):
                y[lane] += number * x[lane]


@compiled
def add_identity(number: float, rows: int, cols: int, out: np.ndarray) -> None:
    """out += number I."""
    for i in range(rows):
        y = out[i * cols + i]
        for lane in range(y.size):
            y[lane] += number


@compiled
def play(code: np.ndarray, numbers: np.ndarray, M: np.ndarray) -> None:
    """Carry out the instructions, code (n, 8), on a block."""
    for i in range(code.shape[0]):
        op, at, number = code[i, 0], code[i, 1], numbers[i]
        rows, inner, cols = code[i, 4], code[i, 5], code[i, 6]
        out, a, b = M[at:], M[code[i, 2] :], M[code[i, 3] :]
        if op == THROUGH_AND_UPDATE:
            up_and_update_of_row(cols, inner, M[code[i, 7] :], b, a, out)
        elif op in (RIGHT_TRANSPOSED, RIGHT_TRANSPOSED_FRESH):
            if op == RIGHT_TRANSPOSED_FRESH:
                clear(out[: rows * cols])
            for r in range(rows):
                add_matrix_vector(cols, inner, b, a[r * inner :], out[r * cols :])
        elif op in (PLAIN, PLAIN_FRESH):
            if op == PLAIN_FRESH:
                clear(out[: rows * cols])
            for r in range(rows):
                add_vector_matrix(inner, cols, a[r * inner :], b, out[r * cols :])
        elif op in (LEFT_TRANSPOSED, LEFT_TRANSPOSED_FRESH):
            first = 0
            if op == LEFT_TRANSPOSED_FRESH:
                set_outer(number, rows, cols, a, b, out)
                first = 1
            for r in range(first, inner):
                add_outer(number, rows, cols, a[r * rows :], b[r * cols :], out)
        elif op == CLEAR:
            clear(M[at : at + rows * cols])
        elif op == FRESH:
            set_scaled(number, rows * cols, a, out)
        elif op == ADD:
            add_scaled(number, rows * cols, a, out)
        elif op == ADD_TRANSPOSED:
            add_transposed(number, rows, cols, a, out)
        elif op == ADD_IDENTITY:
            add_identity(number, rows, cols, out)


@compiled
def fetch(values: np.ndarray, members: np.ndarray, start: int, M: np.ndarray) -> int:
    """Instances `members` of values (B, m), or the one row of values (1, m) for all, into rows of a block; where the next array begins."""
    shared, block = values.shape[0] == 1, M[start : start + values.shape[1]]
    for lane in range(members.size):
        row = values[0 if shared else members[lane]]
        for p in range(row.size):
            block[p, lane] = row[p]
    return start + values.shape[1]


@compiled
def set_rows(constants: np.ndarray, start: int, M: np.ndarray) -> None:
    """Numbers that are the same for all lanes."""
    for p in range(constants.size):
        row = M[start + p]
        for lane in range(row.size):
            row[lane] = constants[p]


@compiled
def evaluations(
    code: np.ndarray,
    numbers: np.ndarray,
    room: int,
    theta: np.ndarray,
    G: np.ndarray,
    K: np.ndarray,
    V: np.ndarray,
    out: np.ndarray,
) -> None:
    """Outputs of every instance, out (B, m): the last m of `room` rows. Arrays are (B, size), or (1, size) for all instances."""
    B, size = out.shape
    first = 0 * room
    while first < B:
        members = block_of(first, B, theta.shape[1])
        M = np.empty((room, members.size))
        start = fetch(theta, members, 0 * room, M)
        start = fetch(G, members, start, M)
        start = fetch(K, members, start, M)
        start = fetch(V, members, start, M)
        set_rows(numbers[code.shape[0] :], start, M)
        play(code, numbers, M)
        store(M[room - size :], members, out)
        first += members.size


@compiled
def steps(
    code: np.ndarray,
    numbers: np.ndarray,
    room: int,
    theta: np.ndarray,
    G: np.ndarray,
    K: np.ndarray,
    count: int,
) -> None:
    """Play a tape that moves θ, `count` times, in place: theta (B, P), the others (B, size) or (1, size)."""
    first = 0 * room
    while first < theta.shape[0]:
        members = block_of(first, theta.shape[0], theta.shape[1])
        M = np.empty((room, members.size))
        start = fetch(theta, members, 0 * room, M)
        start = fetch(G, members, start, M)
        start = fetch(K, members, start, M)
        set_rows(numbers[code.shape[0] :], start, M)
        for _ in range(count):
            play(code, numbers, M)
        store(M[: theta.shape[1]], members, theta)
        first += members.size
