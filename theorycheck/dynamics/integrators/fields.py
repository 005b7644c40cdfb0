"""Autonomous fields over lanes: what the steppers integrate, in θ, in mirror coordinates, in time or in the time of the loss.

Coordinates x are ``(..., B, N)`` for B lanes; leading axes more than that are allowed everywhere. A point where the field does
not exist has a slope that is not finite; nothing raises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.potentials import Potential


class Field(Protocol):
    """ẋ = slope(x), with a way back to θ."""

    def slope(self, x: np.ndarray) -> np.ndarray:
        """ẋ, the shape of x."""

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """∂ẋ/∂x, shape ``(..., B, N, N)``."""

    def theta(self, x: np.ndarray) -> np.ndarray:
        """θ at x, shape ``(..., B, P)``."""

    def tangent(self, x: np.ndarray, theta: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """What a small move of x, where θ is `theta`, does to θ; shape ``(..., B, P)``."""

    def risk(self, x: np.ndarray) -> np.ndarray:
        """R at x, shape ``(..., B)``."""

    def differential(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """∂R/∂x, the shape of x; along the slope of the flow in time it is -‖∇R‖²."""

    def noise(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the rounding error of ‖∇R‖ at θ ``(B, P)``, shape ``(B,)``."""

    def time(self, x: np.ndarray) -> np.ndarray | None:
        """Time at x, shape ``(..., B)``, if x knows it; None where the field is integrated in time itself."""

    def chosen(self, mask: np.ndarray) -> Self:
        """The field of the lanes where the mask, shape ``(B,)``, is true; of shape ``(k, B)`` it repeats lanes."""


@dataclass(frozen=True, eq=False)
class GradientField:
    """θ̇ = -∇R(θ) in the parameters themselves."""

    objective: SmoothRisk

    def slope(self, x: np.ndarray) -> np.ndarray:
        return -self.objective.gradient(x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return -self.objective.hessian(x)

    def theta(self, x: np.ndarray) -> np.ndarray:
        return x

    def tangent(self, x: np.ndarray, theta: np.ndarray, moved: np.ndarray) -> np.ndarray:
        return moved

    def risk(self, x: np.ndarray) -> np.ndarray:
        return self.objective.risk(x)

    def differential(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return -slope

    def noise(self, theta: np.ndarray) -> np.ndarray:
        return self.objective.gradient_error(theta)

    def time(self, x: np.ndarray) -> None:
        return None

    def chosen(self, mask: np.ndarray) -> GradientField:
        return GradientField(self.objective.chosen(mask.shape, mask))


@dataclass(frozen=True, eq=False)
class MirrorField:
    """μ̇ = -∇ℓ(∇Q(μ)), the gradient flow of a commuting parametrization in mirror coordinates; θ = ψ(θ_0; μ).

    Parameters
    ----------
    objective : Objective
        Data with one leading axis, or none.
    potential : Potential
        Its start has the shape ``(B, P)``.

    """

    objective: Objective
    potential: Potential

    def slope(self, x: np.ndarray) -> np.ndarray:
        inside, x = self._inside(x)
        return np.where(inside, -self._slope_in_w(self._w(x)), np.nan)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        inside, x = self._inside(x)
        curvature, metric = self._curvature_in_w(self._w(x)), self.potential.hessian(x)
        product = curvature * metric[..., None, :] if self.potential.separable else curvature @ metric
        return np.where(inside[..., None], -product, np.nan)

    def theta(self, x: np.ndarray) -> np.ndarray:
        inside, x = self._inside(x)
        return np.where(inside, self.potential.parameters_at(x), np.nan)

    def tangent(self, x: np.ndarray, theta: np.ndarray, moved: np.ndarray) -> np.ndarray:
        return self.objective.model.kernels.gradient(theta, moved)

    def risk(self, x: np.ndarray) -> np.ndarray:
        return self.objective.risk(self.theta(x))

    def differential(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        inside, x = self._inside(x)
        metric = self.potential.hessian(x)
        pulled = metric * slope if self.potential.separable else (metric @ slope[..., None])[..., 0]
        return np.where(inside, -pulled, np.nan)

    def noise(self, theta: np.ndarray) -> np.ndarray:
        return self.objective.gradient_error(theta)

    def time(self, x: np.ndarray) -> None:
        return None

    def chosen(self, mask: np.ndarray) -> MirrorField:
        return MirrorField(self.objective.chosen(mask.shape, mask), replace(self.potential, start=lanes_of(self.potential.start, mask)))

    def _inside(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether points are in the domain of Q, shape ``(..., B, 1)``, and x with 0 in place of those that are not."""
        low, high = self.potential.dual_domain
        inside = np.all((low < x) & (x < high), axis=-1, keepdims=True)
        return inside, x if inside.all() else np.where(inside, x, 0.0)

    def _w(self, x: np.ndarray) -> np.ndarray:
        """∇Q(x), without the checks of `Potential.inverse`, which cost as much again."""
        system = self.potential.system
        return system.gathered([row.inverse(x[..., outputs]) for outputs, row in system.parts])

    def _slope_in_w(self, w: np.ndarray) -> np.ndarray:
        data = self.objective.data
        return data.pulled_back(self.objective.loss.slope(*self._compared(w), sample_axis=data.sample_axis))

    def _curvature_in_w(self, w: np.ndarray) -> np.ndarray:
        loss, data = self.objective.loss, self.objective.data
        if isinstance(loss, SquaredLoss):
            return 2 * loss.c * data.covariance
        return data.curvature(loss.bend(*self._compared(w), sample_axis=data.sample_axis))

    def _compared(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        prediction = self.objective.data.predictions(w)
        return prediction, np.broadcast_to(self.objective.data.y, prediction.shape)


@dataclass(frozen=True, eq=False)
class LossClock:
    """A flow in the time of its loss: dx/ds = ẋ/R and dτ/ds = e^(-τ)/R, with τ = log(1 + t) as the last coordinate.

    Where R falls like 1/t, as that of a margin problem does, τ grows linearly in s and t exponentially, and x(s) becomes smooth.
    """

    inner: Field

    def slope(self, x: np.ndarray) -> np.ndarray:
        y, tau = x[..., :-1], x[..., -1:]
        R = self.inner.risk(y)[..., None]
        return np.concatenate([self.inner.slope(y) / R, np.exp(-tau) / R], axis=-1)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        y, slope = x[..., :-1], self.slope(x)
        R = self.inner.risk(y)[..., None, None]
        out = np.zeros((*x.shape, x.shape[-1]))
        out[..., :-1, :-1] = self.inner.jacobian(y) / R
        out[..., :, :-1] -= slope[..., :, None] * self.inner.differential(y, self.inner.slope(y))[..., None, :] / R
        out[..., -1, -1] = -slope[..., -1]
        return out

    def theta(self, x: np.ndarray) -> np.ndarray:
        return self.inner.theta(x[..., :-1])

    def tangent(self, x: np.ndarray, theta: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """At the time of x: what moves τ is made up for along the flow."""
        slope = self.slope(x)
        return self.inner.tangent(x[..., :-1], theta, moved[..., :-1] - slope[..., :-1] / slope[..., -1:] * moved[..., -1:])

    def risk(self, x: np.ndarray) -> np.ndarray:
        return self.inner.risk(x[..., :-1])

    def differential(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        y = x[..., :-1]
        inner = self.inner.differential(y, slope[..., :-1] * self.risk(x)[..., None])
        return np.concatenate([inner, np.zeros_like(x[..., :1])], axis=-1)

    def noise(self, theta: np.ndarray) -> np.ndarray:
        return self.inner.noise(theta)

    def time(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(np.expm1(x[..., -1]))

    def chosen(self, mask: np.ndarray) -> LossClock:
        return LossClock(self.inner.chosen(mask))


def steepness(field: Field, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """‖∇R‖ at x, shape ``(..., B)``."""
    square = -np.sum(field.differential(x, slope) * slope, axis=-1)
    return np.asarray(np.sqrt(square if field.time(x) is None else square * field.risk(x)))


def lanes_of(array: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Rows of an array ``(B, ...)`` where a mask ``(B,)`` is true; a mask ``(k, B)`` repeats rows."""
    return np.broadcast_to(array, (*mask.shape, *array.shape[1:]))[mask]
