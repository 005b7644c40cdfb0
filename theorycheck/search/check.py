"""Check: does the statement hold, on as many instances as asked for, and on the hardest that the adversary can make of them.

Work is cut into fixed ranges whose tallies add up in order and end at the lowest violating index, so any number of jobs
gives the same verdict and the same counterexample. What travels to a worker is an address, a seed and a range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

from theorycheck.errors import require_whole
from theorycheck.library import Address
from theorycheck.search.entries import lone_entry
from theorycheck.search.loop import verdicts
from theorycheck.search.places import place_of
from theorycheck.search.verdicts import Tally, Verdict
from theorycheck.search.workers import TIME_LIMIT, Workers
from theorycheck.statements.theorems import Theorem, require_theorem

Progress = Callable[[Tally], Any]


def check(
    theorem: Theorem,
    instances: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    *,
    pursue: int | None = None,
    time_limit: float | None = TIME_LIMIT,
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
    time_limit : float or None
        Seconds for a single evaluation of an instance; one that takes longer is undefined. Only a worker can be ended: with
        one job, which runs in this process, there is no limit.
    progress : callable, optional
        Called with the running tally of the samples.
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
        If a count is below 1, or workers are asked for and the theorem has no address.

    """
    require_theorem(theorem)
    require_whole("instances", instances, 1, 1000)
    require_whole("jobs", jobs, 1, 1)
    started = perf_counter()
    if workers is None and jobs > 1:
        with Workers(jobs, time_limit=time_limit) as opened:
            return check(theorem, instances, seed, pursue=pursue, progress=progress, workers=opened, address=address)
    entry = lone_entry(theorem, place_of(theorem, workers, address), seed, instances, pursue=pursue)
    (verdict,) = verdicts([entry], workers, None if progress is None else lambda running: progress(running.tally))
    return replace(verdict, seconds=perf_counter() - started)
