"""From a tally to its verdict, and from a violation to its counterexample."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from theorycheck.search.contraction import Contraction, contracted
from theorycheck.search.evaluation import admission
from theorycheck.search.verdicts import Choices, Counterexample, Outcome, Tally, Verdict
from theorycheck.statements.theorems import Theorem


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
        sample=total.sample,
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


def met_at(theorem: Theorem, seed: int, index: int | None, first: Choices | None) -> Choices:
    """The choices of a violation as it was met: those of a sample by its index, or the adversary's own, `first`."""
    if index is None and first is not None:
        return first
    choices: Choices = theorem.ambient.sample(seed, index or 0).choices
    return choices


def counterexample_at(
    theorem: Theorem, seed: int, index: int | None, found: Contraction | None = None, *, first: Choices | None = None
) -> Counterexample:
    """The counterexample met at an index (None for the adversary's, met at `first`), contracted unless `found` is what remains of it."""
    with threadpool_limits(1):  # rounding modes are a thread's own
        met = met_at(theorem, seed, index, first)
        if found is None:
            found = contracted(theorem, met, seed)
        instance = admission(theorem, theorem.ambient.replay(found.choices).value).instance
    return Counterexample(theorem, found.choices, instance, found.entry, seed, index, met, found.exhausted)
