"""Least squares with two blocks of inputs: one layer for all of them, and the same layer cut to the first block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, recipe


@dataclass(frozen=True, eq=False)
class SharedLayer:
    """Inputs X = [X_1 X_2] and targets.

    Parameters
    ----------
    X : array, shape (N, a + b)
    first : int
        a, the columns of X_1.
    y : array, shape (N,)

    """

    X: np.ndarray
    first: int
    y: np.ndarray

    @property
    def X1(self) -> np.ndarray:
        """The first block."""
        return self.X[:, : self.first]

    @property
    def X2(self) -> np.ndarray:
        """The second block."""
        return self.X[:, self.first :]

    @cached_property
    def full(self) -> np.ndarray:
        """f, the least-squares solution on X."""
        return solved(self.X, self.y)

    @cached_property
    def alone(self) -> np.ndarray:
        """s, that on X_1."""
        return solved(self.X1, self.y)

    @property
    def moved(self) -> np.ndarray:
        """u = f_1 - s."""
        return self.full[: self.first] - self.alone

    def has_full_rank(self) -> bool:
        """σ_min(X) ≥ σ_max(X)/16 > 0."""
        sizes = np.linalg.svd(self.X, compute_uv=False)
        return bool(sizes[0] >= 0.125 and sizes[-1] >= sizes[0] / 16)

    @property
    def gram(self) -> np.ndarray:
        """G = X_1ᵀX_1."""
        return self.X1.T @ self.X1

    @property
    def schur(self) -> np.ndarray:
        """S = X_1ᵀ(I - P_2)X_1, P_2 the projection onto the columns of X_2."""
        rest = self.X1 - self.X2 @ solved(self.X2, self.X1)
        return rest.T @ rest

    @property
    def stacked(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets whose least squares is J(t) = |y - Xt|² + |y - X_1t_1|²."""
        cut = np.concatenate([self.X1, np.zeros_like(self.X2)], axis=1)
        return np.concatenate([self.X, cut]), np.concatenate([self.y, self.y])

    def uncoupled(self) -> SharedLayer | None:
        """X_2 made orthogonal to X_1; nothing where a column of X_2 depends on X_1."""
        if not self.has_full_rank():
            return None
        moved = replace(self, X=np.concatenate([self.X1, self.X2 - self.X1 @ solved(self.X1, self.X2)], axis=1))
        return moved if moved.has_full_rank() else None


def solved(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The least-squares solution for X of full column rank, by elimination: nothing that iterates to a tolerance, which no rounding mode shows."""
    Q, R = np.linalg.qr(X)
    return np.linalg.solve(R, Q.T @ y)


def shared_layers() -> Recipe:
    """One or two columns in each block, one to three samples more than columns; X_2 may be close to X_1."""

    @recipe
    def layers(draw: Drawer) -> SharedLayer:
        a, b = draw(integers(1, 2)), draw(integers(1, 2))
        N = a + b + draw(integers(1, 3))
        X, near = draw(array((N, a + b))), draw(choice((0.0, 0.0, 1.0, 0.9375)))
        X = np.concatenate([X[:, :a], near * X[:, :1] + (1 - near * 0.9375) * X[:, a:]], axis=1)
        return SharedLayer(X, a, draw(array(N)))

    return layers
