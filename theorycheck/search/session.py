"""A run over many theorems: verdicts, planted falsehoods and identities, theorem by theorem, on one pool of workers.

All work of a run is one sequence of tasks, answered in order whatever the number of workers: for each theorem its planted
falsehoods, its identities, then its ranges of instances. What goes wrong in a task is a problem of its theorem; the results
of the others stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from theorycheck.errors import CannotBindData, InvalidArgument, TheorycheckError, WorkerLost
from theorycheck.library import Address, Paper, Selection, origin
from theorycheck.search.check import counterexample_at, ranges, tallied_at, verdict_of
from theorycheck.search.reports import Planted, Report, Running, Settled
from theorycheck.search.tasks import Failed, Refutation, Task, answered, refuted_at, settled_at
from theorycheck.search.verdicts import Outcome, Tally, Verdict
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem

BUDGET = 20_000
_AHEAD = 8  # tasks queued for each worker: a long refutation at the head must not starve the others

Data = tuple[np.ndarray, np.ndarray]
Progress = Callable[[Running], Any]


@dataclass(frozen=True)
class Plan:
    """What to run and how far.

    Parameters
    ----------
    selection : Selection
    instances, seed : int
        As for `check`; `instances` governs theorems only.
    jobs : int
        Processes; with 1 everything runs in this one. Reports do not depend on it, but for their seconds.
    data : (X, y) or None
        Binds every theorem to the data, X of shape (n, d) and y of shape (n,); falsehoods are then not run (a constant false
        in general may hold on one data set).
    budget : int
        Instances spent on a falsehood before it counts as surviving.

    """

    selection: Selection
    instances: int = 1000
    seed: int = 0
    jobs: int = 1
    data: Data | None = None
    budget: int = BUDGET

    def __post_init__(self) -> None:
        for name in ("instances", "jobs", "budget"):
            if getattr(self, name) < 1:
                raise InvalidArgument(name, getattr(self, name), "must be at least 1", f"pass {name} >= 1")


def run(plan: Plan, progress: Progress | None = None) -> Iterator[Report]:
    """Check every theorem of a plan, refute its planted falsehoods and prove its identities.

    Parameters
    ----------
    plan : Plan
    progress : callable, optional
        Called after each task.

    Yields
    ------
    Report
        In the order of the selection, as each is finished; theorems that cannot take the data come first.

    Raises
    ------
    CannotBindData
        If no theorem can take the data.

    """
    entries, skipped = _entries(plan)
    if skipped and not entries:
        rule = f"suits none of the theorems asked for ({len(skipped)})"
        raise CannotBindData("data", "(X, y)", rule, f"`{skipped[0].theorem.name}` says: {skipped[0].skipped}")
    yield from skipped
    with ExitStack() as stack:
        workers = stack.enter_context(Workers(plan.jobs)) if plan.jobs > 1 else None
        yield from _reports(entries, workers, progress)


@dataclass
class _Entry:
    """A theorem under way: its tasks, and what they have answered so far."""

    paper: str
    theorem: Theorem
    falsehoods: tuple[Theorem, ...]
    seed: int
    instances: int
    tasks: tuple[Task, ...] = ()
    answered: int = 0
    closed: bool = False
    total: Tally = field(default_factory=Tally)
    problems: list[str] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    identities: list[Settled] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, task: Task, answer: tuple[Any, float] | WorkerLost) -> None:
        """Add one answer; the entry is closed when nothing more is to come."""
        result, seconds = (Failed(str(answer)), 0.0) if isinstance(answer, WorkerLost) else answer
        self.answered += 1
        self.seconds += seconds
        stopped = False
        if task.function is refuted_at:
            self.planted.append(_planted(self.falsehoods[task.subject], result, self.seed))
        elif task.function is settled_at:
            label = str(self.theorem.identities[task.subject])
            self.identities.append(Settled(label, False, result.sentence) if isinstance(result, Failed) else result)
        elif isinstance(result, Failed):
            _, _, start, stop = task.arguments
            self.problems.append(f"instances {start} to {stop - 1} of seed {self.seed}: {result.sentence}; those after them were not tried")
            stopped = True
        else:
            self.total = self.total + result
            stopped = self.total.violation is not None
        self.closed = stopped or self.answered == len(self.tasks)

    def running(self, done: int, every: int) -> Running:
        return Running(self.paper, self.theorem, self.total, self.instances, (len(self.planted), len(self.falsehoods)), (done + self.answered, every))

    def report(self) -> Report:
        started = perf_counter()
        verdict = self._verdict() if self.instances else None
        seconds = self.seconds + perf_counter() - started
        return Report(self.paper, self.theorem, verdict, tuple(self.planted), tuple(self.identities), seconds=seconds)

    def _verdict(self) -> Verdict:
        total, counterexample = self.total, None
        if total.violation is not None:
            try:
                counterexample = counterexample_at(self.theorem, self.seed, total.violation)
            except TheorycheckError as error:
                self.problems.append(f"instance {total.violation} of seed {self.seed} violated the claim, but not again: {error}")
        verdict = verdict_of(self.theorem, total, counterexample, self.seed, self.seconds)
        if not self.problems:
            return verdict
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, problems=(*self.problems, *map(str, total.problems)))


def _entries(plan: Plan) -> tuple[list[_Entry], list[Report]]:
    """The work on each theorem, and reports on those that cannot take the data."""
    entries: list[_Entry] = []
    skipped: list[Report] = []
    for paper in plan.selection.papers:
        for theorem in paper.theorems:
            try:
                bound = theorem if plan.data is None else theorem.on(*plan.data)
            except TheorycheckError as error:
                skipped.append(Report(paper.name, theorem, skipped=str(error)))
                continue
            falsehoods = paper.planted_on(theorem) if plan.data is None else ()
            entry = _Entry(paper.name, bound, falsehoods, plan.seed, plan.instances)
            entries.append(replace(entry, tasks=_tasks(plan, str(paper.path), entry, len(entries))))
        for entry in _falsehoods_alone(plan, paper):
            entries.append(replace(entry, tasks=_tasks(plan, str(paper.path), entry, len(entries))))
    return entries, skipped


def _falsehoods_alone(plan: Plan, paper: Paper) -> Iterator[_Entry]:
    """Falsehoods asked for by their own names, without the theorem they distort."""
    listed = {t.name for t in paper.theorems}
    for name in dict.fromkeys(origin(f).name for f in paper.false if plan.data is None):
        if name not in listed:
            falsehoods = tuple(f for f in paper.false if origin(f).name == name)
            yield _Entry(paper.name, origin(falsehoods[0]), falsehoods, plan.seed, 0)


def _tasks(plan: Plan, path: str, entry: _Entry, number: int) -> tuple[Task, ...]:
    refutations = (Task(refuted_at, (Address(path, f.name), plan.seed, plan.budget), number, i) for i, f in enumerate(entry.falsehoods))
    if not entry.instances:
        return tuple(refutations)
    name = entry.theorem.name
    proofs = (Task(settled_at, (Address(path, name), i), number, i) for i in range(len(entry.theorem.identities)))
    checking = (Task(tallied_at, (Address(path, name, plan.data), plan.seed, *span), number) for span in ranges(plan.instances))
    return (*refutations, *proofs, *checking)


def _reports(entries: list[_Entry], workers: Workers | None, progress: Progress | None) -> Iterator[Report]:
    def wanted(task: tuple[Task]) -> bool:
        return not entries[task[0].entry].closed

    tasks = (task for entry in entries for task in zip(entry.tasks) if wanted(task))
    answers = (((task,), answered(task)) for (task,) in tasks) if workers is None else workers.answers(answered, tasks, _AHEAD, wanted)
    done, every = 0, sum(len(entry.tasks) for entry in entries)
    for (task,), answer in answers:
        entry = entries[task.entry]
        if entry.closed:
            continue
        entry.take(task, answer)
        if progress is not None:
            progress(entry.running(done, every))
        if entry.closed:
            done += len(entry.tasks)
            yield entry.report()


def _planted(falsehood: Theorem, found: Refutation | Failed, seed: int) -> Planted:
    if isinstance(found, Failed):
        return Planted(falsehood, Outcome.INCONCLUSIVE, Tally(), None, (found.sentence,))
    counterexample = None
    if found.tally.violation is not None:
        try:
            counterexample = counterexample_at(falsehood, seed, found.tally.violation, found.choices, found.exhausted)
        except TheorycheckError as error:
            return Planted(falsehood, Outcome.INCONCLUSIVE, found.tally, None, (str(error),))
    verdict = verdict_of(falsehood, found.tally, counterexample, seed, 0.0)
    return Planted(falsehood, verdict.outcome, found.tally, counterexample, verdict.problems)
