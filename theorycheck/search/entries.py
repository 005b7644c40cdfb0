"""A theorem's part of a run while it is under way.

Work on a theorem is a sequence of tasks: its planted falsehoods, its identities, a witness to replay, its ranges of instances;
then the adversary's islands; where something violates, its contraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.errors import TheorycheckError, WorkerLost
from theorycheck.search.adversary import pursuits
from theorycheck.search.conclusions import counterexample_at, met_at, verdict_of
from theorycheck.search.contraction import confirmed_at
from theorycheck.search.places import Place
from theorycheck.search.reports import Certified, CertifiedShare, Planted, Report, Running, Settled
from theorycheck.search.tasks import (
    Failed,
    Refutation,
    Task,
    certified_at,
    contracted_at,
    pursued_at,
    pursuit_budget,
    ranges,
    refuted_at,
    replayed_at,
    settled_at,
    shared_at,
    tallied_at,
)
from theorycheck.search.verdicts import Counterexample, Outcome, Problem, Tally, Verdict
from theorycheck.search.witness_files import Witness
from theorycheck.search.witnesses import counterexample_of
from theorycheck.statements.theorems import Theorem

LOST = 3  # instances of a theorem that may end their worker before it is given up

SHARED = 100  # instances of a theorem that are certified

Progress = Callable[[Running], Any]
Answer = tuple[Any, float] | WorkerLost


@dataclass
class Entry:
    """A theorem under way: its tasks, and what they have answered so far.

    Parameters
    ----------
    paper : str
    theorem : Theorem
    place : Place
        Where workers find the theorem.
    falsehoods : tuple of Theorem
    seed, instances : int
    witness : Witness or None
        What refuted the theorem before.
    pursue : int or None
        Candidates for the adversary: see `pursuit_budget`.
    certify : bool
        See `Plan`.

    """

    paper: str
    theorem: Theorem
    place: Place
    falsehoods: tuple[Theorem, ...]
    seed: int
    instances: int
    witness: Witness | None = None
    pursue: int | None = None
    certify: bool = False
    tasks: tuple[Task, ...] = ()
    answered: int = 0
    closed: bool = False
    total: Tally = field(default_factory=Tally)
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counterexample: Counterexample | None = None
    planted: list[Planted] = field(default_factory=list)
    identities: list[Settled] = field(default_factory=list)
    certificate: Certified | None = None
    share: CertifiedShare | None = None
    seconds: float = 0.0

    def take(self, task: Task, answer: Answer) -> None:
        """Add one answer; it may close the entry, which else is closed when every task is answered."""
        result, seconds, sentence = _unpacked(answer)
        self.seconds += seconds
        if task.function is refuted_at:
            self.planted.append(_planted(self.falsehoods[task.subject], result if sentence is None else Failed(sentence), self.seed))
        elif task.function is settled_at:
            label = str(self.theorem.identities[task.subject])
            self.identities.append(result if sentence is None else Settled(label, False, sentence))
        elif task.function is replayed_at:
            self._take_replay(sentence, result)
        elif task.function is shared_at:
            self._take_share(sentence, result)
        elif isinstance(result, WorkerLost):
            self._take_loss(task, result)
        elif sentence is not None:
            _, _, start, stop = task.arguments
            self.problems.append(f"instances {start} to {stop - 1} of seed {self.seed}: {sentence}; those after them were not tried")
            self.closed = True
        else:
            self.total = self.total + result
            self.closed = self.total.violation is not None

    def _take_replay(self, sentence: str | None, violates: Any) -> None:
        if self.witness is None:
            return
        if sentence is None and violates:
            try:
                self.counterexample = counterexample_of(self.theorem, self.witness)
            except TheorycheckError as error:
                sentence = str(error)
        if self.counterexample is not None:
            self.total, self.closed = Tally(tried=1, admitted=1, violation=self.witness.index, found=self.witness.choices), True
        else:
            why = f"could not be replayed ({sentence})" if sentence is not None else "no longer violates the claim"
            self.notes.append(f"the saved witness {self.witness.place} {why}; delete it if it is of no use")

    def _take_share(self, sentence: str | None, result: Any) -> None:
        self.share, failing = (CertifiedShare(problem=sentence), ()) if sentence is not None else result
        if failing:
            where = ", ".join(map(str, failing))
            self.problems.append(f"the claim holds in floats and fails in balls at instances {where} of seed {self.seed}: tc.certify says how")

    def _take_loss(self, task: Task, lost: WorkerLost) -> None:
        """One instance that ended its worker."""
        _, _, index, _ = task.arguments
        self.lost += 1
        self.total = self.total + Tally(tried=1, undefined=1, problems=(Problem(str(lost), f"instance {index} of seed {self.seed}"),))
        if self.lost == LOST:
            self.problems.append(f"{LOST} instances were lost with their worker; those after instance {index} of seed {self.seed} were not tried")
            self.closed = True

    @property
    def refuted(self) -> bool:
        """Whether a violation is known."""
        return self.total.violation is not None or self.total.found is not None

    def hunt(self, each: Callable[[Sequence[Task]], Iterator[Answer]]) -> None:
        """Where no sample violates, what the adversary makes of the nearest."""
        if self.refuted or self.problems or not self.instances:
            return
        islands = pursuits(self.theorem, self.seed, self.total, pursuit_budget(self.instances, self.pursue))
        for answer in each([Task(pursued_at, (self.place, *island), 0) for island in islands]):
            result, seconds, sentence = _unpacked(answer)
            self.seconds += seconds
            if sentence is not None:
                self.notes.append(f"an island of the adversary was lost: {sentence}")
                continue
            self.total = self.total + result.tally
            if self.refuted:
                return

    def contract(self, alone: Callable[[Task], Answer]) -> None:
        """Where something violates, its smallest relative, sought by a worker."""
        if not self.refuted or self.counterexample is not None:
            return
        index, first = self.total.violation, self.total.found
        answer = alone(Task(contracted_at, (self.place, self.seed, index, first), 0))
        try:
            if isinstance(answer, WorkerLost):
                with threadpool_limits(1):  # rounding modes are a thread's own
                    found = confirmed_at(self.theorem, met_at(self.theorem, self.seed, index, first))
                self.notes.append(f"contraction lost its worker ({answer}): the counterexample is as first found")
            else:
                self.seconds += answer[1]
                if isinstance(answer[0], Failed):
                    raise TheorycheckError(answer[0].sentence)
                found = answer[0]
            self.counterexample = counterexample_at(self.theorem, self.seed, index, found, first=first)
        except TheorycheckError as error:
            where = f"instance {index} of seed {self.seed}" if index is not None else f"an instance of the adversary, seed {self.seed},"
            self.problems.append(f"{where} violated the claim, but not again: {error}")

    def settle(self, each: Callable[[Sequence[Task]], Iterator[Answer]]) -> None:
        """What certification makes of the counterexamples, where that was asked for."""
        if not self.certify:
            return
        refuting = [task.arguments[0] for task in self.tasks if task.function is refuted_at]
        found = [(place, k, planted.counterexample) for k, (place, planted) in enumerate(zip(refuting, self.planted, strict=False))]
        found.append((self.place, -1, self.counterexample))
        asked = [Task(certified_at, (place, c.choices), 0, k) for place, k, c in found if c is not None]
        for task, answer in zip(asked, each(asked), strict=True):
            result, seconds, sentence = _unpacked(answer)
            self.seconds += seconds
            certificate = result if sentence is None else Certified(False, f"not certified: {sentence}")
            if task.subject < 0:
                self.certificate = certificate
            else:
                self.planted[task.subject] = replace(self.planted[task.subject], certificate=certificate)

    def running(self, done: int, every: int) -> Running:
        """Where the run is, `done` of `every` task having been answered before this entry."""
        return Running(self.paper, self.theorem, self.total, self.instances, (len(self.planted), len(self.falsehoods)), (done + self.answered, every))

    def report(self) -> Report:
        """What is to be said about the theorem."""
        verdict = self._verdict() if self.instances else None
        found = (tuple(self.planted), tuple(self.identities))
        return Report(
            self.paper,
            self.theorem,
            verdict,
            *found,
            seconds=self.seconds,
            notes=tuple(self.notes),
            certificate=self.certificate,
            share=self.share,
        )

    def _verdict(self) -> Verdict:
        verdict = verdict_of(self.theorem, self.total, self.counterexample, self.seed, self.seconds)
        if not self.problems:
            return verdict
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, problems=(*self.problems, *map(str, self.total.problems)))


def checking(entry: Entry, number: int) -> Iterator[Task]:
    """The tasks that try a theorem: its witness, its ranges of instances, those to certify."""
    if entry.witness is not None:
        yield Task(replayed_at, (entry.place, entry.witness.choices), number)
    for span in ranges(entry.instances):
        yield Task(tallied_at, (entry.place, entry.seed, *span), number)
    if entry.certify and entry.instances:
        yield Task(shared_at, (entry.place, min(entry.instances, SHARED), entry.seed), number)


def lone_entry(theorem: Theorem, place: Place, seed: int, instances: int, number: int = 0, pursue: int | None = None) -> Entry:
    """A theorem to be tried by itself, as entry `number` of a run."""
    entry = Entry("", theorem, place, (), seed, instances, pursue=pursue)
    entry.tasks = tuple(checking(entry, number))
    return entry


def _unpacked(answer: Answer) -> tuple[Any, float, str | None]:
    """What a task found and its seconds; in place of what was lost or raised, the sentence that says so."""
    if isinstance(answer, WorkerLost):
        return answer, 0.0, str(answer)
    result, seconds = answer
    return result, seconds, result.sentence if isinstance(result, Failed) else None


def _planted(falsehood: Theorem, found: Refutation | Failed, seed: int) -> Planted:
    if isinstance(found, Failed):
        return Planted(falsehood, Outcome.INCONCLUSIVE, Tally(), None, (found.sentence,))
    counterexample = None
    if found.smallest is not None:
        try:
            counterexample = counterexample_at(falsehood, seed, found.tally.violation, found.smallest, first=found.tally.found)
        except TheorycheckError as error:
            return Planted(falsehood, Outcome.INCONCLUSIVE, found.tally, None, (str(error),))
    verdict = verdict_of(falsehood, found.tally, counterexample, seed, 0.0)
    return Planted(falsehood, verdict.outcome, found.tally, counterexample, verdict.problems)
