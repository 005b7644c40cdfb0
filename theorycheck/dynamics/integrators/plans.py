"""How the lanes of a flow are integrated at a tolerance: which coordinates, which scheme, and when to change it.

The policy, lane by lane:

1. Deep linear networks under the squared loss run in compiled code, other fields through NumPy; both by Dormand and Prince's
   explicit method.
2. A lane whose Hessian at the start promises more explicit steps than the patience (size of the Hessian · time > 6.1 · patience)
   starts with the implicit method: extrapolated linearly implicit Euler steps with the derived Hessian. (Not in the time of
   the loss, whose end is not known beforehand.)
3. A lane whose explicit steps have been at the edge of stability 15 times in a row, with more steps left than the patience, is
   handed over to the implicit method where it is; without an end in time, once so many steps have been at the edge.
4. Above `IMPLICIT_LARGEST` coordinates the implicit method is never used.
   It has compiled code for the squared loss of u², u² - v² and u v in mirror coordinates without event or threshold.
5. Through NumPy, a lane whose steps are rejected over and over while it goes nowhere, as along a kink, is given up (`pace`).

The patience is about where the two methods cost the same: 10,000 steps in compiled code, 100 (1 + (N/30)³) through NumPy; without an
end in time a tenth of that, since explicit steps at the edge of stability never see a gradient below their tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.dynamics.data import Classification, MatrixSensing, Regression
from theorycheck.dynamics.integrators.compiled_mirror import run_squares, squares_of
from theorycheck.dynamics.integrators.events import Watch
from theorycheck.dynamics.integrators.explicit import DormandPrince
from theorycheck.dynamics.integrators.fields import Field, GradientField, LossClock, MirrorField, lanes_of
from theorycheck.dynamics.integrators.implicit import ExtrapolatedEuler
from theorycheck.dynamics.integrators.marching import march
from theorycheck.dynamics.integrators.schemes import Scheme
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.dynamics.trajectories import Event
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.flows import flow as compiled
from theorycheck.symbolic.kernels.flows.control import EDGE, EDGES, RUNNING, STIFF, Data, Requests, Runs
from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE
from theorycheck.symbolic.kernels.maps.deep_linear_errors import PartialNorms
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear
from theorycheck.symbolic.potentials import Potential

PATIENCE_COMPILED, PATIENCE, LARGE, ENDLESS = 10_000.0, 100.0, 30.0, 0.1
IMPLICIT_LARGEST = 600
LEAST_EXPLICIT, LEAST_IMPLICIT = 4e-15, 4e-13  # tolerances below these buy nothing: rounding is as large
MEMORY = 4_000_000  # numbers a batch may hold at a time


@dataclass(frozen=True, eq=False)
class Plan:
    """A flow of B lanes, ready to run at any tolerance.

    Parameters
    ----------
    field : Field
        Of all lanes.
    start : ndarray, shape (B, N)
        Coordinates.
    network : Network or None
        The same field in compiled code.
    event : Event or None
        What to look out for; needs `objective`, and keeps compiled code out.
    objective : SmoothRisk
        With one leading axis of data, or none.
    curvature : ndarray, shape (B,), or None
        Size of the Hessian at the start, or a bound on it that is small enough for rule 2; None where it is not known yet.

    """

    field: Field
    start: np.ndarray
    objective: SmoothRisk
    network: Network | None = None
    event: Event | None = None
    curvature: np.ndarray | None = None

    def chosen(self, mask: np.ndarray) -> Plan:
        """The lanes where the mask, shape ``(B,)``, is true; of shape ``(k, B)`` it repeats lanes."""
        network = None if self.network is None else self.network.chosen(mask)
        curvature = None if self.curvature is None else np.broadcast_to(self.curvature, mask.shape)[mask]
        objective = self.objective.chosen(mask.shape, mask)
        field = GradientField(objective) if isinstance(self.field, GradientField) else self.field.chosen(mask)
        return Plan(field, lanes_of(self.start, mask), objective, network, self.event, curvature)

    def surveyed(self, end: np.ndarray) -> Plan:
        """The plan with the curvature at its start, once for all runs that are made of it; with a bound on it where this answers rule 2."""
        if self.field.time(self.start) is not None or self.start.shape[1] > IMPLICIT_LARGEST or not np.any(np.isfinite(end)):
            return self
        if self.network is not None and self.event is None:
            bound = self.network.curvature(self.start)
            if np.all(bound * end <= EDGE * PATIENCE_COMPILED):
                return replace(self, curvature=bound)
        return replace(self, curvature=np.linalg.norm(self.field.jacobian(self.start), axis=(-1, -2)))

    def run(self, requests: Requests, runs: Runs, implicit: np.ndarray, nudged: np.ndarray) -> None:
        """Integrate the lanes that are under way to their ends, in place.

        Parameters
        ----------
        requests : Requests
            Patience is set here.
        runs : Runs
            In coordinates; `fresh`, or what earlier runs have left.
        implicit : ndarray of bool, shape (B,)
            Lanes that the implicit method has taken over; read and written.
        nudged : ndarray of bool, shape (B,)
            Where to move data that was rounded on its way into compiled code by as much again, so that a comparison of two runs sees it.

        """
        network = self.network if self.event is None else None
        B, N = self.start.shape
        patience = PATIENCE * (1 + (N / LARGE) ** 3) if network is None else PATIENCE_COMPILED
        patience = np.where(np.isinf(requests.end), ENDLESS * patience, patience)
        requests = requests._replace(patience=patience if N <= IMPLICIT_LARGEST else np.full(B, np.inf))
        runs.ending[(runs.ending == RUNNING) & (implicit | self.stiff_at_start(requests, runs))] = STIFF
        if network is not None:
            network.run(requests, runs, nudged)
        else:
            self._march(DormandPrince(), 16, requests, runs)
        implicit |= runs.ending == STIFF
        runs.ending[runs.ending == STIFF] = RUNNING
        runs.counts[:, EDGES:] = 0
        milder = requests._replace(tolerance=np.maximum(requests.tolerance, LEAST_IMPLICIT))
        squares = squares_of(self.field, B) if self.event is None and np.all(requests.small < 0) else None
        if squares is not None:
            run_squares(squares, milder, runs)
        else:
            self._march(ExtrapolatedEuler(), 10 * N, milder, runs)

    def stiff_at_start(self, requests: Requests, runs: Runs) -> np.ndarray:
        """Lanes that rule 2 gives to the implicit method, shape ``(B,)``."""
        if self.curvature is None:
            return np.zeros(len(self.start), dtype=bool)
        asked = (runs.time == 0) & np.isfinite(requests.end) & np.isfinite(requests.patience)
        return asked & (self.curvature * np.where(asked, requests.end, 0.0) > EDGE * requests.patience)

    def _march(self, scheme: Scheme, copies: int, requests: Requests, runs: Runs) -> None:
        """Run what is under way in batches that hold so many copies of the coordinates."""
        lanes = np.flatnonzero(runs.ending == RUNNING)
        size = max(1, MEMORY // (copies * self.start.shape[-1]))
        for first in range(0, len(lanes), size):
            mask = np.zeros(len(self.start), dtype=bool)
            mask[lanes[first : first + size]] = True
            watch = None if self.event is None else Watch(self.event, self.objective, np.zeros(len(self.start)))
            march(scheme, self.field, requests, runs, mask, watch)


@dataclass(frozen=True, eq=False)
class Network:
    """A deep linear network under the squared loss, in compiled code.

    Parameters
    ----------
    widths : tuple of int
        d_0, ..., d_L.
    data : Data
        One row a lane.
    nudge : Data
        As large as what rounding has done to each entry of `data`, in about.

    """

    widths: tuple[int, ...]
    data: Data
    nudge: Data

    @classmethod
    def of(cls, objective: SmoothRisk, lanes: int) -> Network | None:
        """The network of an objective, whose data has one leading axis or none; None where it is something else."""
        if not isinstance(objective, Objective) or not isinstance(objective.model, DeepLinear) or not isinstance(objective.loss, SquaredLoss):
            return None
        widths, c, data = objective.model.widths, objective.loss.c, objective.data
        signs = [(-1.0) ** np.add.outer(np.arange(rows), np.arange(widths[0])).ravel() for rows in (widths[0], widths[-1])]
        sized = (_rows(lanes, array, size) for array, size in _moments(data, widths))
        nudges = (_rows(lanes, array, size) for array, size in _moments(Regression(np.abs(data.X), np.abs(data.y), data.several_outputs), widths))
        return cls(widths, Data(*(-2 * c * a for a in sized)), Data(*(4 * c * EPS * sign * a for sign, a in zip(signs, nudges, strict=True))))

    def chosen(self, mask: np.ndarray) -> Network:
        """The lanes where the mask is true."""
        return Network(self.widths, *(Data(*(lanes_of(array, mask) for array in data)) for data in (self.data, self.nudge)))

    def curvature(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the Frobenius norm of the Hessian at θ ``(B, P)``, through the norms of partial products; may be infinite or no number."""
        widths = np.array(self.widths, dtype=np.int64)
        with np.errstate(all="ignore"):
            norms, (S, C) = PartialNorms.of(widths, theta), (np.linalg.norm(a, axis=-1) for a in self.data)
            first = S * np.sum(np.square(norms.outer * norms.inner), axis=-1)
            second = norms.second_term(S * norms.outer[:, 0] * norms.own[:, 0] + C)
            return np.asarray(np.sqrt(widths.max()) * (first + second))

    def run(self, requests: Requests, runs: Runs, nudged: np.ndarray) -> None:
        """Run what is under way, in place."""
        data = Data(*(a + nudged[:, None] * b for a, b in zip(self.data, self.nudge, strict=True)))
        compiled.flow(np.array(self.widths, dtype=np.int64), DORMAND_PRINCE, data, requests, runs)


def _moments(data: Regression | Classification | MatrixSensing, widths: tuple[int, ...]) -> tuple[tuple[np.ndarray, int], tuple[np.ndarray, int]]:
    """Covariance and correlation of the data, each with the number of its entries in one lane."""
    return (data.covariance, widths[0] ** 2), (data.correlation, widths[0] * widths[-1])


def _rows(lanes: int, array: np.ndarray, size: int) -> np.ndarray:
    """One row a lane, C-contiguous."""
    flat = array.reshape(-1, size)
    return np.array(np.broadcast_to(flat, (lanes, size)), order="C")


def fresh(start: np.ndarray, times: int) -> Runs:
    """Runs that have not begun."""
    B, N = start.shape
    return Runs(
        np.array(start, dtype=float, order="C"),
        np.zeros(B),
        np.zeros(B),
        np.full((B, times, N), np.nan),
        np.zeros(B, dtype=np.int64),
        np.zeros((B, 6), dtype=np.int64),
        np.full(B, RUNNING),
    )


def plan_of(objective: SmoothRisk, start: np.ndarray, event: Event | None = None) -> Plan:
    """The plan of a gradient flow in θ and in time, from starts ``(B, P)``; `objective` has one leading axis of data, or none."""
    return Plan(GradientField(objective), start, objective, Network.of(objective, len(start)), event)


def mirror_plan(objective: Objective, potential: Potential, event: Event | None = None) -> Plan:
    """The plan of a gradient flow in mirror coordinates, which begin at 0; the start of the potential is ``(B, P)``."""
    return Plan(MirrorField(objective, potential), np.zeros((len(potential.start), potential.entries)), objective, None, event)


def by_loss_clock(plan: Plan) -> Plan:
    """The same plan in the time of the loss."""
    start = np.concatenate([plan.start, np.zeros((len(plan.start), 1))], axis=-1)
    return replace(plan, field=LossClock(plan.field), start=start, network=None)
