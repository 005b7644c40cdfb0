"""Deep linear networks whose layers are diagonal in common orthogonal frames: every mode has a gain of its own in every layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, orthogonal, recipe
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear


def white_inputs(dim: int, stretch: np.ndarray | float = 1.0) -> np.ndarray:
    """Inputs of covariance I but for the first, whose variance is stretch²; shape (..., d, d)."""
    scales = np.where(np.arange(dim) == 0, np.asarray(stretch)[..., None], 1.0)
    return np.sqrt(dim) * np.eye(dim) * scales[..., None, :]


@dataclass(frozen=True, eq=False)
class ModalNetwork:
    """W_k = Q_k diag(g_k) Q_{k-1}ᵀ: mode r has the gain g_{k,r} in layer k, and the product of its gains in W = W_L ... W_1.

    All arrays may carry leading axes.

    Parameters
    ----------
    widths : tuple of int
        (d_0, ..., d_L).
    rotations : tuple of arrays, shapes (..., d_k, d_k)
        Q_0, ..., Q_L, orthogonal.
    gains : array, shape (..., L, r), r ≤ min(widths)

    """

    widths: tuple[int, ...]
    rotations: tuple[np.ndarray, ...]
    gains: np.ndarray

    @property
    def depth(self) -> int:
        """L."""
        return len(self.widths) - 1

    @property
    def model(self) -> DeepLinear:
        """The network."""
        return DeepLinear(self.widths)

    @cached_property
    def layers(self) -> tuple[np.ndarray, ...]:
        """W_1, ..., W_L."""
        r, pairs = self.gains.shape[-1], zip(self.rotations[:-1], self.rotations[1:], strict=True)
        return tuple((after[..., :r] * self.gains[..., k, None, :]) @ transposed(before[..., :r]) for k, (before, after) in enumerate(pairs))

    @cached_property
    def theta(self) -> np.ndarray:
        """θ, shape (..., P)."""
        return np.concatenate([W.reshape(*W.shape[:-2], -1) for W in self.layers], axis=-1)

    @property
    def mode_values(self) -> np.ndarray:
        """The products of the gains, shape (..., r): up to signs the singular values of W."""
        return self.gains.prod(axis=-2)

    @property
    def product(self) -> np.ndarray:
        """W, shape (..., d_L, d_0)."""
        r = self.gains.shape[-1]
        return (self.rotations[-1][..., :r] * self.mode_values[..., None, :]) @ transposed(self.rotations[0][..., :r])

    def balanced(self) -> ModalNetwork:
        """The same product with gains of the same size in every layer; the sign of a mode goes to its first layer."""
        values = self.mode_values
        size = np.broadcast_to(np.abs(values)[..., None, :] ** (1 / self.depth), self.gains.shape).copy()
        size[..., 0, :] *= np.where(values < 0, -1.0, 1.0)
        return replace(self, gains=size)

    def fitted(self, stretch: np.ndarray | float = 1.0) -> Objective:
        """The squared loss, c = 1, of data that this network fits exactly; Σ = I but for the first input, whose variance is stretch²."""
        X = white_inputs(self.widths[0], stretch)
        y = X @ transposed(self.product)
        several = self.widths[-1] > 1
        return Objective(self.model, SquaredLoss(1.0), Regression(X, y if several else y[..., 0], several))


def modal_networks(
    depth: tuple[int, int] = (2, 5), width: tuple[int, int] = (1, 3), outputs: tuple[int, int] = (1, 3), low: float = -2.0, high: float = 2.0
) -> Recipe:
    """Recipe of `ModalNetwork`: frames of Haar's law, gains in [low, high]. The ranges of L, of d_0 .. d_{L-1} and of d_L are inclusive."""

    @recipe
    def networks(draw: Drawer) -> ModalNetwork:
        L = draw(integers(*depth))
        widths = (*(draw(integers(*width)) for _ in range(L)), draw(integers(*outputs)))
        rotations = tuple(draw(orthogonal(d)) for d in widths)
        return ModalNetwork(widths, rotations, draw(array((L, min(widths)), low, high)))

    return networks


@dataclass(frozen=True, eq=False)
class Factorisation:
    """A network given by its modes, with data that it fits, for statements about which gains are the flattest.

    Parameters
    ----------
    network : ModalNetwork
    stretch : float
        Σ = I but for the first input, of variance stretch².
    fill : float
        How much of the room that flatness leaves to the weaker modes is used.

    """

    network: ModalNetwork
    stretch: float
    fill: float

    @property
    def objective(self) -> Objective:
        """The loss of data that the network fits, c = 1."""
        return self.network.fitted(self.stretch)

    @property
    def largest(self) -> np.ndarray:
        """σ_max(W), shape (...)."""
        return np.abs(self.network.mode_values).max(axis=-1)


def factorisations_of(networks: Recipe) -> Recipe:
    """Recipe of `Factorisation`: inputs stretched by 1, 2 or 1/2, and all of the room used or 1/2 or 7/8 of it."""

    @recipe
    def of(draw: Drawer) -> Factorisation:
        return Factorisation(draw(networks), draw(choice((1.0, 2.0, 0.5))), draw(choice((1.0, 0.5, 0.875))))

    return of
