"""Methods around methods: weight decay, projection, perturbation. Each changes the state that a step of the inner method has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from theorycheck.dynamics import noise
from theorycheck.dynamics.methods.compiled_residuals import FusedResiduals
from theorycheck.dynamics.methods.mirror import MirrorDescent
from theorycheck.dynamics.methods.schedules import number
from theorycheck.dynamics.methods.sharpness_aware import unit
from theorycheck.dynamics.methods.stepped import Stepped
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.stepping import Carry, Fused, Method
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_positive


class Around(Method):
    """Base: time, carry and gradient are those of the field `method`; `changed` is what happens to its steps."""

    method: Stepped | Around

    def __post_init__(self) -> None:
        if not isinstance(self.method, Stepped | Around) or isinstance(self.method, MirrorDescent):
            raise InvalidArgument("method", self.method, "is not a method with θ as its state", "pass GradientDescent(step=0.1) or another one")

    def changed(self, moved: np.ndarray, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        """The state after step k, from what the inner method made of θ."""
        raise NotImplementedError

    def time_of(self, k: np.ndarray) -> np.ndarray:
        return self.method.time_of(k)

    def steps_to(self, time: np.ndarray, lanes: tuple[int, ...]) -> np.ndarray:
        return self.method.steps_to(time, lanes)

    def step_at(self, k: np.ndarray) -> np.ndarray:
        """η_k of the inner method, with an axis behind."""
        return self.method.step_at(k)

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        return self.method.begin(objective, theta)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        moved, carry = self.method.move(objective, theta, carry, k)
        return self.changed(moved, theta, k), carry

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        return self.method.rounding(objective, theta, carry, k)


@dataclass(frozen=True, eq=False)
class WeightDecay(Around):
    """θ_{k+1} = M(θ_k) - η_k λ θ_k for a method M: decoupled from its gradient, as Loshchilov & Hutter 2019 (arXiv:1711.05101) have it.

    For `GradientDescent` it is descent on R + λ‖θ‖²/2, (1 - ηλ) θ - η∇R(θ); for methods that remember or divide by the gradient it is not.

    Parameters
    ----------
    method : Method
        M, not `MirrorDescent`.
    decay : float or array
        λ > 0, broadcasts over lanes.

    """

    method: Stepped | Around
    decay: float | np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "decay", number("decay", require_positive("decay", self.decay)))

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.method.lanes, np.shape(self.decay))

    def changed(self, moved: np.ndarray, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return moved - self.step_at(k) * np.asarray(self.decay)[..., None] * theta

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        inner = self.method.fused(objective, lanes)
        return inner.decaying(self.decay, lanes) if isinstance(inner, FusedResiduals) else None


@dataclass(frozen=True, eq=False)
class Perturbed(Around):
    """θ_{k+1} = M(θ_k) + s z_k at every `every`-th step, with standard normal z_k: what keeps exact zeros from lasting.

    Parameters
    ----------
    method : Method
        M, not `MirrorDescent`.
    size : float or array
        s > 0, broadcasts over lanes; the step size does not multiply it.
    seed : int or array of int
        Required; one for all lanes, or one a lane.
    every : int
        Steps k with k + 1 divisible by this are perturbed.

    """

    method: Stepped | Around
    size: float | np.ndarray
    seed: int | np.ndarray | None = None
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", number("size", require_positive("size", self.size)))
        object.__setattr__(self, "seed", noise.checked_seed(self.seed))
        if not isinstance(self.every, int | np.integer) or self.every < 1:
            raise InvalidArgument("every", self.every, "must be a whole number from 1", "pass every=1")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.method.lanes, np.shape(self.size), np.asarray(self.seed).shape)

    def changed(self, moved: np.ndarray, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        kick = np.asarray(self.size)[..., None] * noise.normals(np.asarray(self.seed), k, theta.shape[-1], noise.Stream.KICK)
        return moved + np.where(((k + 1) % self.every == 0)[..., None], kick, 0.0)


@runtime_checkable
class Constraint(Protocol):
    """A set with a nearest point."""

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of its arguments."""

    def project(self, theta: np.ndarray) -> np.ndarray:
        """The point of the set nearest to θ ``(..., P)``; NaN where there is none."""


@dataclass(frozen=True, eq=False)
class Ball:
    """{θ: ‖θ‖ ≤ radius}; the radius broadcasts over lanes."""

    radius: float | np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", number("radius", require_positive("radius", self.radius)))

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the radius."""
        return np.shape(self.radius)

    def project(self, theta: np.ndarray) -> np.ndarray:
        """θ inside, radius · θ/‖θ‖ outside."""
        radius = np.asarray(self.radius)[..., None]
        return np.where(np.linalg.norm(theta, axis=-1, keepdims=True) > radius, radius * unit(theta), theta)


@dataclass(frozen=True, eq=False)
class Sphere:
    """{θ: ‖θ‖ = radius}; the radius broadcasts over lanes."""

    radius: float | np.ndarray = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", number("radius", require_positive("radius", self.radius)))

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the radius."""
        return np.shape(self.radius)

    def project(self, theta: np.ndarray) -> np.ndarray:
        """radius · θ/‖θ‖; 0 has no nearest point."""
        direction = unit(theta)
        return np.where(np.any(direction != 0, axis=-1, keepdims=True), np.asarray(self.radius)[..., None] * direction, np.nan)


@dataclass(frozen=True, eq=False)
class Affine:
    """{θ: A θ = b} for A of shape ``(..., m, P)`` with independent rows and b of shape ``(..., m)``."""

    A: np.ndarray
    b: np.ndarray

    def __post_init__(self) -> None:
        A, b = np.array(require_finite("A", self.A)), np.array(require_finite("b", self.b))
        if A.ndim < 2 or b.ndim < 1 or b.shape[-1] != A.shape[-2]:
            raise ShapeMismatch("A.shape, b.shape", (A.shape, b.shape), "must be (..., m, P) and (..., m)", "pass one number a row of A")
        if np.any(np.linalg.matrix_rank(A) < A.shape[-2]):
            raise InvalidArgument("A", A, "has rows that depend on each other", "leave out the rows that follow from others")
        for name, value in (("A", A), ("b", b), ("inverse", np.linalg.pinv(A))):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of A and b."""
        return np.broadcast_shapes(self.A.shape[:-2], self.b.shape[:-1])

    def project(self, theta: np.ndarray) -> np.ndarray:
        """θ - A⁺(A θ - b), twice: the second time takes off what the first one rounded."""
        for _ in range(2):
            off = (self.A @ theta[..., None])[..., 0] - self.b
            theta = theta - (vars(self)["inverse"] @ off[..., None])[..., 0]
        return theta


@dataclass(frozen=True, eq=False)
class Projected(Around):
    """θ_{k+1} = Π(M(θ_k)) for a method M and the projection Π onto a set; the start is taken as it is.

    What M remembers is not projected. A step to a point without a projection, the centre of a sphere, ends the lane as DIVERGED.

    Parameters
    ----------
    method : Method
        M, not `MirrorDescent`.
    onto : Ball, Sphere, Affine, or any Constraint
        The set.

    """

    method: Stepped | Around
    onto: Constraint

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.onto, Constraint):
            raise InvalidArgument("onto", self.onto, "is no set with a projection", "pass Ball(1.0), Sphere(1.0) or Affine(A, b)")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.method.lanes, self.onto.lanes)

    def changed(self, moved: np.ndarray, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return self.onto.project(moved)
