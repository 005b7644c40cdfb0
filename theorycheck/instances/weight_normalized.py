"""Weight normalisation fitted to one equation: where its gradient flow ends, by its closed form and by the flow itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.limits import flow_limit
from theorycheck.dynamics.objectives import Objective
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, reals, recipe
from theorycheck.measured import Measured
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import WeightNormalized

MODEL = WeightNormalized(3)
Points = TypeVar("Points", np.ndarray, Measured)


@dataclass(frozen=True)
class WeightNormalizedFit:
    """One equation ⟨a, x⟩ = y in three unknowns x = g v/|v|, a start (g, v), and the factor c of the rate of g.

    The flow is ġ = -c⟨v̂, a⟩r, v̇ = -(g/|v|)(I - v̂v̂ᵀ)a r with r = ⟨a, x⟩ - y and v̂ = v/|v|; it is run as the plain flow for √c a from
    g/√c. Below x* = a y/|a|², s = |x*|², ℓ = |v(0)|, k = |P_N v̂(0)|² and P_N projects across a. Stacks along leading axes.

    Parameters
    ----------
    a : ndarray, shape (..., 3)
    y : float
    g : float
        The gain at the start, of either sign.
    v : ndarray, shape (..., 3)
        The direction at the start, of any length but 0.
    rate : float
        c.

    """

    a: np.ndarray
    y: float
    g: float
    v: np.ndarray
    rate: float

    @property
    def objective(self) -> Objective:
        """|√c⟨a, x⟩ - y|²/2 of x = (g/√c) v/|v|."""
        y = np.asarray(self.y)[..., None]
        return Objective(MODEL, SquaredLoss(0.5), Regression(self._root[..., None] * self.a[..., None, :], y))

    @property
    def start(self) -> np.ndarray:
        """(g/√c, v)."""
        return np.concatenate([(np.asarray(self.g) / self._root[..., 0])[..., None], self.v], axis=-1)

    @property
    def _root(self) -> np.ndarray:
        return np.sqrt(np.asarray(self.rate))[..., None]

    @property
    def unit(self) -> np.ndarray:
        """v/|v| at the start."""
        return self.v / np.linalg.norm(self.v, axis=-1, keepdims=True)

    @property
    def size(self) -> np.ndarray:
        """ℓ²."""
        return np.sum(self.v**2, axis=-1)

    @property
    def least(self) -> np.ndarray:
        """x*."""
        return self.a * (np.asarray(self.y) / np.sum(self.a**2, axis=-1))[..., None]

    def across(self, x: Points) -> Points:
        """P_N x."""
        return x - self.a * ((x * self.a).sum(axis=-1) / np.sum(self.a**2, axis=-1))[..., None]

    def parts(self, theta: Measured) -> tuple[Measured, Measured]:
        """g and v of parameters of the flow, shapes (...) and (..., 3)."""
        return theta[..., 0] * self._root[..., 0], theta[..., 1:]

    def ends(self) -> tuple[Measured, Measured]:
        """g_∞ and x_∞ of the flow, run until it rests; one that starts at rest stays there."""
        theta = flow_limit(self.objective, GradientFlow(accuracy=1e-9, budget=5000), self.start).theta
        at_rest = np.all(self.objective.gradient(self.start) == 0, axis=-1, keepdims=True)
        g, v = self.parts(Measured(np.where(at_rest, self.start, theta.value), np.where(at_rest, 0.0, theta.error)))
        return g, g[..., None] * v / np.sqrt((v * v).sum(axis=-1))[..., None]

    @property
    def gain(self) -> np.ndarray:
        """G = |g_∞|, the root above √s of 1 - s/G² = k exp((g_0² - G²)/(cℓ²)).

        By bisection in G²: the difference of both sides rises from -k exp((g_0² - s)/(cℓ²)) at s to 1.
        """
        s, k = np.sum(self.least**2, axis=-1), np.sum(self.across(self.unit) ** 2, axis=-1)
        scale, first = np.asarray(self.rate) * self.size, np.asarray(self.g) ** 2
        low, high = s, s + first + 2 * scale + 4 * s
        for _ in range(80):
            middle = (low + high) / 2
            above = 1 - s / middle > k * np.exp((first - middle) / scale)
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.sqrt(high)

    def limit(self, sign: np.ndarray, power: float = 2.0) -> np.ndarray:
        """x* + g_∞ P_N v̂(0) exp((g_0² - G²)/(power cℓ²)) for the sign of g_∞: with power 2 it is x_∞."""
        shrunk = np.exp((np.asarray(self.g) ** 2 - self.gain**2) / (power * np.asarray(self.rate) * self.size))
        return self.least + (sign * self.gain * shrunk)[..., None] * self.across(self.unit)


def weight_normalized_fits() -> Recipe:
    """|g| up to 2, entries of a and v up to 3/2, c in [1/4, 2]; every fifth starts at g = 0 across a, every second with c = 1."""

    @recipe
    def normalized(draw: Drawer) -> WeightNormalizedFit:
        stuck, plain = draw(choice((False, False, False, False, True))), draw(choice((True, False)))
        a, y, g = draw(array(3, -1.5, 1.5)), draw(reals(-2, 2)), draw(reals(-2, 2))
        v, rate = draw(array(3, -1.5, 1.5)), draw(reals(0.25, 2))
        if stuck:
            a, g, v = a * np.array([1.0, 0.0, 0.0]), 0.0, v * np.array([0.0, 1.0, 1.0])
        return WeightNormalizedFit(a, y, g, v, 1.0 if plain else rate)

    return normalized
