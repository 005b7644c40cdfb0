"""Flows against closed forms and SciPy: true errors, bars, cost, endings; lanes side by side and alone."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.dynamics.costs import Clock, Coordinates, Integrator
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.flows import GradientFlow, MirrorFlow
from theorycheck.dynamics.integrators import plans
from theorycheck.dynamics.methods import MirrorDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import balancedness, risk
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow
from theorycheck.errors import InvalidArgument, NotFinite
from theorycheck.measured import Precision
from theorycheck.symbolic.losses import ExponentialLoss, LinearLoss, LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import legendre_potential

LANES = 4
RNG = np.random.default_rng(7)
SHAPES = {
    "scalar output": DeepLinear((3, 4, 1)),
    "deep": DeepLinear((2, 3, 3, 1)),
    "matrix output": DeepLinear((2, 3, 2)),
    "squares": Diagonal(3, 2),
    "cubes": Diagonal(3, 3),
    "one sign": Diagonal(3, 2, signed=False),
    "product": Hadamard(3),
    "own map": Entrywise(Hadamard(3).symbols, Hadamard(3).expressions),
}
STOPS = {"time": Stop(time=4.0), "gradient": Stop(gradient_norm=1e-6)}


def problem(model, lanes=(LANES,), samples=6, seed=0, loss=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(*lanes, samples, model.shape[-1]))
    outputs = () if len(model.shape) == 1 else model.shape[:1]
    objective = Objective(model, loss or SquaredLoss(), Regression(X, rng.normal(size=(*lanes, samples, *outputs))))
    return objective, rng.uniform(0.2, 1.0, size=(*lanes, model.parameters))


def lane_of(objective, lane):
    return objective.chosen((LANES,), np.arange(LANES) == lane)


def twin(objective, start, time, times=None):
    """SciPy's DOP853 at 1e-12: one lane, states at `times` or at the end, and its evaluations."""
    run = solve_ivp(lambda t, x: -objective.gradient(x[None])[0], (0.0, time), start, method="DOP853", rtol=1e-12, atol=1e-14, t_eval=times)
    return (run.y.T if times is not None else run.y[:, -1]), run.nfev


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("accuracy", "share"), [(1e-4, 2.0), (1e-8, 3.5)])
def test_states_are_as_accurate_as_asked_and_bars_cover(shape, accuracy, share):
    """The cost is of all runs that the bar takes, and a share of one run of the twin at 1e-12."""
    objective, start = problem(SHAPES[shape])
    times = np.array([0.0, 0.5, 2.0, 4.0])
    run = follow(objective, GradientFlow(accuracy=accuracy), start, Stop(time=4.0), record=(risk,), save=At(times))
    assert np.all(run.ended(Ending.REACHED_TIME))
    for lane in range(LANES):
        truth, evaluations = twin(lane_of(objective, lane), start[lane], 4.0, times)
        error = np.linalg.norm(run.states[lane] - truth, axis=-1)
        asked = accuracy * np.maximum(np.linalg.norm(truth, axis=-1), np.linalg.norm(start[lane]))
        assert np.all(error <= asked)
        assert error[-1] <= run.error[lane] + 1e-10
        assert run.error[lane] <= asked[-1]
        risks = risk(lane_of(objective, lane), truth[:, None]).value[:, 0]
        assert np.all(np.abs(run.records[risk].value[lane] - risks) <= run.records[risk].error[lane] + 1e-10 * (1 + risks))
        assert run.cost.evaluations[lane] < share * evaluations


@pytest.mark.parametrize("shape", ["scalar output", "matrix output", "deep"])
def test_compiled_runs_are_those_of_the_general_path(shape, monkeypatch):
    objective, start = problem(SHAPES[shape])
    times = At([0.7, 3.0, 9.0])
    fast = follow(objective, GradientFlow(accuracy=1e-9), start, Stop(time=5.0), save=times)
    monkeypatch.setattr(plans.Network, "of", classmethod(lambda cls, objective, lanes: None))
    slow = follow(objective, GradientFlow(accuracy=1e-9), start, Stop(time=5.0), save=times)
    np.testing.assert_allclose(fast.states, slow.states, rtol=1e-9, atol=1e-9)
    assert np.max(np.abs(fast.states - slow.states)) < 1e-11
    np.testing.assert_array_equal(fast.times, slow.times)


def test_a_lane_does_not_see_the_others():
    model = DeepLinear((2, 2, 1))
    objective, start = problem(model, lanes=(70,))
    accuracy = np.where(np.arange(70) % 2, 1e-5, 1e-9)
    run = follow(objective, GradientFlow(accuracy=accuracy), start, Stop(time=np.linspace(1.0, 6.0, 70)))
    for lane in (0, 1, 33, 69):
        one = objective.chosen((70,), np.arange(70) == lane)
        alone = follow(one, GradientFlow(accuracy=accuracy[lane]), start[lane : lane + 1], Stop(time=np.linspace(1.0, 6.0, 70)[lane]))
        np.testing.assert_array_equal(alone.final[0], run.final[lane])
        assert alone.error[0] == run.error[lane]
        assert alone.cost.evaluations[0] == run.cost.evaluations[lane]


@pytest.mark.parametrize("model", [DeepLinear((2, 2, 1)), Diagonal(2, 2)])
def test_arguments_broadcast(model):
    objective, start = problem(model, lanes=(3, 1))
    run = follow(objective, GradientFlow(accuracy=np.array([1e-4, 1e-6])), start, Stop(time=1.0), save=At([0.5, 1.0]))
    assert run.states.shape == (3, 2, 2, model.parameters)
    assert run.error.shape == run.ending.shape == run.cost.evaluations.shape == run.cost.integrator.shape == (3, 2)
    assert np.all(run.error[:, 1] <= 1e-6 * np.linalg.norm(run.final[:, 1], axis=-1).clip(np.linalg.norm(start[:, 0], axis=-1)))


def test_precision_divides_the_accuracy():
    objective, start = problem(DeepLinear((3, 4, 1)))
    truth = np.stack([twin(lane_of(objective, lane), start[lane], 3.0)[0] for lane in range(LANES)])
    runs = [follow(objective, GradientFlow(accuracy=1e-4), start, Stop(time=3.0), precision=Precision(level)) for level in (0, 1, 2)]
    for level, run in enumerate(runs):
        assert np.all(run.error <= 1e-4 * 100.0**-level * np.linalg.norm(truth, axis=-1).clip(np.linalg.norm(start, axis=-1)))
        assert np.all(np.linalg.norm(run.final - truth, axis=-1) <= run.error + 1e-11)
    with Precision(2).scope():
        scoped = follow(objective, GradientFlow(accuracy=1e-4), start, Stop(time=3.0))
    np.testing.assert_array_equal(scoped.final, runs[2].final)


def test_conserved_quantities_stay_within_their_bars():
    objective, start = problem(DeepLinear((3, 4, 1)))
    run = follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=5.0), record=(balancedness,))
    drift = run.records[balancedness][:, 1] - run.records[balancedness][:, 0]
    assert np.all(np.abs(drift.value) <= drift.error)
    assert np.max(drift.error) < 1e-3


# -- closed forms --


def mode(a0, s, t):
    """Balanced mode of a two-layer network under (1/2)|y - w|², Σ = 1 (Saxe, McClelland & Ganguli 2014): ȧ = 2a(s - a)."""
    return s / (1 + (s / a0 - 1) * np.exp(-2 * s * t))


def test_logistic_modes_and_their_bars():
    rng = np.random.default_rng(3)
    a0, s, t = 10.0 ** rng.uniform(-8, 0, 300), rng.uniform(0.3, 3.0, 300), rng.uniform(0.1, 20.0, 300)
    objective = Objective(DeepLinear((1, 1, 1)), SquaredLoss(0.5), Regression(np.ones((1, 1)), s[:, None]))
    start = np.sqrt(a0)[:, None] * np.ones(2)
    for accuracy in (1e-5, 1e-9):
        run = follow(objective, GradientFlow(accuracy=accuracy), start, Stop(time=t))
        error = np.linalg.norm(run.final - np.sqrt(mode(a0, s, t))[:, None], axis=-1)
        assert np.mean(error <= run.error + 1e-14) >= 0.995
        assert np.all(error <= accuracy * np.linalg.norm(run.final, axis=-1))


def test_a_mode_of_depth_four():
    """Source: Saxe, McClelland & Ganguli 2014; time as a function of the mode, ȧ = 4 a^(3/2) (s - a)."""
    s, a0, a = 2.0, 0.01, 1.9
    primitive = [(-2 / (s * r) + s**-1.5 * np.log((s**0.5 + r) / (s**0.5 - r))) / 4 for r in (a0**0.5, a**0.5)]
    objective = Objective(DeepLinear((1,) * 5), SquaredLoss(0.5), Regression([[1.0]], [s]))
    run = follow(objective, GradientFlow(accuracy=1e-10), np.full(4, a0**0.25), Stop(time=primitive[1] - primitive[0]))
    assert abs(np.prod(run.final) - a) < 1e-9


def decoupled(curvature, target, start, time):
    """u² - v² with risk Σ λ_i (w_i - t_i)²/2 in closed form, start (2d,)."""
    d, out = len(curvature), np.empty(len(start))
    with mpmath.workdps(30):
        for i in range(d):
            rate, t, u, v = (mpmath.mpf(float(z)) for z in (curvature[i], target[i], start[i], start[d + i]))
            c = u * v
            a, e = mpmath.exp(mpmath.asinh(t / (2 * c))), mpmath.exp(mpmath.asinh((u**2 - v**2) / (2 * c)))
            ratio = (e - a) / (e + 1 / a) * mpmath.exp(-4 * rate * c * (a + 1 / a) * time)
            e = (a + ratio / a) / (1 - ratio)
            out[i], out[d + i] = mpmath.sqrt(c * e), mpmath.sqrt(c / e)
    return out


@pytest.mark.parametrize("own", [False, True])
def test_the_stiff_flow(own):
    """Curvature 1e4 .. 1e-2 to t = 200: 7.7 million evaluations by an explicit method."""
    curvature, rng = 10.0 ** np.arange(4, -3, -1), np.random.default_rng(0)
    target, start = rng.normal(size=(8, 7)), rng.uniform(0.1, 1.0, size=(8, 14))
    model = Entrywise(Diagonal(7, 2).symbols, Diagonal(7, 2).expressions) if own else Diagonal(7, 2)
    root = np.sqrt(7 * curvature)
    objective = Objective(model, SquaredLoss(0.5), Regression(np.diag(root), target * root))
    run = follow(objective, GradientFlow(accuracy=1e-5), start, Stop(time=200.0))
    truth = np.stack([decoupled(curvature, *instance, 200.0) for instance in zip(target, start, strict=True)])
    error = np.linalg.norm(run.final - truth, axis=-1)
    assert np.all(error <= 1e-5)
    assert np.all(error <= run.error)
    assert np.max(run.cost.evaluations) < 3000
    assert np.max(run.cost.steps) < 120
    assert set(run.cost.integrator) == {Integrator.IMPLICIT}
    assert run.cost.coordinates is (Coordinates.PARAMETERS if own else Coordinates.MIRROR)


def test_conservation_is_exact_in_mirror_coordinates():
    objective, start = problem(Diagonal(3, 2))
    run = follow(objective, GradientFlow(accuracy=1e-3), start, Stop(time=5.0))
    products = [theta[:, :3] * theta[:, 3:] for theta in (start, run.final)]
    np.testing.assert_allclose(products[0], products[1], rtol=1e-14)


@pytest.mark.parametrize("model", [Diagonal(3, 2), Diagonal(3, 3), Hadamard(3)])
@pytest.mark.parametrize("loss", [SquaredLoss(), LogisticLoss()])
def test_mirror_flow_is_gradient_flow(model, loss):
    objective, start = problem(model)
    if isinstance(loss, LogisticLoss):
        objective = Objective(model, loss, Classification(objective.data.X, np.sign(objective.data.y)))
    mirror = follow(objective, MirrorFlow(legendre_potential(model, start), accuracy=1e-9), start, Stop(time=3.0))
    own = Objective(Entrywise(model.symbols, model.expressions), loss, objective.data)
    plain = follow(own, GradientFlow(accuracy=1e-9), start, Stop(time=3.0))
    assert mirror.cost.coordinates is Coordinates.MIRROR
    assert plain.cost.coordinates is Coordinates.PARAMETERS
    assert np.all(np.linalg.norm(mirror.final - plain.final, axis=-1) <= mirror.error + plain.error)


@pytest.mark.parametrize("time", [1e3, 1e12, 1e100])
def test_margins_grow_like_the_logarithm_of_time(time):
    """w' = exp(-w) from 0: w = log(1 + t), which time itself needs a step for every few per cent of."""
    objective = Objective(DeepLinear((1, 1)), ExponentialLoss(), Classification([[1.0]], [1.0]))
    run = follow(objective, GradientFlow(accuracy=1e-9), np.zeros(1), Stop(time=time), save=At([0.5, time / 10, time]))
    np.testing.assert_allclose(run.states[:, 0], np.log1p(run.times), atol=1e-8)
    assert abs(run.final[0] - np.log1p(time)) <= run.error + 1e-13 * np.log(time)
    assert run.cost.clock is Clock.LOSS
    assert run.cost.evaluations < 1000


def test_the_clock_does_not_change_the_flow():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(LANES, 5, 2))
    objective = Objective(Diagonal(2, 2), LogisticLoss(), Classification(X, np.sign(X[..., 0])))
    start = rng.uniform(0.3, 1.0, size=(LANES, 4))
    by_loss = follow(objective, GradientFlow(accuracy=1e-9), start, Stop(time=300.0), save=At([1.0, 30.0, 300.0]))
    by_time = follow(objective, GradientFlow(accuracy=1e-9), start, Stop(time=30.0), save=At([1.0, 30.0]))
    assert (by_loss.cost.clock, by_time.cost.clock) == (Clock.LOSS, Clock.TIME)
    np.testing.assert_allclose(by_loss.states[:, :2], by_time.states, rtol=3e-8)


# -- endings --


def cubic():
    """w = u³ under -w: u' = 3u² blows up at 1/(3 u_0)."""
    return Objective(Diagonal(1, 3, signed=False), LinearLoss(((10.0, (-1.0,)),)), Regression([[1.0]], [-1.0]))


ENDINGS = {
    "time": (GradientFlow(accuracy=1e-6), Stop(time=2.0), 1.0, Ending.REACHED_TIME),
    "gradient": (GradientFlow(accuracy=1e-6), Stop(gradient_norm=1e-3), 1.0, Ending.GRADIENT_SMALL),
    "gradient at the start": (GradientFlow(accuracy=1e-6), Stop(time=1.0, gradient_norm=1e9), 1.0, Ending.GRADIENT_SMALL),
    "event": (GradientFlow(accuracy=1e-6), Stop(time=9.0, event=lambda objective, theta: objective.risk(theta) - 1e-2), 1.0, Ending.EVENT),
    "budget": (GradientFlow(accuracy=1e-12, budget=9), Stop(time=9.0), 1.0, Ending.BUDGET_EXHAUSTED),
    "accuracy": (GradientFlow(accuracy=1e-17), Stop(time=1.0), 1.0, Ending.ROUNDING_LIMIT),
    "no gradient is that small": (GradientFlow(accuracy=1e-6), Stop(gradient_norm=0.0), 1.0, Ending.ROUNDING_LIMIT),
    "overflow at the start": (GradientFlow(accuracy=1e-6), Stop(time=1.0), 1e200, Ending.DIVERGED),
    "stationary": (GradientFlow(accuracy=1e-6), Stop(time=1.0), 0.0, Ending.REACHED_TIME),
}


@pytest.mark.parametrize("case", ENDINGS)
@pytest.mark.parametrize("model", [DeepLinear((2, 2, 1)), Entrywise(Diagonal(2, 2).symbols, Diagonal(2, 2).expressions)])
def test_endings_keep_what_was_reached(case, model):
    flow, until, scale, ending = ENDINGS[case]
    objective, start = problem(model, seed=5)
    if ending is Ending.EVENT:  # a risk that falls to 0 in every lane
        objective = Objective(model, SquaredLoss(), Regression(objective.data.X, objective.data.X @ [1.0, -0.5]))
    run = follow(objective, flow, scale * start, until, save=At([0.01, 1.0]))
    assert set(run.ending) == {ending}
    assert np.all(np.isfinite(run.states))
    assert np.all(np.isfinite(run.final))
    assert np.all(run.times <= run.times[:, -1:])
    ended = run.times[:, 1] < 1.0
    np.testing.assert_array_equal(run.states[ended, 1], run.final[ended])
    assert np.all(np.isinf(run.error) if ending is Ending.DIVERGED else np.isfinite(run.error))
    if ending is Ending.GRADIENT_SMALL:
        assert np.all(np.linalg.norm(objective.gradient(run.final), axis=-1) <= until.gradient_norm)
    if ending is Ending.EVENT:
        np.testing.assert_allclose(objective.risk(run.final), 1e-2, rtol=1e-12)


def test_an_explosion_ends_at_its_time():
    start = np.array([[0.5], [0.1]])
    run = follow(cubic(), GradientFlow(accuracy=1e-6), start, Stop(time=2.0))
    assert list(run.ending) == [Ending.DIVERGED, Ending.REACHED_TIME]
    assert abs(run.times[0, -1] - 2 / 3) < 1e-6
    assert run.final[0, 0] > 1e4
    np.testing.assert_allclose(run.final[1], 1 / (10 - 6), rtol=1e-6)


def test_a_flow_that_becomes_stiff_is_handed_over():
    """Starts on the plateau at 0, where every curvature is small; ends where they span six orders of magnitude."""
    root = np.sqrt([3e3, 3.0, 3e-3])
    objective = Objective(Hadamard(3), SquaredLoss(0.5), Regression(np.diag(root), root))
    start = np.array([1e-3, 1e-3, 1e-3, 0.9e-3, 0.9e-3, 0.9e-3])
    run = follow(objective, GradientFlow(accuracy=1e-7), start, Stop(gradient_norm=1e-9))
    assert run.cost.integrator.item() is Integrator.IMPLICIT
    assert run.ending.item() is Ending.GRADIENT_SMALL
    assert run.cost.evaluations < 10_000
    u, v = run.final[:3], run.final[3:]
    np.testing.assert_allclose(u * v, 1.0, rtol=1e-5)
    np.testing.assert_allclose(u**2 - v**2, start[:3] ** 2 - start[3:] ** 2, rtol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GradientFlow(), "accuracy=None.*pass GradientFlow\\(accuracy=1e-8\\)"),
        (lambda: GradientFlow(accuracy=0.0), "accuracy=0.0.*positive"),
        (lambda: GradientFlow(accuracy=2.0), "below 1"),
        (lambda: GradientFlow(accuracy=1e-6, floor=-1.0), "floor=-1.0.*positive"),
        (lambda: GradientFlow(accuracy=1e-6, budget=0), "budget=0"),
        (lambda: MirrorFlow(Diagonal(2, 2), accuracy=1e-6), "is no potential; pass tc.legendre_potential"),
        (lambda: MirrorDescent(None, step=0.1), "`potential=None` is no potential"),
        (lambda: run_of(Stop(steps=3)), "steps=3.*counts steps of a method"),
        (lambda: run_of(Stop(event=lambda objective, theta: objective.risk(theta))), "may never happen"),
        (lambda: run_of(Stop(time=1.0), save=Every(2)), "pass At"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()


def run_of(until, **more):
    objective, start = problem(DeepLinear((1, 1)))
    return follow(objective, GradientFlow(accuracy=1e-6), start, until, **more)


def test_mirror_flow_starts_where_its_potential_does():
    objective, start = problem(Diagonal(2, 2))
    flow = MirrorFlow(legendre_potential(objective.model, start), accuracy=1e-6)
    with pytest.raises(InvalidArgument, match="is not where the potential starts"):
        follow(objective, flow, 2 * start, Stop(time=1.0))


def test_numbers_that_are_not_finite_are_refused():
    objective, start = problem(DeepLinear((2, 1)))
    with pytest.raises(NotFinite, match="start"):
        follow(objective, GradientFlow(accuracy=1e-6), np.nan * start, Stop(time=1.0))
