"""The mirror map ∇R of a commuting map where only its inverse ∇Q(μ) = G(ψ(μ)) is at hand: damped Newton steps on Q(μ) - ⟨μ, w⟩.

Method       A step solves ∇²Q δ = w - ∇Q(μ) with ∇²Q = J Jᵀ at ψ(μ). It is shortened until its flow stays within the finite numbers and the
             slope of the convex function along it has not risen above half of what it was, with the other sign.
             Every iterate is a flow of its own from the start, so its bar is that of one flow.
Error        |∇²Q^(-1)| (|w - ∇Q(μ)| + bar of ∇Q(μ)), entry by entry and doubled for what is not linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.dynamics.combined_flows import Ends, combined_flow, w_of
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.protocol import MapKernels

STEPS, CUTS = 200, 40  # Newton steps, and shortenings of one
ROUGH = 1e-5  # accuracy of the flows that lead near to μ
FAR = 0.5  # how far a step may move θ, over its norm
NEAR = 1e-4  # what may be left of w - ∇Q(μ), relative to w, where a mirror map counts as found


@dataclass(frozen=True, eq=False)
class Located:
    """Where w is on the flow, for B lanes.

    Parameters
    ----------
    mu, mu_bar : ndarray, shape (B, d)
        ∇R(w) and the bars of its entries.
    ends : Ends
        The flow of μ.
    theta_bar : ndarray, shape (B,)
        How far its end may be from the point where G(θ) = w, in the Euclidean norm.
    left : ndarray, shape (B, d)
        |w - ∇Q(μ)| and the bar of ∇Q(μ), added up.
    settled : ndarray of bool, shape (B,)
        Whether μ was found.

    """

    mu: np.ndarray
    mu_bar: np.ndarray
    ends: Ends
    theta_bar: np.ndarray
    left: np.ndarray
    settled: np.ndarray


def located(kernels: MapKernels, start: np.ndarray, w: np.ndarray, accuracy: float) -> Located:
    """Find the μ with ∇Q(μ) = w.

    Parameters
    ----------
    kernels : MapKernels
        G, with a vector w of d entries.
    start, w : ndarray, shapes (B, P) and (B, d)
        Where the flows start, and what is looked for.
    accuracy : float
        Of every flow.

    """
    mu = np.zeros_like(w)
    for asked in (max(accuracy, ROUGH), accuracy):
        mu, ends = _descended(kernels, start, w, mu, asked)
    return _judged(kernels, w, mu, ends)


def _descended(kernels: MapKernels, start: np.ndarray, w: np.ndarray, mu: np.ndarray, accuracy: float) -> tuple[np.ndarray, Ends]:
    """Newton steps from μ until what is left is within the bars of flows of an accuracy, or no step helps."""
    mu, alive = mu.copy(), np.ones(len(w), dtype=bool)
    ends = combined_flow(kernels, start, mu, accuracy)
    for _ in range(STEPS):
        at = w_of(kernels, ends.theta, ends.bar)
        active = alive & np.any(np.abs(w - at.value) > at.error + 8 * EPS * np.abs(w), axis=-1)
        if not np.any(active):
            break
        aim = Aim(kernels, start[active], w[active], mu[active], ends.theta[active], at.value[active], accuracy)
        moved, found = _shortened(aim)
        better = np.zeros(len(w), dtype=bool)
        better[active] = found.arrived
        alive &= better | ~active
        ends = ends.put(better, found.chosen(found.arrived))
        mu[better] = moved[found.arrived]
    return mu, ends


@dataclass(frozen=True, eq=False)
class Aim:
    """A Newton step of B lanes that are at μ, where the flow is at θ and w at `value`."""

    kernels: MapKernels
    start: np.ndarray
    w: np.ndarray
    mu: np.ndarray
    theta: np.ndarray
    value: np.ndarray
    accuracy: float

    @cached_property
    def step(self) -> np.ndarray:
        """δ with ∇²Q δ = w - ∇Q(μ), shape ``(B, d)``; 0 where the metric has lost its rank."""
        step = _solved(self.kernels.jacobian(self.theta), self.w - self.value)
        return np.where(np.all(np.isfinite(step), axis=-1, keepdims=True), step, 0.0)

    @cached_property
    def slope(self) -> np.ndarray:
        """How fast Q(μ) - ⟨μ, w⟩ falls along the step, shape ``(B,)``."""
        return np.sum(self.step * (self.w - self.value), axis=-1)

    def worth(self) -> np.ndarray:
        """The part of the step that is tried first: θ moves by a part of its norm, shape ``(B,)``."""
        speed = np.linalg.norm(self.kernels.gradient(self.theta, self.step), axis=-1)
        return np.minimum(1.0, FAR * np.linalg.norm(self.theta, axis=-1) / np.where(speed > 0, speed, 1.0))


def _shortened(aim: Aim) -> tuple[np.ndarray, Ends]:
    """The flows after a step that was shortened where it must be; one that cannot be taken has not arrived."""
    part, pending = aim.worth(), aim.slope > 0
    ends = combined_flow(aim.kernels, aim.start, np.full_like(aim.mu, np.nan), aim.accuracy)  # nowhere yet
    for _ in range(CUTS):
        lanes = np.flatnonzero(pending)
        if not len(lanes):
            break
        tried = combined_flow(aim.kernels, aim.start[lanes], (aim.mu + part[:, None] * aim.step)[lanes], aim.accuracy)
        rest, slope = np.sum((aim.w[lanes] - aim.kernels.w(tried.theta)) * aim.step[lanes], axis=-1), aim.slope[lanes]
        good = tried.arrived & (rest >= -0.5 * slope)
        pending[lanes[good]] = False
        taken = np.zeros(len(pending), dtype=bool)
        taken[lanes[good]] = True
        ends = ends.put(taken, tried.chosen(good))
        with np.errstate(all="ignore"):
            shrink = np.where(tried.arrived, np.clip(slope / (slope - rest), 0.1, 0.7), 0.25)
        part[lanes[~good]] *= shrink[~good]
    return aim.mu + part[:, None] * aim.step, ends


def _solved(J: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(J Jᵀ)^(-1) times a vector, through the QR factors of Jᵀ; not finite where J has lost its rank."""
    R = np.linalg.qr(np.swapaxes(J, -1, -2), mode="r")
    out = np.full(right.shape, np.nan)
    sound = np.all(np.abs(np.diagonal(R, axis1=-2, axis2=-1)) > 0, axis=-1) & np.all(np.isfinite(R), axis=(-1, -2))
    if np.any(sound):
        half = np.linalg.solve(np.swapaxes(R[sound], -1, -2), right[sound][..., None])
        out[sound] = np.linalg.solve(R[sound], half)[..., 0]
    return out


def _judged(kernels: MapKernels, w: np.ndarray, mu: np.ndarray, ends: Ends) -> Located:
    """Bars, and whether what is left is small enough for them."""
    at, J = w_of(kernels, ends.theta, ends.bar), kernels.jacobian(ends.theta)
    left, d = np.abs(w - at.value) + at.error, w.shape[-1]
    inverse = np.stack([_solved(J, np.broadcast_to(unit, w.shape)) for unit in np.eye(d)], axis=-1)
    with np.errstate(all="ignore"):
        bar = 2 * (np.abs(inverse) @ left[..., None])[..., 0] + 8 * EPS * np.abs(mu)
        size = np.max(np.abs(w), axis=-1) + np.linalg.norm(J, axis=(-1, -2)) * np.linalg.norm(ends.theta, axis=-1)
        off = 2 * (np.abs(np.swapaxes(J, -1, -2) @ inverse) @ left[..., None])[..., 0]
    settled = ends.arrived & np.all(np.isfinite(bar), axis=-1) & (np.max(left, axis=-1) <= NEAR * size)
    return Located(mu, np.where(np.isfinite(bar), bar, np.inf), ends, np.linalg.norm(off, axis=-1), left, settled)
