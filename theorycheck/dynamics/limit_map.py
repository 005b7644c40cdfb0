"""The limit map Φ of gradient flow next to a manifold of minimisers, and its derivatives there.

Setting      Γ is a manifold of minimisers of R, H = ∇²R has the tangent space of Γ as its kernel (maximal rank). Φ(x) is where the
             flow from x ends; Φ = id on Γ. P_T projects onto ker H, P_N = I - P_T, T[M]_l = Σ_jk ∂_l H_jk M_jk, 𝓛(M) = HM + MH.
Derivatives  at x ∈ Γ: ∂Φ = P_T; for symmetric S with blocks S_TT, S_NT = P_N S P_T, S_NN,
             ∂²Φ[S] = -H⁺T[S_TT] - P_T (2 T[sym(H⁺ S_NT)] + T[𝓛⁻¹(S_NN)]).
Method       derivatives of H by central differences of three steps, extrapolated; Φ next to Γ by exponential Runge-Kutta steps (Cox &
             Matthews 2002) in an eigenbasis of H, which keep minimisers at rest, on a grid of times that widens geometrically.
Source       Li, Wang & Arora 2021, arXiv:2110.06914.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np

from theorycheck.dynamics.limits import CUT
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
from theorycheck.measured import EPS, Measured, Precision, in_force

STEPS = 16  # of the coarser of two grids; the finer has twice as many
REACH = 40.0  # time over 1/μ after which what is left of the way to Γ is below rounding
DIFFERENCE = 2.0**-6  # the longest of the steps by which the Hessian is differenced, over max(1, |θ|)


@dataclass(frozen=True, eq=False)
class Minimiser:
    """A point of Γ with the splitting of the space there; leading axes throughout.

    Parameters
    ----------
    theta : ndarray, shape (..., P)
    eigenvalues : ndarray, shape (..., P)
        Of H, ascending.
    vectors : ndarray, shape (..., P, P)
        Eigenvectors, as columns.
    normal : ndarray of bool, shape (..., P)
        Which of them are normal to Γ: eigenvalues that are not zero up to 1e-5 of the largest.
    third : Measured, shape (..., P, P, P)
        ∂_l H_jk at [l, j, k].

    """

    theta: np.ndarray
    eigenvalues: np.ndarray
    vectors: np.ndarray
    normal: np.ndarray
    third: Measured

    @classmethod
    def of(cls, objective: SmoothRisk, theta: np.ndarray) -> Minimiser:
        """The splitting at θ, shape ``(..., P)``, which is taken to be a minimiser."""
        theta = np.asarray(theta, dtype=float)
        eigenvalues, vectors, normal = split(objective.hessian(theta))
        return cls(theta, eigenvalues, vectors, normal, third_derivative(objective, theta))

    @property
    def tangent_projection(self) -> np.ndarray:
        """P_T, shape ``(..., P, P)``."""
        return self._with_eigenvalues(np.where(self.normal, 0.0, 1.0))

    @property
    def normal_projection(self) -> np.ndarray:
        """P_N, shape ``(..., P, P)``."""
        return self._with_eigenvalues(np.where(self.normal, 1.0, 0.0))

    @property
    def hessian(self) -> np.ndarray:
        """H without what is flat, shape ``(..., P, P)``."""
        return self._with_eigenvalues(np.where(self.normal, self.eigenvalues, 0.0))

    @property
    def pseudo_inverse(self) -> np.ndarray:
        """H⁺, shape ``(..., P, P)``."""
        return self._with_eigenvalues(np.where(self.normal, 1 / np.where(self.normal, self.eigenvalues, 1.0), 0.0))

    def lyapunov_inverse(self, S: np.ndarray) -> np.ndarray:
        """The M with HM + MH = P_N S P_N on the normal space, S symmetric: S_ij/(λ_i + λ_j) in an eigenbasis."""
        pairs = self.normal[..., :, None] & self.normal[..., None, :]
        sums = np.where(pairs, self.eigenvalues[..., :, None] + self.eigenvalues[..., None, :], 1.0)
        V, W = self.vectors, np.swapaxes(self.vectors, -1, -2)
        return V @ np.where(pairs, W @ S @ V / sums, 0.0) @ W

    def contracted(self, M: np.ndarray) -> Measured:
        """T[M], shape ``(..., P)``, the gradient of tr(H M) for a fixed M."""
        T = self.third
        return Measured(np.einsum("...ljk,...jk->...l", T.value, M), np.einsum("...ljk,...jk->...l", T.error, np.abs(M)))

    def second(self, S: np.ndarray) -> Measured:
        """∂²Φ[S] for symmetric S ``(..., P, P)``, shape ``(..., P)``."""
        P, N = self.tangent_projection, self.normal_projection
        mixed = self.pseudo_inverse @ N @ S @ P
        along = self.contracted(mixed + np.swapaxes(mixed, -1, -2))
        return -applied(self.pseudo_inverse, self.contracted(P @ S @ P)) - applied(P, along + self.contracted(self.lyapunov_inverse(S)))

    def _with_eigenvalues(self, eigenvalues: np.ndarray) -> np.ndarray:
        return (self.vectors * eigenvalues[..., None, :]) @ np.swapaxes(self.vectors, -1, -2)


def split(H: np.ndarray, rank: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, eigenvectors and which of them are not flat, of Hessians ``(..., P, P)``.

    Next to Γ no eigenvalue is flat: there the `rank` largest are those that are not, shape ``(...)``.
    """
    eigenvalues, vectors = np.linalg.eigh(H)
    if rank is not None:
        return eigenvalues, vectors, np.arange(H.shape[-1]) >= H.shape[-1] - np.asarray(rank)[..., None]
    return eigenvalues, vectors, np.abs(eigenvalues) > CUT * np.max(np.abs(eigenvalues), axis=-1, keepdims=True)


def applied(A: np.ndarray, x: Measured) -> Measured:
    """A x for a matrix ``(..., P, P)`` that is exact up to rounding."""
    return Measured((A @ x.value[..., None])[..., 0], (np.abs(A) @ (x.error + EPS * np.abs(x.value))[..., None])[..., 0])


def third_derivative(objective: SmoothRisk, theta: np.ndarray) -> Measured:
    """∂_l H_jk at θ ``(..., P)``, shape ``(..., P, P, P)``, by central differences of the Hessian with steps h, h/2, h/4, extrapolated.

    Quadratic residuals know theirs.

    The bar is the last correction, which is larger than what is left for a smooth R, and the rounding of the differences.
    """
    if isinstance(objective, QuadraticResiduals):
        return objective.third_derivative(theta)
    theta = np.asarray(theta, dtype=float)
    P, along = theta.shape[-1], objective.along_times
    longest = DIFFERENCE * np.maximum(1.0, np.linalg.norm(theta, axis=-1))
    sizes = np.exp2(np.floor(np.log2(longest)))[..., None] * np.array([1.0, 0.5, 0.25])
    moves = sizes[..., None, None] * np.eye(P)
    states = theta[..., None, None, None, :] + np.stack([moves, -moves], axis=-4)
    H = along.hessian(states.reshape(*theta.shape[:-1], -1, P)).reshape(*states.shape, P)
    first, second, third = np.moveaxis((H[..., 0, :, :, :, :] - H[..., 1, :, :, :, :]) / (2 * sizes[..., None, None, None]), -4, 0)
    once, twice = (4 * second - first) / 3, (4 * third - second) / 3
    value = (16 * twice - once) / 15
    rounding = 8 * EPS * np.max(np.abs(H), axis=(-5, -4, -3, -2, -1))[..., None, None, None] / sizes[..., -1, None, None, None]
    return Measured(value, np.abs(value - twice) + rounding)


def limit_near(objective: SmoothRisk, theta: np.ndarray, displacement: np.ndarray, precision: Precision | None = None) -> Measured:
    """Φ(θ + z) for a minimiser θ and small z.

    Parameters
    ----------
    objective : SmoothRisk
    theta : array_like, shape (..., P)
        A minimiser of maximal rank.
    displacement : array_like, shape (..., T, P)
        z, several a minimiser.
    precision : Precision, optional
        Each level takes half as many steps again.

    Returns
    -------
    Measured, shape (..., T, P)
        The bar is the difference between two grids and the rounding of the gradient; it says where z is not small, and is infinite
        (the value is then θ) where nothing can be said.

    Examples
    --------
    >>> import sympy as sp
    >>> from theorycheck.dynamics.landscapes import Landscape
    >>> x, y = sp.symbols("x y", real=True)
    >>> circle = Landscape((x, y), (x**2 + y**2 - 1) ** 2 / 8)
    >>> limit_near(circle, [1.0, 0.0], [[0.05, 0.0], [0.05, 0.1]]).value.round(4)
    array([[1.    , 0.    ],
           [0.9955, 0.0948]])

    """
    theta, z = np.asarray(theta, dtype=float), np.asarray(displacement, dtype=float)
    eigenvalues, vectors, normal = split(objective.hessian(theta))
    rates = np.where(normal, eigenvalues, 0.0)[..., None, :]
    least = np.min(np.where(normal, np.abs(eigenvalues), np.inf), axis=-1)[..., None, None]
    turned = np.swapaxes(vectors, -1, -2)
    along = objective.along_times

    def left(z: np.ndarray) -> np.ndarray:
        """-∇R(θ + Vz) + λz in the eigenbasis, without what is linear."""
        return rates * z - along.gradient(theta[..., None, :] + z @ turned) @ vectors

    steps = round(STEPS * 1.5 ** in_force(precision).level)
    with np.errstate(all="ignore"):
        first = 1 / np.max(rates, axis=-1, keepdims=True)
        growth = np.log1p(REACH / least / first)
        coarse, fine = (_exponential_steps(left, z @ vectors, rates, first, growth, count) for count in (steps, 2 * steps))
        value = theta[..., None, :] + fine @ turned
        error = (
            np.linalg.norm(fine - coarse, axis=-1)
            + 4 * np.max(objective.gradient_error(theta)) / least[..., 0]
            + 4 * EPS * np.linalg.norm(value, axis=-1)
        )
    lost = ~np.isfinite(error)[..., None]  # z was so far from small that the steps blew up
    return Measured(np.where(lost, theta[..., None, :], value), np.broadcast_to(np.where(lost, np.inf, error[..., None]), value.shape))


def _exponential_steps(
    left: Callable[[np.ndarray], np.ndarray], z: np.ndarray, rates: np.ndarray, first: np.ndarray, growth: np.ndarray, count: int
) -> np.ndarray:
    """z at the end of the times first (e^(k growth/count) - 1), k up to `count`, of ż = -rates z + left(z)."""
    k = np.arange(count).reshape(-1, *(1,) * rates.ndim)
    h = first * np.exp(k * growth / count) * np.expm1(growth / count)
    halves, wholes, inners = np.exp(-rates * h / 2), np.exp(-rates * h), h / 2 * _phi(-rates * h / 2)[0]
    one, two, three = _phi(-rates * h)
    begins, middles, ends = h * (one - 3 * two + 4 * three), h * (2 * two - 4 * three), h * (4 * three - two)
    for half, whole, inner, begin, middle, end in zip(halves, wholes, inners, begins, middles, ends, strict=True):
        n0 = left(z)
        a = half * z + inner * n0
        na = left(a)
        nb = left(half * z + inner * na)
        nc = left(half * a + inner * (2 * nb - n0))
        z = whole * z + begin * n0 + middle * (na + nb) + end * nc
    return z


def _phi(c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """φ_1, φ_2, φ_3 of the exponential integrators, φ_k(c) = Σ_j c^j/(j+k)!, for c ≤ 0."""
    small = np.abs(c) < 1
    inside, outside = np.where(small, c, 0.0), np.where(small, -1.0, c)
    one = np.expm1(outside) / outside
    two = (one - 1) / outside
    far = one, two, (two - 0.5) / outside
    series = [np.polynomial.polynomial.polyval(inside, [1 / factorial(j + k) for j in range(20)]) for k in (1, 2, 3)]
    one, two, three = (np.where(small, s, f) for s, f in zip(series, far, strict=True))
    return one, two, three
