"""Gradient flow of the exponential loss on two samples, in the time of the loss: how the dual variables grow.

Setting      w = α^D h(Xᵀλ) entry by entry, h increasing and odd; dλ/dτ = softmax(-β X h(Xᵀλ)) with β = α^D, λ(0) = 0, so Σλ = τ. The
             time τ is that of the flow times the loss, up to a factor; no loss underflows in it.
Method       backward Euler steps, each the minimum of a strictly convex function of one variable, at three step sizes, extrapolated. As
             β → ∞ a step tends to argmin {Q(Xᵀλ) : λ ≥ λ_k, Σλ = τ_k + step} with Q' = h.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theorycheck.errors import ShapeMismatch
from theorycheck.measured import EPS, Measured

ITERATIONS = 200
Link = Callable[[np.ndarray], np.ndarray]


def dual_flow(link: Link, X: np.ndarray, tau: np.ndarray, beta: np.ndarray, steps: int = 32) -> Measured:
    """λ at Σλ = τ, shape ``(..., 2)``; X of shape (..., 2, d), τ and β of the leading shape.

    The bar is twice the change that the last extrapolation makes.
    """
    X, tau, beta = _laid_out(X, tau, beta)
    one, two, four = (_stepped(link, X, tau, beta, k * steps) for k in (1, 2, 4))
    first, second = 2 * two - one, 2 * four - two
    best = (4 * second - first) / 3
    value = np.clip(best, 0.0, tau)
    return Measured(np.stack([value, tau - value], axis=-1), (2 * np.abs(best - second) + 64 * EPS * tau)[..., None])


def simplex_minimum(link: Link, X: np.ndarray, tau: np.ndarray) -> Measured:
    """argmin {Q(Xᵀλ) : λ ≥ 0, Σλ = τ}, shape ``(..., 2)``: the least margin of h(Xᵀλ) is as large as it can be."""
    X, tau, _ = _laid_out(X, tau, np.ones(()))
    low, high = np.zeros_like(tau), np.ones_like(tau)
    for _ in range(60):
        middle = (low + high) / 2
        up = _gap(link, X, tau * middle, tau * (1 - middle)) < 0
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    value = tau * np.where(high < 2.0**-50, 0.0, np.where(low > 1 - 2.0**-50, 1.0, (low + high) / 2))
    return Measured(np.stack([value, tau - value], axis=-1), 1e-9 * tau[..., None])


def _laid_out(X: np.ndarray, tau: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if X.shape[-2] != 2:
        raise ShapeMismatch("X.shape", X.shape, "must be (..., 2, d)", "pass two samples")
    lead = np.broadcast_shapes(X.shape[:-2], np.shape(tau), np.shape(beta))
    return np.broadcast_to(X, (*lead, *X.shape[-2:])), np.broadcast_to(tau, lead).astype(float), np.broadcast_to(beta, lead).astype(float)


def _gap(link: Link, X: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of the two margins of h(Xᵀλ)."""
    w = link(first[..., None] * X[..., 0, :] + second[..., None] * X[..., 1, :])
    return np.sum((X[..., 0, :] - X[..., 1, :]) * w, axis=-1)


def _stepped(link: Link, X: np.ndarray, tau: np.ndarray, beta: np.ndarray, steps: int) -> np.ndarray:
    """λ_1 after so many steps: share s of each step goes to sample 1, with β gap + log(s/(1-s)) = 0."""
    first, h = np.zeros_like(tau), tau / steps
    u = np.zeros_like(tau)
    for k in range(1, steps + 1):

        def residual(u: np.ndarray, first: np.ndarray = first, k: int = k) -> np.ndarray:
            now = first + h * _logistic(u)
            return beta * _gap(link, X, now, k * h - now) + u

        u = _root(residual, u)
        first = first + h * _logistic(u)
    return first


def _root(residual: Callable[[np.ndarray], np.ndarray], guess: np.ndarray) -> np.ndarray:
    """The zero of an increasing function with slope at least 1: a bracket, then inverse quadratic interpolation or bisection (Chandrupatla 1997)."""
    here = residual(guess)
    a, b = guess, guess - here  # the slope is at least 1
    at_a, at_b = here, residual(b)
    share = np.full_like(guess, 0.5)
    for _ in range(ITERATIONS):
        new = a + share * (b - a)
        value = residual(new)
        same = np.sign(value) == np.sign(at_a)
        c, at_c = np.where(same, a, b), np.where(same, at_a, at_b)
        b, at_b = np.where(same, b, a), np.where(same, at_b, at_a)
        a, at_a = new, value
        best = np.where(np.abs(at_a) < np.abs(at_b), a, b)
        with np.errstate(all="ignore"):
            least = 1e-13 * (1 + np.abs(best)) / np.abs(b - a)
            if not np.any((least < 0.5) & (at_a != 0) & (at_b != 0)):
                break
            x, y = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
            curved = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
            share = np.where((y**2 < x) & ((1 - y) ** 2 < 1 - x), curved, 0.5)
            share = np.clip(np.nan_to_num(share, nan=0.5), np.minimum(least, 0.5), np.maximum(1 - least, 0.5))
    return best


def _logistic(u: np.ndarray) -> np.ndarray:
    return np.where(u > 0, 1 / (1 + np.exp(-np.abs(u))), np.exp(-np.abs(u)) / (1 + np.exp(-np.abs(u))))
