"""Nothing leaves the enclosures silently, and what they do not decide raises."""

import math
from fractions import Fraction

import numpy as np
import pytest

import theorycheck as tc
from tests.dynamics.enclosures import fit
from theorycheck.dynamics.certificates import Ball, OutsideBalls, Undecided, balls, exact

pytestmark = pytest.mark.usefixtures("in_balls")


def test_a_difference_that_cancels_is_decided_with_more_bits_only():
    def differs() -> bool:
        x = Ball(2).sqrt()
        return bool((x + Fraction(1, 2**200)) - x > 0)

    with pytest.raises(Undecided):
        differs()
    with tc.Precision.balls(512).scope():
        assert differs()


LEAKS = {
    "float": lambda x, v: float(x),
    "int": lambda x, v: int(x),
    "round": lambda x, v: round(x),
    "complex": lambda x, v: complex(x),
    "index": lambda x, v: [1, 2, 3][x],
    "math.sqrt": lambda x, v: math.sqrt(x),
    "math.isclose": lambda x, v: math.isclose(x, 1.0),
    "math.fsum": lambda x, v: math.fsum([x, x]),
    "np.float64": lambda x, v: np.float64(x),
    "np.asarray": lambda x, v: np.asarray(v, dtype=float),
    "np.array": lambda x, v: np.array([x, 1.0], dtype=float),
    "astype": lambda x, v: v.astype(float),
    "float of an array": lambda x, v: float(v[:1].reshape(())),
    "assignment": lambda x, v: np.zeros(2).__setitem__(0, x),
    "eigvalsh": lambda x, v: np.linalg.eigvalsh(np.outer(v, v)),
    "svd": lambda x, v: np.linalg.svd(np.outer(v, v)),
    "qr": lambda x, v: np.linalg.qr(np.outer(v, v)),
    "cond": lambda x, v: np.linalg.cond(np.outer(v, v)),
    "cholesky": lambda x, v: np.linalg.cholesky(np.outer(v, v)),
    "nuclear norm": lambda x, v: np.linalg.norm(np.outer(v, v), "nuc"),
    "allclose": lambda x, v: np.allclose(v, v),
    "arccos": lambda x, v: np.arccos(v),
    "floor": lambda x, v: np.floor(v),
    "negative root": lambda x, v: np.sqrt(-x),
    "division by zero": lambda x, v: x / 0,
    "random": lambda x, v: np.random.default_rng(0).normal(x),
    "not finite": lambda x, v: x * np.inf,
    "flow of a loss that is no polynomial": lambda x, v: tc.follow(logistic(), tc.GradientFlow(accuracy=1e-6), v, tc.Stop(time=1.0)),
    "flow to an inexact time": lambda x, v: tc.follow(fit().objective, tc.GradientFlow(accuracy=1e-6), fit().theta, tc.Stop(time=0.1)),
    "long run": lambda x, v: tc.follow(fit().objective, tc.GradientDescent(step=x), fit().theta, tc.Stop(steps=1000)),
}


def logistic() -> tc.Objective:
    return tc.Objective(tc.DeepLinear((1, 1, 1)), tc.LogisticLoss(), tc.Classification([[1.0]], [1.0]))


@pytest.mark.parametrize("name", LEAKS)
def test_leaving_the_enclosures_raises(name):
    with pytest.raises(OutsideBalls):
        LEAKS[name](Ball(Fraction(1, 3)), exact([1.0, 2.0]))


@pytest.mark.parametrize(
    "question",
    [
        lambda r: bool(r * r - 2),
        lambda r: r * r == 2,
        lambda r: r * r < 2,
        lambda r: bool(np.any(balls([0, r * r - 2]))),
        lambda r: 1 / (r * r - 2),
        lambda r: np.sqrt(r * r - 2),
        lambda r: np.argmax(balls([2, r * r])),
        lambda r: np.linalg.matrix_rank(balls([[2, r], [r, 1]])),
        lambda r: np.linalg.inv(balls([[2, r], [r, 1]])),
    ],
)
def test_what_enclosures_do_not_decide_raises(question):
    with pytest.raises(Undecided):
        question(Ball(2).sqrt())
