"""Deep linear networks seen through linear measurements of their product, the measurements given by their second moments."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from theorycheck.dynamics.data import MatrixSensing
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import hessian_trace
from theorycheck.instances.products import below, transposed, unflattened
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, orthogonal, recipe
from theorycheck.measured import Measured
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True, eq=False)
class SensedNetwork:
    """A network and n = d_0 d_L measurements A_i; all arrays may carry leading axes.

    (1/n) Σ vec A_i vec A_iᵀ has the given eigenvalues and eigenvectors, and may be any positive semi-definite matrix.

    Parameters
    ----------
    widths : tuple of int
        (d_0, ..., d_L).
    theta : array, shape (..., P)
    spectrum : array, shape (..., n)
        Non-negative; zeros are what is not observed.
    turn : array, shape (..., n, n)
        Orthogonal, eigenvectors in columns.
    delta : float
        The constant of isometry, for statements that have one.
    misses : array, shape (..., n)
        Residuals of the fit at θ.
    tiny : float
        A positive number, for statements that regularise.

    """

    widths: tuple[int, ...]
    theta: np.ndarray
    spectrum: np.ndarray
    turn: np.ndarray
    delta: float
    misses: np.ndarray
    tiny: float

    @property
    def depth(self) -> int:
        """L."""
        return len(self.widths) - 1

    @property
    def layers(self) -> tuple[np.ndarray, ...]:
        """W_1, ..., W_L."""
        return unflattened(self.widths, self.theta)

    @property
    def M(self) -> np.ndarray:
        """The product, shape (..., d_L, d_0)."""
        product: np.ndarray = self.layers[-1] @ below(self.layers)[-1]
        return product

    @property
    def A(self) -> np.ndarray:
        """The measurements, shape (..., n, d_L, d_0)."""
        n = self.spectrum.shape[-1]
        rows = np.sqrt(n * self.spectrum)[..., None] * transposed(self.turn)
        return rows.reshape(*rows.shape[:-1], self.widths[-1], self.widths[0])

    @property
    def objective(self) -> Objective:
        """(1/n) Σ (<A_i, M> - b_i)² with the residuals `misses` at θ."""
        seen = np.einsum("...nij,...ij->...n", self.A, self.M)
        return Objective(DeepLinear(self.widths), SquaredLoss(1.0), MatrixSensing(self.A, seen + self.misses))

    @property
    def trace(self) -> Measured:
        """The trace of the Hessian at θ, shape (...)."""
        return hessian_trace(self.objective, self.theta)

    @property
    def left_gram(self) -> np.ndarray:
        """(1/n) Σ A_i A_iᵀ, shape (..., d_L, d_L)."""
        return np.einsum("...nik,...njk->...ij", self.A, self.A) / self.spectrum.shape[-1]

    @property
    def right_gram(self) -> np.ndarray:
        """(1/n) Σ A_iᵀ A_i, shape (..., d_0, d_0)."""
        return np.einsum("...nki,...nkj->...ij", self.A, self.A) / self.spectrum.shape[-1]


def sensed_networks(
    depth: tuple[int, int], width: tuple[int, int] = (1, 3), inputs: tuple[int, int] = (1, 3), outputs: tuple[int, int] = (1, 2)
) -> Recipe:
    """Recipe of `SensedNetwork`: eigenvalues in [0, 2], so that measurements may be singular; weights in [-2, 2]. Ranges are inclusive."""

    @recipe
    def networks(draw: Drawer) -> SensedNetwork:
        hidden = [draw(integers(*width)) for _ in range(draw(integers(*depth)) - 1)]
        widths = (draw(integers(*inputs)), *hidden, draw(integers(*outputs)))
        n, size = widths[0] * widths[-1], sum(a * b for a, b in pairwise(widths))
        theta, spectrum, turn = draw(array(size)), draw(array(n, 0, 2)), draw(orthogonal(n))
        delta, misses = draw(choice((0.5, 0.25, 0.875))), draw(array(n)) * draw(choice((0.0, 1.0)))
        return SensedNetwork(widths, theta, spectrum, turn, delta, misses, draw(choice((2.0**-30, 2.0**-10, 1.0))))

    return networks
