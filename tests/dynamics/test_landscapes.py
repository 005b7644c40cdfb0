"""Bare losses in θ against SymPy at 40 digits; as objectives of methods, flows and quantities; bad input."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.quantities import gradient_norm, hessian_trace, risk, sharpness
from theorycheck.dynamics.trajectories import Ending, Every, Stop, follow
from theorycheck.errors import InvalidArgument, ShapeMismatch, TooLarge
from theorycheck.symbolic.derivations import derive

x, y, z = sp.symbols("x y z", real=True)
bare = sp.Symbol("x")  # of no declared kind
LANDSCAPES = [
    Landscape((x, y), (1 - x) ** 2 + 100 * (y - x**2) ** 2),
    Landscape((x, y, z), sp.exp(x * y) * sp.sin(z) - x * z / (1 + y**2)),
    Landscape((x, y), sp.Piecewise((x**2 * y, x > 0), (-3 * x**2, True)) + y**4),
    Landscape((x, y), x),
    Landscape((x,), 3),
    Landscape(bare, sp.sqrt(1 + bare**2) + 0.1 * bare),
]


@pytest.mark.parametrize("landscape", LANDSCAPES, ids=str)
def test_derivatives_and_their_errors(landscape):
    symbols = list(landscape.symbols)
    gradient = [landscape.expression.diff(s) for s in symbols]
    hessian = [[g.diff(s) for s in symbols] for g in gradient]
    rng = np.random.default_rng(0)
    for theta in rng.standard_normal((5, landscape.parameters)):
        v = rng.standard_normal(landscape.parameters)
        v /= np.linalg.norm(v)
        at = dict(zip(symbols, (sp.Float(float(t), 40) for t in theta), strict=True))

        def exact(e, at=at):
            return mp.mpf(str(sp.N(e.subs(at), 40)))

        with mp.workdps(40):
            off = float(abs(exact(landscape.expression) - mp.mpf(float(landscape.risk(theta)))))
            off_g = [float(exact(e) - mp.mpf(float(f))) for e, f in zip(gradient, landscape.gradient(theta), strict=True)]
            H = np.array([[exact(e) for e in row] for row in hessian], dtype=object)
            off_H = (H - landscape.hessian(theta)).astype(float)
            off_v = (H @ v - landscape.hvp(theta, v)).astype(float)
        assert off <= landscape.risk_error(theta) <= 1e-11 * (1 + abs(landscape.risk(theta)))
        assert np.linalg.norm(off_g) <= landscape.gradient_error(theta) <= 1e-10 * (1 + np.linalg.norm(landscape.gradient(theta)))
        assert np.linalg.norm(off_H, 2) <= landscape.hessian_error(theta) <= 1e-10 * (1 + np.linalg.norm(landscape.hessian(theta)))
        assert np.linalg.norm(off_v) <= landscape.hessian_error(theta)


@pytest.mark.parametrize("leading", [(), (1,), (5,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize("landscape", LANDSCAPES, ids=str)
def test_a_batch_is_a_loop(landscape, leading):
    theta = np.random.default_rng(1).standard_normal((*leading, landscape.parameters))
    for name, axes in {"risk": 0, "gradient": 1, "hessian": 2, "risk_error": 0, "gradient_error": 0, "hessian_error": 0}.items():
        found = getattr(landscape, name)(theta)
        assert found.shape == (*leading, *(landscape.parameters,) * axes)
        for index in np.ndindex(leading):
            np.testing.assert_allclose(found[index], getattr(landscape, name)(theta[index]), rtol=1e-13, atol=1e-15)


def test_descent_is_the_plain_loop():
    landscape, theta, step = LANDSCAPES[0], np.array([[-1.2, 1.0], [0.3, 0.2]]), np.array([1e-3, 5e-4])
    run = follow(landscape, GradientDescent(step=step), theta, Stop(steps=50), record=(risk, sharpness), save=Every(25))
    for _ in range(50):
        a, b = theta.T
        theta = theta - step[:, None] * np.stack([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)], axis=-1)
    np.testing.assert_allclose(run.final, theta, rtol=1e-12)
    assert np.all(run.error < 1e-9)
    assert run.records[risk].shape == run.records[sharpness].shape == (2, 3)


def test_flow_is_the_exponential():
    rates = (3, sp.Rational(1, 2))
    landscape = Landscape((x, y), sum(r * s**2 / 2 for r, s in zip(rates, (x, y), strict=True)))
    start = np.array([[1.0, 2.0], [-0.5, 4.0], [3.0, 0.0]])
    run = follow(landscape, GradientFlow(accuracy=1e-10), start, Stop(time=2.0))
    truth = start * np.exp(-2.0 * np.array(rates, dtype=float))
    assert np.all(np.linalg.norm(run.final - truth, axis=-1) <= np.minimum(run.error, 1e-10 * np.linalg.norm(start, axis=-1)))
    assert np.all(run.ended(Ending.REACHED_TIME))


def test_divergence_is_an_ending():
    run = follow(Landscape((x,), x**4), GradientDescent(step=1.0), np.array([2.0]), Stop(steps=50))
    assert run.ending.item() is Ending.DIVERGED


def test_quantities_have_bars_that_cover_the_truth():
    landscape = Landscape((x, y), 3 * x**2 / 2 - 2 * x * y - y**4 / 12)  # Hessian [[3, -2], [-2, -y²]]
    theta = np.array([[0.0, 0.0], [1.0, 1.0]])
    for quantity, truth in ((sharpness, [4.0, 1 + np.sqrt(8)]), (hessian_trace, [3.0, 2.0]), (gradient_norm, [0.0, np.hypot(1.0, 7 / 3)])):
        found = quantity(landscape, theta)
        assert np.all(np.abs(found.value - truth) <= found.error)
        assert np.all((found.error > 0) & (found.error < 1e-11))


def test_formulas_are_in_the_symbols():
    landscape = Landscape((x, y), x**2 * y)
    assert landscape.gradient_expressions == sp.Matrix([2 * x * y, x**2])
    assert landscape.hessian_expressions == sp.Matrix([[2 * y, 2 * x], [2 * x, 0]])
    assert landscape.latex().startswith("\\begin{aligned}\nR(\\theta) &= x^{2} y \\\\")


def test_symbols_that_are_not_declared_real_stay_the_readers():
    u, v = sp.symbols("u v")
    landscape = Landscape((u, v), sp.re(u) ** 2 * v + sp.log(sp.exp(v)))
    assert landscape.symbols == (u, v)
    assert landscape.expression == u**2 * v + v
    assert landscape.hessian_expressions.subs({u: 1, v: 2}) == sp.Matrix([[4, 2], [2, 0]])
    assert derive(landscape).gradient == landscape.gradient_expressions == sp.Matrix([2 * u * v, u**2 + 1])
    np.testing.assert_array_equal(landscape.gradient([3.0, 2.0]), [12.0, 10.0])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Landscape((x,), x * y + z), InvalidArgument, "uses symbols that are not parameters: y, z; add them"),
        (lambda: Landscape((x,), x + sp.I), InvalidArgument, "is not a real number"),
        (lambda: Landscape((x,), sp.sqrt(-1 - x**2)), InvalidArgument, "is not a real number"),
        (lambda: Landscape((x,), x / sp.Integer(0)), InvalidArgument, "is not a real number"),
        (lambda: Landscape((x,), sp.Abs(x)), InvalidArgument, "has no second derivative in closed form everywhere; write .* as Piecewise"),
        (lambda: Landscape((x,), sp.Function("f")(x)), InvalidArgument, "has no second derivative"),
        (lambda: Landscape((x,), "x**2"), InvalidArgument, "`expression=x\\*\\*2` must be one SymPy expression"),
        (lambda: Landscape((x, y), [x, y]), InvalidArgument, "must be one SymPy expression"),
        (lambda: Landscape((x, y), sp.Matrix([x, y])), InvalidArgument, "must be one SymPy expression"),
        (lambda: Landscape((), sp.Integer(1)), InvalidArgument, "at least one"),
        (lambda: Landscape((x, x), x), InvalidArgument, "must differ"),
        (lambda: Landscape((x, bare), x), InvalidArgument, "must differ"),
        (lambda: Landscape((sp.Symbol("i", imaginary=True),), 1), InvalidArgument, "must be real symbols"),
        (lambda: Landscape(sp.symbols("t:60", real=True), x * 0), TooLarge, "exceed the budget"),
        (lambda: LANDSCAPES[0].gradient([1.0]), ShapeMismatch, "the landscape has 2 parameters"),
    ],
)
def test_bad_input_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()
