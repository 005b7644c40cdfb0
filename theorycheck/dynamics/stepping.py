"""Methods that go step by step: their contract, and the driver that runs them lane by lane.

The error bar is an estimate to first order, not a proof. A step commits a rounding of about `local`, at most eps times the size
of the state plus what the gradient rounds; later steps carry it on. By how much they amplify it is read off the run: steps
themselves obey the same linearised dynamics, so the largest growth of the norm of a step over an earlier one shows it, in the
directions the run takes. With k steps, the bar is ``4 (k + 1) · growth · local``. From level 1 of precision on, a second run from a
start moved by a relative 2^-26 in a fixed random direction shows the amplification in a general direction too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.trajectories import At, Ending, Ends, Every, Path, Save, Stop
from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS, Precision
from theorycheck.symbolic.kernels import descent
from theorycheck.symbolic.kernels.descent import Watch

SAFETY = 4
MOVED = 2.0**-26
SAMPLED = 64  # steps between two looks at the rounding of a step; the powers of two are looked at too
FOREVER = np.iinfo(np.int64).max
_ENDINGS = tuple(Ending)
_NUMBER = {ending: number for number, ending in enumerate(_ENDINGS)}
_RUNNING = -1
_FUSED = {descent.SMALL: Ending.GRADIENT_SMALL, descent.DIVERGED: Ending.DIVERGED}

Carry = tuple[np.ndarray, ...]


class Fused(Protocol):
    """Many steps of many lanes at once, in compiled code."""

    def advance(
        self, theta: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray, watch: Watch
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """States ``(B, P)`` of the flattened lanes `chosen`, and what `DeepLinearKernels.descend` says of them."""


class Method:
    """Contract of a method, a frozen value.

    To add one:

    1. give it its arguments as fields, checked when it is made, and `lanes`, their common leading shape;
    2. give it `time_step`, the time that one step counts for, which broadcasts over lanes;
    3. write `move`: state and carry after one step, pure, each lane for itself; what it needs to remember goes into the
       carry, a tuple of arrays with the leading axes of θ;
    4. write `begin`, the carry before the first step, unless it is empty;
    5. write `fused` where compiled code does many steps at once.
    """

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the method's arguments."""
        raise NotImplementedError

    @property
    def time_step(self) -> np.ndarray:
        """Time of one step, broadcasts over lanes."""
        raise NotImplementedError

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        """The carry before the first step."""
        return ()

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry) -> tuple[np.ndarray, Carry]:
        """State and carry after one step from θ ``(..., P)``."""
        raise NotImplementedError

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        """Compiled code for many steps, or None."""
        return None

    def trace(self, objective: SmoothRisk, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Path:
        """Run from `start`; see `follow`."""
        if until.steps is None and until.time is None:
            raise InvalidArgument("until", until, "may never happen", "pass steps or time to Stop as well")
        walk = Walk.begun(self, objective, start, until)
        columns = [(walk.k.copy(), walk.theta.copy()) for _ in schedule(walk, save)]
        walk.advance(walk.limit)
        if not isinstance(save, At) and (len(columns) < 2 or np.any(columns[-1][0] != walk.k)):
            columns.append((walk.k, walk.theta))
        steps, states = np.stack([k for k, _ in columns], axis=-1), np.stack([theta for _, theta in columns], axis=-2)
        _, growth, local = walk.watch
        if precision.level > 0:
            growth = np.maximum(growth, shaken(walk, start))
        bar = SAFETY * EPS * (walk.k + 1) * growth * local
        error = np.where((walk.ended == _NUMBER[Ending.DIVERGED]) | np.isnan(bar), np.inf, bar)
        ending = np.asarray(np.array(_ENDINGS, dtype=object)[walk.ended])
        return Path(steps * walk.time_step[..., None], states, walk.theta, ending, error, walk.k)


@dataclass
class Walk:
    """Progress of a run; leading axes are the lanes."""

    method: Method
    objective: SmoothRisk
    until: Stop
    theta: np.ndarray
    carry: Carry
    time_step: np.ndarray
    limit: np.ndarray  # steps after which a lane ends, at most
    why: np.ndarray  # the ending it then has; endings are numbered here, in their order
    k: np.ndarray  # steps taken
    ended: np.ndarray  # number of the ending, -1 while a lane runs
    side: np.ndarray  # the last sign of the event that was not zero
    watch: Watch
    fused: Fused | None

    @classmethod
    def begun(cls, method: Method, objective: SmoothRisk, start: np.ndarray, until: Stop) -> Walk:
        """The state before the first step, with the conditions checked there."""
        lanes = start.shape[:-1]
        walk = cls(
            method,
            objective,
            until,
            start,
            method.begin(objective, start),
            np.broadcast_to(method.time_step, lanes),
            *limits(until, np.broadcast_to(method.time_step, lanes)),
            np.zeros(lanes, dtype=np.int64),
            np.full(lanes, _RUNNING),
            np.zeros(lanes) if until.event is None else np.sign(np.broadcast_to(until.event(objective, start), lanes)),
            Watch(np.full(lanes, np.inf), np.ones(lanes), np.zeros(lanes)),
            None if until.event is not None else method.fused(objective, lanes),
        )
        walk.settle(np.ones(lanes, dtype=bool))
        return walk

    @property
    def running(self) -> np.ndarray:
        """Lanes that have not ended."""
        return np.asarray(self.ended == _RUNNING)

    @property
    def threshold(self) -> np.ndarray:
        """Of the gradient norm; -1 for none."""
        return np.broadcast_to(-1.0 if self.until.gradient_norm is None else np.asarray(self.until.gradient_norm), self.k.shape)

    def end(self, lanes: np.ndarray, ending: Ending) -> None:
        """End lanes that still run."""
        self.ended = np.where(lanes & self.running, _NUMBER[ending], self.ended)

    def settle(self, moved: np.ndarray) -> None:
        """End the lanes among `moved` that a condition ends at their present state."""
        if self.until.event is not None:
            sign = np.sign(np.broadcast_to(self.until.event(self.objective, self.theta), self.k.shape))
            known = ~np.isnan(sign)
            self.end(moved & known & (self.k > 0) & (self.side != 0) & (sign != self.side), Ending.EVENT)
            self.side = np.where((self.side == 0) & known, sign, self.side)
        at_limit = moved & (self.k >= self.limit)
        looked = moved if self.fused is None else at_limit  # compiled code looks at the gradient before every step
        if self.until.gradient_norm is not None and np.any(looked):
            self.end(looked & (np.linalg.norm(self.objective.gradient(self.theta), axis=-1) <= self.threshold), Ending.GRADIENT_SMALL)
        self.ended = np.where(at_limit & self.running, self.why, self.ended)

    def advance(self, targets: np.ndarray) -> None:
        """Bring every lane that runs to its target step, its limit, or its end."""
        counts = np.where(self.running, np.maximum(np.minimum(targets, self.limit) - self.k, 0), 0)
        if self.fused is not None:
            self.leap(self.fused, counts)
            return
        while np.any(counts > 0):
            self.step(counts > 0)
            counts = np.where(self.running, counts - 1, 0)

    def step(self, chosen: np.ndarray) -> None:
        """One step of the lanes chosen."""
        least, growth, local = self.watch
        if np.any(self.k % SAMPLED == 0) or np.any(self.k & (self.k - 1) == 0):
            size = np.linalg.norm(self.theta, axis=-1) + self.time_step * self.objective.gradient_error(self.theta) / EPS
            local = np.where(chosen, np.maximum(local, size), local)
        theta, carry = self.method.move(self.objective, self.theta, self.carry)
        lost = chosen & ~np.all(np.isfinite(theta), axis=-1)
        moved = chosen & ~lost
        length = np.linalg.norm(theta - self.theta, axis=-1)
        least = np.where(moved, np.minimum(least, np.maximum(length, EPS * local)), least)
        growth = np.where(moved & (least > 0), np.maximum(growth, length / least), growth)
        self.watch = Watch(least, growth, local)
        self.theta = np.where(moved[..., None], theta, self.theta)
        self.carry = tuple(np.where(_behind(moved, new), new, old) for new, old in zip(carry, self.carry, strict=True))
        self.k = np.asarray(self.k + moved)
        self.end(lost, Ending.DIVERGED)
        self.settle(moved)

    def leap(self, fused: Fused, counts: np.ndarray) -> None:
        """Many steps of many lanes, in compiled code."""
        flat = np.flatnonzero(counts)
        if not flat.size:
            return
        lanes, states, codes = counts.shape, self.theta.reshape(counts.size, -1).copy(), np.zeros(counts.size, dtype=np.int64)
        k, watch = self.k.ravel().copy(), Watch(*(noted.ravel().copy() for noted in self.watch))
        part = Watch(*(noted[flat] for noted in watch))
        threshold = np.where(self.threshold < 0, -1.0, self.threshold * self.time_step).ravel()[flat]
        states[flat], taken, codes[flat] = fused.advance(states[flat], flat, counts.ravel()[flat], threshold, part)
        k[flat] += taken
        for whole, noted in zip(watch, part, strict=True):
            whole[flat] = noted
        self.theta, self.k, self.watch = states.reshape(self.theta.shape), k.reshape(lanes), Watch(*(noted.reshape(lanes) for noted in watch))
        for code, ending in _FUSED.items():
            self.end(codes.reshape(lanes) == code, ending)
        self.settle(counts > 0)


def limits(until: Stop, time_step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps after which each lane ends, and the ending it then has: steps or time, whichever is first."""
    steps = np.broadcast_to(FOREVER if until.steps is None else np.asarray(until.steps, dtype=np.int64), time_step.shape)
    by_time = np.broadcast_to(FOREVER, time_step.shape) if until.time is None else steps_to(np.asarray(until.time), time_step)
    why = np.where(steps <= by_time, _NUMBER[Ending.REACHED_STEPS], _NUMBER[Ending.REACHED_TIME])
    return np.minimum(steps, by_time), why


def steps_to(time: np.ndarray, time_step: np.ndarray) -> np.ndarray:
    """The first step at or after a time; a time that is a whole number of steps up to rounding is that number."""
    return np.minimum(np.ceil(time / time_step * (1 - 4 * EPS)), 2.0**62).astype(np.int64)


def schedule(walk: Walk, save: Save) -> Iterator[None]:
    """Advance a walk to the states to keep, one after the other."""
    if isinstance(save, At):
        for time in save.times:
            walk.advance(steps_to(time, walk.time_step))
            yield
        return
    yield
    count = 0
    while isinstance(save, Every) and np.any(walk.running):
        count += save.steps
        walk.advance(np.full(walk.k.shape, count))
        yield


def shaken(walk: Walk, start: np.ndarray) -> np.ndarray:
    """How far apart a slightly moved start ends, relative to how far it was moved."""
    size = np.maximum(np.linalg.norm(start, axis=-1), MOVED)
    direction = np.random.Generator(np.random.Philox(0)).standard_normal(start.shape[-1])
    moved = start + (MOVED * size)[..., None] * direction / np.linalg.norm(direction)
    other = walk.method.trace(walk.objective, moved, Stop(steps=walk.k), Ends(), Precision(0))
    return np.linalg.norm(other.final - walk.theta, axis=-1) / (MOVED * size)


def _behind(mask: np.ndarray, array: np.ndarray) -> np.ndarray:
    """A mask over lanes with the axes that an array has behind them."""
    return mask.reshape(*mask.shape, *(1,) * (array.ndim - mask.ndim))
