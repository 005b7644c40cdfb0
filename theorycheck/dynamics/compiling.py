"""Compile ahead of time, on several processes, what nearly every check would else compile at its first call.

``python -m theorycheck.dynamics.compiling`` runs one small case of each; the machine code stays on disk (see `kernels.compiled`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
from theorycheck.dynamics.quantities import sharpness
from theorycheck.dynamics.trajectories import At, Every, Stop, follow
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.models import ResidualLinear
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Parametrization


def _case(model: Parametrization) -> tuple[Objective, np.ndarray]:
    X = np.array([[1.0, 0.5], [0.25, 1.0], [0.5, -1.0]])
    objective = Objective(model, SquaredLoss(), Regression(X, X @ np.array([1.0, 0.5])))
    return objective, np.linspace(0.5, 1.0, model.parameters)


def flow_of_network() -> None:
    """Gradient flow of deep linear networks."""
    objective, start = _case(DeepLinear((2, 2, 1)))
    follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=1.0), save=At([0.5]))


def descent_of_network() -> None:
    """Gradient descent on them."""
    objective, start = _case(DeepLinear((2, 2, 1)))
    follow(objective, GradientDescent(0.05), start, Stop(steps=10))
    follow(objective, GradientDescent(0.05), start, Stop(steps=10), save=Every(2))


def descent_of_diagonal() -> None:
    """Gradient descent on diagonal nets."""
    objective, start = _case(Diagonal(2, 2))
    follow(objective, GradientDescent(0.05), start, Stop(steps=10))


def flow_of_diagonal() -> None:
    """Gradient flow of diagonal nets, in mirror coordinates."""
    objective, start = _case(Diagonal(2, 2))
    follow(objective, GradientFlow(accuracy=1e-6), start, Stop(time=1.0))


def tapes() -> None:
    """Models whose derivatives are interpreted."""
    objective, start = _case(ResidualLinear(2, 2, (1.0, 0.5)))
    objective.gradient(start)
    follow(objective, GradientDescent(0.05), start, Stop(steps=10))


def quadratic_residuals() -> None:
    """Gradient descent on valleys of quadratic residuals."""
    valley = QuadraticResiduals(np.array([[1.0, 0.5]]), np.array([[[0.5, 0.25], [0.25, 1.0]]]))
    follow(valley, GradientDescent(0.05), np.array([0.5, 0.25]), Stop(steps=10))


def curvature() -> None:
    """Dense Hessians and sharpness of deep linear networks."""
    objective, start = _case(DeepLinear((2, 2, 1)))
    objective.hessian(start)
    sharpness(objective, start)


CASES: tuple[Callable[[], None], ...] = (
    flow_of_network,  # the longest first
    descent_of_network,
    descent_of_diagonal,
    tapes,
    flow_of_diagonal,
    quadratic_residuals,
    curvature,
)


def main() -> None:
    """Run every case, a process a processor."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for answer in [processes.submit(case) for case in CASES]:
            answer.result()


if __name__ == "__main__":
    main()
