"""Deep linear networks with a scalar output in JAX, contracted from the vector side, for one instance; `vmap` makes the lanes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import theorycheck as tc

Array = Any


def layers(widths: tuple[int, ...], theta: Array) -> list[Array]:
    """W_1, ..., W_L as matrices."""
    ends = np.cumsum([0, *(a * b for a, b in zip(widths[1:], widths[:-1], strict=True))])
    return [theta[low:high].reshape(a, b) for low, high, a, b in zip(ends, ends[1:], widths[1:], widths[:-1], strict=False)]


def gradient(widths: tuple[int, ...], theta: Array, covariance: Array, correlation: Array) -> Array:
    """∇R for R = |y - Xw|²/n, by hand: a sweep down for the rows q_k, a sweep up for the columns h_k; products as sums, which XLA fuses."""
    W = layers(widths, theta)
    q = [jnp.ones(1)]
    for layer in reversed(W):
        q.append(jnp.sum(q[-1][:, None] * layer, axis=0))
    q.reverse()
    h = 2 * (jnp.sum(covariance * q[0], axis=1) - correlation)
    parts = []
    for k, layer in enumerate(W):
        parts.append((q[k + 1][:, None] * h).ravel())
        h = jnp.sum(layer * h, axis=1)
    return jnp.concatenate(parts)


def risk(widths: tuple[int, ...], theta: Array, covariance: Array, correlation: Array) -> Array:
    """R up to a constant, row first."""
    q = jnp.ones(1)
    for layer in reversed(layers(widths, theta)):
        q = q @ layer
    return q @ covariance @ q - 2 * q @ correlation


def moments(objective: tc.Objective) -> tuple[Array, Array]:
    """Covariance and correlation of the data."""
    return jnp.asarray(objective.data.covariance), jnp.asarray(objective.data.correlation)


def product(widths: tuple[int, ...], theta: Array, v: Array, covariance: Array, correlation: Array) -> Array:
    """∇²R v, forward over reverse."""
    slope = jax.grad(lambda point: risk(widths, point, covariance, correlation))
    return jax.jvp(slope, (theta,), (v,))[1]
