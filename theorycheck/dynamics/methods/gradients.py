"""What a method takes for the gradient at step k: all of it, that of a batch, or either with noise.

Convention   a batch of B samples stands for the risk with 1/B in place of 1/n, so its gradient is that of the full risk in the mean. Noise
             enters where it says: in the labels of the batch, or in the gradient itself. `dynamics.noise` says how it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from theorycheck.dynamics import noise
from theorycheck.dynamics.data import Classification, MatrixSensing, Regression
from theorycheck.dynamics.methods.schedules import number
from theorycheck.dynamics.objectives import OfModelAndData, SmoothRisk
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_positive
from theorycheck.measured import EPS
from theorycheck.symbolic.losses import LinearLoss


class Gradient:
    """Contract: what stands for ∇R at step k. A frozen value; `lanes` is the common leading shape of its arguments."""

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the arguments."""
        return ()

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        """The gradient of step k (shape ``(...)``) at θ, shape ``(..., P)``."""
        raise NotImplementedError

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Norm by which rounding may have moved it, shape ``(...)``."""
        raise NotImplementedError


class Sampled(Gradient):
    """Gradients of a risk that step k sees in place of R."""

    def seen(self, objective: SmoothRisk, k: np.ndarray) -> SmoothRisk:
        """What step k sees of the objective."""
        raise NotImplementedError

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return self.seen(objective, k).gradient(theta)

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return self.seen(objective, k).gradient_error(theta)


@dataclass(frozen=True)
class Whole(Sampled):
    """∇R(θ) itself."""

    def seen(self, objective: SmoothRisk, k: np.ndarray) -> SmoothRisk:
        return objective


WHOLE = Whole()


@dataclass(frozen=True, eq=False)
class Minibatch(Sampled):
    """∇R_B(θ), the risk of B samples drawn anew at every step, with 1/B in place of 1/n.

    Parameters
    ----------
    size : int
        B, at most n.
    seed : int or array of int
        Required; one for all lanes, or one a lane.
    replacement : bool
        Independent draws; otherwise epochs of ⌊n/B⌋ batches, each a fresh permutation, whose remainder is left out.

    Raises
    ------
    InvalidArgument
        Without a seed, for a size below 1; from `follow`, for a size above n or an objective without samples.

    """

    size: int
    seed: int | np.ndarray | None = None
    replacement: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", noise.checked_seed(self.seed))
        if not isinstance(self.size, int | np.integer) or self.size < 1:
            raise InvalidArgument("size", self.size, "must be a whole number from 1", "pass size=1")

    @property
    def seeds(self) -> np.ndarray:
        """The seeds as uint64."""
        return np.asarray(self.seed)

    @property
    def lanes(self) -> tuple[int, ...]:
        return self.seeds.shape

    def picked(self, n: int, k: np.ndarray) -> np.ndarray:
        """Samples of step k, shape ``(..., B)``."""
        if self.size > n:
            raise InvalidArgument("size", self.size, f"is more than the {n} samples", f"pass a size up to {n}")
        return (noise.indices if self.replacement else noise.permuted_indices)(self.seeds, k, self.size, n)

    def seen(self, objective: SmoothRisk, k: np.ndarray) -> SmoothRisk:
        data = samples_of(objective)
        picks = self.picked(data.samples, k)
        return with_data(objective, taken(data.X, picks, 1), taken(data.y, picks, data.several_outputs))


@dataclass(frozen=True, eq=False)
class LabelNoise(Sampled):
    """∇R_B(θ) with fresh noise ±δ, signs fair and independent, on every label of the batch: y_i + δε_i in place of y_i.

    In the form of Damian, Ma & Lee 2021 (arXiv:2106.06530), which has ℓ_i = (f_i - y_i)²/2: ``SquaredLoss(0.5)``.

    Parameters
    ----------
    deviation : float or array
        δ > 0, broadcasts over lanes.
    seed : int or array of int
        Required; one for all lanes, or one a lane.
    size : int or None
        B as in `Minibatch`; None takes all samples at every step, each with noise.
    replacement : bool
        As in `Minibatch`.

    Raises
    ------
    InvalidArgument
        As `Minibatch`; for a deviation that is not positive, and from `follow` for labels of two classes.

    """

    deviation: float | np.ndarray
    seed: int | np.ndarray | None = None
    size: int | None = 1
    replacement: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "deviation", number("deviation", require_positive("deviation", self.deviation)))
        object.__setattr__(self, "seed", noise.checked_seed(self.seed))
        if self.size is not None:
            _ = self.batch

    @property
    def batch(self) -> Sampled:
        """The batch without its noise."""
        return WHOLE if self.size is None else Minibatch(self.size, self.seed, self.replacement)

    @property
    def seeds(self) -> np.ndarray:
        """The seeds as uint64."""
        return np.asarray(self.seed)

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.seeds.shape, np.shape(self.deviation))

    def seen(self, objective: SmoothRisk, k: np.ndarray) -> SmoothRisk:
        data = samples_of(objective)
        if isinstance(data, Classification):
            raise InvalidArgument("objective", objective, "has labels ±1, which stay so", "pass Regression(X, y), or Minibatch for plain batches")
        clean = self.batch.seen(objective, k)
        batch = samples_of(clean)
        signs = noise.signs(self.seeds, k, batch.samples * batch.outputs)
        behind = (batch.samples, batch.outputs) if batch.several_outputs else (batch.samples,)
        deviation = np.asarray(self.deviation).reshape(*np.shape(self.deviation), *(1,) * len(behind))
        return with_data(clean, batch.X, batch.y + deviation * signs.reshape(*signs.shape[:-1], *behind))


@dataclass(frozen=True, eq=False)
class GaussianNoise(Gradient):
    """∇R(θ) + F(θ) z with standard normal z, fresh at every step: noise of covariance F Fᵀ, which the step size multiplies.

    Parameters
    ----------
    factor : float, array or callable
        F of shape ``(..., P, m)``; a number σ for σI; or a function of (objective, θ) that returns such an array.
    seed : int or array of int
        Required; one for all lanes, or one a lane.
    base : Gradient
        What the noise is added to; `Whole` by default.

    """

    factor: float | np.ndarray | Callable[[SmoothRisk, np.ndarray], np.ndarray]
    seed: int | np.ndarray | None = None
    base: Gradient = WHOLE

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", noise.checked_seed(self.seed))
        if not callable(self.factor):
            object.__setattr__(self, "factor", number("factor", self.factor))
            if np.ndim(self.factor) == 1:
                raise ShapeMismatch("factor.shape", np.shape(self.factor), "must be (..., P, m)", "pass factor[:, None] for noise along one vector")

    @property
    def lanes(self) -> tuple[int, ...]:
        own = () if callable(self.factor) else np.shape(self.factor)[:-2]
        return np.broadcast_shapes(np.asarray(self.seed).shape, own, self.base.lanes)

    def of(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        return self.base.of(objective, theta, k) + self._drawn(objective, theta, k)

    def error(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        size = np.linalg.norm(self._drawn(objective, theta, k), axis=-1)
        return self.base.error(objective, theta, k) + (theta.shape[-1] + 8) * EPS * size

    def _drawn(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> np.ndarray:
        factor = self.factor(objective, theta) if callable(self.factor) else np.asarray(self.factor)
        P = theta.shape[-1]
        if np.ndim(factor) == 0:
            return factor * noise.normals(np.asarray(self.seed), k, P)
        if factor.shape[-2] != P:
            raise ShapeMismatch("factor.shape", factor.shape, f"must be (..., {P}, m) for {P} parameters", "pass one row a parameter")
        return (factor @ noise.normals(np.asarray(self.seed), k, factor.shape[-1])[..., None])[..., 0]


def samples_of(objective: SmoothRisk) -> Regression | Classification | MatrixSensing:
    """The data of an objective of model and data, or `InvalidArgument`."""
    if not isinstance(objective, OfModelAndData):
        raise InvalidArgument("objective", objective, "has no samples to choose from", "pass an Objective of model, loss and data")
    if isinstance(getattr(objective, "loss", None), LinearLoss):
        raise InvalidArgument("objective", objective, "is a sum, not a mean over samples", "pass an objective of another loss")
    return objective.data


def with_data(objective: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """The same objective on other inputs and targets."""
    data = objective.data
    if isinstance(data, MatrixSensing):
        return replace(objective, data=MatrixSensing(X.reshape(*X.shape[:-1], *data.matrix_shape), y))
    return replace(objective, data=replace(data, X=X, y=y))


def taken(array: np.ndarray, picks: np.ndarray, behind: int) -> np.ndarray:
    """Samples `picks` ``(..., B)`` of an array with the samples on the axis before the last `behind` ones; leading axes broadcast."""
    axis = array.ndim - 1 - behind
    if axis == 0:
        return array[picks]
    lanes = np.broadcast_shapes(array.shape[:axis], picks.shape[:-1])
    places = np.broadcast_to(picks, (*lanes, picks.shape[-1])).reshape(*lanes, -1, *(1,) * behind)
    return np.take_along_axis(np.broadcast_to(array, (*lanes, *array.shape[axis:])), places, axis=len(lanes))
