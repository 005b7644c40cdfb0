"""Greedy low-rank learning: gradient flow on U Uᵀ, one more column at a time.

Setting      f(W) a loss of ⟨A_i, W⟩ for symmetric W of shape (d, d), W = U Uᵀ. A phase takes the top eigenvector u of -∇f(W), appends
             the column ε u to U and follows the flow to its limit. It has nothing to gain where the top eigenvalue is not positive.
Source       Li, Luo & Lyu 2020, arXiv:2012.09839, algorithm GLRL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.curvature import top_eigenpair
from theorycheck.dynamics.data import MatrixSensing
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.limits import flow_limit
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import end_to_end
from theorycheck.errors import InvalidArgument, require_positive
from theorycheck.measured import Measured, Precision
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.models import Flattened, SymmetricFactorization


@dataclass(frozen=True, eq=False)
class GreedyPhase:
    """One phase.

    Parameters
    ----------
    rank : int
        Columns of U.
    gain : ndarray, shape (...)
        Top eigenvalue of -∇f where the phase began.
    factor : ndarray, shape (..., d, rank)
        U where it ended.
    W : Measured, shape (..., d, d)
        U Uᵀ there; the bar is infinite where the flow did not settle.

    """

    rank: int
    gain: np.ndarray
    factor: np.ndarray
    W: Measured


def descent_matrix(loss: Loss, data: MatrixSensing, W: np.ndarray) -> np.ndarray:
    """-∇f(W), symmetrised, shape ``(..., d, d)``."""
    flat = W.reshape(*W.shape[:-2], -1)
    slope = loss.slope(data.predictions(flat), data.y)
    gradient = (slope[..., None, :] @ data.X)[..., 0, :].reshape(W.shape)
    return -(gradient + np.swapaxes(gradient, -1, -2)) / 2


def greedy_low_rank(
    loss: Loss, data: MatrixSensing, phases: int, accuracy: float, epsilon: float = 1e-3, precision: Precision | None = None
) -> tuple[GreedyPhase, ...]:
    """The first phases, from W = 0, with the leading axes of the data.

    Parameters
    ----------
    loss : Loss
    data : MatrixSensing
        Of square matrices.
    phases : int
        How many, also where there is nothing to gain any more.
    accuracy : float
        Of the flows, as for `GradientFlow`.
    epsilon : float
        Length of a new column; the limit ε → 0 is what is meant.

    Examples
    --------
    >>> from theorycheck.symbolic.losses import SquaredLoss
    >>> data = MatrixSensing(np.eye(4).reshape(4, 2, 2), [3.0, 0.0, 0.0, 1.0])
    >>> first, second = greedy_low_rank(SquaredLoss(), data, 2, accuracy=1e-9)
    >>> first.W.value.round(6).tolist(), second.W.value.round(6).tolist()
    ([[3.0, 0.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, 1.0]])

    """
    rows, cols = data.matrix_shape
    if rows != cols:
        raise InvalidArgument("data", data.matrix_shape, "must be of square matrices", "pass measurements of shape (n, d, d)")
    if phases < 1:
        raise InvalidArgument("phases", phases, "must be at least 1", "pass phases=1")
    require_positive("epsilon", epsilon)
    lead = data.y.shape[:-1]
    factor, W, found = np.zeros((*lead, rows, 0)), np.zeros((*lead, rows, rows)), []
    for rank in range(1, phases + 1):
        top, u = top_eigenpair(descent_matrix(loss, data, W))
        start = np.concatenate([factor, epsilon * u[..., None]], axis=-1)
        objective = Objective(Flattened(SymmetricFactorization(rows, rank)), loss, data)
        limit = flow_limit(objective, GradientFlow(accuracy=accuracy), start.reshape(*lead, -1), precision)
        seen = limit.recorded(end_to_end, objective, precision)
        factor, W = limit.theta.value.reshape(*lead, rows, rank), seen.value.reshape(*lead, rows, rows)
        found.append(GreedyPhase(rank, top.value, factor, Measured(W, seen.error.reshape(W.shape))))
    return tuple(found)
