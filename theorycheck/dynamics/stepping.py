"""Methods that go step by step: their contract, and the driver that runs them lane by lane.

The error bar is an estimate, not a proof: shadows, the same run with rounding errors planted in it, show where errors of their
size lead. A shadow's parameters are kicked before every 64 steps by about 2 eps of themselves for each of those steps (on the general
path also by what the gradient rounds; in compiled runs the data move once by 16 eps instead), with random signs that stay the
same through the run. The bar is 8 times the distance to the farthest of three shadows; where one of them ends elsewhere
altogether, rounding decides where the run goes, and the bar is infinite. Shadows of stochastic methods see the same noise: the bar is
on the run with that seed. It costs three runs, so it is made when `Trajectory.error` is first asked for. Nothing cheaper was
honest: the growth of the steps themselves says nothing of directions that a run does not take, and runs at the edge of stability, or
past a saddle, are unstable in just those; and one shadow may by chance be kicked across the one direction that matters.
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
from theorycheck.symbolic.kernels.networks import descent

SHADOWS = 3
SAFETY = 8  # of the bar over the distance to the farthest shadow
LINEAR = 1e-4  # of the size of the state: a shadow farther away than this shows that rounding decides where the run goes
TINY = float(np.finfo(float).tiny)
KEPT = 4_000_000  # numbers that compiled code keeps before it hands them over
ROUNDED = 2  # eps a step by which a shadow moves each parameter, relative to its size
DATA_ROUNDED = 16  # eps by which a shadow moves the data of a compiled run
FOREVER = np.iinfo(np.int64).max
_ENDINGS = tuple(Ending)
_NUMBER = {ending: number for number, ending in enumerate(_ENDINGS)}
_RUNNING = -1
_FUSED = {descent.SMALL: Ending.GRADIENT_SMALL, descent.DIVERGED: Ending.DIVERGED}

Carry = tuple[np.ndarray, ...]
Advanced = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Fused(Protocol):
    """Many steps of many lanes at once, in compiled code, of a method without a carry."""

    @property
    def watches(self) -> bool:
        """Whether it can look at ‖∇R‖ before every step."""

    def advance(
        self, theta: np.ndarray, k: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray, every: int = 0, columns: int = 0
    ) -> Advanced:
        """Move states ``(B, P)`` of the flattened lanes `chosen`, which have taken k steps.

        A lane stops before the first step where ‖∇R‖ is at most its threshold; a negative one is none. Returns the states, the steps
        taken, `descent.RAN`, `descent.SMALL` or `descent.DIVERGED`, and the states after every, 2 every, ... steps, ``(B, columns, P)``.
        """

    def shaken(self, signs: np.ndarray) -> Self:
        """The same with rounding errors planted, for the shadow; signs are ``(P,)``."""


class Method:
    """Contract of a method, a frozen value.

    To add one, make a class and add a row to the table of `tests/dynamics/test_methods.py`. `methods.stepped.Stepped` has all but `move`
    for methods with a step size; the contract is:

    1. its arguments are fields, checked when it is made; `lanes` is their common leading shape;
    2. `time_of` says at which time step k stands, `steps_to` the reverse;
    3. `move` makes state and carry after step k, pure, each lane for itself; what it needs to remember goes into the carry, a tuple of
       arrays with the leading axes of θ; noise is a function of seed and k (`dynamics.noise`);
    4. `begin` is the carry before the first step, unless it is empty;
    5. `rounding` says how far one step may be off beyond a few eps of the parameters, for the error bar;
    6. `kicked` plants an error, where the state is not θ alone;
    7. `fused` is compiled code that does many steps at once, where there is some.
    """

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the method's arguments."""
        raise NotImplementedError

    def time_of(self, k: np.ndarray) -> np.ndarray:
        """Time after k steps; k has the lanes of the run in front, and one more axis behind."""
        raise NotImplementedError

    def steps_to(self, time: np.ndarray, lanes: tuple[int, ...]) -> np.ndarray:
        """The first step at or after a time, in every lane; a time that is a whole number of steps up to rounding is that number."""
        raise NotImplementedError

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        """The carry before the first step."""
        return ()

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        """State and carry after step k = 0, 1, ... (shape ``(...)``) from θ ``(..., P)``."""
        raise NotImplementedError

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        """Norm by which step k may be off by what the gradient rounds, shape ``(...)``."""
        raise NotImplementedError

    def kicked(
        self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray, kick: np.ndarray, steps: np.ndarray
    ) -> tuple[np.ndarray, Carry]:
        """State and carry after an error of as many steps as `steps` ``(..., 1)``: θ moves by `kick` ``(..., P)``."""
        return theta + kick, carry

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        """Compiled code for many steps, or None."""
        return None

    def trace(self, objective: SmoothRisk, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Path:
        """Run from `start`; see `follow`."""
        if until.steps is None and until.time is None:
            raise InvalidArgument("until", until, "may never happen", "pass steps or time to Stop as well")
        walk = Walk.begun(self, objective, start, until)
        columns = list(schedule(walk, save))
        walk.advance(walk.limit)
        if not isinstance(save, At) and (len(columns) < 2 or np.any(columns[-1][0] != walk.k)):
            columns.append((walk.k, walk.theta))
        steps, states = np.stack([k for k, _ in columns], axis=-1), np.stack([theta for _, theta in columns], axis=-2)
        ending = np.asarray(np.array(_ENDINGS, dtype=object)[walk.ended])
        return Path(self.time_of(steps), states, walk.theta, ending, partial(shadow_error, walk, start), walk.k)


@dataclass
class Walk:
    """Progress of a run; leading axes are the lanes."""

    method: Method
    objective: SmoothRisk
    until: Stop
    theta: np.ndarray
    carry: Carry
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
            *limits(until, method, lanes),
            np.zeros(lanes, dtype=np.int64),
            np.full(lanes, _RUNNING),
            np.zeros(lanes) if until.event is None else np.sign(np.broadcast_to(until.event(objective, start), lanes)),
            compiled_code(method, objective, until, lanes),
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
        theta, carry = self.method.move(self.objective, self.theta, self.carry, self.k)
        lost = chosen & ~np.all(np.isfinite(theta), axis=-1)
        moved = chosen & ~lost
        self.theta = np.where(moved[..., None], theta, self.theta)
        self.carry = tuple(np.where(_behind(moved, new), new, old) for new, old in zip(carry, self.carry, strict=True))
        self.k = np.asarray(self.k + moved)
        self.end(lost, Ending.DIVERGED)
        self.settle(moved)

    def jolt(self, chosen: np.ndarray, signs: np.ndarray) -> None:
        """Kick lanes by what the steps up to the next kick may round; a zero that stays zero is left alone."""
        steps = np.minimum(self.limit - self.k, descent.SEGMENT)[..., None]
        rounding = self.method.rounding(self.objective, self.theta, self.carry, self.k) / np.sqrt(signs.size)
        moved, _ = self.method.move(self.objective, self.theta, self.carry, self.k)
        alive = (self.theta != 0) | (moved != self.theta) | (self.objective.gradient(self.theta) != 0)
        kick = steps * (ROUNDED * EPS * np.abs(self.theta) + rounding[..., None]) * alive * signs
        theta, carry = self.method.kicked(self.objective, self.theta, self.carry, self.k, kick, steps)
        self.theta = np.where(chosen[..., None], theta, self.theta)
        self.carry = tuple(np.where(_behind(chosen, new), new, old) for new, old in zip(carry, self.carry, strict=True))

    def leap(self, fused: Fused, counts: np.ndarray, every: int = 0, columns: int = 0) -> np.ndarray:
        """Many steps of many lanes, in compiled code; the states after every, 2 every, ... of them, ``(columns, ..., P)``."""
        flat, lanes = np.flatnonzero(counts), self.k.shape
        states, codes, k = self.theta.reshape(counts.size, -1).copy(), np.zeros(counts.size, dtype=np.int64), self.k.ravel().copy()
        kept = np.repeat(states[None], columns, axis=0)
        if flat.size:
            states[flat], taken, codes[flat], saved = fused.advance(
                states[flat], k[flat], flat, counts.ravel()[flat], self.threshold.ravel()[flat], every, columns
            )
            k[flat] += taken
            kept[:, flat] = np.swapaxes(saved, 0, 1)
            self.theta, self.k = states.reshape(self.theta.shape), k.reshape(lanes)
            for code, ending in _FUSED.items():
                self.end(codes.reshape(lanes) == code, ending)
            self.settle(counts > 0)
        return kept.reshape(columns, *self.theta.shape)

    def strides(self, every: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Steps taken and states after every, 2 every, ... steps, until no lane runs."""
        while np.any(self.running):
            if self.fused is None:
                self.advance(self.k + np.where(self.running, every, 0))
                yield self.k, self.theta
                continue
            before, left = self.k, np.where(self.running, self.limit - self.k, 0)
            room = max(1, KEPT // max(1, self.theta.size))
            columns = int(min(-(-np.max(left) // every), room))
            kept = self.leap(self.fused, np.minimum(left, every * columns), every, columns)
            useful = -(-np.max(self.k - before) // every)
            yield from ((np.minimum(before + every * (j + 1), self.k), kept[j]) for j in range(useful))


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


def compiled_code(method: Method, objective: SmoothRisk, until: Stop, lanes: tuple[int, ...]) -> Fused | None:
    """Compiled code for a method, where there is some that sees what the stop asks for."""
    fused = None if until.event is not None else method.fused(objective, lanes)
    return fused if fused is None or until.gradient_norm is None or fused.watches else None


def limits(until: Stop, method: Method, lanes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Steps after which each lane ends, and the ending it then has: steps or time, whichever is first."""
    steps = np.broadcast_to(FOREVER if until.steps is None else np.asarray(until.steps, dtype=np.int64), lanes)
    by_time = np.broadcast_to(FOREVER, lanes) if until.time is None else method.steps_to(np.asarray(until.time), lanes)
    why = np.where(steps <= by_time, _NUMBER[Ending.REACHED_STEPS], _NUMBER[Ending.REACHED_TIME])
    return np.minimum(steps, by_time), why


def schedule(walk: Walk, save: Save) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Advance a walk to the states to keep, one after the other: steps taken and states."""
    if isinstance(save, At):
        for time in save.times:
            walk.advance(walk.method.steps_to(np.asarray(time), walk.k.shape))
            yield walk.k, walk.theta
        return
    yield walk.k, walk.theta
    if isinstance(save, Every):
        yield from walk.strides(int(save.steps))


def _behind(mask: np.ndarray, array: np.ndarray) -> np.ndarray:
    """A mask over lanes with the axes that an array has behind them."""
    return mask.reshape(*mask.shape, *(1,) * (array.ndim - mask.ndim))
