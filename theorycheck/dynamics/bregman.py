"""Bregman projection: the point of {X w = y} where a Legendre potential is least, which is where gradient flow ends.

Setting      X w = y has solutions in the domain of R. argmin {R(w) : X w = y} = argmin {D_R(w, w_0) : X w = y} is the w with ∇R(w) in the
             row span of X. Gradient flow of any loss of X w that is least at y alone converges to it if it converges.
Method       damped Newton's method on the convex dual ν ↦ Q(Xᵀν) - ⟨ν, y⟩, moving modes (`symbolic.potentials.newton`).
Error        the bar on w joins what is left of X w - y, through the right inverse M Xᵀ(X M Xᵀ)^(-1) of X with M = ∂G∂Gᵀ, and the rounding
             of modes and μ on the way, through M - M Xᵀ(X M Xᵀ)^(-1) X M; doubled for what is not linear.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import qr
from scipy.optimize import linprog

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_shape
from theorycheck.measured import EPS, Measured
from theorycheck.symbolic.potentials.graded import null_projection
from theorycheck.symbolic.potentials.legendre import Potential, require_potential
from theorycheck.symbolic.potentials.modes import Place
from theorycheck.symbolic.potentials.newton import DualSolution, Problem, product, solve_dual

_FIRST = 100  # steps after which feasibility is looked at before more are taken
_CONSISTENT = 1e-10  # relative: how far an entry of y may be from what the others make of it where rows of X depend on each other
_INTERIOR = 1e-9  # least weight, for a problem scaled to size 1, that counts as inside a cone
_LINEAR = 0.1  # relative change of an entry of w up to which its modes answer linearly


class ProjectionEnding(Enum):
    """How a projection ended; the value is its sentence."""

    CONVERGED = "X w = y holds to rounding, and ∇R(w) is in the row span of X"
    INFEASIBLE = "no point of the open domain of R satisfies X w = y"
    INCONSISTENT = "no w satisfies X w = y: rows of X depend on each other, and y does not follow them"
    STALLED = "the Newton steps ran out, or float64 did, before X w = y held"


@dataclass(frozen=True, eq=False)
class Projection:
    """Bregman projections, with the leading axes of the problem.

    Parameters
    ----------
    w : Measured, shape (..., d)
        The projection; the bar is infinite where it did not converge.
    theta : ndarray, shape (..., P)
        The parameters there, ψ(θ_0; Xᵀν): where gradient flow ends.
    dual : ndarray, shape (..., n)
        ν with ∇R(w) = Xᵀν; 0 for rows of X that depend on others.
    residual : ndarray, shape (...)
        Largest |X w - y|.
    iterations : ndarray of int, shape (...)
        Newton steps.
    endings : ndarray of ProjectionEnding, shape (...)
        How each ended.

    """

    w: Measured
    theta: np.ndarray
    dual: np.ndarray
    residual: np.ndarray
    iterations: np.ndarray
    endings: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        """Where w is the projection, shape ``(...)``."""
        return np.asarray(self.endings == ProjectionEnding.CONVERGED)


def bregman_projection(potential: Potential, X: ArrayLike, y: ArrayLike, *, steps: int = 1000) -> Projection:
    """The w of {X w = y} where the potential is least.

    Leading axes of X, y and the start of the potential broadcast. Rows of X may depend on each other. A problem without a solution, or
    with one on the boundary of the domain only, is no error: its ending says so.

    Parameters
    ----------
    potential : Potential
        R, from `legendre_potential`.
    X : array_like, shape (..., n, d)
        Data, samples as rows.
    y : array_like, shape (..., n)
        Targets.
    steps : int
        Largest number of Newton steps.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Diagonal
    >>> from theorycheck.symbolic.potentials.legendre import legendre_potential
    >>> potential = legendre_potential(Diagonal(dim=2, depth=2), [1e-3] * 4)
    >>> bregman_projection(potential, [[1.0, 2.0]], [1.0]).w.value.round(8)
    array([0.00070686, 0.49964657])

    """
    require_potential(potential)
    X, y, lead = _flattened(potential, X, y, steps)
    start, domain = potential.system.start(lead), _Domain.of(potential, lead)
    place, endings = start[np.arange(len(y))], np.full(len(y), ProjectionEnding.CONVERGED)
    w, error, dual, iterations = np.zeros((len(y), X.shape[-1])), np.zeros((len(y), X.shape[-1])), np.zeros(y.shape), np.zeros(len(y), dtype=int)
    for lanes, rows in _independent_rows(X):
        at = lanes[:, None], rows
        problem = Problem(potential.system, X[at], y[at])
        found, feasible = _solved(problem, start[lanes], domain[lanes], steps)
        place.put(lanes, found.place)
        w[lanes], dual[at], iterations[lanes] = found.w, found.dual, found.iterations
        error[lanes[found.settled]] = _error(problem[found.settled], found[found.settled])
        endings[lanes[~found.settled]] = ProjectionEnding.STALLED
        endings[lanes[~feasible]] = ProjectionEnding.INFEASIBLE
        endings[lanes[~_consistent(X[lanes], y[lanes], rows)]] = ProjectionEnding.INCONSISTENT
    error[endings != ProjectionEnding.CONVERGED] = np.inf
    residual = np.max(np.abs(product(X, w) - y), axis=-1, initial=0.0)
    theta = potential.parameters_of(tuple(modes.reshape(*lead, *modes.shape[1:]) for modes in place.modes))
    measured = Measured(w.reshape(*lead, -1), error.reshape(*lead, -1))
    return Projection(measured, theta, dual.reshape(*lead, y.shape[-1]), residual.reshape(lead), iterations.reshape(lead), endings.reshape(lead))


@dataclass(frozen=True, eq=False)
class _Domain:
    """Domains of R for L problems: positive combinations of the rows of the cone, inside the box (low, high)."""

    cone: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, potential: Potential, lead: tuple[int, ...]) -> _Domain:
        """The domains laid out along one axis."""
        axes, count = potential.start.ndim - 1, int(np.prod(lead))
        parts = (potential.cone, *potential.domain)
        return cls(*(np.broadcast_to(part, (*lead, *part.shape[axes:])).reshape(count, *part.shape[axes:]) for part in parts))

    def __getitem__(self, lanes: np.ndarray) -> _Domain:
        return _Domain(self.cone[lanes], self.low[lanes], self.high[lanes])

    def left(self, found: DualSolution) -> np.ndarray:
        """Whether w is on the boundary in float64, shape (L,)."""
        boundary = np.any((found.w <= self.low) | (found.w >= self.high), axis=-1)
        for now, before in zip(found.place.modes, found.place.start, strict=True):
            boundary |= np.any((now == 0) & (before != 0), axis=tuple(range(1, now.ndim)))
        return boundary


def _solved(problem: Problem, start: Place, domain: _Domain, steps: int) -> tuple[DualSolution, np.ndarray]:
    """Solutions, and whether the problems have any; those that have none are not pursued for long."""
    found, feasible = solve_dual(problem, start, min(steps, _FIRST)), np.ones(len(problem.y), dtype=bool)
    for lane in np.flatnonzero(~found.settled | domain.left(found)):
        feasible[lane] = _feasible(problem.X[lane], problem.y[lane], domain.cone[lane])
    again = np.flatnonzero(~found.settled & feasible)
    if len(again) and steps > _FIRST:
        found.put(again, solve_dual(problem[again], start[again], steps))
    return found, feasible


def _flattened(potential: Potential, X: ArrayLike, y: ArrayLike, steps: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """X of shape (L, n, d), y of shape (L, n), and the leading axes they had together with the start."""
    X, y, d = require_finite("X", X), require_finite("y", y), potential.entries
    if X.ndim < 2:
        raise ShapeMismatch("X.shape", X.shape, f"must end with (n, {d})", "pass samples as rows, [x] for a single one")
    n = X.shape[-2]
    require_shape("X", X, (n, d), f"w has {d} entries")
    require_shape("y", y, (n,), "pass one target a sample")
    if steps < 1:
        raise InvalidArgument("steps", steps, "must be at least 1", "leave it out")
    shapes = X.shape[:-2], y.shape[:-1], potential.start.shape[:-1]
    try:
        lead = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeMismatch("X, y, start", shapes, "have leading axes that do not broadcast", "stack the same number of instances") from error
    count = int(np.prod(lead))
    return np.broadcast_to(X, (*lead, n, d)).reshape(count, n, d), np.broadcast_to(y, (*lead, n)).reshape(count, n), lead


def _independent_rows(X: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Lanes of equal rank r, and for each of them r rows that span the row space; rows are judged by direction, whatever their size."""
    size, n = np.max(np.abs(X), axis=-1, keepdims=True, initial=0.0), X.shape[-2]
    unit = X / np.where(size > 0, size, 1.0)
    ranks, groups = np.linalg.matrix_rank(unit) if n else np.zeros(len(X), dtype=int), []
    for rank in np.unique(ranks):
        lanes = np.flatnonzero(ranks == rank)
        chosen = [np.arange(n) if rank == n else np.sort(qr(unit[lane].T, mode="r", pivoting=True)[1][:rank]) for lane in lanes]
        groups.append((lanes, np.array(chosen, dtype=int).reshape(len(lanes), rank)))
    return groups


def _error(problem: Problem, found: DualSolution) -> np.ndarray:
    """Bar on w for L problems, shape (L, d)."""
    system, rank = problem.system, problem.X.shape[-2]
    factors, size, root = problem.factorised(found.place)
    identity = np.broadcast_to(np.eye(rank), (len(problem.y), rank, rank))
    half = np.stack([factors.forward(identity[:, j]) for j in range(rank)], axis=-1) if rank else identity
    inverse = np.abs(root @ (factors.Q @ half)) / np.where(size > 0, size, 1.0)[..., None]
    drift = 4 * EPS * found.travelled
    shaken = system.root(system.shaken(found.place.modes, drift))
    T = problem.X @ shaken
    free = shaken @ null_projection(T / np.max(np.abs(T), axis=(-1, -2), initial=np.finfo(float).tiny)[..., None, None])
    jitter = EPS * (found.iterations[:, None] + 4) * system.jitter(found.place, found.size)
    spread = product(np.abs(free @ np.swapaxes(free, -1, -2)), drift) + product(np.abs(free), jitter)
    bar = 2 * (product(inverse, np.abs(found.residual) + found.noise) + spread)
    steep = np.any(bar > _LINEAR * found.size, axis=-1, keepdims=True)  # an entry is all rounding: which one takes it up is not linear
    return np.where(steep, np.max(bar, axis=-1, keepdims=True), bar) + 4 * EPS * found.size


def _consistent(X: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Whether y follows the dependences between the rows of X, for L problems with r independent rows each."""
    if rows.shape[-1] == y.shape[-1]:
        return np.ones(len(y), dtype=bool)
    size = np.max(np.abs(X), axis=-1, initial=0.0)
    X, y = X / np.where(size > 0, size, 1.0)[..., None], y / np.where(size > 0, size, 1.0)
    basis, targets = np.take_along_axis(X, rows[..., None], -2), np.take_along_axis(y, rows, -1)
    weights = X @ np.linalg.pinv(basis)
    allowed = np.where(size > 0, _CONSISTENT * (np.abs(y) + product(np.abs(weights), np.abs(targets))), 0.0)
    return np.all(np.abs(y - np.where(size > 0, product(weights, targets), 0.0)) <= allowed, axis=-1)


def _feasible(X: np.ndarray, y: np.ndarray, cone: np.ndarray) -> bool:
    """Whether X w = y for a positive combination w of the vectors of the cone: maximise the least weight by linear programming."""
    columns = X @ cone[np.any(cone != 0, axis=-1)].T
    scale = np.max(np.abs(columns), axis=-1)
    columns, y = columns / scale[:, None], y / scale
    y = y / max(np.max(np.abs(y)), np.finfo(float).tiny)
    weights = columns.shape[-1]
    above = np.hstack([-np.eye(weights), np.ones((weights, 1))])
    equal = np.hstack([columns, np.zeros((len(y), 1))])
    bounds = [(None, None)] * weights + [(None, 1.0)]
    found = linprog(np.append(np.zeros(weights), -1.0), above, np.zeros(weights), equal, y, bounds)
    return bool(found.x is not None and found.x[-1] > _INTERIOR)
