"""Compiled code for descent: which objectives have some, and how their data are laid out for it.

Products of matrices run with the step folded into the data; diagonal networks run with batches, label noise and the
sharpness-aware step as well. Both take the squared loss and a constant step size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from theorycheck.dynamics.methods.gradients import Gradient, LabelNoise, Minibatch, Whole
from theorycheck.dynamics.methods.schedules import Number, Schedule
from theorycheck.dynamics.methods.sharpness_aware import SharpnessAware
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.dynamics.stepping import DATA_ROUNDED, ROUNDED, Advanced, Fused
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.networks.descent import SEGMENT, FoldedData
from theorycheck.symbolic.kernels.networks.saving import descend_saving
from theorycheck.symbolic.kernels.runs.diagonal import PERMUTED, REPLACED, WHOLE, DiagonalRuns, DiagonalSetting, descend
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal


def fused_descent(objective: SmoothRisk, step: Number, gradient: Gradient, lanes: tuple[int, ...]) -> Fused | None:
    """Compiled code for θ - η g, or None where there is none."""
    if isinstance(step, Schedule) or not isinstance(objective, Objective) or not isinstance(objective.loss, SquaredLoss):
        return None
    sizes = np.broadcast_to(np.asarray(step), lanes)
    if isinstance(objective.model, DeepLinear) and isinstance(gradient, Whole):
        return _of_deep_linear(objective, objective.model, objective.loss, sizes)
    parts = _Parts.of(gradient)
    if isinstance(objective.model, Diagonal) and parts is not None:
        return _of_diagonal(objective, objective.model, objective.loss, sizes, parts)
    return None


@dataclass(frozen=True, eq=False)
class FusedDescent:
    """Gradient descent of a deep linear network under the squared loss."""

    kernels: DeepLinearKernels
    data: FoldedData
    step: np.ndarray  # (B,)
    kick: np.ndarray
    watches = True

    def advance(
        self, theta: np.ndarray, k: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray, every: int = 0, columns: int = 0
    ) -> Advanced:
        """Steps of the flattened lanes `chosen`; see `descent.descend`."""
        data, least = FoldedData(*(rows[chosen] for rows in self.data)), np.where(threshold < 0, -1.0, threshold * self.step[chosen])
        if not columns:
            return (*self.kernels.descend(theta, data, counts, least, self.kick), np.empty((len(theta), 0, theta.shape[1])))
        work, small = Work.of(theta, counts, columns), np.where(least < 0, -1.0, np.square(least))
        descend_saving(self.kernels.sizes, work.states, *data, SEGMENT, work.counts, small, work.taken, work.ending, self.kick, every, work.saved)
        return work.states, work.taken, work.ending, work.saved

    def shaken(self, signs: np.ndarray) -> FusedDescent:
        """The same, kicked: parameters by `ROUNDED` eps a step, data once by `DATA_ROUNDED` eps, with the given signs."""
        data = FoldedData(*(shaken_rows(rows, signs) for rows in self.data))
        return replace(self, data=data, kick=ROUNDED * EPS * signs)


@dataclass(frozen=True, eq=False)
class FusedDiagonal:
    """Descent of a diagonal network under the squared loss."""

    setting: DiagonalSetting
    runs: DiagonalRuns
    kick: np.ndarray

    @property
    def watches(self) -> bool:
        """Only where the gradient it computes is that of the whole risk."""
        return self.setting.sampling == WHOLE and not np.any(self.runs.deviation)

    def advance(
        self, theta: np.ndarray, k: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray, every: int = 0, columns: int = 0
    ) -> Advanced:
        """Steps of the flattened lanes `chosen`; see `runs.diagonal.descend`."""
        work = Work.of(theta, counts, columns)
        first, lanes, small = np.array(k, dtype=np.int64), np.array(chosen, dtype=np.int64), np.array(threshold, dtype=float)
        descend(self.setting, self.runs, lanes, work.states, first, work.counts, small, self.kick, work.taken, work.ending, every, work.saved)
        return work.states, work.taken, work.ending, work.saved

    def shaken(self, signs: np.ndarray) -> FusedDiagonal:
        """The same, kicked: parameters by `ROUNDED` eps a step, data once by `DATA_ROUNDED` eps, with the given signs."""
        X, y = shaken_rows(self.runs.X, signs), shaken_rows(self.runs.y, -signs)
        return replace(self, runs=self.runs._replace(X=X, y=y), kick=ROUNDED * EPS * signs)


class Work(NamedTuple):
    """Arrays that compiled code works on, one row a lane."""

    states: np.ndarray
    counts: np.ndarray
    taken: np.ndarray
    ending: np.ndarray
    saved: np.ndarray

    @classmethod
    def of(cls, theta: np.ndarray, counts: np.ndarray, columns: int) -> Work:
        """Room for lanes that start at θ ``(B, P)`` and keep so many states."""
        B, P = theta.shape
        taken, ending = np.zeros(B, dtype=np.int64), np.zeros(B, dtype=np.int64)
        return cls(np.array(theta, dtype=float, order="C"), np.array(counts, dtype=np.int64), taken, ending, np.empty((B, columns, P)))


class _Parts(NamedTuple):
    """A gradient taken apart; what is not there is 0 or None."""

    rho: float | np.ndarray
    normalized: bool
    deviation: float | np.ndarray
    seed: np.ndarray
    size: int | None
    sampling: int

    @classmethod
    def of(cls, gradient: Gradient) -> _Parts | None:
        """The parts, or None for one that compiled code does not know."""
        aware = gradient if isinstance(gradient, SharpnessAware) else None
        base = gradient if aware is None else aware.base
        rho, normalized = (0.0, True) if aware is None else (aware.rho, aware.normalized)
        if isinstance(base, Whole):
            found = cls(rho, normalized, 0.0, np.zeros((), dtype=np.uint64), None, WHOLE)
        elif isinstance(base, Minibatch | LabelNoise):
            sampling = WHOLE if base.size is None else REPLACED if base.replacement else PERMUTED
            deviation = base.deviation if isinstance(base, LabelNoise) else 0.0
            found = cls(rho, normalized, deviation, base.seeds, base.size, sampling)
        else:
            return None
        return None if aware is not None and aware.per_example and found.size != 1 else found


def _of_deep_linear(objective: Objective, model: DeepLinear, loss: SquaredLoss, step: np.ndarray) -> FusedDescent:
    scale = 2 * loss.c * step
    data = FoldedData(_scaled_rows(scale, objective.data.covariance, 2), _scaled_rows(scale, objective.data.correlation, len(model.shape)))
    return FusedDescent(DeepLinearKernels(model.widths), data, step.ravel(), np.zeros(0))


def _of_diagonal(objective: Objective, model: Diagonal, loss: SquaredLoss, step: np.ndarray, parts: _Parts) -> FusedDiagonal | None:
    n = objective.data.samples
    size = n if parts.size is None else parts.size
    if size > n:
        return None  # the general path says what is wrong
    X, y = rows_of(objective.data.X, step.shape, 2), rows_of(objective.data.y, step.shape, 1)
    numbers = (np.array(np.broadcast_to(value, step.shape)).ravel() for value in (step, parts.rho, parts.deviation, parts.seed))
    setting = DiagonalSetting(model.depth, n, size, parts.sampling, 2 * loss.c / size, parts.normalized)
    return FusedDiagonal(setting, DiagonalRuns(X, y, *numbers), np.zeros(0))


def rows_of(array: np.ndarray, lanes: tuple[int, ...], axes: int) -> np.ndarray:
    """An array whose last `axes` axes belong to one lane: one row a lane, or one row for all, if they share it."""
    if array.ndim == axes:
        return np.array(array, dtype=float, order="C").reshape(1, -1)
    return np.array(np.broadcast_to(array, (*lanes, *array.shape[-axes:])), dtype=float, order="C").reshape(int(np.prod(lanes)), -1)


def _scaled_rows(scale: np.ndarray, array: np.ndarray, axes: int) -> np.ndarray:
    """An array whose last `axes` axes belong to one lane, times the number of each lane: one row a lane."""
    scaled = scale.reshape(*scale.shape, *(1,) * axes) * array
    return np.ascontiguousarray(scaled.reshape(scale.size, -1))


def shaken_rows(rows: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Rows moved by `DATA_ROUNDED` eps."""
    return rows * (1 + DATA_ROUNDED * EPS * np.resize(signs, rows.shape[-1]))
