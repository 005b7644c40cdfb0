"""Descent of diagonal networks u² - v², dimension 100, 50 samples, 256 runs with data of their own."""

from __future__ import annotations

from functools import cache

import numpy as np
from rows.base import SEED, Contestant, Row, relative

import theorycheck as tc

DIM, SAMPLES, LANES, STEPS, STEP, RHO, DEVIATION = 100, 50, 256, 200, 0.002, 0.05, 0.3


@cache
def instances() -> tuple[tc.Objective, np.ndarray]:
    rng = np.random.default_rng(SEED)
    X, w = rng.normal(size=(LANES, SAMPLES, DIM)), np.zeros((LANES, DIM, 1))
    w[:, :5] = 1.0
    return tc.Objective(tc.Diagonal(DIM, 2), tc.SquaredLoss(), tc.Regression(X, (X @ w)[..., 0])), 0.3 + 0.05 * rng.normal(size=(LANES, 2 * DIM))


def sharpness_aware() -> Row:
    import jax
    import jax.numpy as jnp

    objective, start = instances()
    X, y = jnp.asarray(objective.data.X), jnp.asarray(objective.data.y)

    def gradient(u, v, X, y):
        g = (2 / SAMPLES) * ((X @ (u * u - v * v) - y) @ X)
        return 2 * u * g, -2 * v * g

    def step(at, X, y):
        a, b = gradient(*at, X, y)
        scale = RHO / jnp.sqrt(jnp.sum(a * a) + jnp.sum(b * b))
        a, b = gradient(at[0] + scale * a, at[1] + scale * b, X, y)
        return at[0] - STEP * a, at[1] - STEP * b

    one = jax.jit(jax.vmap(lambda at, X, y: jax.lax.scan(lambda at, _: (step(at, X, y), None), at, length=STEPS)[0]))
    # Lane after lane keeps the data of a lane in the caches; all lanes at once stream them at every step.
    mapped = jax.jit(
        lambda at, X, y: jax.lax.map(lambda lane: jax.lax.scan(lambda at, _: (step(at, *lane[1:]), None), lane[0], length=STEPS)[0], (at, X, y))
    )
    first = jnp.asarray(start[:, :DIM]), jnp.asarray(start[:, DIM:])

    def peer(name, run):
        def work() -> np.ndarray:
            return np.concatenate([np.asarray(part) for part in jax.block_until_ready(run(first, X, y))], axis=-1)

        return Contestant(name, work, lambda found: relative(found[:4], truth), target=1.3)

    truth = extended(objective, start, 4)
    method = tc.GradientDescent(step=STEP, gradient=tc.SharpnessAware(rho=RHO))
    mine = Contestant(
        "theorycheck", lambda: tc.follow(objective, method, start, tc.Stop(steps=STEPS)).final, lambda found: relative(found[:4], truth)
    )
    return Row(
        "sam", f"SAM, diagonal net, dimension {DIM}, n = {SAMPLES}, {LANES} runs with data of their own, {STEPS:,} steps", "µs a step", LANES * STEPS,
        "relative error of the last state, against extended precision", mine,
        (peer("JAX, jit + vmap + scan", one), peer("JAX, jit + map + scan, lane after lane", mapped)), 3,
    )  # fmt: skip


def extended(objective: tc.Objective, start: np.ndarray, lanes: int) -> np.ndarray:
    """The sharpness-aware run of the first lanes in extended precision."""
    X, y, theta = (part[:lanes].astype(np.longdouble) for part in (objective.data.X, objective.data.y, start))

    def gradient(theta):
        u, v = theta[:, :DIM], theta[:, DIM:]
        residual = np.sum(X * (u * u - v * v)[:, None, :], axis=-1) - y
        g = np.sum(X * residual[..., None], axis=1) * 2 / SAMPLES
        return np.concatenate([2 * u * g, -2 * v * g], axis=-1)

    for _ in range(STEPS):
        g = gradient(theta)
        theta = theta - np.longdouble(STEP) * gradient(theta + np.longdouble(RHO) * g / np.sqrt(np.sum(g * g, axis=-1, keepdims=True)))
    return theta


def label_noise() -> Row:
    """Noise differs between the two, so the error shown is that of the mean of w over lanes and entries, against the other side."""
    import jax
    import jax.numpy as jnp

    objective, start = instances()
    X, y, steps = jnp.asarray(objective.data.X), jnp.asarray(objective.data.y), 10 * STEPS

    def step(at, X, y, pick, sign):
        (u, v), x = at, X[pick]
        g = 2 * (x @ (u * u - v * v) - y[pick] - DEVIATION * sign) * x
        return u - STEP * 2 * u * g, v + STEP * 2 * v * g

    def run(key, at, X, y):
        picks = jax.random.randint(key, (steps,), 0, SAMPLES)
        signs = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, 1), shape=(steps,)), 1.0, -1.0)
        return jax.lax.scan(lambda at, noise: (step(at, X, y, *noise), None), at, (picks, signs), unroll=4)[0]

    keys = jax.random.split(jax.random.key(SEED), LANES)
    together, alone = jax.jit(jax.vmap(run)), jax.jit(lambda *lanes: jax.lax.map(lambda lane: run(*lane), lanes))
    first = jnp.asarray(start[:, :DIM]), jnp.asarray(start[:, DIM:])

    def peer(name, run):
        def work() -> np.ndarray:
            return np.concatenate([np.asarray(part) for part in jax.block_until_ready(run(keys, first, X, y))], axis=-1)

        return Contestant(name, work, off, target=4.0)

    method = tc.GradientDescent(step=STEP, gradient=tc.LabelNoise(deviation=DEVIATION, size=1, seed=np.arange(LANES)))
    mine = Contestant("theorycheck", lambda: tc.follow(objective, method, start, tc.Stop(steps=steps)).final, lambda found: off(found))
    return Row(
        "label-noise", f"label-noise SGD, batch 1, the same net, {LANES} runs, {steps:,} steps", "µs a step", LANES * steps,
        "standard errors between the mean of Σ_j w_j over runs and its value with another seed", mine,
        (peer("JAX, jit + vmap + scan", together), peer("JAX, jit + map + scan, lane after lane", alone)), 3,
    )  # fmt: skip


@cache
def other_seed() -> np.ndarray:
    objective, start = instances()
    method = tc.GradientDescent(step=STEP, gradient=tc.LabelNoise(deviation=DEVIATION, size=1, seed=LANES + np.arange(LANES)))
    return totals(tc.follow(objective, method, start, tc.Stop(steps=10 * STEPS)).final)


def totals(theta: np.ndarray) -> np.ndarray:
    """Σ_j w_j of each run."""
    return np.sum(theta[:, :DIM] ** 2 - theta[:, DIM:] ** 2, axis=-1)


def off(theta: np.ndarray) -> np.ndarray:
    """Distance of means over runs on the same data, in standard errors."""
    difference = totals(theta) - other_seed()
    return np.abs(np.mean(difference)) / (np.std(difference) / np.sqrt(LANES)) * np.ones(1)
