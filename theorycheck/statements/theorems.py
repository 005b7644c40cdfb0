"""Theorems: hypotheses ⇒ conclusion, as one value. Nothing here knows what is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from theorycheck.errors import InvalidArgument
from theorycheck.measured import Precision
from theorycheck.statements.comparisons import Comparison
from theorycheck.statements.sources import Source

if TYPE_CHECKING:
    from theorycheck.symbolic.identities import Statement

Enforce = Callable[[Any], Any]
Claim = Callable[[Any, Precision], Comparison]


class Ambient(Protocol):
    """Where instances come from; a recipe is one."""

    def sample(self, seed: int, index: int) -> Any:
        """Instance `index` of seed `seed`, as a draw with ``value`` and ``choices``."""

    def replay(self, choices: Any, fresh: int = 0) -> Any:
        """The draw of these choices, with the addressable noise of an epoch."""

    def on(self, X: Any, y: Any) -> Any:
        """The same on the reader's data."""


@dataclass(frozen=True)
class Premise:
    """A hypothesis.

    Parameters
    ----------
    name : str
        Short, for selectors and tables: "at_minimiser".
    statement : str
        As one would write it: "w(θ) = w*".
    holds : callable
        instance -> bool or Comparison; a comparison that is too close counts as satisfied.
    enforce : callable or None
        instance -> instance in the set, or None where there is none; for sets of measure zero.

    """

    name: str
    statement: str
    holds: Callable[[Any], bool | Comparison]
    enforce: Enforce | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.statement}"


@dataclass(frozen=True)
class Theorem:
    """Premises ⇒ claim, over instances of an ambient recipe.

    Parameters
    ----------
    name : str
        Says the conclusion, then ``of`` the premises: "sharpness_ge_of_minimiser".
    source : Source
    ambient : recipe
        What the quantifier "for all" ranges over before premises.
    premises : tuple of Premise
    claim : callable
        (instance, precision) -> Comparison. With ``stacked`` the instance's arrays and floats carry a leading axis and the
        sides must too.
    statement : str
        LaTeX.
    identities : tuple of Identity, Inequality, ProofChain or ChainFamily
        What algebra settles, proved apart from the check.
    tight : bool
        Equality is attained, so many instances are too close to call: INCONCLUSIVE needs fewer than a tenth to hold.
    stacked : bool
    enforce : callable or None
        One joint map onto all premises' sets, where successive maps cannot reach them.

    """

    name: str
    source: Source
    ambient: Ambient
    premises: tuple[Premise, ...]
    claim: Claim
    statement: str = ""
    identities: tuple[Statement, ...] = ()
    tight: bool = False
    stacked: bool = False
    enforce: Enforce | None = None
    of: Theorem | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidArgument("name", self.name, "must be a word", "say the conclusion, then `of` the premises")
        if not isinstance(self.source, Source):
            raise InvalidArgument(
                "source", self.source, "is no Source", 'pass tc.Source("Marion & Chizat", 2024, arxiv="2405.13456") or tc.CONJECTURE'
            )
        if not hasattr(self.ambient, "replay"):
            raise InvalidArgument("ambient", self.ambient, "is no recipe", "write @tc.recipe above the function that draws an instance")
        if not isinstance(self.premises, tuple | list) or not all(isinstance(p, Premise) for p in self.premises):
            raise InvalidArgument(
                "premises", self.premises, "must be a tuple of Premise", "pass (tc.Premise(name, statement, holds),), or () for none"
            )
        object.__setattr__(self, "premises", tuple(self.premises))
        if not callable(self.claim):
            raise InvalidArgument("claim", self.claim, "cannot be called", "pass a function (instance, precision) -> Comparison")
        names = [p.name for p in self.premises]
        if len(set(names)) < len(names):
            raise InvalidArgument("premises", names, "must have different names", "rename one")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Theorem {self.name}>"

    def _repr_latex_(self) -> str | None:
        return f"$$\n{self.statement}\n$$" if self.statement else None

    def without(self, premise: Premise | str, enforce: Enforce | None = None) -> Theorem:
        """The statement with one premise dropped, and its map with it: the generator widens.

        A joint map lands in every premise's set, so it is dropped too; pass `enforce` to put another in its place.
        """
        name = premise if isinstance(premise, str) else premise.name
        if name not in {p.name for p in self.premises}:
            raise InvalidArgument(
                "premise", name, f"is not a premise of {self.name}", f"choose among {', '.join(p.name for p in self.premises) or 'none'}"
            )
        kept = tuple(p for p in self.premises if p.name != name)
        return replace(self, name=f"{self.name}:without_{name}", premises=kept, enforce=enforce, identities=(), of=self)

    def claiming(self, name: str, claim: Claim, statement: str = "") -> Theorem:
        """The same premises with another claim, for constants pushed too far."""
        return replace(self, name=f"{self.name}:{name}", claim=claim, statement=statement, identities=(), of=self)

    def on(self, X: Any, y: Any) -> Theorem:
        """The theorem bound to data: X of shape (n, d), y of shape (n,)."""
        return replace(self, ambient=self.ambient.on(X, y))


def require_theorem(theorem: object) -> None:
    """Raise `InvalidArgument` for what is no `Theorem`, such as its name."""
    if not isinstance(theorem, Theorem):
        raise InvalidArgument("theorem", theorem, "is no Theorem", 'pass one, such as tc.theorem("saxe_2014/learning_time_of_two_layers")')
