"""Deep linear networks with a scalar output in JAX, contracted from the vector side, for one instance; `vmap` makes the lanes.

Of the forms tried (products as `@`, as sums, written out; gradients by hand or by `jax.grad`; lanes first or last; loops unrolled or
not) these are the fastest: by hand with `@`, four steps of a loop at a time.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import theorycheck as tc

Array = Any


def layers(widths: tuple[int, ...], theta: Array) -> list[Array]:
    """W_1, ..., W_L of parameters ``(..., P)``."""
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    ends = np.cumsum([0, *(a * b for a, b in shapes)])
    return [theta[..., low:high].reshape(*theta.shape[:-1], a, b) for low, high, (a, b) in zip(ends, ends[1:], shapes, strict=False)]


def flat(W: list[Array]) -> np.ndarray:
    """Parameters ``(..., P)`` of layers."""
    return np.concatenate([np.asarray(layer).reshape(*layer.shape[:-2], -1) for layer in W], axis=-1)


def gradient(W: list[Array], covariance: Array, correlation: Array) -> list[Array]:
    """∇R for R = |y - Xw|²/n: a sweep down for the rows q_k, a sweep up for the columns h_k."""
    q = [jnp.ones(1)]
    for layer in reversed(W):
        q.append(q[-1] @ layer)
    q.reverse()
    h, parts = 2 * (covariance @ q[0] - correlation), []
    for k, layer in enumerate(W):
        parts.append(q[k + 1][:, None] * h)
        h = layer @ h
    return parts


def product(W: list[Array], V: list[Array], covariance: Array, correlation: Array) -> list[Array]:
    """∇²R V, forward over the gradient by hand."""
    return jax.jvp(lambda at: gradient(at, covariance, correlation), (W,), (V,))[1]


def risk(widths: tuple[int, ...], theta: Array, covariance: Array, correlation: Array) -> Array:
    """R up to a constant, row first."""
    q = jnp.ones(1)
    for layer in reversed(layers(widths, theta)):
        q = q @ layer
    return q @ covariance @ q - 2 * q @ correlation


def moments(objective: tc.Objective) -> tuple[Array, Array]:
    """Covariance and correlation of the data."""
    return jnp.asarray(objective.data.covariance), jnp.asarray(objective.data.correlation)
