"""Every method, a row each: runs against the formula in 50 digits, the same noise in every batch, divergence, and what bad arguments say."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from tests.dynamics.diagonal_twin import EXP, DiagonalTwin, network, norm, unit
from tests.dynamics.exact import multiprecision
from theorycheck.dynamics import methods, noise
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.landscapes import Landscape
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
    Whole,
    schedules,
)
from theorycheck.dynamics.methods.gradients import Gradient
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.stepping import Fused, Method
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.losses import LinearLoss, LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal
from theorycheck.symbolic.potentials import legendre_potential

STEP, SEED, STEPS = 0.03125, 7, 70
Memory = dict[str, Any]


class PlainDescent(GradientDescent):
    """Gradient descent without its compiled path."""

    def fused(self, objective, lanes) -> Fused | None:
        return None


# -- what each gradient is, in 50 digits: twin, θ, k -> vector --


def whole(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta)


def batch(size: int, replacement: bool = True) -> Callable:
    drawn = noise.indices if replacement else noise.permuted_indices
    return lambda twin, theta, k: twin.seen(drawn(np.uint64(SEED), np.array(k), size, len(twin.y))).gradient(theta)


def with_label_noise(twin: DiagonalTwin, theta, k):
    rows = noise.indices(np.uint64(SEED), np.array(k), 2, len(twin.y))
    return twin.seen(rows, mp.mpf(0.25) * noise.signs(np.uint64(SEED), np.array(k), 2)).gradient(theta)


def with_noise_on_all_labels(twin: DiagonalTwin, theta, k):
    return twin.seen(shift=mp.mpf(0.25) * noise.signs(np.uint64(SEED), np.array(k), len(twin.y))).gradient(theta)


FACTOR = np.array([[0.5, 0.0], [0.25, -0.5], [0.0, 0.125], [1.0, 0.0]])


def with_gaussian_noise(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta) + multiprecision(FACTOR) @ multiprecision(noise.normals(np.uint64(SEED), np.array(k), 2))


def with_noise_of_theta(twin: DiagonalTwin, theta, k):
    return twin.gradient(theta) + theta * multiprecision(noise.normals(np.uint64(SEED), np.array(k), 4))


def ascended(of: Callable, rho: float = 0.125, normalized: bool = True) -> Callable:
    def gradient(twin: DiagonalTwin, theta, k):
        g = of(twin, theta, k)
        return of(twin, theta + mp.mpf(rho) * (unit(g) if normalized else g), k)

    return gradient


def ascended_per_example(twin: DiagonalTwin, theta, k):
    rows = noise.indices(np.uint64(SEED), np.array(k), 3, len(twin.y))
    return sum(ascended(whole)(twin.seen([row]), theta, k) for row in rows) / 3


def of_ascent_loss(twin: DiagonalTwin, theta, k):
    """By the chain rule, with the derivative of g/‖g‖ written out: ∂n = (I - nnᵀ)H/‖g‖."""
    g, rho = twin.gradient(theta), mp.mpf(0.125)
    n, identity = unit(g), multiprecision(np.eye(len(theta)))
    turning = (identity - np.outer(n, n)) @ twin.hessian(theta) / norm(g)
    return (identity + rho * turning).T @ twin.gradient(theta + rho * n)


def of_average_direction(twin: DiagonalTwin, theta, k):
    z = multiprecision(noise.normals(np.uint64(SEED), np.array(k), 8, noise.Stream.DIRECTION)).reshape(2, 4)
    return sum(twin.gradient(theta + mp.mpf(0.125) * unit(row)) for row in z) / 2


# -- what each method does with it: twin, θ, k, memory -> θ --


def descends(of: Callable, step: Callable[[int], Any] = lambda k: STEP) -> Callable:
    return lambda twin, theta, k, memory: theta - mp.mpf(step(k)) * of(twin, theta, k)


def normalised(twin: DiagonalTwin, theta, k, memory):
    return theta - mp.mpf(STEP) * unit(twin.gradient(theta))


def by_root(twin: DiagonalTwin, theta, k, memory):
    return theta - mp.mpf(STEP) * twin.gradient(theta) / (2 * mp.sqrt(twin.risk(theta) + mp.mpf(0.5)))


def heavy_ball(twin: DiagonalTwin, theta, k, memory):
    before = memory.get("before", theta)
    memory["before"] = theta
    return theta - mp.mpf(STEP) * twin.gradient(theta) + mp.mpf(0.75) * (theta - before)


def nesterov(twin: DiagonalTwin, theta, k, memory):
    before = memory.get("before", theta)
    memory["before"] = theta
    y = theta + mp.mpf(k / (k + 3)) * (theta - before)
    return y - mp.mpf(STEP) * twin.gradient(y)


def adam(twin: DiagonalTwin, theta, k, memory):
    g = twin.gradient(theta)
    for name, beta, power in (("m", mp.mpf(0.9), 1), ("v", mp.mpf(0.999), 2)):
        memory[name] = beta * memory.get(name, 0 * theta) + (1 - beta) * g**power
    mean, square = memory["m"] / (1 - mp.mpf(0.9) ** (k + 1)), memory["v"] / (1 - mp.mpf(0.999) ** (k + 1))
    return theta - mp.mpf(STEP) * mean / (square ** mp.mpf(0.5) + mp.mpf(1e-8))


def mirror(of: Callable[[DiagonalTwin, int], DiagonalTwin]) -> Callable:
    """w = u² - v² moves by u = u_0 exp(2μ), v = v_0 exp(-2μ)."""

    def moved(twin: DiagonalTwin, theta, k, memory):
        start = memory.setdefault("start", theta)
        memory["mu"] = memory.get("mu", 0) - mp.mpf(STEP) * of(twin, k).gradient_in_w(theta)
        return start * EXP(np.concatenate([2 * memory["mu"], -2 * memory["mu"]]))

    return moved


def decayed(twin: DiagonalTwin, theta, k, memory):
    return (1 - mp.mpf(STEP) * mp.mpf(0.5)) * theta - mp.mpf(STEP) * twin.gradient(theta)


def perturbed(twin: DiagonalTwin, theta, k, memory):
    kick = multiprecision(noise.normals(np.uint64(SEED), np.array(k), 4, noise.Stream.KICK))
    return descends(whole)(twin, theta, k, memory) + (mp.mpf(0.125) * kick if k % 3 == 2 else 0)


def onto_ball(twin: DiagonalTwin, theta, k, memory):
    moved = descends(whole)(twin, theta, k, memory)
    return moved * min(1, mp.mpf(0.75) / norm(moved))


def onto_sphere(twin: DiagonalTwin, theta, k, memory):
    return mp.mpf(0.75) * unit(descends(whole)(twin, theta, k, memory))


A, B = np.array([[1.0, 2.0, 0.0, -1.0]]), np.array([0.5])


def onto_plane(twin: DiagonalTwin, theta, k, memory):
    moved, a = descends(whole)(twin, theta, k, memory), multiprecision(A[0])
    return moved - a * (np.sum(a * moved) - mp.mpf(0.5)) / np.sum(a * a)


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


# -- laws of the literature --

QUADRATIC = Objective(DeepLinear((3, 1)), SquaredLoss(1.5), Regression(np.diag(np.sqrt([3.0, 2.0, 1.0])), np.zeros(3)))  # ∇² = diag(3, 2, 1)


def test_normalised_descent_ends_in_a_two_cycle_along_the_top():
    """Arora, Li & Panigrahi 2022: |a_k| + |a_{k+1}| = η; other directions vanish altogether."""
    run = follow(QUADRATIC, NormalizedGradientDescent(0.1), np.array([1.0, 0.7, -0.4]), Stop(steps=4000), save=Every(3999))
    before, after = run.states[-2], run.states[-1]
    assert abs(before[0]) + abs(after[0]) == pytest.approx(0.1, rel=1e-12)
    assert np.all(np.abs(after[1:]) < 1e-300)


def test_descent_on_the_root_of_the_loss_two_cycles():
    """|a_k| + |a_{k+1}| = η √(λ/2) along the top."""
    run = follow(QUADRATIC, SqrtLossDescent(0.05), np.array([1.0, 0.7, -0.4]), Stop(steps=3000), save=Every(2999))
    assert abs(run.states[-2, 0]) + abs(run.states[-1, 0]) == pytest.approx(0.05 * np.sqrt(1.5), rel=1e-9)


def test_sam_on_a_quadratic_aligns_with_the_top():
    """Wen, Ma & Li 2022: ‖x‖ → ηρλ/(2 - ηλ)."""
    eta, rho = 0.2, 0.05
    run = follow(QUADRATIC, GradientDescent(eta, SharpnessAware(rho)), np.array([1.0, 0.7, -0.4]), Stop(steps=1500))
    assert np.linalg.norm(run.final) == pytest.approx(eta * rho * 3 / (2 - eta * 3), rel=1e-12)


def test_label_noise_shrinks_the_product_step_by_step():
    """Li, Wang & Arora 2021: u_j v_j ← u_j v_j (1 - 4η²r²x_ij²) for ℓ = r²/2, exactly."""
    objective, start = network(0)
    objective = replace(objective, loss=SquaredLoss(0.5))
    gradient, eta, theta = LabelNoise(0.5, seed=SEED), 0.05, start
    for k in range(60):
        (i,) = noise.indices(np.uint64(SEED), np.array(k), 1, 4)
        x = objective.data.X[i]
        r = x @ (theta[:2] ** 2 - theta[2:] ** 2) - objective.data.y[i] - 0.5 * noise.signs(np.uint64(SEED), np.array(k), 1)[0]
        product = theta[:2] * theta[2:] * (1 - 4 * eta**2 * r**2 * x**2)
        theta = follow(objective, GradientDescent(eta, gradient), start, Stop(steps=k + 1)).final
        np.testing.assert_allclose(theta[:2] * theta[2:], product, rtol=1e-12)


def test_average_direction_is_unbiased():
    """E ∇R(θ + ρz/‖z‖) = ∇R(θ) + ρ²/(2P) ∇ tr ∇²R(θ) where R has degree 2 in w = u²: checked on a quartic, with five standard errors."""
    objective = Objective(Diagonal(2, 2, signed=False), SquaredLoss(0.5), Regression([[1.0, 0.0]], [0.0]))  # R = u_1⁴/2
    theta, rho, seeds = np.array([1.0, 0.5]), 0.5, np.arange(40_000)
    g = AverageDirection(rho, seed=seeds).of(objective, np.broadcast_to(theta, (40_000, 2)), np.zeros(40_000, dtype=np.int64))
    truth = 2 * theta[0] ** 3 + 6 * theta[0] * rho**2 / 2  # E (1 + ρ z_1)³ with E z_1² = 1/2
    assert abs(g[:, 0].mean() - truth) <= 5 * g[:, 0].std() / 200
    assert abs(truth - 2 * theta[0] ** 3) > 10 * g[:, 0].std() / 200


def test_mirror_descent_leaves_a_bounded_dual_domain_as_diverged():
    """u³ - v³ has a bounded dual domain; a small step stays, and approaches the mirror flow."""
    model, start = Diagonal(1, 3), np.array([1.0, 0.9])
    objective = Objective(model, SquaredLoss(0.5), Regression([[1.0]], [5.0]))
    potential = legendre_potential(model, start)
    run = follow(objective, MirrorDescent(potential, np.array([10.0, 1e-3])), start, Stop(steps=500))
    assert [ending.name for ending in run.ending] == ["DIVERGED", "REACHED_STEPS"]
    np.testing.assert_array_equal(run.final[0], start)
    assert potential.in_domain(model.w(run.final[1]))
    with pytest.raises(InvalidArgument, match="is not where the potential starts"):
        follow(objective, MirrorDescent(potential, 0.1), start + 1, Stop(steps=1))
    with pytest.raises(InvalidArgument, match="is not a loss of some w"):
        follow(Landscape(*landscape()), MirrorDescent(potential, 0.1), start, Stop(steps=1))


def landscape() -> tuple[Any, Any]:
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    return (x, y), x**2 + 2 * y**2


# -- zero gradients, constraints, time --


@pytest.mark.parametrize("make", [NormalizedGradientDescent, SqrtLossDescent, lambda step: GradientDescent(step, SharpnessAware(0.1))])
def test_where_the_gradient_is_zero_a_run_stays(make):
    with np.errstate(all="raise"):
        run = follow(QUADRATIC, make(0.1), np.zeros(3), Stop(steps=20))
        assert run.ending.item() is Ending.REACHED_STEPS
        assert not run.final.any()
        assert follow(QUADRATIC, make(0.1), np.zeros(3), Stop(steps=20, gradient_norm=0.0)).ending.item() is Ending.GRADIENT_SMALL
    tiny = follow(QUADRATIC, NormalizedGradientDescent(0.1), np.array([1e-200, 0.0, 0.0]), Stop(steps=1))
    assert tiny.final[0] == -0.1


@pytest.mark.parametrize("onto", [Ball(0.75), Sphere(np.array([0.5, 2.0, 1.0])), Affine(A, B)], ids=["ball", "sphere", "plane"])
@pytest.mark.parametrize("inner", [GradientDescent(0.02, Minibatch(1, seed=0)), HeavyBall(0.1, 0.9), WeightDecay(Adam(0.05), 0.1)], ids=str)
def test_projection_keeps_the_constraint(inner, onto):
    objective, start = network(4, (3,))
    run = follow(objective, Projected(inner, onto), start, Stop(steps=100), save=Every(1))
    states = run.states[:, 1:]
    sizes = np.linalg.norm(states, axis=-1)
    if isinstance(onto, Ball):
        assert np.all(sizes <= 0.75 * (1 + 1e-15))
        assert np.any(sizes >= 0.75 * (1 - 1e-15))
    elif isinstance(onto, Sphere):
        np.testing.assert_allclose(sizes, np.broadcast_to(np.asarray(onto.radius)[:, None], sizes.shape), rtol=1e-15)
    else:
        np.testing.assert_allclose(states @ A[0], B[0], atol=4e-16 * np.abs(states).max())


def test_the_centre_of_a_sphere_has_no_nearest_point():
    run = follow(QUADRATIC, Projected(GradientDescent(1.0), Sphere()), np.array([0.0, 0.0, 1.0]), Stop(steps=5))
    assert (run.ending.item(), run.cost) == (Ending.DIVERGED, 0)


def test_time_is_the_sum_of_the_steps(monkeypatch):
    sizes = 0.5 / (1 + np.arange(10_000))
    decaying = Schedule(lambda k: 0.5 / (1 + k))
    run = follow(QUADRATIC, GradientDescent(decaying), np.ones(3), Stop(steps=9_000), save=Every(4_500))
    np.testing.assert_allclose(run.times, [0.0, sizes[:4500].sum(), sizes[:9000].sum()], rtol=1e-13)
    stopped = follow(QUADRATIC, GradientDescent(decaying), np.ones(3), Stop(time=2.0), save=At([0.5, 1.0]))
    assert (stopped.ending.item(), stopped.cost) == (Ending.REACHED_TIME, int(np.argmax(np.cumsum(sizes) >= 2.0)) + 1)
    np.testing.assert_allclose(stopped.times, [0.5, sizes[:4].sum()], rtol=1e-14)
    by_lane = Schedule.listed([[0.1, 0.2], [0.3, 0.01]])
    run = follow(QUADRATIC, HeavyBall(by_lane, 0.5), np.ones(3), Stop(steps=3), save=Every(1))
    np.testing.assert_allclose(run.times, [[0.0, 0.1, 0.3, 0.5], [0.0, 0.3, 0.31, 0.32]], rtol=1e-14)
    monkeypatch.setattr(schedules, "LONGEST", 20_000)
    with pytest.raises(InvalidArgument, match="is not reached in 20000 steps"):
        follow(QUADRATIC, GradientDescent(Schedule(lambda k: (1.0 + k) ** -2)), np.ones(3), Stop(time=2.0))


def test_the_page_of_methods_names_every_method():
    """The table in the docstring of `methods` is where a reader looks a name up."""
    named = set(re.findall(r"\w+", methods.__doc__ or ""))
    classes = {name for name, value in vars(methods).items() if isinstance(value, type) and issubclass(value, Method | Gradient)}
    assert classes - {"Gradient"} <= named
    assert len(classes) > 15
    assert {type(row.make(0, np.full(4, 0.5))).__name__ for row in TABLE} == {name for name in classes if issubclass(getattr(methods, name), Method)}


CLASSES = Objective(DeepLinear((1, 1)), LogisticLoss(), Classification([[1.0], [2.0]], [1.0, -1.0]))
SUM = Objective(DeepLinear((1, 1)), LinearLoss(((1.0, (1.0,)),)), Regression([[1.0]], [1.0]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: NormalizedGradientDescent(0.0), InvalidArgument, "`step=0.0` must be positive; pass step > 0"),
        (lambda: GradientDescent(0.1, 3), InvalidArgument, "`gradient=3` is no Gradient"),
        (lambda: HeavyBall(0.1, 1.0), InvalidArgument, r"`momentum=1.0` must be in \[0, 1\)"),
        (lambda: Nesterov(0.1, -0.1), InvalidArgument, r"`momentum=-0.1` must be in \[0, 1\)"),
        (lambda: Adam(0.1, first=1.0), InvalidArgument, r"`first=1.0` must be in \[0, 1\)"),
        (lambda: Adam(0.1, epsilon=0.0), InvalidArgument, "`epsilon=0.0` must be positive"),
        (lambda: Minibatch(2), InvalidArgument, "`seed=None` has no default"),
        (lambda: LabelNoise(0.1), InvalidArgument, "`seed=None` has no default"),
        (lambda: GaussianNoise(1.0), InvalidArgument, "`seed=None` has no default"),
        (lambda: AverageDirection(0.1), InvalidArgument, "`seed=None` has no default"),
        (lambda: Perturbed(GradientDescent(0.1), 0.1), InvalidArgument, "`seed=None` has no default"),
        (lambda: Minibatch(2, seed=-1), InvalidArgument, "`seed=-1` must be a whole number from 0"),
        (lambda: Minibatch(2, seed=1.5), InvalidArgument, "`seed=1.5` must be a whole number"),
        (lambda: Minibatch(0, seed=1), InvalidArgument, "`size=0` must be a whole number from 1"),
        (lambda: LabelNoise(-1.0, seed=1), InvalidArgument, "`deviation=-1.0` must be positive"),
        (lambda: LabelNoise(1.0, seed=1, size=0), InvalidArgument, "`size=0` must be a whole number from 1"),
        (lambda: SharpnessAware(0.0), InvalidArgument, "`rho=0.0` must be positive; pass rho > 0"),
        (lambda: SharpnessAware(0.1, base=GaussianNoise(1.0, 0), per_example=True), InvalidArgument, "has no single samples"),
        (lambda: AverageDirection(0.1, 0, draws=0), InvalidArgument, "`draws=0` must be a whole number from 1"),
        (lambda: GaussianNoise(np.ones(2), 0), ShapeMismatch, r"must be \(..., P, m\)"),
        (lambda: SqrtLossDescent(0.1, gradient=SharpnessAware(0.1)), InvalidArgument, "is not the gradient of a risk"),
        (lambda: WeightDecay(GradientDescent(0.1), 0.0), InvalidArgument, "`decay=0.0` must be positive"),
        (lambda: Projected(GradientDescent(0.1), 3), InvalidArgument, "`onto=3` is no set"),
        (lambda: Projected(0.1, Ball(1.0)), InvalidArgument, "`method=0.1` is not a method"),
        (lambda: Ball(0.0), InvalidArgument, "`radius=0.0` must be positive"),
        (lambda: Affine(np.ones((2, 3)), np.ones(2)), InvalidArgument, "has rows that depend on each other"),
        (lambda: Affine(np.ones((1, 3)), np.ones(2)), ShapeMismatch, "pass one number a row of A"),
        (lambda: Schedule(0.1), InvalidArgument, "`formula=0.1` must be a function of k"),
        (lambda: Schedule.listed([]), ShapeMismatch, "must be .*K ≥ 1"),
        (lambda: run(GradientDescent(0.1, Minibatch(4, seed=0))), InvalidArgument, "`size=4` is more than the 3 samples"),
        (lambda: run(GradientDescent(Schedule(lambda k: 1.0 - k))), InvalidArgument, "must be positive at every step of the schedule"),
        (lambda: run(HeavyBall(0.1, Schedule(lambda k: k + 0.5))), InvalidArgument, "at every step of the schedule"),
        (lambda: run(SqrtLossDescent(0.1, least=9.0)), InvalidArgument, "`least=9.0` is above the risk"),
        (lambda: run(GradientDescent(0.1, GaussianNoise(np.eye(2), 0))), ShapeMismatch, "for 3 parameters"),
        (lambda: run(GradientDescent(0.1, Minibatch(1, seed=0)), Landscape(*landscape())), InvalidArgument, "has no samples to choose from"),
        (lambda: run(GradientDescent(0.1, LabelNoise(1.0, seed=0)), CLASSES), InvalidArgument, "has labels ±1"),
        (lambda: run(GradientDescent(0.1, Minibatch(1, seed=0)), SUM), InvalidArgument, "is a sum, not a mean"),
    ],
)
def test_bad_arguments_are_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


def run(method: Method, objective: Any = QUADRATIC) -> None:
    follow(objective, method, np.ones(objective.parameters), Stop(steps=3))


def test_objectives_without_data_of_their_own_descend_too():
    """A Landscape takes every method that needs no samples."""
    objective = Landscape(*landscape())
    for method in (HeavyBall(0.1, 0.5), Nesterov(0.1, 0.5), Adam(0.1), GradientDescent(0.1, SharpnessAware(0.01)), NormalizedGradientDescent(0.03)):
        run = follow(objective, method, np.array([1.0, 0.5]), Stop(steps=30))
        assert objective.risk(run.final) < 0.5 * objective.risk(np.array([1.0, 0.5]))
        assert run.error < 1e-9
    assert Whole().lanes == ()
