"""Slow twins in 50 digits of the methods: the gradient each one sees, and the step it makes of it."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from tests.dynamics.diagonal_twin import EXP, DiagonalTwin, norm, unit
from tests.dynamics.exact import multiprecision
from theorycheck.dynamics import noise

STEP, SEED = 0.03125, 7


# -- what each gradient is, in 50 digits: twin, θ, k -> vector --


def whole(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta)


def batch(size: int, replacement: bool = True) -> Callable:
    drawn = noise.indices if replacement else noise.permuted_indices
    return lambda twin, theta, k: twin.seen(drawn(np.uint64(SEED), np.array(k), size, len(twin.y))).gradient(theta)


def with_label_noise(twin: DiagonalTwin, theta, k):
    rows = noise.indices(np.uint64(SEED), np.array(k), 2, len(twin.y))
    return twin.seen(rows, mp.mpf(0.25) * noise.signs(np.uint64(SEED), np.array(k), 2)).gradient(theta)


def with_noise_on_all_labels(twin: DiagonalTwin, theta, k):
    return twin.seen(shift=mp.mpf(0.25) * noise.signs(np.uint64(SEED), np.array(k), len(twin.y))).gradient(theta)


FACTOR = np.array([[0.5, 0.0], [0.25, -0.5], [0.0, 0.125], [1.0, 0.0]])


def with_gaussian_noise(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta) + multiprecision(FACTOR) @ multiprecision(noise.normals(np.uint64(SEED), np.array(k), 2))


def with_noise_of_theta(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta) + theta * multiprecision(noise.normals(np.uint64(SEED), np.array(k), 4))


def ascended(of: Callable, rho: float = 0.125, normalized: bool = True) -> Callable:
    def gradient(twin: DiagonalTwin, theta, k):
        g = of(twin, theta, k)
        return of(twin, theta + mp.mpf(rho) * (unit(g) if normalized else g), k)

    return gradient


def ascended_per_example(twin: DiagonalTwin, theta, k):
    rows = noise.indices(np.uint64(SEED), np.array(k), 3, len(twin.y))
    return sum(ascended(whole)(twin.seen([row]), theta, k) for row in rows) / 3


def of_ascent_loss(twin: DiagonalTwin, theta, k):
    """By the chain rule, with the derivative of g/‖g‖ written out: ∂n = (I - nnᵀ)H/‖g‖."""
    g, rho = twin.gradient(theta), mp.mpf(0.125)
    n, identity = unit(g), multiprecision(np.eye(len(theta)))
    turning = (identity - np.outer(n, n)) @ twin.hessian(theta) / norm(g)
    return (identity + rho * turning).T @ twin.gradient(theta + rho * n)


def of_average_direction(twin: DiagonalTwin, theta, k):
    z = multiprecision(noise.normals(np.uint64(SEED), np.array(k), 8, noise.Stream.DIRECTION)).reshape(2, 4)
    return sum(twin.gradient(theta + mp.mpf(0.125) * unit(row)) for row in z) / 2


# -- what each method does with it: twin, θ, k, memory -> θ --


def descends(of: Callable, step: Callable[[int], Any] = lambda k: STEP) -> Callable:
    return lambda twin, theta, k, memory: theta - mp.mpf(step(k)) * of(twin, theta, k)


def normalised(twin: DiagonalTwin, theta, k, memory):
    return theta - mp.mpf(STEP) * unit(twin.gradient(theta))


def by_root(twin: DiagonalTwin, theta, k, memory):
    return theta - mp.mpf(STEP) * twin.gradient(theta) / (2 * mp.sqrt(twin.risk(theta) + mp.mpf(0.5)))


def heavy_ball(twin: DiagonalTwin, theta, k, memory):
    before = memory.get("before", theta)
    memory["before"] = theta
    return theta - mp.mpf(STEP) * twin.gradient(theta) + mp.mpf(0.75) * (theta - before)


def nesterov(twin: DiagonalTwin, theta, k, memory):
    before = memory.get("before", theta)
    memory["before"] = theta
    y = theta + mp.mpf(k / (k + 3)) * (theta - before)
    return y - mp.mpf(STEP) * twin.gradient(y)


def adam(twin: DiagonalTwin, theta, k, memory):
    g = twin.gradient(theta)
    for name, beta, power in (("m", mp.mpf(0.9), 1), ("v", mp.mpf(0.999), 2)):
        memory[name] = beta * memory.get(name, 0 * theta) + (1 - beta) * g**power
    mean, square = memory["m"] / (1 - mp.mpf(0.9) ** (k + 1)), memory["v"] / (1 - mp.mpf(0.999) ** (k + 1))
    return theta - mp.mpf(STEP) * mean / (square ** mp.mpf(0.5) + mp.mpf(1e-8))


def mirror(of: Callable[[DiagonalTwin, int], DiagonalTwin]) -> Callable:
    """w = u² - v² moves by u = u_0 exp(2μ), v = v_0 exp(-2μ)."""

    def moved(twin: DiagonalTwin, theta, k, memory):
        start = memory.setdefault("start", theta)
        memory["mu"] = memory.get("mu", 0) - mp.mpf(STEP) * of(twin, k).gradient_in_w(theta)
        return start * EXP(np.concatenate([2 * memory["mu"], -2 * memory["mu"]]))

    return moved


def decayed(twin: DiagonalTwin, theta, k, memory):
    return (1 - mp.mpf(STEP) * mp.mpf(0.5)) * theta - mp.mpf(STEP) * twin.gradient(theta)


def perturbed(twin: DiagonalTwin, theta, k, memory):
    kick = multiprecision(noise.normals(np.uint64(SEED), np.array(k), 4, noise.Stream.KICK))
    return descends(whole)(twin, theta, k, memory) + (mp.mpf(0.125) * kick if k % 3 == 2 else 0)


def onto_ball(twin: DiagonalTwin, theta, k, memory):
    moved = descends(whole)(twin, theta, k, memory)
    return moved * min(1, mp.mpf(0.75) / norm(moved))


def onto_sphere(twin: DiagonalTwin, theta, k, memory):
    return mp.mpf(0.75) * unit(descends(whole)(twin, theta, k, memory))


A, B = np.array([[1.0, 2.0, 0.0, -1.0]]), np.array([0.5])


def onto_plane(twin: DiagonalTwin, theta, k, memory):
    moved, a = descends(whole)(twin, theta, k, memory), multiprecision(A[0])
    return moved - a * (np.sum(a * moved) - mp.mpf(0.5)) / np.sum(a * a)
