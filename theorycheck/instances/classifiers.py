"""Diagonal linear networks u_+^D - u_-^D on two separable samples, and the link between their duals and their weights.

Notation     h_2(z) = 2 sinh z, h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)); u_+(0) = α1; Σλ the sum of the duals of the samples.
Convention   z = 4s for D = 2, z = D(D-2)α^(D-2)s for D > 2.
Source       Moroshko et al. (2020, arXiv:2007.06738).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, reals, recipe
from theorycheck.symbolic.parametrizations import Diagonal


def link(z: np.ndarray, D: int) -> np.ndarray:
    """h_D; for D > 2 defined for |z| < 1."""
    values: np.ndarray = 2 * np.sinh(z) if D == 2 else (1 - z) ** (-D / (D - 2)) - (1 + z) ** (-D / (D - 2))
    return values


@dataclass(frozen=True)
class Classifier:
    """A diagonal network, a start, and two samples; arrays may carry leading axes.

    Parameters
    ----------
    depth : int
        D.
    alpha, ratio : float
        u_+(0) = α1 and u_-(0) = ratio α1.
    X : array, shape (..., 2, d)
        The samples times their labels.
    z : array, shape (..., d)
        A point of the domain of h_D.
    share : float
        A part of the largest Σλ that is allowed.

    """

    depth: int
    alpha: float
    ratio: float
    X: np.ndarray
    z: np.ndarray
    share: float

    @property
    def model(self) -> Diagonal:
        """u_+^D - u_-^D."""
        return Diagonal(self.X.shape[-1], self.depth)

    @property
    def start(self) -> np.ndarray:
        """θ_0, shape (..., 2d)."""
        one = np.asarray(self.alpha)[..., None] * np.ones(self.X.shape[-1])
        return np.concatenate([one, np.asarray(self.ratio)[..., None] * one], axis=-1)

    @property
    def dual(self) -> np.ndarray:
        """The s at which the argument of h_D is z."""
        D, a = self.depth, np.asarray(self.alpha)[..., None]
        return self.z / 4 if D == 2 else self.z / (D * (D - 2) * a ** (D - 2))

    @property
    def tau(self) -> np.ndarray:
        """Σλ: its share of 3, or of 1, over the largest entry of X, so that Xᵀλ stays in the domain of h_D."""
        tau: np.ndarray = (3.0 if self.depth == 2 else 1.0) * self.share / np.maximum(np.abs(self.X).max(axis=(-2, -1)), 0.125)
        return tau

    def link(self, z: np.ndarray) -> np.ndarray:
        """h_D."""
        return link(z, self.depth)


def classifiers(depths: tuple[int, ...] = (2, 3, 4, 5)) -> Recipe:
    """Recipe of `Classifier`: two samples of two or three inputs in [-2, 2], α from 1/4 to 3/2, starts equal or not, |z| ≤ 3/4."""

    @recipe
    def problems(draw: Drawer) -> Classifier:
        D, d = draw(choice(depths)), draw(integers(2, 3))
        scales = draw(reals(0.25, 1.5)), draw(choice((1.0, 0.5, 0.75)))
        return Classifier(D, *scales, draw(array((2, d))), draw(array(d, -0.75, 0.75)), draw(reals(0.0625, 0.875)))

    return problems
