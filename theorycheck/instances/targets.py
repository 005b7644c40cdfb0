"""Deep linear networks with a target of their own, from starts that are not fits: one mode and one output, or near the identity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.instances.modal import ModalNetwork, modal_networks, white_inputs
from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, orthogonal, recipe
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True, eq=False)
class TargetedMode:
    """A network of one output, and a target v in any direction; f = (w - v)ᵀΣ(w - v)/2. All arrays may carry leading axes.

    Parameters
    ----------
    network : ModalNetwork
        Its product is one row.
    turn : array, shape (..., d_0, d_0)
        The direction of v is its first column.
    length : float
        |v|.
    stretch : float
        Σ = I but for the first input, of variance stretch².

    """

    network: ModalNetwork
    turn: np.ndarray
    length: float
    stretch: float

    @property
    def target(self) -> np.ndarray:
        """The target v, shape (..., d_0)."""
        v: np.ndarray = np.asarray(self.length)[..., None] * self.turn[..., :, 0]
        return v

    @property
    def objective(self) -> Objective:
        """f = (w - v)ᵀΣ(w - v)/2."""
        X = white_inputs(self.network.widths[0], self.stretch)
        return Objective(self.network.model, SquaredLoss(0.5), Regression(X, (X @ self.target[..., None])[..., 0], False))


def polar(f: TargetedMode) -> tuple[np.ndarray, np.ndarray]:
    """r = |w| and ν = <w, v>/|w| of the network's product w, of shape (...)."""
    w = f.network.product[..., 0, :]
    r = np.linalg.norm(w, axis=-1)
    return r, (w * f.target).sum(axis=-1) / r


def targeted_modes(depth: tuple[int, int], least: int = 1) -> Recipe:
    """Recipe of `TargetedMode`: gains of size 1/4 to 1, `least` to 3 inputs, targets of length 1, 2 or 1/2, opposite ones too."""

    @recipe
    def modes(draw: Drawer) -> TargetedMode:
        network = draw(modal_networks(depth, (1, 3), (1, 1), 0.25, 1.0))
        d = max(least, network.widths[0])
        network = ModalNetwork((d, *network.widths[1:]), (draw(orthogonal(d)), *network.rotations[1:]), network.gains)
        turn = draw(choice((1.0, -1.0))) * draw(orthogonal(d))
        return TargetedMode(network, turn, draw(choice((1.0, 2.0, 0.5))), draw(choice((1.0, 2.0))))

    return modes


@dataclass(frozen=True, eq=False)
class ResidualStart:
    """Square layers I + size x residual at the start, and a target T; R = |Y - XWᵀ|²/n with Y = XTᵀ. Arrays may carry leading axes.

    Parameters
    ----------
    target : array, shape (..., d, d)
    residuals : array, shape (..., L, d, d)
    size : float
        0: the start is the identity.
    stretch : float
        Σ = I but for the first input, of variance stretch².

    """

    target: np.ndarray
    residuals: np.ndarray
    size: float
    stretch: float

    @property
    def depth(self) -> int:
        """L."""
        return self.residuals.shape[-3]

    @property
    def theta(self) -> np.ndarray:
        """θ at the start, shape (..., P)."""
        layers: np.ndarray = np.eye(self.target.shape[-1]) + np.asarray(self.size)[..., None, None, None] * self.residuals
        return layers.reshape(*layers.shape[:-3], -1)

    @property
    def objective(self) -> Objective:
        """The risk, c = 1."""
        d = self.target.shape[-1]
        X = white_inputs(d, self.stretch)
        y = X @ transposed(self.target)
        data = Regression(X, y if d > 1 else y[..., 0], d > 1)
        return Objective(DeepLinear((d,) * (self.depth + 1)), SquaredLoss(1.0), data)


def residual_starts(depth: tuple[int, int] = (2, 4), dim: tuple[int, int] = (1, 3)) -> Recipe:
    """Recipe of `ResidualStart`: T = I + E with entries of E in [-2, 2], often not to be reached from I; ranges are inclusive."""

    @recipe
    def starts(draw: Drawer) -> ResidualStart:
        d, L = draw(integers(*dim)), draw(integers(*depth))
        target = np.eye(d) + draw(array((d, d)))
        return ResidualStart(target, draw(array((L, d, d), -1, 1)), draw(choice((0.0, 0.5, 0.25))), draw(choice((1.0, 2.0))))

    return starts
