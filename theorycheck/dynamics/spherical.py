"""Scale-invariant risks: a risk of the direction of θ alone, as normalisation layers make it, with weight decay if asked for.

With r = |θ|, n = θ/r, P = I - nnᵀ and g, H the derivatives of the given risk at n:

    R(θ) = L(n) + λ r²/2,   ∇R = P g/r + λθ,   ∇²R = (P H P - ⟨n, g⟩ P - P g nᵀ - n gᵀP)/r² + λI.

Source: Lyu, Li & Arora 2022, arXiv:2206.07085.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.risks import SmoothRisk
from theorycheck.measured import EPS


@dataclass(frozen=True, eq=False)
class ScaleInvariant:
    """L(θ/|θ|) + λ|θ|²/2 for a risk L, an objective by itself; not defined at 0.

    Parameters
    ----------
    inner : SmoothRisk
        L; only its values on the unit sphere count.
    decay : float
        λ ≥ 0, none by default.

    Examples
    --------
    >>> from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
    >>> risk = ScaleInvariant(QuadraticResiduals([[0.0, 1.0]]))  # y²/(2(x² + y²))
    >>> bool(abs(risk.gradient([3.0, 4.0]) @ [3.0, 4.0]) < 1e-15)
    True

    """

    inner: SmoothRisk
    decay: float = 0.0

    @property
    def parameters(self) -> int:
        """P."""
        return self.inner.parameters

    @property
    def lanes(self) -> tuple[int, ...]:
        """Those of L."""
        return self.inner.lanes

    @property
    def along_times(self) -> ScaleInvariant:
        """The same, for states of shape ``(..., T, P)``."""
        return replace(self, inner=self.inner.along_times)

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> ScaleInvariant:
        """Restriction to the lanes where `mask` is true."""
        return replace(self, inner=self.inner.chosen(lanes, mask))

    def risk(self, theta: ArrayLike) -> np.ndarray:
        """R(θ), shape ``(...)``."""
        r, n = _polar(theta)
        return self.inner.risk(n) + self.decay * r[..., 0] ** 2 / 2

    def gradient(self, theta: ArrayLike) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""
        r, n = _polar(theta)
        return _tangent(self.inner.gradient(n), n) / r + self.decay * np.asarray(theta, dtype=float)

    def hessian(self, theta: ArrayLike) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""
        r, n = _polar(theta)
        eye = np.eye(self.parameters)
        P, slope = eye - n[..., :, None] * n[..., None, :], self.inner.gradient(n)
        mixed = _tangent(slope, n)[..., :, None] * n[..., None, :]
        curved = P @ self.inner.hessian(n) @ P - np.sum(n * slope, axis=-1)[..., None, None] * P
        return (curved - mixed - np.swapaxes(mixed, -1, -2)) / r[..., None] ** 2 + self.decay * eye

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> np.ndarray:
        """∇²R(θ) v, shape ``(..., P)``."""
        return (self.hessian(theta) @ np.asarray(v, dtype=float)[..., None])[..., 0]

    def risk_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        r, n = _polar(theta)
        turned = 4 * EPS * np.linalg.norm(self.inner.gradient(n), axis=-1)
        return self.inner.risk_error(n) + turned + 8 * EPS * self.decay * r[..., 0] ** 2

    def gradient_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        r, n = _polar(theta)
        size, bend = np.linalg.norm(self.inner.gradient(n), axis=-1), np.linalg.norm(self.inner.hessian(n), axis=(-2, -1))
        return (self.inner.gradient_error(n) + (self.parameters + 8) * EPS * (size + bend)) / r[..., 0] + 8 * EPS * self.decay * r[..., 0]

    def hessian_error(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(...)``."""
        r, n = _polar(theta)
        size, bend = np.linalg.norm(self.inner.gradient(n), axis=-1), np.linalg.norm(self.inner.hessian(n), axis=(-2, -1))
        moved = self.inner.hessian_error(n) + 3 * self.inner.gradient_error(n) + (4 * self.parameters + 16) * EPS * (3 * size + 2 * bend)
        return moved / r[..., 0] ** 2 + 8 * EPS * self.decay


def _polar(theta: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """|θ|, shape ``(..., 1)``, and θ/|θ|."""
    theta = np.asarray(theta, dtype=float)
    r = np.linalg.norm(theta, axis=-1, keepdims=True)
    return r, theta / r


def _tangent(v: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The part of v that is orthogonal to n."""
    return v - np.sum(n * v, axis=-1, keepdims=True) * n
