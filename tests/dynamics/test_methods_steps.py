"""The steps of a method: none where the gradient is zero, and their sum is the time."""

import numpy as np
import pytest

from tests.dynamics.quadratics import QUADRATIC
from theorycheck.dynamics.methods import GradientDescent, HeavyBall, NormalizedGradientDescent, Schedule, SharpnessAware, SqrtLossDescent, schedules
from theorycheck.dynamics.trajectories import At, Ending, Every, Stop, follow
from theorycheck.errors import InvalidArgument


@pytest.mark.parametrize("make", [NormalizedGradientDescent, SqrtLossDescent, lambda step: GradientDescent(step, SharpnessAware(0.1))])
def test_where_the_gradient_is_zero_a_run_stays(make):
    with np.errstate(all="raise"):
        run = follow(QUADRATIC, make(0.1), np.zeros(3), Stop(steps=20))
        assert run.ending.item() is Ending.REACHED_STEPS
        assert not run.final.any()
        assert follow(QUADRATIC, make(0.1), np.zeros(3), Stop(steps=20, gradient_norm=0.0)).ending.item() is Ending.GRADIENT_SMALL
    tiny = follow(QUADRATIC, NormalizedGradientDescent(0.1), np.array([1e-200, 0.0, 0.0]), Stop(steps=1))
    assert tiny.final[0] == -0.1


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
