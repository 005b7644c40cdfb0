"""What is seen of a theorem's inequalities: the sights of its samples, and of the local searches from the nearest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from theorycheck.errors import WorkerLost
from theorycheck.search.breakdown import bins_of, names_of
from theorycheck.search.conclusions import counterexample_at
from theorycheck.search.features import Features
from theorycheck.search.places import Place
from theorycheck.search.pressing import Choices, Seen, Sight, pressed_at, seen_at, simplest_at
from theorycheck.search.tasks import ranges
from theorycheck.search.verdicts import Counterexample
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem

_STARTS = 4  # local searches from the nearest instances of all, beside one in each size

Answer = TypeVar("Answer")


@dataclass
class Effort:
    """How work is done, in this process or by workers, and what became of it."""

    instances: int
    seed: int
    budget: int
    features: Features | None
    workers: Workers | None
    progress: Callable[[int, int], Any] | None
    done: int = 0
    known: int = 0
    evaluations: int = 0
    problems: list[str] = field(default_factory=list)

    def answers(self, function: Callable[..., Answer], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Answer]:
        """The answers in order; a task that lost its worker is a problem, and has none."""
        self.known += len(tasks)
        if self.workers is None:
            found: Iterator[tuple[Any, Any]] = ((task, function(*task)) for task in tasks)
        else:
            found = self.workers.answers(function, tasks)
        for task, answer in found:
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.known)
            if isinstance(answer, WorkerLost):
                where = f"instances {task[2]} to {task[3] - 1}" if function is seen_at else "a local search"
                self.problems.append(f"{where} of seed {self.seed}: {answer}; left out")
            else:
                yield answer


@dataclass(frozen=True)
class Survey:
    """Everything seen of one theorem."""

    theorem: Theorem
    place: Place
    seen: Seen
    pressed: tuple[Sight, ...]
    counterexample: Counterexample | None

    @property
    def tried(self) -> int:
        """Samples."""
        return self.seen.tried

    @property
    def rejected(self) -> int:
        """Of them, those that premises reject."""
        return self.seen.rejected

    @property
    def undefined(self) -> int:
        """Of them, those on which the claim is undefined."""
        return self.seen.undefined

    @property
    def labels(self) -> tuple[str, ...]:
        """The inequalities that were seen, in the order of the claim."""
        return tuple(dict.fromkeys(s.label for s in self.seen.sights))

    @property
    def problems(self) -> tuple[str, ...]:
        """Why there is nothing, or less than there should be."""
        found = []
        if not self.seen.sights:
            why = "no instance satisfies the premises" if self.tried == self.rejected else "the claim has no inequality with sides that differ from 0"
            found.append(f"{self.theorem.name}: nothing to tighten: {why}")
        if self.undefined:
            found.append(f"{self.theorem.name}: undefined on {self.undefined} of {self.tried} instances; `theorycheck check` says where")
        return tuple(found)

    def of(self, label: str) -> list[Sight]:
        """Every sight of one inequality."""
        return [s for s in (*self.seen.sights, *self.pressed) if s.label == label]


def surveyed(effort: Effort, theorem: Theorem, place: Place) -> Survey:
    """Sample, then press from the nearest; a violation that was seen on the way is contracted."""
    seen = sum(effort.answers(seen_at, [(place, effort.seed, *span, effort.features) for span in ranges(effort.instances)]), Seen())
    starts = [start for label in dict.fromkeys(s.label for s in seen.sights) for start in _starts([s for s in seen.sights if s.label == label])]
    tasks = [(place, s.choices, s.label, effort.budget, effort.features) for s in starts] if effort.budget else []
    effort.evaluations += effort.budget * len(tasks)
    pressed = tuple(s for s in effort.answers(pressed_at, tasks) if s is not None)
    worst = min((s for s in (*seen.sights, *pressed) if s.violates), key=lambda s: len(s.choices), default=None)
    counterexample = None if worst is None else _refutation(effort, theorem, place, worst.choices)
    return Survey(theorem, place, seen, pressed, counterexample)


def _starts(sights: list[Sight]) -> list[Sight]:
    """The nearest instances of all, and the nearest in each size and decade; none where equality is attained already."""
    nearest = sorted(sights, key=lambda s: s.slack)
    chosen = nearest[:_STARTS]
    for name in names_of(sights):
        chosen += [min(inside, key=lambda s: s.slack) for inside in bins_of(name, sights).values()]
    return [s for s in {s.choices: s for s in chosen}.values() if s.slack > s.bar]


def _refutation(effort: Effort, theorem: Theorem, place: Place, choices: Choices) -> Counterexample | None:
    for answer in effort.answers(simplest_at, [(place, None, choices, effort.seed)]):
        if answer is not None:
            return counterexample_at(theorem, effort.seed, None, answer, first=choices)
    return None
