"""One instance through a theorem: enforce, re-check, compare.

Claims and premises run with traps for invalid operations and division by zero, never for underflow; what is not finite on
the way out is UNDEFINED by the comparison itself. In a worker with a time limit, an evaluation that takes longer ends its
process, wherever it hangs: the operating system's timer needs no help from the code that hangs.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from theorycheck.errors import EnforcementConflict, InvalidArgument
from theorycheck.instances.stacking import stacked
from theorycheck.measured import Precision
from theorycheck.statements.comparisons import NEAR, Comparison, Standing
from theorycheck.statements.theorems import Premise, Theorem

JOINT = "joint enforcement"

HAS_TIMER = hasattr(signal, "setitimer")

Result = TypeVar("Result")

_limit: ContextVar[float | None] = ContextVar("time_limit", default=None)


@dataclass(frozen=True)
class Broken:
    """Something raised, or was not a comparison: the standing is UNDEFINED and this is why."""

    reason: str


@dataclass(frozen=True)
class Admission:
    """An instance after enforcement: `instance` is admitted unless `rejected_by` names a premise.

    ``unsure`` holds the premises violated by less than 1e-6, which rounding may have done: confirmation decides them.
    """

    instance: Any = None
    rejected_by: str | None = None
    unsure: tuple[Premise, ...] = ()


def limit_evaluations(seconds: float | None) -> None:
    """End this process when one evaluation takes longer than so many seconds; None lifts the limit. For worker processes only."""
    _limit.set(seconds if HAS_TIMER else None)


@contextmanager
def timed() -> Iterator[None]:
    """The limit of one evaluation holds inside the block, if the process has one; within another such block it is that one's."""
    seconds = _limit.get()
    if seconds is None or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def guarded(run: Callable[[], Result], precision: Precision) -> Result | Broken:
    """Run in the scope of a precision with traps on; what raises comes back as `Broken`, ``exit()`` included."""
    try:
        with timed(), precision.scope(), np.errstate(invalid="raise", divide="raise", over="ignore", under="ignore"):
            return run()
    except EnforcementConflict as error:
        return Broken(str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a reader's claim raises makes this instance undefined, not the run
        return Broken(f"{type(error).__name__}: {error} ({_where(error)})")


def admission(theorem: Theorem, value: Any) -> Admission:
    """Apply every enforcement, then re-check every premise.

    Raises `EnforcementConflict` if enforcing a premise broke an earlier one that held before.
    """
    instance = value
    if theorem.enforce is not None:
        instance = theorem.enforce(instance)
        if instance is None:
            return Admission(None, JOINT)
    else:
        for premise in theorem.premises:
            if premise.enforce is not None:
                instance = premise.enforce(instance)
                if instance is None:
                    return Admission(None, premise.name)
    unsure = []
    for premise in theorem.premises:
        held = premise_holds(premise, instance)
        if held is False:
            _require_no_conflict(theorem, premise, value)
            return Admission(instance, premise.name)
        if held is None:
            unsure.append(premise)
    return Admission(instance, None, tuple(unsure))


def premise_holds(premise: Premise, instance: Any) -> bool | None:
    """Whether a premise holds (too close counts as holding); None where it is violated by less than 1e-6."""
    held = premise.holds(instance)
    if held is None:
        raise InvalidArgument(
            f"{premise.name}.holds(instance)", held, "says neither yes nor no", "return a bool or a comparison: is a `return` missing?"
        )
    if not isinstance(held, Comparison):
        return bool(held)
    worst = held.worst
    if worst.standing in (Standing.HOLDS, Standing.TOO_CLOSE):
        return True
    return None if worst.standing is Standing.VIOLATED and -worst.slack < NEAR else False


def premise_distance(theorem: Theorem, rejected: Admission) -> float:
    """How far a rejected instance is from the premise that rejected it: a relative slack up to 1, or 1 where nothing measures it."""
    for premise in theorem.premises:
        if premise.name == rejected.rejected_by and rejected.instance is not None:
            held = premise.holds(rejected.instance)
            return float(min(1.0, abs(held.worst.slack))) if isinstance(held, Comparison) else 1.0
    return 1.0


def _require_no_conflict(theorem: Theorem, broken: Premise, value: Any) -> None:
    if theorem.enforce is not None:
        return
    instance, position = value, theorem.premises.index(broken)
    for i, premise in enumerate(theorem.premises):
        if premise.enforce is None:
            continue
        before, instance = instance, premise.enforce(instance)
        if i > position and premise_holds(broken, before) is not False and premise_holds(broken, instance) is False:
            raise EnforcementConflict(
                f"enforcing `{premise.name}` ({premise.statement}) broke the earlier premise `{broken.name}` ({broken.statement}), "
                f"which held before; "
                f"list `{premise.name}` before `{broken.name}`, or give the theorem one joint enforce"
            )


def claim_of(theorem: Theorem, instance: Any, precision: Precision) -> Comparison:
    """The claim on one admitted instance, as a comparison without a leading axis of instances."""
    result = theorem.claim(stacked([instance]) if theorem.stacked else instance, precision)
    if not isinstance(result, Comparison):
        raise InvalidArgument(
            "claim(instance, precision)", result, "is not a comparison", "return tc.at_most(...), tc.at_least(...), tc.equal(...) or tc.all_of(...)"
        )
    return result


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "theorycheck/search" not in f.filename.replace("\\", "/")]
    frame = (own or list(frames))[-1] if frames else None
    return f"{frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno}, in {frame.name}" if frame else "no traceback"
