"""The parts of the integrators: coefficients, orders, events inside a step, the policy."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate._ivp import dop853_coefficients as published

from theorycheck.dynamics.costs import Integrator
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.integrators.events import Watch
from theorycheck.dynamics.integrators.explicit import DormandPrince
from theorycheck.dynamics.integrators.fields import GradientField, LossClock, MirrorField, steepness
from theorycheck.dynamics.integrators.implicit import ExtrapolatedEuler
from theorycheck.dynamics.integrators.plans import PATIENCE_COMPILED, Network, plan_of
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import At, Ending, Stop, follow
from theorycheck.symbolic.kernels.flows.control import EDGE
from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE, FIFTH, NODES, SOLUTION, THIRD
from theorycheck.symbolic.losses import ExponentialLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Hadamard
from theorycheck.symbolic.potentials import legendre_potential

SCHEMES = {  # with two steps, one half of the other, small enough to see the order and large enough to see no rounding
    "explicit": (DormandPrince(), 8, 0.4),
    "3 columns": (ExtrapolatedEuler(3), 3, 0.1),
    "4 columns": (ExtrapolatedEuler(4), 4, 0.1),
    "5 columns": (ExtrapolatedEuler(5), 5, 0.1),
}


def row(number):
    """One row of the packed tableau, in full."""
    full = np.zeros(16)
    count = DORMAND_PRINCE.counts[number]
    full[DORMAND_PRINCE.stages[number, :count]] = DORMAND_PRINCE.values[number, :count]
    return full


def test_coefficients_satisfy_the_order_conditions():
    """Bushy trees of order up to 8, row sums, and embedded methods that differ by a combination of weight 0."""
    for s in range(16):
        np.testing.assert_array_equal(row(s), published.A[s])
        assert abs(row(s).sum() - NODES[s]) < 1e-14
    for k in range(8):
        assert abs(row(SOLUTION)[:12] @ NODES[:12] ** k - 1 / (k + 1)) < 1e-14
    assert abs(row(SOLUTION)[:12] @ NODES[:12] ** 8 - 1 / 9) > 1e-6
    for k in range(3):
        assert abs(row(THIRD)[:12] @ NODES[:12] ** k) < 1e-14
        assert abs(row(FIFTH)[:12] @ NODES[:12] ** k) < 1e-14


@dataclass(frozen=True)
class Curve:
    """ẋ = f(x) for one lane or several, θ = x; the time of a rotation and a decay: (x, y)' = (-y - x/10, x - y³)."""

    def slope(self, x):
        return np.stack([-x[..., 1] - x[..., 0] / 10, x[..., 0] - x[..., 1] ** 3], axis=-1)

    def jacobian(self, x):
        out = np.zeros((*x.shape, 2))
        out[..., 0, 0], out[..., 0, 1], out[..., 1, 0], out[..., 1, 1] = -0.1, -1.0, 1.0, -3 * x[..., 1] ** 2
        return out

    def theta(self, x):
        return x


def solved(scheme, h, time=1.6, start=(1.0, 0.5)):
    field, x = Curve(), np.array([start])
    for _ in range(round(time / h)):
        x = scheme.step(field, x, field.slope(x), np.array([h])).state
    return x[0]


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_has_its_order(name):
    scheme, order, h = SCHEMES[name]
    truth = solved(DormandPrince(), 0.025)
    errors = [np.linalg.norm(solved(scheme, h) - truth) for h in (h, h / 2)]
    assert order - 0.4 < np.log2(errors[0] / errors[1]) < order + 1
    assert scheme.order == order


@pytest.mark.parametrize("scheme", [DormandPrince(), ExtrapolatedEuler()], ids=["explicit", "implicit"])
def test_inside_a_step_is_on_the_curve(scheme):
    field, x, h = Curve(), np.array([[1.0, 0.5], [0.3, -0.2]]), np.array([0.2, 0.1])
    inside = scheme.step(field, x, field.slope(x), h).inside(np.array([[0.0, 0.25], [0.5, 1.0]]))
    assert inside.shape == (2, 2, 2)
    for k, lane, fraction in ((0, 0, 0.0), (0, 1, 0.25), (1, 0, 0.5), (1, 1, 1.0)):
        truth = solved(DormandPrince(), fraction * h[lane] / 4, fraction * h[lane], x[lane]) if fraction else x[lane]
        np.testing.assert_allclose(inside[k, lane], truth, atol=1e-9)


def test_errors_are_estimated_in_time():
    """The implicit method's own estimate, of the method of one order less, bounds the error of a step."""
    scheme, field, x = ExtrapolatedEuler(), Curve(), np.array([[1.0, 0.5]])
    for h in (0.8, 0.4, 0.2):
        step = scheme.step(field, x, field.slope(x), np.array([h]))
        assert np.linalg.norm(step.state[0] - solved(DormandPrince(), h / 32, h)) <= 4 * np.linalg.norm(step.errors[0])


def fields():
    rng = np.random.default_rng(0)
    X, y, start = rng.normal(size=(2, 4, 3)), np.sign(rng.normal(size=(2, 4))), rng.uniform(0.4, 1.0, size=(2, 6))
    for loss in (SquaredLoss(), ExponentialLoss()):
        for model in (Diagonal(3, 2), Diagonal(3, 3), Hadamard(3)):
            objective = Objective(model, loss, Regression(X, y))
            theta, mirror = GradientField(objective), MirrorField(objective, legendre_potential(model, start))
            mu = 0.02 * rng.normal(size=(2, 3))
            tau = rng.uniform(size=(2, 1))
            yield theta, start
            yield mirror, mu
            yield LossClock(theta), np.concatenate([start, tau], axis=-1)
            yield LossClock(mirror), np.concatenate([mu, tau], axis=-1)


def test_fields_agree_with_their_derivatives():
    """Jacobian, differential and tangent against central differences; and all coordinates against the flow in θ."""
    small = 1e-6
    for field, x in fields():
        units = np.eye(x.shape[-1])
        slope, J = field.slope(x), field.jacobian(x)
        differences = [(field.slope(x + small * unit) - field.slope(x - small * unit)) / (2 * small) for unit in units]
        np.testing.assert_allclose(J, np.stack(differences, axis=-1), rtol=1e-5, atol=1e-6)
        risks = [(field.risk(x + small * unit) - field.risk(x - small * unit)) / (2 * small) for unit in units]
        np.testing.assert_allclose(field.differential(x, slope), np.stack(risks, axis=-1), rtol=1e-5, atol=1e-7)
        clocked = isinstance(field, LossClock)
        inner, y = (field.inner, x[:, :-1]) if clocked else (field, x)
        by_time = slope[:, : y.shape[-1]] * (field.risk(x)[:, None] if clocked else 1.0)
        ahead, behind, theta = inner.theta(y + small * by_time), inner.theta(y - small * by_time), field.theta(x)
        np.testing.assert_allclose((ahead - behind) / (2 * small), -inner.objective.gradient(theta), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(steepness(field, x, slope), np.linalg.norm(inner.objective.gradient(theta), axis=-1), rtol=1e-12)


# -- events --


@dataclass(frozen=True)
class Line:
    """ẋ = 1: θ is the time."""

    def slope(self, x):
        return np.ones_like(x)

    def theta(self, x):
        return x


@dataclass(frozen=True)
class Nothing:
    """An objective that no event looks at."""

    def chosen(self, lanes, mask):
        return self


CROSSINGS = {  # functions of the time in one step of length 1, and the first time at which they change their sign
    "three in a step": (lambda t: np.cos(9 * t + 0.2), (np.pi / 2 - 0.2) / 9),
    "none": (lambda t: 2 + np.cos(9 * t), np.inf),
    "two close together": (lambda t: (t - 0.43) * (t - 0.44), 0.43),
    "two very close together": (lambda t: (t - 0.53) ** 2 - 1e-8, 0.53 - 1e-4),
    "touches and goes": (lambda t: (t - 0.3) ** 2 + 1e-3, np.inf),
    "at the end": (lambda t: 1.0 - t, 1.0),
    "from zero": (lambda t: t * (0.7 - t), 0.7),
    "not a number": (lambda t: np.where(t < 0.3, np.nan, t - 0.6), 0.6),
}


def test_the_first_crossing_inside_a_step_is_found():
    functions = [function for function, _ in CROSSINGS.values()]

    def event(objective, theta):
        return np.stack([function(theta[..., lane, 0]) for lane, function in enumerate(functions)], axis=-1)

    field, x = Line(), np.zeros((len(functions), 1))
    watch = Watch(event, Nothing(), np.zeros(len(functions)))
    watch.begin(x)
    step = DormandPrince().step(field, x, field.slope(x), np.ones(len(functions)))
    found = watch.crossing(field, step, np.ones(len(functions), dtype=bool))
    for lane, (name, (_, truth)) in enumerate(CROSSINGS.items()):
        assert found[lane] == truth if np.isinf(truth) else abs(found[lane] - truth) < 1e-12, name
    assert np.all(np.isinf(watch.crossing(field, step, np.zeros(len(functions), dtype=bool))))


@pytest.mark.parametrize("stiff", [False, True])
def test_a_flow_stops_at_the_first_of_several_crossings(stiff):
    """In a linear flow |θ_1 - 0.5| - 0.3 changes its sign at θ_1 = 0.8, and again at 0.2; a stiff direction asks for large steps."""
    curvature = np.array([1.0, 1e6 if stiff else 2.0])
    root = np.sqrt(2 * curvature)
    objective = Objective(DeepLinear((2, 1)), SquaredLoss(0.5), Regression(np.diag(root), np.zeros(2)))
    until = Stop(time=10.0, event=lambda objective, theta: np.abs(theta[..., 0] - 0.5) - 0.3)
    run = follow(objective, GradientFlow(accuracy=1e-9), [1.0, 1.0], until, save=At([0.1, 5.0]))
    assert run.ending.item() is Ending.EVENT
    assert run.cost.integrator.item() is (Integrator.IMPLICIT if stiff else Integrator.EXPLICIT)
    time = np.log(1 / 0.8)
    np.testing.assert_allclose(run.times, [0.1, time], atol=1e-9)
    np.testing.assert_allclose(run.states[:, 0], [np.exp(-0.1), 0.8], atol=1e-9)
    assert abs(run.final[0] - 0.8) <= run.error <= 1e-8


# -- the policy --


@pytest.mark.parametrize(
    ("condition", "time", "integrator"),
    [(1.0, 10.0, Integrator.EXPLICIT), (1e6, 10.0, Integrator.IMPLICIT), (1e6, 1e-6, Integrator.EXPLICIT), (1e3, 1e4, Integrator.IMPLICIT)],
)
def test_the_policy_looks_at_curvature_times_time(condition, time, integrator):
    root = np.sqrt(2 * np.array([1.0, condition]))
    objective = Objective(DeepLinear((2, 1)), SquaredLoss(0.5), Regression(np.diag(root), root))
    run = follow(objective, GradientFlow(accuracy=1e-7), [0.0, 0.5], Stop(time=time))
    assert run.cost.integrator.item() is integrator
    truth = 1 - np.array([1.0, 0.5]) * np.exp(-np.array([1.0, condition]) * time)
    error = np.linalg.norm(run.final - truth)
    assert error <= run.error <= 1e-7 * max(np.linalg.norm(run.final), 0.5)


@pytest.mark.parametrize("widths", [(3, 2), (2, 2, 1), (4, 4, 4, 1), (2, 7, 2, 2), (5,) * 10 + (1,)], ids=str)
@pytest.mark.parametrize("scale", [0.1, 0.7, 2.0])
def test_the_policy_may_look_at_a_bound_on_the_curvature_instead(widths, scale):
    """Above the norm of the Hessian, and not so far above it that it would never serve."""
    rng, model = np.random.default_rng(0), DeepLinear(widths)
    y = rng.normal(size=(6, 9) if widths[-1] == 1 else (6, 9, widths[-1]))
    objective = Objective(model, SquaredLoss(), Regression(rng.normal(size=(6, 9, widths[0])), y))
    theta = scale * rng.normal(size=(6, model.parameters))
    bound, size = Network.of(objective, 6).curvature(theta), np.linalg.norm(objective.hessian(theta), axis=(-1, -2))
    assert np.all((size <= bound) & (bound <= 30 * size))
    plan = plan_of(objective, theta)
    np.testing.assert_array_equal(plan.surveyed(0.9 * EDGE * PATIENCE_COMPILED / bound).curvature, bound)
    np.testing.assert_allclose(plan.surveyed(2 * EDGE * PATIENCE_COMPILED / bound).curvature, size, rtol=1e-12)
    np.testing.assert_allclose(plan.surveyed(np.where(np.arange(6) > 0, np.inf, 1e-9)).curvature, size, rtol=1e-12)


def test_explicit_steps_at_the_edge_of_stability_hand_over():
    """A valley that is flat at the start and steep at the end: x' = 1 towards 6, y' = -e^(2x) y."""
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    landscape = Landscape((x, y), sp.log(1 + sp.exp(2 * (x - 6))) * 4 - x + sp.exp(2 * x) * y**2 / 2)
    run = follow(landscape, GradientFlow(accuracy=1e-6), [-3.0, 0.1], Stop(time=300.0))
    assert run.cost.integrator.item() is Integrator.IMPLICIT
    assert run.cost.evaluations < 20_000
    assert np.linalg.norm(landscape.gradient(run.final)) < 1e-6
    unhurried = follow(landscape, GradientFlow(accuracy=1e-6), [-3.0, 0.1], Stop(time=2.0))
    assert unhurried.cost.integrator.item() is Integrator.EXPLICIT
