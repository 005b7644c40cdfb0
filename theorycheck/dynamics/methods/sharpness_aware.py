"""Gradients of sharpness-aware minimisation, which look at the loss a distance ρ away.

With n(θ) = ∇R/‖∇R‖ and n = 0 where ∇R = 0 (a run stays at such a point):

    SharpnessAware     ∇R(θ + ρ n(θ)), or ∇R(θ + ρ ∇R(θ)) where it is not normalised: the step of SAM
    AscentLoss         ∇ of R^Asc(θ) = R(θ + ρ n(θ)), its dependence on n(θ) included
    AverageDirection   ∇R(θ + ρ z/‖z‖) with normal z: in the mean, ∇ of R^Avg(θ) = E R(θ + ρ z/‖z‖)

Source       Wen, Ma & Li 2022, arXiv:2211.05729.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics import noise
from theorycheck.dynamics.methods.gradients import WHOLE, Gradient, Sampled, samples_of, with_data
from theorycheck.dynamics.methods.schedules import number
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.errors import InvalidArgument, require_positive
from theorycheck.measured import EPS


@dataclass(frozen=True, eq=False)
class SharpnessAware(Gradient):
    """∇R(θ + ρ ∇R(θ)/‖∇R(θ)‖): both gradients are those of one batch, where `base` is one.

    Parameters
    ----------
    rho : float or array
        ρ > 0, broadcasts over lanes.
    normalized : bool
        Whether the ascent step is divided by the norm of the gradient.
    base : Gradient
        Whose gradients these are; `Whole` by default.
    per_example : bool
        Ascend for each sample of the batch by its own gradient, and take the mean of the gradients there.

    Raises
    ------
    InvalidArgument
        For ρ that is not positive, or `per_example` with a base that has no samples.

    """

    rho: float | np.ndarray
    normalized: bool = True
    base: Gradient = WHOLE
    per_example: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", number("rho", require_positive("rho", self.rho)))
        if self.per_example and not isinstance(self.base, Sampled):
            raise InvalidArgument("base", self.base, "has no single samples", "pass Whole(), Minibatch(...) or LabelNoise(...)")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(np.shape(self.rho), self.base.lanes)

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        if not self.per_example:
            return self.base.of(objective, self._ascended(self.base.of(objective, theta, k), theta, 0), k)
        single, points = self._single(objective, theta, k)
        return single.gradient(self._ascended(single.gradient(points), points, 1)).mean(axis=-2)

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        if not self.per_example:
            gradient, error = self.base.of(objective, theta, k), self.base.error(objective, theta, k)
            there = self._ascended(gradient, theta, 0)
            turned = self._turned(gradient, error, 0)
            return self.base.error(objective, there, k) + turned * steepness(objective, there)
        single, points = self._single(objective, theta, k)
        gradient = single.gradient(points)
        there = self._ascended(gradient, points, 1)
        turned = self._turned(gradient, single.gradient_error(points), 1)
        return (single.gradient_error(there) + turned * steepness(single, there)).mean(axis=-1)

    def _ascended(self, gradient: np.ndarray, theta: np.ndarray, extra: int) -> np.ndarray:
        return theta + self._rho(extra)[..., None] * (unit(gradient) if self.normalized else gradient)

    def _turned(self, gradient: np.ndarray, error: np.ndarray, extra: int) -> np.ndarray:
        """Distance by which an error of the gradient moves the point of ascent."""
        return self._rho(extra) * (turned(gradient, error) if self.normalized else error)

    def _rho(self, extra: int) -> np.ndarray:
        return np.asarray(self.rho).reshape((*np.shape(self.rho), *(1,) * extra))

    def _single(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> tuple[SmoothRisk, np.ndarray]:
        """The risks of single samples along one more leading axis, and θ with that axis."""
        assert isinstance(self.base, Sampled)
        seen = self.base.seen(objective, k)
        data = samples_of(seen)
        lanes = np.broadcast_shapes(theta.shape[:-1], data.lanes)
        X, y = (np.broadcast_to(a, (*lanes, *a.shape[-2:])) for a in (data.X, data.y if data.several_outputs else data.y[..., None]))
        y = y[..., None, :] if data.several_outputs else y
        return with_data(seen, X[..., None, :], y), np.broadcast_to(theta[..., None, :], (*lanes, data.samples, theta.shape[-1]))


@dataclass(frozen=True, eq=False)
class AscentLoss(Gradient):
    """∇R^Asc(θ) = g' + (ρ/‖g‖) H(θ) (I - n nᵀ) g', with g = ∇R(θ), n = g/‖g‖, g' = ∇R(θ + ρn).

    R^Asc jumps at minimisers: descent on it, though it has a name, is fragile near them. At ∇R = 0 it is taken as 0.

    Parameters
    ----------
    rho : float or array
        ρ > 0, broadcasts over lanes.
    base : Sampled
        Whose risk this is; `Whole` by default.

    """

    rho: float | np.ndarray
    base: Sampled = WHOLE

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", number("rho", require_positive("rho", self.rho)))

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(np.shape(self.rho), self.base.lanes)

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        seen, rho = self.base.seen(objective, k), np.asarray(self.rho)[..., None]
        gradient = seen.gradient(theta)
        n, norm = unit(gradient), np.linalg.norm(gradient, axis=-1, keepdims=True)
        there = seen.gradient(theta + rho * n)
        across = there - np.sum(n * there, axis=-1, keepdims=True) * n
        return np.where(norm == 0, 0.0, there + rho * seen.hvp(theta, across) / np.where(norm == 0, 1.0, norm))

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        seen, rho = self.base.seen(objective, k), np.asarray(self.rho)
        gradient, error = seen.gradient(theta), seen.gradient_error(theta)
        there, norm = theta + rho[..., None] * unit(gradient), np.linalg.norm(gradient, axis=-1)
        size = np.linalg.norm(seen.gradient(there), axis=-1)
        first = seen.gradient_error(there) + rho * turned(gradient, error) * steepness(seen, there)
        share = rho / np.where(norm > 0, norm, 1.0)
        second = steepness(seen, theta) * (first + 3 * turned(gradient, error) * size) + seen.hessian_error(theta) * size
        return first + share * second


@dataclass(frozen=True, eq=False)
class AverageDirection(Gradient):
    """The mean of ∇R(θ + ρ z_i/‖z_i‖) over m normal z_i, fresh at every step: unbiased for ∇R^Avg(θ).

    Parameters
    ----------
    rho : float or array
        ρ > 0, broadcasts over lanes.
    seed : int or array of int
        Required; one for all lanes, or one a lane.
    draws : int
        m.
    base : Gradient
        Whose gradients these are; `Whole` by default.

    """

    rho: float | np.ndarray
    seed: int | np.ndarray | None = None
    draws: int = 1
    base: Gradient = WHOLE

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", number("rho", require_positive("rho", self.rho)))
        object.__setattr__(self, "seed", noise.checked_seed(self.seed))
        if not isinstance(self.draws, int | np.integer) or self.draws < 1:
            raise InvalidArgument("draws", self.draws, "must be a whole number from 1", "pass draws=1")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(np.shape(self.rho), np.asarray(self.seed).shape, self.base.lanes)

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return np.mean([self.base.of(objective, point, k) for point in self._points(theta, k)], axis=0)

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        errors = [self.base.error(objective, p, k) + 8 * EPS * np.asarray(self.rho) * steepness(objective, p) for p in self._points(theta, k)]
        return np.mean(errors, axis=0)

    def _points(self, theta: np.ndarray, k: np.ndarray) -> list[np.ndarray]:
        P, rho = theta.shape[-1], np.asarray(self.rho)[..., None]
        z = noise.normals(np.asarray(self.seed), k, P * self.draws, noise.Stream.DIRECTION)
        return [theta + rho * unit(z[..., i * P : (i + 1) * P]) for i in range(self.draws)]


def unit(vector: np.ndarray) -> np.ndarray:
    """Vectors ``(..., P)`` divided by their norms, also where squares underflow or overflow; 0 stays 0."""
    largest = np.max(np.abs(vector), axis=-1, keepdims=True)
    scaled = vector / np.where(largest > 0, largest, 1.0)
    return scaled / np.where(largest > 0, np.linalg.norm(scaled, axis=-1, keepdims=True), 1.0)


def turned(vector: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Distance by which an error of a vector moves its direction, at most 2; an exact vector turns by its division."""
    norm = np.linalg.norm(vector, axis=-1)
    return np.minimum(2.0, 2 * error / np.where(norm > 0, norm, 1.0) + 4 * EPS)


def steepness(objective: SmoothRisk, theta: np.ndarray) -> np.ndarray:
    """An estimate of ‖∇²R(θ)‖ from its product with one fixed vector of signs: the Frobenius norm in the mean over such vectors."""
    P = theta.shape[-1]
    probe = np.where(np.arange(P) * 0.6180339887498949 % 1 < 0.5, 1.0, -1.0)
    return np.linalg.norm(objective.hvp(theta, np.broadcast_to(probe, theta.shape)), axis=-1)
