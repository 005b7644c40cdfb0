"""Losses: numeric values against the exact expressions, the exact derivatives against SymPy's, and the edges."""

import numpy as np
import pytest
import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.identities import Identity, Proof
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, Loss, SquaredLoss

LOSSES = [SquaredLoss(), SquaredLoss(c=0.5), SquaredLoss(c=0.1), SquaredLoss(c=2**-0.5), LogisticLoss(), ExponentialLoss()]
F, Y = sp.symbols("f y", real=True)


def exact(expression: sp.Expr, f: float, y: float) -> float:
    return float(expression.subs({F: sp.Rational(f), Y: sp.Rational(y)}).evalf(40))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_exact_derivatives_are_the_derivatives_of_the_expression(loss: Loss) -> None:
    value, slope, bend = loss.expression(F, Y), loss.slope_expression(F, Y), loss.bend_expression(F, Y)
    assert isinstance(Identity(slope, value.diff(F)).prove(), Proof)
    assert isinstance(Identity(bend, value.diff(F, 2)).prove(), Proof)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize(("shape", "axis"), [((4,), -1), ((1,), -1), ((4, 3), -2), ((1, 1), -2)])
def test_numeric_values_are_those_of_the_expressions(loss: Loss, shape: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(1)
    f, y = 3 * rng.normal(size=shape), np.sign(rng.normal(size=shape))
    entries = list(zip(f.ravel(), y.ravel(), strict=True))
    n = shape[0]
    assert loss.risk(f, y, sample_axis=axis) == pytest.approx(sum(exact(loss.expression(F, Y), *e) for e in entries) / n, rel=1e-14)
    for numeric, expression in ((loss.slope, loss.slope_expression(F, Y)), (loss.bend, loss.bend_expression(F, Y))):
        found = numeric(f, y, sample_axis=axis)
        assert found.shape == shape
        np.testing.assert_allclose(found.ravel(), [exact(expression, *e) / n for e in entries], rtol=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize(("trailing", "axis"), [((5,), -1), ((5, 2), -2)])
def test_leading_axes_broadcast(loss: Loss, trailing: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(2)
    f, y = rng.normal(size=(3, 1, *trailing)), np.sign(rng.normal(size=(2, *trailing)))
    assert loss.risk(f, y, sample_axis=axis).shape == (3, 2)
    for method in (loss.risk, loss.slope, loss.bend):
        stacked = method(f, y, sample_axis=axis)
        alone = [[method(f[i, 0], y[j], sample_axis=axis) for j in range(2)] for i in range(3)]
        np.testing.assert_array_equal(stacked, np.array(alone))


@pytest.mark.parametrize("margin", [-1e308, -1e4, -745.0, -40.0, 0.0, 40.0, 745.0, 1e4, 1e308])
def test_logistic_never_overflows(margin: float) -> None:
    loss, y = LogisticLoss(), np.array([1.0])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        risk, slope, bend = loss.risk([margin], y), loss.slope([margin], y), loss.bend([margin], y)
    z = sp.Rational(margin)
    if abs(margin) < 1e5:
        assert risk == pytest.approx(float(sp.log(1 + sp.exp(-z)).evalf(30)), rel=1e-14)
        assert slope == pytest.approx(float((-1 / (1 + sp.exp(z))).evalf(30)), rel=1e-14)
        assert bend == pytest.approx(float((1 / ((1 + sp.exp(z)) * (1 + sp.exp(-z)))).evalf(30)), rel=1e-13)
    else:
        assert [float(np.squeeze(value)) for value in (risk, slope, bend)] == ([-margin, -1.0, 0.0] if margin < 0 else [0.0, 0.0, 0.0])


@pytest.mark.parametrize(("c", "rational"), [(1, "1"), (0.5, "1/2"), (0.1, "1/10"), (1 / 3, "1/3"), (25.0, "25")])
def test_the_constant_is_the_short_rational(c: float, rational: str) -> None:
    assert SquaredLoss(c).constant == sp.Rational(rational)


def test_a_constant_without_a_short_rational_stays_exact() -> None:
    c = 2**-0.5
    assert SquaredLoss(c).constant == sp.Rational(c)
    assert SquaredLoss(1) == SquaredLoss(1.0)


@pytest.mark.parametrize("c", [0.0, -1.0, float("nan"), float("inf"), [1.0, 2.0]])
def test_a_bad_constant_is_named(c: object) -> None:
    with pytest.raises(InvalidArgument, match="`c="):
        SquaredLoss(c)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prediction", "target", "axis"),
    [((5,), (4,), -1), ((5, 1), (5,), -1), ((5,), (5, 1), -2), ((5, 2), (5, 1), -2), ((), (), -1)],
)
def test_targets_never_broadcast_across_samples(prediction: tuple[int, ...], target: tuple[int, ...], axis: int) -> None:
    with pytest.raises(ShapeMismatch, match="must end with the same"):
        SquaredLoss().risk(np.ones(prediction), np.ones(target), sample_axis=axis)


def test_an_unknown_sample_axis_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="`sample_axis=0`"):
        SquaredLoss().risk(np.ones(3), np.ones(3), sample_axis=0)
