"""Stiff diagonal flow u² - v²: curvatures 1e4 .. 1e-2, t = 200, 64 instances; bars included on our side."""

from __future__ import annotations

import numpy as np
from flow_bars import Flows, by_hand
from flow_speed import stiff
from rows.base import Contestant, Row, relative

import theorycheck as tc

LANES, TIME = 64, 200.0


def ours(of: Flows, accuracy: float) -> Contestant:
    def work() -> np.ndarray:
        found = tc.follow(of.objective, tc.GradientFlow(accuracy=accuracy), of.start, tc.Stop(time=of.time))
        assert np.all(np.isfinite(found.error))
        return found.final

    return Contestant(f"theorycheck, accuracy {accuracy:.0e}, with bars", work, lambda found: relative(found, of.end))


def kvaerno5(of: Flows, tolerance: float, target: float) -> Contestant:
    """diffrax in (u, v), with Newton's method for the stages."""
    import diffrax as dx
    import jax
    import jax.numpy as jnp
    import optimistix as optx

    def field(_, theta, data):
        covariance, correlation = data
        u, v = theta[:7], theta[7:]
        g = covariance @ (u * u - v * v) - correlation
        return jnp.concatenate([-2 * u * g, 2 * v * g])

    @jax.jit
    @jax.vmap
    def solved(theta, data):
        root = optx.Newton(rtol=tolerance, atol=tolerance / 100)
        control = dx.PIDController(rtol=tolerance, atol=tolerance / 100)
        terms, save = dx.ODETerm(field), dx.SaveAt(t1=True)
        method = dx.Kvaerno5(root_finder=root)
        return dx.diffeqsolve(terms, method, 0.0, TIME, 1e-6, theta, data, saveat=save, stepsize_controller=control, max_steps=100_000).ys[0]

    data = of.objective.data  # the loss is |y - Xw|²/2n: the moments are those of the gradient
    theta, moments = jnp.asarray(of.start), (jnp.asarray(data.covariance), jnp.asarray(data.correlation))
    return Contestant(
        f"diffrax Kvaerno5 rtol {tolerance:.0e}, Newton, jit + vmap",
        lambda: np.asarray(jax.block_until_ready(solved(theta, moments))),
        lambda found: relative(found, of.end),
        target=target,
    )


def row(key: str, coordinates: str, mine: Contestant, peer: Contestant) -> Row:
    work = f"stiff diagonal flow, curvature 1e4..1e-2, t = 200, {LANES} instances, true error ≤ 1e-5, {coordinates}"
    return Row(key, work, "µs a trajectory", LANES, "relative error of the end, against the closed form", mine, (peer,), 5)


def in_parameters() -> Row:
    of = stiff(LANES)
    return row("stiff-parameters", "ours in (u, v)", ours(by_hand(of), 1e-3), kvaerno5(of, 3e-6, 3.0))


def in_mirror_coordinates() -> Row:
    of = stiff(LANES)
    return row("stiff-mirror", "ours in mirror coordinates", ours(of, 1e-4), kvaerno5(of, 3e-6, 15.0))
