"""What a row of the table of Legendre potentials offers, and the row of affine maps.

A row serves m outputs at once, each with k parameters of its own. Its **modes** are the coordinates in which the flows
of the fields ∇G_i decouple: the parameters themselves, up to a fixed linear map and signs. They follow the flow without loss
of relative accuracy where w itself cancels (w = u² - v² near zero) and where the dual variable μ no longer resolves w
(u^D - v^D near the end of the dual domain); so Newton's method moves modes.

Shapes       w and μ are ``(..., m)``, modes ``(..., m, k)``; the start broadcasts against them. Nothing here checks domains.
Convention   μ = ∇R(w) vanishes at the start; Q = R*, so R(w) + Q(μ) = ⟨w, μ⟩; metric = ∂G∂Gᵀ = 1/R''.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

Ends = tuple[np.ndarray, np.ndarray]

FADED = 1e-140  # modes and roots of metrics below it are not divided by

_TAYLOR = 1.0 / np.cumprod(np.arange(2.0, 19.0))[::-1]  # 1/18!, ..., 1/3!, 1/2!


class Row(Protocol):
    """Potential of m outputs, in float64."""

    joint: ClassVar[bool]
    """Whether the m outputs share their modes; then metrics are matrices."""

    @property
    def start(self) -> np.ndarray:
        """Modes at the start, shape ``(..., m, k)``."""

    @property
    def domain(self) -> Ends:
        """Ends of the open interval of w, each ``(..., m)``; for a joint row, of the smallest box around its cone."""

    @property
    def dual_domain(self) -> Ends:
        """Ends of the open interval of μ, each ``(..., m)``."""

    @property
    def generators(self) -> np.ndarray:
        """Vectors whose combinations with positive weights fill the domain, ``(..., K, m)``; some may be 0."""

    def contains(self, w: np.ndarray) -> np.ndarray:
        """Whether w, which is inside the intervals of `domain`, is inside the domain, ``(...)``."""

    def value(self, w: np.ndarray) -> np.ndarray:
        """R, summed over the m outputs, shape ``(...)``."""

    def mirror(self, w: np.ndarray) -> np.ndarray:
        """μ = ∇R(w), shape ``(..., m)``."""

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        """w = ∇Q(μ), shape ``(..., m)``."""

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        """Q, summed over the m outputs, shape ``(...)``."""

    def metric(self, w: np.ndarray) -> np.ndarray:
        """∂G∂Gᵀ at w: its diagonal ``(..., m)``, or ``(..., m, m)`` for a joint row."""

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        """∇²Q, the metric as a function of μ."""

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """D_R(a, b) as a sum of terms that are not negative, shape ``(...)``."""

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        """θ of modes, ``(..., m, k)``."""

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """w of modes a way from the start, and the sum of the absolute terms it is computed from, ``(..., m)`` each.

        On a short way, w is the start's and what it grew by since (modes far larger than w would blur it); else it is read off the modes.
        """

    def root(self, modes: np.ndarray) -> np.ndarray:
        """A matrix with root rootᵀ = metric: its diagonal ``(..., m)``, or ``(..., m, K)`` for a joint row."""

    def along(self, mu: np.ndarray) -> np.ndarray:
        """A move of μ as a step: μ itself; for a joint row the exponents of the modes."""

    def from_root(self, modes: np.ndarray, change: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The step whose move of w is root times the change ``(..., K)``: how it is known best where w is stiff in μ.

        Modes that have faded away take the given step.
        """

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Modes after the flow over a step."""

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Largest multiple of the step over which Newton's linearisation is worth trusting, inside the domain, ``(...)``."""

    def shaken(self, modes: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Modes where the metric is largest when μ is known only up to the change ``(..., m)``; as they are if that hardly matters."""


class SeparateRow:
    """Shared by the rows whose entries of w have parameters of their own: steps are moves of μ."""

    joint: ClassVar[bool] = False

    @property
    def domain(self) -> Ends:
        """Ends of the open interval of w."""
        raise NotImplementedError

    @property
    def generators(self) -> np.ndarray:
        down, up = (np.isinf(end)[..., None] * np.eye(end.shape[-1]) for end in self.domain)
        return np.concatenate([-down, up], axis=-2)

    def contains(self, w: np.ndarray) -> np.ndarray:
        return np.ones(w.shape[:-1], dtype=bool)

    def along(self, mu: np.ndarray) -> np.ndarray:
        return mu

    def from_root(self, modes: np.ndarray, change: np.ndarray, step: np.ndarray) -> np.ndarray:
        root = self.root(modes)
        return np.where(root > FADED, change / np.where(root > FADED, root, 1.0), step)

    def shaken(self, modes: np.ndarray, change: np.ndarray) -> np.ndarray:
        return modes

    def root(self, modes: np.ndarray) -> np.ndarray:
        """Square root of the metric, ``(..., m)``."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class AffineRow(SeparateRow):
    """w = Σ_k a_k θ_k + b: R = |w - w_0|²/(2 Σ a_k²).

    Parameters
    ----------
    coefficients : ndarray, shape (m, k)
        The a_k.
    offset : ndarray, shape (m,)
        The b.
    start : ndarray, shape (..., m, k)
        θ_0.

    """

    coefficients: np.ndarray
    offset: np.ndarray
    start: np.ndarray

    @cached_property
    def domain(self) -> Ends:
        return everywhere(self.start.shape[:-1])

    @property
    def dual_domain(self) -> Ends:
        return self.domain

    @cached_property
    def _speed(self) -> np.ndarray:
        return np.sum(self.coefficients**2, axis=-1)

    @cached_property
    def _origin(self) -> np.ndarray:
        return np.sum(self.coefficients * self.start, axis=-1) + self.offset

    def value(self, w: np.ndarray) -> np.ndarray:
        return np.sum((w - self._origin) ** 2 / (2 * self._speed), axis=-1)

    def mirror(self, w: np.ndarray) -> np.ndarray:
        return (w - self._origin) / self._speed

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        return self._origin + self._speed * mu

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        return np.sum(mu * (self._origin + self._speed * mu / 2), axis=-1)

    def metric(self, w: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self._speed, np.broadcast_shapes(w.shape, self._origin.shape))

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        return self.metric(mu)

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sum((a - b) ** 2 / (2 * self._speed), axis=-1)

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        return modes

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        terms, growth = self.coefficients * start, self._speed * way
        return np.sum(terms, axis=-1) + self.offset + growth, np.sum(np.abs(terms), axis=-1) + np.abs(self.offset) + np.abs(growth)

    def root(self, modes: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.sqrt(self._speed), modes.shape[:-1])

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return modes + self.coefficients * step[..., None]

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return np.full(step.shape[:-1], np.inf)


def everywhere(shape: tuple[int, ...]) -> Ends:
    """Ends of the whole line."""
    return np.full(shape, -np.inf), np.full(shape, np.inf)


def furthest(growth: np.ndarray, most: float) -> np.ndarray:
    """Largest multiple of the growth ``(..., m, k)`` of all modes that exceeds a bound nowhere, shape ``(...)``; infinite where all shrink."""
    largest = np.max(growth, axis=(-1, -2))
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(largest > 0, most / np.where(largest > 0, largest, 1.0), np.inf)


def exp_remainder(x: Any) -> np.ndarray:
    """e^x - 1 - x without cancellation, for any shape.

    Examples
    --------
    >>> print(f"{exp_remainder(1e-9):.12g}, not {np.exp(1e-9) - 1 - 1e-9:.3g}")
    5.00000000167e-19, not 8.27e-17

    """
    x = np.asarray(x, dtype=float)
    near = np.abs(x) < 0.8
    series = np.polyval(_TAYLOR, np.where(near, x, 0.0)) * x * x
    with np.errstate(over="ignore"):
        return np.where(near, series, np.expm1(x) - x)[()]


def log_ratio(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """ln(x/y) for x and y of one sign, with full relative accuracy as x -> y.

    Examples
    --------
    >>> float(log_ratio(1.0 + 2**-50, 1.0) * 2**50)
    0.9999999999999996

    """
    with np.errstate(over="ignore"):
        ratio = x / y
    near, far = (ratio > 0.5) & (ratio < 2), (ratio == 0) | np.isinf(ratio)
    apart = np.log(np.where(far, np.abs(x), 1.0)) - np.log(np.where(far, np.abs(y), 1.0))
    return np.where(near, np.log1p(np.where(near, (x - y) / y, 0.0)), np.where(far, apart, np.log(np.where(far, 1.0, ratio))))[()]
