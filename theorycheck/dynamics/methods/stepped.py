"""What methods with a step size η_k have in common: lanes, time, and the gradient of step k."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from theorycheck.dynamics.methods.gradients import Gradient
from theorycheck.dynamics.methods.schedules import Number, Schedule, positive, positive_at, steps_to, time_of
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.stepping import Carry, Method
from theorycheck.errors import InvalidArgument


class Stepped(Method):
    """Base of the methods whose step k stands at the time Σ_{j<k} η_j: a frozen dataclass with the fields `step` and `gradient` inherits it."""

    step: Number
    gradient: Gradient

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", positive("step", self.step))
        if not isinstance(self.gradient, Gradient):
            raise InvalidArgument("gradient", self.gradient, "is no Gradient", "pass Minibatch(size=1, seed=0), or leave it out for the whole")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(lanes_of(getattr(self, field.name)) for field in fields(self)))  # type: ignore[arg-type]

    def time_of(self, k: np.ndarray) -> np.ndarray:
        return time_of(self.step, k)

    def steps_to(self, time: np.ndarray, lanes: tuple[int, ...]) -> np.ndarray:
        return steps_to(self.step, time, lanes)

    def step_at(self, k: np.ndarray) -> np.ndarray:
        """η_k, with an axis behind for the entries of θ."""
        return positive_at("step", self.step, k)[..., None]

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        return self.step_at(k)[..., 0] * self.gradient.error(objective, theta, k)


def lanes_of(value: Any) -> tuple[int, ...]:
    """Leading shape of an argument: of numbers their shape, of anything else its `lanes`, if it has some."""
    if isinstance(value, Schedule | Gradient | Method):
        return value.lanes
    return np.shape(value) if isinstance(value, float | int | np.ndarray) else getattr(value, "lanes", ())
