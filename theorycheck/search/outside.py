"""A statement without some of its premises, tried where they fail; see `ablation`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from theorycheck.instances.recipes import Recipe
from theorycheck.instances.simplified import Simplified
from theorycheck.library import Address
from theorycheck.search.evaluation import premise_holds
from theorycheck.statements.comparisons import Comparison
from theorycheck.statements.theorems import Premise, Theorem

OUTSIDE = "outside"

Names = tuple[str, ...]


@dataclass(frozen=True)
class DroppedAddress(Address):
    """Where a worker finds a theorem without some of its premises."""

    dropped: Names = ()
    variant: str | None = None
    simplified: bool = False

    def load(self) -> Theorem:
        """The theorem, tried outside what was dropped."""
        base = Address(self.path, self.theorem, self.data)
        variant = None if self.variant is None else replace(base, theorem=self.variant).load()
        return outside(base.load(), self.dropped, variant, simplified=self.simplified)


def outside(theorem: Theorem, dropped: Names, variant: Theorem | None = None, *, simplified: bool = False) -> Theorem:
    """The statement without the named premises, on the instances that violate each of them.

    Parameters
    ----------
    theorem : Theorem
    dropped : tuple of str
    variant : Theorem, optional
        The statement without them, where another map takes the place of a joint one.
    simplified : bool
        Draw toward the simplest instances.

    """
    wider = variant
    if wider is None:
        wider = theorem
        for name in dropped:
            wider = wider.without(name)
    gone = tuple(p for p in theorem.premises if p.name in dropped)

    def lies_outside(instance: Any) -> bool:
        return all(fails(p, instance) for p in gone)

    negation = Premise(OUTSIDE, "none of: " + ", ".join(p.statement for p in gone), lies_outside)
    kept = (replace(p, holds=partial(_where, lies_outside, p)) for p in wider.premises)
    ambient = Simplified(wider.ambient.function, wider.ambient.bind) if simplified and isinstance(wider.ambient, Recipe) else wider.ambient
    return replace(wider, ambient=ambient, premises=(*kept, negation), of=theorem)  # the negation last: no map can be blamed for it


def _where(lies_outside: Callable[[Any], bool], kept: Premise, instance: Any) -> bool | Comparison:
    """A premise that stays, asked of no instance inside: one on which it is undefined says nothing of what was dropped."""
    return kept.holds(instance) if lies_outside(instance) else True


def fails(premise: Premise, instance: Any) -> bool:
    """Whether a premise fails by more than rounding can do."""
    return premise_holds(premise, instance) is False


def variants_of(theorem: Theorem, falsehoods: Sequence[Theorem]) -> tuple[Theorem, ...]:
    """Those falsehoods that drop one premise of the theorem and put a map of their own in its place."""
    names = {p.name for p in theorem.premises}
    return tuple(
        f
        for f in falsehoods
        if f.of is theorem
        and f.claim is theorem.claim
        and f.enforce is not None
        and {p.name for p in f.premises} < names
        and len(f.premises) == len(names) - 1
    )
