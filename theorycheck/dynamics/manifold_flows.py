"""Gradient flow of a function of the Hessian's spectrum on a manifold of minimisers: dY/dt = -P_T ∇f(Y).

Setting      Γ as in `limit_map`; f(θ) = Σ over the eigenvalues of H that are not flat of a function of one of them. These flows are the slow
             part of noisy descent and of sharpness-aware steps: which f and which rate, the theorem says.
Gradient     ∇f = T[Σ_i f'(λ_i) v_i v_iᵀ]; P_T kills what flat directions would add, P_T T[P_T] = 0.
Method       Runge-Kutta steps of order 4, each followed by a Newton step back to Γ; the bar is the difference to half as many steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.limit_map import DIFFERENCE, applied, split, third_derivative
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.errors import InvalidArgument, require_positive
from theorycheck.measured import EPS, Measured, Precision, in_force

Eigenvalues = np.ndarray
STEPS = 16  # between two kept times, where no other number is passed


@dataclass(frozen=True)
class SpectralFunction:
    """f(H) by eigenvalues, ascending along the last axis, those that are not flat marked by `normal`.

    Parameters
    ----------
    name : str
    of : callable
        (eigenvalues, normal) -> f, shape ``(...)``.
    slopes : callable
        (eigenvalues, normal) -> ∂f/∂λ_i, shape ``(..., P)``; 0 where flat.

    """

    name: str
    of: Callable[[Eigenvalues, np.ndarray], np.ndarray]
    slopes: Callable[[Eigenvalues, np.ndarray], np.ndarray]

    def value(self, objective: SmoothRisk, theta: np.ndarray) -> Measured:
        """f at θ ``(..., P)``, shape ``(...)``."""
        eigenvalues, _, normal = split(objective.hessian(np.asarray(theta, dtype=float)))
        value = self.of(eigenvalues, normal)
        moved = objective.hessian_error(theta) + 2 * objective.parameters * EPS * np.max(np.abs(eigenvalues), axis=-1)
        return Measured(value, moved * np.abs(self.slopes(eigenvalues, normal)).sum(axis=-1) + 8 * EPS * np.abs(value))

    def gradient(self, objective: SmoothRisk, theta: np.ndarray, rank: np.ndarray | None = None) -> Measured:
        """∇f at θ ``(..., P)``, of the part of the spectrum that is not flat, where eigenvalues with different slopes are apart."""
        eigenvalues, vectors, normal = split(objective.hessian(np.asarray(theta, dtype=float)), rank)
        weight = (vectors * self.slopes(eigenvalues, normal)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
        T = third_derivative(objective, theta)
        return Measured(np.einsum("...ljk,...jk->...l", T.value, weight), np.einsum("...ljk,...jk->...l", T.error, np.abs(weight)))

    def drift(self, objective: SmoothRisk, theta: np.ndarray, rank: np.ndarray | None = None) -> Measured:
        """-P_T ∇f at a minimiser θ ``(..., P)``; next to one, pass the rank of H there."""
        _, vectors, normal = split(objective.hessian(np.asarray(theta, dtype=float)), rank)
        tangent = (vectors * np.where(normal, 0.0, 1.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
        return -applied(tangent, self.gradient(objective, theta, rank))


def _summed(f: Callable[[np.ndarray], np.ndarray], eigenvalues: Eigenvalues, normal: np.ndarray) -> np.ndarray:
    return _each(f, eigenvalues, normal).sum(axis=-1)


def _each(f: Callable[[np.ndarray], np.ndarray], eigenvalues: Eigenvalues, normal: np.ndarray) -> np.ndarray:
    top = eigenvalues[..., -1:]  # f may have a pole anywhere else
    return np.where(normal, f(np.where(normal, eigenvalues, np.where(top > 0, top, 1.0))), 0.0)


def _of_top(f: Callable[[np.ndarray], np.ndarray], eigenvalues: Eigenvalues, normal: np.ndarray) -> np.ndarray:
    return f(eigenvalues[..., -1])


def _at_top(f: Callable[[np.ndarray], np.ndarray], eigenvalues: Eigenvalues, normal: np.ndarray) -> np.ndarray:
    last = np.arange(eigenvalues.shape[-1]) == eigenvalues.shape[-1] - 1
    return np.where(last, f(eigenvalues[..., -1:]), 0.0)


TRACE = SpectralFunction("tr H", partial(_summed, np.asarray), partial(_each, np.ones_like))
LOG_PDET = SpectralFunction("log pdet H", partial(_summed, np.log), partial(_each, np.reciprocal))
TOP = SpectralFunction("λ_1", partial(_of_top, np.asarray), partial(_at_top, np.ones_like))
LOG_TOP = SpectralFunction("log λ_1", partial(_of_top, np.log), partial(_at_top, np.reciprocal))


def explicit_regularizer(step: ArrayLike, momentum: ArrayLike = 0.0) -> SpectralFunction:
    """R = -((1+β)/2η) tr log(I - ηH/(2(1+β))) of label noise with step η and heavy-ball momentum β (Damian, Ma & Lee 2021, arXiv:2106.06530).

    It is tr H/4 + O(η), and infinite from ηλ_1 = 2(1+β) on.
    """
    eta, beta = require_positive("step", step)[..., None], np.asarray(momentum, dtype=float)[..., None]

    def one(eigenvalues: np.ndarray) -> np.ndarray:
        return -(1 + beta) / (2 * eta) * np.log1p(-eta * eigenvalues / (2 * (1 + beta)))

    def slope(eigenvalues: np.ndarray) -> np.ndarray:
        return 0.25 / (1 - eta * eigenvalues / (2 * (1 + beta)))

    return SpectralFunction("explicit regularizer", partial(_summed, one), partial(_each, slope))


def onto_minimisers(objective: SmoothRisk, theta: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """θ ``(..., P)`` after a Newton step in the `rank` steepest directions: back to Γ from next to it, quadratically."""
    eigenvalues, vectors, normal = split(objective.hessian(theta), rank)
    components = (objective.gradient(theta)[..., None, :] @ vectors)[..., 0, :]
    return theta - (vectors @ np.where(normal, components / np.where(normal, eigenvalues, 1.0), 0.0)[..., None])[..., 0]


def manifold_flow(
    objective: SmoothRisk,
    function: SpectralFunction,
    start: np.ndarray,
    times: ArrayLike,
    *,
    rate: ArrayLike = 1.0,
    steps: int = STEPS,
    precision: Precision | None = None,
) -> Measured:
    """States at ascending times of dY/dt = -rate P_T ∇f(Y) from a minimiser.

    Parameters
    ----------
    objective : SmoothRisk
    function : SpectralFunction
        f.
    start : array_like, shape (..., P)
        A minimiser of maximal rank.
    times : array_like, shape (T,)
        Positive, ascending.
    rate : array_like, shape (...)
        Multiplies the time, lane by lane.
    steps : int
        Between two times; each level of precision takes three times as many. Even.

    Returns
    -------
    Measured, shape (..., T, P)

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.dynamics.landscapes import Landscape
    >>> x, y = sp.symbols("x y", real=True)
    >>> valley = Landscape((x, y), y**2 * (1 + x**2) / 2)  # tr H = 1 + x² on Γ
    >>> manifold_flow(valley, TRACE, [1.0, 0.0], [0.5]).value.round(6)
    array([[0.367879, 0.      ]])

    """
    instants = require_positive("times", np.atleast_1d(times))
    if np.any(np.diff(instants) <= 0):
        raise InvalidArgument("times", times, "must be ascending", "pass times such as [0.5, 1.0]")
    if steps < 2 or steps % 2:
        raise InvalidArgument("steps", steps, "must be even and at least 2", "pass steps=16")
    rate, start = np.asarray(rate, dtype=float)[..., None], np.asarray(start, dtype=float)
    start = np.broadcast_to(start, np.broadcast_shapes(start.shape, (*objective.lanes, 1), rate.shape))
    count = steps * 3 ** in_force(precision).level
    with np.errstate(all="ignore"):
        fine, coarse = (_states(objective, function, start, instants, rate, n) for n in (count, count // 2))
        noise = 64 * EPS / DIFFERENCE * np.linalg.norm(fine, axis=-1, keepdims=True)
        error = np.linalg.norm(fine - coarse, axis=-1, keepdims=True) + noise
    return Measured(fine, np.broadcast_to(np.where(np.isnan(error), np.inf, error), fine.shape))


def _states(objective: SmoothRisk, function: SpectralFunction, state: np.ndarray, instants: np.ndarray, rate: np.ndarray, steps: int) -> np.ndarray:
    """States at the instants by Runge and Kutta's steps of order 4, `steps` before each."""
    kept, time, rank = [], 0.0, split(objective.hessian(state))[2].sum(axis=-1)

    def velocity(y: np.ndarray) -> np.ndarray:
        return rate * function.drift(objective, y, rank).value

    for instant in instants:
        h = (instant - time) / steps
        for _ in range(steps):
            a = velocity(state)
            b = velocity(state + h / 2 * a)
            c = velocity(state + h / 2 * b)
            d = velocity(state + h * c)
            state = onto_minimisers(objective, state + h / 6 * (a + 2 * b + 2 * c + d), rank)
        kept.append(state)
        time = float(instant)
    return np.stack(kept, axis=-2)
