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
from scipy.linalg import qr
from scipy.optimize import linprog

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_shape
from theorycheck.measured import EPS, Measured
from theorycheck.symbolic.potentials.graded import null_projection
from theorycheck.symbolic.potentials.legendre import Potential
from theorycheck.symbolic.potentials.modes import Place
from theorycheck.symbolic.potentials.newton import DualSolution, Problem, product, solve_dual

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


def bregman_projection(potential: Potential, X: np.ndarray, y: np.ndarray, *, steps: int = 1000) -> Projection:
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
    X, y, lead = _problem(potential, X, y, steps)
    start, chosen = potential.modes.start(lead), _independent_rows(X)
    place, w, error = start[np.arange(len(y))], np.zeros((len(y), X.shape[-1])), np.full((len(y), X.shape[-1]), np.inf)
    dual, iterations, settled = np.zeros(y.shape), np.zeros(len(y), dtype=int), np.zeros(len(y), dtype=bool)
    for rank in sorted({len(rows) for rows in chosen}):
        lanes = np.array([lane for lane, rows in enumerate(chosen) if len(rows) == rank])
        at = lanes[:, None], np.array([chosen[lane] for lane in lanes], dtype=int).reshape(len(lanes), rank)
        problem = Problem(potential.modes, X[at], y[at])
        found = solve_dual(problem, start[lanes], steps)
        place.put(lanes, found.place)
        w[lanes], dual[at], iterations[lanes], settled[lanes] = found.w, found.dual, found.iterations, found.settled
        error[lanes[found.settled]] = _error(problem[found.settled], found[found.settled])
    endings = _endings(potential, X, y, chosen, settled, settled & ~_at_boundary(potential, w, place, lead), lead)
    error[endings != ProjectionEnding.CONVERGED] = np.inf
    residual = np.max(np.abs(product(X, w) - y), axis=-1, initial=0.0)
    theta = potential.parameters_of(tuple(modes.reshape(*lead, *modes.shape[1:]) for modes in place.modes))
    measured = Measured(w.reshape(*lead, -1), error.reshape(*lead, -1))
    return Projection(measured, theta, dual.reshape(*lead, y.shape[-1]), residual.reshape(lead), iterations.reshape(lead), endings.reshape(lead))


def _problem(potential: Potential, X: np.ndarray, y: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
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


def _independent_rows(X: np.ndarray) -> list[np.ndarray]:
    """For each of L matrices the indices of rows that span its row space; rows are judged by direction, whatever their size."""
    size = np.max(np.abs(X), axis=-1, keepdims=True)
    unit = X / np.where(size > 0, size, 1.0)
    ranks, n = np.linalg.matrix_rank(unit), X.shape[-2]
    return [np.arange(n) if rank == n else np.sort(qr(lane.T, mode="r", pivoting=True)[1][:rank]) for lane, rank in zip(unit, ranks, strict=True)]


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


def _at_boundary(potential: Potential, w: np.ndarray, place: Place, lead: tuple[int, ...]) -> np.ndarray:
    """Whether w is on the boundary of the domain in float64, shape (L,)."""
    low, high = (np.broadcast_to(end, (*lead, w.shape[-1])).reshape(w.shape) for end in potential.domain)
    boundary = np.any((w <= low) | (w >= high), axis=-1)
    for now, before in zip(place.modes, place.start, strict=True):
        boundary |= np.any((now == 0) & (before != 0), axis=tuple(range(1, now.ndim)))
    return boundary


def _endings(
    potential: Potential, X: np.ndarray, y: np.ndarray, chosen: list[np.ndarray], settled: np.ndarray, clear: np.ndarray, lead: tuple[int, ...]
) -> np.ndarray:
    """Endings of L problems, where those that are clear have settled off the boundary of the domain."""
    endings = np.full(len(y), ProjectionEnding.CONVERGED)
    cones = np.broadcast_to(potential.cone, (*lead, *potential.cone.shape[-2:])).reshape(len(y), *potential.cone.shape[-2:])
    for lane, rows in enumerate(chosen):
        if not _consistent(X[lane], y[lane], rows):
            endings[lane] = ProjectionEnding.INCONSISTENT
        elif not clear[lane] and not _feasible(X[lane][rows], y[lane][rows], cones[lane]):
            endings[lane] = ProjectionEnding.INFEASIBLE
        elif not settled[lane]:
            endings[lane] = ProjectionEnding.STALLED
    return endings


def _consistent(X: np.ndarray, y: np.ndarray, rows: np.ndarray) -> bool:
    """Whether y follows the dependences between the rows of X."""
    if len(rows) == len(y):
        return True
    size = np.max(np.abs(X), axis=-1)
    X, y = X / np.where(size > 0, size, 1.0)[:, None], y / np.where(size > 0, size, 1.0)
    weights = np.linalg.lstsq(X[rows].T, X.T, rcond=None)[0]
    allowed = _CONSISTENT * (np.abs(y) + np.abs(y[rows]) @ np.abs(weights))
    return bool(np.all(np.abs(y - y[rows] @ weights)[size > 0] <= allowed[size > 0]) and not np.any(y[size == 0]))


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
