"""Damped Newton's method on the convex dual ν ↦ Q(Xᵀν) - ⟨ν, y⟩, moving modes instead of μ = Xᵀν.

Setting      Its gradient is X w - y with w = ∇Q(Xᵀν), its Hessian X (∂G∂Gᵀ) Xᵀ = T Tᵀ with T = X root(w); X has full row rank.
Method       The flows compose, ψ(ψ(θ; μ); δ) = ψ(θ; μ + δ), so an iterate is a place of the flow and a step of ν advances it. Thus w keeps
             its relative accuracy where μ no longer determines it (near the end of a bounded dual domain);
             what is lost is only the accuracy of μ, which is a few ulp of the way travelled.
Global       A step is cut to the reach of its rows and then until the slope of the dual along it, which rises, is at most half of its
             first size; entries of w may differ by any scale, since T is factorised row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.potentials.graded import GradedQR, graded_qr
from theorycheck.symbolic.potentials.modes import ModeSystem, Place

_NOISE = 8 * EPS  # of a row of X w - y, relative to the sum of its absolute terms
_POLISHED = 2  # times the residual must be seen below its noise: the last step gains what the conditioning of T cost
_STALLED = 4  # steps without a smaller residual after which rounding is taken to rule
_NEARLY = 64.0  # residual, in units of its noise, below which such a stall counts as the end
_PATIENCE = 30  # steps with the residual at rounding of the largest entry of w: then small entries are left as they are
_CUTS = 60


@dataclass(frozen=True, eq=False)
class Problem:
    """X ∇Q(Xᵀν) = y, for L lanes.

    Parameters
    ----------
    system : ModeSystem
        The rows of the potential.
    X, y : ndarray, shapes (L, n, d) and (L, n)
        The constraints; X has full row rank.

    """

    system: ModeSystem
    X: np.ndarray
    y: np.ndarray

    def __getitem__(self, lanes: np.ndarray) -> Problem:
        return Problem(self.system, self.X[lanes], self.y[lanes])

    def residual(self, w: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y - X w, the rounding error it is known to, and the one it would have if all of w were as large as its largest entry."""
        fine, coarse = product(np.abs(self.X), size), np.sum(np.abs(self.X), axis=-1) * np.max(size, axis=-1, keepdims=True)
        noise, allowance = (_NOISE * (terms + np.abs(self.y)) for terms in (fine, coarse))
        return self.y - product(self.X, w), np.maximum(noise, np.finfo(float).smallest_subnormal), allowance

    def factorised(self, place: Place) -> tuple[GradedQR, np.ndarray, np.ndarray]:
        """Factorisation of (T/t)ᵀ, the size t of T of shape ``(L, 1)``, and root(w)."""
        root = self.system.root(place.modes)
        T = self.X @ root
        size = np.max(np.abs(T), axis=(-1, -2), initial=0.0)[..., None]
        return graded_qr(np.swapaxes(T, -1, -2) / np.where(size > 0, size, 1.0)[..., None]), size, root


@dataclass(frozen=True, eq=False)
class DualSolution:
    """Where Newton's method came to rest, for L lanes.

    Parameters
    ----------
    place : Place
        The point of the flow.
    dual : ndarray, shape (L, n)
        ν.
    w, size : ndarray, shape (L, d)
        w, and the sum of the absolute terms it is computed from.
    residual, noise : ndarray, shape (L, n)
        y - X w, and the rounding error it is known to.
    travelled : ndarray, shape (L, d)
        Σ over the steps of |X|ᵀ |δν|: what the rounding of μ is relative to.
    iterations : ndarray, shape (L,)
        Newton steps.
    settled : ndarray of bool, shape (L,)
        Whether the residual came down to rounding.

    """

    place: Place
    dual: np.ndarray
    w: np.ndarray
    size: np.ndarray
    residual: np.ndarray
    noise: np.ndarray
    travelled: np.ndarray
    iterations: np.ndarray
    settled: np.ndarray

    @property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.dual, self.w, self.size, self.residual, self.noise, self.travelled, self.iterations, self.settled

    def __getitem__(self, lanes: np.ndarray) -> DualSolution:
        return DualSolution(self.place[lanes], *(part[lanes] for part in self._arrays))

    def put(self, lanes: np.ndarray, other: DualSolution) -> None:
        """Overwrite some lanes."""
        self.place.put(lanes, other.place)
        for part, values in zip(self._arrays, other._arrays, strict=True):
            part[lanes] = values


def solve_dual(problem: Problem, start: Place, steps: int) -> DualSolution:
    """Solve the lanes of a problem at once, in at most so many Newton steps, from places at ν = 0 with leading axis L."""
    (count, rank), entries = problem.y.shape, problem.X.shape[-1]
    place, dual, travelled = start[np.arange(count)], np.zeros((count, rank)), np.zeros((count, entries))
    watch, iterations = _Watch.over(count), np.zeros(count, dtype=int)
    settled = np.full(count, rank == 0)
    active = ~settled
    for _ in range(steps + 1):
        lanes = np.flatnonzero(active)
        residual, noise, coarse = problem[lanes].residual(*problem.system.reading(place[lanes]))
        settled[lanes] = watch.seen(lanes, np.max(np.abs(residual) / noise, axis=-1, initial=0.0), np.all(np.abs(residual) <= coarse, axis=-1))
        going = ~settled[lanes] & (iterations[lanes] < steps)
        active[lanes[~going]] = False
        if not np.any(going):
            break
        lanes = lanes[going]
        sound, moved, step = _newton_step(problem[lanes], place[lanes], residual[going], noise[going])
        active[lanes[~sound]] = False
        settled[lanes[~sound]] = watch.small[lanes[~sound]] > 0  # such as a residual of exactly 0
        lanes = lanes[sound]
        place.put(lanes, moved[sound])
        dual[lanes] += step[sound]
        travelled[lanes] += product(np.abs(np.swapaxes(problem.X[lanes], -1, -2)), np.abs(step[sound]))
        iterations[lanes] += 1
    w, size = problem.system.reading(place)
    return DualSolution(place, dual, w, size, *problem.residual(w, size)[:2], travelled, iterations, settled)


@dataclass(frozen=True, eq=False)
class _Watch:
    """What decides, lane by lane, that rounding rules."""

    best: np.ndarray
    stalled: np.ndarray
    small: np.ndarray
    level: np.ndarray

    @classmethod
    def over(cls, count: int) -> _Watch:
        return cls(np.full(count, np.inf), *np.zeros((3, count), dtype=int))

    def seen(self, lanes: np.ndarray, excess: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """Take note of residuals in units of their noise, and of whether they are rounding of the largest entry; which lanes are done."""
        self.stalled[lanes] = np.where(excess < 0.9 * self.best[lanes], 0, self.stalled[lanes] + 1)
        self.best[lanes] = np.minimum(self.best[lanes], excess)
        self.small[lanes] += excess <= 1
        self.level[lanes] += coarse
        stalled = (self.stalled[lanes] >= _STALLED) & (excess <= _NEARLY)
        return (self.small[lanes] >= _POLISHED) | stalled | (self.level[lanes] >= _PATIENCE)


def _newton_step(problem: Problem, place: Place, residual: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, Place, np.ndarray]:
    """Whether a damped step is sound, the place it leads to, and the step of ν."""
    system = problem.system
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # T may lack rank in float64 when the problem is infeasible
        qr, size, _ = problem.factorised(place)
        half = qr.forward(residual)
        height = np.max(np.abs(half), axis=-1, keepdims=True)
        direction = qr.backward(half / height)
        steps = system.from_root(place, product(qr.Q, half / height), product(np.swapaxes(problem.X, -1, -2), direction) / size)
        taken = np.minimum((height / size)[..., 0], system.reach(place, steps))
        sound = np.all(np.isfinite(direction), axis=-1) & np.isfinite(taken) & (taken > 0)
        taken, direction = np.where(sound, taken, 0.0), np.where(sound[:, None], direction, 0.0)
        steps = tuple(np.where(sound[:, None], step, 0.0) for step in steps)
        slope, slack = np.sum(residual * direction, axis=-1), np.sum(noise * np.abs(direction), axis=-1)
        for _ in range(_CUTS):
            moved = system.advanced(place, tuple(taken[:, None] * step for step in steps))
            w, _ = system.reading(moved)
            rest = np.sum((problem.y - product(problem.X, w)) * direction, axis=-1)
            over = sound & ~(rest >= -0.5 * slope - slack)
            if not np.any(over):
                break
            shrink = np.clip(slope / (slope - rest), 0.1, 0.7)
            taken = np.where(over, np.where(np.isfinite(shrink), shrink, 0.1) * taken, taken)
        step = (taken[:, None] / size) * direction
    return sound & np.all(np.isfinite(w), axis=-1) & np.all(np.isfinite(step), axis=-1), moved, step


def product(M: np.ndarray, v: np.ndarray) -> np.ndarray:
    """M v for stacked matrices ``(..., m, k)`` and vectors ``(..., k)``."""
    return (M @ v[..., None])[..., 0]
