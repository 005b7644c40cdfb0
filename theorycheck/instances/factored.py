"""Deep linear networks given by the singular value decompositions of their layers: balanced, or out of balance by gauges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, orthogonal, recipe
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True, eq=False)
class FactoredNetwork:
    """W_k = (c_k / c_{k-1}) Q_k S^{1/L} Q_{k-1}ᵀ, so that W_L ... W_1 = Q_L S Q_0ᵀ whatever the gauges.

    Parameters
    ----------
    widths : tuple of int
        (d_0, ..., d_L).
    rotations : tuple of arrays, shapes (d_k, d_k)
        Q_0, ..., Q_L, orthogonal.
    singular_values : array, shape (r,), r ≤ min(widths)
        The diagonal of S, non-negative.
    gauges : array, shape (L - 1,)
        c_1, ..., c_{L-1} (c_0 = c_L = 1); the network is balanced where all are 1.

    """

    widths: tuple[int, ...]
    rotations: tuple[np.ndarray, ...]
    singular_values: np.ndarray
    gauges: np.ndarray

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
        c = np.concatenate([[1.0], self.gauges, [1.0]])
        root = self.singular_values ** (1 / self.depth)
        pairs = zip(self.rotations[:-1], self.rotations[1:], strict=True)
        return tuple((c[k + 1] / c[k]) * (after[:, : len(root)] * root) @ before[:, : len(root)].T for k, (before, after) in enumerate(pairs))

    @property
    def theta(self) -> np.ndarray:
        """θ, shape (P,)."""
        return self.model.flat(self.layers)

    @property
    def left(self) -> np.ndarray:
        """Left singular vectors u_r of the product, shape (d_L, r)."""
        return self.rotations[-1][:, : len(self.singular_values)]

    @property
    def right(self) -> np.ndarray:
        """Right singular vectors v_r of the product, shape (d_0, r)."""
        return self.rotations[0][:, : len(self.singular_values)]

    def left_power(self, p: float) -> np.ndarray:
        """(WWᵀ)^p for the end-to-end W, shape (d_L, d_L), with (WWᵀ)^0 = I."""
        return np.eye(self.widths[-1]) if p == 0 else (self.left * self.singular_values ** (2 * p)) @ self.left.T

    def right_power(self, p: float) -> np.ndarray:
        """(WᵀW)^p, shape (d_0, d_0), with (WᵀW)^0 = I."""
        return np.eye(self.widths[0]) if p == 0 else (self.right * self.singular_values ** (2 * p)) @ self.right.T

    def balanced(self) -> FactoredNetwork:
        """The same product with all gauges 1."""
        return replace(self, gauges=np.ones_like(self.gauges))

    def whitened_data(self, target: np.ndarray) -> Regression:
        """Data with covariance I and least-squares map `target`, shape (d_L, d_0): X = √d_0 I."""
        X = np.sqrt(self.widths[0]) * np.eye(self.widths[0])
        return Regression(X, X @ target.T, several_outputs=True) if self.widths[-1] > 1 else Regression(X, X @ target[0])


def factored_networks(
    depth: tuple[int, int] = (2, 5),
    width: tuple[int, int] = (1, 4),
    outputs: tuple[int, int] = (1, 3),
    largest: float = 2.0,
    zeros: bool = True,
) -> Recipe:
    """Recipe of `FactoredNetwork`: rotations of Haar's law, gauges 1/2, 1 or 2.

    Parameters
    ----------
    depth, width, outputs : (least, most)
        L, the widths d_0 .. d_{L-1}, and d_L.
    largest : float
        Singular values are drawn in [0, largest].
    zeros : bool
        Whether singular values may vanish (rank deficiency).

    """

    @recipe
    def networks(draw: Drawer) -> FactoredNetwork:
        L = draw(integers(*depth))
        widths = (*(draw(integers(*width)) for _ in range(L)), draw(integers(*outputs)))
        rotations = tuple(draw(orthogonal(d)) for d in widths)
        s = draw(array(min(widths), 0 if zeros else 2.0**-6, largest))
        gauges = np.array([draw(choice((1.0, 2.0, 0.5))) for _ in range(L - 1)])
        return FactoredNetwork(widths, rotations, s, gauges)

    return networks
