"""Which flows in mirror coordinates have compiled code for the implicit method: the squared loss of u², u² - v² or u v."""

from __future__ import annotations

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.integrators.fields import Field, MirrorField
from theorycheck.dynamics.integrators.implicit import ExtrapolatedEuler
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.flow_control import Requests, Runs
from theorycheck.symbolic.kernels.flow_mirror import Squares, flow_mirror
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.potentials.squares import SquaresRow


def squares_of(field: Field, nudged: np.ndarray) -> Squares | None:
    """The field of B lanes as compiled code takes it; None where it is something else.

    Parameters
    ----------
    field : Field
        Of all lanes.
    nudged : ndarray of bool, shape (B,)
        Where to move the moments of the data by as much as rounding may have moved them, so that a comparison of two runs sees it.

    """
    if not isinstance(field, MirrorField) or not isinstance(field.objective.loss, SquaredLoss):
        return None
    parts = field.potential.system.parts
    if len(parts) != 1 or not isinstance(parts[0][1], SquaresRow) or not np.array_equal(parts[0][0], np.arange(len(parts[0][0]))):
        return None
    row, d, data, c = parts[0][1], len(parts[0][0]), field.objective.data, field.objective.loss.c
    sizes, signs = Regression(np.abs(data.X), np.abs(data.y)), (-1.0) ** np.add.outer(np.arange(d), np.arange(d))

    def rows(array: np.ndarray, *shape: int) -> np.ndarray:
        return np.array(np.broadcast_to(array, (len(nudged), *shape)), order="C", dtype=float)

    modes = rows(row.start, d, 2)
    scale, rate = (np.array(np.broadcast_to(array, d), dtype=float) for array in (row.scale, row.rate))
    nudge = 4 * c * EPS * nudged.astype(float)
    C = rows(2 * c * data.covariance + nudge[:, None, None] * signs * sizes.covariance, d, d)
    correlation = rows(2 * c * data.correlation + nudge[:, None] * signs[0] * sizes.correlation, d)
    back = np.array(row.back, dtype=float, order="C")
    return Squares(scale, rate, back, np.ascontiguousarray(modes[..., 0]), np.ascontiguousarray(modes[..., 1]), C, correlation)


def run_squares(system: Squares, requests: Requests, runs: Runs) -> None:
    """Run what is under way by the implicit method, in place; no lane may wait for a small gradient."""
    flow_mirror(system, ExtrapolatedEuler().columns, requests, runs)
