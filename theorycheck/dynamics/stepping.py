"""Methods that go step by step: their contract, and the driver that runs them lane by lane.

The error bar is an estimate, not a proof: shadows, the same run with rounding errors planted in it, show where errors of their
size lead. A shadow's parameters are kicked before every 64 steps by about 2 eps of themselves for each of those steps (on the general
path also by what the gradient rounds; in compiled runs the data move once by 16 eps instead), with random signs that stay the
same through the run. The bar is 8 times the distance to the farthest of three shadows; where one of them ends elsewhere
altogether, rounding decides where the run goes, and the bar is infinite. It costs three runs, so it is made when
`Trajectory.error` is first asked for. Nothing cheaper was honest: the growth of the steps themselves says nothing of directions
that a run does not take, and runs at the edge of stability, or past a saddle, are unstable in just those; and one shadow may by
chance be kicked across the one direction that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

import numpy as np

from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.trajectories import At, Ending, Every, Path, Save, Stop
from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS, Precision
from theorycheck.symbolic.kernels import descent

SHADOWS = 3
SAFETY = 8  # of the bar over the distance to the farthest shadow
LINEAR = 1e-4  # of the size of the state: a shadow farther away than this shows that rounding decides where the run goes
TINY = float(np.finfo(float).tiny)
ROUNDED = 2  # eps a step by which a shadow moves each parameter, relative to its size
DATA_ROUNDED = 16  # eps by which a shadow moves the data of a compiled run
FOREVER = np.iinfo(np.int64).max
_ENDINGS = tuple(Ending)
_NUMBER = {ending: number for number, ending in enumerate(_ENDINGS)}
_RUNNING = -1
_FUSED = {descent.SMALL: Ending.GRADIENT_SMALL, descent.DIVERGED: Ending.DIVERGED}

Carry = tuple[np.ndarray, ...]


class Fused(Protocol):
    """Many steps of many lanes at once, in compiled code."""

    def advance(self, theta: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """States ``(B, P)`` of the flattened lanes `chosen`, and what `DeepLinearKernels.descend` says of them."""

    def shaken(self, signs: np.ndarray) -> Self:
        """The same with rounding errors planted, for the shadow; signs are ``(P,)``."""


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
        ending = np.asarray(np.array(_ENDINGS, dtype=object)[walk.ended])
        return Path(steps * walk.time_step[..., None], states, walk.theta, ending, partial(shadow_error, walk, start), walk.k)


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
    fused: Fused | None
    signs: np.ndarray | None = None  # of the kicks of a shadow

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
        if self.signs is not None and np.any(self.k % descent.SEGMENT == 0):
            self.jolt(chosen & (self.k % descent.SEGMENT == 0), self.signs)
        theta, carry = self.method.move(self.objective, self.theta, self.carry)
        lost = chosen & ~np.all(np.isfinite(theta), axis=-1)
        moved = chosen & ~lost
        self.theta = np.where(moved[..., None], theta, self.theta)
        self.carry = tuple(np.where(_behind(moved, new), new, old) for new, old in zip(carry, self.carry, strict=True))
        self.k = np.asarray(self.k + moved)
        self.end(lost, Ending.DIVERGED)
        self.settle(moved)

    def jolt(self, chosen: np.ndarray, signs: np.ndarray) -> None:
        """Kick lanes by what the steps up to the next kick may round; a zero that stays zero is left alone."""
        steps = np.minimum(self.limit - self.k, descent.SEGMENT)
        noise = self.time_step * self.objective.gradient_error(self.theta) / np.sqrt(signs.size)
        alive = (self.theta != 0) | (self.objective.gradient(self.theta) != 0)
        kick = steps[..., None] * (ROUNDED * EPS * np.abs(self.theta) + noise[..., None]) * alive * signs
        self.theta = np.where(chosen[..., None], self.theta + kick, self.theta)

    def leap(self, fused: Fused, counts: np.ndarray) -> None:
        """Many steps of many lanes, in compiled code."""
        flat = np.flatnonzero(counts)
        if not flat.size:
            return
        states, codes, k = self.theta.reshape(counts.size, -1).copy(), np.zeros(counts.size, dtype=np.int64), self.k.ravel().copy()
        threshold = np.where(self.threshold < 0, -1.0, self.threshold * self.time_step).ravel()[flat]
        states[flat], taken, codes[flat] = fused.advance(states[flat], flat, counts.ravel()[flat], threshold)
        k[flat] += taken
        self.theta, self.k = states.reshape(self.theta.shape), k.reshape(counts.shape)
        for code, ending in _FUSED.items():
            self.end(codes.reshape(counts.shape) == code, ending)
        self.settle(counts > 0)


def shadow_error(walk: Walk, start: np.ndarray) -> np.ndarray:
    """Bar on the final states of a walk, from its shadows; see the head of this file."""
    size, distance = np.linalg.norm(walk.theta, axis=-1), np.zeros(walk.k.shape)
    draw = np.random.Generator(np.random.Philox(0))
    for _ in range(SHADOWS):
        signs = draw.choice([-1.0, 1.0], start.shape[-1])
        shadow = Walk.begun(walk.method, walk.objective, start, Stop(steps=walk.k))
        shadow.signs, shadow.fused = signs, None if walk.fused is None else walk.fused.shaken(signs)
        shadow.advance(shadow.limit)
        apart = np.linalg.norm(shadow.theta - walk.theta, axis=-1)
        distance = np.where(shadow.ended == _NUMBER[Ending.DIVERGED], np.inf, np.maximum(distance, apart))
    known = (walk.ended != _NUMBER[Ending.DIVERGED]) & (distance <= LINEAR * np.maximum(size, np.linalg.norm(start, axis=-1)))
    return np.where(known, SAFETY * (distance + EPS * size) + TINY, np.inf)


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


def _behind(mask: np.ndarray, array: np.ndarray) -> np.ndarray:
    """A mask over lanes with the axes that an array has behind them."""
    return mask.reshape(*mask.shape, *(1,) * (array.ndim - mask.ndim))
