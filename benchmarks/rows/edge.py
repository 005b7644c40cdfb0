"""The edge of stability: 10,000 steps of gradient descent with the sharpness every 5 steps."""

from __future__ import annotations

import numpy as np
from rows.base import SEED, Contestant, Row

import theorycheck as tc

WIDTHS, STEPS, EVERY, STEP, SCALE, ITERATIONS = (5,) * 10 + (1,), 10_000, 5, 0.01, 0.35, 20


def along_a_run() -> Row:
    import jax
    import jax.numpy as jnp
    from rows.networks import gradient, layers, moments, product

    rng = np.random.default_rng(SEED)
    X, w = rng.normal(size=(50, 5)), rng.normal(size=5)
    objective = tc.Objective(tc.DeepLinear(WIDTHS), tc.SquaredLoss(), tc.Regression(X, X @ (w / np.linalg.norm(w))))
    start = SCALE * rng.normal(size=objective.parameters)
    method, until, save = tc.GradientDescent(step=STEP), tc.Stop(steps=STEPS), tc.Every(EVERY)
    states = tc.follow(objective, method, start, until, save=save).states
    checked = np.unique(np.round(np.geomspace(1, len(states) - 1, 120)).astype(int))
    spectra = np.linalg.eigvalsh(objective.hessian(states[checked]))
    negative = int(np.sum(-spectra[:, 0] > spectra[:, -1]))
    data = moments(objective)

    def power(W, V):
        def times(V, _):
            image = product(W, V, *data)
            size = jnp.sqrt(sum(jnp.sum(part * part) for part in image))
            return [part / size for part in image], None

        V = jax.lax.scan(times, V, length=ITERATIONS)[0]
        return V, sum(jnp.sum(a * b) for a, b in zip(V, product(W, V, *data), strict=True))

    def outer(carry, _):
        W, V = carry
        W = jax.lax.scan(lambda W, _: ([a - STEP * g for a, g in zip(W, gradient(W, *data), strict=True)], None), W, length=EVERY, unroll=EVERY)[0]
        V, value = power(W, V)
        return (W, V), value

    run = jax.jit(lambda W, V: jax.lax.scan(outer, (W, V), length=STEPS // EVERY)[1])
    first, vector = layers(WIDTHS, jnp.asarray(start)), layers(WIDTHS, jnp.asarray(rng.normal(size=len(start))))

    def off(values: np.ndarray) -> np.ndarray:
        return np.abs(values[checked - 1] / spectra[:, -1] - 1)

    def ours() -> np.ndarray:
        return tc.follow(objective, method, start, until, record=(tc.sharpness,), save=save).records[tc.sharpness].value[1:]

    work = f"{STEPS:,} steps of gradient descent, depth 10, width 5, signed sharpness every {EVERY} steps"
    notes = (
        f"at {negative} of the {len(checked)} states compared, which are spaced geometrically, the most negative eigenvalue is the largest in size.",
    )
    peer = Contestant(f"one JAX scan with {ITERATIONS} power iterations", lambda: np.asarray(run(first, vector).block_until_ready()), off, target=3.0)
    return Row(
        "edge",
        work,
        "ms",
        1,
        "relative error of the sharpness, against dense eigenvalues",
        Contestant("theorycheck, with bars", ours, off),
        (peer,),
        5,
        notes,
    )
