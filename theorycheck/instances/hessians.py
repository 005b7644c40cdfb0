"""Hessians at a minimiser, by eigenvalues and basis, with what label noise SGD near it is made of: a step, a momentum, noise and a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, orthogonal, reals, recipe


@dataclass(frozen=True)
class Curved:
    """H = Q diag(λ) Qᵀ at a minimiser, and a step as a share of the largest stable one; stacks along leading axes.

    Parameters
    ----------
    eigenvalues : ndarray, shape (..., d)
        λ, in any order, none of them negative.
    basis : ndarray, shape (..., d, d)
        Q, eigenvectors as columns.
    share : float
        The step over 2(1+β)/λ_1, where heavy ball of momentum β stops being stable.
    beta : float
        β, 0 without momentum.
    sigma : float
        The deviation of the label noise.
    batch : float
        The number B of samples in a batch.

    """

    eigenvalues: np.ndarray
    basis: np.ndarray
    share: float
    beta: float
    sigma: float
    batch: float

    @property
    def hessian(self) -> np.ndarray:
        """H."""
        return self.of(self.eigenvalues)

    @property
    def step(self) -> np.ndarray:
        """η = 2(1+β) share/λ_1."""
        return np.asarray(2 * (1 + self.beta) * self.share / np.max(self.eigenvalues, axis=-1))

    def of(self, eigenvalues: np.ndarray) -> np.ndarray:
        """The matrix with these eigenvalues in the same basis."""
        return (self.basis * eigenvalues[..., None, :]) @ transposed(self.basis)


def curved(momentum: bool) -> Recipe:
    """Three directions, of which one may be flat, and two may be alike; the share in [3/32, 3/2], β in [1/4, 7/8] with `momentum`."""

    @recipe
    def hessians(draw: Drawer) -> Curved:
        first, second, third = draw(array(3, 0.5, 2.0))
        eigenvalues = np.array([first, draw(choice((first, second))), draw(choice((0.0, third)))])
        share = draw(reals(0.09375, 1.5))
        beta = draw(reals(0.25, 0.875)) if momentum else 0.0
        return Curved(eigenvalues, draw(orthogonal(3)), share, beta, draw(reals(0.25, 1.0)), float(draw(integers(1, 4))))

    return hessians
