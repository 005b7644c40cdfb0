"""Top eigenvalues of Hessians of products of matrices with one output, by Lanczos in the range of the Hessian.

With q_k = A_kᵀ, h_1 = G, h_{k+1} = W_k h_k (see `lanes`) the product of the Hessian with V has the blocks D_k h_kᵀ + q_k e_kᵀ, where

    D_L = 0,  D_{k-1} = W_kᵀ D_k + V_kᵀ q_k,   e_1 = K D_0,  e_{k+1} = W_k e_k + V_k h_k.

So its range lies in the V with V_k = q̂_k a_kᵀ + b_k ĥ_kᵀ (hats: unit vectors, or 0), of dimension at most Σ (d_k + d_{k-1} - 1) for
b_k ⊥ q̂_k, where |V|² = Σ |a_k|² + |b_k|²: the coordinates (a, b) are orthonormal. A product costs two sweeps of matrix-vector products,
O(Σ d_k d_{k-1}), and everything else is as short as a layer is wide, so that every new vector can be made orthogonal to all before.

A small residual proves an eigenvalue, not that it is the top one. That rests on the start, which has a part of a fixed random vector, and
on every new vector being made orthogonal to all before, twice: `tests/symbolic/test_ranged.py` holds it against dense solvers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.micro.products import matrix_vector, vector_matrix
from theorycheck.symbolic.kernels.networks.lanes import down, offsets, up

STEPS, RESTARTS = 96, 12
PART = 0.05  # of the random vector in a warm start
LOOK = 3  # steps between two looks at the top eigenvalue


class Point(NamedTuple):
    """A point and what products with the Hessian there need; all arrays have one column."""

    widths: np.ndarray
    at: np.ndarray
    to: np.ndarray
    T: np.ndarray  # the parameters
    K: np.ndarray
    Q: np.ndarray  # unit q_k at at[k]
    H: np.ndarray  # unit h_k at at[k-1]
    q: np.ndarray  # |q_k|, k = 0, ..., L
    h: np.ndarray  # |h_k| at k - 1
    D: np.ndarray  # room
    E: np.ndarray


@borrowing
def dot(X: np.ndarray, x: int, Y: np.ndarray, y: int, count: int) -> float:
    """Scalar product of parts of two columns."""
    s, t, u, v = 0.0, 0.0, 0.0, 0.0
    four = count - count % 4
    for i in range(0, four, 4):
        s += X[x + i, 0] * Y[y + i, 0]
        t += X[x + i + 1, 0] * Y[y + i + 1, 0]
        u += X[x + i + 2, 0] * Y[y + i + 2, 0]
        v += X[x + i + 3, 0] * Y[y + i + 3, 0]
    for i in range(four, count):
        s += X[x + i, 0] * Y[y + i, 0]
    return (s + t) + (u + v)


@borrowing
def normalize(X: np.ndarray, first: int, count: int) -> float:
    """Divide a part of a column by its norm, which is returned; 0 stays."""
    norm = np.sqrt(dot(X, first, X, first, count))
    if norm > 0.0:
        for i in range(first, first + count):
            X[i, 0] /= norm
    return norm


@compiled
def point_at(widths: np.ndarray, at: np.ndarray, to: np.ndarray, theta: np.ndarray, G: np.ndarray, K: np.ndarray) -> Point:
    """The point θ ``(P,)`` with G ``(d_0,)`` and K ``(d_0 d_0,)``."""
    depth, T = widths.size - 1, theta.reshape(-1, 1)
    Q, H = np.zeros((at[-1], 1)), np.zeros((at[-1], 1))
    for i in range(widths[0]):
        H[i, 0] = G[i]
    down(widths, at, to, T, Q)
    up(widths, at, to, T, H)
    q, h = np.zeros(depth + 1), np.zeros(depth)
    for k in range(depth + 1):
        q[k] = normalize(Q, at[k], widths[k])
    for k in range(depth):
        h[k] = normalize(H, at[k], widths[k])
    return Point(widths, at, to, T, K.reshape(-1, 1), Q, H, q, h, np.zeros_like(Q), np.zeros_like(Q))


@borrowing
def into_range(point: Point, x: np.ndarray) -> None:
    """Make coordinates stand for a V in the range: b_k ⊥ q̂_k, and nothing where q_k or h_k is 0."""
    widths, at, place = point.widths, point.at, 0
    for k in range(1, widths.size):
        if point.q[k] == 0.0:
            for i in range(place, place + widths[k - 1]):
                x[i, 0] = 0.0
        place += widths[k - 1]
        along = dot(x, place, point.Q, at[k], widths[k])
        for i in range(widths[k]):
            x[place + i, 0] = x[place + i, 0] - along * point.Q[at[k] + i, 0] if point.h[k - 1] > 0.0 else 0.0
        place += widths[k]


@borrowing
def applied(point: Point, x: np.ndarray, y: np.ndarray) -> None:
    """Coordinates of the product of the Hessian with V, from coordinates of V."""
    widths, at, to, D, E = point.widths, point.at, point.to, point.D, point.E
    depth, place = widths.size - 1, x.shape[0]
    D[at[depth], 0] = 0.0
    for k in range(depth, 0, -1):
        place -= widths[k] + widths[k - 1]
        for i in range(widths[k - 1]):
            D[at[k - 1] + i, 0] = point.q[k] * x[place + i, 0]
        vector_matrix(widths[k], widths[k - 1], D, at[k], point.T, to[k - 1], D, at[k - 1])
    for i in range(widths[0]):
        E[i, 0] = 0.0
    matrix_vector(widths[0], widths[0], point.K, 0, D, 0, E, 0)
    for k in range(1, depth + 1):
        a, b = place, place + widths[k - 1]
        along = dot(D, at[k], point.Q, at[k], widths[k])
        for i in range(widths[k - 1]):
            y[a + i, 0] = point.q[k] * E[at[k - 1] + i, 0] + point.h[k - 1] * along * point.H[at[k - 1] + i, 0]
        for i in range(widths[k]):
            y[b + i, 0] = point.h[k - 1] * (D[at[k] + i, 0] - along * point.Q[at[k] + i, 0])
        if k < depth:
            inner = dot(x, a, point.H, at[k - 1], widths[k - 1])
            for i in range(widths[k]):
                E[at[k] + i, 0] = point.h[k - 1] * (point.Q[at[k] + i, 0] * inner + x[b + i, 0])
            matrix_vector(widths[k], widths[k - 1], point.T, to[k - 1], E, at[k - 1], E, at[k])
        place = b + widths[k]


@compiled
def top_of_tridiagonal(alpha: np.ndarray, beta: np.ndarray, m: int, s: np.ndarray) -> float:
    """Largest eigenvalue of the leading m by m part, its unit eigenvector into s: Laguerre's method from above, where it is monotone."""
    top = alpha[0]
    for i in range(m):
        left, right = (beta[i - 1] if i > 0 else 0.0), (beta[i] if i + 1 < m else 0.0)
        top = max(top, alpha[i] + left + right)
    for _ in range(60):
        d, first, second, low, total, squares = top - alpha[0], 1.0, 0.0, False, 0.0, 0.0
        for i in range(m):
            if i > 0:
                ratio, slope, bend = beta[i - 1] * beta[i - 1] / d, first / d, second / d
                d, first, second = top - alpha[i] - ratio, 1.0 + ratio * slope, ratio * (bend - 2.0 * slope * slope)
            if not d > 0.0:
                low = True
                break
            total += first / d
            squares += (first / d) * (first / d) - second / d
        if low or not np.isfinite(squares):
            break
        step = m / (total + np.sqrt(max(0.0, (m - 1) * (m * squares - total * total))))
        if top - step >= top:
            break
        top -= step
    eigenvector(alpha, beta, m, top, s)
    return top


@compiled
def eigenvector(alpha: np.ndarray, beta: np.ndarray, m: int, top: float, s: np.ndarray) -> None:
    """The unit eigenvector of the largest eigenvalue: from both ends to where it is large (Dhillon's twisted factorization)."""
    least = 1e-18 * (abs(top) + abs(alpha[0]) + beta[0])
    up, down = np.empty(m), np.empty(m)
    for i in range(m):
        up[i] = max(least, top - alpha[i] - (beta[i - 1] * beta[i - 1] / up[i - 1] if i > 0 else 0.0))
    for i in range(m - 1, -1, -1):
        down[i] = max(least, top - alpha[i] - (beta[i] * beta[i] / down[i + 1] if i + 1 < m else 0.0))
    twist, smallest = 0, np.inf
    for i in range(m):
        gamma = abs(up[i] + down[i] - (top - alpha[i]))
        if gamma < smallest:
            twist, smallest = i, gamma
    s[twist], size = 1.0, 1.0
    for i in range(twist - 1, -1, -1):
        s[i] = beta[i] * s[i + 1] / up[i]
        size += s[i] * s[i]
    for i in range(twist + 1, m):
        s[i] = beta[i - 1] * s[i - 1] / down[i]
        size += s[i] * s[i]
    size = np.sqrt(size)
    for i in range(m):
        s[i] /= size


@borrowing
def orthogonal(V: np.ndarray, count: int, w: np.ndarray, room: np.ndarray) -> None:
    """Make w orthogonal to the first rows of V, twice; the coefficients add up in `room`."""
    N = w.shape[0]
    flat = V.reshape(-1, 1)
    for _ in range(2):
        for i in range(count):
            room[i, 0] = 0.0
        matrix_vector(count, N, flat, 0, w, 0, room, 0)
        for i in range(count):
            room[i, 0] = -room[i, 0]
        vector_matrix(count, N, room, 0, flat, 0, w, 0)


@compiled
def lanczos(point: Point, V: np.ndarray, x: np.ndarray, tolerance: float) -> bool:
    """Turn a start x into the top eigenvector, as far as one sequence of vectors brings it; whether its residual is below the tolerance."""
    N, steps = x.shape[0], V.shape[0] - 1
    alpha, beta, s, room, w = np.zeros(steps), np.zeros(steps), np.zeros(steps), np.zeros((steps + 1, 1)), np.zeros((N, 1))
    scale, m, done = 0.0, 0, False
    normalize(x, 0, N)
    for i in range(N):
        V[0, i] = x[i, 0]
    while m < steps and not done:
        for i in range(N):
            x[i, 0] = V[m, i]
        applied(point, x, w)
        alpha[m] = dot(w, 0, x, 0, N)
        orthogonal(V, m + 1, w, room)
        beta[m] = normalize(w, 0, N)
        if not np.isfinite(alpha[m]):
            x[0, 0] = np.nan
            return False
        scale = max(scale, abs(alpha[m]) + beta[m])
        m += 1
        for i in range(N):
            V[m, i] = w[i, 0]
        exhausted = beta[m - 1] <= 1e-14 * scale
        if exhausted or m % LOOK == 0 or m == steps:
            top_of_tridiagonal(alpha, beta, m, s)
            done = exhausted or beta[m - 1] * s[m - 1] <= tolerance * scale
    for i in range(N):
        x[i, 0] = 0.0
    vector_matrix(m, N, s.reshape(-1, 1), 0, V.reshape(-1, 1), 0, x, 0)
    return done


@compiled
def tops(
    widths: np.ndarray,
    theta: np.ndarray,
    G: np.ndarray,
    K: np.ndarray,
    warm: np.ndarray,
    random: np.ndarray,
    tolerance: float,
    values: np.ndarray,
    residuals: np.ndarray,
) -> None:
    """Top eigenvalue in the range and its residual, of every instance.

    Parameters
    ----------
    theta, G, K : shape (B, P), (B, d_0), (B, d_0 d_0)
        Points, slopes and curvatures of the risk in w.
    warm : int64, shape (B,)
        Whether an instance starts from the vector of the one before, with a part of the random one.
    random : shape (N,)
        A start, N = Σ (d_k + d_{k-1}).
    tolerance : float
        Of the residual, relative to the size of the Hessian.
    values, residuals : shape (B,)
        Written; NaN where a point is not finite.

    """
    at, to = offsets(widths)
    N = random.size
    V, x, y = np.zeros((min(STEPS, N) + 1, N)), np.zeros((N, 1)), np.zeros((N, 1))
    for b in range(theta.shape[0]):
        point = point_at(widths, at, to, theta[b], G[b], K[b])
        keep = 1.0 if warm[b] != 0 and np.isfinite(x[0, 0]) else 0.0
        for i in range(N):
            x[i, 0] = (x[i, 0] if keep == 1.0 else 0.0) + (PART if keep == 1.0 else 1.0) * random[i]
        into_range(point, x)
        for _ in range(RESTARTS):
            if lanczos(point, V, x, tolerance):
                break
        normalize(x, 0, N)
        applied(point, x, y)
        values[b] = dot(x, 0, y, 0, N)
        for i in range(N):
            y[i, 0] -= values[b] * x[i, 0]
        residuals[b] = np.sqrt(dot(y, 0, y, 0, N))
