"""Balanced factors by slow twins: weight decay by a plain integrator, the drift of descent at halved steps and against a loop."""

import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.library import load, shelf

PAPER = load(shelf() / "du_2018_factors.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
U = np.array([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5]])
V = np.array([[1.0, 0.5], [-0.25, 1.5]])
M = np.array([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]])


def imbalance(U, V):
    """UᵀU - VᵀV."""
    return U.T @ U - V.T @ V


def split(theta):
    """(U, V) of one vector."""
    return theta[: U.size].reshape(U.shape), theta[U.size :].reshape(V.shape)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_imbalance_decays_as_its_equation_says(decay):
    def slope(_, theta):
        u, v = split(theta)
        G = u @ v.T - M
        return -np.concatenate([(G @ v + decay * u).ravel(), (G.T @ u + decay * v).ravel()])

    run = solve_ivp(slope, (0, 2), np.concatenate([U.ravel(), V.ravel()]), rtol=1e-11, atol=1e-13, method="DOP853")
    assert imbalance(*split(run.y[:, -1])) == pytest.approx(np.exp(-4 * decay) * imbalance(U, V), abs=1e-9)


def test_drift_of_descent_is_of_the_order_of_the_step():
    def drift(step):
        u, v = U.copy(), V.copy()
        for _ in range(round(2 / step)):
            G = u @ v.T - M
            u, v = u - step * G @ v, v - step * G.T @ u
        return np.linalg.norm(imbalance(u, v) - imbalance(U, V), "nuc")

    sizes = np.array([drift(step) for step in (0.02, 0.01, 0.005)])
    assert sizes[:-1] / sizes[1:] == pytest.approx([2.0, 2.0], abs=0.05)


def test_the_bound_on_the_drift_against_a_loop():
    p = MODULE.Factored(U, V, M, 1 / 16, 0.0)
    states, risks = [(U, V)], []
    for _ in range(MODULE.STEPS):
        u, v = states[-1]
        G = u @ v.T - M
        risks.append(np.sum(G**2) / 2)
        states.append((u - p.step * G @ v, v - p.step * G.T @ u))
    u, v = states[-1]
    left = np.linalg.norm(imbalance(u, v) - imbalance(U, V), "nuc")
    right = 2 * p.step * (risks[0] - np.sum((u @ v.T - M) ** 2) / 2)
    claim = MODULE.drift(p, None)
    assert float(claim.left.value) == pytest.approx(left, rel=1e-12)
    assert float(claim.right.value) == pytest.approx(right, rel=1e-12)
    assert MODULE.descends(p)
    assert left <= right
