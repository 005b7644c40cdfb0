"""Tighten: how much of a bound is used at most, where, and which other bounds still hold.

For each inequality of a claim: the largest ratio of its lesser side to its greater, by sampling and then by local searches from
the instances that came nearest, in each size; the instance that attains it; whether it attains equality, and the simplest that
does; the largest ratio by depth, width, dimension and conditioning; and a power fitted to that where it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from theorycheck.errors import require_whole
from theorycheck.library import Address, address_of
from theorycheck.search.breakdown import Exponent, Row, fitted, names_of, rows_of
from theorycheck.search.features import Features, features_of
from theorycheck.search.places import place_of
from theorycheck.search.pressing import Sight, sight_of, simplest_at
from theorycheck.search.surveys import Effort, Survey, surveyed
from theorycheck.search.verdicts import Counterexample, shown
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem, require_theorem

BUDGET = 300  # evaluations of one local search


@dataclass(frozen=True)
class Bound:
    """One inequality of the claim.

    Parameters
    ----------
    label : str
    seen : int
        Admitted instances on which it says something.
    extreme : Sight
        The instance that uses most of it.
    instance : object
        That instance, after enforcement.
    typical : float
        Median ratio over the samples.
    attained : bool
        Whether both sides agree within their bars on ``instance``, which is then the simplest found with this property.
    exhausted : bool
        Every simpler one of as many numbers was tried.
    rows : dict of str to tuple of Row
        The largest ratio by feature.
    exponents : tuple of Exponent

    """

    label: str
    seen: int
    extreme: Sight
    instance: Any
    typical: float
    attained: bool
    exhausted: bool
    rows: dict[str, tuple[Row, ...]]
    exponents: tuple[Exponent, ...]

    @property
    def ratio(self) -> float:
        """The largest share of the bound that is used."""
        return self.extreme.ratio


@dataclass(frozen=True)
class Candidate:
    """Another bound on the same instances: its least slack and where, its median ratio, and what refutes it."""

    theorem: Theorem
    slack: float
    label: str
    ratio: float
    typical: float
    counterexample: Counterexample | None

    @property
    def holds(self) -> bool:
        """Whether nothing refuted it."""
        return self.counterexample is None


@dataclass(frozen=True)
class Tightness:
    """The answer of `tighten`.

    Parameters
    ----------
    theorem : Theorem
    tried, admitted : int
        Samples; local searches are counted in ``evaluations``.
    bounds : tuple of Bound
        The inequalities of the claim; none where it only claims equalities.
    candidates : tuple of Candidate
        With the bound as stated among them, if there are any. Those that hold first, the sharpest of them first: by median ratio.
    counterexample : Counterexample or None
        To the theorem itself.
    problems : tuple of str
    seed : int
    evaluations : int
        At most so many in local searches.
    seconds : float

    """

    theorem: Theorem
    tried: int
    admitted: int
    bounds: tuple[Bound, ...]
    candidates: tuple[Candidate, ...]
    counterexample: Counterexample | None
    problems: tuple[str, ...]
    seed: int
    evaluations: int
    seconds: float

    def __str__(self) -> str:
        lines = [f"{self.theorem.name}: {self.admitted} of {self.tried} instances admitted (seed {self.seed})"]
        for b in self.bounds:
            lines.append(
                f"{b.label}: at most {b.ratio:.9g} of the bound is used, {'attained' if b.attained else 'not attained'}; {shown(b.instance)}"
            )
        for c in self.candidates:
            lines.append(f"{c.theorem.name}: {'holds' if c.holds else 'falls'}, least slack {c.slack:+.3g}, median ratio {c.typical:.3g}")
        if self.counterexample is not None:
            lines.append(f"counterexample: {self.counterexample}")
        return "\n".join((*lines, *self.problems))

    def _repr_html_(self) -> str:
        from theorycheck.search.display import tightness_table

        return tightness_table(self)


def tighten(
    theorem: Theorem,
    candidates: Sequence[Theorem] = (),
    instances: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    *,
    features: Features | None = None,
    budget: int = BUDGET,
    workers: Workers | None = None,
    address: Address | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Tightness:
    """Seek the instances that use most of each inequality of a claim.

    Parameters
    ----------
    theorem : Theorem
    candidates : sequence of Theorem
        Other bounds for the same quantities, made by ``theorem.claiming(name, claim)``.
    instances : int
        Samples to draw.
    seed : int
    jobs : int
        Processes. More than one needs a theorem that lives in a file; the answer is the same for any number.
    features : mapping of str to callable, optional
        What to break the ratio down by, each a function of the instance; what the instance offers unless given.
    budget : int
        Evaluations of one local search; 0 for sampling only.
    workers : Workers, optional
        An open pool to use instead of `jobs`.
    address : Address, optional
        Where workers find the theorem; found without help for a theorem as its file lists it.
    progress : callable, optional
        Called with tasks done and tasks known so far.

    Returns
    -------
    Tightness

    Raises
    ------
    InvalidArgument
        If a count is out of range, or workers are asked for and a theorem has no address.

    """
    require_theorem(theorem)
    require_whole("instances", instances, 1, 1000)
    require_whole("jobs", jobs, 1, 1)
    require_whole("budget", budget, 0, 400)
    if workers is None and jobs > 1:
        with Workers(jobs) as opened:
            return tighten(theorem, candidates, instances, seed, features=features, budget=budget, workers=opened, address=address, progress=progress)
    started = perf_counter()
    effort = Effort(instances, seed, budget, features, workers, progress)
    survey = surveyed(effort, theorem, place_of(theorem, workers, address))
    others = [_candidate(theorem, survey)] if candidates else []
    for candidate in candidates:
        near = address or (address_of(theorem) if workers is not None else None)
        place = place_of(candidate, workers, near and replace(near, theorem=candidate.name))
        others.append(_candidate(candidate, surveyed(effort, candidate, place)))
    return Tightness(
        theorem,
        survey.tried,
        survey.tried - survey.rejected - survey.undefined,
        tuple(_bound(effort, survey, label) for label in survey.labels),
        tuple(sorted(others, key=lambda c: (not c.holds, -c.typical, -c.ratio) if c.holds else (True, c.slack, 0.0))),
        survey.counterexample,
        tuple(dict.fromkeys((*survey.problems, *effort.problems))),
        seed,
        effort.evaluations,
        perf_counter() - started,
    )


def _bound(effort: Effort, survey: Survey, label: str) -> Bound:
    sights, theorem = survey.of(label), survey.theorem
    extreme = min(sights, key=lambda s: (s.slack, len(s.choices), s.choices))
    equal = min((s for s in sights if s.equal), key=lambda s: (len(s.choices), sum(s.choices)), default=None)
    asked = [] if equal is None else [(survey.place, label, equal.choices, effort.seed)]
    simplest = next(effort.answers(simplest_at, asked), None)
    best, instance = sight_of(theorem, extreme.choices if simplest is None else simplest.choices, label)
    rows = {name: rows_of(name, sights) for name in names_of(sights)}
    return Bound(
        label,
        sum(s.label == label for s in survey.seen.sights),
        replace(best, features=features_of(instance, effort.features)),
        instance,
        float(np.median([s.ratio for s in survey.seen.sights if s.label == label])),
        simplest is not None,
        simplest is not None and simplest.exhausted,
        {name: found for name, found in rows.items() if len(found) > 1},
        tuple(fit for name, found in rows.items() if (fit := fitted(name, found)) is not None),
    )


def _candidate(theorem: Theorem, survey: Survey) -> Candidate:
    sights = (*survey.seen.sights, *survey.pressed)
    if not sights:
        return Candidate(theorem, float("nan"), "no inequality", float("nan"), float("-inf"), None)
    worst = min(sights, key=lambda s: s.slack)
    typical = float(np.median([s.ratio for s in survey.seen.sights]))
    return Candidate(theorem, worst.slack, worst.label, worst.ratio, typical, survey.counterexample)
