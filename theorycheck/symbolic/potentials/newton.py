"""Damped Newton's method on the convex dual ν ↦ Q(Xᵀν) - ⟨ν, y⟩, moving modes instead of μ = Xᵀν.

Setting      Its gradient is X w - y with w = ∇Q(Xᵀν), its Hessian X (∂G∂Gᵀ) Xᵀ = T Tᵀ with T = X root(w); X has full row rank.
Method       The flows compose, ψ(ψ(θ; μ); δ) = ψ(θ; μ + δ), so an iterate is the modes of w and a step of ν advances them. Thus w keeps
             its relative accuracy where μ no longer determines it (near the end of a bounded dual domain, or when w cancels);
             what is lost is only the accuracy of μ, which is a few ulp of the way travelled.
Global       A step is cut to the reach of its rows and then until the slope of the dual along it, which rises, is at most half of its
             first size; rows of X may differ by any scale, since T is factorised row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.potentials.graded import GradedQR, graded_qr
from theorycheck.symbolic.potentials.rows import Row

State = tuple[np.ndarray, ...]

_NOISE = 8 * EPS  # of a row of X w - y, relative to the sum of its absolute terms
_POLISHED = 2  # times the residual must be seen below its noise: the last step gains what the conditioning of T cost
_STALLED = 4  # steps without a smaller residual after which rounding is taken to rule
_NEARLY = 64.0  # residual, in units of its noise, below which such a stall counts as the end
_PATIENCE = 30  # steps with the residual at rounding of the largest entry of w: then small entries are left as they are
_CUTS = 60


@dataclass(frozen=True, eq=False)
class ModeSystem:
    """Modes of all rows of a potential; a state is one array of modes a row.

    Parameters
    ----------
    parts : sequence of (outputs, row)
        Indices of the entries of w a row serves, shape (m,), and the row.

    """

    parts: tuple[tuple[np.ndarray, Row], ...]

    @cached_property
    def order(self) -> np.ndarray:
        """Where entry i of w stands in the rows laid end to end."""
        return np.argsort(np.concatenate([outputs for outputs, _ in self.parts]))

    @property
    def start(self) -> State:
        """Modes at the start."""
        return tuple(row.start for _, row in self.parts)

    def gathered(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        """Arrays ``(..., m)``, one a row, as one array ``(..., d)`` in the order of w."""
        shape = np.broadcast_shapes(*(piece.shape[:-1] for piece in pieces))
        return np.concatenate([np.broadcast_to(p, (*shape, p.shape[-1])) for p in pieces], axis=-1)[..., self.order]

    def output(self, state: State) -> np.ndarray:
        """w, shape ``(..., d)``."""
        return self.gathered([row.output(modes) for (_, row), modes in zip(self.parts, state, strict=True)])

    def size(self, state: State) -> np.ndarray:
        """Sum of the absolute terms of w, shape ``(..., d)``."""
        return self.gathered([row.size(modes) for (_, row), modes in zip(self.parts, state, strict=True)])

    def root(self, state: State) -> np.ndarray:
        """Matrix with root rootᵀ = ∂G∂Gᵀ, shape ``(..., d, K)``."""
        blocks = []
        for (outputs, row), modes in zip(self.parts, state, strict=True):
            root = row.root(modes)
            if not row.joint:
                root = root[..., None] * np.eye(len(outputs))
            block = np.zeros((*root.shape[:-2], len(self.order), root.shape[-1]))
            block[..., outputs, :] = root
            blocks.append(block)
        return np.concatenate(blocks, axis=-1)

    def jitter(self, state: State) -> np.ndarray:
        """Change along the columns of `root` that a relative change by 1 of every mode amounts to, shape ``(..., K)``."""
        pieces = zip(self.parts, state, strict=True)
        return np.concatenate([np.abs(modes) if row.joint else row.size(modes) / row.root(modes) for (_, row), modes in pieces], axis=-1)

    def shaken(self, state: State, change: np.ndarray) -> State:
        """State where the metric is largest when μ is known only up to the change ``(..., d)``."""
        return tuple(row.shaken(modes, change[..., outputs]) for (outputs, row), modes in zip(self.parts, state, strict=True))

    def along(self, mu: np.ndarray) -> State:
        """A move of μ, ``(..., d)``, as steps of the rows."""
        return tuple(row.along(mu[..., outputs]) for outputs, row in self.parts)

    def from_root(self, state: State, change: np.ndarray) -> State:
        """Steps of the rows whose move of w is root times the change, ``(..., K)``."""
        ends = np.cumsum([modes.shape[-1] if row.joint else len(outputs) for (outputs, row), modes in zip(self.parts, state, strict=True)])
        pieces = np.split(change, ends[:-1], axis=-1)
        return tuple(row.from_root(modes, piece) for (_, row), modes, piece in zip(self.parts, state, pieces, strict=True))

    def advance(self, state: State, steps: State) -> State:
        """State after the flow over the steps of the rows."""
        return tuple(row.advance(modes, step) for (_, row), modes, step in zip(self.parts, state, steps, strict=True))

    def reach(self, state: State, steps: State) -> np.ndarray:
        """Largest multiple of the steps worth taking, shape ``(...)``."""
        reaches = [row.reach(modes, step) for (_, row), modes, step in zip(self.parts, state, steps, strict=True)]
        return np.min(np.stack(np.broadcast_arrays(*reaches)), axis=0)


@dataclass(frozen=True, eq=False)
class DualSolution:
    """Where Newton's method came to rest, for L problems.

    Parameters
    ----------
    state : tuple of ndarray
        Modes, shape (L, ...).
    dual : ndarray, shape (L, n)
        ν.
    residual, noise : ndarray, shape (L, n)
        y - X w, and the rounding error it is known to.
    travelled : ndarray, shape (L, d)
        Σ over the steps of |X|ᵀ |δν|: what the rounding of μ is relative to.
    iterations : ndarray, shape (L,)
        Newton steps.
    settled : ndarray of bool, shape (L,)
        Whether the residual came down to rounding.

    """

    state: State
    dual: np.ndarray
    residual: np.ndarray
    noise: np.ndarray
    travelled: np.ndarray
    iterations: np.ndarray
    settled: np.ndarray

    def taking(self, lanes: np.ndarray) -> DualSolution:
        """The solution of some of the problems."""
        parts = (self.dual, self.residual, self.noise, self.travelled, self.iterations, self.settled)
        return DualSolution(tuple(modes[lanes] for modes in self.state), *(part[lanes] for part in parts))


def solve_dual(system: ModeSystem, X: np.ndarray, y: np.ndarray, start: State, steps: int) -> DualSolution:
    """Solve X ∇Q(Xᵀν) = y for L problems at once.

    Parameters
    ----------
    system : ModeSystem
        The rows.
    X, y : ndarray, shapes (L, n, d) and (L, n)
        The constraints; X has full row rank.
    start : tuple of ndarray
        Modes at ν = 0, with leading axis L.
    steps : int
        Largest number of Newton steps.

    """
    count, state = len(y), tuple(map(np.copy, start))
    dual, travelled = np.zeros(y.shape), np.zeros((count, X.shape[-1]))
    best, (stalled, small, level, iterations) = np.full(count, np.inf), np.zeros((4, count), dtype=int)
    settled, active = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    for _ in range(steps + 1):
        lanes = np.flatnonzero(active)
        here = _taken(state, lanes)
        residual, noise = residual_of(system, X[lanes], y[lanes], here)
        excess = np.max(np.abs(residual) / noise, axis=-1, initial=0.0)
        stalled[lanes] = np.where(excess < 0.9 * best[lanes], 0, stalled[lanes] + 1)
        best[lanes] = np.minimum(best[lanes], excess)
        small[lanes] += excess <= 1
        level[lanes] += np.all(np.abs(residual) <= _NOISE * _level(system, X[lanes], y[lanes], here), axis=-1)
        settled[lanes] = (small[lanes] >= _POLISHED) | ((stalled[lanes] >= _STALLED) & (excess <= _NEARLY)) | (level[lanes] >= _PATIENCE)
        going = ~settled[lanes] & (iterations[lanes] < steps)
        active[lanes[~going]] = False
        if not np.any(going):
            break
        lanes, here, residual, noise = lanes[going], _taken(here, going), residual[going], noise[going]
        moved, step, sound = _newton_step(system, X[lanes], y[lanes], here, residual, noise)
        active[lanes[~sound]] = False
        settled[lanes[~sound]] = small[lanes[~sound]] > 0  # such as a residual of exactly 0
        lanes = lanes[sound]
        for modes, new in zip(state, moved, strict=True):
            modes[lanes] = new[sound]
        dual[lanes] += step[sound]
        travelled[lanes] += _product(np.abs(np.swapaxes(X[lanes], -1, -2)), np.abs(step[sound]))
        iterations[lanes] += 1
    residual, noise = residual_of(system, X, y, state)
    return DualSolution(state, dual, residual, noise, travelled, iterations, settled)


def residual_of(system: ModeSystem, X: np.ndarray, y: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Residual y - X w, and the rounding error it is known to; each of the shape of y."""
    noise = _NOISE * (_product(np.abs(X), system.size(state)) + np.abs(y))
    return y - _product(X, system.output(state)), np.maximum(noise, np.finfo(float).tiny)


def _level(system: ModeSystem, X: np.ndarray, y: np.ndarray, state: State) -> np.ndarray:
    """What the rounding of a row of X w - y is relative to when the entries of w are judged by the largest."""
    return np.sum(np.abs(X), axis=-1) * np.max(system.size(state), axis=-1, keepdims=True) + np.abs(y)


def factorised(system: ModeSystem, X: np.ndarray, state: State) -> tuple[GradedQR, np.ndarray, np.ndarray]:
    """Factorisation of (T/t)ᵀ, the size t of T of shape ``(..., 1)``, and root(w)."""
    root = system.root(state)
    T = X @ root
    size = np.max(np.abs(T), axis=(-1, -2))[..., None]
    return graded_qr(np.swapaxes(T, -1, -2) / np.where(size > 0, size, 1.0)[..., None]), size, root


def _newton_step(
    system: ModeSystem, X: np.ndarray, y: np.ndarray, state: State, residual: np.ndarray, noise: np.ndarray
) -> tuple[State, np.ndarray, np.ndarray]:
    """State after a damped step, the step of ν, and whether it is a sound one."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # T may lack rank in float64 when the problem is infeasible
        qr, size, _ = factorised(system, X, state)
        half = qr.forward(residual)
        height = np.max(np.abs(half), axis=-1, keepdims=True)
        steps = system.from_root(state, _product(qr.Q, half / height))
        direction = qr.backward(half / height)
        full, reach = (height / size)[..., 0], system.reach(state, steps)
        taken = np.minimum(full, reach)
        sound = np.all(np.isfinite(direction), axis=-1) & np.isfinite(taken) & (taken > 0)
        taken = np.where(sound, taken, 0.0)
    steps, direction = tuple(np.where(sound[:, None], step, 0.0) for step in steps), np.where(sound[:, None], direction, 0.0)
    slope, slack = np.sum(residual * direction, axis=-1), np.sum(noise * np.abs(direction), axis=-1)
    moved = state
    for _ in range(_CUTS):
        moved = system.advance(state, tuple(taken[:, None] * step for step in steps))
        rest = np.sum((y - _product(X, system.output(moved))) * direction, axis=-1)
        over = rest < -0.5 * slope - slack
        if not np.any(over):
            break
        shrink = np.clip(slope / np.where(over, slope - rest, 1.0), 0.1, 0.7)
        taken = np.where(over, shrink * taken, taken)
    return moved, (taken[:, None] / size) * direction, sound


def _taken(state: State, lanes: np.ndarray) -> State:
    return tuple(modes[lanes] for modes in state)


def _product(M: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (M @ v[..., None])[..., 0]
