"""One step of gradient descent on the squared loss of products of matrices, over a block of lanes.

Arrays as in `lanes`: T the parameters, S = 2cηΣ, C = 2cη (the correlation), Q the A_k, H the H_k; H_1 = w S - C.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing
from theorycheck.symbolic.kernels.micro.products import minus_outer, product_and_update, vector_matrix
from theorycheck.symbolic.kernels.networks.lanes import down, up


@borrowing
def slopes(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, S: np.ndarray, C: np.ndarray, Q: np.ndarray, H: np.ndarray) -> None:
    """Q = all A_k and H_1 = w S - C."""
    d = widths[0]
    down(widths, at, to, T, Q)
    for i in range(C.shape[0]):
        for lane in range(C.shape[1]):
            H[i, lane] = -C[i, lane]
    for r in range(widths[-1]):
        vector_matrix(d, d, Q, r * d, S, 0, H, r * d)


@borrowing
def up_and_update_of_row(rows: int, cols: int, q: np.ndarray, W: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    """out = W h with the old W, then W -= q hᵀ: one pass over W where lanes share it."""
    product_and_update(rows, cols, q, 0, h, 0, W, 0, out, 0)


@borrowing
def up_and_update(widths: np.ndarray, at: np.ndarray, to: np.ndarray, T: np.ndarray, Q: np.ndarray, H: np.ndarray) -> None:
    """All H_k from H_1, and W_k -= A_kᵀ H_k on the way, each after its last use."""
    outputs = widths[-1]
    if outputs == 1:
        for k in range(1, widths.size):
            product_and_update(widths[k], widths[k - 1], Q, at[k], H, at[k - 1], T, to[k - 1], H, at[k])
        return
    up(widths, at, to, T, H)
    for k in range(1, widths.size):
        for r in range(outputs):
            below, above = outputs * at[k - 1] + r * widths[k - 1], outputs * at[k] + r * widths[k]
            minus_outer(widths[k], widths[k - 1], Q, above, H, below, T, to[k - 1])


@borrowing
def dots(length: int, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    """Scalar products of the first `length` entries, lane by lane."""
    for lane in range(out.size):
        out[lane] = 0.0
    for i in range(length):
        a, b = x[i], y[i]
        for lane in range(out.size):
            out[lane] += a[lane] * b[lane]


@borrowing
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
