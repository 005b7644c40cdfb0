"""Compiled runs of quadratic residuals are general runs: every method they know, in space and on the sphere, every ending."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.dynamics.methods.compiled_residuals import FusedResiduals
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow

LANES = 4
RNG = np.random.default_rng(2)
B, C = RNG.normal(size=(LANES, 2, 3)), RNG.normal(size=(LANES, 2, 3, 3))
START = RNG.normal(size=(LANES, 3)) / 4
STEP = np.geomspace(0.004, 0.02, LANES)
RISKS = {
    "space": tc.QuadraticResiduals(B, C),
    "shared": tc.QuadraticResiduals(B[0], C[0]),
    "form": tc.QuadraticResiduals(B),
    "sphere": tc.ScaleInvariant(tc.QuadraticResiduals(B, C)),
}
METHODS = {
    "descent": tc.GradientDescent(STEP),
    "aware": tc.GradientDescent(STEP, tc.SharpnessAware(np.linspace(0.05, 0.2, LANES))),
    "aware without unit": tc.GradientDescent(STEP, tc.SharpnessAware(0.1, normalized=False)),
    "decay": tc.WeightDecay(tc.GradientDescent(STEP), np.linspace(0.1, 0.4, LANES)),
    "normalized": tc.NormalizedGradientDescent(STEP),
    "normalized with decay": tc.WeightDecay(tc.NormalizedGradientDescent(STEP), 0.25),
    "root": tc.SqrtLossDescent(STEP),
}


def general(method, monkeypatch):
    """The class of the method without compiled code."""
    for kind in (tc.GradientDescent, tc.NormalizedGradientDescent, tc.SqrtLossDescent, tc.WeightDecay):
        monkeypatch.setattr(kind, "fused", lambda self, objective, lanes: None)
    return method


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("name", METHODS)
def test_compiled_runs_are_general_runs(name, risk, monkeypatch):
    objective, method = RISKS[risk], METHODS[name]
    assert isinstance(method.fused(objective, (LANES,)), FusedResiduals)
    stop = Stop(steps=np.arange(LANES) * 21)
    fast = follow(objective, method, START, stop, save=Every(20))
    bar = fast.error
    slow = follow(objective, general(method, monkeypatch), START, stop, save=Every(20))
    assert fast.cost.tolist() == slow.cost.tolist() == [0, 21, 42, 63]
    np.testing.assert_allclose(fast.times, slow.times, rtol=1e-15)
    known = bar < 1e-6  # next to a minimiser rounding decides which way a step of fixed length goes
    np.testing.assert_allclose(fast.states[known], slow.states[known], rtol=1e-9, atol=1e-11)
    assert np.all(np.linalg.norm(fast.final - slow.final, axis=-1)[known] <= bar[known])
    assert known.sum() >= 3


def test_a_lane_that_blows_up_keeps_its_last_finite_state(monkeypatch):
    objective, method, stop = RISKS["space"], tc.GradientDescent(np.array([0.01, 5.0, 0.01, 7.0])), Stop(steps=30)
    fast = follow(objective, method, START, stop)
    slow = follow(objective, general(method, monkeypatch), START, stop)
    assert [e is Ending.DIVERGED for e in fast.ending] == [e is Ending.DIVERGED for e in slow.ending] == [False, True, False, True]
    assert fast.cost.tolist() == slow.cost.tolist()
    assert np.all(np.isfinite(fast.final))
    assert np.isinf(fast.error[1])


@pytest.mark.parametrize("method", [tc.NormalizedGradientDescent(0.1), tc.SqrtLossDescent(0.1), tc.GradientDescent(0.1, tc.SharpnessAware(0.1))])
def test_a_minimiser_is_kept_and_the_smallest_numbers_have_a_direction(method):
    form = tc.QuadraticResiduals(np.eye(3)[:2])
    states = follow(form, method, np.array([[0.0, 0.0, 1.0], [0.0, 5e-324, 0.0]]), Stop(steps=1)).final
    np.testing.assert_array_equal(states[0], [0.0, 0.0, 1.0])
    if isinstance(method, tc.NormalizedGradientDescent):
        np.testing.assert_array_equal(states[1], [0.0, -0.1, 0.0])


def test_runs_are_the_same_in_every_cut():
    method, whole = METHODS["normalized"], RISKS["space"]
    once = follow(whole, method, START, Stop(steps=100)).final
    np.testing.assert_array_equal(once, follow(whole, method, START, Stop(steps=100), save=Every(7)).final)
    np.testing.assert_array_equal(once, follow(whole, method, START, Stop(steps=100), save=At([20 * 0.004, 40 * 0.004])).final)


def test_several_step_sizes_in_front_of_a_stack_of_one():
    one, steps = tc.QuadraticResiduals(B[:1], C[:1]), Stop(steps=30)
    many = follow(one, tc.NormalizedGradientDescent(STEP[:, None]), START[:1], steps).final
    each = [follow(RISKS["shared"], tc.NormalizedGradientDescent(step), START[0], steps).final for step in STEP]
    np.testing.assert_array_equal(many[:, 0], each)


def test_what_is_not_compiled_goes_the_general_way():
    sampled = tc.GradientDescent(0.1, tc.SharpnessAware(0.1, base=tc.Whole(), per_example=True))
    assert sampled.fused(RISKS["space"], ()) is None
    assert tc.SqrtLossDescent(0.1, least=0.5).fused(RISKS["space"], ()) is None
    assert tc.GradientDescent(tc.Schedule(lambda k: 0.1 / (k + 1))).fused(RISKS["space"], ()) is None
    assert tc.GradientDescent(0.1).fused(tc.ScaleInvariant(RISKS["shared"], 0.5), ()) is None
    stopped = follow(RISKS["form"], tc.GradientDescent(0.05), START, Stop(steps=4000, gradient_norm=1e-6))
    assert np.all(np.linalg.norm(RISKS["form"].gradient(stopped.final), axis=-1) <= 1e-6)
