r"""Legendre potentials of commuting parametrizations without a closed form, by integrating the flows that define them.

Setting      w = G(θ) with [∇G_i, ∇G_j] = 0, proved, and independent gradients at the start θ_0; ψ(μ) is the flow of Σ μ_i ∇G_i over time 1.
Results      ∇Q(μ) = G(ψ(μ)), ∇²Q(μ) = J Jᵀ at ψ(μ), Q(μ) = Q(0) + ∫_0^1 ⟨μ, G(ψ(sμ))⟩ ds, R = Q*, and ∇R inverts ∇Q.
Convention   that of `symbolic.potentials`: ∇R(G(θ_0)) = 0; Q = |ψ|²/(2k) for entries that share parameters and are homogeneous of one
             degree k ≥ 2 together, and R = 0 at the start for others.
Bars         bars of the flows, carried to w by the derivatives of G, and to μ by the inverse of the metric.
Domains      that of Q ends where a flow blows up, which is seen while integrating; that of R is where the mirror map is found.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.combined_flows import Ends, combined_flow, metric_of, w_of
from theorycheck.dynamics.mirror_maps import STEPS, Located, located
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_positive, require_shape
from theorycheck.measured import EPS, Measured, in_force
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.parametrizations import Parametrization
from theorycheck.symbolic.potentials.homogeneity import constant_of_conjugate, total_degree
from theorycheck.symbolic.potentials.legendre import require_no_witness

FAR = 1e4  # times μ up to which a blow-up is looked for
CLEAR = 1e-3  # |θ|/|θ̇| over the time at which a flow left the finite numbers, below which that was a blow-up
FINEST = 1e-13  # accuracy below which rounding leaves nothing to gain


@dataclass(frozen=True, eq=False)
class NumericPotential:
    """R, Q = R* and what goes with them, each number with its bar; made by `numeric_potential`.

    Every method broadcasts over leading axes, those of the start included: w, μ are ``(..., d)``, θ is ``(..., P)``. The names are those of
    the closed-form `Potential`, and every answer is `Measured`. Points outside the domains are refused with `InvalidArgument`.

    Parameters
    ----------
    model : Parametrization
        The map, proved to commute.
    start : ndarray, shape (..., P)
        θ_0.
    accuracy : float
        The error asked of every flow, relative to the norm of its end; divided by 100 for each level of precision.

    """

    model: Parametrization
    start: np.ndarray
    accuracy: float

    @property
    def entries(self) -> int:
        """d, the number of entries of w."""
        return self.model.shape[0]

    def parameters_at(self, mu: ArrayLike) -> Measured:
        """ψ(μ), the point of the flow where ∇R(w) = μ, shape ``(..., P)``; the bar of each entry is that of the whole."""
        lanes, ends = self._flown(mu)
        return Measured(ends.theta, ends.bar[:, None]).reshape(*lanes.lead, self.model.parameters)

    def inverse(self, mu: ArrayLike) -> Measured:
        """w = ∇Q(μ), shape ``(..., d)``."""
        lanes, ends = self._flown(mu)
        return w_of(self.model.kernels, ends.theta, ends.bar).reshape(*lanes.lead, self.entries)

    def hessian(self, mu: ArrayLike) -> Measured:
        """∇²Q(μ), the metric J Jᵀ as a function of μ, shape ``(..., d, d)``."""
        lanes, ends = self._flown(mu)
        return metric_of(self.model.kernels, ends.theta, ends.bar).reshape(*lanes.lead, self.entries, self.entries)

    def conjugate(self, mu: ArrayLike) -> Measured:
        """Q(μ), shape ``(...)``."""
        lanes, ends = self._flown(mu)
        return self._conjugate(lanes.start, lanes.point, ends).reshape(lanes.lead)

    def mirror(self, w: ArrayLike) -> Measured:
        """μ = ∇R(w), shape ``(..., d)``, 0 at the start."""
        lanes, found = self._inside(w)
        return Measured(found.mu, found.mu_bar).reshape(*lanes.lead, self.entries)

    def value(self, w: ArrayLike) -> Measured:
        """R(w) = ⟨w, μ⟩ - Q(μ) at μ = ∇R(w), shape ``(...)``; what μ is off counts to second order only."""
        lanes, found = self._inside(w)
        return self._value(lanes, found).reshape(lanes.lead)

    def metric(self, w: ArrayLike) -> Measured:
        """∂G∂Gᵀ = (∇²R)^(-1) at w, shape ``(..., d, d)``."""
        lanes, found = self._inside(w)
        return metric_of(self.model.kernels, found.ends.theta, found.ends.bar + found.theta_bar).reshape(*lanes.lead, self.entries, self.entries)

    def divergence(self, a: ArrayLike, b: ArrayLike) -> Measured:
        """Bregman divergence D_R(a, b) = R(a) - R(b) - ⟨∇R(b), a - b⟩, shape ``(...)``; between near points the bar outgrows it."""
        points = np.broadcast_arrays(require_finite("a", a), require_finite("b", b))
        (lanes, first), (others, second) = (self._inside(point) for point in points)
        slope = (Measured(second.mu, second.mu_bar) * (Measured(lanes.point) - Measured(others.point))).sum(axis=-1)
        return (self._value(lanes, first) - self._value(others, second) - slope).reshape(lanes.lead)

    def in_domain(self, w: ArrayLike) -> np.ndarray:
        """Whether the mirror map is found at w, shape ``(...)``."""
        lanes = self._lanes("w", w)
        return located(self.model.kernels, lanes.start, lanes.point, self._asked).settled.reshape(lanes.lead)

    def in_dual_domain(self, mu: ArrayLike) -> np.ndarray:
        """Whether the flow of μ reaches time 1 within the finite numbers, shape ``(...)``."""
        lanes = self._lanes("mu", mu)
        return combined_flow(self.model.kernels, lanes.start, lanes.point, self._asked).arrived.reshape(lanes.lead)

    def reach(self, mu: ArrayLike) -> Measured:
        """How many times μ is at the end of the dual domain, shape ``(...)``: the time at which its flow blows up.

        Infinite, with bar 0, where G is polynomial of degree at most 2: linear fields flow for ever. Where no blow-up is seen, the value is
        how far the flow was followed and the bar is infinite.
        """
        lanes, degree = self._lanes("mu", mu), total_degree(self.model.symbols, self.model.expressions)
        if degree is not None and degree <= 2:
            return Measured(np.full(lanes.lead, np.inf), np.zeros(lanes.lead))
        end, B = 1.0, len(lanes.start)
        time, bar = np.zeros(B), np.full(B, np.inf)
        while end <= FAR and np.any(np.isinf(bar)):
            left = np.isinf(bar)
            time[left], bar[left] = self._blow_up(lanes.start[left], lanes.point[left], end)
            end *= 8
        return Measured(time, bar).reshape(lanes.lead)

    def _blow_up(self, start: np.ndarray, mu: np.ndarray, end: float) -> tuple[np.ndarray, np.ndarray]:
        """When the flows of μ blow up, with bars, which are infinite for flows that do not, until the end."""
        fine, coarse = (combined_flow(self.model.kernels, start, mu, asked, end=end) for asked in (self._asked / 10, self._asked))
        with np.errstate(all="ignore"):
            left = np.linalg.norm(fine.theta, axis=-1) / np.linalg.norm(self.model.kernels.gradient(fine.theta, mu), axis=-1)
            seen = fine.diverged & coarse.diverged & (left <= CLEAR * fine.time)
        bar = 5 * np.abs(fine.time - coarse.time) + 2 * left + (self._asked + 64 * EPS) * fine.time
        return fine.time, np.where(seen, bar, np.inf)

    @property
    def _asked(self) -> float:
        return max(float(in_force(None).tightened(self.accuracy)), FINEST)

    def _lanes(self, name: str, value: ArrayLike) -> _Lanes:
        point = require_shape(name, require_finite(name, value), (self.entries,), f"w has {self.entries} entries")
        try:
            lead = np.broadcast_shapes(self.start.shape[:-1], point.shape[:-1])
        except ValueError as error:
            rule = f"must have leading axes that broadcast with {self.start.shape[:-1]}, those of the start"
            raise ShapeMismatch(f"{name}.shape", point.shape, rule, "pass as many instances as starts") from error
        start, point = (np.array(np.broadcast_to(a, (*lead, a.shape[-1]))).reshape(-1, a.shape[-1]) for a in (self.start, point))
        return _Lanes(lead, start, point)

    def _flown(self, mu: ArrayLike) -> tuple[_Lanes, Ends]:
        """The ends of the flows of μ, or `InvalidArgument` where one blows up."""
        lanes = self._lanes("mu", mu)
        ends = combined_flow(self.model.kernels, lanes.start, lanes.point, self._asked)
        if not np.all(ends.arrived):
            k = int(np.flatnonzero(~ends.arrived)[0])
            rule = f"is outside the dual domain: its flow leaves the finite numbers at {ends.time[k]:.6g} times μ"
            if not ends.diverged[k]:
                rule = f"could not be followed: its flow came to {ends.time[k]:.6g} times μ within the budget of steps"
            raise InvalidArgument("mu", lanes.point[k].tolist(), rule, "pass a shorter μ; `in_dual_domain` asks without raising, `reach` how far")
        return lanes, ends

    def _inside(self, w: ArrayLike) -> tuple[_Lanes, Located]:
        """Where w is on the flow, or `InvalidArgument` where it is not."""
        lanes = self._lanes("w", w)
        found = located(self.model.kernels, lanes.start, lanes.point, self._asked)
        if not np.all(found.settled):
            rule = f"is not reached from the start: Newton's method found no μ with ∇Q(μ) = w in {STEPS} steps"
            remedy = "pass a point of the domain, not too near its boundary; `in_domain` asks without raising"
            raise InvalidArgument("w", lanes.point[int(np.flatnonzero(~found.settled)[0])].tolist(), rule, remedy)
        return lanes, found

    def _value(self, lanes: _Lanes, found: Located) -> Measured:
        R = (Measured(lanes.point) * Measured(found.mu)).sum(axis=-1) - self._conjugate(lanes.start, found.mu, found.ends)
        return Measured(R.value, R.error + np.sum(found.left * found.mu_bar, axis=-1))

    def _conjugate(self, start: np.ndarray, mu: np.ndarray, ends: Ends) -> Measured:
        kernels = self.model.kernels
        origin = Measured(kernels.w(start), bounded(kernels).w_error(start)[:, None])
        constant = Measured.of(constant_of_conjugate(self.model.symbols, self.model.expressions, start))
        return constant + (Measured(mu) * origin).sum(axis=-1) + Measured(ends.area, ends.bar)


@dataclass(frozen=True, eq=False)
class _Lanes:
    """Leading axes, and starts ``(B, P)`` and points ``(B, d)`` laid out along one."""

    lead: tuple[int, ...]
    start: np.ndarray
    point: np.ndarray


def numeric_potential(model: Parametrization, start: ArrayLike, accuracy: float) -> NumericPotential:
    """The Legendre potential of any commuting parametrization, by integrating its flows; `legendre_potential` knows the closed forms.

    Parameters
    ----------
    model : Parametrization
        The map θ -> w, with a vector w of d entries.
    start : array_like, shape (..., P)
        θ_0, where the gradients of the entries of w are independent.
    accuracy : float
        The error asked of every flow, relative to the norm of its end; no default.

    Raises
    ------
    InvalidArgument
        The model does not commute (the message shows a bracket and a point), is not proved to, or has no exact vector w; or the gradients are
        dependent at the start.

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.symbolic.parametrizations import Entrywise
    >>> a, b = sp.symbols("a b", real=True)
    >>> potential = numeric_potential(Entrywise((a, b), (a**3 + b**4, a**3 - b**4)), [1.0, 1.0], accuracy=1e-10)
    >>> mu = potential.mirror(potential.inverse([0.05, -0.02]).value)
    >>> bool(np.all(np.abs(mu.value - [0.05, -0.02]) <= mu.error)), bool(np.all(mu.error < 1e-8))
    (True, True)

    """
    if not isinstance(model, Parametrization):
        raise InvalidArgument("model", model, "has no exact map θ -> w(θ)", "pass a parametrization such as Entrywise")
    if len(model.shape) != 1:
        raise InvalidArgument("model", model, "has a matrix w", "pass Flattened(model), whose w is a vector")
    if require_positive("accuracy", accuracy).ndim or accuracy >= 1:
        raise InvalidArgument("accuracy", accuracy, "must be one number below 1", "pass accuracy=1e-10")
    undecided = require_no_witness(model.symbols, model.expressions, range(len(model.expressions))).undecided
    if undecided:
        rule = f"is not proved to commute: the brackets of entries {undecided[0]} of w vanish where they were tried, without a proof"
        raise InvalidArgument("model", model, rule, "write the map in polynomials, exponentials or square roots, or integrate the flow in θ")
    theta = require_shape("start", require_finite("start", start), (model.parameters,), f"the model has {model.parameters} parameters")
    J = model.kernels.jacobian(theta)
    if not np.all(np.isfinite(J)) or np.any(np.linalg.matrix_rank(J) < model.shape[0]):
        rule = f"is where the gradients of the {model.shape[0]} entries of w are dependent or not finite"
        raise InvalidArgument("start", theta, rule, "start where the Jacobian of w has full rank")
    return NumericPotential(model, theta.copy(), float(accuracy))
