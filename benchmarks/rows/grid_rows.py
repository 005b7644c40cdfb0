"""The grid of marion-chizat-2024: 13.2 million steps."""

from __future__ import annotations

import numpy as np
from grid import STEPS, Grid, setting, starts
from rows.base import Contestant, Row

PYTHON_STEPS = 2000


def marion_chizat() -> Row:
    import jax
    import jax.numpy as jnp
    from rows.networks import gradient, layers, moments, risk

    objective, _ = setting()
    theta, step, _ = starts()
    data, widths = moments(objective), objective.model.widths

    @jax.jit
    def stepped(W, eta):
        return [a - eta * g for a, g in zip(W, gradient(W, *data), strict=True)]

    first, slope = layers(widths, jnp.asarray(theta[0])), jax.jit(lambda at: risk(widths, at, *data))
    slope(jnp.asarray(theta[0])).block_until_ready()

    def from_python() -> None:
        W = first
        for _ in range(PYTHON_STEPS):
            W = stepped(W, step[0])
        jax.block_until_ready(W)

    def off(found: Grid) -> np.ndarray:
        """Against dense eigenvalues, at every 40th run."""
        some = np.flatnonzero(~found.diverged)[::40]
        return np.abs(found.sharpness[some] / np.linalg.eigvalsh(objective.hessian(found.final[some]))[:, -1] - 1)

    runs = Grid.run()
    notes = (f"{len(theta):,} runs, {int(np.sum(runs.diverged))} diverged; peer: {PYTHON_STEPS:,} steps, scaled up, without sharpness.",)
    return Row(
        "grid", f"the grid of marion-chizat-2024: {STEPS:,} steps, sharpness and distance of every run", "s", 1,
        "relative error of the final sharpness, against dense eigenvalues",
        Contestant("theorycheck", Grid.run, off),
        (Contestant("jitted step called from Python", from_python, share=PYTHON_STEPS / STEPS, target=150.0),), 3, notes,
    )  # fmt: skip
