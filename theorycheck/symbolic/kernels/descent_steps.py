"""One step of gradient descent on the squared loss of products of matrices, over a block of lanes.

Arrays as in `lanes`: T the parameters, S = 2cηΣ, C = 2cη (the correlation), Q the A_k, H the H_k; H_1 = w S - C.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.lanes import add_matrix_vector, add_outer, add_vector_matrix, clear, down, up


@compiled
def slopes(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, S: np.ndarray, C: np.ndarray, Q: np.ndarray, H: np.ndarray) -> None:
    """Q = all A_k and H_1 = w S - C."""
    d = widths[0]
    down(widths, at, to, T, Q)
    for i in range(C.shape[0]):
        h, c = H[i], C[i]
        for lane in range(h.size):
            h[lane] = -c[lane]
    for r in range(widths[-1]):
        add_vector_matrix(d, d, Q[r * d :], S, H[r * d :])


@compiled
def up_and_update_of_row(rows: int, cols: int, q: np.ndarray, W: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out = W h with the old W, then W -= q hᵀ: one pass over W where lanes share it."""
    n = out.shape[1]
    if n == 1:
        clear(out[:rows])
        add_matrix_vector(rows, cols, W, h, out)
        add_outer(-1.0, rows, cols, q, h, W)
        return
    for i in range(rows):
        o, a = out[i], q[i]
        for lane in range(n):
            o[lane] = 0.0
        for j in range(cols):
            w, b = W[i * cols + j], h[j]
            for lane in range(n):
                old = w[lane]
                o[lane] += old * b[lane]
                w[lane] = old - a[lane] * b[lane]


@compiled
def up_and_update(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, Q: np.ndarray, H: np.ndarray) -> None:
    """All H_k from H_1, and W_k -= A_kᵀ H_k on the way, each after its last use."""
    outputs = widths[-1]
    if outputs == 1:
        for k in range(1, widths.size):
            up_and_update_of_row(widths[k], widths[k - 1], Q[at[k] :], T[to[k - 1] :], H[at[k - 1] :], H[at[k] :])
        return
    up(widths, at, to, T, H)
    for k in range(1, widths.size):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            add_outer(-1.0, widths[k], widths[k - 1], Q[above:], H[below:], T[to[k - 1] :])


@compiled
def dots(length: int, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    """Scalar products of the first `length` entries, lane by lane."""
    for lane in range(out.size):
        out[lane] = 0.0
    for i in range(length):
        a, b = x[i], y[i]
        for lane in range(out.size):
            out[lane] += a[lane] * b[lane]


@compiled
def squared_steps(widths: np.ndarray, at: np.ndarray, Q: np.ndarray, H: np.ndarray, room: np.ndarray) -> None:
    """Σ_k ‖A_kᵀ H_k‖² into room[0], through the products of rows: <A_kᵀ H_k, A_kᵀ H_k> = Σ_rs (a_r·a_s)(h_r·h_s)."""
    outputs, out, left, right = widths[-1], room[0], room[1], room[2]
    for lane in range(out.size):
        out[lane] = 0.0
    for k in range(1, widths.size):
        for r in range(outputs):
            for s in range(outputs):
                dots(widths[k], Q[outputs * at[k] + r * widths[k] :], Q[outputs * at[k] + s * widths[k] :], left)
                dots(widths[k - 1], H[outputs * at[k - 1] + r * widths[k - 1] :], H[outputs * at[k - 1] + s * widths[k - 1] :], right)
                for lane in range(out.size):
                    out[lane] += left[lane] * right[lane]
