"""Ablate: which premises a statement needs.

Each premise is dropped in turn, its map with it, and the claim is tried where the dropped premise fails: an instance on which it
holds says nothing about whether it is needed. So what was dropped comes back as its negation, the last of the premises; the
instances it admits are the tries *outside*, and the smallest counterexample lies outside too. Where none of the instances lies
outside, as many again are drawn toward their simplest numbers: some premises fail at zeros only. Where no single premise is seen to
matter, pairs are dropped, and tried where both fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from time import perf_counter

from theorycheck.errors import InvalidArgument, require_whole
from theorycheck.library import Address
from theorycheck.search.entries import Progress, lone_entry
from theorycheck.search.loop import verdicts
from theorycheck.search.outside import OUTSIDE, DroppedAddress, Names, outside
from theorycheck.search.places import Here, Place, place_of
from theorycheck.search.verdicts import Counterexample, Outcome, Tightest, Verdict
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Premise, Theorem, require_theorem

FEW = 10  # fewer tries outside than this are hardly any


class Need(Enum):
    """What dropping a premise did."""

    NEEDED = "needed"
    WELL_POSEDNESS = "well-posedness"
    NOT_SEEN_TO_MATTER = "not seen to matter"
    NEVER_LEFT = "never left"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Dropped:
    """What happened when a premise, or a pair of them, was dropped.

    Parameters
    ----------
    premises : tuple of Premise
        Dropped together.
    need : Need
        NEEDED: a counterexample outside. WELL_POSEDNESS: the claim is undefined on instances outside, and violated on none.
        NOT_SEEN_TO_MATTER: neither. NEVER_LEFT: no instance tried lies outside, so the answer is worth nothing. UNDECIDED: the
        statement has the same trouble with every premise in place, or too much was lost to say.
    verdict : Verdict
        Of the statement outside: ``admitted`` counts the tries outside.
    simplified : bool
        No plain instance lay outside; the verdict is about as many drawn toward their simplest numbers.

    """

    premises: tuple[Premise, ...]
    need: Need
    verdict: Verdict
    simplified: bool = False

    @property
    def name(self) -> str:
        """Names of the premises, joined."""
        return " and ".join(p.name for p in self.premises)

    @property
    def tried(self) -> int:
        """Instances drawn."""
        return self.verdict.tried

    @property
    def outside(self) -> int:
        """Instances that violate what was dropped and satisfy the rest."""
        return self.verdict.admitted

    @property
    def stayed(self) -> int:
        """Instances that satisfy what was dropped all the same."""
        return self.verdict.rejected.get(OUTSIDE, 0)

    @property
    def hardest(self) -> Tightest | None:
        """The instance outside that came nearest to a violation."""
        return self.verdict.tightest

    @property
    def counterexample(self) -> Counterexample | None:
        """The smallest counterexample found outside."""
        return self.verdict.counterexample

    @property
    def sentence(self) -> str:
        """What the answer is worth, in words."""
        v, drawn = self.verdict, "instances drawn toward their simplest numbers" if self.simplified else "instances"
        tries = f"{self.outside} of {self.tried} {drawn} lie outside"
        elsewhere = ", ".join(f"`{n}` rejected {c}" for n, c in v.rejected.items() if n != OUTSIDE)
        whose = f"{self.stayed} satisfy it all the same" + (f", {elsewhere}" if elsewhere else "")
        if self.need is Need.NEEDED:
            return "without it the claim fails"
        if self.need is Need.NEVER_LEFT:
            more = ", nor of as many drawn toward their simplest numbers," if self.simplified else ""
            remedy = "this says nothing; widen the recipe, or give an enforce to the others"
            return f"none of {self.tried} instances{more} lies outside ({whose}): {remedy}"
        if self.need is Need.WELL_POSEDNESS:
            undefined = f"undefined on {v.undefined} of {self.tried} {drawn}"
            return f"without it the claim is {undefined}, and violated on none: {next(iter(v.problems), '')}"
        if self.need is Need.UNDECIDED:
            return "; ".join(v.problems) or "the statement is undefined with every premise in place"
        return tries + (
            f", hardly any ({whose})"
            if self.outside < FEW
            else f"; {v.holds} hold, {v.too_close} are too close to call, and the adversary made nothing of them in {v.pursued} attempts"
        )


@dataclass(frozen=True)
class Ablation:
    """The answer of `ablate`.

    Parameters
    ----------
    theorem : Theorem
    baseline : Verdict
        Of the statement as it stands.
    dropped : tuple of Dropped
        A premise each, in their order; then the pairs.
    seed : int
    seconds : float

    """

    theorem: Theorem
    baseline: Verdict
    dropped: tuple[Dropped, ...]
    seed: int
    seconds: float

    def need(self, *premises: Premise | str) -> Need:
        """What dropping these premises together did."""
        wanted = {p if isinstance(p, str) else p.name for p in premises}
        for d in self.dropped:
            if {p.name for p in d.premises} == wanted:
                return d.need
        tried = ", ".join(d.name for d in self.dropped) or "none"
        raise InvalidArgument("premises", sorted(wanted), "were not dropped together", f"choose among {tried}")

    def __str__(self) -> str:
        lines = [f"{self.theorem.name}: {self.baseline.outcome.name} as it stands (seed {self.seed})"]
        for d in self.dropped:
            lines.append(f"without {d.name}: {d.need.name}, {d.sentence}")
            if d.counterexample is not None:
                lines.append(f"counterexample: {d.counterexample}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from theorycheck.search.display import ablation_table

        return ablation_table(self)


def ablate(
    theorem: Theorem,
    instances: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    *,
    variants: Sequence[Theorem] = (),
    workers: Workers | None = None,
    address: Address | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Drop each premise in turn, and pairs of those that do nothing alone.

    Parameters
    ----------
    theorem : Theorem
    instances : int
        How many to draw for each premise.
    seed : int
    jobs : int
        Processes. More than one needs a theorem that lives in a file; the answer is the same for any number.
    variants : sequence of Theorem
        Statements made by ``theorem.without(premise, enforce=...)``: each takes the place of the plain ``theorem.without(premise)``.
        A joint map of the theorem is lost with any premise; this is how another takes its place.
    workers : Workers, optional
        An open pool to use instead of `jobs`; a claim that hangs or kills its process is then survived.
    address : Address, optional
        Where workers find the theorem; found without help for a theorem as its file lists it.
    progress : callable, optional
        Called with where the run is.

    Returns
    -------
    Ablation

    Raises
    ------
    InvalidArgument
        If a count is below 1, or workers are asked for and the theorem has no address.

    """
    require_theorem(theorem)
    require_whole("instances", instances, 1, 1000)
    require_whole("jobs", jobs, 1, 1)
    if workers is None and jobs > 1:
        with Workers(jobs) as opened:
            return ablate(theorem, instances, seed, jobs, variants=variants, workers=opened, address=address, progress=progress)
    started = perf_counter()
    ask = _Asker(theorem, instances, seed, tuple(variants), workers, address, progress)
    (baseline,) = ask([()])
    found = _dropped(ask, [(p.name,) for p in theorem.premises], baseline)
    idle = [d.premises[0].name for d in found if d.need in (Need.NOT_SEEN_TO_MATTER, Need.NEVER_LEFT)]
    found += _dropped(ask, list(combinations(idle, 2)), baseline)
    return Ablation(theorem, baseline, tuple(found), seed, perf_counter() - started)


@dataclass(frozen=True)
class _Asker:
    """Verdicts of the statement without some premises, in this process or by workers."""

    theorem: Theorem
    instances: int
    seed: int
    variants: tuple[Theorem, ...]
    workers: Workers | None
    address: Address | None
    progress: Progress | None

    def __call__(self, questions: Sequence[Names], simplified: bool = False) -> list[Verdict]:
        asked = [(self._statement(names, simplified), names) for names in questions]
        entries = [lone_entry(t, self._place(t, names, simplified), self.seed, self.instances, number) for number, (t, names) in enumerate(asked)]
        return list(verdicts(entries, self.workers, self.progress))

    def _place(self, statement: Theorem, names: Names, simplified: bool) -> Place:
        base = place_of(self.theorem, self.workers, self.address)
        if isinstance(base, Here) or not names:
            return Here(statement) if isinstance(base, Here) else base
        variant = self._variant(names)
        return DroppedAddress(base.path, base.theorem, base.data, names, variant.name if variant is not None else None, simplified)

    def _statement(self, names: Names, simplified: bool) -> Theorem:
        return outside(self.theorem, names, self._variant(names), simplified=simplified) if names else self.theorem

    def _variant(self, names: Names) -> Theorem | None:
        kept = {p.name for p in self.theorem.premises} - set(names)
        return next((v for v in self.variants if {p.name for p in v.premises} == kept), None)


def _dropped(ask: _Asker, questions: list[Names], baseline: Verdict) -> list[Dropped]:
    """What happens without each of these; asked again with simplified instances where no plain one lies outside."""
    found = dict(zip(questions, ask(questions), strict=True))
    never = [names for names, verdict in found.items() if _need(verdict, baseline) is Need.NEVER_LEFT]
    found |= zip(never, ask(never, simplified=True), strict=True)
    premises = {names: tuple(p for p in ask.theorem.premises if p.name in names) for names in questions}
    return [Dropped(premises[names], _need(verdict, baseline), verdict, names in never) for names, verdict in found.items()]


def _need(verdict: Verdict, baseline: Verdict) -> Need:
    if verdict.counterexample is not None:
        return Need.NEEDED
    if baseline.outcome is Outcome.REFUTED or (verdict.undefined and baseline.undefined):
        return Need.UNDECIDED
    if verdict.undefined:
        return Need.WELL_POSEDNESS
    if verdict.outcome is Outcome.INCONCLUSIVE and verdict.problems and verdict.admitted == 0:
        return Need.UNDECIDED
    return Need.NOT_SEEN_TO_MATTER if verdict.admitted else Need.NEVER_LEFT
