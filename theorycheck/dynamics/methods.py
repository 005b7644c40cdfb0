"""Methods of optimisation: frozen values that `follow` runs (the contract is `stepping.Method`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.dynamics.stepping import DATA_ROUNDED, ROUNDED, Carry, Fused, Method
from theorycheck.errors import require_positive
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.descent import FoldedData
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True, eq=False)
class GradientDescent(Method):
    """θ_{k+1} = θ_k - η ∇R(θ_k); step k stands at time η k.

    Deep linear networks under the squared loss run inside compiled code; rounding differs from the general path, whose gradient
    goes through residuals. The error bar is that of `stepping`.

    Parameters
    ----------
    step : float or array
        η > 0, broadcasts over lanes.

    Raises
    ------
    InvalidArgument
        For a step that is not positive.

    """

    step: float | np.ndarray

    def __post_init__(self) -> None:
        step = np.array(require_positive("step", self.step))
        step.flags.writeable = False
        object.__setattr__(self, "step", step)

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.shape(self.step)

    @property
    def time_step(self) -> np.ndarray:
        return np.asarray(self.step)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry) -> tuple[np.ndarray, Carry]:
        return theta - self.time_step[..., None] * objective.gradient(theta), ()

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        if not isinstance(objective, Objective) or not isinstance(objective.model, DeepLinear) or not isinstance(objective.loss, SquaredLoss):
            return None
        scale = 2 * objective.loss.c * np.broadcast_to(self.time_step, lanes)
        data = FoldedData(_rows(scale, objective.data.covariance, 2), _rows(scale, objective.data.correlation, len(objective.model.shape)))
        return FusedDescent(DeepLinearKernels(objective.model.widths), data, np.zeros(0))


@dataclass(frozen=True, eq=False)
class FusedDescent:
    """Gradient descent of a deep linear network under the squared loss, inside compiled code."""

    kernels: DeepLinearKernels
    data: FoldedData
    kick: np.ndarray

    def advance(self, theta: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps of the flattened lanes `chosen`; see `DeepLinearKernels.descend`."""
        return self.kernels.descend(theta, FoldedData(*(rows[chosen] for rows in self.data)), counts, threshold, self.kick)

    def shaken(self, signs: np.ndarray) -> FusedDescent:
        """The same, kicked: parameters by `ROUNDED` eps a step, data once by `DATA_ROUNDED` eps, with the given signs."""
        data = FoldedData(*(rows * (1 + DATA_ROUNDED * EPS * np.resize(signs, rows.shape[-1])) for rows in self.data))
        return FusedDescent(self.kernels, data, ROUNDED * EPS * signs)


def _rows(scale: np.ndarray, array: np.ndarray, axes: int) -> np.ndarray:
    """An array whose last `axes` axes belong to one lane, times the number of each lane: one row a lane."""
    scaled = scale.reshape(*scale.shape, *(1,) * axes) * array
    return np.ascontiguousarray(scaled.reshape(scale.size, -1))
