"""Mirror descent: steps in the dual of a Legendre potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.methods.gradients import WHOLE, Sampled
from theorycheck.dynamics.methods.schedules import Number
from theorycheck.dynamics.methods.stepped import Stepped, lanes_of
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.dynamics.stepping import ROUNDED, Carry
from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS
from theorycheck.symbolic.potentials import Potential, require_potential


@dataclass(frozen=True, eq=False)
class MirrorDescent(Stepped):
    """μ_{k+1} = μ_k - η_k ∇ℓ(w_k) with w_k = ∇Q(μ_k) and μ_0 = ∇R(w_0) = 0, that is ∇R(w_{k+1}) = ∇R(w_k) - η_k ∇ℓ(w_k).

    States are parameters θ_k = ψ(θ_0; μ_k), as in `MirrorFlow`, of which it is Euler's method; step k stands at time Σ_{j<k} η_j. It is
    not gradient descent in θ. A step that leaves the open dual domain, which is bounded for powers D ≥ 3, has no w: the lane ends as
    DIVERGED and keeps the last state.

    Parameters
    ----------
    potential : Potential
        From `legendre_potential`, for the start that is passed to `follow`.
    step : float, array or Schedule
        η > 0.
    gradient : Sampled
        Of which risk: the whole, a `Minibatch` or `LabelNoise`.

    Raises
    ------
    InvalidArgument
        For a step that is not positive; from `follow`, if the start is not that of the potential or the objective is not one of w(θ).

    """

    potential: Potential
    step: Number
    gradient: Sampled = WHOLE

    def __post_init__(self) -> None:
        super().__post_init__()
        require_potential(self.potential)
        if not isinstance(self.gradient, Sampled):
            raise InvalidArgument("gradient", self.gradient, "has no gradient in w", "pass Whole(), Minibatch(...) or LabelNoise(...)")

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.potential.start.shape[:-1], lanes_of(self.step), self.gradient.lanes)

    def begin(self, objective: SmoothRisk, theta: np.ndarray) -> Carry:
        if not isinstance(objective, Objective):
            raise InvalidArgument("objective", objective, "is not a loss of some w(θ)", "pass an Objective")
        origin = self.potential.start
        if origin.shape[-1] != theta.shape[-1] or not np.array_equal(np.broadcast_to(origin, theta.shape), theta):
            raise InvalidArgument("start", theta, "is not where the potential starts", "pass the start that legendre_potential was given")
        return (np.zeros((*theta.shape[:-1], self.potential.entries)),)

    def move(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> tuple[np.ndarray, Carry]:
        mu = carry[0] - self.step_at(k) * self.gradient.seen(objective, k).gradient_in_w(theta)  # type: ignore[attr-defined]
        return self._parameters(mu), (mu,)

    def rounding(self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray) -> np.ndarray:
        return np.zeros(theta.shape[:-1])

    def kicked(
        self, objective: SmoothRisk, theta: np.ndarray, carry: Carry, k: np.ndarray, kick: np.ndarray, steps: np.ndarray
    ) -> tuple[np.ndarray, Carry]:
        error = self.gradient.seen(objective, k).gradient_in_w_and_error(theta)[1][..., None]  # type: ignore[attr-defined]
        signs = np.resize(np.sign(kick), carry[0].shape)
        mu = carry[0] + steps * signs * (ROUNDED * EPS * np.abs(carry[0]) + self.step_at(k) * error / np.sqrt(signs.shape[-1]))
        return self._parameters(mu), (mu,)

    def _parameters(self, mu: np.ndarray) -> np.ndarray:
        """ψ(θ_0; μ); NaN where μ is outside the dual domain."""
        finite = np.all(np.isfinite(mu), axis=-1, keepdims=True)
        inside = finite[..., 0] & self.potential.in_dual_domain(np.where(finite, mu, 0.0))
        return np.where(inside[..., None], self.potential.parameters_at(np.where(inside[..., None], mu, 0.0)), np.nan)
