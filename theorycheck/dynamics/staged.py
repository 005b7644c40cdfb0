"""Gradient flow under a loss that changes with time, piece by piece."""

from __future__ import annotations

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import Stop, follow
from theorycheck.errors import ShapeMismatch
from theorycheck.measured import Measured, Precision, in_force
from theorycheck.symbolic.losses import LinearLoss
from theorycheck.symbolic.parametrizations import Parametrization

_TIGHTER = 32.0
_SAFETY = 5.0


def staged_flow(model: Parametrization, loss: LinearLoss, start: np.ndarray, accuracy: float, precision: Precision | None = None) -> Measured:
    """w at the end of gradient flow under ⟨c(t), w⟩, shape ``(..., d)``.

    Every piece starts where the one before it ended. The bar is five times the difference to a run at 1/32 of the accuracy, plus a
    hundredth of the accuracy asked for.

    Parameters
    ----------
    model : Parametrization
    loss : LinearLoss
    start : array, shape (..., P)
        θ_0.
    accuracy : float
        As for `GradientFlow`, of each piece.

    """
    d = int(np.prod(model.shape))
    if len(model.shape) != 1 or len(loss.pieces[0][1]) != d:
        raise ShapeMismatch("loss.pieces", loss.pieces, f"must have one c for each entry of w of shape {model.shape}", "pass a c of shape (d,)")
    level = in_force(precision)
    rough, fine = (_end(model, loss, start, accuracy / share, level) for share in (1.0, _TIGHTER))
    with np.errstate(all="ignore"):
        w, other = model.w(fine), model.w(rough)
        return Measured(w, _SAFETY * np.abs(w - other) + 0.01 * level.tightened(accuracy) * np.linalg.norm(w, axis=-1, keepdims=True))


def _end(model: Parametrization, loss: LinearLoss, theta: np.ndarray, accuracy: float, precision: Precision) -> np.ndarray:
    inputs = np.eye(model.shape[0])
    for duration, c in loss.pieces:
        objective = Objective(model, loss, Regression(inputs, np.array(c)))
        theta = follow(objective, GradientFlow(accuracy=accuracy), theta, Stop(time=duration), precision=precision).final
    return theta
