"""Runs of methods in exact and enclosed numbers: a few steps, as far as rationals and balls carry them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from theorycheck.dynamics.certificates.arrays import Balls, balls
from theorycheck.dynamics.certificates.reals import OutsideBalls

STEPS = 64  # every step multiplies the digits of a rational, or the radius of a ball


def steps_of(method: Any, objective: Any, start: Any, until: Any) -> Iterator[Balls]:
    """The start, shape (P,), and the state after each step of a method.

    Raises
    ------
    OutsideBalls
        For flows, which are integrated in floating point; for noise; for a run that is not stopped by a small number of steps.

    """
    if not hasattr(method, "move"):
        raise OutsideBalls(f"{type(method).__name__} is integrated in floating point: no enclosure of a trajectory; certify algebraic claims")
    if hasattr(getattr(method, "gradient", None), "seed"):
        raise OutsideBalls("a run with noise is a claim about probability; certify algebraic claims")
    if until.steps is None or until.time is not None or until.gradient_norm is not None or until.event is not None or int(until.steps) > STEPS:
        raise OutsideBalls(f"a run is enclosed for at most {STEPS} steps and no other stop; pass Stop(steps=1)")
    theta = balls(start)
    yield theta
    carry = method.begin(objective, theta)
    for k in range(int(until.steps)):
        theta, carry = method.move(objective, theta, carry, np.array(k))
        theta = balls(theta)
        yield theta
