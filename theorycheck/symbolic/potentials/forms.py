"""The joint row of commuting quadratic forms: w_i = θᵀ A_i θ/2 with A_i A_j = A_j A_i.

Setting      in a common eigenbasis, A_i = O diag(a_i) Oᵀ and z = Oᵀθ, so w_i = Σ_k a_ik z_k²/2.
Results      ψ(θ_0; μ) = exp(Σ μ_i A_i) θ_0, that is z_k = z_0k e^(λ_k) with λ_k = Σ_i μ_i a_ik,
             Q = |ψ|²/4,  ∂G∂Gᵀ = Σ_k a_k a_kᵀ z_k²,  R = Q* = ⟨μ, w⟩ - Q with μ = ∇R(w) from Newton's method on the convex dual,
             D_R(x, y) = Σ_k z_k(x)² φ(2λ_k)/4 with λ the exponents of ∇R(y) - ∇R(x), φ(t) = e^t - 1 - t.
Domain       the open cone spanned by the a_k = (a_ik)_i with z_0k ≠ 0.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.potentials.modes import ModeSystem
from theorycheck.symbolic.potentials.newton import DualSolution, Problem, solve_dual
from theorycheck.symbolic.potentials.rows import FADED, Ends, everywhere, exp_remainder, furthest

_REACH = 50.0  # largest change of ln |z| in one Newton step; the line search does the rest
_STEPS = 500
_SWEEPS = 12


@dataclass(frozen=True, eq=False)
class CommutingFormsRow:
    """m quadratic forms in a common eigenbasis; w is ``(..., m)``, modes are ``(..., P)``.

    Parameters
    ----------
    basis : ndarray, shape (P, P)
        O, with eigenvectors as columns.
    eigenvalues : ndarray, shape (m, P)
        a_ik.
    start : ndarray, shape (..., P)
        z_0 = Oᵀ θ_0.

    """

    joint: ClassVar[bool] = True

    basis: np.ndarray
    eigenvalues: np.ndarray
    start: np.ndarray

    @cached_property
    def domain(self) -> Ends:
        moving = (self.start != 0)[..., None, :]
        low, high = np.any(moving & (self.eigenvalues < 0), axis=-1), np.any(moving & (self.eigenvalues > 0), axis=-1)
        return np.where(low, -np.inf, 0.0), np.where(high, np.inf, 0.0)

    @cached_property
    def dual_domain(self) -> Ends:
        return everywhere((*self.start.shape[:-1], len(self.eigenvalues)))

    @property
    def generators(self) -> np.ndarray:
        moving = np.broadcast_to((self.start != 0)[..., None], (*self.start.shape, len(self.eigenvalues)))
        return np.where(moving, self.eigenvalues.T, 0.0)

    def contains(self, w: np.ndarray) -> np.ndarray:
        solution = self._solution(w)
        return solution.settled.reshape(np.broadcast_shapes(w.shape[:-1], self.start.shape[:-1]))

    def value(self, w: np.ndarray) -> np.ndarray:
        mu = self.mirror(w)
        return np.sum(mu * w, axis=-1) - self.conjugate(mu)

    def mirror(self, w: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(w.shape[:-1], self.start.shape[:-1])
        return self._solution(w).dual.reshape(*shape, w.shape[-1])

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        return self.output(self.advance(self.start, self.along(mu)))

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        return np.sum(self.advance(self.start, self.along(mu)) ** 2, axis=-1) / 4

    def metric(self, w: np.ndarray) -> np.ndarray:
        return self.hessian(self.mirror(w))

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        root = self.root(self.advance(self.start, self.along(mu)))
        return root @ np.swapaxes(root, -1, -2)

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        mu = self.mirror(a)
        modes, step = self.advance(self.start, self.along(mu)), self.along(self.mirror(b) - mu)
        return np.sum(modes**2 * exp_remainder(2 * step), axis=-1) / 4

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        return modes @ self.basis.T

    def output(self, modes: np.ndarray) -> np.ndarray:
        """w of modes."""
        return modes**2 @ self.eigenvalues.T / 2

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.output(modes), modes**2 @ np.abs(self.eigenvalues).T / 2

    def root(self, modes: np.ndarray) -> np.ndarray:
        return self.eigenvalues * modes[..., None, :]

    def along(self, mu: np.ndarray) -> np.ndarray:
        return mu @ self.eigenvalues

    def from_root(self, modes: np.ndarray, change: np.ndarray, step: np.ndarray) -> np.ndarray:
        strong = np.abs(modes) > FADED
        return np.where(strong, change / np.where(strong, modes, 1.0), step)

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.where(modes != 0, modes * np.exp(np.where(modes != 0, step, 0.0)), 0.0)

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return furthest(np.where(np.abs(modes) > FADED, np.abs(step), 0.0)[..., None], _REACH)

    def shaken(self, modes: np.ndarray, change: np.ndarray) -> np.ndarray:
        return modes

    def _solution(self, w: np.ndarray) -> DualSolution:
        """∇Q(μ) = w for the entries of a batch laid out along one axis."""
        shape, m = np.broadcast_shapes(w.shape[:-1], self.start.shape[:-1]), w.shape[-1]
        w = np.broadcast_to(w, (*shape, m)).reshape(int(np.prod(shape)), m)
        system = ModeSystem(((np.arange(m), self),))
        problem = Problem(system, np.broadcast_to(np.eye(m), (len(w), m, m)), w)
        return solve_dual(problem, system.start(shape), _STEPS)


def common_eigenbasis(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Orthogonal O and eigenvalues a_ik of symmetric matrices that commute up to rounding, or None.

    Eigenvectors of one combination, then Jacobi rotations chosen for all matrices together (Cardoso & Souloumiac 1996, "Jacobi angles
    for simultaneous diagonalization"), which also settle the eigenvalues the combination does not tell apart.

    Parameters
    ----------
    matrices : ndarray, shape (m, P, P)
        The A_i.

    """
    norms = np.linalg.norm(matrices, axis=(-1, -2))
    scaled = matrices / np.where(norms > 0, norms, 1.0)[:, None, None]
    basis = np.linalg.eigh(np.tensordot(np.cos(1.0 + np.arange(len(scaled))), scaled, axes=1))[1]
    turned, size = basis.T @ scaled @ basis, matrices.shape[-1]
    for _ in range(_SWEEPS):
        if np.max(np.abs(_off_diagonal(turned)), initial=0.0) <= EPS:
            break
        for p in range(size):
            for q in range(p + 1, size):
                rotation = _joint_rotation(turned, p, q)
                basis[:, [p, q]] = basis[:, [p, q]] @ rotation
                turned[:, :, [p, q]] = turned[:, :, [p, q]] @ rotation
                turned[:, [p, q], :] = rotation.T @ turned[:, [p, q], :]
    turned = basis.T @ scaled @ basis
    if np.max(np.abs(_off_diagonal(turned)), initial=0.0) > 16 * size * EPS:
        return None
    return basis, np.diagonal(turned, axis1=-2, axis2=-1) * norms[:, None]


def _off_diagonal(matrices: np.ndarray) -> np.ndarray:
    return matrices * (1 - np.eye(matrices.shape[-1]))


def _joint_rotation(matrices: np.ndarray, p: int, q: int) -> np.ndarray:
    """Rotation in the plane (p, q) that leaves the least sum of squares off the diagonal."""
    difference, off = matrices[:, p, p] - matrices[:, q, q], 2 * matrices[:, p, q]
    toward, across = np.sum(difference**2 - off**2), 2 * np.sum(difference * off)
    angle = np.arctan2(across, toward + np.hypot(toward, across)) / 2
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
