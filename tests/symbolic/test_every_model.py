"""Every model of the contract, one row each: derivation, objective, prediction, flow, descent, sharpness, brackets, conservation laws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Classification, MatrixSensing, Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import sharpness
from theorycheck.dynamics.trajectories import Ending, Stop, follow
from theorycheck.symbolic.brackets import lie_brackets
from theorycheck.symbolic.conserved import conserved_quantities
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, SquaredLoss
from theorycheck.symbolic.models import Flattened, MatrixFactorization, ResidualLinear, SymmetricFactorization, WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.predictors import TwoLayerReLU
from theorycheck.symbolic.vector_fields import NotPolynomial

x, y, z = sp.symbols("x y z", real=True)
N, SQUARED = 4, SquaredLoss()


@dataclass(frozen=True)
class Row:
    """A model with its loss, whether it commutes, and how many quadratic laws it has (None: its map is not polynomial)."""

    model: Any
    loss: Any = SQUARED
    commuting: bool = True
    laws: int | None = 0
    sensing: bool = False


FORMS = QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])])
ROWS: dict[str, Row] = {
    "deep linear": Row(DeepLinear((2, 3, 1)), commuting=False, laws=6),
    "deep linear, logistic": Row(DeepLinear((2, 2, 1)), LogisticLoss(), commuting=False, laws=3),
    "deep linear, several outputs": Row(DeepLinear((2, 2, 2)), SquaredLoss(0.5), commuting=False, laws=3),
    "residual": Row(ResidualLinear(2, 2, (1.0, 0.5)), commuting=False, laws=8),  # two linear ones, their products, and three balances
    "diagonal": Row(Diagonal(2, 2), laws=2),
    "diagonal, cubes, exponential": Row(Diagonal(2, 3), ExponentialLoss()),
    "diagonal, unsigned": Row(Diagonal(3, 2, signed=False), LogisticLoss()),
    "hadamard": Row(Hadamard(2), laws=2),
    "quadratic forms": Row(FORMS, commuting=False),
    "factorization": Row(MatrixFactorization(2, 2, 1), commuting=False, laws=1),
    "symmetric factorization": Row(SymmetricFactorization(2, 2), commuting=False),
    "weight normalized": Row(WeightNormalized(2), commuting=False, laws=None),
    "entrywise": Row(Entrywise((x, y, z), (x * y, x * z)), commuting=False, laws=1),
    "flattened": Row(Flattened(MatrixFactorization(1, 2, 1)), commuting=False, laws=1),
    "factorization, sensing": Row(MatrixFactorization(2, 2, 1), commuting=False, laws=1, sensing=True),
    "symmetric, sensing": Row(SymmetricFactorization(2, 2), commuting=False, sensing=True),
    "deep linear, sensing": Row(DeepLinear((2, 2, 2)), commuting=False, laws=3, sensing=True),
    "two layers of ReLU": Row(TwoLayerReLU(2, 2), commuting=False, laws=2),
    "two layers, leaky, logistic": Row(TwoLayerReLU(2, 2, slope=0.25), LogisticLoss(), commuting=False, laws=2),
    "landscape": Row(Landscape((x, y), (x * y - 1) ** 2 + x**2), None),
    "landscape with a law": Row(Landscape((x, y), (x * y - 1) ** 2), None, laws=1),
}


@cache
def problem(name: str) -> tuple[Any, np.ndarray]:
    """The objective of a row on random data, and a point."""
    row, rng = ROWS[name], np.random.default_rng(11)
    theta = rng.uniform(0.4, 1.1, row.model.parameters) * rng.choice([-1, 1], row.model.parameters)
    if isinstance(row.model, Landscape):
        return row.model, theta
    if row.sensing:
        return Objective(row.model, row.loss, MatrixSensing(rng.normal(size=(N, *row.model.shape)), rng.normal(size=N))), theta
    relu = isinstance(row.model, TwoLayerReLU)
    inputs, outputs = (row.model.inputs, ()) if relu else (row.model.shape[-1], row.model.shape[:-1])
    X = rng.normal(size=(N, inputs))
    if not isinstance(row.loss, SquaredLoss):
        return Objective(row.model, row.loss, Classification(X, rng.choice([-1.0, 1.0], N))), theta
    return Objective(row.model, row.loss, Regression(X, rng.normal(size=(N, *outputs)))), theta


@cache
def derivation(name: str) -> Any:
    row = ROWS[name]
    if isinstance(row.model, Landscape):
        return derive(row.model)
    return derive(problem(name)[0].model, row.loss)  # under sensing, of the flattened model


def risk(name: str, theta: np.ndarray) -> Any:
    """The risk as its definition says, also at complex θ."""
    row, (objective, _) = ROWS[name], problem(name)
    symbols = row.model.symbols
    if isinstance(row.model, Landscape):
        return sp.lambdify([symbols], row.model.expression, "numpy")(theta)
    X, targets = objective.data.X, objective.data.y
    if isinstance(row.model, TwoLayerReLU):
        B, a = theta[:4].reshape(2, 2), theta[4:]
        Z = X @ B.T
        f = np.where(Z.real > 0, Z, row.model.slope * Z) @ a
    else:
        w = np.array(sp.lambdify([symbols], list(row.model.expressions), "numpy")(theta)).reshape(row.model.shape)
        f = X @ w.ravel() if row.sensing else X @ w.T
    p, t = sp.symbols("p t")
    return np.sum(sp.lambdify([p, t], row.loss.expression(p, t), "numpy")(f, targets)) / N


@pytest.mark.parametrize("name", ROWS)
def test_the_closed_form_is_the_objective_and_both_are_complex_steps(name: str) -> None:
    objective, theta = problem(name)
    row, found = ROWS[name], derivation(name)
    gradient, hessian = objective.gradient(theta), objective.hessian(theta)
    if isinstance(row.model, Landscape):
        exact = found.gradient_at(theta), found.hessian_at(theta)
    elif isinstance(row.model, TwoLayerReLU):
        X, f = objective.data.X, objective.predictions(theta)
        D = np.where(X @ row.model.layers(theta)[0].T > 0, 1.0, row.model.slope)
        features = (D[:, :, None] * X[:, None, :]).reshape(N, -1)
        slope, bend = row.loss.slope(f, objective.data.y), row.loss.bend(f, objective.data.y)
        G, curvature = features.T @ slope, (bend[:, None] * features).T @ features
        exact = found.gradient_at(theta, G), found.hessian_at(theta, G, curvature)
    else:
        G, curvature = objective.gradient_in_w(theta), objective.curvature(theta)
        exact = found.gradient_at(theta, G), found.hessian_at(theta, G, curvature)
    np.testing.assert_allclose(exact[0], gradient, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(exact[1], hessian, rtol=1e-11, atol=1e-12)
    steps = [np.imag(risk(name, theta + 1e-30j * unit)) / 1e-30 for unit in np.eye(len(theta))]
    np.testing.assert_allclose(gradient, steps, rtol=1e-11, atol=1e-12)
    assert objective.risk(theta) == pytest.approx(float(risk(name, theta)), rel=1e-12)


@pytest.mark.parametrize("name", ROWS)
def test_the_source_runs_alone(name: str) -> None:
    objective, theta = problem(name)
    scope: dict[str, Any] = {}
    exec(compile(derivation(name).python(), name, "exec"), scope)
    data = () if isinstance(objective, Landscape) else (objective.data.X, objective.data.y)
    np.testing.assert_allclose(scope["risk"](theta, *data), objective.risk(theta), rtol=1e-12)
    np.testing.assert_allclose(scope["gradient"](theta, *data), objective.gradient(theta), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scope["hessian"](theta, *data), objective.hessian(theta), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scope["hvp"](theta, *data, theta), objective.hvp(theta, theta), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ROWS)
def test_what_was_checked_is_said(name: str) -> None:
    kinds = {statement.partition(":")[0] for statement in derivation(name).checked}
    assert "exact" in kinds
    assert kinds <= {"exact", "numeric", "independent"}
    assert isinstance(ROWS[name].model, Landscape) or "numeric" in kinds


@pytest.mark.parametrize("name", [name for name in ROWS if not isinstance(ROWS[name].model, Landscape)])
def test_predictions_are_what_the_objective_compares(name: str) -> None:
    objective, theta = problem(name)
    np.testing.assert_allclose(objective.model.predict(theta, objective.data.X), objective.predictions(theta), rtol=1e-14)


@pytest.mark.parametrize("name", ROWS)
def test_methods_flows_and_quantities_take_it(name: str) -> None:
    objective, theta = problem(name)
    step = 1e-3
    descent = follow(objective, GradientDescent(step=step), theta, Stop(steps=2))
    by_hand = theta - step * objective.gradient(theta)
    by_hand = by_hand - step * objective.gradient(by_hand)
    np.testing.assert_allclose(descent.final, by_hand, rtol=1e-12, atol=1e-14)
    flow = follow(objective, GradientFlow(accuracy=1e-7), theta, Stop(time=0.1))
    assert flow.ending.item() is Ending.REACHED_TIME
    assert objective.risk(flow.final) < objective.risk(theta)
    found = sharpness(objective, theta)
    assert abs(found.value - np.linalg.eigvalsh(objective.hessian(theta))[-1]) <= found.error + 1e-12 * abs(found.value)


@pytest.mark.parametrize("name", ROWS)
def test_brackets_are_decided(name: str) -> None:
    found = lie_brackets(ROWS[name].model)
    assert found.commuting is ROWS[name].commuting
    assert (found.witness is None) is ROWS[name].commuting
    assert not found.undecided


@pytest.mark.parametrize("name", ROWS)
def test_laws_are_found_and_hold_along_the_flow(name: str) -> None:
    row, (objective, theta) = ROWS[name], problem(name)
    if row.laws is None:
        with pytest.raises(NotPolynomial):
            conserved_quantities(row.model)
        return
    laws = conserved_quantities(row.model)
    assert len(laws) == row.laws
    end = follow(objective, GradientFlow(accuracy=1e-9), theta, Stop(time=0.5)).final
    assert not laws or np.linalg.norm(end - theta) > 1e-3
    for law in laws:
        assert law(end) == pytest.approx(law(theta), abs=1e-7)


def test_every_model_of_the_contract_has_a_row() -> None:
    """All parametrizations, the predictor and the landscape."""
    seen, pending = set(), [Parametrization]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        seen |= {kind} if kind.__module__.startswith("theorycheck") and kind is not Parametrization else set()
    assert seen | {TwoLayerReLU, Landscape} == {type(row.model) for row in ROWS.values()}
