"""Networks of any depth with a positively homogeneous activation and no biases: values, gradients, deepening, equal norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from theorycheck.instances.products import transposed
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, recipe


@dataclass(frozen=True, eq=False)
class ReLUNetwork:
    """N(x) = W_k σ(W_{k-1} ... σ(W_1 x)) with σ(z) = z for z > 0 and slope · z for z ≤ 0 (σ'(0) = slope).

    All arrays may carry leading axes.

    Parameters
    ----------
    layers : tuple of arrays, shapes (..., d_j, d_{j-1})
    slope : float
        0 for the ReLU, 1 for a linear network.

    """

    layers: tuple[np.ndarray, ...]
    quarters: int = 0

    @property
    def slope(self) -> float:
        """Of σ below zero."""
        return self.quarters / 4

    @property
    def depth(self) -> int:
        """k."""
        return len(self.layers)

    def units(self, X: np.ndarray) -> tuple[np.ndarray, ...]:
        """X and σ of every hidden layer, each of shape (..., n, d_j)."""
        found = [X]
        for W in self.layers[:-1]:
            Z = found[-1] @ transposed(W)
            found.append(np.where(Z > 0, Z, self.slope * Z))
        return tuple(found)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """N(x) for the rows of X (..., n, d_0): shape (..., n, d_k)."""
        return self.units(X)[-1] @ transposed(self.layers[-1])

    def gradients(self, X: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, ...]:
        """Gradients in W_1, ..., W_k of a loss whose derivative in N(x_s) is slope_s, of shape (..., n, d_k)."""
        units, found = self.units(X), []
        for j in reversed(range(self.depth)):
            found.append(transposed(slope) @ units[j])
            if j:
                slope = (slope @ self.layers[j]) * np.where(units[j] > 0, 1.0, self.slope)
        return tuple(reversed(found))

    @property
    def norms(self) -> np.ndarray:
        """Frobenius norms of the layers, shape (..., k)."""
        return np.stack([np.linalg.norm(W, axis=(-2, -1)) for W in self.layers], axis=-1)

    @property
    def gains(self) -> np.ndarray:
        """Spectral norms of the layers, shape (..., k)."""
        return np.stack([np.linalg.norm(W, 2, axis=(-2, -1)) for W in self.layers], axis=-1)

    def scaled(self, factor: np.ndarray | float) -> ReLUNetwork:
        """The last layer multiplied by a factor."""
        return replace(self, layers=(*self.layers[:-1], np.asarray(factor)[..., None, None] * self.layers[-1]))

    def equalised(self) -> ReLUNetwork:
        """The same function with layers of equal Frobenius norm."""
        norms = self.norms
        mean = np.exp(np.log(norms).mean(axis=-1))
        return replace(self, layers=tuple((mean / norms[..., j])[..., None, None] * W for j, W in enumerate(self.layers)))

    def deepened(self, depth: int) -> ReLUNetwork:
        """The same function, of scalar output, at a larger depth.

        For the ReLU the last layer becomes [W_k; -W_k], then come copies of I_2, then (1, -1); for a linear network 1 x 1 layers of 1.
        """
        more = depth - self.depth
        if more <= 0:
            return self
        last = self.layers[-1]
        lead = last.shape[:-2]
        if self.quarters == 4:
            return replace(self, layers=(*self.layers, *[np.ones((*lead, 1, 1))] * more))
        both = np.concatenate([last, -last], axis=-2)
        copies = [np.broadcast_to(np.eye(2), (*lead, 2, 2))] * (more - 1)
        return replace(self, layers=(*self.layers[:-1], both, *copies, np.broadcast_to(np.array([[1.0, -1.0]]), (*lead, 1, 2))))


def relu_networks(
    depth: tuple[int, int] = (2, 5),
    width: tuple[int, int] = (1, 4),
    inputs: Sequence[int] = (1, 2, 3),
    quarters: Sequence[int] = (0,),
    outputs: int = 1,
) -> Recipe:
    """Recipe of `ReLUNetwork`: entries in [-2, 2]. The ranges are inclusive."""

    @recipe
    def networks(draw: Drawer) -> ReLUNetwork:
        hidden = [draw(integers(*width)) for _ in range(draw(integers(*depth)) - 1)]
        widths = (draw(choice(tuple(inputs))), *hidden, outputs)
        return ReLUNetwork(tuple(draw(array((b, a))) for a, b in pairwise(widths)), draw(choice(tuple(quarters))))

    return networks
