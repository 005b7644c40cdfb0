"""What methods take: objectives without data of their own; and one clear error for each bad argument."""

from typing import Any

import numpy as np
import pytest

from tests.dynamics.quadratics import QUADRATIC, landscape
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.methods import (
    Adam,
    Affine,
    AverageDirection,
    Ball,
    GaussianNoise,
    GradientDescent,
    HeavyBall,
    LabelNoise,
    Minibatch,
    Nesterov,
    NormalizedGradientDescent,
    Perturbed,
    Projected,
    Schedule,
    SharpnessAware,
    SqrtLossDescent,
    WeightDecay,
    Whole,
)
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.stepping import Method
from theorycheck.dynamics.trajectories import Stop, follow
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.losses import LinearLoss, LogisticLoss
from theorycheck.symbolic.parametrizations import DeepLinear

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
