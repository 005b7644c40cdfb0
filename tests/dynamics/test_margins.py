"""Margin flows and largest margins against slow twins: a plain integrator, a scalar minimiser, a constrained one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize, minimize_scalar

from theorycheck.dynamics.margin_flows import dual_flow, simplex_minimum
from theorycheck.dynamics.max_margin import MOST_SAMPLES, max_margin
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.parametrizations import Diagonal
from theorycheck.symbolic.potentials import legendre_potential

LINKS = {
    "2 sinh": (lambda z: 2 * np.sinh(z), lambda z: 2 * np.cosh(z) - 2, 1.0),
    "D = 3": (lambda z: (1 - z) ** -3 - (1 + z) ** -3, lambda z: (1 - z) ** -2 / 2 + (1 + z) ** -2 / 2 - 1, 0.4),
    "z": (lambda z: z, lambda z: z**2 / 2, 2.0),
}
X = np.array([[[1.0, 0.9, 0.1], [0.2, 1.0, 0.8]], [[1.0, -0.5, 0.0], [0.75, 0.25, 0.5]], [[0.5, 0.5, 0.0], [1.0, 0.25, 0.0]]])


def softmax_flow(link, X, tau, beta):
    """λ at Σλ = τ by a plain integrator."""

    def slope(_, lam):
        margins = beta * X @ link(X.T @ lam)
        weights = np.exp(-(margins - margins.min()))
        return weights / weights.sum()

    return solve_ivp(slope, (0, tau), np.zeros(2), method="LSODA", rtol=1e-10, atol=1e-13).y[:, -1]


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("beta", [1.0, 30.0])
def test_dual_flow_against_an_integrator(name, beta):
    link, _, tau = LINKS[name]
    seen = dual_flow(link, X, np.full(3, tau), np.full(3, beta))
    for k in range(3):
        apart = np.abs(seen.value[k] - softmax_flow(link, X[k], tau, beta))
        assert np.all(apart <= seen.error[k] + 1e-8)
        assert apart.max() < 2e-4 * tau
    assert seen.value.sum(axis=-1) == pytest.approx(np.full(3, tau), rel=1e-13)


def test_more_steps_come_nearer():
    link, _, tau = LINKS["2 sinh"]
    exact = softmax_flow(link, X[0], tau, 30.0)
    coarse, fine = (np.abs(dual_flow(link, X[0], np.array(tau), np.array(30.0), steps=n).value - exact).max() for n in (8, 64))
    assert fine < coarse / 30


@pytest.mark.parametrize("name", LINKS)
def test_simplex_minimum_against_a_scalar_minimiser(name):
    link, conjugate, tau = LINKS[name]
    seen = simplex_minimum(link, X, np.full(3, tau)).value

    for k in range(3):

        def value(first, k=k):
            return float(np.sum(conjugate(np.array([first, tau - first]) @ X[k])))

        found = minimize_scalar(value, bounds=(0, tau), method="bounded", options={"xatol": 1e-11}).x
        assert seen[k, 0] == pytest.approx(found, abs=2e-5 * tau)
        assert value(seen[k, 0]) <= value(found) + 1e-12


def test_large_beta_tends_to_the_minimum():
    link, _, tau = LINKS["2 sinh"]
    limit = simplex_minimum(link, X[0], np.array(tau)).value
    apart = [np.abs(dual_flow(link, X[0], np.array(tau), np.array(beta)).value - limit).max() for beta in (4.0**3, 4.0**5, 4.0**7)]
    assert apart[1] < apart[0] / 8
    assert apart[2] < apart[1] / 8


def constrained(potential, samples, start):
    """The w of least potential with margins at least 1, by a general minimiser."""
    margins = {"type": "ineq", "fun": lambda w: samples @ w - 1, "jac": lambda _: samples}
    how: Any = {"jac": potential.mirror, "constraints": margins, "method": "SLSQP", "options": {"ftol": 1e-14, "maxiter": 500}}

    def value(w):
        return float(potential.value(w))

    return minimize(value, start, **how)


@pytest.mark.parametrize(("depth", "scale"), [(2, 0.1), (2, 10.0), (3, 0.5), (4, 1.0)])
def test_largest_margin_against_a_constrained_minimiser(depth, scale):
    rng = np.random.default_rng(11)
    potential = legendre_potential(Diagonal(dim=3, depth=depth), np.full(6, scale))
    for _ in range(3):
        samples = np.abs(rng.normal(size=(3, 3))) + 0.1  # separable by (1, 1, 1)
        found = max_margin(potential, samples)
        assert bool(found.found)
        margins = samples @ found.w.value
        assert np.all(margins >= 1 - 1e-9)
        assert np.all(found.dual >= 0)
        assert potential.mirror(found.w.value) == pytest.approx(samples.T @ found.dual, abs=1e-8)
        assert np.all((found.dual == 0) | (np.abs(margins - 1) < 1e-8))
        twin = constrained(potential, samples, 2 * found.w.value + 0.1)
        assert found.w.value == pytest.approx(twin.x, abs=1e-4)
        assert float(potential.value(found.w.value)) <= twin.fun + 1e-9


def test_stacks_of_margins_are_their_members():
    potential = legendre_potential(Diagonal(dim=3, depth=2), np.full((3, 6), 0.5))
    together = max_margin(potential, X)
    for k in range(3):
        alone = max_margin(legendre_potential(Diagonal(dim=3, depth=2), np.full(6, 0.5)), X[k])
        assert together.w.value[k] == pytest.approx(alone.w.value, abs=1e-12)
        assert together.dual[k] == pytest.approx(alone.dual, abs=1e-10)


def test_no_margin_where_the_data_is_not_separable():
    potential = legendre_potential(Diagonal(dim=2, depth=2), np.ones(4))
    assert not bool(max_margin(potential, [[1.0, 0.0], [-1.0, 0.0]]).found)


def test_arguments():
    with pytest.raises(ShapeMismatch, match=r"X.shape"):
        dual_flow(LINKS["z"][0], np.ones((3, 2)), np.array(1.0), np.array(1.0))
    with pytest.raises(InvalidArgument, match="at most"):
        max_margin(legendre_potential(Diagonal(dim=2, depth=2), np.ones(4)), np.ones((MOST_SAMPLES + 1, 2)))
