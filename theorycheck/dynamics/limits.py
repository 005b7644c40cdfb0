"""Where a gradient flow comes to rest, with an error bar.

Method       the flow is followed until ‖∇R‖ is small. The Hessian there splits the directions into flat ones, |λ| ≤ cut, and normal ones;
             μ > 0 is the least normal eigenvalue.
Isolated     no flat direction: Newton's method goes on to the minimiser; the bar is 2 (‖∇R‖ + its rounding)/μ and the rounding of θ.
On a set     flat directions in which ∇R vanishes: the state is kept, since a Newton step is off the flow by the square of its length.
             From there the way to the limit is at most ∫ ‖∇R‖ dt ≤ ‖∇R‖/μ to first order, which is added to the bar of the state, twice.
Unknown      anything else: a saddle, a degenerate minimum, no gap between flat and normal, a limit at infinity. The bar is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from theorycheck.dynamics.flows import GradientFlow, MirrorFlow
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.quantities import Quantity
from theorycheck.dynamics.trajectories import Stop, Trajectory, follow
from theorycheck.measured import EPS, Measured, Precision, in_force

CUT, GAP = 1e-5, 30.0  # flat eigenvalues over the largest; least normal one over the largest flat one
FIRST_THRESHOLD = 1e-3  # gradient norm to wait for: accuracy times that of the start times this
NEWTON_STEPS = 4
NEAR = 1e-3  # way to the limit over the norm of θ, and the last Newton step over the first, above which nothing is settled


class Rest(Enum):
    """What kind of limit was found; the value is its sentence."""

    ISOLATED = "an isolated minimiser, polished by Newton's method"
    ON_A_SET = "a point of a set of minimisers"
    UNKNOWN = "not settled: the bar is infinite"


@dataclass(frozen=True, eq=False)
class Limit:
    """Limits t → ∞, with the leading axes of the flow.

    Parameters
    ----------
    theta : Measured, shape (..., P)
        The limit; the bar of every entry is that of the whole in the Euclidean norm.
    rest : ndarray of Rest, shape (...,)
        How it was settled.
    trajectory : Trajectory
        The way there.

    """

    theta: Measured
    rest: np.ndarray
    trajectory: Trajectory

    def recorded(self, quantity: Quantity, objective: SmoothRisk, precision: Precision | None = None) -> Measured:
        """A quantity at the limit, with the leading axes of the flow.

        To its own bar is added the most it changes, to first order, over the ball that the bar of θ describes: the root of the sum of
        squares of its changes along the axes.
        """
        value, radius, P = self.theta.value, self.theta.error[..., :1], self.theta.value.shape[-1]
        moves = np.concatenate([np.zeros((1, P)), np.eye(P), -np.eye(P)])
        level = in_force(precision)
        with np.errstate(all="ignore"), level.scope():
            states = value[..., None, :] + moves * np.where(np.isfinite(radius), radius, 0.0)[..., None]
            found = quantity(objective.along_times, states, level)
            axis = value.ndim - 1
            here, ahead, behind = (np.take(found.value, at, axis=axis) for at in ([0], np.arange(1, P + 1), np.arange(P + 1, 2 * P + 1)))
            changes = np.maximum(np.abs(ahead - here), np.abs(behind - here))
            error = np.take(found.error, 0, axis=axis) + np.sqrt(np.sum(np.square(changes), axis=axis))
            unknown = np.isnan(error) | np.isinf(radius).reshape((*radius.shape[:-1], *(1,) * (error.ndim - axis)))
        return Measured(np.take(found.value, 0, axis=axis), np.where(unknown, np.inf, error))


@dataclass(frozen=True, eq=False)
class _Curvature:
    """Gradient and Hessian at θ: norms ``(...,)`` and eigenvalues ``(..., P)``, ascending."""

    size: np.ndarray
    gradient: np.ndarray
    noise: np.ndarray
    eigenvalues: np.ndarray
    flat: np.ndarray
    flat_gradient: np.ndarray
    vectors: np.ndarray
    components: np.ndarray

    @classmethod
    def at(cls, objective: SmoothRisk, theta: np.ndarray) -> _Curvature:
        H, g = objective.hessian(theta), objective.gradient(theta)
        finite = np.all(np.isfinite(H), axis=(-1, -2))
        eigenvalues, vectors = np.linalg.eigh(np.where(finite[..., None, None], H, 0.0))
        components = (np.swapaxes(vectors, -1, -2) @ g[..., None])[..., 0]
        flat = np.abs(eigenvalues) <= CUT * np.max(np.abs(eigenvalues), axis=-1, keepdims=True)
        flat_gradient = np.linalg.norm(np.where(flat, components, 0.0), axis=-1)
        norms = np.linalg.norm(theta, axis=-1), np.linalg.norm(g, axis=-1)
        return cls(*norms, objective.gradient_error(theta), eigenvalues, flat, flat_gradient, vectors, components)

    @property
    def least(self) -> np.ndarray:
        """μ, or NaN where there is none: a negative eigenvalue, or no gap."""
        normal = np.min(np.where(self.flat, np.inf, self.eigenvalues), axis=-1)
        widest = np.max(np.where(self.flat, np.abs(self.eigenvalues), 0.0), axis=-1)
        return np.where((normal > 0) & np.isfinite(normal) & (normal >= GAP * widest), normal, np.nan)

    @property
    def newton(self) -> np.ndarray:
        """Newton's step, shape ``(..., P)``."""
        return -(self.vectors @ (self.components / self.eigenvalues)[..., None])[..., 0]


def flow_limit(objective: SmoothRisk, flow: GradientFlow | MirrorFlow, start: np.ndarray, precision: Precision | None = None) -> Limit:
    """The limit t → ∞ of a flow.

    Parameters
    ----------
    objective : SmoothRisk
        What is descended.
    flow : GradientFlow or MirrorFlow
        Its accuracy is asked of the limit too.
    start : array_like, shape (..., P)
        As in `follow`.
    precision : Precision, optional
        That of the scope by default.

    Examples
    --------
    >>> from theorycheck.dynamics.data import Regression
    >>> from theorycheck.dynamics.objectives import Objective
    >>> from theorycheck.symbolic.losses import SquaredLoss
    >>> from theorycheck.symbolic.parametrizations import DeepLinear
    >>> objective = Objective(DeepLinear((2, 1)), SquaredLoss(), Regression([[1.0, 1.0]], [2.0]))
    >>> limit = flow_limit(objective, GradientFlow(accuracy=1e-9), [1.0, 0.0])
    >>> bool(abs(limit.theta.value[0] - 1.5) <= limit.theta.error[0] <= 1e-8), limit.rest.item().name
    (True, 'ON_A_SET')

    """
    level = in_force(precision)
    with np.errstate(all="ignore"):
        speed = np.linalg.norm(objective.gradient(np.asarray(start, dtype=float)), axis=-1)
        accuracy = level.tightened(np.asarray(flow.accuracy, dtype=float))
        threshold = np.where(np.isfinite(speed), accuracy * FIRST_THRESHOLD * speed, 0.0)
        run = follow(objective, flow, start, Stop(gradient_norm=threshold), precision=level)
        found = _Curvature.at(objective, run.final)
        short = 2 * found.gradient / found.least > accuracy * found.size
        if np.any(short):
            threshold = np.where(short, found.least * accuracy * found.size / 4, found.gradient)
            run = follow(objective, flow, start, Stop(gradient_norm=threshold), precision=level)
            found = _Curvature.at(objective, run.final)
        return _settled(objective, run, found)


def _settled(objective: SmoothRisk, run: Trajectory, found: _Curvature) -> Limit:
    """The limit next to the end of a run."""
    tail = 2 * found.gradient / found.least
    quiet = found.flat_gradient <= np.maximum(0.1 * found.gradient, 2 * found.noise)
    on_a_set = np.any(found.flat, axis=-1) & quiet & (tail <= NEAR * found.size) & np.isfinite(run.error)
    polished, bar, regular = _polished(objective, run.final, found, 2 * tail + run.error)
    isolated = ~np.any(found.flat, axis=-1) & regular
    theta = np.where(isolated[..., None], polished, run.final)
    error = np.select([isolated, on_a_set], [bar, run.error + tail], np.inf)
    rest = np.array([Rest.UNKNOWN, Rest.ON_A_SET, Rest.ISOLATED], dtype=object)[np.where(isolated, 2, np.where(on_a_set, 1, 0))]
    return Limit(Measured(theta, np.broadcast_to(error[..., None], theta.shape)), np.asarray(rest, dtype=object), run)


def _polished(objective: SmoothRisk, theta: np.ndarray, found: _Curvature, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """θ after Newton steps, its bar, and whether they converged as they must, within `reach` of where they began."""
    begin, first = theta, np.linalg.norm(found.newton, axis=-1)
    regular = np.isfinite(found.least) & np.isfinite(first)
    for _ in range(NEWTON_STEPS):
        moved = theta + found.newton
        found = _Curvature.at(objective, moved)
        theta = moved
    last, rounding = np.linalg.norm(found.newton, axis=-1), 4 * EPS * found.size
    bar = 2 * (found.gradient + found.noise) / found.least + rounding
    converged = (last <= NEAR * first) | (last <= 2 * found.noise / found.least + rounding)
    near = np.linalg.norm(theta - begin, axis=-1) <= reach + bar
    return theta, bar, regular & converged & near & np.isfinite(bar)
