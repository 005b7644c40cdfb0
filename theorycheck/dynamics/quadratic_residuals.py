"""Risks with quadratic residuals: the simplest family whose minimisers form curved manifolds, every lane with coefficients of its own.

    f_j(θ) = b_jᵀθ + θᵀC_jθ/2,   R(θ) = |f(θ)|²/2,   J = B + (C_jθ)_j,   ∇R = Jᵀf,   ∇²R = JᵀJ + Σ_j f_j C_j.

Γ = {f = 0} contains 0. With C = 0 it is a quadratic form, R = |Bθ|²/2; with f_1 = y(a + bx) it is a valley along the x axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.errors import ShapeMismatch, require_finite
from theorycheck.measured import EPS, Measured


@dataclass(frozen=True, eq=False)
class QuadraticResiduals:
    """|f(θ)|²/2 with f_j(θ) = b_jᵀθ + θᵀC_jθ/2, an objective by itself.

    Parameters
    ----------
    B : array_like, shape (..., M, P)
        Rows b_j.
    C : array_like, shape (..., M, P, P), optional
        C_j, made symmetric; none by default.

    Raises
    ------
    NotFinite, ShapeMismatch
        For numbers that are not finite, or a C that does not fit B.

    Examples
    --------
    >>> valley = QuadraticResiduals([[0.0, 2.0]], [[[0.0, 1.0], [1.0, 0.0]]])  # f = y (2 + x)
    >>> valley.risk([1.0, 0.5]), valley.gradient([1.0, 0.5])
    (np.float64(1.125), array([0.75, 4.5 ]))

    """

    B: np.ndarray
    C: np.ndarray

    def __init__(self, B: ArrayLike, C: ArrayLike | None = None) -> None:
        rows = np.array(require_finite("B", B), dtype=float)
        forms = np.zeros((*rows.shape, rows.shape[-1])) if C is None else np.array(require_finite("C", C), dtype=float)
        if rows.ndim < 2 or forms.shape[-3:] != (*rows.shape[-2:], rows.shape[-1]):
            raise ShapeMismatch("B.shape, C.shape", (rows.shape, forms.shape), "must be (..., M, P) and (..., M, P, P)", "pass one form a residual")
        object.__setattr__(self, "B", rows)
        object.__setattr__(self, "C", (forms + np.swapaxes(forms, -1, -2)) / 2)

    @property
    def parameters(self) -> int:
        """P."""
        return self.B.shape[-1]

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading axes of the coefficients."""
        return np.broadcast_shapes(self.B.shape[:-2], self.C.shape[:-3])

    @property
    def along_times(self) -> QuadraticResiduals:
        """The same, for states with one more axis before their entries."""
        return QuadraticResiduals(self.B[..., None, :, :], self.C[..., None, :, :, :])

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> QuadraticResiduals:
        """Restriction to the lanes where `mask` is true."""
        B, C = np.broadcast_to(self.B, (*lanes, *self.B.shape[-2:])), np.broadcast_to(self.C, (*lanes, *self.C.shape[-3:]))
        return QuadraticResiduals(B[mask], C[mask])

    def residuals(self, theta: ArrayLike) -> np.ndarray:
        """f(θ), shape ``(..., M)``."""
        theta = np.asarray(theta, dtype=float)
        return ((self.B + self._turned(theta) / 2) @ theta[..., None])[..., 0]

    def jacobian(self, theta: ArrayLike) -> np.ndarray:
        """J, shape ``(..., M, P)``."""
        return self.B + self._turned(np.asarray(theta, dtype=float))

    def risk(self, theta: ArrayLike) -> np.ndarray:
        """R(θ), shape ``(...)``."""
        return np.square(self.residuals(theta)).sum(axis=-1) / 2

    def gradient(self, theta: ArrayLike) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""
        theta = np.asarray(theta, dtype=float)
        turned = self._turned(theta)
        f = (self.B + turned / 2) @ theta[..., None]
        return (np.swapaxes(self.B + turned, -1, -2) @ f)[..., 0]

    def hessian(self, theta: ArrayLike) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""
        J = self.jacobian(theta)
        return np.swapaxes(J, -1, -2) @ J + np.einsum("...j,...jkl->...kl", self.residuals(theta), self.C)

    def third_derivative(self, theta: ArrayLike) -> Measured:
        """∂_l H_jk = Σ_m (C_m)_lj J_mk + (C_m)_lk J_mj + (C_m)_jk J_ml, shape ``(..., P, P, P)``."""
        theta = np.asarray(theta, dtype=float)
        J = self.jacobian(theta)
        one = np.einsum("...mlj,...mk->...ljk", self.C, J)  # the index of J is the last
        value = one + np.swapaxes(one, -1, -2) + np.moveaxis(one, -1, -3)
        _, _, steep = self._moved(theta)
        return Measured(value, np.broadcast_to(((self.parameters + 16) * EPS * self._bend * steep)[..., None, None, None], value.shape))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> np.ndarray:
        """∇²R(θ) v, shape ``(..., P)``."""
        return (self.hessian(theta) @ np.asarray(v, dtype=float)[..., None])[..., 0]

    def onto_minimisers(self, theta: ArrayLike, times: int = 4) -> np.ndarray:
        """θ ``(..., P)`` after Gauss-Newton steps θ - J⁺f: from next to Γ onto it, at a distance of second order from where gradient flow ends."""
        point = np.asarray(theta, dtype=float)
        for _ in range(times):
            point = point - (np.linalg.pinv(self.jacobian(point)) @ self.residuals(point)[..., None])[..., 0]
        return point

    def risk_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        f, moved, _ = self._moved(theta)
        return f * moved + moved**2 + 8 * EPS * f**2

    def gradient_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        f, moved, steep = self._moved(theta)
        return steep * (moved + (self.parameters + 8) * EPS * f)

    def hessian_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        f, moved, steep = self._moved(theta)
        bend = self._bend
        return bend * moved + (self.parameters + 8) * EPS * (2 * steep**2 + bend * f)

    @cached_property
    def _bend(self) -> np.ndarray:
        """The Frobenius norm of C, shape ``(...)``."""
        return np.sqrt(np.square(self.C).sum(axis=(-3, -2, -1)))

    def _turned(self, theta: np.ndarray) -> np.ndarray:
        """The rows C_jθ, shape ``(..., M, P)``."""
        return (self.C @ theta[..., None, :, None])[..., 0]

    def _moved(self, theta: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """|f|, a bound on its rounding error, and one on the norm of J."""
        theta = np.asarray(theta, dtype=float)
        size, bend = np.linalg.norm(theta, axis=-1), self._bend
        steep = np.linalg.norm(self.B, axis=(-2, -1)) + bend * size
        return np.linalg.norm(self.residuals(theta), axis=-1), (2 * self.parameters + 8) * EPS * steep * size, steep
