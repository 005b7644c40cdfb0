"""Every method, a row each: runs against the formula in 50 digits, the same noise in every batch, pooled lanes, and divergence."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from tests.dynamics.diagonal_twin import DiagonalTwin, network, norm
from tests.dynamics.exact import multiprecision
from tests.dynamics.method_formulas import (
    FACTOR,
    SEED,
    STEP,
    A,
    B,
    adam,
    ascended,
    ascended_per_example,
    batch,
    by_root,
    decayed,
    descends,
    heavy_ball,
    mirror,
    nesterov,
    normalised,
    of_ascent_loss,
    of_average_direction,
    onto_ball,
    onto_plane,
    onto_sphere,
    perturbed,
    whole,
    with_gaussian_noise,
    with_label_noise,
    with_noise_of_theta,
    with_noise_on_all_labels,
)
from theorycheck.dynamics import methods, noise
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.methods import (
    Adam,
    Affine,
    AscentLoss,
    AverageDirection,
    Ball,
    GaussianNoise,
    GradientDescent,
    HeavyBall,
    LabelNoise,
    Minibatch,
    MirrorDescent,
    Nesterov,
    NormalizedGradientDescent,
    Perturbed,
    Projected,
    Schedule,
    SharpnessAware,
    Sphere,
    SqrtLossDescent,
    WeightDecay,
)
from theorycheck.dynamics.methods.gradients import Gradient
from theorycheck.dynamics.stepping import Fused, Method
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow
from theorycheck.symbolic.parametrizations import Diagonal
from theorycheck.symbolic.potentials import legendre_potential

STEPS = 70
Memory = dict[str, Any]


class PlainDescent(GradientDescent):
    """Gradient descent without its compiled path."""

    def fused(self, objective, lanes) -> Fused | None:
        return None


@dataclass(frozen=True)
class Row:
    """A method, and its formula; `seeded` makes it again with seeds of one's own, where it draws any."""

    name: str
    make: Callable[..., Any]  # seed, start -> Method
    formula: Callable
    random: bool = False


def step_of_k(k):
    return 0.0625 / (1 + k)


LISTED = [0.0625, 0.03125, 0.015625]
gd = GradientDescent
# one row a method
TABLE = [
    Row("gradient descent", lambda s, x: gd(STEP), descends(whole)),
    Row("schedule by formula", lambda s, x: gd(Schedule(step_of_k)), descends(whole, step_of_k)),
    Row("schedule by list", lambda s, x: gd(Schedule.listed(LISTED)), descends(whole, lambda k: LISTED[min(k, 2)])),
    Row("normalised", lambda s, x: NormalizedGradientDescent(STEP), normalised),
    Row("root of the loss", lambda s, x: SqrtLossDescent(STEP, least=-0.5), by_root),
    Row("heavy ball", lambda s, x: HeavyBall(STEP, 0.75), heavy_ball),
    Row("nesterov", lambda s, x: Nesterov(STEP, Schedule(lambda k: k / (k + 3))), nesterov),
    Row("adam", lambda s, x: Adam(STEP), adam),
    Row("mirror descent", lambda s, x: MirrorDescent(legendre_potential(Diagonal(2, 2), x), STEP), mirror(lambda twin, k: twin)),
    Row(
        "stochastic mirror descent",
        lambda s, x: MirrorDescent(legendre_potential(Diagonal(2, 2), x), STEP, Minibatch(2, s)),
        mirror(lambda twin, k: twin.seen(noise.indices(np.uint64(SEED), np.array(k), 2, len(twin.y)))),
        random=True,
    ),
    Row("sgd", lambda s, x: gd(STEP, Minibatch(1, s)), descends(batch(1)), random=True),
    Row("minibatches", lambda s, x: gd(STEP, Minibatch(3, s)), descends(batch(3)), random=True),
    Row("epochs", lambda s, x: gd(STEP, Minibatch(3, s, replacement=False)), descends(batch(3, False)), random=True),
    Row("label noise", lambda s, x: gd(STEP, LabelNoise(0.25, s, size=2)), descends(with_label_noise), random=True),
    Row("noise on all labels", lambda s, x: gd(STEP, LabelNoise(0.25, s, size=None)), descends(with_noise_on_all_labels), random=True),
    Row("gaussian noise", lambda s, x: gd(STEP, GaussianNoise(FACTOR, s)), descends(with_gaussian_noise), random=True),
    Row(
        "noise of θ",
        lambda s, x: gd(STEP, GaussianNoise(lambda objective, theta: theta[..., None] * np.eye(4), s)),
        descends(with_noise_of_theta),
        random=True,
    ),
    Row("sam", lambda s, x: gd(STEP, SharpnessAware(0.125)), descends(ascended(whole))),
    Row("sam, not normalised", lambda s, x: gd(STEP, SharpnessAware(0.125, normalized=False)), descends(ascended(whole, normalized=False))),
    Row("sam on batches", lambda s, x: gd(STEP, SharpnessAware(0.125, base=Minibatch(2, s))), descends(ascended(batch(2))), random=True),
    Row(
        "sam per example",
        lambda s, x: gd(STEP, SharpnessAware(0.125, base=Minibatch(3, s), per_example=True)),
        descends(ascended_per_example),
        random=True,
    ),
    Row("ascent loss", lambda s, x: gd(STEP, AscentLoss(0.125)), descends(of_ascent_loss)),
    Row("average direction", lambda s, x: gd(STEP, AverageDirection(0.125, s, draws=2)), descends(of_average_direction), random=True),
    Row("weight decay", lambda s, x: WeightDecay(gd(STEP), 0.5), decayed),
    Row("perturbed", lambda s, x: Perturbed(gd(STEP), 0.125, s, every=3), perturbed, random=True),
    Row("projected onto a ball", lambda s, x: Projected(gd(STEP), Ball(0.75)), onto_ball),
    Row("projected onto a sphere", lambda s, x: Projected(gd(STEP), Sphere(0.75)), onto_sphere),
    Row("projected onto a plane", lambda s, x: Projected(gd(STEP), Affine(A, B)), onto_plane),
]
RANDOM = [row for row in TABLE if row.random]


def ids(row: Row) -> str:
    return row.name


def variants(method: Method) -> list[Method]:
    """A method, and itself without compiled code where it has some."""
    return [method, PlainDescent(method.step, method.gradient)] if type(method) is GradientDescent else [method]


@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_bars_cover_the_formula_in_50_digits(row):
    for seed in range(2):
        objective, start = network(seed)
        with mp.workdps(50):
            twin, truth = DiagonalTwin(objective), multiprecision(start)
            memory: Memory = {}
            for k in range(STEPS):
                truth = row.formula(twin, truth, k, memory)
        for method in variants(row.make(SEED, start)):
            run = follow(objective, method, start, Stop(steps=STEPS))
            with mp.workdps(50):
                distance = float(norm(multiprecision(run.final) - truth))
            assert run.cost == STEPS
            assert distance <= run.error, (seed, method)
            assert run.error <= 1e-10 or "sam" in row.name or "normalised" in row.name or row.name == "ascent loss", (seed, method, distance)
            known = np.isfinite(run.error)
            assert not known or run.error <= 1e-3


@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_a_batch_is_a_loop(row):
    objective, start = network(0, (6,))
    seeds = np.arange(6) + SEED
    until = Stop(steps=40)
    for whole_batch in variants(row.make(seeds, start)):
        run = follow(objective, whole_batch, start, until, save=Every(15))
        for lane in (0, 5):
            one = replace(objective, data=Regression(objective.data.X[lane], objective.data.y[lane]))
            alone = row.make(seeds[lane], start[lane])
            alone = variants(alone)[-1] if isinstance(whole_batch, PlainDescent) else alone
            np.testing.assert_allclose(follow(one, alone, start[lane], until, save=Every(15)).states, run.states[lane], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("row", RANDOM, ids=ids)
def test_noise_is_a_function_of_seed_and_step(row):
    """Whatever order, shard and saved states; lanes of one seed see one noise, lanes of another one another."""
    objective, start = network(1, (5,))
    seeds, order = np.array([3, 9, 3, 4, 5]), np.array([4, 2, 0])
    start[2] = start[0]
    same = Regression(objective.data.X[[0, 1, 0, 3, 4]], objective.data.y[[0, 1, 0, 3, 4]])
    objective = replace(objective, data=same)
    for method in variants(row.make(seeds, start)):
        run = follow(objective, method, start, Stop(steps=50))
        for save in (Every(1), Every(7), At([0.3, 0.31])):
            np.testing.assert_array_equal(follow(objective, method, start, Stop(steps=50), save=save).final, run.final)
        np.testing.assert_array_equal(run.final[0], run.final[2])
        part = replace(objective, data=Regression(same.X[order], same.y[order]))
        shard = row.make(seeds[order], start[order])
        shard = variants(shard)[-1] if isinstance(method, PlainDescent) else shard
        np.testing.assert_allclose(follow(part, shard, start[order], Stop(steps=50)).final, run.final[order], rtol=1e-10, atol=1e-12)
        other = row.make(seeds + 1, start)
        assert np.all(np.abs(follow(objective, other, start, Stop(steps=50)).final - run.final).max(axis=-1) > 1e-6)


@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_lanes_of_different_length_are_pooled(row):
    objective, start = network(2, (4,))
    method, steps = row.make(np.arange(4), start), np.array([0, 13, 70, 64])
    for variant in variants(method):
        run = follow(objective, variant, start, Stop(steps=steps), save=Every(13))
        assert run.cost.tolist() == steps.tolist()
        for lane, count in enumerate(steps):
            whole_run = follow(objective, variant, start, Stop(steps=int(count)))
            np.testing.assert_array_equal(run.final[lane], whole_run.final[lane])


def exploding(row: Row, start: np.ndarray) -> Method | None:
    """The row with steps that blow up; None where the length of a step or the set is bounded."""
    method = row.make(np.arange(len(start)), start)
    if isinstance(method, NormalizedGradientDescent | Adam | Projected | SqrtLossDescent):
        return None
    if isinstance(method, WeightDecay | Perturbed):
        return replace(method, method=GradientDescent(50.0))
    return replace(method, step=50.0)


@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_divergence_is_an_ending_of_one_lane(row):
    objective, start = network(3, (3,))
    method = exploding(row, start)
    if method is None:
        return
    with np.errstate(all="raise"):
        run = follow(objective, method, start, Stop(steps=400), save=Every(1))
        assert np.all(np.isfinite(run.states))
        lost = run.ended(Ending.DIVERGED)
        assert lost.all()
        assert np.isinf(run.error).all()
    for lane in range(3):
        k = run.cost[lane]
        assert np.all(run.states[lane, k:] == run.final[lane])


def test_the_page_of_methods_names_every_method():
    """The table in the docstring of `methods` is where a reader looks a name up."""
    named = set(re.findall(r"\w+", methods.__doc__ or ""))
    classes = {name for name, value in vars(methods).items() if isinstance(value, type) and issubclass(value, Method | Gradient)}
    assert classes - {"Gradient"} <= named
    assert len(classes) > 15
    assert {type(row.make(0, np.full(4, 0.5))).__name__ for row in TABLE} == {name for name in classes if issubclass(getattr(methods, name), Method)}
