"""The rows whose flows are exponentials: w = u², x²/4, u² - v², u v.

Setting      w = s (p² - q²) in modes p, q that flow as p = p_0 e^(κμ/2), q = q_0 e^(-κμ/2), where κ is the rate. With A = s p_0²,
             B = s q_0², c = sqrt(A B), z = sqrt(w² + 4c²) = s (p² + q²) and E = e^(κμ):
Results      w = A E - B/E,  Q = (A E + B/E)/κ,  metric = κ z,
             ∇R = ln E(w)/κ = [arcsinh(w/2c) - ln(p_0/q_0)]/κ,  R = [w ln E(w) - z]/κ.
             D_R(a, b) = [s p_a² φ(-ℓ) + s q_a² φ(ℓ)]/κ with ℓ = ln E(a)/E(b), φ(ℓ) = e^ℓ - 1 - ℓ: no term is negative.
Frozen       q_0 = 0 (a pure square, or u v from u = v): w > 0 and R = [w ln(w/A) - w]/κ. p_0 = 0: w < 0.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.symbolic.potentials.rows import FADED, Ends, SeparateRow, everywhere, exp_remainder, furthest

_REACH = 100.0  # largest change of ln p² in one Newton step; the line search does the rest
_NEAR = 1.0  # |κμ| below which w is computed from its change since the start


@dataclass(frozen=True, eq=False)
class SquaresRow(SeparateRow):
    """w = s (p² - q²), with p² growing and q² falling at the rate κ.

    Parameters
    ----------
    scale, rate : ndarray, shape (m,)
        s > 0 and κ > 0: κ = 4s where (p, q) are parameters, 2s where they are (u ± v)/2.
    back : ndarray, shape (m, k, 2)
        The parameters as a linear map of (p, q).
    start : ndarray, shape (..., m, 2)
        p_0 and q_0, not both zero.

    """

    scale: np.ndarray
    rate: np.ndarray
    back: np.ndarray
    start: np.ndarray

    @cached_property
    def domain(self) -> Ends:
        p, q = self.start[..., 0], self.start[..., 1]
        return np.where(q == 0, 0.0, -np.inf), np.where(p == 0, 0.0, np.inf)

    @cached_property
    def dual_domain(self) -> Ends:
        return everywhere(self.start.shape[:-1])

    @cached_property
    def _twice_c(self) -> np.ndarray:
        return 2 * self.scale * np.abs(self.start[..., 0] * self.start[..., 1])

    @cached_property
    def _origin(self) -> np.ndarray:
        return self.output(self.start)

    def value(self, w: np.ndarray) -> np.ndarray:
        return np.sum((w * self._log_growth(w, self._origin) - np.hypot(w, self._twice_c)) / self.rate, axis=-1)

    def mirror(self, w: np.ndarray) -> np.ndarray:
        return self._log_growth(w, self._origin) / self.rate

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        return self.reading(self.start, mu, self.advance(self.start, mu))[0]

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        return np.sum(self.hessian(mu) / self.rate**2, axis=-1)

    def metric(self, w: np.ndarray) -> np.ndarray:
        return self.rate * np.hypot(w, self._twice_c)

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return self.root(self.advance(self.start, mu)) ** 2

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        growth = self._log_growth(a, b)
        large = (np.hypot(a, self._twice_c) + np.abs(a)) / 2
        with np.errstate(over="ignore"):
            small = self._twice_c / 2 * (self._twice_c / 2 / large)
            toward = np.where(a >= 0, growth, -growth)
            terms = large * exp_remainder(-toward) + np.where(small > 0, small * exp_remainder(toward), 0.0)
        return np.sum(terms / self.rate, axis=-1)

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        return (self.back @ modes[..., None])[..., 0]

    def output(self, modes: np.ndarray) -> np.ndarray:
        """w of modes."""
        p, q = np.abs(modes[..., 0]), np.abs(modes[..., 1])
        return self.scale * ((p - q) * (p + q))

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = np.abs(self.rate * way) < _NEAR
        t, origin, weights = np.where(near, self.rate * way, 0.0), self.output(start), self.scale[:, None] * start**2
        grown, shrunk = weights[..., 0] * np.expm1(t), weights[..., 1] * np.expm1(-t)
        with np.errstate(over="ignore"):
            size = np.where(near, np.abs(origin) + np.abs(grown) + np.abs(shrunk), self.scale * np.sum(modes**2, axis=-1))
            return np.where(near, origin + grown - shrunk, self.output(modes)), size

    def root(self, modes: np.ndarray) -> np.ndarray:
        return np.sqrt(self.rate * self.scale) * np.hypot(modes[..., 0], modes[..., 1])

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        growth = (self.rate * step / 2)[..., None] * np.array([1.0, -1.0])
        with np.errstate(over="ignore"):
            return modes * np.exp(np.where(modes != 0, growth, 0.0))

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        growth = (self.rate * step)[..., None] * np.array([1.0, -1.0])
        return furthest(np.where(np.abs(modes) > FADED, np.abs(growth), 0.0), _REACH)

    def _log_growth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """ln E(x)/E(y) = arcsinh(x/2c) - arcsinh(y/2c), exact as x -> y and for c -> 0."""
        c2, a, b = self._twice_c, np.abs(x), np.abs(y)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # of the branch not taken
            zx, zy = np.hypot(a, c2), np.hypot(b, c2)
            ratio = (zx + a) / (zy + b)
            near = np.log1p((a - b) * (1 + (a + b) / (zx + zy)) / (zy + b))
            same = np.where((ratio > 0.5) & (ratio < 2), near, np.log(ratio))
            across = np.arcsinh(a / c2) + np.arcsinh(b / c2)
        return np.sign(np.where(x == 0, -y, x)) * np.where(np.sign(x) * np.sign(y) > 0, same, across)
