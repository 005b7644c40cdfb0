"""Methods that remember: heavy ball, Nesterov's accelerated gradient, Adam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.methods.gradients import WHOLE, Gradient
from theorycheck.dynamics.methods.schedules import Number, fraction, fraction_at, number
from theorycheck.dynamics.methods.stepped import Stepped
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.stepping import Carry
from theorycheck.errors import require_positive


@dataclass(frozen=True, eq=False)
class HeavyBall(Stepped):
    """θ_{k+1} = θ_k - η_k g(θ_k) + β_k (θ_k - θ_{k-1}), θ_{-1} = θ_0, after Polyak 1964; step k stands at time Σ_{j<k} η_j.

    It follows the flow of the same step sizes 1/(1 - β) times faster.

    Parameters
    ----------
    step : float, array or Schedule
        η > 0.
    momentum : float, array or Schedule
        β in [0, 1).
    gradient : Gradient
        What is descended; the whole gradient by default.

    Raises
    ------
    InvalidArgument
        For a step that is not positive or a momentum outside [0, 1).

    """

    step: Number
    momentum: Number
    gradient: Gradient = WHOLE

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", fraction("momentum", self.momentum))

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        return (np.zeros_like(theta),)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        velocity = fraction_at("momentum", self.momentum, k)[..., None] * carry[0] - self.step_at(k) * self.gradient.of(objective, theta, k)
        return theta + velocity, (velocity,)


@dataclass(frozen=True, eq=False)
class Nesterov(Stepped):
    """θ_{k+1} = y_k - η_k g(y_k) with y_k = θ_k + β_k (θ_k - θ_{k-1}), θ_{-1} = θ_0; step k stands at time Σ_{j<k} η_j.

    Nesterov 1983 has β_k = (t_k - 1)/t_{k+1}; the usual ``Schedule(lambda k: k / (k + 3))`` is close to it, and β = (√κ - 1)/(√κ + 1) is
    that of strongly convex risks of condition number κ.

    Parameters
    ----------
    step, momentum, gradient
        As in `HeavyBall`.

    """

    step: Number
    momentum: Number
    gradient: Gradient = WHOLE

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", fraction("momentum", self.momentum))

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        return (np.zeros_like(theta),)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        ahead = fraction_at("momentum", self.momentum, k)[..., None] * carry[0]
        velocity = ahead - self.step_at(k) * self.gradient.of(objective, theta + ahead, k)
        return theta + velocity, (velocity,)

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        ahead = fraction_at("momentum", self.momentum, k)[..., None] * carry[0]
        return super().rounding(objective, theta + ahead, carry, k)


@dataclass(frozen=True, eq=False)
class Adam(Stepped):
    """θ_{k+1} = θ_k - η_k m̂/(√v̂ + ε), entry by entry; Kingma & Ba 2015, arXiv:1412.6980, with ε outside the root.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², from 0, with the corrections m̂ = m/(1 - β₁^(k+1)), v̂ = v/(1 - β₂^(k+1)). Step k stands
    at time Σ_{j<k} η_j.

    Parameters
    ----------
    step : float, array or Schedule
        η > 0.
    first, second : float or array
        β₁, β₂ in [0, 1).
    epsilon : float or array
        ε > 0.
    gradient : Gradient
        What is descended; the whole gradient by default.

    """

    step: Number
    first: float | np.ndarray = 0.9
    second: float | np.ndarray = 0.999
    epsilon: float | np.ndarray = 1e-8
    gradient: Gradient = WHOLE

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("first", "second"):
            object.__setattr__(self, name, fraction(name, number(name, getattr(self, name))))
        object.__setattr__(self, "epsilon", number("epsilon", require_positive("epsilon", self.epsilon)))

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        return np.zeros_like(theta), np.zeros_like(theta)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        m, v = self._moments(carry, self.gradient.of(objective, theta, k))
        mean, deviation = self._corrected(m, v, k)
        return theta - self.step_at(k) * mean / (deviation + np.asarray(self.epsilon)[..., None]), (m, v)

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        gradient, error = self.gradient.of(objective, theta, k), self.gradient.error(objective, theta, k)
        _, deviation = self._corrected(*self._moments(carry, gradient), k)
        share = error[..., None] / (deviation + np.asarray(self.epsilon)[..., None])
        return self.step_at(k)[..., 0] * np.linalg.norm(np.minimum(2.0, share), axis=-1)

    def _moments(self, carry: Carry, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b = np.asarray(self.first)[..., None], np.asarray(self.second)[..., None]
        return a * carry[0] + (1 - a) * gradient, b * carry[1] + (1 - b) * gradient**2

    def _corrected(self, m: np.ndarray, v: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """m̂ and √v̂."""
        counts = np.asarray(k + 1.0)[..., None]
        a, b = np.asarray(self.first)[..., None], np.asarray(self.second)[..., None]
        return m / (1 - a**counts), np.sqrt(v / (1 - b**counts))
