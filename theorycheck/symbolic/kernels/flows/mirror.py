"""Stiff gradient flow of the squared loss in mirror coordinates where w = s (p² - q²): whole runs inside compiled code, lane by lane.

The same steps as `dynamics.integrators.implicit`: column j takes j linearly implicit Euler substeps, and the columns are extrapolated.
The field is μ̇ = Xᵀ(y - X w(μ)) with p = p_0 e^(κμ/2), q = q_0 e^(-κμ/2), and its Jacobian -C diag(κ s (p² + q²)) with C = XᵀX; the
weight of the loss is in X and y. Residuals are formed first: C w would lose the small curvatures in the rounding of the large ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorycheck.symbolic.kernels.compiled import borrowing, compiled
from theorycheck.symbolic.kernels.flows.control import DIVERGED, ENDED, EVALUATIONS, RUNNING, Requests, Runs, reached, settle
from theorycheck.symbolic.kernels.flows.tableau import STAGES

NEAR = 1.0  # |κμ| below which w is computed from its change since the start


class Squares(NamedTuple):
    """The field of B lanes, C-contiguous."""

    scale: np.ndarray  # (d,) s
    rate: np.ndarray  # (d,) κ
    back: np.ndarray  # (d, k, 2) θ of an entry as a linear map of (p, q)
    p: np.ndarray  # (B, d) p_0
    q: np.ndarray  # (B, d) q_0
    X: np.ndarray  # (B, n, d)
    y: np.ndarray  # (B, n)
    C: np.ndarray  # (B, d, d)


class Room(NamedTuple):
    """Arrays of one lane."""

    f: np.ndarray  # (d,) slope at the start of the step
    g: np.ndarray  # (d,) slope inside
    w: np.ndarray  # (d,)
    x: np.ndarray  # (d,) where the field is evaluated
    y: np.ndarray  # (d,) μ after the step
    table: np.ndarray  # (columns, d) increments
    below: np.ndarray  # (d,) the extrapolated increment of one order less
    matrix: np.ndarray  # (d, d)
    old: np.ndarray  # (d, k) θ before the step
    new: np.ndarray  # (d, k) θ after it
    change: np.ndarray  # (d, k) of θ by a change of μ


@compiled
def room_of(d: int, k: int, columns: int) -> Room:
    """Uninitialised arrays."""
    return Room(
        np.empty(d),
        np.empty(d),
        np.empty(d),
        np.empty(d),
        np.empty(d),
        np.empty((columns, d)),
        np.empty(d),
        np.empty((d, d)),
        np.empty((d, k)),
        np.empty((d, k)),
        np.empty((d, k)),
    )


@borrowing
def mirror_metric(system: Squares, m: int, mu: np.ndarray, out: np.ndarray) -> None:
    """∂w/∂μ."""
    for i in range(mu.size):
        half, p, q = system.rate[i] * mu[i] / 2, system.p[m, i], system.q[m, i]
        grown, shrunk = p * np.exp(half) if p != 0.0 else 0.0, q * np.exp(-half) if q != 0.0 else 0.0
        out[i] = system.rate[i] * system.scale[i] * (grown * grown + shrunk * shrunk)


@borrowing
def mirror_field(system: Squares, m: int, mu: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """The slope at μ, with w on the way; e^(-t) - 1 is taken from e^t - 1, and e^(-t/2) from e^(t/2)."""
    for i in range(mu.size):
        s, t, p, q = system.scale[i], system.rate[i] * mu[i], system.p[m, i], system.q[m, i]
        if abs(t) < NEAR:
            more = np.expm1(t)
            w[i] = s * ((abs(p) - abs(q)) * (abs(p) + abs(q)) + more * (p * p + q * q / (1.0 + more)))
        else:
            growth = np.exp(t / 2)
            grown, shrunk = abs(p) * growth if p != 0.0 else 0.0, abs(q) / growth if q != 0.0 else 0.0
            w[i] = s * ((grown - shrunk) * (grown + shrunk))
        out[i] = 0.0
    for k in range(system.y.shape[1]):
        residual = system.y[m, k]
        for i in range(mu.size):
            residual -= system.X[m, k, i] * w[i]
        for i in range(mu.size):
            out[i] += system.X[m, k, i] * residual


@borrowing
def mirror_theta(system: Squares, m: int, mu: np.ndarray, moved: np.ndarray, theta: np.ndarray, change: np.ndarray) -> None:
    """θ at μ, and what a small move of μ does to it."""
    for i in range(mu.size):
        half = system.rate[i] / 2
        p = system.p[m, i] * np.exp(half * mu[i]) if system.p[m, i] != 0.0 else 0.0
        q = system.q[m, i] * np.exp(-half * mu[i]) if system.q[m, i] != 0.0 else 0.0
        for k in range(theta.shape[1]):
            a, b = system.back[i, k, 0] * p, system.back[i, k, 1] * q
            theta[i, k] = a + b
            change[i, k] = half * moved[i] * (a - b)


@borrowing
def factorised(matrix: np.ndarray, pivots: np.ndarray) -> None:
    """LU with row exchanges, in place; a matrix that is singular leaves what is not finite."""
    n = matrix.shape[0]
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[best, k]):
                best = i
        pivots[k] = best
        if best != k:
            for j in range(n):
                matrix[k, j], matrix[best, j] = matrix[best, j], matrix[k, j]
        top = matrix[k, k]
        for i in range(k + 1, n):
            factor = matrix[i, k] / top if top != 0.0 else np.nan
            matrix[i, k] = factor
            for j in range(k + 1, n):
                matrix[i, j] -= factor * matrix[k, j]


@borrowing
def solved(matrix: np.ndarray, pivots: np.ndarray, x: np.ndarray) -> None:
    """Solve with the factors, in place."""
    n = x.size
    for k in range(n):
        best = pivots[k]
        if best != k:
            x[k], x[best] = x[best], x[k]
    for k in range(n):
        for i in range(k + 1, n):
            x[i] -= matrix[i, k] * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= matrix[k, j] * x[j]
        x[k] = x[k] / matrix[k, k] if matrix[k, k] != 0.0 else np.nan


@borrowing
def increment(system: Squares, m: int, mu: np.ndarray, h: float, room: Room, metric: np.ndarray, pivots: np.ndarray) -> None:
    """Columns of increments over h from μ, whose slope is room.f; the last column is then the extrapolated one."""
    d, columns, table = mu.size, room.table.shape[0], room.table
    for column in range(columns):
        part, moved = h / (column + 1), table[column]
        for i in range(d):
            moved[i] = 0.0
            for j in range(d):
                room.matrix[i, j] = (1.0 if i == j else 0.0) + part * system.C[m, i, j] * metric[j]
        factorised(room.matrix, pivots)
        for substep in range(column + 1):
            if substep == 0:
                for i in range(d):
                    room.g[i] = part * room.f[i]
            else:
                for i in range(d):
                    room.x[i] = mu[i] + moved[i]
                mirror_field(system, m, room.x, room.w, room.g)
                for i in range(d):
                    room.g[i] *= part
            solved(room.matrix, pivots, room.g)
            for i in range(d):
                moved[i] += room.g[i]
    for order in range(1, columns):
        for column in range(columns - 1, order - 1, -1):
            weight = (column + 1.0) / (column + 1.0 - order) - 1.0
            for i in range(d):
                if column == columns - 1 and order == columns - 1:
                    room.below[i] = table[column, i]
                table[column, i] += (table[column, i] - table[column - 1, i]) / weight


@borrowing
def size_of(theta: np.ndarray) -> float:
    """Euclidean norm."""
    total = 0.0
    for i in range(theta.shape[0]):
        for k in range(theta.shape[1]):
            total += theta[i, k] * theta[i, k]
    return np.sqrt(total)


@borrowing
def error_of(room: Room, tolerance: float, floor: float) -> float:
    """Error of a step from room.change, in units of the tolerance; infinite where the step leaves the finite numbers."""
    size, entries, total = max(size_of(room.old), size_of(room.new), floor), room.old.size, 0.0
    for i in range(room.old.shape[0]):
        for k in range(room.old.shape[1]):
            scale = tolerance * (max(abs(room.old[i, k]), abs(room.new[i, k])) + 0.01 * size / np.sqrt(float(entries)) + 1e-140)
            total += (room.change[i, k] / scale) ** 2
    error = 4.0 * np.sqrt(total / entries)
    return error if np.isfinite(error) and np.isfinite(size) else np.inf


@borrowing
def save_at(system: Squares, m: int, h: float, room: Room, metric: np.ndarray, pivots: np.ndarray, requests: Requests, runs: Runs) -> None:
    """μ at the requested times up to the end of a step that was passed; room.y is its end."""
    times, final = requests.times, reached(runs.time[m], h, requests.end[m])
    while runs.following[m] < times.shape[1] and times[m, runs.following[m]] <= final:
        k = runs.following[m]
        if times[m, k] < final:
            increment(system, m, runs.state[m], times[m, k] - runs.time[m], room, metric, pivots)
            for i in range(room.y.size):
                runs.saved[m, k, i] = runs.state[m, i] + room.table[room.table.shape[0] - 1, i]
        else:
            for i in range(room.y.size):
                runs.saved[m, k, i] = room.y[i]
        runs.following[m] += 1


@borrowing
def begin_lane(m: int, room: Room, requests: Requests, runs: Runs) -> None:
    """First step of a lane, what there is to save at its start, and whether it can begin; room has θ and θ̇ there."""
    speed, norm, last = size_of(room.change), size_of(room.old), requests.end[m] - runs.time[m]
    runs.counts[m, EVALUATIONS] += 1
    if runs.step[m] == 0.0:
        size = max(norm, requests.floor[m])
        reach = 0.01 * size / speed if speed > 0.0 else np.inf
        runs.step[m] = requests.first[m] * min(reach if size > 0.0 else 1e-6, last / 3.0)
    while runs.following[m] < requests.times.shape[1] and requests.times[m, runs.following[m]] <= runs.time[m]:
        for i in range(room.y.size):
            runs.saved[m, runs.following[m], i] = runs.state[m, i]
        runs.following[m] += 1
    if not np.isfinite(speed) or not np.isfinite(norm):
        runs.ending[m] = DIVERGED
    elif last <= 0.0:
        runs.ending[m] = ENDED


@borrowing
def run_lane(
    system: Squares,
    members: np.ndarray,
    h: np.ndarray,
    account: np.ndarray,
    pivots: np.ndarray,
    metric: np.ndarray,
    room: Room,
    requests: Requests,
    runs: Runs,
) -> None:
    """Integrate the lane that is the only member to its end, in place."""
    m, d, columns = members[0], room.y.size, room.table.shape[0]
    mu = runs.state[m]
    mirror_field(system, m, mu, room.w, room.f)
    mirror_metric(system, m, mu, metric)
    mirror_theta(system, m, mu, room.f, room.old, room.change)
    begin_lane(m, room, requests, runs)
    while runs.ending[m] == RUNNING:
        last = requests.end[m] - runs.time[m]
        h[0] = last if 1.01 * runs.step[m] >= last else runs.step[m]
        account[2, 0], account[6, 0] = size_of(room.old), size_of(room.change)
        increment(system, m, mu, h[0], room, metric, pivots)
        for i in range(d):
            room.y[i] = mu[i] + room.table[columns - 1, i]
            room.below[i] = room.table[columns - 1, i] - room.below[i]
        mirror_theta(system, m, room.y, room.below, room.new, room.change)
        account[0, 0] = error_of(room, requests.tolerance[m], requests.floor[m])
        passed = account[0, 0] < 1.0
        if passed:
            save_at(system, m, h[0], room, metric, pivots, requests, runs)
        account[7, 0] = np.inf
        settle(members, h, account, requests, runs)
        runs.counts[m, EVALUATIONS] += columns * (columns - 1) // 2 + 1 - STAGES
        if passed:
            for i in range(d):
                mu[i] = room.y[i]
            mirror_field(system, m, mu, room.w, room.f)
            mirror_metric(system, m, mu, metric)
        mirror_theta(system, m, mu, room.f, room.old, room.change)


@compiled
def flow_mirror(system: Squares, columns: int, requests: Requests, runs: Runs) -> None:
    """Integrate the instances under way in place, each to its end."""
    d = system.p.shape[1]
    room, pivots, metric = room_of(d, system.back.shape[1], columns), np.zeros(d, np.int64), np.empty(d)
    members, h, account = np.zeros(1, np.int64), np.zeros(1), np.zeros((8, 1))
    for m in range(runs.ending.size):
        if runs.ending[m] == RUNNING:
            members[0] = m
            run_lane(system, members, h, account, pivots, metric, room, requests, runs)
