"""Compiled runs of diagonal networks are general runs: every gradient they know, every depth, every ending."""

from dataclasses import replace

import numpy as np
import pytest

from theorycheck.dynamics import stepping
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.methods import GradientDescent, LabelNoise, Minibatch, Schedule, SharpnessAware, Whole
from theorycheck.dynamics.methods.compiled import FusedDiagonal
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.stepping import Fused
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.micro.dots import BLOCK, CHAINS, WIDTH, dot, four_dots
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal

LANES = 5
SEEDS = np.arange(LANES) + 11


class PlainDescent(GradientDescent):
    """Gradient descent without its compiled path."""

    def fused(self, objective, lanes) -> Fused | None:
        return None


def fit(depth=2, signed=True, dim=3, samples=7, lanes=(LANES,), shared=False) -> tuple[Objective, np.ndarray]:
    rng, model = np.random.default_rng(depth), Diagonal(dim, depth, signed)
    leading = () if shared else lanes
    data = Regression(rng.standard_normal((*leading, samples, dim)), rng.standard_normal((*leading, samples)))
    return Objective(model, SquaredLoss(0.5), data), rng.uniform(0.3, 0.9, (*lanes, model.parameters))


GRADIENTS = [
    Whole(),
    Minibatch(1, SEEDS),
    Minibatch(3, SEEDS),
    Minibatch(7, SEEDS, replacement=False),
    Minibatch(3, 5, replacement=False),
    LabelNoise(0.3, SEEDS),
    LabelNoise(np.linspace(0.1, 0.5, LANES), SEEDS, size=2, replacement=False),
    LabelNoise(0.3, SEEDS, size=None),
    SharpnessAware(0.1),
    SharpnessAware(np.linspace(0.05, 0.2, LANES), normalized=False),
    SharpnessAware(0.1, base=Minibatch(1, SEEDS)),
    SharpnessAware(0.1, base=Minibatch(1, SEEDS), per_example=True),
    SharpnessAware(0.1, base=LabelNoise(0.3, SEEDS, size=4)),
]


def both(gradient, step=0.02) -> tuple[GradientDescent, GradientDescent]:
    return GradientDescent(step, gradient), PlainDescent(step, gradient)


@pytest.mark.parametrize("gradient", GRADIENTS, ids=repr)
@pytest.mark.parametrize(("depth", "signed"), [(1, True), (2, True), (2, False), (3, True), (4, False)])
def test_compiled_runs_are_general_runs(depth, signed, gradient):
    objective, start = fit(depth, signed)
    step = np.geomspace(0.002, 0.02, LANES)
    fast, slow = (follow(objective, method, start, Stop(steps=np.arange(LANES) * 33), save=Every(40)) for method in both(gradient, step))
    assert isinstance(both(gradient, step)[0].fused(objective, (LANES,)), FusedDiagonal)
    assert fast.cost.tolist() == slow.cost.tolist() == [0, 33, 66, 99, 132]
    np.testing.assert_allclose(fast.times, slow.times, rtol=1e-15)
    steady = fast.error < 1e-9  # near a minimiser the direction of SAM's ascent is decided by rounding
    assert steady.sum() >= 4
    np.testing.assert_allclose(fast.states[steady], slow.states[steady], rtol=1e-10, atol=1e-11)
    assert np.all(np.linalg.norm(fast.final - slow.final, axis=-1) <= fast.error)


@pytest.mark.parametrize("own", [True, False])
def test_several_step_sizes_in_front_of_a_stack_of_one(own):
    """Data of shape (1, n, d) under lanes (k, 1): copies of a broadcast array need not be laid out row by row."""
    objective, start = fit(lanes=(1,), shared=not own)
    fast, slow = (follow(objective, method, start, Stop(steps=40)) for method in both(Whole(), np.geomspace(0.002, 0.02, 3)[:, None]))
    np.testing.assert_allclose(fast.final, slow.final, rtol=1e-12)


@pytest.mark.parametrize("gradient", [Whole(), LabelNoise(0.3, SEEDS), SharpnessAware(0.1)], ids=repr)
def test_shared_data_and_data_of_their_own(gradient):
    objective, start = fit(shared=True)
    own = replace(objective, data=Regression(np.tile(objective.data.X, (LANES, 1, 1)), np.tile(objective.data.y, (LANES, 1))))
    runs = [follow(o, GradientDescent(0.02, gradient), start, Stop(steps=90)) for o in (objective, own)]
    np.testing.assert_array_equal(runs[0].final, runs[1].final)
    one = GradientDescent(0.02, replace(gradient, seed=SEEDS[3]) if isinstance(gradient, LabelNoise) else gradient)
    np.testing.assert_array_equal(follow(objective, one, start[3], Stop(steps=90)).final, runs[0].final[3])


@pytest.mark.parametrize("gradient", GRADIENTS, ids=repr)
def test_divergence_keeps_the_last_finite_state(gradient):
    objective, start = fit()
    step = np.array([0.01, 60.0, 0.01, 30.0, 0.01])
    fast, slow = (follow(objective, method, start, Stop(steps=100)) for method in both(gradient, step))
    assert fast.ended(Ending.DIVERGED).tolist() == [False, True, False, True, False]
    assert np.all(np.isfinite(fast.final))
    np.testing.assert_array_equal(fast.cost, slow.cost)
    np.testing.assert_allclose(fast.final, slow.final, rtol=1e-9)


def test_small_gradients_end_a_lane_at_the_same_step():
    objective, start = fit()
    until = Stop(steps=500, gradient_norm=np.array([0.0, 0.3, 0.1, 1e3, 0.05]))
    for gradient in (Whole(), Minibatch(2, SEEDS)):
        fast, slow = (follow(objective, method, start, until) for method in both(gradient))
        assert fast.ending.tolist() == slow.ending.tolist()
        np.testing.assert_array_equal(fast.cost, slow.cost)
        assert fast.cost[3] == 0
    assert not GradientDescent(0.1, Minibatch(2, SEEDS)).fused(objective, (LANES,)).watches


def test_saved_states_do_not_change_a_run():
    objective, start = fit()
    for gradient in GRADIENTS:
        method = GradientDescent(0.02, gradient)
        final = follow(objective, method, start, Stop(steps=150)).final
        for save in (Every(1), Every(17), At([0.1, 1.3])):
            np.testing.assert_array_equal(follow(objective, method, start, Stop(steps=150), save=save).final, final)


@pytest.mark.parametrize("model", ["diagonal", "deep"])
@pytest.mark.parametrize(
    "until",
    [Stop(steps=np.arange(LANES) * 33), Stop(steps=200, gradient_norm=np.array([0.1, 0.5, 1e3, 0.0, 0.2]))],
    ids=["steps", "norm"],
)
def test_states_kept_inside_compiled_code(model, until, monkeypatch):
    """However few are kept at a time: the states of runs of just so many steps."""
    objective, start = fit()
    if model == "deep":
        objective = Objective(DeepLinear((3, 2, 1)), SquaredLoss(0.5), objective.data)
        start = np.random.default_rng(0).uniform(0.3, 0.9, (LANES, 8))
    step = np.geomspace(0.005, 0.05, LANES)
    run = follow(objective, GradientDescent(step), start, until, save=Every(9))
    monkeypatch.setattr(stepping, "KEPT", 3 * start.size)
    again = follow(objective, GradientDescent(step), start, until, save=Every(9))
    np.testing.assert_array_equal(again.states, run.states)
    np.testing.assert_array_equal(again.times, run.times)
    assert np.max(run.cost) > 100
    for column in range(run.states.shape[-2]):
        counts = np.minimum(9 * column, run.cost)
        np.testing.assert_allclose(run.times[:, column], step * counts, rtol=1e-14)
        exactly = follow(objective, GradientDescent(step), start, Stop(steps=counts))
        np.testing.assert_allclose(run.states[:, column], exactly.final, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("gradient", [Whole(), Minibatch(2, SEEDS), LabelNoise(0.3, SEEDS), SharpnessAware(0.1)], ids=repr)
def test_bars_cover_other_roundings_and_the_other_path(gradient):
    known = 0
    for seed in range(6):
        objective, _ = fit(dim=2 + seed)
        start = np.random.default_rng(seed).uniform(0.05, 1.0, (LANES, objective.parameters))
        fast, slow = both(gradient, np.geomspace(0.01, 0.15, LANES))
        run = follow(objective, fast, start, Stop(steps=200))
        finite = np.isfinite(run.error)
        known += np.sum(finite)
        others = [follow(objective, slow, start, Stop(steps=200))]
        for mode in (Rounding.DOWN, Rounding.UP):
            with rounded(mode):
                others.append(follow(objective, fast, start, Stop(steps=200)))
        for other in others:
            assert np.all(np.linalg.norm((other.final - run.final)[finite], axis=-1) <= run.error[finite])
    assert known >= 10


def test_what_compiled_code_does_not_know_takes_the_general_path():
    objective, _ = fit()
    regression = Objective(objective.model, LogisticLoss(), objective.data)
    for method, of in (
        (GradientDescent(Schedule.listed([0.1])), objective),
        (GradientDescent(0.1, SharpnessAware(0.1, base=Minibatch(2, 0), per_example=True)), objective),
        (GradientDescent(0.1), regression),
    ):
        assert method.fused(of, (LANES,)) is None


def test_subnormal_gradients_still_have_a_direction():
    """u = 1e-160: the square of the gradient underflows, its direction does not."""
    objective = Objective(Diagonal(1, 2), SquaredLoss(0.5), Regression([[1.0]], [1.0]))
    for scale in (1e-160, 1e-310):
        start = np.array([scale, scale])
        fast, slow = (follow(objective, method, start, Stop(steps=3)) for method in both(SharpnessAware(0.1)))
        np.testing.assert_allclose(fast.final, slow.final, rtol=1e-12)
        assert abs(fast.final[0]) > 1e-3


@compiled
def one(X, start, w, count):
    return dot(X, start, w, count)


@compiled
def four(X, start, stride, w, count):
    return four_dots(X, start, stride, w, count)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 32, 37])
def test_scalar_products(count):
    """In the order that their page says, to the last bit; four at once are four."""
    rng = np.random.default_rng(count)
    X, w = rng.standard_normal(4 * 40), rng.standard_normal(40)
    for row in range(4):
        x = X[row * 40 + 3 :]
        whole = count - count % BLOCK
        p = np.zeros((CHAINS, WIDTH))
        for j in range(0, whole, BLOCK):
            p = p + (x[j : j + BLOCK] * w[j : j + BLOCK]).reshape(CHAINS, WIDTH)
        q = (p[0] + p[1]) + (p[2] + p[3])
        rest = 0.0
        for j in range(whole, count):
            rest = rest + x[j] * w[j]
        total = ((q[0] + q[1]) + (q[2] + q[3])) + rest
        assert one(X, row * 40 + 3, w, count) == total
        assert four(X, 3, 40, w, count)[row] == total
