"""The first phase of deep linear networks: a linear loss, two modes, balanced starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.instances.recipes import Drawer, Recipe, integers, orthogonal, reals, recipe


@dataclass(frozen=True)
class LinearPhase:
    """Depth, gains μ_1 > μ_2 > 0 of two modes, the scale 2^-octaves of the start, frames Q_0, ..., Q_L."""

    depth: int
    mu: np.ndarray
    octaves: float
    Q: tuple[np.ndarray, ...]

    @property
    def alpha(self) -> np.ndarray:
        """σ_1(0) = σ_2(0)."""
        return 2.0 ** -np.asarray(self.octaves)

    @property
    def power(self) -> float:
        """p = 1 - 2/L."""
        return 1 - 2 / self.depth

    def modes(self, depth: int | None = None) -> np.ndarray:
        """σ_1, σ_2 when σ_1 of this depth or another is 1, shape (..., 2), for any α.

        From σ^{-p} = α^{-p} - Lpμt for L ≥ 3: α((1-r) + rα^p)^{-1/p} with r = μ/μ_1; α^{1-r} for L = 2.
        """
        L, a, r = depth or self.depth, np.asarray(self.alpha)[..., None], self.mu / self.mu[..., :1]
        p = 1 - 2 / L
        return a ** (1 - r) if L == 2 else a * ((1 - r) + r * a**p) ** (-1 / p)

    @property
    def first_at_one(self) -> np.ndarray:
        """The time at which σ_1 = 1."""
        if self.depth == 2:
            return np.log(1 / self.alpha) / (2 * self.mu[..., 0])
        return (self.alpha**-self.power - 1) / (self.depth * self.power * self.mu[..., 0])


def linear_phases(shallowest: int) -> Recipe:
    """Depth up to 6, μ_1 in [1, 2], μ_2/μ_1 in [1/16, 3/4], α from 1/2 to 2^-8."""

    @recipe
    def phases(draw: Drawer) -> LinearPhase:
        L, top = draw(integers(shallowest, 6)), draw(reals(1, 2))
        mu = np.array([top, top * draw(reals(0.0625, 0.75))])
        return LinearPhase(L, mu, draw(reals(1, 8)), tuple(draw(orthogonal(2)) for _ in range(L + 1)))

    return phases
