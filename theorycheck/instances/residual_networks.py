"""Residual linear networks of one output from the identity, a fixed output vector, and targets near it or not.

Notation     w(V) = W_1ᵀ ... W_Lᵀ p with W_k = I + V_k, R = |X w - y|²/n, Σ = XᵀX/n with eigenvalues λ ≤ ... ≤ Λ (λ the least that is
             not 0), Δ = R - R_min, 0 < δ < 1, κ = (1-δ/L)^(2L-2), κ' = (1+δ/L)^(2L-2).
Convention   1/n without 1/2 (c = 1). p = |p|e_1: the data may be turned instead.
Source       Marion & Chizat (2024, arXiv:2405.13456), theorem 3 in the form of the project's catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import Quantity
from theorycheck.dynamics.trajectories import At, Stop, Trajectory, follow
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, orthogonal, recipe
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import ResidualLinear


@dataclass(frozen=True, eq=False)
class Residual:
    """A residual network with data, the radius δ, and a point V; arrays may carry leading axes.

    Parameters
    ----------
    depth : int
        L.
    p : tuple of int
        The output vector, of d entries.
    X : array, shape (..., n, d)
    offset : array, shape (..., d)
        e: the target is p + e.
    delta : float
        δ.
    V : array, shape (..., L d²)

    """

    depth: int
    p: tuple[int, ...]
    X: np.ndarray
    offset: np.ndarray
    delta: float
    V: np.ndarray

    @cached_property
    def objective(self) -> Objective:
        """R(V) = |X w(V) - X(p + e)|²/n."""
        y = (self.X @ (self.p + self.offset)[..., None])[..., 0]
        return Objective(ResidualLinear(len(self.p), self.depth, self.p), SquaredLoss(1.0), Regression(self.X, y, False))

    @property
    def covariance(self) -> np.ndarray:
        """Σ."""
        return self.objective.data.covariance

    @property
    def root(self) -> np.ndarray:
        """F with FᵀF = Σ."""
        return self.objective.data.factor

    @property
    def w_star(self) -> np.ndarray:
        """The least-squares solution of least norm."""
        return self.objective.data.least_squares

    @property
    def excess(self) -> np.ndarray:
        """Δ(0) for V = 0."""
        excess: np.ndarray = (self.offset[..., None, :] @ self.covariance @ self.offset[..., None])[..., 0, 0]
        return excess

    @property
    def size(self) -> int:
        """|p|²."""
        return sum(x * x for x in self.p)

    def trained(self, record: Iterable[Quantity], times: tuple[float, ...] = (0.25, 1.0, 4.0)) -> tuple[np.ndarray, Trajectory]:
        """Gradient flow from V = 0, at times in units of 1/(4 L |p|²), for λ = 1: the instants and the run."""
        instants = np.array(times) / (4 * self.depth * self.size)
        flow = GradientFlow(accuracy=1e-5, floor=np.sqrt(self.excess) + 1e-9)
        return instants, follow(self.objective, flow, 0 * self.V, Stop(time=instants[-1]), record=record, save=At(instants))


def residuals_of(dims: tuple[int, ...], points: bool = False) -> Recipe:
    """Recipe of `Residual`: depth 2, 3 or 6, |p| = 1 or 2, Σ with eigenvalues 1 and 0, 1, 2 or 4 (the unit of time), δ from 3/4 to 1/1024.

    V = 0, or with `points` any V.
    """

    @recipe
    def residuals(draw: Drawer) -> Residual:
        d, L = draw(choice(dims)), draw(choice((2, 3, 6)))
        spectrum = np.array([1.0, *(draw(choice((1.0, 2.0, 4.0, 0.0))) for _ in range(d - 1))])
        X = np.sqrt(d * spectrum)[:, None] * draw(orthogonal(d)).T
        delta = draw(choice((1 / 2, 1 / 4, 3 / 4, 1 / 32, 1 / 1024)))
        p = (draw(choice((1, 2))), *(0,) * (d - 1))
        V = draw(array(L * d * d, -0.5, 0.5)) if points else np.zeros(L * d * d)
        return Residual(L, p, X, draw(array(d)), delta, V)

    return residuals


def least_curvature(r: Residual) -> np.ndarray:
    """λ, the least eigenvalue of Σ that is not 0."""
    values = np.linalg.eigvalsh(r.covariance)
    return np.min(np.where(values > 1e-9 * values[..., -1:], values, np.inf), axis=-1)


def largest_curvature(r: Residual) -> np.ndarray:
    """Λ."""
    top: np.ndarray = np.linalg.eigvalsh(r.covariance)[..., -1]
    return top


def kappa(r: Residual, sign: float = -1.0) -> np.ndarray:
    """κ = (1 - δ/L)^(2L-2), or κ' with the other sign."""
    factor: np.ndarray = (1 + sign * np.asarray(r.delta) / r.depth) ** (2 * r.depth - 2)
    return factor


def closeness(r: Residual) -> np.ndarray:
    """δ² e^(-2δ) κ² λ² |p|²/Λ: at most this Δ(0) keeps the layers within δ/L of the identity."""
    bound: np.ndarray = (r.delta * np.exp(-r.delta) * kappa(r) * least_curvature(r)) ** 2 * r.size / largest_curvature(r)
    return bound


def drawn_near(r: Residual, bound: Callable[[Residual], np.ndarray] = closeness) -> Residual | None:
    """The target moved towards p until Δ(0) is at most `bound`; None where Σ = 0."""
    if not np.any(r.X):
        return None
    return r if r.excess <= bound(r) else replace(r, offset=r.offset * np.sqrt(bound(r) / r.excess))
