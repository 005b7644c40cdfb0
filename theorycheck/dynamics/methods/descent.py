"""Gradient descent, and its two relatives that do not slow down near a minimiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.methods.compiled import fused_descent
from theorycheck.dynamics.methods.compiled_residuals import fused_residuals
from theorycheck.dynamics.methods.gradients import WHOLE, Gradient, Sampled, Whole
from theorycheck.dynamics.methods.schedules import Number, number
from theorycheck.dynamics.methods.sharpness_aware import turned, unit
from theorycheck.dynamics.methods.stepped import Stepped
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.stepping import Carry, Fused
from theorycheck.errors import InvalidArgument, require_finite
from theorycheck.symbolic.kernels.runs.residual import NORMALIZED, ROOT


@dataclass(frozen=True, eq=False)
class GradientDescent(Stepped):
    """θ_{k+1} = θ_k - η_k g_k, with g_k = ∇R(θ_k) or another `Gradient`; step k stands at time Σ_{j<k} η_j.

    Deep linear networks and diagonal networks under the squared loss run inside compiled code where the step size is constant, the
    latter also with `Minibatch`, `LabelNoise` and `SharpnessAware`; so do risks with quadratic residuals, in space and on the sphere, with
    `SharpnessAware`. Rounding differs from the general path. The error bar is that of `stepping`.

    Parameters
    ----------
    step : float, array or Schedule
        η > 0, broadcasts over lanes.
    gradient : Gradient
        What is descended; the whole gradient by default.

    Raises
    ------
    InvalidArgument
        For a step that is not positive.

    """

    step: Number
    gradient: Gradient = WHOLE

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        return theta - self.step_at(k) * self.gradient.of(objective, theta, k), ()

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        return fused_descent(objective, self.step, self.gradient, lanes) or fused_residuals(objective, self.step, self.gradient, lanes)


@dataclass(frozen=True, eq=False)
class NormalizedGradientDescent(Stepped):
    """θ_{k+1} = θ_k - η_k g_k/‖g_k‖; where g_k = 0 the state stays. Time as in `GradientDescent`, whatever the norm.

    Near a minimiser it ends in a two-cycle. Other directions than that of the cycle shrink to exact zeros of float64, from which no
    rounding error brings them back: theorems about perturbed descent want `Perturbed` around it.

    Source: Arora, Li & Panigrahi 2022, arXiv:2205.09745.

    Parameters
    ----------
    step : float, array or Schedule
        η > 0, the length of a step.
    gradient : Gradient
        What is descended; the whole gradient by default.

    """

    step: Number
    gradient: Gradient = WHOLE

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        return theta - self.step_at(k) * unit(self.gradient.of(objective, theta, k)), ()

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        gradient, error = self.gradient.of(objective, theta, k), self.gradient.error(objective, theta, k)
        return self.step_at(k)[..., 0] * turned(gradient, error)

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        return fused_residuals(objective, self.step, self.gradient, lanes, NORMALIZED)


@dataclass(frozen=True, eq=False)
class SqrtLossDescent(Stepped):
    """Gradient descent on √(R - R_min): θ_{k+1} = θ_k - η_k ∇R(θ_k)/(2 √(R(θ_k) - R_min)); where R = R_min to rounding, the state stays.

    The risk is that of the batch, where the gradient is that of one.

    Source: Arora, Li & Panigrahi 2022, arXiv:2205.09745.

    Parameters
    ----------
    step : float, array or Schedule
        η > 0.
    least : float or array
        R_min, broadcasts over lanes.
    gradient : Sampled
        Of what; the whole risk by default.

    Raises
    ------
    InvalidArgument
        For a step that is not positive; from `follow`, where the risk falls below R_min by more than its rounding.

    """

    step: Number
    least: float | np.ndarray = 0.0
    gradient: Gradient = WHOLE

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "least", number("least", require_finite("least", self.least)))
        if not isinstance(self.gradient, Sampled):
            raise InvalidArgument("gradient", self.gradient, "is not the gradient of a risk", "pass Whole(), Minibatch(...) or LabelNoise(...)")

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        seen, above = self._seen(objective, theta, k)
        slope = seen.gradient(theta) / (2 * np.sqrt(np.where(above > 0, above, 1.0)))[..., None]
        return theta - self.step_at(k) * np.where(above[..., None] > 0, slope, 0.0) + 0.0 * above[..., None], ()

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        seen, above = self._seen(objective, theta, k)
        root = np.sqrt(np.where(above > 0, above, 1.0))
        share = np.minimum(1.0, seen.risk_error(theta) / np.where(above > 0, above, 1.0))
        size = np.linalg.norm(seen.gradient(theta), axis=-1)
        return np.where(above > 0, self.step_at(k)[..., 0] * (seen.gradient_error(theta) + share * size) / (2 * root), 0.0)

    def fused(self, objective: SmoothRisk, lanes: tuple[int, ...]) -> Fused | None:
        known = isinstance(self.gradient, Whole) and not np.any(self.least)
        return fused_residuals(objective, self.step, self.gradient, lanes, ROOT) if known else None

    def _seen(self, objective: SmoothRisk, theta: np.ndarray, k: np.ndarray) -> tuple[SmoothRisk, np.ndarray]:
        """What step k sees, and how far its risk is above R_min: at least 0."""
        assert isinstance(self.gradient, Sampled)
        seen = self.gradient.seen(objective, k)
        risk = seen.risk(theta)
        if np.any(risk - self.least < -2 * seen.risk_error(theta)):
            raise InvalidArgument(
                "least", np.asarray(self.least).tolist(), f"is above the risk {np.min(risk):.17g} that a run reached", "pass the least risk"
            )
        return seen, np.maximum(risk - self.least, 0.0)
