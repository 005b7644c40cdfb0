"""Runs of gradient descent: compiled against general, endings, what is kept, and bars against exact descent."""

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

from tests.dynamics.exact import ExactRegression, fractions, multiprecision
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import gradient_norm, risk, sharpness
from theorycheck.dynamics.stepping import Fused, Method
from theorycheck.dynamics.trajectories import At, Ending, Ends, Every, Stop, follow
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.measured import EPS
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Hadamard


class PlainDescent(GradientDescent):
    """Gradient descent without its compiled path."""

    def fused(self, objective, lanes) -> Fused | None:
        return None


PATHS: list[Callable[..., Method]] = [GradientDescent, PlainDescent]
VALLEY = Objective(DeepLinear((1, 1)), SquaredLoss(0.5), Regression([[1.0]], [1.0]))  # R = (1 - w)²/2


def fit(widths, leading=(), seed=0, samples=5, scale=0.7) -> tuple[Objective, np.ndarray]:
    rng, model = np.random.default_rng(seed), DeepLinear(widths)
    behind = () if widths[-1] == 1 else (widths[-1],)
    data = Regression(rng.standard_normal((*leading, samples, widths[0])), rng.standard_normal((*leading, samples, *behind)))
    return Objective(model, SquaredLoss(), data), scale * rng.standard_normal((*leading, model.parameters))


UNTIL = [
    Stop(steps=0),
    Stop(steps=150),
    Stop(steps=np.arange(30) * 5),
    Stop(time=0.5),
    Stop(steps=400, gradient_norm=1e-2),
    Stop(steps=100, time=0.5, gradient_norm=1e-3),
]


@pytest.mark.parametrize("save", [Ends(), Every(7), At([0.0, 0.1, 0.33, 2.0])], ids=str)
@pytest.mark.parametrize("until", UNTIL, ids=str)
@pytest.mark.parametrize("widths", [(3, 2, 1), (2, 3, 2), (1, 1, 1, 1)], ids=str)
def test_compiled_runs_are_general_runs(widths, until, save):
    objective, start = fit(widths, (30,))
    step = np.geomspace(1e-3, 0.4, 30)
    fast, slow = (follow(objective, path(step), start, until, save=save) for path in PATHS)
    steady = fast.error < 1e-6  # elsewhere rounding decides
    assert steady.sum() > 20
    assert fast.ending[steady].tolist() == slow.ending[steady].tolist()
    np.testing.assert_array_equal(fast.cost[steady], slow.cost[steady])
    np.testing.assert_array_equal(fast.times[steady], slow.times[steady])
    apart = np.linalg.norm((fast.final - slow.final)[steady], axis=-1)
    assert np.all(apart <= fast.error[steady])
    if until.time is None and isinstance(save, Ends):
        assert np.all(apart <= slow.error[steady])
    calm = (fast.error < 1e-11) & (np.abs(fast.final).max(axis=-1) < 10)
    np.testing.assert_allclose(fast.states[calm], slow.states[calm], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_is_a_loop(path):
    objective, start = fit((3, 2, 1), (20,), seed=3)
    step = np.geomspace(1e-3, 0.2, 20)
    until = Stop(steps=200, gradient_norm=1e-2)
    whole = follow(objective, path(step), start, until, save=Every(100))
    for lane in range(20):
        one = Objective(objective.model, objective.loss, Regression(objective.data.X[lane], objective.data.y[lane]))
        alone = follow(one, path(step[lane]), start[lane], until, save=Every(100))
        assert alone.ending.item() is whole.ending[lane]
        np.testing.assert_allclose(alone.final, whole.final[lane], rtol=1e-10, atol=1e-12)
        kept = alone.times.shape[-1]
        np.testing.assert_allclose(alone.states, whole.states[lane, :kept], rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(whole.times[lane, kept:], alone.times[-1])
        np.testing.assert_allclose(alone.error, whole.error[lane], rtol=0.5)
        if path is GradientDescent and not alone.ended(Ending.DIVERGED):
            np.testing.assert_array_equal(alone.final, follow(one, path(step[lane]), start[lane], Stop(steps=int(alone.cost))).final)


@pytest.mark.parametrize("path", PATHS)
def test_leading_axes_broadcast(path):
    objective, _ = fit((2, 2, 1), (3, 1))
    start = np.random.default_rng(1).standard_normal((2, 6)) * 0.5
    run = follow(objective, path(np.full((4, 1, 1), 0.01)), start, Stop(steps=5), record=(risk,), save=Every(2))
    assert run.states.shape == (4, 3, 2, 4, 6)
    assert run.times.shape == run.records[risk].shape == (4, 3, 2, 4)
    assert run.final.shape == (4, 3, 2, 6)
    assert run.ending.shape == run.error.shape == run.cost.shape == (4, 3, 2)


@pytest.mark.parametrize("path", PATHS)
def test_closed_form(path):
    """R = (1 - w)²/2: the distance to 1 shrinks by 1 - η a step."""
    run = follow(VALLEY, path(0.25), np.array([5.0]), Stop(steps=9), save=Every(3), record=(risk, gradient_norm))
    distance = 4 * 0.75 ** np.array([0, 3, 6, 9])
    np.testing.assert_allclose(run.states[:, 0] - 1, distance, rtol=1e-14)
    np.testing.assert_array_equal(run.times, [0.0, 0.75, 1.5, 2.25])
    np.testing.assert_allclose(run.records[risk].value, distance**2 / 2, rtol=1e-13)
    assert np.all(np.abs(run.records[gradient_norm].value - distance) <= run.records[gradient_norm].error + 1e-14)
    assert run.cost == 9


ENDINGS = [  # step, start, until, ending, steps taken
    (0.25, 5.0, Stop(steps=9), Ending.REACHED_STEPS, 9),
    (0.25, 5.0, Stop(time=1.0), Ending.REACHED_TIME, 4),
    (0.1, 5.0, Stop(time=0.3), Ending.REACHED_TIME, 3),
    (0.1, 5.0, Stop(time=0.31), Ending.REACHED_TIME, 4),
    (0.25, 5.0, Stop(time=1.0, steps=4), Ending.REACHED_STEPS, 4),
    (0.5, 5.0, Stop(steps=99, gradient_norm=0.6), Ending.GRADIENT_SMALL, 3),
    (0.5, 5.0, Stop(steps=3, gradient_norm=0.6), Ending.GRADIENT_SMALL, 3),
    (0.5, 5.0, Stop(steps=2, gradient_norm=0.6), Ending.REACHED_STEPS, 2),
    (0.5, 1.0, Stop(steps=9, gradient_norm=0.0), Ending.GRADIENT_SMALL, 0),
    (0.5, 5.0, Stop(steps=99, event=lambda objective, theta: theta[..., 0] - 1.6), Ending.EVENT, 3),
    (0.5, 5.0, Stop(steps=99, event=lambda objective, theta: 5.0 - theta[..., 0]), Ending.REACHED_STEPS, 99),
    (0.5, 5.0, Stop(steps=2, event=lambda objective, theta: theta[..., 0] - 1.6), Ending.REACHED_STEPS, 2),
    (1e30, 5.0, Stop(steps=99), Ending.DIVERGED, 10),
    (0.5, 5.0, Stop(steps=0), Ending.REACHED_STEPS, 0),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("step", "start", "until", "ending", "taken"), ENDINGS)
def test_endings(path, step, start, until, ending, taken):
    run = follow(VALLEY, path(step), np.array([start]), until)
    assert (run.ending.item(), run.cost) == (ending, taken)
    assert run.states.shape == (2, 1)
    assert run.times[-1] == taken * step
    assert run.ending.item().sentence


@pytest.mark.parametrize("path", PATHS)
def test_divergence_ends_one_lane_and_keeps_its_path(path):
    objective, start = fit((2, 2, 1), (20,))
    step = np.where(np.arange(20) % 4 == 0, 50.0, 0.01)
    with np.errstate(all="raise"):
        run = follow(objective, path(step), start, Stop(steps=40), save=Every(1), record=(risk, sharpness))
    lost = run.ended(Ending.DIVERGED)
    assert lost.tolist() == (np.arange(20) % 4 == 0).tolist()
    assert np.all(run.cost[~lost] == 40)
    assert np.all(np.isinf(run.error) == lost)
    assert np.all(np.isfinite(run.states))
    assert np.all(run.cost[lost] > 0)
    for lane in np.flatnonzero(lost):
        k = run.cost[lane]
        assert np.all(np.diff(run.times[lane, : k + 1]) > 0)
        assert np.all(run.states[lane, k:] == run.final[lane])
        one = Objective(objective.model, objective.loss, Regression(objective.data.X[lane], objective.data.y[lane]))
        with np.errstate(all="ignore"):
            assert not np.all(np.isfinite(run.final[lane] - 50.0 * one.gradient(run.final[lane])))
    assert np.all(np.isfinite(run.records[risk].value[~lost]))


def test_what_is_kept_bounds_the_memory():
    objective, start = fit((2, 2, 1))
    method = GradientDescent(0.01)
    assert follow(objective, method, start, Stop(steps=10_000)).states.shape == (2, 6)
    assert follow(objective, method, start, Stop(steps=100), save=Every(30)).times.tolist() == pytest.approx([0.0, 0.3, 0.6, 0.9, 1.0])
    assert follow(objective, method, start, Stop(steps=90), save=Every(30)).times.tolist() == pytest.approx([0.0, 0.3, 0.6, 0.9])
    kept = follow(objective, method, start, Stop(steps=50), save=At([0.0, 0.105, 0.2, 9.0]))
    assert kept.times.tolist() == pytest.approx([0.0, 0.11, 0.2, 0.5])
    np.testing.assert_array_equal(kept.states[-1], kept.final)


def descended(exact: ExactRegression, theta: np.ndarray, step, steps: int) -> np.ndarray:
    for _ in range(steps):
        theta = theta - step * exact.gradient(theta)
    return theta


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", Rounding)
def test_bars_cover_exact_descent_of_linear_regression(path, mode):
    """In rational numbers, 250 steps."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, y, start = (rng.integers(-8, 9, shape) / 8 for shape in ((4, 2), (4,), (2,)))
        objective = Objective(DeepLinear((2, 1)), SquaredLoss(), Regression(X, y))
        truth = descended(ExactRegression(objective), fractions(start), fractions(0.25).item(), 250)
        with rounded(mode):
            run = follow(objective, path(0.25), start, Stop(steps=250))
        distance = np.linalg.norm((fractions(run.final) - truth).astype(float))
        assert distance <= run.error <= 1e-11


@pytest.mark.parametrize(
    ("widths", "step", "scale"),
    [
        ((2, 2, 1), 0.05, 0.7),
        ((1, 1, 1, 1), 0.1, 0.5),
        ((2, 1, 2), 0.05, 0.7),
        ((2, 2, 2, 1), 0.02, 0.05),
        ((1, 1, 1), 0.6, 0.9),
        ((2,) * 6 + (1,), 0.01, 0.6),
    ],
    ids=str,
)
def test_bars_cover_exact_descent_of_deep_networks(widths, step, scale):
    """In 80 digits, 220 steps: from saddles, at the edge of stability, to minimisers."""
    for seed in range(4):
        objective, start = fit(widths, seed=seed, samples=3, scale=scale)
        with mp.workdps(80):
            truth = descended(ExactRegression(objective, multiprecision), multiprecision(start), mp.mpf(step), 220)
        for path in PATHS:
            for mode in (Rounding.NEAREST, Rounding.DOWN):
                with rounded(mode):
                    run = follow(objective, path(step), start, Stop(steps=220))
                with mp.workdps(80):
                    distance = float(mp.sqrt(sum((multiprecision(run.final) - truth) ** 2)))
                assert distance <= run.error, (seed, path, mode)
                assert np.isinf(run.error) or run.error <= 1e-9


@pytest.mark.parametrize("path", PATHS)
def test_bars_see_directions_that_a_run_does_not_take(path):
    """A start on the stable manifold of a saddle: the run shrinks, while what is off the manifold grows by 1 + η a step."""
    objective = Objective(DeepLinear((1, 1, 1)), SquaredLoss(0.5), Regression([[1.0]], [1.0]))
    start, nudge = np.array([0.5, -0.5]), 2.0**-45
    errors = []
    for steps in (5, 100, 150):
        run, moved = (follow(objective, path(0.1), point, Stop(steps=steps)) for point in (start, start + nudge))
        assert run.final[0] == -run.final[1]
        amplified = np.linalg.norm(moved.final - run.final) / (nudge * np.sqrt(2))
        assert run.error >= amplified * EPS * np.linalg.norm(start)
        errors.append(run.error)
    assert errors[-1] > 1e5 * errors[0]
    assert np.isinf(follow(objective, path(0.1), start, Stop(steps=600)).error)


@pytest.mark.parametrize("path", PATHS)
def test_bars_grow_on_the_way_from_a_saddle(path):
    """Leaving a saddle amplifies rounding as it amplifies the step."""
    objective = Objective(DeepLinear((1, 1, 1)), SquaredLoss(0.5), Regression([[1.0]], [1.0]))
    start = np.full(2, 1e-4)
    run, moved = (follow(objective, path(0.1), point, Stop(steps=95)) for point in (start, start * (1 + 2.0**-40)))
    amplified = np.linalg.norm(moved.final - run.final) / (2.0**-40 * np.linalg.norm(start))
    assert amplified > 1000
    assert run.error >= amplified * EPS * np.linalg.norm(start)


def test_bars_cover_other_roundings_where_runs_are_rough():
    """Random networks and steps up to far beyond stability, in 1,800 lanes: the other rounding modes and the other path stay within the bar."""
    rough = 0
    for seed, (widths, scale) in enumerate([((3, 2, 1), 0.01), ((2, 2, 2, 1), 0.3), ((4, 4, 4, 1), 0.3)]):
        objective, start = fit(widths, (200,), seed=seed, scale=scale)
        step = np.random.default_rng(seed).uniform(0.005, 0.5, 200)
        run = follow(objective, GradientDescent(step), start, Stop(steps=300))
        known = np.isfinite(run.error)
        rough += np.sum(known & (run.error > 1e-9))
        others = [follow(objective, PlainDescent(step), start, Stop(steps=300))]
        for mode in (Rounding.DOWN, Rounding.UP):
            with rounded(mode):
                others.append(follow(objective, GradientDescent(step), start, Stop(steps=300)))
        for other in others:
            assert np.all(np.linalg.norm((other.final - run.final)[known], axis=-1) <= run.error[known])
    assert rough > 5


def test_the_bar_is_computed_when_asked_for():
    objective, start = fit((2, 2, 1))
    run = follow(objective, GradientDescent(0.01), start, Stop(steps=5))
    assert "error" not in vars(run)
    with np.errstate(all="raise"):
        assert run.error > 0
    assert run.error is run.error
    zero = Objective(DeepLinear((1, 1, 1)), SquaredLoss(), Regression([[1.0]], [1.0]))
    assert 0 < follow(zero, GradientDescent(0.01), np.zeros(2), Stop(steps=5)).error < 1e-300


def test_general_models_take_the_general_path():
    rng = np.random.default_rng(0)
    objective = Objective(Hadamard(2), SquaredLoss(), Regression(rng.standard_normal((5, 2)), rng.standard_normal(5)))
    start, theta = np.array([0.5, 0.4, 0.6, 0.3]), np.array([0.5, 0.4, 0.6, 0.3])
    for _ in range(60):
        theta = theta - 0.02 * objective.gradient(theta)
    run = follow(objective, GradientDescent(0.02), start, Stop(steps=60))
    np.testing.assert_array_equal(run.final, theta)
    assert 0 < run.error < 1e-10


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GradientDescent(-0.1), InvalidArgument, "`step=-0.1` must be positive; pass step > 0"),
        (lambda: GradientDescent(np.array([0.1, 0.0])), InvalidArgument, "must be positive"),
        (lambda: GradientDescent(np.nan), NotFinite, "`step=nan`"),
        (Stop, InvalidArgument, "never stops; pass Stop"),
        (lambda: Stop(steps=-1), InvalidArgument, "`steps=-1` must be a whole number from 0"),
        (lambda: Stop(steps=1.5), InvalidArgument, "`steps=1.5` must be a whole number"),  # type: ignore[arg-type]
        (lambda: Stop(time=0.0), InvalidArgument, "`time=0.0` must be positive"),
        (lambda: Stop(gradient_norm=-1.0), InvalidArgument, "must not be negative"),
        (lambda: Every(0), InvalidArgument, "`steps=0` must be a whole number from 1"),
        (lambda: At([1.0, 0.5]), InvalidArgument, "must be ascending"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.array([np.nan]), Stop(steps=1)), NotFinite, "`start="),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(2), Stop(steps=1)), ShapeMismatch, r"`start.shape=\(2,\)` must end with \(1,\)"),
        (
            lambda: follow(VALLEY, GradientDescent(np.full(2, 0.1)), np.ones((3, 1)), Stop(steps=1)),
            ShapeMismatch,
            "must broadcast in the leading axes",
        ),
        (lambda: follow(VALLEY, GradientDescent, np.ones(1), Stop(steps=1)), InvalidArgument, "is no method or flow; pass tc.GradientDescent"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(1), 10), InvalidArgument, "`until=10` is no Stop; pass tc.Stop"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(1), Stop(steps=1), save=5), InvalidArgument, "`save=5` does not say"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(1), Stop(steps=1), record=risk), InvalidArgument, "must be a tuple of quantities"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(1), Stop(steps=1), record="risk"), InvalidArgument, "must be a tuple of quantities"),
        (lambda: follow(None, GradientDescent(0.1), np.ones(1), Stop(steps=1)), InvalidArgument, "`objective=None` is no objective"),
        (lambda: follow(VALLEY, GradientDescent(0.1), np.ones(1), Stop(gradient_norm=1.0)), InvalidArgument, "may never happen; pass steps or time"),
    ],
)
def test_bad_input_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()
