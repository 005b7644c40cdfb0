"""One step of descent of a diagonal network under the squared loss, for one lane at a time.

Setting      w = Σ_parts ± T^D entrywise, T the parameters as one or two vectors of d entries; a sample counts weight · (x·w - y)²/2.
             A step is T -= η g, or, sharpness aware, the gradient at T + ρ g/‖g‖ (or T + ρ g) in place of g.
Layout       X row by row, ``(n d,)``. Sums over inputs are those of `dots`, sums over samples run over the inputs side by side: both fill
             vector registers without one sum being taken in another order than it is written in.

A lane alone keeps its data in the caches from step to step. Side by side, as `networks.lanes` does for products of matrices, data of their own
would stream through memory at every step.
"""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.micro.dots import dot, four_dots

LEAST, LARGEST = 1e-280, 1e280  # squared norms that are safe from underflow and overflow of their terms


@compiled
def norm_of(g: np.ndarray, room: np.ndarray) -> float:
    """Euclidean norm, also where squares leave the range of float64."""
    squared = dot(g, 0, g, g.size)
    if LEAST < squared < LARGEST or np.isnan(squared):
        return np.sqrt(squared)
    largest = 0.0
    for p in range(g.size):
        largest = max(largest, abs(g[p]))
    if largest == 0.0 or not np.isfinite(largest):
        return largest * np.sqrt(float(g.size))
    for p in range(g.size):
        room[p] = g[p] / largest
    return largest * np.sqrt(dot(room, 0, room, g.size))


@compiled
def end_to_end(depth: int, T: np.ndarray, w: np.ndarray, slope: np.ndarray) -> None:
    """The map, and its derivative in every parameter: w = ± T^D, slope = ± D T^(D-1)."""
    d = w.size
    if depth == 2 and T.size > d:
        u, v, at_u, at_v = T[:d], T[d:], slope[:d], slope[d:]
        for j in range(d):
            w[j] = u[j] * u[j] - v[j] * v[j]
            at_u[j] = 2.0 * u[j]
            at_v[j] = -2.0 * v[j]
        return
    for p in range(T.size):
        slope[p] = 1.0 if depth == 1 else T[p]
    for _ in range(depth - 2):
        for p in range(T.size):
            slope[p] *= T[p]
    if T.size > d:
        for j in range(d):
            w[j] = slope[j] * T[j] - slope[d + j] * T[d + j]
    else:
        for j in range(d):
            w[j] = slope[j] * T[j]
    for p in range(d):
        slope[p] *= depth
    for p in range(d, T.size):
        slope[p] *= -depth


@compiled
def residuals_of(X: np.ndarray, w: np.ndarray, targets: np.ndarray, out: np.ndarray) -> None:
    """out = X w - targets over all samples."""
    n, d = out.size, w.size
    many = n - n % 4
    for i in range(0, many, 4):
        out[i], out[i + 1], out[i + 2], out[i + 3] = four_dots(X, i * d, d, w, d)
    for i in range(many, n):
        out[i] = dot(X, i * d, w, d)
    for i in range(n):
        out[i] -= targets[i]


@compiled
def pulled_back(weight: float, X: np.ndarray, residuals: np.ndarray, G: np.ndarray) -> None:
    """G = weight Xᵀ residuals, eight rows at a time."""
    n, d = residuals.size, G.size
    many = n - n % 8
    for j in range(d):
        G[j] = 0.0
    for i in range(0, many, 8):
        r, s, t, u = weight * residuals[i], weight * residuals[i + 1], weight * residuals[i + 2], weight * residuals[i + 3]
        v, x, y, z = weight * residuals[i + 4], weight * residuals[i + 5], weight * residuals[i + 6], weight * residuals[i + 7]
        A, B, C, D = X[i * d : (i + 1) * d], X[(i + 1) * d : (i + 2) * d], X[(i + 2) * d : (i + 3) * d], X[(i + 3) * d : (i + 4) * d]
        E, F, P, Q = X[(i + 4) * d : (i + 5) * d], X[(i + 5) * d : (i + 6) * d], X[(i + 6) * d : (i + 7) * d], X[(i + 7) * d : (i + 8) * d]
        for j in range(d):
            G[j] += ((r * A[j] + s * B[j]) + (t * C[j] + u * D[j])) + ((v * E[j] + x * F[j]) + (y * P[j] + z * Q[j]))
    for i in range(many, n):
        r, A = weight * residuals[i], X[i * d : (i + 1) * d]
        for j in range(d):
            G[j] += r * A[j]


@compiled
def pulled_back_picks(weight: float, X: np.ndarray, targets: np.ndarray, picks: np.ndarray, w: np.ndarray, G: np.ndarray) -> None:
    """G = weight Σ_i (x_i·w - target_i) x_i over `picks`, a target a pick."""
    d = w.size
    for j in range(d):
        G[j] = 0.0
    for i in range(picks.size):
        r, x = weight * (dot(X, picks[i] * d, w, d) - targets[i]), X[picks[i] * d : (picks[i] + 1) * d]
        for j in range(d):
            G[j] += r * x[j]


@compiled
def steps_of_single_samples(
    depth: int, weight: float, eta: float, X: np.ndarray, targets: np.ndarray, picks: np.ndarray, T: np.ndarray, w: np.ndarray, slope: np.ndarray
) -> None:
    """One plain step for every entry of `picks`, in place."""
    d = w.size
    if depth == 2 and T.size > d:
        steps_of_squares(2.0 * eta * weight, X, targets, picks, T[:d], T[d:], w)
        return
    for s in range(picks.size):
        x = X[picks[s] * d : (picks[s] + 1) * d]
        end_to_end(depth, T, w, slope)
        r = eta * weight * (dot(x, 0, w, d) - targets[s])
        for j in range(d):
            T[j] -= r * x[j] * slope[j]
        if T.size > d:
            for j in range(d):
                T[d + j] -= r * x[j] * slope[d + j]


@compiled
def steps_of_squares(weight: float, X: np.ndarray, targets: np.ndarray, picks: np.ndarray, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> None:
    """The same for u² - v², the usual network: w of the next step is made while u and v are at hand."""
    d = w.size
    for j in range(d):
        w[j] = u[j] * u[j] - v[j] * v[j]
    for s in range(picks.size):
        x = X[picks[s] * d : (picks[s] + 1) * d]
        r = weight * (dot(x, 0, w, d) - targets[s])
        for j in range(d):
            a = r * x[j]
            new_u, new_v = u[j] - a * u[j], v[j] + a * v[j]
            u[j] = new_u
            v[j] = new_v
            w[j] = new_u * new_u - new_v * new_v


@compiled
def ascend(T: np.ndarray, g: np.ndarray, rho: float, normalized: bool, room: np.ndarray, out: np.ndarray) -> None:
    """out = T + ρ g/‖g‖, or T + ρ g; T where g = 0."""
    norm = norm_of(g, room) if normalized else 1.0
    factor = rho / norm if norm > 0.0 else 0.0
    if np.isfinite(factor):
        for p in range(T.size):
            out[p] = T[p] + factor * g[p]
    else:  # the gradient is subnormal
        for p in range(T.size):
            out[p] = T[p] + rho * (g[p] / norm)


@compiled
def steps_of_samples(
    depth: int,
    whole: bool,
    weight: float,
    eta: float,
    rho: float,
    normalized: bool,
    small: float,
    X: np.ndarray,
    targets: np.ndarray,
    picks: np.ndarray,
    T: np.ndarray,
    ascended: np.ndarray,
    w: np.ndarray,
    G: np.ndarray,
    residuals: np.ndarray,
    room: np.ndarray,
    g: np.ndarray,
) -> int:
    """One step in place for every row of `targets` and `picks`; stops before the first whose gradient has at most the norm `small`.

    Negative `small` and ρ = 0 are not looked at. Returns the steps taken. The rows of `picks` are read where `whole` is false only.
    """
    d, gradients = w.size, 2 if rho > 0.0 else 1
    for s in range(targets.shape[0]):
        for turn in range(gradients):
            end_to_end(depth, T if turn == 0 else ascended, w, g)
            if whole:
                residuals_of(X, w, targets[s], residuals)
                pulled_back(weight, X, residuals, G)
            else:
                pulled_back_picks(weight, X, targets[s], picks[s], w, G)
            for j in range(d):
                g[j] *= G[j]
            if T.size > d:
                for j in range(d):
                    g[d + j] *= G[j]
            if turn == 0 and small >= 0.0 and norm_of(g, room) <= small:
                return s
            if turn + 1 < gradients:
                ascend(T, g, rho, normalized, room, ascended)
        for p in range(T.size):
            T[p] -= eta * g[p]
    return targets.shape[0]
