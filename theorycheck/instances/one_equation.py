"""One equation ⟨x, β⟩ = y in two unknowns for β = u^D - v^D from a start of scale α: where kernel and rich limits are known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.bregman import bregman_projection
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, reals, recipe, signs
from theorycheck.measured import Measured
from theorycheck.symbolic.parametrizations import Diagonal
from theorycheck.symbolic.potentials import legendre_potential

DEPTHS = 2, 3, 4


@dataclass(frozen=True)
class OneEquation:
    """⟨x, β⟩ = y, β = u^D - v^D with u(0) = v(0) = α1; stacks along leading axes.

    Parameters
    ----------
    depth : int
        D, the same for a whole stack.
    alpha : float
        α.
    x : ndarray, shape (..., 2)
        No entry is 0.
    y : float
    along : float
        How far `moved` goes along the line of solutions, over |x|.
    epsilon : float
        A tolerance.

    """

    depth: int
    alpha: float
    x: np.ndarray
    y: float
    along: float = 0.0
    epsilon: float = 1.0

    @property
    def model(self) -> Diagonal:
        """u^D - v^D."""
        return Diagonal(2, self.depth)

    @property
    def least_l2(self) -> np.ndarray:
        """β_2*, the solution of least ℓ2 norm, shape (..., 2)."""
        return self.x * (np.asarray(self.y) / np.sum(self.x**2, axis=-1))[..., None]

    @property
    def least_l1(self) -> np.ndarray:
        """|β_1*|_1, the least ℓ1 norm of a solution, which is all on the larger entry of x."""
        return np.abs(self.y) / np.max(np.abs(self.x), axis=-1)

    @property
    def certificate(self) -> np.ndarray:
        """ρ, what the dual certificate of β_1* has off its support: the lesser entry of |x| over the larger."""
        return np.min(np.abs(self.x), axis=-1) / np.max(np.abs(self.x), axis=-1)

    def start(self, alpha: np.ndarray | float) -> np.ndarray:
        """(u, v) = α1, shape (..., 4)."""
        return np.asarray(alpha)[..., None] * np.ones(4)

    def moved(self, beta: np.ndarray) -> np.ndarray:
        """The solution that is `along` times |x| away from the solution β, shape (..., 2)."""
        return beta + np.asarray(self.along)[..., None] * np.stack([-self.x[..., 1], self.x[..., 0]], axis=-1)

    def limits(self, alpha: np.ndarray | float) -> Measured:
        """β_α, the solution of least potential, for α (..., B) with B equations, shape (..., B, 2)."""
        potential = legendre_potential(self.model, self.start(alpha))
        return bregman_projection(potential, self.x[..., None, :], np.asarray(self.y)[..., None]).w


def one_equations(depths: tuple[int, ...] = DEPTHS, soon: bool = False, beside: bool = False, tolerance: float | None = None) -> Recipe:
    """Entries of x in ±[1/2, 3/2], |y| in [1/4, 2], α in [1/64, 1].

    Parameters
    ----------
    depths : tuple of int
        From which D is drawn.
    soon : bool
        α in [1/2, 1], where gradient flow is soon at rest.
    beside : bool
        `along` in [-2, 2].
    tolerance : float, optional
        The least ε; up to 1.

    """

    @recipe
    def one_equation(draw: Drawer) -> OneEquation:
        depth, x = draw(choice(depths)), draw(array(2, 0.5, 1.5)) * draw(signs(2))
        y = draw(reals(0.25, 2)) * draw(choice((1.0, -1.0)))
        alpha = draw(reals(0.5, 1)) if soon else draw(reals(0.125, 1)) * draw(choice((1.0, 0.125)))
        along, epsilon = draw(reals(-2, 2)) if beside else 0.0, 1.0 if tolerance is None else draw(reals(tolerance, 1))
        return OneEquation(depth, alpha, x, y, along, epsilon)

    return one_equation
