"""What workers run: a place goes in, a light answer comes out, and whatever a theorem file raises is an answer too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument
from theorycheck.search.adversary import Pursuit, pursued, pursuits
from theorycheck.search.conclusions import met_at
from theorycheck.search.confirmation import IN_FULL, UNSHUFFLED, Shuffles
from theorycheck.search.contraction import Contraction, contracted
from theorycheck.search.places import Place
from theorycheck.search.reports import Certified, CertifiedShare, Settled
from theorycheck.search.tallies import judged, tallied
from theorycheck.search.verdicts import Choices, Counterexample, Tally
from theorycheck.search.witnesses import violates
from theorycheck.statements.theorems import Theorem

RANGE = 64  # instances of a task

_FIRST = 4  # instances of the first range of a falsehood: most fall at once
_BROKEN = 1000
_SHARE = 4  # of the samples: candidates for the adversary


@dataclass(frozen=True)
class Failed:
    """A task that raised: the sentence, in place of an answer."""

    sentence: str


@dataclass(frozen=True)
class Refutation:
    """What was found against a falsehood: the tally, and what contraction left of the first violation."""

    tally: Tally
    smallest: Contraction | None = None


@dataclass(frozen=True)
class Task:
    """One piece of work of a run: a function, its arguments, and to which entry and subject of the run the answer belongs."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    entry: int
    subject: int = 0


def ranges(instances: int) -> Iterator[tuple[int, int]]:
    """The fixed ranges (start, stop) into which a run of so many instances is cut."""
    return ((start, min(start + RANGE, instances)) for start in range(0, instances, RANGE))


def pursuit_budget(instances: int, pursue: int | None = None) -> int:
    """Candidates for the adversary: a quarter of the instances, unless given."""
    return instances // _SHARE if pursue is None else pursue


def tallied_at(place: Place, seed: int, start: int, stop: int) -> Tally:
    """Try a range of instances."""
    return tallied(place.load(), seed, start, stop)


def pursued_at(place: Place, seed: int, starts: tuple[Choices, ...], island: int, budget: int) -> Pursuit:
    """One island of the adversary."""
    return pursued(place.load(), seed, starts, island, budget)


def refuted_at(place: Place, seed: int, budget: int) -> Refutation:
    """Search for a violation of a planted falsehood among `budget` instances, then those of the adversary; contract the first.

    What is met and clear need not survive shuffled rounding: what contraction leaves of it must. Where that fails, all is done again
    with care. A falsehood that is undefined on a thousand instances is broken, and is given up.
    """
    falsehood = place.load()
    try:
        return _refuted(falsehood, seed, budget, UNSHUFFLED)
    except InvalidArgument:
        return _refuted(falsehood, seed, budget, IN_FULL)


def searched(theorem: Theorem, seed: int, budget: int, pursue: int | None = None, shuffles: Shuffles = IN_FULL) -> Tally:
    """Samples, then the islands of the adversary one after the other, up to the first violation; given up where all is undefined.

    Parameters
    ----------
    theorem : Theorem
    seed, budget : int
        At most so many samples.
    pursue : int or None
        Candidates for the adversary: see `pursuit_budget`.
    shuffles : Shuffles
        What a violation among the samples must survive.

    """
    total, size = Tally(), _FIRST
    while total.violation is None and total.tried < budget:
        total, size = total + tallied(theorem, seed, total.tried, min(total.tried + size, budget), shuffles), min(2 * size, RANGE)
        if total.undefined >= _BROKEN:
            return total
    if total.violation is None:
        for island in pursuits(theorem, seed, total, pursuit_budget(budget, pursue)):
            total = total + pursued(theorem, *island).tally
            if total.found is not None:
                break
    return total


def _refuted(falsehood: Theorem, seed: int, budget: int, shuffles: Shuffles) -> Refutation:
    total = searched(falsehood, seed, budget, shuffles=shuffles)
    if total.violation is None and total.found is None:
        return Refutation(total)
    with threadpool_limits(1):  # rounding modes are a thread's own
        return Refutation(total, contracted(falsehood, met_at(falsehood, seed, total.violation, total.found), seed))


def contracted_at(place: Place, seed: int, index: int | None, first: Choices | None = None) -> Contraction:
    """Contract the violation at an index, or the adversary's `first`."""
    theorem = place.load()
    with threadpool_limits(1):  # rounding modes are a thread's own
        return contracted(theorem, met_at(theorem, seed, index, first), seed)


def replayed_at(place: Place, choices: Choices) -> bool:
    """Whether the instance of these choices still violates the claim."""
    with threadpool_limits(1):  # rounding modes are a thread's own
        return violates(place.load(), choices)


def certified_at(place: Place, choices: Choices) -> Certified:
    """Evaluate a counterexample in rationals and balls."""
    from theorycheck.search.certification import Certificate, certify  # the balls are only imported where there is something to certify

    theorem = place.load()
    with threadpool_limits(1):  # rounding modes are a thread's own
        seen = judged(theorem, theorem.ambient.replay(choices))
        if seen.entry is None:
            return Certified(False, "not certified: the instance no longer violates the claim")
        answer = certify(Counterexample(theorem, choices, seen.instance, seen.entry, 0, None, choices))
    return Certified(isinstance(answer, Certificate), str(answer), answer.as_json() if isinstance(answer, Certificate) else {})


def shared_at(place: Place, instances: int, seed: int) -> tuple[CertifiedShare, tuple[int, ...]]:
    """How many of a theorem's first instances are certified; and those on which it holds in floats and fails for certain."""
    from theorycheck.search.certification import certified_share

    with threadpool_limits(1):  # rounding modes are a thread's own
        share = certified_share(place.load(), instances, seed)
    return CertifiedShare(share.tried, share.held, share.certified, tuple(share.reasons.most_common())), share.violated


def settled_at(place: Place, index: int) -> Settled:
    """Look for a proof of identity number `index` of a theorem."""
    from sympy.core.cache import clear_cache  # SymPy is only imported where there is something to prove

    from theorycheck.symbolic.identities import Proof

    clear_cache()  # what a claim made SymPy compute under another rounding mode must not reach a proof
    identity = place.load().identities[index]
    answer = identity.prove()
    return Settled(str(identity), isinstance(answer, Proof), str(answer))


def answered(task: Task) -> tuple[Any, float]:
    """A task's answer and its seconds; `Failed` where it raises, ``exit()`` included."""
    started = perf_counter()
    try:
        answer = task.function(*task.arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a theorem file may raise anything; the other theorems go on
        answer = Failed(f"{type(error).__name__}: {error}")
    return answer, perf_counter() - started
