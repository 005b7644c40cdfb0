"""Trajectories: `follow` runs a method or a flow from a start until something happens, and keeps what was asked for.

A method or flow is a frozen value with one entry, `trace` (see `Dynamics`); where to stop, what to keep and what to record are
values of their own. Divergence is an ending of one lane, not an exception: the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.certificates.arrays import balls
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.runs import steps_of
from theorycheck.dynamics.certificates.tubes import flow_states
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.quantities import Quantity
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_positive
from theorycheck.measured import Measured, Precision, in_balls, in_force


class Ending(Enum):
    """Why a lane of a trajectory ended; the value is the sentence that says so."""

    REACHED_STEPS = "took the steps asked for"
    REACHED_TIME = "reached the time asked for"
    GRADIENT_SMALL = "the norm of the gradient fell to the threshold"
    EVENT = "the event changed its sign"
    DIVERGED = "left the finite numbers; the last finite state is kept"
    ROUNDING_LIMIT = "came as near to the accuracy asked for as rounding allows; states and bars are kept"
    BUDGET_EXHAUSTED = "used up the steps it was allowed; what was reached is kept"

    @property
    def sentence(self) -> str:
        """The ending in words."""
        return self.value


Event = Callable[[SmoothRisk, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Stop:
    """Where to stop: the first of these to happen, lane by lane.

    Parameters
    ----------
    steps : int or array of int
        Number of steps of a method.
    time : float or array
        Time; a method stops at the first step at or after it.
    gradient_norm : float or array
        Stop where ‖∇R‖ is at most this, the start included.
    event : callable
        ``event(objective, theta)`` -> signed values of the leading shape; stop where one changes its sign or reaches zero.

    Raises
    ------
    InvalidArgument
        If nothing is given, or something negative.

    """

    steps: int | np.ndarray | None = None
    time: float | np.ndarray | None = None
    gradient_norm: float | np.ndarray | None = None
    event: Event | None = None

    def __post_init__(self) -> None:
        if self.steps is None and self.time is None and self.gradient_norm is None and self.event is None:
            raise InvalidArgument("until", "Stop()", "never stops", "pass Stop(steps=1000), Stop(time=10.0) or another condition")
        if self.steps is not None and (np.asarray(self.steps).dtype.kind not in "iu" or np.any(np.asarray(self.steps) < 0)):
            raise InvalidArgument("steps", self.steps, "must be a whole number from 0", "pass steps=1000")
        if self.time is not None:
            require_positive("time", self.time)
        if self.gradient_norm is not None and np.any(require_finite("gradient_norm", self.gradient_norm) < 0):
            raise InvalidArgument("gradient_norm", self.gradient_norm, "must not be negative", "pass gradient_norm=1e-8")


@dataclass(frozen=True)
class Ends:
    """Keep the start and the end: two states."""


@dataclass(frozen=True)
class Every:
    """Keep the start, every `steps`-th state of a method, and the end."""

    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int | np.integer) or self.steps < 1:
            raise InvalidArgument("steps", self.steps, "must be a whole number from 1", "pass Every(10)")


@dataclass(frozen=True, eq=False, init=False)
class At:
    """Keep the states at given times, ascending; a method keeps the first at or after each. Past its end a lane stays where it ended."""

    times: np.ndarray

    def __init__(self, times: ArrayLike) -> None:
        instants = np.array(balls(np.array(times)) if in_balls() else require_finite("times", times))
        if instants.ndim != 1 or not instants.size or np.any(np.diff(instants) < 0) or instants[0] < 0:
            raise InvalidArgument("times", times, "must be ascending numbers from 0", "pass At([0.0, 1.0, 2.0])")
        instants.flags.writeable = False
        object.__setattr__(self, "times", instants)


Save = Ends | Every | At


@dataclass(frozen=True, eq=False)
class Path:
    """What a method or a flow hands back: a `Trajectory` without records. Shapes as there; the error may wait until it is asked for."""

    times: np.ndarray
    states: np.ndarray
    final: np.ndarray
    ending: np.ndarray
    error: np.ndarray | Callable[[], np.ndarray]
    cost: Any
    moved: np.ndarray | None = None  # the states moved by their bars, where those are more than rounding


class Dynamics(Protocol):
    """A method or a flow, frozen and without progress in it."""

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of its own arguments, such as step sizes."""

    def trace(self, objective: SmoothRisk, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Path:
        """Run from `start`, shape ``(..., P)``, whose leading axes are those of the result. Floating-point traps are off."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States along a run, lane by lane.

    Parameters
    ----------
    times : ndarray, shape (..., T)
        Of the states kept; a lane that has ended repeats its end.
    states : ndarray, shape (..., T, P)
        What was kept.
    final : ndarray, shape (..., P)
        Where each lane ended.
    records : mapping of quantity -> Measured, shape (..., T)
        The quantities asked for, at the states kept.
    ending : ndarray of Ending, shape (...,)
        Why.
    cost : ndarray of int, shape (...,), or FlowCost
        Gradient evaluations of a method, in full for a flow.
    bar : callable
        Computes `error`.

    """

    times: np.ndarray
    states: np.ndarray
    final: np.ndarray
    records: Mapping[Quantity, Measured]
    ending: np.ndarray
    cost: Any
    bar: Callable[[], np.ndarray] = field(repr=False)

    @cached_property
    def error(self) -> np.ndarray:
        """Bar on `final` in the Euclidean norm, shape ``(...,)``; computed when it is first asked for.

        How it is obtained, the method or flow says. Infinite for a lane that diverged.
        """
        with np.errstate(all="ignore"):
            return self.bar()

    def ended(self, ending: Ending) -> np.ndarray:
        """Whether each lane ended so, shape ``(...)``."""
        return np.array([found is ending for found in self.ending.flat], dtype=bool).reshape(self.ending.shape)


def follow(
    objective: SmoothRisk,
    method_or_flow: Dynamics,
    start: np.ndarray,
    until: Stop,
    record: Iterable[Quantity] = (),
    save: Save = Ends(),
    precision: Precision | None = None,
) -> Trajectory:
    """Run a method or a flow.

    Parameters
    ----------
    objective : SmoothRisk
        What is descended.
    method_or_flow : Dynamics
        Such as `GradientDescent`.
    start : array_like, shape (..., P)
        Broadcasts with the data of the objective and with the arguments of the method.
    until : Stop
        Where to stop.
    record : iterable of quantities
        Evaluated at the states kept.
    save : Ends, Every or At
        Which states are kept; it bounds the memory.
    precision : Precision, optional
        That of the scope by default.

    Raises
    ------
    NotFinite, ShapeMismatch, InvalidArgument
        For a start that is not finite or of the wrong shape, or a stop that the method cannot serve.

    """
    _require_parts(objective, method_or_flow, until, save)
    record = _quantities(record)
    if in_balls(precision):
        return _enclosed(objective, method_or_flow, start, until, record, save)
    start, P = require_finite("start", start), objective.parameters
    if start.ndim < 1 or start.shape[-1] != P:
        raise ShapeMismatch("start.shape", start.shape, f"must end with ({P},)", "pass one entry a parameter")
    shapes = {"start": start.shape[:-1], "data": objective.lanes, "method": method_or_flow.lanes}
    try:
        lanes = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ShapeMismatch("start.shape", start.shape, f"must broadcast in the leading axes: {shapes}", "give all the same leading axes") from None
    level = in_force(precision)
    with np.errstate(all="ignore"), level.scope():
        path = method_or_flow.trace(objective, np.array(np.broadcast_to(start, (*lanes, P))), until, save, level)
        records = {quantity: recorded(quantity, objective.along_times, path, level) for quantity in record}
    error = path.error
    bar = error if callable(error) else lambda: error
    return Trajectory(path.times, path.states, path.final, MappingProxyType(records), path.ending, path.cost, bar)


def _require_parts(objective: Any, method_or_flow: Any, until: Any, save: Any) -> None:
    """Each argument of `follow` is of its kind; an instance where it must be one, not its class."""
    if isinstance(objective, type) or not hasattr(objective, "gradient"):
        raise InvalidArgument("objective", objective, "is no objective", "pass tc.Objective(model, loss, data) or a tc.Landscape")
    if isinstance(method_or_flow, type) or not hasattr(method_or_flow, "trace"):
        raise InvalidArgument(
            "method_or_flow", method_or_flow, "is no method or flow", "pass tc.GradientDescent(step=0.1), tc.GradientFlow(accuracy=1e-8), ..."
        )
    if not isinstance(until, Stop):
        raise InvalidArgument("until", until, "is no Stop", "pass tc.Stop(steps=1000), tc.Stop(time=10.0) or another condition")
    if not isinstance(save, Save):
        raise InvalidArgument("save", save, "does not say which states to keep", "pass tc.Ends(), tc.Every(10) or tc.At(times)")


def _quantities(record: Any) -> tuple[Quantity, ...]:
    asked = tuple(record) if isinstance(record, Iterable) else (None,)
    if not all(callable(quantity) for quantity in asked):
        raise InvalidArgument("record", record, "must be a tuple of quantities", "pass record=(tc.risk, tc.sharpness)")
    return asked


def _enclosed(objective: SmoothRisk, method: Any, start: np.ndarray, until: Stop, record: Iterable[Quantity], save: Save) -> Trajectory:
    """A few steps of a method, or gradient flow, in balls, one lane; the bar is zero, since the states carry their own."""
    from theorycheck.dynamics.flows import GradientFlow

    if isinstance(method, GradientFlow):
        return _enclosed_flow(objective, start, until, record, save)
    states = np.stack(list(steps_of(method, objective, start, until)))
    kept = _kept(len(states) - 1, save)
    records = {quantity: quantity(objective.along_times, states[kept]) for quantity in record}
    ending, error = np.array(Ending.REACHED_STEPS, dtype=object), np.zeros(())
    return Trajectory(method.time_of(kept), states[kept], states[-1], MappingProxyType(records), ending, np.array(kept[-1]), lambda: error)


def _enclosed_flow(objective: SmoothRisk, start: np.ndarray, until: Stop, record: Iterable[Quantity], save: Save) -> Trajectory:
    if until.time is None or until.steps is not None or until.gradient_norm is not None or until.event is not None or isinstance(save, Every):
        raise InvalidArgument("until", until, "is not a time alone", "pass Stop(time=1.0), and Ends() or At(times), to certify a flow")
    times = [Ball(t) for t in save.times.tolist()] if isinstance(save, At) else [Ball(0), Ball(np.asanyarray(until.time).item())]
    end = Ball(np.asanyarray(until.time).item())
    *states, final = flow_states(objective, start, [*times, end])
    kept = np.stack(states)
    records = {quantity: quantity(objective.along_times, kept) for quantity in record}
    ending, error = np.array(Ending.REACHED_TIME, dtype=object), np.zeros(())
    return Trajectory(balls(times), kept, final, MappingProxyType(records), ending, np.array(0), lambda: error)


def _kept(last: int, save: Save) -> np.ndarray:
    if isinstance(save, At):
        raise InvalidArgument("save", save, "asks for times", "pass Ends() or Every(1) to certify a run")
    return np.array([0, last] if isinstance(save, Ends) else sorted({*range(0, last, save.steps), last}))


def recorded(quantity: Quantity, objective: SmoothRisk, path: Path, precision: Precision) -> Measured:
    """A quantity along a path; where states carry bars, so does it: three times the most it changes when they move by them, forth or back.

    The bar says how far a state may be off, and one direction; three times is calibrated with the bars (`benchmarks/flow_bars.py`).
    """
    found = quantity(objective, path.states, precision)
    if path.moved is None:
        return found
    ends = (path.moved, 2 * path.states - path.moved)
    changes = [np.abs(quantity(objective, end, precision).value - found.value) for end in ends]
    error = found.error + 3 * np.maximum(*changes)
    return Measured(found.value, np.where(np.isnan(error), np.inf, error))
