"""The flows of the fields ∇G_i over given times, composed: one flow of their combination, where the fields commute.

Setting      w = G(θ) with Jacobian J. Where the fields commute, exp(μ_1 ∇G_1) ∘ ... ∘ exp(μ_d ∇G_d) is the flow of θ̇ = J(θ)ᵀ μ over time 1.
Area         A(μ) = ∫_0^1 ⟨μ, G(θ(s)) - G(θ(0))⟩ ds is integrated along: Q(μ) = Q(0) + ⟨μ, G(θ(0))⟩ + A(μ) wherever ∇Q(μ) = G(θ(1)).
Blow-up      A flow that leaves the finite numbers before time 1 ends there; how far it came is kept.
Bars         those of flows (`integrators.bars`), in the Euclidean norm of (θ, A).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from theorycheck.dynamics.integrators.bars import Question, answered
from theorycheck.dynamics.integrators.fields import lanes_of
from theorycheck.dynamics.integrators.plans import Plan
from theorycheck.measured import EPS, Measured
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.kernels.flows.control import DIVERGED, ENDED, UNRESOLVED
from theorycheck.symbolic.kernels.protocol import MapKernels

BUDGET = 50_000


@dataclass(frozen=True, eq=False)
class CombinedField:
    """θ̇ = J(θ)ᵀ μ and Ȧ = ⟨μ, G(θ) - origin⟩ in the coordinates (θ, A), over B lanes; see `integrators.fields.Field`.

    Parameters
    ----------
    kernels : MapKernels
        G and its derivatives.
    mu, origin : ndarray, shape (B, d)
        The times, and where w starts.

    """

    kernels: MapKernels
    mu: np.ndarray
    origin: np.ndarray

    def slope(self, x: np.ndarray) -> np.ndarray:
        theta = x[..., :-1]
        rise = np.sum(self.mu * (self.kernels.w(theta) - self.origin), axis=-1, keepdims=True)
        return np.concatenate([self.kernels.gradient(theta, self.mu), rise], axis=-1)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        theta, d = x[..., :-1], self.mu.shape[-1]
        out = np.zeros((*x.shape, x.shape[-1]))
        out[..., :-1, :-1] = self.kernels.hessian(theta, self.mu, np.zeros((d, d)))
        out[..., -1, :-1] = self.kernels.gradient(theta, self.mu)
        return out

    def theta(self, x: np.ndarray) -> np.ndarray:
        return x

    def tangent(self, x: np.ndarray, theta: np.ndarray, moved: np.ndarray) -> np.ndarray:
        return moved

    def risk(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(-np.sum(self.mu * self.kernels.w(x[..., :-1]), axis=-1))

    def differential(self, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return -slope

    def noise(self, theta: np.ndarray) -> np.ndarray:
        return np.zeros(theta.shape[:-1])

    def time(self, x: np.ndarray) -> None:
        return None

    def chosen(self, mask: np.ndarray) -> CombinedField:
        return CombinedField(self.kernels, lanes_of(self.mu, mask), lanes_of(self.origin, mask))


@dataclass(frozen=True, eq=False)
class Ends:
    """Where B combined flows ended.

    Parameters
    ----------
    theta : ndarray, shape (B, P)
        θ at the end.
    area : ndarray, shape (B,)
        A.
    bar : ndarray, shape (B,)
        Bound on the error of (θ, A) in the Euclidean norm; infinite for a flow that did not arrive.
    time : ndarray, shape (B,)
        How far each came.
    arrived : ndarray of bool, shape (B,)
        Whether it reached the time asked for.
    diverged : ndarray of bool, shape (B,)
        Whether it left the finite numbers.

    """

    theta: np.ndarray
    area: np.ndarray
    bar: np.ndarray
    time: np.ndarray
    arrived: np.ndarray
    diverged: np.ndarray

    def put(self, mask: np.ndarray, other: Ends) -> Ends:
        """The lanes of the mask replaced by those of `other`."""
        return Ends(*(_put(old, mask, new) for old, new in zip(self._arrays, other._arrays, strict=True)))

    def chosen(self, mask: np.ndarray) -> Ends:
        """The lanes of the mask."""
        return Ends(*(array[mask] for array in self._arrays))

    @property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.theta, self.area, self.bar, self.time, self.arrived, self.diverged


def combined_flow(kernels: MapKernels, start: np.ndarray, mu: np.ndarray, accuracy: float, end: float = 1.0) -> Ends:
    """Run the combined flows to time 1, or to another end.

    Parameters
    ----------
    kernels : MapKernels
        G, with a vector w of d entries.
    start, mu : ndarray, shapes (B, P) and (B, d)
        Where each flow starts, and its times.
    accuracy : float
        The error asked for, relative to the norm of (θ, A).
    end : float
        Times are multiplied by it.

    """
    B, floor = len(start), np.linalg.norm(start, axis=-1)
    question = Question(np.full(B, end), np.full(B, -1.0), np.full(B, accuracy), floor, np.empty((B, 0)), BUDGET)
    with np.errstate(all="ignore"):
        field = CombinedField(kernels, mu, kernels.w(start))
        x = np.concatenate([start, np.zeros((B, 1))], axis=-1)
        answer = answered(Plan(field, x, cast(Any, _NoData())), question)
    state, time = answer.states[:, -1], answer.times[:, -1]
    arrived = np.isin(answer.ending, (ENDED, UNRESOLVED)) & (time == end) & np.all(np.isfinite(state), axis=-1)
    bar = np.where(arrived, answer.errors[:, -1], np.inf)
    return Ends(state[:, :-1], state[:, -1], bar, time, arrived, answer.ending == DIVERGED)


def w_of(kernels: MapKernels, theta: np.ndarray, bar: np.ndarray) -> Measured:
    """G of θ ``(B, P)`` known up to bars ``(B,)``, shape ``(B, d)``."""
    (slopes, bends), moved = _sizes(kernels, theta), bar[:, None]
    return Measured(kernels.w(theta), slopes * moved + 0.5 * bends * moved**2 + bounded(kernels).w_error(theta)[:, None])


def metric_of(kernels: MapKernels, theta: np.ndarray, bar: np.ndarray) -> Measured:
    """J Jᵀ of θ ``(B, P)`` known up to bars ``(B,)``, shape ``(B, d, d)``."""
    J, (slopes, bends) = kernels.jacobian(theta), _sizes(kernels, theta)
    moved = bends * bar[:, None] + 4 * (theta.shape[-1] + 8) * EPS * slopes
    error = slopes[:, :, None] * moved[:, None, :]
    return Measured(J @ np.swapaxes(J, -1, -2), error + np.swapaxes(error, -1, -2) + moved[:, :, None] * moved[:, None, :])


def _sizes(kernels: MapKernels, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Norms of the gradients and of the Hessians of the entries of w, ``(B, d)`` each; the second doubled, since it is taken at one point."""
    J = kernels.jacobian(theta)
    d = J.shape[-2]
    H = kernels.hessian(theta[:, None, :], np.eye(d), np.zeros((d, d)))
    return np.linalg.norm(J, axis=-1), 2 * np.linalg.norm(H, axis=(-1, -2))


class _NoData:
    """What a plan without an objective restricts to some of its lanes."""

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> _NoData:
        return self


def _put(old: np.ndarray, mask: np.ndarray, new: np.ndarray) -> np.ndarray:
    out = old.copy()
    out[mask] = new
    return out
