"""The rows whose flows are powers, for D ≥ 3: w = a u^D, and w = s (u^D - v^D).

Setting      u_0, v_0 > 0. Along the flow u^(2-D) = u_0^(2-D) - κμ and v^(2-D) = v_0^(2-D) + κμ with κ = s D (D-2), so their sum
             2α^(2-D) is conserved: α, a power mean of u_0 and v_0, is the level of the potential. With c = κ α^(D-2), r = D/(D-2)
             and h_D(ζ) = (1-ζ)^(-r) - (1+ζ)^(-r):
Results      w = s α^D h_D(ζ) with ζ = ζ_0 + cμ in (-1, 1): the dual domain is bounded,
             Q = (u² + v²)/(2D),  R = Q* = μ w - Q,  metric = s² D² (u^(2D-2) + v^(2D-2)).
             For u_0 = v_0 = α this is R(w) = α²/(D(D-2)) q_D(w/(s α^D)) - α²/D with q_D = ∫ h_D^(-1); else -(ζ_0/c) w is added.
             D_R(x, y) = Σ_(m = u, v) m(x)² [φ(-ελ_m) + ε φ(λ_m)]/(2D), λ_m = (D-2) ln(m(x)/m(y)), ε = 2/(D-2), φ(t) = e^t - 1 - t.
Alone        w = a u^D: u^(2-D) = u_0^(2-D) - a D (D-2) μ, with the same Q, metric and D_R in u only, and w on the side of a.
Numerics     1 - |ζ| = e^(-τ) keeps the end of the dual domain resolved. The slope of arcsinh(h_D/2)/r in τ stays between 0.87
             and 1.05 on the whole line, so Newton's method on it contracts from anywhere: four steps reach the last digit.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036; q_D from Woodworth et al. 2020, arXiv:2002.09277.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.measured import EPS
from theorycheck.symbolic.potentials.rows import Ends, SeparateRow, exp_remainder, furthest, log_ratio

_NEWTON_STEPS = 5
_FAR = 60.0  # ln(w/(s α^D)) from which the smaller of u^D and v^D is lost against w
_REACH = 0.999  # share of the way to the end of the dual domain one Newton step may go; 0.9 or 0.99999 stall on degenerate problems
_NEAR = 0.5  # relative fall of m^(2-D) below which differences are computed from it
_SHAKEN = 1e-6  # share of m^(2-D) that stands for "not known to differ from 0"


@dataclass(frozen=True, eq=False)
class PowerRow(SeparateRow):
    """w = a u^D for D ≥ 3.

    Parameters
    ----------
    coefficient : ndarray, shape (m,)
        a, not 0.
    depth : int
        D ≥ 3.
    signs : ndarray, shape (..., m, 1)
        Sign of u_0, which is +1 for an odd depth.
    start : ndarray, shape (..., m, 1)
        |u_0| > 0.

    """

    coefficient: np.ndarray
    depth: int
    signs: np.ndarray
    start: np.ndarray

    @cached_property
    def domain(self) -> Ends:
        low, high = np.where(self.coefficient > 0, 0.0, -np.inf), np.where(self.coefficient > 0, np.inf, 0.0)
        shape = self.start.shape[:-1]
        return np.broadcast_to(low, shape), np.broadcast_to(high, shape)

    @cached_property
    def dual_domain(self) -> Ends:
        end = self._pole
        return np.where(end > 0, -np.inf, end), np.where(end > 0, end, np.inf)

    @cached_property
    def _pole(self) -> np.ndarray:
        """μ at which u is infinite."""
        return self.start[..., 0] ** (2 - self.depth) / self._kappa

    @property
    def _kappa(self) -> np.ndarray:
        return self.coefficient * self.depth * (self.depth - 2)

    @cached_property
    def _origin(self) -> np.ndarray:
        return self.output(self.start)

    def value(self, w: np.ndarray) -> np.ndarray:
        return np.sum(self.mirror(w) * w - self._u(w) ** 2 / (2 * self.depth), axis=-1)

    def mirror(self, w: np.ndarray) -> np.ndarray:
        return -self._pole * np.expm1(-(self.depth - 2) / self.depth * log_ratio(w, self._origin))

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        return self.output(self.advance(self.start, mu))

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        return np.sum(self.advance(self.start, mu)[..., 0] ** 2, axis=-1) / (2 * self.depth)

    def metric(self, w: np.ndarray) -> np.ndarray:
        return (self.coefficient * self.depth * self._u(w) ** (self.depth - 1)) ** 2

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        return self.root(self.advance(self.start, mu)) ** 2

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        shrink = (self.depth - 2) / self.depth * log_ratio(a, b)
        return np.sum(_bregman(self._u(a), shrink, self.depth), axis=-1)

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        return self.signs * modes

    def output(self, modes: np.ndarray) -> np.ndarray:
        """w of modes."""
        return self.coefficient * modes[..., 0] ** self.depth

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w = self.output(modes)
        return w, np.abs(w)

    def root(self, modes: np.ndarray) -> np.ndarray:
        return np.abs(self.coefficient) * self.depth * modes[..., 0] ** (self.depth - 1)

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return _flow(modes, (self._kappa * step)[..., None], self.depth)

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return furthest((self._kappa * step)[..., None] * modes ** (self.depth - 2), _REACH)

    def shaken(self, modes: np.ndarray, change: np.ndarray) -> np.ndarray:
        return _shaken(modes, np.abs(self._kappa) * change, self.depth)

    def _u(self, w: np.ndarray) -> np.ndarray:
        return (w / self.coefficient) ** (1 / self.depth)


@dataclass(frozen=True, eq=False)
class PowerDifferenceRow(SeparateRow):
    """w = s (u^D - v^D) for D ≥ 3, u_0, v_0 > 0.

    Parameters
    ----------
    scale : ndarray, shape (m,)
        s > 0.
    depth : int
        D ≥ 3.
    signs : ndarray, shape (..., m, 2)
        Signs of u_0 and v_0, which are +1 for an odd depth.
    start : ndarray, shape (..., m, 2)
        |u_0| and |v_0|, positive.

    """

    scale: np.ndarray
    depth: int
    signs: np.ndarray
    start: np.ndarray

    @cached_property
    def domain(self) -> Ends:
        shape = self.start.shape[:-1]
        return np.full(shape, -np.inf), np.full(shape, np.inf)

    @cached_property
    def dual_domain(self) -> Ends:
        ends = self.start ** (2 - self.depth) / self._kappa[..., None]
        return -ends[..., 1], ends[..., 0]

    @property
    def _kappa(self) -> np.ndarray:
        return self.scale * self.depth * (self.depth - 2)

    @cached_property
    def _origin(self) -> np.ndarray:
        return self.output(self.start)

    @cached_property
    def _level(self) -> np.ndarray:
        """α."""
        least, most = self.start.min(axis=-1), self.start.max(axis=-1)
        return least * ((1 + (least / most) ** (self.depth - 2)) / 2) ** (-1 / (self.depth - 2))

    def value(self, w: np.ndarray) -> np.ndarray:
        return np.sum(self.mirror(w) * w - np.sum(self._modes(w) ** 2, axis=-1) / (2 * self.depth), axis=-1)

    def mirror(self, w: np.ndarray) -> np.ndarray:
        return self._dual_step(w, self._origin)

    def inverse(self, mu: np.ndarray) -> np.ndarray:
        return self.reading(self.start, mu, self.advance(self.start, mu))[0]

    def conjugate(self, mu: np.ndarray) -> np.ndarray:
        return np.sum(self.advance(self.start, mu) ** 2, axis=(-1, -2)) / (2 * self.depth)

    def metric(self, w: np.ndarray) -> np.ndarray:
        return self.root(self._modes(w)) ** 2

    def hessian(self, mu: np.ndarray) -> np.ndarray:
        return self.root(self.advance(self.start, mu)) ** 2

    def divergence(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        at, base = self._modes(a), self._modes(b)
        change = self._changes(self._dual_step(a, b), base)
        near = np.abs(change) < _NEAR
        shrink = np.where(near, -np.log1p(-np.where(near, change, 0.0)), (self.depth - 2) * np.log(at / base))
        return np.sum(_bregman(at, shrink, self.depth), axis=(-1, -2))

    def parameters(self, modes: np.ndarray) -> np.ndarray:
        return self.signs * modes

    def output(self, modes: np.ndarray) -> np.ndarray:
        """w of modes."""
        return self.scale * _difference_of_powers(modes[..., 0], modes[..., 1], self.depth)

    def reading(self, start: np.ndarray, way: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        change = self._changes(way, start)
        near = np.all(np.abs(change) < _NEAR, axis=-1)
        origin, growth = self.output(start), self._growth(start, np.where(near[..., None], change, 0.0))
        size = np.where(near, np.abs(origin) + np.sum(np.abs(growth), axis=-1), self.scale * np.sum(modes**self.depth, axis=-1))
        return np.where(near, origin + growth[..., 0] - growth[..., 1], self.output(modes)), size

    def root(self, modes: np.ndarray) -> np.ndarray:
        slopes = modes ** (self.depth - 1)
        return self.scale * self.depth * np.hypot(slopes[..., 0], slopes[..., 1])

    def advance(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return _flow(modes, (self._kappa * step)[..., None] * np.array([1.0, -1.0]), self.depth)

    def reach(self, modes: np.ndarray, step: np.ndarray) -> np.ndarray:
        return furthest(self._changes(step, modes), _REACH)

    def shaken(self, modes: np.ndarray, change: np.ndarray) -> np.ndarray:
        return _shaken(modes, np.abs(self._kappa) * change, self.depth)

    def _modes(self, w: np.ndarray) -> np.ndarray:
        """(u, v) at w, each to full relative accuracy."""
        root = (np.abs(w) / self.scale) ** (1 / self.depth)
        less = self._level * (2 - np.exp(-self._tau(w))) ** (-1 / (self.depth - 2))
        high, low = np.maximum(root, less), np.minimum(root, less)
        more = high * (1 + (low / high) ** self.depth) ** (1 / self.depth)
        return np.stack([np.where(w >= 0, more, less), np.where(w >= 0, less, more)], axis=-1)

    def _tau(self, w: np.ndarray) -> np.ndarray:
        """τ = -ln(1 - |ζ|), by Newton's method on arcsinh(h_D/2)."""
        r = self.depth / (self.depth - 2)
        ratio = (np.abs(w) / self.scale) ** (1 / self.depth) / self._level
        with np.errstate(divide="ignore"):
            logarithm = self.depth * np.log(ratio)
        far = logarithm > _FAR
        target = np.arcsinh(np.where(far, 1.0, ratio) ** self.depth / 2)
        tau = target / r
        for _ in range(_NEWTON_STEPS):
            zeta = -np.expm1(-tau)
            h = np.expm1(r * tau) - np.expm1(-r * np.log1p(zeta))
            slope = r * (np.exp(r * tau) + np.exp(-tau) * (1 + zeta) ** (-r - 1)) / np.hypot(2, h)
            tau = tau - (np.arcsinh(h / 2) - target) / slope
        return np.where(far, logarithm / r, tau)

    def _dual_step(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """∇R(x) - ∇R(y), with full relative accuracy as x -> y."""
        tau_x, tau_y, at, base = self._tau(x), self._tau(y), self._modes(x), self._modes(y)
        outward = np.sign(tau_x - tau_y) * np.exp(-np.minimum(tau_x, tau_y)) * -np.expm1(-np.abs(tau_x - tau_y))
        zeta = np.where((x >= 0) == (y >= 0), outward, -np.expm1(-tau_x) - np.expm1(-tau_y))
        step = np.where(x >= 0, zeta, -zeta) / (self._kappa * self._level ** (self.depth - 2))
        change = self._changes(step, base)
        near = np.all(np.abs(change) < _NEAR, axis=-1)
        growth = self._growth(base, np.where(near[..., None], change, 0.0))
        excess = growth[..., 0] - growth[..., 1] - (x - y)
        return step - np.where(near, excess / self.root(at) / self.root(at), 0.0)

    def _changes(self, step: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Relative fall of u^(2-D) and of v^(2-D) over a step of μ."""
        return (self._kappa * step)[..., None] * np.array([1.0, -1.0]) * base ** (self.depth - 2)

    def _growth(self, base: np.ndarray, change: np.ndarray) -> np.ndarray:
        """What s u^D and s v^D grow by over the relative falls, to full relative accuracy."""
        return self.scale[:, None] * base**self.depth * np.expm1(-self.depth / (self.depth - 2) * np.log1p(-change))


def _flow(modes: np.ndarray, step: np.ndarray, depth: int) -> np.ndarray:
    """m with m^(2-D) lowered by the step; a step that rounds to all of it leaves an ulp."""
    k = depth - 2
    return modes * np.exp(-np.log1p(-np.minimum(step * modes**k, 1 - EPS / 2)) / k)


def _shaken(modes: np.ndarray, change: np.ndarray, depth: int) -> np.ndarray:
    """Modes with m^(2-D) lowered by the change, down to a small share of it."""
    return modes * np.maximum(1 - change[..., None] * modes ** (depth - 2), _SHAKEN) ** (-1 / (depth - 2))


def _bregman(modes: np.ndarray, shrink: np.ndarray, depth: int) -> np.ndarray:
    """Share of a mode in D_R, where m^(2-D) is e^shrink times larger at the second point."""
    share = 2 / (depth - 2)
    return modes.reshape(shrink.shape) ** 2 * (exp_remainder(-share * shrink) + share * exp_remainder(shrink)) / (2 * depth)


def _difference_of_powers(u: np.ndarray, v: np.ndarray, depth: int) -> np.ndarray:
    """u^D - v^D without cancellation."""
    total = np.ones_like(u)
    for i in range(1, depth):
        total = total * u + v**i
    return (u - v) * total
