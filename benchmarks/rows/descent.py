"""Gradient descent of deep linear networks, 256 data sets, 1,000 steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rows.base import SEED, Contestant, Row, relative

import theorycheck as tc

STEPS, STEP, LANES = 1000, 0.005, 256


def instances(widths: tuple[int, ...], lanes: int, scale: float, samples: int = 50) -> tuple[tc.Objective, np.ndarray]:
    """Gaussian inputs, targets of norm 1, starts with entries N(0, scale²)."""
    rng, d = np.random.default_rng(SEED), widths[0]
    X, w = rng.normal(size=(lanes, samples, d)), rng.normal(size=(lanes, d, 1))
    y = (X @ (w / np.linalg.norm(w, axis=1, keepdims=True)))[..., 0]
    start = np.concatenate([scale * rng.normal(size=(lanes, a * b)) for a, b in zip(widths[1:], widths[:-1], strict=True)], axis=-1)
    return tc.Objective(tc.DeepLinear(widths), tc.SquaredLoss(), tc.Regression(X, y)), start


def extended(objective: tc.Objective, start: np.ndarray, steps: int, step: float) -> np.ndarray:
    """The same run in extended precision."""
    X, y, widths = objective.data.X.astype(np.longdouble), objective.data.y.astype(np.longdouble), objective.model.widths
    n = X.shape[-2]
    S, C = np.swapaxes(X, -1, -2) @ X / n, (np.swapaxes(X, -1, -2) @ y[..., None] / n)[..., 0]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    cuts = np.cumsum([a * b for a, b in shapes])[:-1]
    W = [part.reshape(-1, a, b) for part, (a, b) in zip(np.split(start.astype(np.longdouble), cuts, axis=-1), shapes, strict=True)]
    for _ in range(steps):
        q = [np.ones((len(X), 1), dtype=np.longdouble)]
        for layer in reversed(W):
            q.append(np.sum(q[-1][:, :, None] * layer, axis=1))
        q.reverse()
        h = 2 * (np.sum(S * q[0][:, None, :], axis=-1) - C)
        for k, layer in enumerate(W):
            above = np.sum(layer * h[:, None, :], axis=-1)
            W[k] = layer - step * q[k + 1][:, :, None] * h[:, None, :]
            h = above
    return np.concatenate([layer.reshape(len(X), -1) for layer in W], axis=-1)


def row(widths: tuple[int, ...], scale: float, target: float, lanes_at: int) -> Row:
    objective, start = instances(widths, LANES, scale)
    few = objective.chosen((LANES,), np.arange(LANES) < 8)
    truth = extended(few, start[:8], STEPS, STEP)
    name = f"depth {len(widths) - 1}, width {widths[0]}"
    return Row(
        key=f"descent-{len(widths) - 1}",
        work=f"gradient descent, {name}, {LANES} data sets, {STEPS:,} steps",
        unit="ns a step",
        count=LANES * STEPS,
        error="relative error of the last state, against extended precision",
        ours=Contestant(
            "theorycheck",
            lambda: tc.follow(objective, tc.GradientDescent(step=STEP), start, tc.Stop(steps=STEPS)).final,
            lambda found: relative(found[:8], truth),
        ),
        peers=(Contestant("JAX, jit + vmap + scan", scanned(objective, start, lanes_at), lambda found: relative(found[:8], truth), target=target),),
    )


def scanned(objective: tc.Objective, start: np.ndarray, lanes_at: int) -> Callable[[], np.ndarray]:
    """The run in JAX, with the lanes on the first or the last axis."""
    import jax
    from rows.networks import flat, gradient, layers, moments

    def laid(array):
        return jax.numpy.moveaxis(array, 0, lanes_at)

    step = jax.vmap(lambda W, *data: [w - STEP * slope for w, slope in zip(W, gradient(W, *data), strict=True)], in_axes=lanes_at, out_axes=lanes_at)
    run = jax.jit(lambda W, *data: jax.lax.scan(lambda W, _: (step(W, *data), None), W, length=STEPS, unroll=4)[0])
    W, data = [laid(layer) for layer in layers(objective.model.widths, jax.numpy.asarray(start))], [laid(part) for part in moments(objective)]

    def work() -> np.ndarray:
        return flat([jax.numpy.moveaxis(layer, lanes_at, 0) for layer in jax.block_until_ready(run(W, *data))])

    return work


def shallow() -> Row:
    return row((4, 4, 4, 1), 0.4, 1.3, lanes_at=0)


def deep() -> Row:
    return row((5,) * 10 + (1,), 0.4, 3.0, lanes_at=-1)
