"""The loop that hands the tasks of a run out and its answers in.

Answers are taken in the order of the tasks, whatever the number of workers. A task that ends its worker process costs the instance
to blame and nothing else: the range is tried again, instance by instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from theorycheck.errors import WorkerLost
from theorycheck.search.entries import LOST, Answer, Entry, Progress, lone_entry
from theorycheck.search.reports import Planted, Report
from theorycheck.search.tasks import Task, answered, refuted_at, tallied_at
from theorycheck.search.verdicts import Tally, Verdict
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem

_AHEAD = 8  # tasks queued for each worker: a long refutation at the head must not starve the others


def verdicts(entries: Sequence[Entry], workers: Workers | None, progress: Progress | None = None) -> Iterator[Verdict]:
    """The verdicts of entries that are tried on instances: see `reports`."""
    return (report.verdict for report in reports(entries, workers, progress) if report.verdict is not None)


def reports(entries: Sequence[Entry], workers: Workers | None, progress: Progress | None = None) -> Iterator[Report]:
    """Run the tasks of all entries; a report as each entry is closed, in their order.

    Parameters
    ----------
    entries : sequence of Entry
        Their tasks carry the position of their entry.
    workers : Workers or None
        None runs everything in this process.
    progress : callable, optional
        Called after each task.

    """

    def wanted(task: tuple[Task]) -> bool:
        return not entries[task[0].entry].closed

    def alone(task: Task) -> Answer:
        return answered(task) if workers is None else workers.alone(answered, (task,))

    def each(tasks: Sequence[Task]) -> Iterator[Answer]:
        return map(answered, tasks) if workers is None else (answer for _, answer in workers.answers(answered, zip(tasks)))

    tasks = (task for entry in entries for task in zip(entry.tasks) if wanted(task))
    answers = (((task,), answered(task)) for (task,) in tasks) if workers is None else workers.answers(answered, tasks, _AHEAD, wanted)
    done, every = 0, sum(len(entry.tasks) for entry in entries)
    for (task,), answer in answers:
        entry = entries[task.entry]
        if entry.closed:
            continue
        if task.function is refuted_at and isinstance(answer, WorkerLost):
            entry.planted.append(_tried_apart(task, entry.falsehoods[task.subject], workers))
        else:
            for part, result in _pieces(task, answer, alone):
                entry.take(part, result)
                if entry.closed:
                    break
        entry.answered += 1
        entry.closed = entry.closed or entry.answered == len(entry.tasks)
        if progress is not None:
            progress(entry.running(done, every))
        if entry.closed:
            entry.hunt(each)
            entry.contract(alone)
            entry.settle(each)
            done += len(entry.tasks)
            yield entry.report()


def _pieces(task: Task, answer: Answer, alone: Callable[[Task], Answer]) -> Iterator[tuple[Task, Answer]]:
    """A range whose worker was lost, instance by instance; every other task with its answer."""
    if not isinstance(answer, WorkerLost) or task.function is not tallied_at:
        yield task, answer
        return
    place, seed, start, stop = task.arguments
    if stop - start == 1:
        yield task, answer
        return
    for index in range(start, stop):
        part = replace(task, arguments=(place, seed, index, index + 1))
        yield part, alone(part)


def _tried_apart(task: Task, falsehood: Theorem, workers: Workers | None) -> Planted:
    """A falsehood whose refutation lost its worker, tried like a theorem: range by range, an instance at a time where need be."""
    place, seed, budget = task.arguments
    entry = lone_entry(falsehood, place, seed, budget)
    (verdict,) = verdicts([entry], workers)
    tally = Tally() if entry.lost >= LOST else entry.total  # given up, it neither survived nor fell
    return Planted(falsehood, verdict.outcome, tally, verdict.counterexample, verdict.problems)
