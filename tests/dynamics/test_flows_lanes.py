"""How lanes are run: places refilled, tolerances of a step, first steps of the runs behind a bar, memory."""

import tracemalloc

import numpy as np
import pytest

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.integrators import bars, plans
from theorycheck.dynamics.integrators.compiled_mirror import run_squares, squares_of
from theorycheck.dynamics.integrators.explicit import DormandPrince
from theorycheck.dynamics.integrators.fields import GradientField
from theorycheck.dynamics.integrators.implicit import ExtrapolatedEuler
from theorycheck.dynamics.integrators.marching import march as march_through_numpy
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import At, Ending, Ends, Stop, follow
from theorycheck.symbolic.kernels.flows import flow as kernels
from theorycheck.symbolic.kernels.flows.control import ENDED, EVALUATIONS, RUNNING, STEPS, Requests
from theorycheck.symbolic.kernels.flows.steps import ERROR, OFFSET, ROOM_ROWS, TOLERANCE, Block, Network, block_arrays, errors
from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE
from theorycheck.symbolic.kernels.networks.lanes import offsets
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import legendre_potential

MODEL = DeepLinear((2, 2, 1))


def problem(lanes, model=MODEL):
    rng = np.random.default_rng(3)
    objective = Objective(model, SquaredLoss(), Regression(rng.normal(size=(lanes, 5, 2)), rng.normal(size=(lanes, 5))))
    return objective, rng.uniform(0.3, 1.0, size=(lanes, model.parameters))


def requests_of(end, tolerance=1e-8):
    ones = np.ones(len(end))
    return Requests(end, np.empty((len(end), 0)), -ones, tolerance * ones, ones, ones, 1e4 * ones, 1e4 * ones)


def test_finished_lanes_are_refilled():
    """Ten instances in a block of eight or four: one call runs them all, each for as many steps as it takes alone."""
    objective, start = problem(10)
    network, end = plans.Network.of(objective, 10), np.array([0.1, 5.0] * 5)
    widths = np.array(MODEL.widths, dtype=np.int64)
    net = Network(widths, *offsets(widths))
    steps = {}
    for block in (8, 4, 1):
        runs = plans.fresh(start, 0)
        kernels.march(net, DORMAND_PRINCE, np.arange(10), block, network.data, requests_of(end), runs)
        assert set(runs.ending) == {ENDED}
        np.testing.assert_array_equal(runs.time, end)
        steps[block] = runs.counts[:, STEPS].copy()
    np.testing.assert_array_equal(steps[4], steps[1])
    np.testing.assert_array_equal(steps[8], steps[1])
    assert len(set(steps[4])) > 1


def test_a_step_may_err_by_the_tolerance_times_a_weight():
    """Of |θ_p| + ‖θ‖/(100 √P): the absolute tolerance is a hundredth of the relative one, in compiled code by hand."""
    rng, P, tolerance = np.random.default_rng(0), MODEL.parameters, 1e-6
    block = Block(*(rng.normal(size=array.shape) for array in block_arrays(P, 4, 2, 2, 3)))
    h, T, Y = np.array([0.1, 0.2, 0.3]), block.T.copy(), block.Y.copy()
    size = np.maximum(np.linalg.norm(T, axis=0), np.linalg.norm(Y, axis=0))
    room = np.zeros((ROOM_ROWS, 3))
    room[TOLERANCE], room[OFFSET] = tolerance, 0.01 * size / np.sqrt(P)
    errors(block, h, room)
    scale = tolerance * (np.maximum(np.abs(T), np.abs(Y)) + 0.01 * size / np.sqrt(P))
    fifth, third = (
        np.sum((h * np.einsum("j,jpn->pn", DORMAND_PRINCE.values[row], block.K[DORMAND_PRINCE.stages[row]]) / scale) ** 2, axis=0) for row in (18, 17)
    )
    np.testing.assert_allclose(room[ERROR], fifth / np.sqrt((fifth + 0.01 * third) * P), rtol=1e-12)


def test_compiled_steps_are_those_of_the_general_driver():
    """The same tolerance gives as many accepted and rejected steps, lane by lane."""
    objective, start = problem(6)
    compiled, general, end = plans.fresh(start, 0), plans.fresh(start, 0), np.linspace(0.5, 6.0, 6)
    plans.Network.of(objective, 6).run(requests_of(end), compiled, np.zeros(6, dtype=bool))
    march_through_numpy(DormandPrince(), GradientField(objective), requests_of(end), general, general.ending == RUNNING)
    assert np.max(np.abs(compiled.counts[:, :3] - general.counts[:, :3]) // 12) <= 1  # an error next to 1 may fall on either side
    np.testing.assert_allclose(compiled.state, general.state, atol=1e-12)


def test_the_runs_behind_a_bar_start_with_different_steps(monkeypatch):
    """Equal first steps may lead to equal steps, and to a difference of exactly 0."""
    objective, start = problem(2, Entrywise(MODEL.symbols, MODEL.expressions))
    seen = []
    asked = bars.Question.at

    def noted(self, tolerance, first):
        seen.append((tolerance, first))
        return asked(self, tolerance, first)

    monkeypatch.setattr(bars.Question, "at", noted)
    run = follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=1.0))
    (tolerance, first), *_ = seen
    np.testing.assert_allclose(tolerance[2:], 10 * tolerance[:2])
    assert np.all(first[2:] != first[:2])
    assert np.all(run.error > 0)


@pytest.mark.parametrize("model", [MODEL, Entrywise(MODEL.symbols, MODEL.expressions)], ids=["compiled", "general"])
def test_what_is_saved_bounds_the_memory(model):
    """Nothing grows with the number of steps; saved states are the only array that grows with the times."""
    objective, start = problem(8, model)

    def peak(time, save):
        follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=time), save=save)  # what is cached does not count
        tracemalloc.start()
        run = follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=time), save=save)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found, run

    few, short = peak(0.1, Ends())
    many, long = peak(6.0, Ends())
    assert np.all(long.cost.steps > 2 * short.cost.steps)
    assert many < 1.5 * few + 1e5
    assert long.states.shape == (8, 2, model.parameters)
    assert peak(0.2, At(np.linspace(0.0, 0.2, 50)))[1].states.shape == (8, 50, model.parameters)


# -- compiled code for stiff flows in mirror coordinates --

STIFF = {
    "squares": (Diagonal(3, 2), (0.2, 1.0)),
    "one sign": (Diagonal(3, 2, signed=False), (0.2, 1.0)),
    "product": (Hadamard(3), (0.2, 1.0)),
    "product, one mode": (Hadamard(3), (0.5, 0.5)),
}


def stiff(name, lanes=6):
    """Rotated curvatures 1 .. 1e-4, to a time that the explicit method would need thousands of steps for."""
    (model, between), rng = STIFF[name], np.random.default_rng(8)
    Q = np.linalg.qr(rng.normal(size=(lanes, 3, 3)))[0]
    X = np.sqrt([3.0, 3e-2, 3e-4])[:, None] * np.swapaxes(Q, -1, -2)
    y = (X @ rng.normal(size=(lanes, 3, 1)))[..., 0]
    return Objective(model, SquaredLoss(0.5), Regression(X, y)), rng.uniform(*between, size=(lanes, model.parameters))


@pytest.mark.parametrize("tolerance", [1e-5, 1e-9])
@pytest.mark.parametrize("name", STIFF)
def test_compiled_implicit_steps_are_those_of_the_general_driver(name, tolerance):
    objective, start = stiff(name)
    plan = plans.mirror_plan(objective, legendre_potential(objective.model, start))
    end, none = np.geomspace(1e3, 1e5, 6), np.zeros(6, dtype=bool)
    requests = requests_of(end, tolerance)._replace(times=np.tile([0.0, 1.0, 700.0, 1e3], (6, 1)))
    fast, slow = plans.fresh(plan.start, 4), plans.fresh(plan.start, 4)
    run_squares(squares_of(plan.field, 6), requests, fast)
    march_through_numpy(ExtrapolatedEuler(), plan.field, requests, slow, ~none)
    for runs in (fast, slow):
        assert set(runs.ending) == {ENDED}
        np.testing.assert_array_equal(runs.time, end)
        np.testing.assert_array_equal(runs.following, 4)
    np.testing.assert_allclose(fast.counts[:, STEPS], slow.counts[:, STEPS], rtol=0.05, atol=2)  # an error next to 1 may fall on either side
    np.testing.assert_allclose(fast.counts[:, EVALUATIONS], slow.counts[:, EVALUATIONS], rtol=0.1, atol=2 * 29)
    np.testing.assert_allclose(fast.state, slow.state, atol=10 * tolerance)
    np.testing.assert_allclose(fast.saved, slow.saved, atol=10 * tolerance)
    np.testing.assert_allclose(fast.saved[:, 1], slow.saved[:, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("flow", "ending"),
    [(GradientFlow(accuracy=1e-6, budget=9), Ending.BUDGET_EXHAUSTED), (GradientFlow(accuracy=1e-17), Ending.ROUNDING_LIMIT)],
    ids=["budget", "accuracy"],
)
def test_compiled_implicit_runs_end_like_others(flow, ending):
    objective, start = stiff("squares")
    run = follow(objective, flow, start, Stop(time=1e4), save=At([0.0, 1e4]))
    assert set(run.ending) == {ending}
    assert np.all(np.isfinite(run.states))
    assert np.all(np.isfinite(run.error))
    assert np.all(run.times[:, 1] == 1e4 if ending is Ending.ROUNDING_LIMIT else run.times[:, 1] < 1e4)


def test_a_start_beyond_the_numbers_diverges_in_compiled_code():
    objective, start = stiff("squares")
    start[2] *= 1e120
    run = follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=1e4))
    assert [ending is Ending.DIVERGED for ending in run.ending] == [lane == 2 for lane in range(6)]
    assert np.all(np.isfinite(run.final))
