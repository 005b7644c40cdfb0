"""Check: does the statement hold, on as many instances as asked for, and on the hardest that the adversary can make of them.

Work is cut into fixed ranges whose tallies add up in order and end at the lowest violating index, so any number of jobs
gives the same verdict and the same counterexample. What travels to a worker is an address, a seed and a range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument
from theorycheck.library import Address, address_of
from theorycheck.search.adversary import Pursuit, pursued, pursuits
from theorycheck.search.contraction import contracted
from theorycheck.search.tallies import judged, tallied
from theorycheck.search.verdicts import Choices, Counterexample, Outcome, Tally, Verdict
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem

RANGE = 64
_SHARE = 4

Progress = Callable[[Tally], Any]


def check(
    theorem: Theorem,
    instances: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    *,
    pursue: int | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
    address: Address | None = None,
) -> Verdict:
    """Try a theorem on `instances` instances and contract what refutes it.

    Parameters
    ----------
    theorem : Theorem
    instances : int
        How many to draw; those the premises reject count as tried.
    seed : int
    jobs : int
        Processes. More than one needs a theorem that lives in a file; the verdict is the same for any number.
    pursue : int, optional
        Candidates that the adversary may try after the samples, starting from the nearest of them: a quarter of the instances
        unless given; 0 for none.
    progress : callable, optional
        Called with the running tally.
    workers : Workers, optional
        An open pool to use instead of `jobs`.
    address : Address, optional
        Where workers find the theorem. Needed for one bound to data, ``Address(path, name, (X, y))``; found without help for
        a theorem as its file lists it.

    Returns
    -------
    Verdict

    Raises
    ------
    InvalidArgument
        If a count is below 1, workers are asked for and the theorem has no address, or the claim is not a function of its
        instance.
    WorkerLost
        If a range of instances kills its worker twice.

    """
    if instances < 1 or jobs < 1:
        raise InvalidArgument("instances, jobs", (instances, jobs), "must be at least 1", "pass instances=1000, jobs=1")
    started = perf_counter()
    if workers is None and jobs > 1:
        with Workers(jobs) as opened:
            return check(theorem, instances, seed, jobs, pursue=pursue, progress=progress, workers=opened, address=address)
    total = Tally()
    for tally in _tallies(theorem, instances, seed, workers, address):
        total = total + tally
        if progress is not None:
            progress(total)
        if total.violation is not None:
            break
    for pursuit in _pursuits(theorem, seed, total, pursuit_budget(instances, pursue), workers, address):
        total = total + pursuit.tally
        if progress is not None:
            progress(total)
        if total.found is not None:
            break
    refuted = total.violation is not None or total.found is not None
    counterexample = counterexample_at(theorem, seed, total.violation, first=total.found) if refuted else None
    return verdict_of(theorem, total, counterexample, seed, perf_counter() - started)


def pursuit_budget(instances: int, pursue: int | None = None) -> int:
    """Candidates for the adversary: see `check`."""
    return instances // _SHARE if pursue is None else pursue


def verdict_of(theorem: Theorem, total: Tally, counterexample: Counterexample | None, seed: int, seconds: float) -> Verdict:
    """The verdict that a tally amounts to."""
    outcome = total.outcome(theorem.tight)
    return Verdict(
        theorem=theorem,
        outcome=outcome,
        tried=total.tried,
        admitted=total.admitted,
        rejected=dict(total.rejected),
        holds=total.holds,
        too_close=total.too_close,
        undefined=total.undefined,
        tightest=total.tightest,
        counterexample=counterexample,
        problems=(*map(str, total.problems), *_why(outcome, total)),
        seed=seed,
        seconds=seconds,
        pursued=total.pursued,
    )


def _why(outcome: Outcome, total: Tally) -> tuple[str, ...]:
    """What to do about an outcome that says nothing else."""
    if outcome is Outcome.VACUOUS:
        if not total.rejected:
            return (f"{total.tried} instances are too few to say anything; ask for more",)
        named = ", ".join(f"`{name}` rejected {count}" for name, count in total.rejected.most_common())
        remedy = "give the premise an enforce, or widen the recipe"
        return (f"only {total.admitted} of {total.tried} instances satisfy the premises ({named}); {remedy}",)
    if outcome is Outcome.INCONCLUSIVE and not total.problems:
        counts = f"only {total.holds} of {total.admitted} admitted instances hold beyond their bars, {total.too_close} are too close to call"
        return (f"{counts}; if equality is attained, say tight=True",)
    return ()


def counterexample_at(
    theorem: Theorem, seed: int, index: int | None, choices: Choices | None = None, exhausted: bool = False, *, first: Choices | None = None
) -> Counterexample:
    """The counterexample found at an index (None for the adversary's, met at `first`), contracted, or as `choices` where that was done."""
    with threadpool_limits(1):  # rounding modes are a thread's own
        met: Choices = first if index is None and first is not None else theorem.ambient.sample(seed, index or 0).choices
        if choices is None:
            choices, exhausted = contracted(theorem, met, seed)
        result = judged(theorem, theorem.ambient.replay(choices))
    if result.entry is None or not result.violates:
        raise InvalidArgument(
            "choices", choices, "no longer violate the claim", "the claim is not a function of its instance: remove hidden randomness or state"
        )
    return Counterexample(theorem, choices, result.instance, result.entry, seed, index, met, exhausted)


def ranges(instances: int) -> Iterator[tuple[int, int]]:
    """The fixed ranges (start, stop) into which a run of so many instances is cut."""
    return ((start, min(start + RANGE, instances)) for start in range(0, instances, RANGE))


def _tallies(theorem: Theorem, instances: int, seed: int, workers: Workers | None, address: Address | None) -> Iterator[Tally]:
    """The tallies of successive ranges, in order."""
    if workers is None:
        yield from (tallied(theorem, seed, *span) for span in ranges(instances))
        return
    address = address or address_of(theorem)
    if address is None:
        rule = f"needs `{theorem.name}` as a file lists it in THEOREMS or FALSE"
        raise InvalidArgument("jobs", workers.jobs, rule, "pass jobs=1, or say address=")
    yield from workers.in_order(tallied_at, [(address, seed, *span) for span in ranges(instances)])


def _pursuits(theorem: Theorem, seed: int, total: Tally, budget: int, workers: Workers | None, address: Address | None) -> Iterator[Pursuit]:
    """What the islands found, in order."""
    tasks = pursuits(theorem, seed, total, budget)
    if workers is None:
        yield from (pursued(theorem, *task) for task in tasks)
        return
    address = address or address_of(theorem)
    yield from workers.in_order(pursued_at, [(address, *task) for task in tasks])


def pursued_at(address: Address, seed: int, starts: tuple[Choices, ...], island: int, budget: int) -> Pursuit:
    """What a worker runs."""
    return pursued(address.load(), seed, starts, island, budget)


def tallied_at(address: Address, seed: int, start: int, stop: int) -> Tally:
    """What a worker runs."""
    return tallied(address.load(), seed, start, stop)
