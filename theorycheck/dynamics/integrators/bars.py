"""Error bars of flows, and the tolerance that an asked accuracy needs.

Every flow is run twice, side by side, at tolerances τ and 10 τ and from different first steps (the same first step may give the same steps, and a
difference of exactly 0). With y of the finer run, y₁₀ of the other at the same time, and |y| the larger of its norm and the
floor, the bar is

    5 |y₁₀ - y| + min(τ |y| / 10, 100 |y₁₀ - y|) + 8 ulp |y|   (1000 ulp after implicit steps),

where τ |y| / 10 stands alone if the difference is 0. Two runs may agree by accident: where the difference is below 0.03 τ |y|, and not
mere rounding, a third run at 100 τ takes part, and the larger of |y₁₀ - y| and |y₁₀₀ - y|/10 counts. The second term is for the
accidents that are left; it is limited because the error of a flow that comes to rest is far below its tolerance.

Where a bar is above the asked accuracy the lane is run again at a smaller τ, until it is not, or rounding allows no more. The
formula is calibrated, not proved: `benchmarks/flow_bars.py` compares it with references on five families of flows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.dynamics.integrators.marching import EVENT
from theorycheck.dynamics.integrators.plans import LEAST_EXPLICIT, LEAST_IMPLICIT, Plan, fresh
from theorycheck.measured import EPS
from theorycheck.symbolic.kernels.flows.control import ENDED, EVALUATIONS, REJECTED, RUNNING, SMALL, STEPS, UNRESOLVED, Requests, Runs

SHARE = 10.0  # first tolerance: the accuracy over this
COARSER, OTHER_FIRST, THIRD_FIRST = 10.0, 1.5, 0.7  # tolerance and first steps of other runs, over those of the finest
TOO_WELL = 0.03  # difference of two runs, over the tolerance of the finer one, below which a third is asked
TIMES_DIFFERENCE, TIMES_TOLERANCE, AT_MOST = 5.0, 0.1, 100.0
ULPS, ULPS_IMPLICIT = 8.0, 1000.0  # extrapolation magnifies rounding, in both runs alike
ROUNDS = 6
FINER, FINEST = 0.1, 1e-4  # of the tolerance, between two rounds


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of B lanes.

    Parameters
    ----------
    end, small, accuracy, floor : ndarray, shape (B,)
        Time at which to end, or infinity; norm of the gradient at which to end, or -1; accuracy of every state, relative to the larger
        of its norm and the floor.
    times : ndarray, shape (B, m)
        Times to save, ascending.
    budget : int
        Attempted steps of a run.

    """

    end: np.ndarray
    small: np.ndarray
    accuracy: np.ndarray
    floor: np.ndarray
    times: np.ndarray
    budget: int

    def chosen(self, mask: np.ndarray) -> Question:
        """The lanes where the mask is true, or those with these numbers."""
        return Question(self.end[mask], self.small[mask], self.accuracy[mask], self.floor[mask], self.times[mask], self.budget)

    def at(self, tolerance: np.ndarray, first: np.ndarray) -> Requests:
        """Requests of a run."""
        B = len(self.end)
        filled = (first, np.zeros(B), np.full(B, self.budget))
        return Requests(*(np.array(a, dtype=float, order="C") for a in (self.end, self.times, self.small, tolerance, self.floor, *filled)))


@dataclass(frozen=True, eq=False)
class Answer:
    """States of B lanes with their bars; the last column is the end.

    Parameters
    ----------
    times, errors : ndarray, shape (B, m + 1)
        Of the states; a lane that has ended repeats its end.
    states, moved : ndarray, shape (B, m + 1, P)
        θ, and θ moved by its bar towards the run at the larger tolerance.
    ending : ndarray of int, shape (B,)
        As `kernels.flow` numbers them; UNRESOLVED where the accuracy could not be reached.
    implicit : ndarray of bool, shape (B,)
        Lanes that the implicit method finished.
    evaluations, steps, rejected : ndarray of int, shape (B,)
        Of all runs.

    """

    times: np.ndarray
    errors: np.ndarray
    states: np.ndarray
    moved: np.ndarray
    ending: np.ndarray
    implicit: np.ndarray
    evaluations: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray


def answered(plan: Plan, question: Question) -> Answer:
    """Integrate a flow to the accuracy asked for."""
    plan, tolerance = plan.surveyed(question.end), np.maximum(question.accuracy / SHARE, LEAST_EXPLICIT)
    answer = _compared(plan, question, tolerance)
    for _ in range(ROUNDS):
        excess = _excess(answer, question)
        least = np.where(answer.implicit, LEAST_IMPLICIT, LEAST_EXPLICIT)
        again = (excess > 1) & (tolerance > least) & np.isin(answer.ending, (ENDED, SMALL, EVENT))
        if not np.any(again):
            break
        tolerance = np.where(again, np.maximum(tolerance * np.clip(0.3 / excess, FINEST, FINER), least), tolerance)
        answer = _merged(answer, _compared(plan.chosen(again), question.chosen(again), tolerance[again]), again, question)
    unreached = (_excess(answer, question) > 1) & np.isin(answer.ending, (ENDED, SMALL, EVENT))
    return replace(answer, ending=np.where(unreached, UNRESOLVED, answer.ending))


def _compared(plan: Plan, question: Question, tolerance: np.ndarray) -> Answer:
    """Two runs to the same times, side by side, and the bars from their difference."""
    B, twice = len(tolerance), np.arange(2 * len(tolerance)) % len(tolerance)
    pair, second, implicit = plan.chosen(np.ones((2, B), dtype=bool)), np.arange(2 * B) >= B, np.zeros(2 * B, dtype=bool)
    requests = question.chosen(twice).at(np.append(tolerance, COARSER * tolerance), np.where(second, OTHER_FIRST, 1.0))
    runs = fresh(pair.start, question.times.shape[1])
    pair.run(requests, runs, implicit, second)
    fine, other = (Runs(*(array[half] for array in runs)) for half in (slice(B), slice(B, None)))
    endings, resting = fine.ending.copy(), np.isin(fine.ending, (SMALL, ENDED)) & np.isin(other.ending, (SMALL, ENDED))
    end = np.maximum(fine.time, other.time)[twice]
    behind = resting[twice] & (runs.time < end)
    if np.any(behind):  # where the gradient became small at different times, the later one serves for both
        runs.ending[behind] = RUNNING
        pair.run(requests._replace(end=np.where(behind, end, requests.end), small=np.full(2 * B, -1.0)), runs, implicit, second)
        fine.ending[resting & (fine.ending == ENDED)] = endings[resting & (fine.ending == ENDED)]
    odd = ~resting & (fine.ending != EVENT) & (other.ending != EVENT)
    if np.any(odd):
        part = _again(plan.chosen(odd), question.chosen(odd), COARSER * tolerance[odd], fine.time[odd], OTHER_FIRST)
        part.counts[:] += other.counts[odd]
        for array, new in zip(other, part, strict=True):
            array[odd] = new
    return _answer(plan, question, tolerance, fine, other, implicit[:B])


def _again(plan: Plan, question: Question, tolerance: np.ndarray, end: np.ndarray, first: float) -> Runs:
    """A run to the times `end` whatever happens on the way."""
    B = len(end)
    same = replace(question, end=end, small=np.full(B, -1.0), times=np.minimum(question.times, end[:, None]))
    runs = fresh(plan.start, question.times.shape[1])
    replace(plan, event=None).run(same.at(tolerance, np.full(B, first)), runs, np.zeros(B, dtype=bool), np.ones(B, dtype=bool))
    return runs


def _answer(plan: Plan, question: Question, tolerance: np.ndarray, fine: Runs, other: Runs, implicit: np.ndarray) -> Answer:
    """Bars from the difference of two runs to the same times, and of a third one where the two agree too well to be believed."""
    times = np.minimum(question.times, fine.time[:, None])
    with np.errstate(all="ignore"):
        states, others = (_thetas(plan, run.saved, run.state, run.following) for run in (fine, other))
        size = np.maximum(np.linalg.norm(states, axis=-1), question.floor[:, None])
        apart, toward = np.linalg.norm(states - others, axis=-1), others - states
        counts, scale = fine.counts + other.counts, tolerance[:, None] * size
        rounding = EPS * np.where(implicit, ULPS_IMPLICIT, ULPS)[:, None] * size
        believed = (apart > TOO_WELL * scale) | (apart <= rounding)
        doubted = ~np.all(believed, axis=-1) & np.isin(fine.ending, (ENDED, SMALL))
        if np.any(doubted):
            third = _again(plan.chosen(doubted), question.chosen(doubted), COARSER**2 * tolerance[doubted], fine.time[doubted], THIRD_FIRST)
            counts[doubted] += third.counts
            further = np.linalg.norm(_thetas(plan.chosen(doubted), third.saved, third.state, third.following) - states[doubted], axis=-1)
            apart[doubted] = np.fmax(apart[doubted], further / COARSER)
    accident = TIMES_TOLERANCE * scale
    errors = TIMES_DIFFERENCE * apart + np.where(apart > 0, np.minimum(accident, AT_MOST * apart), accident) + rounding
    errors[(fine.ending == EVENT) != (other.ending == EVENT), -1] = np.inf
    errors[np.isnan(errors)] = np.inf
    length = np.linalg.norm(toward, axis=-1, keepdims=True)
    unit = np.where(length > 0, toward / np.where(length > 0, length, 1.0), 1 / np.sqrt(states.shape[-1]))
    columns = np.concatenate([times, fine.time[:, None]], axis=-1)
    moved = states + errors[..., None] * unit
    return Answer(columns, errors, states, moved, fine.ending, implicit, counts[:, EVALUATIONS], counts[:, STEPS], counts[:, REJECTED])


def _thetas(plan: Plan, saved: np.ndarray, final: np.ndarray, following: np.ndarray) -> np.ndarray:
    """θ of saved coordinates and of the final ones, shape (B, m + 1, P); what was not reached is the end."""
    reached = np.arange(saved.shape[1]) < following[:, None]
    x = np.concatenate([np.where(reached[..., None], saved, final[:, None]), final[:, None]], axis=1)
    return np.swapaxes(plan.field.theta(np.swapaxes(x, 0, 1)), 0, 1)


def _excess(answer: Answer, question: Question) -> np.ndarray:
    """The largest bar of a lane over what was asked, shape ``(B,)``."""
    size = np.maximum(np.linalg.norm(answer.states, axis=-1), question.floor[:, None])
    asked = question.accuracy[:, None] * size
    return np.max(np.where(answer.errors <= asked, 0.0, 1.0) + np.where(asked > 0, answer.errors / np.where(asked > 0, asked, 1.0), 0.0), axis=-1)


def _merged(old: Answer, new: Answer, again: np.ndarray, question: Question) -> Answer:
    """The better of two answers for the lanes that were run again; the work of both."""
    better = again.copy()
    better[again] = _excess(new, question.chosen(again)) <= _excess(old, question)[again]
    taken = better[again]

    def put(name: str) -> np.ndarray:
        array = getattr(old, name).copy()
        array[better] = getattr(new, name)[taken]
        return array

    def total(name: str) -> np.ndarray:
        array = getattr(old, name).copy()
        array[again] += getattr(new, name)
        return array

    kept = {name: put(name) for name in ("times", "errors", "states", "moved", "ending", "implicit")}
    return Answer(**kept, **{name: total(name) for name in ("evaluations", "steps", "rejected")})
