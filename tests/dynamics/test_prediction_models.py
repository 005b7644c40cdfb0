"""Two-layer ReLU networks: against SymPy at 40 digits, complex steps and plain loops; the kinks and their convention."""

import copy
import pickle

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.prediction_objectives import PredictionObjective
from theorycheck.dynamics.quantities import gradient_norm, hessian_trace, predictions, risk, sharpness
from theorycheck.dynamics.trajectories import Every, Stop, follow
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear
from theorycheck.symbolic.predictors import TwoLayerReLU

MODELS = [TwoLayerReLU(1, 1), TwoLayerReLU(2, 3), TwoLayerReLU(3, 2, slope=0.2), TwoLayerReLU(2, 2, slope=-0.5)]
LOSSES = [SquaredLoss(), SquaredLoss(0.5), LogisticLoss(), ExponentialLoss()]
CASES = [(model, loss) for model in MODELS for loss in LOSSES]
FUNCTIONS = ["risk", "gradient", "hessian", "risk_error", "gradient_error", "hessian_error", "prediction_error"]


def made(model, loss, leading: tuple[int, ...] = (), n: int = 4, seed: int = 0) -> PredictionObjective:
    rng = np.random.default_rng(seed)
    X, shape = rng.standard_normal((*leading, n, model.inputs)), (*leading, n)
    if isinstance(loss, SquaredLoss):
        return PredictionObjective(model, loss, Regression(X, rng.standard_normal(shape)))
    return PredictionObjective(model, loss, Classification(X, rng.choice([-1.0, 1.0], shape)))


def slow_risk(objective: PredictionObjective, theta: np.ndarray, pattern: np.ndarray) -> complex:
    """By loops over samples and units, on the linear piece given by `pattern` (n, hidden)."""
    model, total = objective.model, 0.0
    d, h = model.inputs, model.hidden  # type: ignore[attr-defined]
    for s, (x, y) in enumerate(zip(objective.data.X, objective.data.y, strict=True)):
        f = sum(theta[h * d + j] * pattern[s, j] * sum(theta[j * d + i] * x[i] for i in range(d)) for j in range(h))
        match objective.loss:
            case SquaredLoss(c):
                total += c * (y - f) ** 2
            case LogisticLoss():
                total += np.log(1 + np.exp(-y * f))
            case ExponentialLoss():
                total += np.exp(-y * f)
    return total / objective.data.samples


def pattern_of(objective: PredictionObjective, theta: np.ndarray) -> np.ndarray:
    Z = objective.model.pre_activations(theta, objective.data.X).value  # type: ignore[attr-defined]
    return np.where(Z > 0, 1.0, objective.model.slope)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("model", "loss"), CASES, ids=str)
def test_gradient_is_a_complex_step_and_hessian_its_difference(model, loss):
    objective, basis = made(model, loss), np.eye(model.parameters)
    for seed in range(3):
        theta = np.random.default_rng(seed).standard_normal(model.parameters)
        away = model.kink_distance(theta, objective.data.X)
        assert away.value > away.error
        pattern = pattern_of(objective, theta)

        def slope(point, objective=objective, pattern=pattern):
            return np.array([slow_risk(objective, row, pattern).imag / 1e-100 for row in point + 1e-100j * basis])

        def difference(h, theta=theta, slope=slope):
            return np.stack([(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in basis], axis=-1)

        hessian = (4 * difference(1e-4) - difference(2e-4)) / 3
        np.testing.assert_allclose(objective.risk(theta), slow_risk(objective, theta, pattern), rtol=1e-13)
        np.testing.assert_allclose(objective.gradient(theta), slope(theta), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(objective.hessian(theta), hessian, atol=1e-9 * (1 + np.abs(hessian).max()))
        v = np.random.default_rng(seed + 9).standard_normal(model.parameters)
        np.testing.assert_allclose(objective.hvp(theta, v), objective.hessian(theta) @ v, rtol=1e-11, atol=1e-12)
        values = np.linalg.eigvalsh(hessian)
        assert abs(sharpness(objective, theta).value - values[-1]) <= 1e-8 * (1 + np.abs(values).max())
        assert abs(hessian_trace(objective, theta).value - values.sum()) <= 1e-8 * (1 + np.abs(values).max())


@pytest.mark.parametrize("loss", LOSSES[1:], ids=str)
@pytest.mark.parametrize("model", MODELS[1:], ids=str)
def test_derivatives_and_their_errors(model, loss):
    objective = made(model, loss, n=2)
    symbols = sp.symbols(f"t:{model.parameters}", real=True)
    rest, d, h = sp.Rational(model.slope), model.inputs, model.hidden
    theta = np.random.default_rng(20).standard_normal(model.parameters)
    pattern, total = pattern_of(objective, theta), sp.S.Zero
    for s in range(2):
        x = [sp.Rational(float(value)) for value in objective.data.X[s]]
        f = sum(symbols[h * d + j] * (1 if pattern[s, j] == 1 else rest) * sum(symbols[j * d + i] * x[i] for i in range(d)) for j in range(h))
        total += objective.loss.expression(f, sp.Rational(float(objective.data.y[s]))) / 2
    gradient = sp.Matrix([total.diff(t) for t in symbols])
    with mp.workdps(40):
        at = [mp.mpf(float(t)) for t in theta]
        R, g, H = (sp.lambdify(symbols, e, "mpmath", cse=True)(*at) for e in (total, gradient, gradient.jacobian(sp.Matrix(symbols))))
        off = float(abs(R - mp.mpf(float(objective.risk(theta)))))
        off_g = (np.array(g.tolist(), dtype=object)[:, 0] - objective.gradient(theta)).astype(float)
        off_H = (np.array(H.tolist(), dtype=object) - objective.hessian(theta)).astype(float)
    assert off <= objective.risk_error(theta) <= 1e-12 * (1 + float(R))
    assert np.linalg.norm(off_g) <= objective.gradient_error(theta) <= 1e-12 * (1 + float(mp.norm(g)))
    assert np.linalg.norm(off_H, 2) <= objective.hessian_error(theta) <= 1e-10 * (1 + np.linalg.norm(objective.hessian(theta)))


@pytest.mark.parametrize(("lanes_of_data", "lanes_of_theta"), [((), (4,)), ((4,), ()), ((4,), (4,)), ((2, 1), (3,))], ids=str)
@pytest.mark.parametrize(("model", "loss"), CASES[4:12], ids=str)
def test_a_batch_is_a_loop(model, loss, lanes_of_data, lanes_of_theta):
    objective = made(model, loss, lanes_of_data)
    theta = np.random.default_rng(7).standard_normal((*lanes_of_theta, model.parameters))
    lanes = np.broadcast_shapes(lanes_of_data, lanes_of_theta)
    wide = np.broadcast_to(theta, (*lanes, model.parameters))
    found = {name: getattr(objective, name)(theta) for name in FUNCTIONS} | {"hvp": objective.hvp(theta, theta)}
    for index in np.ndindex(lanes):
        mask = np.zeros(lanes, dtype=bool)
        mask[index] = True
        one, point = objective.chosen(lanes, mask), wide[index]
        for name, values in found.items():
            alone = one.hvp(point, point) if name == "hvp" else getattr(one, name)(point)
            np.testing.assert_allclose(values[index], alone[0] if one.lanes else alone, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_at_a_kink_the_convention_rules(slope):
    model = TwoLayerReLU(2, 2, slope)
    objective = PredictionObjective(model, SquaredLoss(), Regression([[1.0, 2.0], [0.0, 0.0]], [1.0, 1.0]))
    at_zero, below = np.array([0.0, 0.0, 1.0, 0.0, 2.0, 1.0]), np.array([-1e-9, 0.0, 1.0, 0.0, 2.0, 1.0])
    assert model.kink_distance(at_zero, objective.data.X).value == 0.0
    for function in (objective.gradient, objective.hessian):
        assert np.all(np.isfinite(function(at_zero)))
        np.testing.assert_allclose(function(at_zero), function(below), atol=1e-7)
    assert objective.gradient_error(at_zero) < 1e-12  # a pre-activation of exact zero leaves nothing open


def test_where_rounding_leaves_the_piece_open_the_bar_has_the_jump():
    model = TwoLayerReLU(3, 1)
    objective = PredictionObjective(model, SquaredLoss(), Regression([[0.1, 0.2, -0.3]], [1.0]))
    theta, moved = np.array([1.0, 1.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0 + 1e-12, 2.0])
    jump = np.linalg.norm(objective.gradient(np.array([1.0, 1.0, 1.0 - 1e-12, 2.0])) - objective.gradient(moved))
    assert jump > 1
    assert objective.gradient_error(theta) >= jump
    assert objective.gradient_error(moved) < 1e-12


def test_kink_distance_is_the_least_pre_activation():
    model, rng = TwoLayerReLU(3, 4), np.random.default_rng(3)
    theta, X = rng.standard_normal((5, 16)), rng.standard_normal((5, 6, 3))
    found = model.kink_distance(theta, X)
    for lane in range(5):
        least = min(abs(sum(theta[lane, 3 * j + i] * x[i] for i in range(3))) for x in X[lane] for j in range(4))
        assert abs(found.value[lane] - least) <= found.error[lane] <= 1e-13


def test_slope_one_is_a_deep_linear_network():
    rng, wide, deep = np.random.default_rng(4), TwoLayerReLU(3, 2, slope=1.0), DeepLinear((3, 2, 1))
    data, theta = Regression(rng.standard_normal((5, 3)), rng.standard_normal(5)), rng.standard_normal(8)
    for name in ("risk", "gradient", "hessian"):
        found, twin = (getattr(o, name)(theta) for o in (PredictionObjective(wide, SquaredLoss(), data), Objective(deep, SquaredLoss(), data)))
        np.testing.assert_allclose(found, twin, rtol=1e-12, atol=1e-13)


def test_descent_is_the_plain_loop():
    model = TwoLayerReLU(2, 3)
    objective, theta = made(model, SquaredLoss(), (2,)), np.random.default_rng(6).standard_normal((2, 9))
    run = follow(objective, GradientDescent(step=0.02), theta, Stop(steps=40), record=(risk, sharpness, gradient_norm), save=Every(20))
    for _ in range(40):
        theta = theta - 0.02 * objective.gradient(theta)
    np.testing.assert_allclose(run.final, theta, rtol=1e-12)
    assert run.records[risk].shape == run.records[sharpness].shape == run.records[gradient_norm].shape == (2, 3)
    assert predictions(objective, theta).shape == (2, 4)
    assert np.all(run.error < 1e-10)


def test_what_is_not_finite_stays_so():
    objective = made(TwoLayerReLU(2, 2), SquaredLoss())
    with np.errstate(all="ignore"):
        for name in ("risk", "gradient", "hessian"):
            assert not np.all(np.isfinite(getattr(objective, name)(np.array([np.nan, 1.0, 1.0, 1.0, 1.0, 1.0]))))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TwoLayerReLU(0, 2), InvalidArgument, "`inputs=0` must be a positive whole number"),
        (lambda: TwoLayerReLU(2, 2, slope=np.nan), InvalidArgument, "slope"),
        (lambda: TwoLayerReLU(2, 2).predict(np.ones(5), np.ones((3, 2))), ShapeMismatch, "has 6 parameters"),
        (lambda: TwoLayerReLU(2, 2).predict(np.ones(6), np.ones((3, 4))), ShapeMismatch, r"must end with \(n, 2\)"),
        (lambda: PredictionObjective(TwoLayerReLU(2, 2), SquaredLoss(), Regression(np.ones((3, 1)), np.ones(3))), ShapeMismatch, "2 inputs"),
        (
            lambda: PredictionObjective(TwoLayerReLU(2, 2), SquaredLoss(), Regression(np.ones((3, 2)), np.ones((3, 1)))),
            ShapeMismatch,
            "one target a sample",
        ),
        (
            lambda: PredictionObjective(DeepLinear((2, 1)), SquaredLoss(), Regression(np.ones((3, 2)), np.ones(3))),  # type: ignore[arg-type]
            InvalidArgument,
            "or a Parametrization to Objective",
        ),
        (
            lambda: Objective("a model", SquaredLoss(), Regression(np.ones((3, 2)), np.ones(3))),  # type: ignore[arg-type]
            InvalidArgument,
            "has neither a map θ -> w",
        ),
    ],
)
def test_bad_input_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_objective_takes_a_model_that_has_predictions_only():
    model, data = TwoLayerReLU(2, 2), Regression([[1.0, 2.0], [0.5, -1.0]], [1.0, 0.0])
    objective = Objective(model, SquaredLoss(), data)
    assert objective == PredictionObjective(model, SquaredLoss(), data)
    assert isinstance(Objective(DeepLinear((2, 1)), SquaredLoss(), data), Objective)
    assert pickle.loads(pickle.dumps(objective)).model == copy.deepcopy(objective).model == model
    through_w = Objective(DeepLinear((2, 1)), SquaredLoss(), data)
    assert pickle.loads(pickle.dumps(through_w)).model == through_w.model
