"""Chains: a proof that starts at a derived expression, goes by checked steps, and ends at the claim's bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.identities.chains.hypotheses import Hypothesis, names_of
from theorycheck.symbolic.identities.chains.ledger import Ledger
from theorycheck.symbolic.identities.chains.links import Link, Outcome, Using
from theorycheck.symbolic.identities.chains.quantities import Quantity, Relation, TopEigenvalue, TraceOf, same
from theorycheck.symbolic.identities.proving import Stuck
from theorycheck.symbolic.identities.statements import Proof, Unproved, latex_text
from theorycheck.symbolic.identities.steps import Leaf, Step


class Start(Protocol):
    """Where a chain starts."""

    def quantity(self) -> Quantity:
        """The expression itself, derived when it is asked for."""

    def __str__(self) -> str:
        """What it is and where it comes from."""


@dataclass(frozen=True)
class Linked(Leaf):
    """One step of a chain: the relation, the quantity it leads to, and why."""

    relation: Relation
    quantity: Quantity
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.relation.value} {self.quantity}    [{self.why}]"


@dataclass(frozen=True)
class Joined(Step):
    """Steps under one sentence, which asks nothing of its own: those of a chain, the parts of an argument, the depths of a family."""

    title: str
    proofs: tuple[Step, ...]

    @property
    def sentence(self) -> str:
        return self.title

    @property
    def children(self) -> tuple[Step, ...]:
        return self.proofs

    @property
    def conditions(self) -> tuple[()]:
        return ()


@dataclass(frozen=True)
class ProofChain:
    """start R end, by steps each of which is checked.

    Parameters
    ----------
    claim : str
        The statement in words and symbols.
    start : Start
        What is derived.
    relation : Relation
        How the start stands to the end.
    end : Quantity
        The claim's bound.
    links : tuple of Link
        The steps.
    given : tuple of Given, NonZero or PositiveSemidefinite
        The hypotheses; one that no step uses is an error of the chain.

    """

    claim: str
    start: Start
    relation: Relation
    end: Quantity
    links: tuple[Link, ...]
    given: tuple[Hypothesis, ...] = ()

    def __post_init__(self) -> None:
        names_of(self.given)

    def prove(self) -> Proof | Unproved:
        """Go through the steps; the answer names the first that fails."""
        ledger, current, done = Ledger(self.given), self.start.quantity(), []
        for number, link in enumerate(self.links, 1):
            found = _applied(link, current, ledger)
            if isinstance(found, Stuck):
                return self._stuck(f"step {number}, {type(link).__name__}", found)
            if found.relation not in (Relation.EQUAL, self.relation):
                wrong = f"gives {found.relation.value} where {self.relation.value} is wanted"
                return self._stuck(f"step {number}, {type(link).__name__}", Stuck(wrong))
            done.append(_linked(found))
            current = found.quantity
        missed = same(current, self.end, ledger)
        if missed is not None:
            return self._stuck("conclusion", replace(missed, reason=f"the steps lead to {current}, not to {self.end}: {missed.reason}"))
        idle = [h.name for h in self.given if h.name not in ledger.used]
        if idle:
            return self._stuck("hypotheses", Stuck(f"{', '.join(idle)} not used"))
        if str(current) != str(self.end):
            done.append(Linked(Relation.EQUAL, self.end, "the claim"))
        return Proof(self, Joined(f"{self.start}", tuple(done)))

    def without(self, name: str) -> ProofChain:
        """The chain with one hypothesis taken away, there and where steps rewrite by it: it must no longer be proved."""
        if name not in names_of(self.given):
            raise InvalidArgument("name", name, "is not a hypothesis of the chain", f"choose among {', '.join(names_of(self.given))}")
        links = tuple(replace(link, names=tuple(n for n in link.names if n != name)) if isinstance(link, Using) else link for link in self.links)
        return replace(self, given=tuple(h for h in self.given if h.name != name), links=links)

    def latex(self) -> str:
        """The claim."""
        return rf"\text{{{latex_text(self.claim)}}}"

    def __str__(self) -> str:
        return self.claim

    def _stuck(self, where: str, stuck: Stuck) -> Unproved:
        return Unproved(self, replace(stuck, reason=f"{where}: {stuck.reason}"))


@dataclass(frozen=True)
class Argument:
    """A statement from several chains by an argument in words: the chains are checked, the argument that joins them is not.

    Parameters
    ----------
    claim : str
        The statement.
    parts : tuple of ProofChain
        What is checked.
    argument : str
        How the parts give the claim.

    """

    claim: str
    parts: tuple[ProofChain, ...]
    argument: str

    def prove(self) -> Proof | Unproved:
        """Prove every part; the answer names the first that fails."""
        proofs = []
        for part in self.parts:
            found = part.prove()
            if isinstance(found, Unproved):
                return Unproved(self, replace(found.stuck, reason=f"{part.claim}: {found.stuck.reason}"))
            proofs.append(found.step)
        return Proof(self, Joined(f"by {self.argument} (the joining argument is in words):", tuple(proofs)))

    def latex(self) -> str:
        """The claim."""
        return rf"\text{{{latex_text(self.claim)}}}"

    def __str__(self) -> str:
        return self.claim


@dataclass(frozen=True)
class ChainFamily:
    """One chain a depth, widths symbolic; proved depth by depth.

    Parameters
    ----------
    claim : str
        The statement.
    build : callable
        depth -> ProofChain; called when a proof is asked for, so that stating a family costs nothing.
    depths : tuple of int
        The depths it is proved for; nothing is said of others.

    """

    claim: str
    build: Callable[[int], ProofChain]
    depths: tuple[int, ...]

    @property
    def shown_depth(self) -> int:
        """The depth nearest to 3, which shows every kind of term."""
        return min(self.depths, key=lambda depth: (abs(depth - 3), depth))

    @property
    def shown(self) -> ProofChain:
        """The chain to display."""
        return self.build(self.shown_depth)

    def prove(self) -> Proof | Unproved:
        """Prove the chain of every depth, and that at the least depth no hypothesis can be left out; the answer names what fails."""
        proofs, smallest = [], self.build(min(self.depths))
        for depth in self.depths:
            found = self.build(depth).prove()
            if isinstance(found, Unproved):
                return Unproved(self, replace(found.stuck, reason=f"depth {depth}: {found.stuck.reason}"))
            proofs.append(found.step)
        idle = [h.name for h in smallest.given if isinstance(smallest.without(h.name).prove(), Proof)]
        if idle:
            return Unproved(self, Stuck(f"depth {min(self.depths)} is proved without {', '.join(idle)}: leave out what is not needed"))
        return Proof(self, Joined(f"step by step for depth {', '.join(map(str, self.depths))}, any width", tuple(proofs)))

    def latex(self) -> str:
        """The claim."""
        return rf"\text{{{latex_text(str(self))}}}"

    def __str__(self) -> str:
        return f"{self.claim}, for depth {_range(self.depths)} and any width"


def _applied(link: Link, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
    try:
        found = link.applied(current, ledger)
    except InvalidArgument as error:
        return Stuck(str(error))
    if isinstance(found, Outcome) and isinstance(found.quantity, TopEigenvalue | TraceOf) and ledger.speaks_of(found.quantity.form.directions):
        return Stuck("a hypothesis speaks of the directions of the quadratic form, which are arbitrary")
    return found


def _linked(found: Outcome) -> Linked:
    return Linked(found.relation, found.quantity, found.sentence)


def _range(depths: tuple[int, ...]) -> str:
    return f"{depths[0]}..{depths[-1]}" if len(depths) > 1 and depths == tuple(range(depths[0], depths[-1] + 1)) else ", ".join(map(str, depths))
