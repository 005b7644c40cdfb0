"""Flows that do not go well: explosions, poles, kinks, overflow, bad data; each ends for the right reason, soon, with what was reached."""

import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.prediction_objectives import PredictionObjective
from theorycheck.dynamics.trajectories import At, Ending, Stop, follow
from theorycheck.errors import NotFinite
from theorycheck.symbolic.losses import LinearLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise
from theorycheck.symbolic.predictors import TwoLayerReLU

x, y = sp.symbols("x y", real=True)
SOON = 20_000  # evaluations, of all runs; those of two runs of 50,000 attempted steps are 60 times as many


def landscape(expression):
    return Landscape((x, y), expression)


def ascent(model):
    """The flow up w, from layers of one unit."""
    return Objective(model, LinearLoss(((1.0, (-1.0,)),)), Regression([[1.0]], [-1.0]))


def by_hand(model):
    return Entrywise(model.symbols, model.expressions)


POWERS = {depth: Diagonal(1, depth, signed=False) for depth in (3, 4, 6)}
EXPLOSIONS = {  # objective, start, the time of the explosion
    **{f"u^{D}": (ascent(by_hand(model)), [0.5], 1 / (D * (D - 2) * 0.5 ** (D - 2))) for D, model in POWERS.items()},
    **{f"u^{D} in mirror coordinates": (ascent(model), [0.5], 1 / (D * (D - 2) * 0.5 ** (D - 2))) for D, model in POWERS.items()},
    "deep network": (ascent(DeepLinear((1, 1, 1, 1))), [0.5, 0.5, 0.5], 2.0),
    "x'=x³": (landscape(-(x**4) / 4 + y**2 / 2), [0.5, 1.0], 2.0),
    "x'=exp(x)": (landscape(-sp.exp(x) + y**2 / 2), [0.0, 1.0], 1.0),
}


@pytest.mark.parametrize("until", [Stop(time=50.0), Stop(gradient_norm=1e-8), Stop(time=1e9, gradient_norm=1e-8)], ids=["time", "rest", "both"])
@pytest.mark.parametrize("name", EXPLOSIONS)
def test_an_explosion_is_found_at_its_time(name, until):
    objective, start, time = EXPLOSIONS[name]
    run = follow(objective, GradientFlow(accuracy=1e-6), np.array(start), until, save=At([time / 2, 2 * time]))
    assert run.ending.item() is Ending.DIVERGED
    assert run.cost.evaluations < SOON
    assert run.times[0] == time / 2
    assert abs(run.times[1] - time) < 1e-5 * time
    assert np.all(np.isfinite(run.states))
    assert np.linalg.norm(run.final) > 10 * np.linalg.norm(run.states[0])
    assert run.error == np.inf


SLIDES = {  # objective, start, a time before the kink is reached
    "|x|": (landscape(sp.Piecewise((x, x > 0), (-x, True)) + y**2 / 2), [0.5, 1.0], 0.4),
    "|x - y|": (landscape(2 * sp.Piecewise((x - y, x > y), (y - x, True)) + (y - 3) ** 2 / 2), [0.5, 1.0], 0.05),
}


@pytest.mark.parametrize("until", [Stop(time=5.0), Stop(gradient_norm=1e-8)], ids=["time", "rest"])
@pytest.mark.parametrize("name", SLIDES)
def test_a_slide_along_a_kink_is_given_up(name, until):
    objective, start, time = SLIDES[name]
    run = follow(objective, GradientFlow(accuracy=1e-6), np.array(start), until, save=At([time, 5.0]))
    assert run.ending.item() is Ending.BUDGET_EXHAUSTED
    assert run.cost.evaluations < 4 * SOON
    assert run.times[0] == time < run.times[1] < 5.0
    np.testing.assert_array_equal(run.states[1], run.final)
    assert np.all(np.isfinite(run.states))
    if name == "|x|":
        np.testing.assert_allclose(run.states[0], [0.5 - time, np.exp(-time)], atol=1e-6)


def test_a_network_that_slides_is_given_up():
    rng = np.random.default_rng(0)
    objective = PredictionObjective(TwoLayerReLU(2, 3), SquaredLoss(), Regression(rng.normal(size=(6, 2)), rng.normal(size=6)))
    starts = np.stack([np.random.default_rng(seed).normal(size=9) for seed in range(3)])
    run = follow(objective, GradientFlow(accuracy=1e-6), starts, Stop(time=5.0))
    assert list(run.ending) == [Ending.BUDGET_EXHAUSTED, Ending.REACHED_TIME, Ending.REACHED_TIME]
    assert run.cost.evaluations[0] < 4 * SOON
    assert np.all(np.isfinite(run.final))


def test_a_pole_of_the_gradient_ends_the_flow():
    """x' = -1/x reaches 0 at x_0²/2 with infinite speed, and cannot go on."""
    run = follow(landscape(sp.log(x) + y**2 / 2), GradientFlow(accuracy=1e-6), np.array([0.5, 1.0]), Stop(time=50.0))
    assert run.ending.item() is Ending.ROUNDING_LIMIT
    assert abs(run.times[-1] - 0.125) < 1e-8
    assert np.linalg.norm(run.final - [0.0, np.exp(-0.125)]) < 1e-6
    assert run.cost.evaluations < SOON


@pytest.mark.parametrize(("expression", "size"), [(-(x**2), 1e150), (-x + y**2, 1e100)], ids=["exponential", "linear"])
def test_growth_without_end_ends_where_numbers_do(expression, size):
    run = follow(landscape(expression), GradientFlow(accuracy=1e-6), np.array([0.5, 1.0]), Stop(gradient_norm=1e-8))
    assert run.ending.item() is Ending.DIVERGED
    assert size < run.final[0] < np.inf
    assert run.cost.evaluations < 10 * SOON


@pytest.mark.parametrize("model", [DeepLinear((2, 2, 1)), Diagonal(2, 2), by_hand(Diagonal(2, 2))], ids=["compiled", "mirror", "own map"])
def test_one_lane_that_cannot_begin_leaves_the_others_alone(model):
    rng = np.random.default_rng(0)
    objective = Objective(model, SquaredLoss(), Regression(rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5))))
    start = rng.uniform(0.3, 1.0, size=(3, model.parameters))
    start[1] *= 1e120
    run = follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=1.0), save=At([0.0, 0.5]))
    assert list(run.ending) == [Ending.REACHED_TIME, Ending.DIVERGED, Ending.REACHED_TIME]
    np.testing.assert_array_equal(run.states[:, 0], start)
    assert np.all(np.isfinite(run.states))
    assert list(np.isinf(run.error)) == [False, True, False]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_is_not_finite_is_refused(bad):
    with pytest.raises(NotFinite, match="X"):
        Regression([[1.0, bad]], [1.0])
    with pytest.raises(NotFinite, match="y"):
        Regression([[1.0, 2.0]], [bad])
