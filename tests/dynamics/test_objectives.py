"""Objectives against SymPy: value, gradient, Hessian, and the bounds on their rounding; batches against loops."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.predictors import TwoLayerReLU

p, q = sp.symbols("p q", real=True)
MODELS = [
    DeepLinear((2, 2, 1)),
    DeepLinear((2, 1, 1, 1)),
    DeepLinear((1, 2, 2)),
    DeepLinear((3, 1)),
    Diagonal(2, 2),
    Hadamard(2),
    Entrywise((p, q), (sp.exp(p) * q, q**2)),
]
LOSSES = [SquaredLoss(), SquaredLoss(0.5), LogisticLoss(), ExponentialLoss()]
CASES = [(model, loss) for model in MODELS for loss in LOSSES if len(model.shape) == 1 or isinstance(loss, SquaredLoss)]


def made(model, loss, leading: tuple[int, ...] = (), n: int = 3, seed: int = 0) -> Objective:
    rng = np.random.default_rng(seed)
    X, shape = rng.standard_normal((*leading, n, model.shape[-1])), (*leading, n, *model.shape[:-1])
    if isinstance(loss, SquaredLoss):
        return Objective(model, loss, Regression(X, rng.standard_normal(shape)))
    return Objective(model, loss, Classification(X, rng.choice([-1.0, 1.0], shape)))


def exact(objective: Objective) -> sp.Expr:
    """The risk as one expression of θ: data in rational numbers."""
    model, data = objective.model, objective.data
    X, Y = data.X, data.y.reshape(data.samples, -1)
    W = sp.Matrix(data.outputs, data.inputs, model.expressions)
    total = sp.S.Zero
    for x, y in zip(X, Y, strict=True):
        for prediction, target in zip(W * sp.Matrix([sp.Rational(float(value)) for value in x]), y, strict=True):
            total += objective.loss.expression(prediction, sp.Rational(float(target)))
    return total / data.samples


@pytest.mark.parametrize(("model", "loss"), CASES, ids=str)
def test_derivatives_and_their_errors(model, loss):
    objective, symbols = made(model, loss), list(model.symbols)
    risk = exact(objective)
    gradient = sp.Matrix([risk.diff(x) for x in symbols])
    hessian = gradient.jacobian(symbols)
    functions = [sp.lambdify(symbols, e, "mpmath", cse=True) for e in (risk, gradient, hessian)]
    for seed in range(4):
        theta = np.random.default_rng(100 + seed).standard_normal(model.parameters)
        with mp.workdps(40):
            at = [mp.mpf(float(x)) for x in theta]
            R, g, H = (function(*at) for function in functions)
            off = float(abs(R - mp.mpf(float(objective.risk(theta)))))
            found = objective.gradient(theta), objective.hessian(theta)
            off_g = np.array([float(a - b) for a, b in zip(g, map(float, found[0]), strict=True)])
            off_H = np.array([float(a - b) for a, b in zip(H, map(float, found[1].ravel()), strict=True)]).reshape(found[1].shape)
        assert off <= objective.risk_error(theta) <= 1e-12 * max(1.0, float(R))
        assert np.linalg.norm(off_g) <= objective.gradient_error(theta) <= 1e-12 * (1 + np.linalg.norm(found[1]))
        assert np.linalg.norm(off_H, 2) <= objective.hessian_error(theta) <= 1e-11 * (1 + np.linalg.norm(found[1]))
        v = np.random.default_rng(seed).standard_normal(model.parameters)
        v /= np.linalg.norm(v)
        assert np.linalg.norm(found[1] @ v - objective.hvp(theta, v)) <= 2 * objective.hessian_error(theta)


FUNCTIONS = ["risk", "gradient", "hessian", "gradient_in_w", "risk_error", "gradient_error", "hessian_error"]


@pytest.mark.parametrize(("model", "loss"), CASES, ids=str)
@pytest.mark.parametrize(("lanes_of_data", "lanes_of_theta"), [((), (4,)), ((4,), ()), ((4,), (4,)), ((2, 1), (3,))], ids=str)
def test_a_batch_is_a_loop(model, loss, lanes_of_data, lanes_of_theta):
    objective = made(model, loss, lanes_of_data)
    theta = np.random.default_rng(7).standard_normal((*lanes_of_theta, model.parameters))
    lanes = np.broadcast_shapes(lanes_of_data, lanes_of_theta)
    wide = np.broadcast_to(theta, (*lanes, model.parameters))
    found = {name: getattr(objective, name)(theta) for name in FUNCTIONS} | {"hvp": objective.hvp(theta, theta)}
    for index in np.ndindex(lanes):
        mask = np.zeros(lanes, dtype=bool)
        mask[index] = True
        one = objective.chosen(lanes, mask)
        for name, values in found.items():
            point = wide[index]
            alone = one.hvp(point, point) if name == "hvp" else getattr(one, name)(point)
            alone = alone[0] if one.lanes else alone
            np.testing.assert_allclose(values[index], alone, rtol=1e-12, atol=1e-13, err_msg=name)


def test_curvature_is_the_hessian_in_w():
    for loss in LOSSES:
        objective = made(DeepLinear((3, 1)), loss)
        theta = np.array([0.3, -0.2, 0.5])
        np.testing.assert_allclose(np.broadcast_to(objective.curvature(theta), (3, 3)), objective.hessian(theta), rtol=1e-13, atol=1e-15)


def test_risk_goes_through_residuals():
    X = np.array([[1.0], [1.0]])
    objective = Objective(DeepLinear((1, 1)), SquaredLoss(), Regression(X, [1e8, 1e8]))
    assert objective.risk(np.array([1e8])) == 0.0
    assert objective.risk(np.array([1e8 + 1.0])) == 1.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: Objective(DeepLinear((3, 1)), SquaredLoss(), Regression(np.ones((4, 2)), np.ones(4))),
            ShapeMismatch,
            r"`X.shape=\(4, 2\)` must end with the 3 inputs",
        ),
        (
            lambda: Objective(DeepLinear((2, 1)), SquaredLoss(), Regression(np.ones((4, 2)), np.ones((4, 3)))),
            ShapeMismatch,
            r"`y.shape=\(4, 3\)` must end with \(4,\)",
        ),
        (lambda: Objective(DeepLinear((2, 3)), SquaredLoss(), Regression(np.ones((4, 2)), np.ones(4))), ShapeMismatch, r"must end with \(4, 3\)"),
        (lambda: Objective(DeepLinear((2, 3)), LogisticLoss(), Regression(np.ones((4, 2)), np.ones((4, 3)))), InvalidArgument, "one output only"),
        (lambda: made(DeepLinear((2, 1)), SquaredLoss()).gradient(np.ones(3)), ShapeMismatch, "has 2 parameters"),
        (lambda: made(DeepLinear((2, 1)), SquaredLoss()).gradient("steep"), InvalidArgument, "`theta=steep` must be an array of real numbers"),
        (lambda: made(DeepLinear((2, 1)), SquaredLoss()).gradient(np.ones(2) * 1j), InvalidArgument, "must be an array of real numbers"),
        (lambda: made(DeepLinear((2, 1)), SquaredLoss), InvalidArgument, r"`loss=<class .*` is no loss of predictions; pass tc.SquaredLoss\(\)"),
        (lambda: made(DeepLinear((2, 1)), None), InvalidArgument, "`loss=None` is no loss of predictions"),
        (lambda: Objective(DeepLinear((2, 1)), SquaredLoss(), np.ones((4, 2))), InvalidArgument, "is no data; pass tc.Regression"),
        (lambda: Objective(TwoLayerReLU(2, 1), SquaredLoss(), None), InvalidArgument, "`data=None` is no data"),
        (lambda: DeepLinear((3, 2.5, 1)), InvalidArgument, r"`widths=\(3, 2.5, 1\)` must be at least two positive whole numbers"),
    ],
)
def test_bad_input_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()
