"""What workers run: an address goes in, a light answer comes out, and whatever a theorem file raises is an answer too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.library import Address
from theorycheck.search.adversary import pursued, pursuits
from theorycheck.search.check import counterexample_at, pursuit_budget, ranges
from theorycheck.search.contraction import contracted
from theorycheck.search.reports import Settled
from theorycheck.search.tallies import tallied
from theorycheck.search.verdicts import Choices, Tally
from theorycheck.search.witnesses import violates
from theorycheck.statements.theorems import Theorem

_BROKEN = 1000


@dataclass(frozen=True)
class Failed:
    """A task that raised: the sentence, in place of an answer."""

    sentence: str


@dataclass(frozen=True)
class Refutation:
    """What was found against a falsehood: the tally, and the contracted choices of the first violation."""

    tally: Tally
    choices: Choices | None = None
    exhausted: bool = False


@dataclass(frozen=True)
class Task:
    """One piece of work of a run: a function, its arguments, and to which entry and subject of the run the answer belongs."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    entry: int
    subject: int = 0


def refuted_at(address: Address, seed: int, budget: int) -> Refutation:
    """Search for a violation of a planted falsehood among `budget` instances, then those of the adversary; contract the first.

    A falsehood that is undefined on a thousand instances is broken, and is given up.
    """
    falsehood, total = address.load(), Tally()
    for span in ranges(budget):
        total = total + tallied(falsehood, seed, *span)
        if total.violation is not None:
            return _contracted(falsehood, seed, total, falsehood.ambient.sample(seed, total.violation).choices)
        if total.undefined >= _BROKEN:
            return Refutation(total)
    for island in pursuits(falsehood, seed, total, pursuit_budget(budget)):
        total = total + pursued(falsehood, *island).tally
        if total.found is not None:
            return _contracted(falsehood, seed, total, total.found)
    return Refutation(total)


def _contracted(falsehood: Theorem, seed: int, total: Tally, first: Choices) -> Refutation:
    with threadpool_limits(1):  # rounding modes are a thread's own
        return Refutation(total, *contracted(falsehood, first, seed))


def contracted_at(address: Address, seed: int, index: int | None, first: Choices | None = None) -> tuple[Choices, bool]:
    """Contract the violation at an index, or the adversary's `first`: what remains, and whether all simpler ones of its length were tried."""
    found = counterexample_at(address.load(), seed, index, first=first)
    return found.choices, found.exhausted


def replayed_at(address: Address, choices: Choices) -> bool:
    """Whether the instance of these choices still violates the claim."""
    with threadpool_limits(1):  # rounding modes are a thread's own
        return violates(address.load(), choices)


def settled_at(address: Address, index: int) -> Settled:
    """Look for a proof of identity number `index` of a theorem."""
    from sympy.core.cache import clear_cache  # SymPy is only imported where there is something to prove

    from theorycheck.symbolic.identities import Proof

    clear_cache()  # what a claim made SymPy compute under another rounding mode must not reach a proof
    identity = address.load().identities[index]
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
