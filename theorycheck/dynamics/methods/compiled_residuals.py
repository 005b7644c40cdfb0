"""Compiled code for descent of risks with quadratic residuals, in space or on the sphere: how a method is laid out for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.dynamics.methods.compiled import Work, rows_of, shaken_rows
from theorycheck.dynamics.methods.gradients import Gradient, Whole
from theorycheck.dynamics.methods.schedules import Number, Schedule
from theorycheck.dynamics.methods.sharpness_aware import SharpnessAware
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.quadratic_residuals import QuadraticResiduals
from theorycheck.dynamics.spherical import ScaleInvariant
from theorycheck.dynamics.stepping import ROUNDED, Advanced
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.runs.residual import PLAIN, ResidualRuns, ResidualSetting, descend_residuals


@dataclass(frozen=True, eq=False)
class FusedResiduals:
    """Descent of a risk with quadratic residuals; it does not look at ‖∇R‖."""

    setting: ResidualSetting
    runs: ResidualRuns
    kick: np.ndarray
    watches = False

    def advance(
        self, theta: np.ndarray, k: np.ndarray, chosen: np.ndarray, counts: np.ndarray, threshold: np.ndarray, every: int = 0, columns: int = 0
    ) -> Advanced:
        """Steps of the flattened lanes `chosen`; see `runs.residual.descend_residuals`."""
        work = Work.of(theta, counts, columns)
        first, lanes = np.array(k, dtype=np.int64), np.array(chosen, dtype=np.int64)
        descend_residuals(self.setting, self.runs, lanes, work.states, first, work.counts, self.kick, work.taken, work.ending, every, work.saved)
        return work.states, work.taken, work.ending, work.saved

    def shaken(self, signs: np.ndarray) -> FusedResiduals:
        """The same, kicked: parameters by `ROUNDED` eps a step, coefficients once by `DATA_ROUNDED` eps, with the given signs."""
        runs = self.runs._replace(B=shaken_rows(self.runs.B, signs), C=shaken_rows(self.runs.C, -signs))
        return replace(self, runs=runs, kick=ROUNDED * EPS * signs)

    def decaying(self, decay: float | np.ndarray, lanes: tuple[int, ...]) -> FusedResiduals | None:
        """The same with weight decay; None where it decays already."""
        if np.any(self.runs.decay):
            return None
        return replace(self, runs=self.runs._replace(decay=np.array(np.broadcast_to(decay, lanes), dtype=float).ravel()))


def fused_residuals(objective: SmoothRisk, step: Number, gradient: Gradient, lanes: tuple[int, ...], along: int = PLAIN) -> FusedResiduals | None:
    """Compiled code for θ - η g, g/|g| or ∇√R in place of g where `along` says so; None where there is none."""
    inner = objective.inner if isinstance(objective, ScaleInvariant) and not np.any(objective.decay) else objective
    aware = gradient if isinstance(gradient, SharpnessAware) and not gradient.per_example else None
    base = gradient if aware is None else aware.base
    if not isinstance(inner, QuadraticResiduals) or not isinstance(base, Whole) or isinstance(step, Schedule):
        return None
    rho, unit_ascent = (0.0, True) if aware is None else (aware.rho, aware.normalized)
    setting = ResidualSetting(inner.B.shape[-2], along, unit_ascent, inner is not objective)
    numbers = (np.array(np.broadcast_to(value, lanes), dtype=float).ravel() for value in (step, rho, 0.0))
    return FusedResiduals(setting, ResidualRuns(rows_of(inner.B, lanes, 2), rows_of(inner.C, lanes, 3), *numbers), np.zeros(0))
