"""Bowls and valleys: quadratic forms, and risks of two quadratic residuals in three dimensions whose minimisers are a curve through 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.dynamics.methods import NormalizedGradientDescent, SqrtLossDescent
from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
from theorycheck.dynamics.trajectories import Save, Stop, follow
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, orthogonal, reals, recipe


@dataclass(frozen=True, eq=False)
class Bowl:
    """R(x) = xᵀAx/2 with A = Q diag(top, top ratios) Qᵀ; a start Qz in units of what the claim says; stacks along leading axes.

    Parameters
    ----------
    top : float
        λ_1.
    ratios : ndarray, shape (..., d - 1)
        λ_i/λ_1.
    Q : ndarray, shape (..., d, d)
        Eigenvectors, as columns.
    z : ndarray, shape (..., d)
        The start in their frame.
    size : float
        A step size or a radius.

    """

    top: float
    ratios: np.ndarray
    Q: np.ndarray
    z: np.ndarray
    size: float

    @property
    def eigenvalues(self) -> np.ndarray:
        """λ_1, ..., λ_d, shape (..., d)."""
        top = np.asarray(self.top)[..., None]
        return np.concatenate([top, top * self.ratios], axis=-1)

    @property
    def objective(self) -> QuadraticResiduals:
        """R."""
        return QuadraticResiduals(np.sqrt(self.eigenvalues)[..., None] * np.swapaxes(self.Q, -1, -2))

    def components(self, x: np.ndarray) -> np.ndarray:
        """⟨v_i, x⟩ of states ``(..., T, d)``."""
        return x @ self.Q


def bowls(low: float = 0.125, high: float = 0.9375) -> Recipe:
    """Three dimensions, λ_1 in [1/2, 2], other eigenvalues between `low` and `high` of it or just as large, size in [1/16, 1]; often Q = I."""

    @recipe
    def of(draw: Drawer) -> Bowl:
        ratios = np.where(draw(array(2, 0, 1)) > 0.0625, draw(array(2, low, high)), 1.0)
        along_axes = draw(choice((True, False, False)))
        Q, alone = draw(orthogonal(3)), draw(choice((1.0, 1.0, 1.0, 1.0, 1.0, 0.0)))
        z = draw(array(3, -2, 2)) * np.array([1.0, alone, alone])
        return Bowl(draw(reals(0.5, 2)), ratios, np.eye(3) if along_axes else Q, z, draw(reals(0.0625, 1)))

    return of


@dataclass(frozen=True, eq=False)
class Valley:
    """f_j(θ) = b_j (q_jᵀθ) + θᵀC_jθ/2 for j = 1, 2 and orthonormal q_1, q_2, q_3: at 0 the eigenvalues are b_1² ≥ b_2² and 0, along the q_j.

    Parameters
    ----------
    top : float
        b_1.
    ratio : float
        b_2/b_1.
    Q : ndarray, shape (..., 3, 3)
        q_j as columns.
    C : ndarray, shape (..., 2, 3, 3)
        In the frame Q.
    z : ndarray, shape (..., 2)
        Where a run starts: z_1 q_1 + z_2 q_2, in units of what the claim says.

    """

    top: float
    ratio: float
    Q: np.ndarray
    C: np.ndarray
    z: np.ndarray

    @property
    def objective(self) -> QuadraticResiduals:
        """R = |f|²/2."""
        return QuadraticResiduals(*self._coefficients())

    @property
    def repeated(self) -> QuadraticResiduals:
        """R for runs of several step sizes along an axis in front."""
        B, C = self._coefficients()
        return QuadraticResiduals(B[None], C[None])

    @property
    def second(self) -> QuadraticResiduals:
        """f_2 alone."""
        B, C = self._coefficients()
        return QuadraticResiduals(B[..., 1:, :], C[..., 1:, :, :])

    @property
    def sharpness(self) -> np.ndarray:
        """λ_1 at 0."""
        return np.asarray(self.top) ** 2

    @property
    def origin(self) -> np.ndarray:
        """0, a minimiser."""
        return np.zeros((*np.shape(self.top), 3))

    @property
    def offset(self) -> np.ndarray:
        """z_1 q_1 + z_2 q_2."""
        return (self.Q[..., :2] @ self.z[..., None])[..., 0]

    @property
    def second_slope(self) -> np.ndarray:
        """The derivative of log λ_2 along q_3 at 0."""
        return 2 * self.C[..., 1, 1, 2] / (np.asarray(self.top) * np.asarray(self.ratio))

    @property
    def slope(self) -> np.ndarray:
        """The derivative of log λ_1 along q_3 at 0: 2 q_1ᵀC_1q_3/b_1."""
        return 2 * self.C[..., 0, 0, 2] / np.asarray(self.top)

    def straightened(self) -> Valley:
        """f_1 = x_1 (b_1 + c_1 x_3), f_2 = x_2 (b_2 + c_2 x_3) in the frame: the curve is a line, and x_1 = 0 stays so."""
        C = np.zeros_like(self.C)
        for j in range(2):
            C[..., j, j, 2] = C[..., j, 2, j] = self.C[..., j, j, 2]
        return replace(self, C=C)

    def _coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        top = np.asarray(self.top)
        rows = np.stack([top, top * np.asarray(self.ratio)], axis=-1)
        turned = np.swapaxes(self.Q, -1, -2)
        return rows[..., None] * turned[..., :2, :], self.Q[..., None, :, :] @ self.C @ turned[..., None, :, :]


def valleys(bend: float = 0.5) -> Recipe:
    """b_1 in [1, 3/2], b_2/b_1 in [1/4, 3/4] or 1, entries of C up to `bend`; every third valley is straight, in every fourth z_1 = 0."""

    @recipe
    def of(draw: Drawer) -> Valley:
        straight, alone, equal = draw(choice((True, False, False))), draw(choice((1.0, 1.0, 1.0, 0.0))), draw(choice((False, False, False, True)))
        forms = draw(array((2, 3, 3), -bend, bend))
        ratio, z = draw(reals(0.25, 0.75)), draw(array(2, -0.75, 0.75)) * np.array([alone, 0.25])
        valley = Valley(draw(reals(1, 1.5)), 1.0 if equal else ratio, draw(orthogonal(3)), (forms + np.swapaxes(forms, -1, -2)) / 2, z)
        return valley.straightened() if straight else valley

    return of


def edge_runs(
    v: Valley, method: type[NormalizedGradientDescent] | type[SqrtLossDescent], steps: np.ndarray, counts: np.ndarray, save: Save
) -> np.ndarray:
    """States of descent at the edge of stability, with several step sizes in front.

    A run starts at the offset times the length of a two-cycle across the valley: η for normalised descent, η√(λ_1/2) for descent on √R.

    Parameters
    ----------
    v : Valley
    method : NormalizedGradientDescent or SqrtLossDescent
        Which of the two.
    steps : ndarray, shape (k,)
        Step sizes η.
    counts : ndarray, shape (k,)
        How many steps with each.
    save : Save
        Which states are kept.

    Returns
    -------
    ndarray, shape (k, ..., T, 3)

    """
    sizes = steps[:, None] * np.ones_like(v.sharpness)
    unit = np.ones_like(v.sharpness) if method is NormalizedGradientDescent else np.sqrt(v.sharpness / 2)
    start = sizes[..., None] * unit[..., None] * v.offset
    return follow(v.repeated, method(step=sizes), start, Stop(steps=counts[:, None] * np.ones(sizes.shape, dtype=int)), save=save).states
