"""Gradient flow of deep linear networks, depth 3, width 4, t = 20; bars included on our side."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from flow_bars import Flows, deep
from rows.base import SEED, Contestant, Row, relative
from scipy.integrate import solve_ivp

import theorycheck as tc

WIDTHS, LANES, TIME = (4, 4, 4, 1), 256, 20.0


@cache
def flows(lanes: int = LANES) -> Flows:
    """256 data sets with their ends by Taylor series in extended precision."""
    return deep(np.random.default_rng(SEED), WIDTHS, np.full((3, lanes), 0.7), np.full(lanes, TIME))


def ours(of: Flows, accuracy: float) -> Contestant:
    def work() -> np.ndarray:
        found = tc.follow(of.objective, tc.GradientFlow(accuracy=accuracy), of.start, tc.Stop(time=of.time))
        assert np.all(np.isfinite(found.error))
        return found.final

    return Contestant(f"theorycheck, accuracy {accuracy:.0e}, with bars", work, lambda found: relative(found, of.end))


def diffrax(of: Flows, solver: str, tolerance: float, target: float) -> Contestant:
    """An explicit solver of diffrax over all lanes."""
    import diffrax as dx
    import jax
    from rows.networks import flat, gradient, layers, moments

    def field(_, W, data):
        return [-slope for slope in gradient(W, *data)]

    @jax.jit
    @jax.vmap
    def solved(W, data):
        control = dx.PIDController(rtol=tolerance, atol=tolerance / 100)
        terms, method, save = dx.ODETerm(field), getattr(dx, solver)(), dx.SaveAt(t1=True)
        return dx.diffeqsolve(terms, method, 0.0, TIME, None, W, data, saveat=save, stepsize_controller=control, max_steps=100_000).ys

    W, data = layers(WIDTHS, jax.numpy.asarray(of.start)), moments(of.objective)

    def work() -> np.ndarray:
        return flat([layer[:, 0] for layer in jax.block_until_ready(solved(W, data))])

    return Contestant(f"diffrax {solver} rtol {tolerance:.0e}, jit + vmap", work, lambda found: relative(found, of.end), target=target)


def scipy_dop853(of: Flows, tolerance: float, target: float, lanes: int = 16) -> Contestant:
    """Trajectories one by one, with the gradient contracted from the vector side."""

    def work() -> np.ndarray:
        ends = [
            solve_ivp(by_hand(of, lane), (0.0, TIME), of.start[lane], method="DOP853", rtol=tolerance, atol=tolerance / 100).y[:, -1]
            for lane in range(lanes)
        ]
        return np.stack(ends)

    return Contestant(f"SciPy DOP853 rtol {tolerance:.0e}", work, lambda found: relative(found, of.end[:lanes]), share=lanes / LANES, target=target)


def by_hand(of: Flows, lane: int) -> Callable[[float, np.ndarray], np.ndarray]:
    """-∇R of one lane in NumPy."""
    covariance, correlation = 2 * of.objective.data.covariance[lane], 2 * of.objective.data.correlation[lane]
    cuts = np.cumsum([0, 16, 16, 4])

    def field(_: float, theta: np.ndarray) -> np.ndarray:
        first, second, third = theta[: cuts[1]].reshape(4, 4), theta[cuts[1] : cuts[2]].reshape(4, 4), theta[cuts[2] :]
        q = third @ second
        g = correlation - covariance @ (q @ first)
        h = first @ g
        return np.concatenate([np.outer(q, g).ravel(), np.outer(third, h).ravel(), second @ h])

    return field


def row(key: str, work: str, mine: Contestant, peers: tuple[Contestant, ...], rounds: int = 5) -> Row:
    truth = "relative error of the end, against Taylor series in extended precision"
    return Row(key, f"gradient flow, depth 3, width 4, {LANES} data sets, t = 20, {work}", "µs a trajectory", LANES, truth, mine, peers, rounds)


def at_ten_digits() -> Row:
    of = flows()
    peers = diffrax(of, "Dopri8", 1e-10, 10.0), diffrax(of, "Tsit5", 5e-11, 5.0)
    return row("flow-1e-10", "true error ≤ 1e-10", ours(of, 5e-10), peers)


def at_thirteen_digits() -> Row:
    of = flows()
    return row("flow-1e-13", "true error ≤ 1e-13", ours(of, 3e-13), (diffrax(of, "Dopri8", 1e-13, 7.0),))


def one_by_one() -> Row:
    of = flows()
    return row("flow-scipy", "true error ≤ 1e-10, SciPy one by one", ours(of, 5e-10), (scipy_dop853(of, 1e-10, 100.0),), rounds=3)
