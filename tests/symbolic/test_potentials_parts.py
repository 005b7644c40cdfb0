"""Legendre potentials of whole models: their parts fit together, over all leading axes, and follow the flow of the entries."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from tests.symbolic.scalar_maps import u, v, x, y
from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.potentials import Potential, legendre_potential

DENSE = np.random.default_rng(5).normal(size=(4, 4))
BASIS = np.linalg.qr(DENSE)[0]
SPECTRA = np.array([[1.0, -0.5, 2.0, 0.0], [0.3, 1.0, 0.0, -1.0]])
ROTATED = np.einsum("pk,ik,qk->ipq", BASIS, SPECTRA, BASIS)
MODELS: dict[str, tuple[Parametrization, bool]] = {  # and whether starts must be positive
    "affine": (Diagonal(2, 1), False),
    "u²": (Diagonal(3, 2, signed=False), False),
    "u² - v²": (Diagonal(3, 2), False),
    "u v": (Hadamard(3), False),
    "u³": (Diagonal(2, 3, signed=False), True),
    "u³ - v³": (Diagonal(3, 3), True),
    "u⁴ - v⁴": (Diagonal(2, 4), False),
    "mixed, out of order": (Entrywise((x, y, u, v), (u * v, 3 * x - 1, y**2 / 4)), False),
    "one form that is no simple row": (Entrywise((u, v), (u**2 - 2 * v**2 + u * v,)), False),
    "two forms": (QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 1.0, -1.0])]), False),
    "commuting up to rounding": (QuadraticForms((ROTATED + np.swapaxes(ROTATED, 1, 2)) / 2), False),
    "forms and others": (Entrywise((x, u, v, y), (x**3, u * v, u**2 + v**2, y)), True),
}


def drawn(name: str, seed: int, lead: tuple[int, ...] = ()) -> tuple[Parametrization, np.ndarray, Potential, np.ndarray]:
    """Model, start, potential and dual points inside the dual domain."""
    model, positive = MODELS[name]
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.3, 1.2, (*lead, model.parameters)) * (1 if positive else rng.choice([-1, 1], (*lead, model.parameters)))
    potential = legendre_potential(model, start)
    low, high = potential.dual_domain
    return model, start, potential, np.clip(0.3 * rng.normal(size=(*lead, potential.entries)), 0.9 * low, 0.9 * high)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_where_the_flow_of_the_entries_goes(name: str) -> None:
    """ψ(θ_0; μ) by its definition: the flow of Σ μ_i ∇G_i for unit time, integrated."""
    model, start, potential, mu = drawn(name, 1)
    jacobian = sp.lambdify([model.symbols], sp.Matrix(model.expressions).jacobian(model.symbols), "numpy")
    flow = solve_ivp(lambda _, theta: np.asarray(jacobian(theta)).T @ mu, (0, 1), start, rtol=1e-12, atol=1e-13, method="DOP853")
    np.testing.assert_allclose(potential.parameters_at(mu), flow.y[:, -1], rtol=1e-9, atol=1e-10)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_the_parts_of_a_potential_fit_together(name: str, seed: int) -> None:
    model, start, potential, mu = drawn(name, seed, lead=(5, 2))
    w, J = potential.inverse(mu), model.kernels.jacobian(potential.parameters_at(mu))
    full = J @ np.swapaxes(J, -1, -2)
    close(model.w(potential.parameters_at(mu)), w)
    close(potential.mirror(w), mu)
    close(potential.mirror(model.w(start)), np.zeros((5, 2, potential.entries)))
    close(potential.value(w) + potential.conjugate(mu), np.sum(w * mu, axis=-1))
    for metric in (potential.metric(w), potential.hessian(mu)):
        close(metric[..., None] * np.eye(potential.entries) if potential.separable else metric, full)
    other = potential.inverse(0.5 * mu)
    by_definition = potential.value(w) - potential.value(other) - np.sum(0.5 * mu * (w - other), axis=-1)
    close(potential.divergence(w, other), by_definition)
    assert np.all(potential.in_domain(w))
    assert np.all(potential.in_dual_domain(mu))


@pytest.mark.parametrize("name", MODELS)
def test_leading_axes_broadcast(name: str) -> None:
    model, start, _, mu = drawn(name, 7, lead=(3, 1))
    potential, duals = legendre_potential(model, start), 0.5 * np.stack([mu[0, 0], -mu[0, 0]])
    low, high = potential.dual_domain
    duals = np.clip(duals, 0.9 * low.max(axis=(0, 1)), 0.9 * high.min(axis=(0, 1)))
    alone = [[legendre_potential(model, start[i, 0]) for _ in range(2)] for i in range(3)]
    w = potential.inverse(duals)
    for method, points in (
        ("inverse", duals),
        ("conjugate", duals),
        ("hessian", duals),
        ("parameters_at", duals),
        ("mirror", w),
        ("value", w),
        ("metric", w),
    ):
        stacked = getattr(potential, method)(points)
        single = [[getattr(alone[i][j], method)(points[i, j] if points.ndim == 3 else points[j]) for j in range(2)] for i in range(3)]
        np.testing.assert_allclose(stacked, np.array(single), rtol=1e-13 if potential.separable else 1e-10, atol=1e-15)


def test_frozen_entries_take_their_frozen_forms() -> None:
    frozen = legendre_potential(Hadamard(2), [0.5, 0.4, 0.5, 0.1])
    assert frozen.expression(0).value != frozen.expression(1).value
    np.testing.assert_array_equal(frozen.domain[0], [0, -np.inf])
    np.testing.assert_array_equal(frozen.domain[1], [np.inf, np.inf])


def test_quadratic_forms_are_their_matrices() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(3, 4, 4))
    matrices = matrices + np.swapaxes(matrices, 1, 2)
    model, theta = QuadraticForms(matrices), rng.normal(size=(5, 4))
    np.testing.assert_allclose(model.w(theta), np.einsum("...p,ipq,...q->...i", theta, matrices, theta) / 2, rtol=1e-12)
    assert model == QuadraticForms(matrices.tolist())
    assert hash(model) == hash(QuadraticForms(matrices))
