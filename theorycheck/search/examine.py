"""examine: one instance under the lens, every premise, both sides, bars and standing."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import Any

from theorycheck.search.confirmation import confirmed_claim
from theorycheck.search.evaluation import Broken, claim_of, guarded, premise_holds
from theorycheck.search.screening import SCREEN
from theorycheck.statements.comparisons import Comparison, Standing
from theorycheck.statements.theorems import Theorem, require_theorem


@dataclass(frozen=True)
class Examination:
    """One instance of a theorem, as it is: nothing is enforced.

    Parameters
    ----------
    theorem : Theorem
    instance : object
    premises : dict of str to bool
        Whether each premise holds of the instance (too close, or violated by less than 1e-6, counts as holding).
    comparison : Comparison or None
        The claim, confirmed where it is a violation or a near-tie; None where it could not be evaluated.
    standing : Standing
        Of the claim, whatever the premises say.
    problem : str or None
        Why the claim is undefined.

    """

    theorem: Theorem
    instance: Any
    premises: dict[str, bool]
    comparison: Comparison | None
    standing: Standing
    problem: str | None = None

    @property
    def admitted(self) -> bool:
        """Whether every premise holds."""
        return all(self.premises.values())

    def __str__(self) -> str:
        lines = [f"{self.theorem.name}: {self.standing.value}" + ("" if self.admitted else ", outside the premises")]
        lines += [f"  {p.statement}: {'holds' if self.premises[p.name] else 'fails'}" for p in self.theorem.premises]
        lines.append(f"  {self.comparison if self.comparison is not None else self.problem}")
        return "\n".join(lines)


def examine(theorem: Theorem, instance: Any) -> Examination:
    """Evaluate every premise and the claim on one instance, with confirmation where it is called for."""
    require_theorem(theorem)
    premises: dict[str, bool] = {}
    for premise in theorem.premises:
        held = guarded(lambda: premise_holds(premise, instance), SCREEN)  # noqa: B023 - used at once
        if isinstance(held, Broken):
            return Examination(
                theorem, instance, premises | {premise.name: False}, None, Standing.UNDEFINED, f"premise `{premise.name}`: {held.reason}"
            )
        premises[premise.name] = held is not False
    result = guarded(lambda: claim_of(theorem, instance, SCREEN), SCREEN)
    if not isinstance(result, Broken) and result.worst.doubtful:
        result = confirmed_claim(theorem, lambda: _anew(instance), result, as_is=True)
    if isinstance(result, Broken):
        return Examination(theorem, instance, premises, None, Standing.UNDEFINED, result.reason)
    return Examination(theorem, instance, premises, result, result.standing)


def _anew(instance: Any) -> Any:
    """The instance without what it has cached."""
    return replace(instance) if is_dataclass(instance) and not isinstance(instance, type) else instance
