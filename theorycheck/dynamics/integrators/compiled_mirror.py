"""Which flows in mirror coordinates have compiled code for the implicit method: the squared loss of u², u² - v² or u v."""

from __future__ import annotations

import numpy as np

from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.integrators.fields import Field, MirrorField
from theorycheck.dynamics.integrators.implicit import ExtrapolatedEuler
from theorycheck.symbolic.kernels.flows.control import Requests, Runs
from theorycheck.symbolic.kernels.flows.mirror import Squares, flow_mirror
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.potentials.squares import SquaresRow


def squares_of(field: Field, lanes: int) -> Squares | None:
    """The field of so many lanes as compiled code takes it; None where it is something else."""
    if not isinstance(field, MirrorField) or not isinstance(field.objective.loss, SquaredLoss):
        return None
    if not isinstance(field.objective.data, Regression | Classification):
        return None
    parts = field.potential.system.parts
    if len(parts) != 1 or not isinstance(parts[0][1], SquaresRow) or not np.array_equal(parts[0][0], np.arange(len(parts[0][0]))):
        return None
    row, d, data = parts[0][1], len(parts[0][0]), field.objective.data
    n, weight = data.X.shape[-2], np.sqrt(2 * field.objective.loss.c / data.X.shape[-2])

    def rows(array: np.ndarray, *shape: int) -> np.ndarray:
        return np.array(np.broadcast_to(array, (lanes, *shape)), order="C", dtype=float)

    modes, X, y = rows(row.start, d, 2), rows(weight * data.X, n, d), rows(weight * data.y, n)
    scale, rate = (np.array(np.broadcast_to(array, d), dtype=float) for array in (row.scale, row.rate))
    back = np.array(row.back, dtype=float, order="C")
    return Squares(scale, rate, back, np.ascontiguousarray(modes[..., 0]), np.ascontiguousarray(modes[..., 1]), X, y, np.swapaxes(X, -1, -2) @ X)


def run_squares(system: Squares, requests: Requests, runs: Runs) -> None:
    """Run what is under way by the implicit method, in place; no lane may wait for a small gradient."""
    flow_mirror(system, ExtrapolatedEuler().columns, requests, runs)
