"""Quadratic residuals with a point of their manifold of minimisers, or next to it, and differences of the limit map of gradient flow there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.limit_map import Minimiser, limit_near
from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, array, choice, recipe
from theorycheck.measured import Measured, Precision

REACHES = 2.0 ** -np.arange(5, 8)  # of displacements, for differences
SCREEN = Precision(0)  # of the flows, whose bars from two grids count at every level
SHAPES = (1, 3), (2, 3), (2, 4)  # residuals, parameters


@dataclass(frozen=True)
class ResidualPoint:
    """F_j(θ) = b_jᵀθ + θᵀC_jθ/2, zero at 0; a point x given by its offset from there; a direction; stacks along leading axes.

    Φ(x) is where the gradient flow of |F|²/2 from x ends. Differences of Φ have one of `REACHES`, h, in front.

    Parameters
    ----------
    B : ndarray, shape (..., M, P)
        Rows b_j.
    C : ndarray, shape (..., M, P, P)
        C_j; only their symmetric parts count.
    offset : ndarray, shape (..., P)
        x.
    push : ndarray, shape (..., P)
        The direction, of any length.

    """

    B: np.ndarray
    C: np.ndarray
    offset: np.ndarray
    push: np.ndarray

    @property
    def objective(self) -> QuadraticResiduals:
        """|F|²/2."""
        return QuadraticResiduals(self.B, self.C)

    @property
    def base(self) -> np.ndarray:
        """0, a minimiser."""
        return np.zeros_like(self.offset)

    @property
    def jacobian(self) -> np.ndarray:
        """J = ∂F at x, shape (..., M, P); JᵀJ is the Hessian at 0."""
        return self.objective.jacobian(self.offset)

    @property
    def well_ranked(self) -> bool:
        """Whether every singular value of J, of one instance, lies between 1/4 and 4."""
        sizes = np.linalg.svd(self.jacobian)[1]
        return bool(sizes[-1] >= 0.25 and sizes[0] <= 4.0)

    @property
    def tangent(self) -> np.ndarray:
        """I - J⁺J, shape (..., P, P)."""
        J = self.jacobian
        return np.eye(J.shape[-1]) - np.linalg.pinv(J) @ J

    @property
    def direction(self) -> np.ndarray:
        """The push at length 1, shape (..., P)."""
        return unit(self.push)

    @property
    def ways(self) -> tuple[np.ndarray, np.ndarray]:
        """A tangent and a normal unit vector, shapes (..., P)."""
        J, M = self.jacobian, self.B.shape[-2]
        across = transposed(np.linalg.svd(J)[2][..., M:, :])
        return times(across, unit(self.push[..., M:])), unit(times(transposed(J), unit(self.push[..., :M])))

    @property
    def minimiser(self) -> Minimiser:
        """The splitting at 0."""
        return Minimiser.of(self.objective, self.base)

    @property
    def bend_scale(self) -> np.ndarray:
        """|∂³L|/μ at 0, or 1 where it is less, μ the least eigenvalue: no entry of ∂²Φ[vvᵀ] exceeds a few times this, |v| = 1; shape (...)."""
        g = self.minimiser
        least = np.min(np.where(g.normal, g.eigenvalues, np.inf), axis=-1)
        return np.maximum(1.0, np.sqrt(np.sum(g.third.value**2, axis=(-3, -2, -1))) / least)

    def slope(self, way: np.ndarray) -> Measured:
        """(Φ(x + h way) - Φ(x - h way))/(2h), shape (3, ..., P)."""
        found = self._displaced(np.stack([way, -way], axis=-2))
        return _reaches_first((found[..., 0, :] - found[..., 1, :]) / (2 * REACHES[:, None]), 2)

    def bends(self, ways: np.ndarray) -> Measured:
        """(Φ(x + h way) + Φ(x - h way) - 2x)/h² for each of the ways (..., k, P), a second difference where F(x) = 0; shape (3, ..., k, P)."""
        k, found = ways.shape[-2], self._displaced(np.concatenate([ways, -ways], axis=-2))
        sums = found[..., :k, :] + found[..., k:, :] - 2 * self.offset[..., None, None, :]
        return _reaches_first(sums / REACHES[:, None, None] ** 2, 3)

    def bend(self, way: np.ndarray) -> Measured:
        """The same for one way (..., P), shape (3, ..., P)."""
        return self.bends(way[..., None, :])[..., 0, :]

    def _displaced(self, ways: np.ndarray) -> Measured:
        """Φ(x + h way), (..., k, P) to (..., 3, k, P)."""
        moves = self.offset[..., None, None, :] + REACHES[:, None, None] * ways[..., None, :, :]
        flat = moves.reshape(*self.base.shape[:-1], -1, self.base.shape[-1])
        return limit_near(self.objective, self.base, flat, SCREEN).reshape(moves.shape)


def _reaches_first(differences: Measured, place: int) -> Measured:
    """The axis of the reaches, `place` from the end, in front."""
    return Measured(np.moveaxis(differences.value, -place, 0), np.moveaxis(differences.error, -place, 0))


@recipe
def residual_points(draw: Drawer) -> ResidualPoint:
    """One or two residuals of three or four parameters, at 0 or next to it."""
    M, P = draw(choice(SHAPES))
    B, C = draw(array((M, P), -1.5, 1.5)), draw(array((M, P, P), -1.0, 1.0))
    return ResidualPoint(B, C, draw(array(P, -0.125, 0.125)), draw(array(P, -1.0, 1.0)))


def unit(v: np.ndarray) -> np.ndarray:
    """v at length 1, or the first axis where v is 0, over leading axes."""
    size = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(size > 0, v / np.where(size > 0, size, 1.0), np.eye(v.shape[-1])[0])


def times(A: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A v, over leading axes."""
    product: np.ndarray = (A @ v[..., None])[..., 0]
    return product


def applied(A: np.ndarray, v: Measured) -> Measured:
    """A v with the bar of v, over leading axes."""
    return (v[..., None, :] * A).sum(axis=-1)


def symmetric_outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(abᵀ + baᵀ)/2, over leading axes."""
    return (a[..., :, None] * b[..., None, :] + b[..., :, None] * a[..., None, :]) / 2
