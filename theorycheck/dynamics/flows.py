"""Gradient flow and mirror flow, with states at an asked accuracy and error bars.

Setting      θ̇ = -∇R(θ). `integrators.plans` says which method runs when, `integrators.bars` how the bars are made.
Accuracy     has no default: it is the true error that every kept state may have, relative to the larger of its norm and a floor. It is
             divided by 100 for each level of precision.
Coordinates  `GradientFlow` integrates diagonal networks and Hadamard products in mirror coordinates, where these exist: half the size,
             and conservation laws hold exactly. Other models run in θ; `MirrorFlow` takes any potential.
Endings      besides those of methods: ROUNDING_LIMIT, where the accuracy is below what rounding allows (states and bars are kept),
             and BUDGET_EXHAUSTED, where the attempted steps ran out, or plainly would (`integrators.pace`): a flow that slides along a
             kink of ∇R is given up after some hundred steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theorycheck.dynamics.costs import Clock, Coordinates, FlowCost, Integrator
from theorycheck.dynamics.integrators.bars import Answer, Question, answered
from theorycheck.dynamics.integrators.fields import LossClock, MirrorField
from theorycheck.dynamics.integrators.marching import EVENT
from theorycheck.dynamics.integrators.plans import Plan, by_loss_clock, mirror_plan, plan_of
from theorycheck.dynamics.numeric_potentials import NumericPotential
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.dynamics.trajectories import At, Ending, Every, Path, Save, Stop
from theorycheck.errors import InvalidArgument, require_positive
from theorycheck.measured import Precision
from theorycheck.symbolic.kernels.flows.control import DIVERGED, ENDED, EXHAUSTED, SMALL, UNRESOLVED
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss
from theorycheck.symbolic.parametrizations import Diagonal, Hadamard
from theorycheck.symbolic.potentials import NoClosedForm, Potential, legendre_potential, require_potential

BUDGET = 50_000
LONG = 100.0  # times 1/R at the start, from which margin losses are followed in their own time
_ENDINGS = {
    ENDED: Ending.REACHED_TIME,
    SMALL: Ending.GRADIENT_SMALL,
    EVENT: Ending.EVENT,
    DIVERGED: Ending.DIVERGED,
    UNRESOLVED: Ending.ROUNDING_LIMIT,
    EXHAUSTED: Ending.BUDGET_EXHAUSTED,
}


class _Flow:
    """What flows have in common."""

    accuracy: float | np.ndarray | None
    floor: float | np.ndarray | None
    budget: int

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.accuracy is None:
            remedy = f"pass {name}({'' if name == 'GradientFlow' else 'potential, '}accuracy=1e-8)"
            raise InvalidArgument("accuracy", None, "has no default: it is the error that every kept state may have, relative to its norm", remedy)
        for argument in ("accuracy", "floor"):
            if getattr(self, argument) is not None:
                value = np.array(require_positive(argument, getattr(self, argument)))
                value.flags.writeable = False
                object.__setattr__(self, argument, value)
        if np.any(np.asarray(self.accuracy) >= 1):
            raise InvalidArgument("accuracy", self.accuracy, "must be below 1", f"pass {name}(accuracy=1e-8)")
        if self.budget < 1:
            raise InvalidArgument("budget", self.budget, "must be a whole number from 1", f"pass budget={BUDGET}")

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading shape of the arguments."""
        return np.broadcast_shapes(*(np.shape(value) for value in (self.accuracy, self.floor) if value is not None))

    def trace(self, objective: SmoothRisk, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Path:
        """Run from `start`, shape ``(..., P)``; see `follow`."""
        lanes, B = start.shape[:-1], int(np.prod(start.shape[:-1], dtype=int))
        question = self._question(start, until, save, precision)
        flat = start.reshape(B, -1)
        plan = _clocked(self._plan(objective.chosen(lanes, np.ones(lanes, dtype=bool)), flat, until), flat, until)
        answer = answered(plan, question)
        return _path(answer, start, save, *_kind(plan))

    def _plan(self, objective: SmoothRisk, start: np.ndarray, until: Stop) -> Plan:
        """What to integrate, from starts ``(B, P)``."""
        raise NotImplementedError

    def _question(self, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Question:
        lanes = start.shape[:-1]
        _require_served(until, save)

        def flat(value: np.ndarray | float) -> np.ndarray:
            return np.array(np.broadcast_to(value, lanes), dtype=float).ravel()

        end = flat(np.inf if until.time is None else until.time)
        small = flat(-1.0 if until.gradient_norm is None else until.gradient_norm)
        floor = flat(np.linalg.norm(start, axis=-1) if self.floor is None else self.floor)
        times = save.times if isinstance(save, At) else np.empty(0)
        asked = flat(precision.tightened(np.asarray(self.accuracy)))
        return Question(end, small, asked, floor, np.tile(times, (len(end), 1)), self.budget)


@dataclass(frozen=True, eq=False)
class GradientFlow(_Flow):
    """θ̇ = -∇R(θ).

    Parameters
    ----------
    accuracy : float or array
        The error every kept state may have, relative to max(‖θ‖, floor); no default.
    floor : float or array, optional
        The norm of the start by default.
    budget : int
        Attempted steps of a run after which a lane ends.

    Raises
    ------
    InvalidArgument
        Without an accuracy, or for an argument that is not positive.

    """

    accuracy: float | np.ndarray | None = None
    floor: float | np.ndarray | None = None
    budget: int = BUDGET

    def _plan(self, objective: SmoothRisk, start: np.ndarray, until: Stop) -> Plan:
        if isinstance(objective, Objective) and isinstance(objective.model, Diagonal | Hadamard):
            try:
                potential = legendre_potential(objective.model, start)
            except (InvalidArgument, NoClosedForm):  # a start without one, such as an entry that is frozen
                return plan_of(objective, start, until.event)
            return mirror_plan(objective, potential, until.event)
        return plan_of(objective, start, until.event)


@dataclass(frozen=True, eq=False)
class MirrorFlow(_Flow):
    """d/dt ∇R(w) = -∇ℓ(w), the gradient flow of a commuting parametrization, in mirror coordinates: μ̇ = -∇ℓ(∇Q(μ)).

    States are parameters θ = ψ(θ_0; μ). A run starts where its potential does. With a numeric potential, whose every ∇Q is a flow of its
    own, the same states are integrated as θ̇ = -∂Gᵀ∇ℓ(G(θ)).

    Parameters
    ----------
    potential : Potential or NumericPotential
        From `legendre_potential` or `numeric_potential`, for the start that is passed to `follow`.
    accuracy, floor, budget
        As in `GradientFlow`.

    Raises
    ------
    InvalidArgument
        As `GradientFlow`; from `follow`, if the start is not that of the potential or the objective is not one of w(θ).

    """

    potential: Potential | NumericPotential
    accuracy: float | np.ndarray | None = None
    floor: float | np.ndarray | None = None
    budget: int = BUDGET

    def __post_init__(self) -> None:
        super().__post_init__()
        require_potential(self.potential)

    @property
    def lanes(self) -> tuple[int, ...]:
        return np.broadcast_shapes(super().lanes, self.potential.start.shape[:-1])

    def trace(self, objective: SmoothRisk, start: np.ndarray, until: Stop, save: Save, precision: Precision) -> Path:
        if not isinstance(objective, Objective):
            raise InvalidArgument("objective", objective, "is not a loss of some w(θ)", "pass an Objective")
        origin = self.potential.start
        if origin.shape[-1] != start.shape[-1] or not np.array_equal(np.broadcast_to(origin, start.shape), start):
            raise InvalidArgument("start", start, "is not where the potential starts", "pass the start that legendre_potential was given")
        return super().trace(objective, start, until, save, precision)

    def _plan(self, objective: SmoothRisk, start: np.ndarray, until: Stop) -> Plan:
        assert isinstance(objective, Objective)
        if isinstance(self.potential, NumericPotential):
            if objective.model != self.potential.model:
                rule = f"is not the model {self.potential.model} of the potential"
                raise InvalidArgument("objective.model", objective.model, rule, "pass an objective of that model")
            return plan_of(objective, start, until.event)
        return mirror_plan(objective, Potential(self.potential.groups, start), until.event)


def _clocked(plan: Plan, start: np.ndarray, until: Stop) -> Plan:
    """The plan in the time of the loss, for margin losses followed for more than `LONG` times 1/R."""
    loss = getattr(plan.objective, "loss", None)
    if not isinstance(loss, LogisticLoss | ExponentialLoss):
        return plan
    if until.time is not None and not np.any(plan.objective.risk(start) * np.max(until.time) > LONG):
        return plan
    return by_loss_clock(plan)


def _kind(plan: Plan) -> tuple[Coordinates, Clock]:
    field, clock = (plan.field.inner, Clock.LOSS) if isinstance(plan.field, LossClock) else (plan.field, Clock.TIME)
    return Coordinates.MIRROR if isinstance(field, MirrorField) else Coordinates.PARAMETERS, clock


def _require_served(until: Stop, save: Save) -> None:
    """Raise for what only methods with steps of their own can serve."""
    if until.steps is not None:
        raise InvalidArgument(
            "steps", until.steps, "counts steps of a method, and a flow has none", "pass Stop(time=...); the work is bounded by `budget`"
        )
    if until.time is None and until.gradient_norm is None:
        raise InvalidArgument("until", until, "may never happen", "pass time or gradient_norm to Stop as well")
    if isinstance(save, Every):
        raise InvalidArgument("save", save, "counts steps of a method, and a flow has none", "pass At(times)")


def _path(answer: Answer, start: np.ndarray, save: Save, coordinates: Coordinates, clock: Clock) -> Path:
    lanes, P = start.shape[:-1], start.shape[-1]

    def shaped(array: np.ndarray) -> np.ndarray:
        return array.reshape((*lanes, *array.shape[1:]))

    final, error = shaped(answer.states[:, -1]), shaped(answer.errors[:, -1])
    ending = shaped(np.array([_ENDINGS[int(code)] for code in answer.ending], dtype=object))
    error = np.where(answer.ending.reshape(lanes) == DIVERGED, np.inf, error)
    if isinstance(save, At):
        times, states, moved = (array[:, :-1] for array in (answer.times, answer.states, answer.moved))
    else:
        origin = start.reshape(-1, 1, P)
        times = np.stack([np.zeros(len(origin)), answer.times[:, -1]], axis=-1)
        states, moved = (np.concatenate([origin, array[:, -1:]], axis=1) for array in (answer.states, answer.moved))
    integrator = shaped(np.array([Integrator.EXPLICIT, Integrator.IMPLICIT], dtype=object)[answer.implicit.astype(int)])
    cost = FlowCost(shaped(answer.evaluations), shaped(answer.steps), shaped(answer.rejected), integrator, coordinates, clock)
    return Path(shaped(times), shaped(states), final, ending, error, cost, shaped(moved))
