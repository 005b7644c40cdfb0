"""Numeric potentials: the numbers of the closed forms, and where there is none, the properties that define a Legendre potential."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import MirrorFlow
from theorycheck.dynamics.numeric_potentials import NumericPotential, numeric_potential
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import At, Stop, follow
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.measured import Measured, Precision
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import MatrixFactorization, WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.potentials import NoClosedForm, Potential, legendre_potential

x, y, u, v, s = sp.symbols("x y u v s", real=True)
ACCURACY, POINTS = 1e-8, 50

ROWS: dict[str, Parametrization] = {  # every row of the table of closed forms
    "affine": Entrywise((x, y), (2 * x - y / 3 + 5,)),
    "u²": Diagonal(2, 2, signed=False),
    "-3u²": Entrywise((u,), (-3 * u**2,)),
    "u³": Diagonal(2, 3, signed=False),
    "-u⁵/2": Entrywise((u,), (-(u**5) / 2,)),
    "u² - v²": Diagonal(2, 2),
    "u³ - v³": Diagonal(2, 3),
    "(u⁴ - v⁴)/3": Entrywise((u, v), ((u**4 - v**4) / 3,)),
    "u v": Hadamard(2),
    "two forms": QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 1.0, -1.0])]),
    "mixed, out of order": Entrywise((x, y, u, v), (u * v, 3 * x - 1, y**2 / 4)),
}
UNKNOWN: dict[str, Parametrization] = {  # commuting maps without a row
    "two sums of powers": Entrywise((u, v), (u**3 + v**4, u**3 - v**4)),
    "three factors": Entrywise((u, v, s), (u * v * s,)),
    "a rotated pair": Entrywise((u, v), ((u + v) ** 3 + (u - v) ** 2, (u + v) ** 3 - 2 * (u - v) ** 2)),
    "one layer of tanh": Entrywise((u, v), (u * sp.tanh(v),)),
    "weight normalisation": WeightNormalized(1),
}


def drawn(model: Parametrization, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A start with positive entries that lie apart, and dual points from which no flow blows up."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 0.6, model.parameters) * (1 + np.arange(model.parameters) % 2), 0.03 * rng.uniform(-1, 1, (POINTS, model.shape[0]))


@cache
def potentials(name: str) -> tuple[Potential, NumericPotential, np.ndarray]:
    model = ROWS[name]
    start, mu = drawn(model, 1)
    closed = legendre_potential(model, start)
    low, high = closed.dual_domain
    return closed, numeric_potential(model, start, ACCURACY), np.clip(10 * mu, 0.5 * low, 0.5 * high)


@cache
def unknown(name: str) -> tuple[NumericPotential, np.ndarray, Measured]:
    start, mu = drawn(UNKNOWN[name], 2)
    potential = numeric_potential(UNKNOWN[name], start, ACCURACY)
    return potential, mu, potential.inverse(mu)


def full(closed: Potential, metric: np.ndarray) -> np.ndarray:
    return metric[..., None] * np.eye(closed.entries) if closed.separable else metric


def within(found: Measured, expected: np.ndarray, size: float = 1e-6) -> None:
    """The bar covers the difference, and is small enough to mean something."""
    rounding = 1e-14 * np.abs(expected)
    assert np.all(np.abs(found.value - expected) <= found.error + rounding), np.max(np.abs(found.value - expected) - found.error)
    assert np.all(found.error <= size * (1 + np.abs(found.value).max()))


@pytest.mark.parametrize("name", ROWS)
def test_the_numbers_are_those_of_the_closed_forms(name: str) -> None:
    closed, numeric, mu = potentials(name)
    w = closed.inverse(mu)
    within(numeric.parameters_at(mu), closed.parameters_at(mu))
    within(numeric.inverse(mu), w)
    within(numeric.conjugate(mu), closed.conjugate(mu))
    within(numeric.hessian(mu), full(closed, closed.hessian(mu)))
    within(numeric.mirror(w), mu)
    within(numeric.value(w), closed.value(w))
    within(numeric.metric(w), full(closed, closed.metric(w)))
    within(numeric.divergence(w[:-1], w[1:]), closed.divergence(w[:-1], w[1:]))


@pytest.mark.parametrize("name", ["u³", "-u⁵/2", "(u⁴ - v⁴)/3"])
def test_blow_up_is_found_where_the_dual_domain_ends(name: str) -> None:
    closed, numeric, _ = potentials(name)
    numeric, (low, high) = replace(numeric, accuracy=1e-7), closed.dual_domain
    end = np.where(np.isfinite(high), high, low) * np.eye(closed.entries)[0]
    within(numeric.reach(2 * end), np.array(0.5), 1e-5)
    assert numeric.in_dual_domain([0.9 * end, 1.1 * end]).tolist() == [True, False]


def test_linear_fields_flow_for_ever() -> None:
    reach = numeric_potential(Hadamard(1), [1.0, 2.0], 1e-8).reach([[1.0], [-3.0]])
    assert np.all(np.isposinf(reach.value))
    assert np.all(reach.error == 0)


def test_a_blow_up_that_is_not_seen_is_not_claimed() -> None:
    reach = numeric_potential(Entrywise((u,), (sp.tanh(u),)), [1.0], 1e-6).reach([1.0])
    assert reach.value > 100
    assert np.isposinf(reach.error)


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_mirror_map_and_its_inverse_are_inverse(name: str) -> None:
    potential, mu, w = unknown(name)
    found = potential.mirror(w.value)
    metric = potential.hessian(mu).value
    by_w = 2 * (np.abs(np.linalg.inv(metric)) @ w.error[..., None])[..., 0]
    assert np.all(np.abs(found.value - mu) <= found.error + by_w)
    assert np.all(found.error <= 1e-6)
    within(potential.mirror(potential.model.w(potential.start)), np.zeros(potential.entries))
    assert np.all(potential.in_domain(w.value))


@pytest.mark.parametrize("name", UNKNOWN)
def test_gradients_are_gradients(name: str) -> None:
    """Central differences of order 4 of Q and R along every axis, and of ∇Q, at ten points."""
    potential, mu, w = unknown(name)
    mu, at, h = mu[:10], w.value[:10], 2e-3
    axes = np.eye(potential.entries)[:, None, :]

    def difference(f, points, step):
        ends = [f(points + k * step * axes).value for k in (1, -1, 2, -2)]
        return (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * step)

    size = 1e-4 * (1 + np.abs(at).max())
    np.testing.assert_allclose(difference(potential.conjugate, mu, h).T, at, atol=size)
    np.testing.assert_allclose(np.moveaxis(difference(potential.inverse, mu, h), 0, -1), potential.hessian(mu).value, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(difference(potential.value, at, h).T, mu, atol=1e-3)
    fenchel = potential.value(at) + potential.conjugate(mu) - (Measured(at) * Measured(mu)).sum(axis=-1)
    assert np.all(np.abs(fenchel.value) <= fenchel.error + np.sum(np.abs(mu) * w.error[:10], axis=-1))


@pytest.mark.parametrize("name", UNKNOWN)
def test_potentials_are_convex(name: str) -> None:
    potential, mu, w = unknown(name)
    divergence = potential.divergence(w.value[:-1], w.value[1:])
    assert np.all(divergence.value > divergence.error)
    metric = potential.hessian(mu)
    assert np.all(np.linalg.eigvalsh(metric.value)[..., 0] > np.sum(metric.error, axis=(-1, -2)))
    metric_at_w = potential.metric(w.value)
    assert np.all(np.abs(metric_at_w.value - metric.value) <= metric_at_w.error + metric.error + 1e-12)


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_order_of_the_flows_does_not_matter(name: str) -> None:
    """exp(μ_1 ∇G_1) ∘ exp(μ_2 ∇G_2) ∘ ... by its definition, in both orders, is the one flow of the sum."""
    potential, mu, _ = unknown(name)
    mu = mu[:4]
    for order in (range(potential.entries), reversed(range(potential.entries))):
        here = Measured(np.broadcast_to(potential.start, (4, len(potential.start))))
        for i in order:
            here = replace(potential, start=here.value).parameters_at(mu * np.eye(potential.entries)[i])
        found = potential.parameters_at(mu)
        np.testing.assert_allclose(here.value, found.value, atol=20 * ACCURACY * np.abs(found.value).max())


@pytest.mark.parametrize("name", ["two sums of powers", "one layer of tanh"])
def test_gradient_flow_of_a_loss_is_the_mirror_flow(name: str) -> None:
    """The end of gradient flow has the mirror image -∫∇ℓ, found through the potential alone."""
    potential, _, w = unknown(name)
    d = potential.entries
    objective = Objective(potential.model, SquaredLoss(), Regression(np.eye(d), w.value[0]))
    times = np.linspace(0, 0.05, 41)
    run = follow(objective, MirrorFlow(potential, accuracy=1e-11), potential.start, Stop(time=0.05), save=At(times))
    slopes = objective.gradient_in_w(run.states)
    weights = (times[1] - times[0]) / 3 * np.array([1, *[4, 2] * 19, 4, 1])
    mu = potential.mirror(objective.model.w(run.final))
    np.testing.assert_allclose(mu.value, -np.sum(weights[:, None] * slopes, axis=0), atol=2e-6)


def test_leading_axes_broadcast_with_those_of_the_start() -> None:
    start = np.array([[[0.7, 1.0]], [[1.1, 0.8]], [[0.9, 0.6]]])
    potential = numeric_potential(UNKNOWN["two sums of powers"], start, 1e-8)
    mu = np.array([[0.01, 0.02], [-0.02, 0.0]])
    w = potential.inverse(mu)
    assert w.shape == (3, 2, 2)
    for method, points, shape in (
        ("conjugate", mu, (3, 2)),
        ("hessian", mu, (3, 2, 2, 2)),
        ("parameters_at", mu, (3, 2, 2)),
        ("mirror", w.value, (3, 2, 2)),
    ):
        stacked = getattr(potential, method)(points)
        assert stacked.shape == shape
        alone = getattr(replace(potential, start=start[1, 0]), method)(points[1] if points.ndim == 2 else points[1, 1])
        assert np.all(np.abs(stacked.value[1, 1] - alone.value) <= stacked.error[1, 1] + alone.error)


def test_precision_tightens_the_bars() -> None:
    potential, mu, _ = unknown("two sums of powers")
    potential, mu = replace(potential, accuracy=1e-7), 1.5 * mu[:8]
    with Precision(1).scope():
        finer = potential.inverse(mu)
    assert finer.error.max() < 0.05 * potential.inverse(mu).error.max()


def test_far_points_are_found() -> None:
    closed, numeric, _ = potentials("u² - v²")
    w = np.array([[1e5, -1e3], [-1e4, 1e6]])
    found = numeric.mirror(w)
    assert np.all(np.abs(found.value - closed.mirror(w)) <= found.error)
    assert np.all(found.error < 1e-4)


SUMS = UNKNOWN["two sums of powers"]
CROSSED = Entrywise((u, v, s), (u * v, u * s))
REFUSED = {
    "not commuting": (
        lambda: numeric_potential(CROSSED, [1.0, 1, 1], 1e-8),
        InvalidArgument,
        r"\[∇w\[0\], ∇w\[1\]\] = \(0, -1, 2\) at s = 1, u = -2",
    ),
    "not commuting, a network": (lambda: numeric_potential(DeepLinear((2, 2, 1)), np.ones(6), 1e-8), InvalidArgument, "does not commute"),
    "a matrix w": (lambda: numeric_potential(MatrixFactorization(1, 1, 1), [1.0, 1], 1e-8), InvalidArgument, "Flattened"),
    "no exact map": (lambda: numeric_potential("a model", [1.0], 1e-8), InvalidArgument, "parametrization"),
    "dependent at the start": (lambda: numeric_potential(SUMS, [0.0, 1.0], 1e-8), InvalidArgument, "dependent"),
    "no accuracy": (lambda: numeric_potential(SUMS, [1.0, 1.0], 0.0), InvalidArgument, "accuracy"),
    "accuracy 1": (lambda: numeric_potential(SUMS, [1.0, 1.0], 1.0), InvalidArgument, "below 1"),
    "a start of another size": (lambda: numeric_potential(SUMS, [1.0], 1e-8), ShapeMismatch, "2 parameters"),
    "a start that is not finite": (lambda: numeric_potential(SUMS, [1.0, np.nan], 1e-8), NotFinite, "start"),
    "μ of another size": (lambda: unknown("three factors")[0].inverse([1.0, 2.0]), ShapeMismatch, "1 entries"),
    "μ beyond the blow-up": (lambda: unknown("two sums of powers")[0].inverse([5.0, 5.0]), InvalidArgument, "outside the dual domain"),
    "w outside the cone": (
        lambda: numeric_potential(Entrywise((u, v), (u**4 + v**2,)), [1.0, 1.0], 1e-4).mirror([-1.0]),
        InvalidArgument,
        "not reached",
    ),
    "leading axes": (
        lambda: numeric_potential(Entrywise((u,), (u**3 + u,)), np.ones((3, 1)), 1e-8).inverse(np.zeros((2, 1))),
        ShapeMismatch,
        "leading",
    ),
    "another model": (
        lambda: follow(
            Objective(Hadamard(1), SquaredLoss(), Regression([[1.0]], [1.0])),
            MirrorFlow(numeric_potential(Diagonal(1, 2), [1.0, 1.0], 1e-8), accuracy=1e-8),
            [1.0, 1.0],
            Stop(time=1.0),
        ),
        InvalidArgument,
        "not the model",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_clear_error(name: str) -> None:
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_closed_form_names_the_numeric_route(name: str) -> None:
    with pytest.raises(NoClosedForm, match="`numeric_potential` integrates its flows"):
        legendre_potential(UNKNOWN[name], np.ones(UNKNOWN[name].parameters))
