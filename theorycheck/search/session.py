"""A run over many theorems: verdicts, planted falsehoods and identities, theorem by theorem, on one pool of workers.

All work of a run is one sequence of tasks, answered in order whatever the number of workers: for each theorem its planted
falsehoods, its identities, then its ranges of instances. What goes wrong in a task is a problem of its theorem; the results
of the others stand. Everything runs in worker processes, one of them if need be: a claim that hangs or kills its process does
not take the run with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from theorycheck.errors import CannotBindData, InvalidArgument, TheorycheckError
from theorycheck.library import Address, Paper, Selection, origin
from theorycheck.search.entries import Entry, Progress, checking
from theorycheck.search.loop import reports
from theorycheck.search.reports import Report
from theorycheck.search.tasks import Task, refuted_at, settled_at
from theorycheck.search.witness_files import Witness
from theorycheck.search.workers import TIME_LIMIT, Workers

BUDGET = 20_000

Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """What to run and how far.

    Parameters
    ----------
    selection : Selection
    instances, seed : int
        As for `check`; `instances` governs theorems only.
    jobs : int
        Worker processes. Reports do not depend on it, but for their seconds.
    data : (X, y) or None
        Binds every theorem to the data, X of shape (n, d) and y of shape (n,); falsehoods are then not run (a constant false
        in general may hold on one data set).
    budget : int
        Instances spent on a falsehood before it counts as surviving.
    witnesses : tuple of Witness
        Saved counterexamples: those of a theorem of the selection are replayed before its instances. Falsehoods have none: they
        are there to test the search.
    time_limit : float or None
        Seconds for a single evaluation of an instance; an instance that takes longer is undefined.
    certify : bool
        Evaluate every counterexample, and the first instances of every theorem, once more in rationals and balls.

    """

    selection: Selection
    instances: int = 1000
    seed: int = 0
    jobs: int = 1
    data: Data | None = None
    budget: int = BUDGET
    witnesses: tuple[Witness, ...] = ()
    time_limit: float | None = TIME_LIMIT
    certify: bool = False

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
    with Workers(plan.jobs, time_limit=plan.time_limit) as workers:
        yield from reports(entries, workers, progress)


def _entries(plan: Plan) -> tuple[list[Entry], list[Report]]:
    """The work on each theorem, and reports on those that cannot take the data."""
    entries: list[tuple[Entry, Address]] = []
    skipped: list[Report] = []
    for paper in plan.selection.papers:
        for theorem in paper.theorems:
            try:
                bound = theorem if plan.data is None else theorem.on(*plan.data)
            except TheorycheckError as error:
                skipped.append(Report(paper.name, theorem, skipped=str(error)))
                continue
            address = Address(str(paper.path), theorem.name, plan.data)
            falsehoods = paper.planted_on(theorem) if plan.data is None else ()
            witness = next((w for w in plan.witnesses if plan.data is None and w.refutes(paper.path, theorem)), None)
            entries.append((Entry(paper.name, bound, address, falsehoods, plan.seed, plan.instances, witness, certify=plan.certify), address))
        entries.extend(_falsehoods_alone(plan, paper))
    return [replace(entry, tasks=_tasks(plan, entry, address, number)) for number, (entry, address) in enumerate(entries)], skipped


def _falsehoods_alone(plan: Plan, paper: Paper) -> Iterator[tuple[Entry, Address]]:
    """Falsehoods asked for by their own names, without the theorem they distort."""
    listed = {t.name for t in paper.theorems}
    for name in dict.fromkeys(origin(f).name for f in paper.false if plan.data is None):
        if name not in listed:
            falsehoods = tuple(f for f in paper.false if origin(f).name == name)
            address = Address(str(paper.path), name)
            yield Entry(paper.name, origin(falsehoods[0]), address, falsehoods, plan.seed, 0, certify=plan.certify), address


def _tasks(plan: Plan, entry: Entry, address: Address, number: int) -> tuple[Task, ...]:
    refutations = (Task(refuted_at, (replace(address, theorem=f.name), plan.seed, plan.budget), number, i) for i, f in enumerate(entry.falsehoods))
    if not entry.instances:
        return tuple(refutations)
    proofs = (Task(settled_at, (replace(address, data=None), i), number, i) for i in range(len(entry.theorem.identities)))
    return (*refutations, *proofs, *checking(entry, number))
