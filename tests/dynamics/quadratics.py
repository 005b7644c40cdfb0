"""The quadratics that the tests of methods descend on: a risk with Hessian diag(3, 2, 1), and a landscape."""

from typing import Any

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear

QUADRATIC = Objective(DeepLinear((3, 1)), SquaredLoss(1.5), Regression(np.diag(np.sqrt([3.0, 2.0, 1.0])), np.zeros(3)))  # ∇² = diag(3, 2, 1)


def landscape() -> tuple[Any, Any]:
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    return (x, y), x**2 + 2 * y**2
