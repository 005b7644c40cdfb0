"""Steps of a chain on numbers: Rayleigh quotient, monotone replacement, inequalities by certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.identities.certificates import Certificate
from theorycheck.symbolic.identities.chains.hypotheses import PositiveSemidefinite
from theorycheck.symbolic.identities.chains.ledger import Ledger
from theorycheck.symbolic.identities.chains.links import Link, Outcome
from theorycheck.symbolic.identities.chains.quantities import Quantity, Relation, TopEigenvalue
from theorycheck.symbolic.identities.proving import Stuck, vanishing
from theorycheck.symbolic.identities.statements import Inequality, Unproved
from theorycheck.symbolic.matrix_words.words import Algebra, as_sum


@dataclass(frozen=True)
class RayleighQuotient(Link):
    """λ_max(H) ≥ ⟨V, H V⟩/⟨V, V⟩ for a symmetric H and a trial V ≠ 0, one sum of words a direction."""

    trial: tuple[Algebra, ...]

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, TopEigenvalue):
            return Stuck("the Rayleigh quotient is for a largest eigenvalue")
        form = current.form
        if [as_sum(v).shape for v in self.trial] != [v.shape for v in form.directions]:
            return Stuck(f"the trial has the shapes {[as_sum(v).shape for v in self.trial]}, not those of {list(map(str, form.directions))}")
        if form.asymmetry(ledger) != 0:
            return Stuck("the form is not symmetric", form.asymmetry(ledger))
        trial = [ledger.rewritten(v) for v in self.trial]
        norm = sp.Add(*(ledger.trace(v.T @ v) for v in trial))
        if norm.is_positive is not True:
            return Stuck(f"the trial may vanish: its squared norm {norm} is not known to be positive")
        value = form.at(dict(zip(form.directions, trial, strict=True))).between(trial, ledger)
        shown = ", ".join(f"{v} = {words}" for v, words in zip(form.directions, trial, strict=True))
        return Outcome(sp.expand(value / norm), Relation.AT_LEAST, f"Rayleigh quotient at {shown}")


class Gap(Protocol):
    """A number that cannot be negative."""

    def value(self, ledger: Ledger) -> sp.Expr:
        """The number."""

    def __str__(self) -> str:
        """Why it is not negative."""


@dataclass(frozen=True)
class InnerProduct(Gap):
    """|P|²|Q|² - tr(PᵀQ)² ≥ 0 for words P, Q of one shape (Cauchy-Schwarz)."""

    P: Algebra
    Q: Algebra

    def value(self, ledger: Ledger) -> sp.Expr:
        P, Q = as_sum(self.P), as_sum(self.Q)
        return ledger.trace(P.T @ P) * ledger.trace(Q.T @ Q) - ledger.trace(P.T @ Q) ** 2

    def __str__(self) -> str:
        return f"Cauchy-Schwarz for {as_sum(self.P)} and {as_sum(self.Q)}"


@dataclass(frozen=True)
class Replaced(Link):
    """Put a bound in the place of a symbol in which the quantity is monotone.

    The symbol minus its bound must be a non-negative multiple of `by`, and the derivative in the symbol must be of one known sign, for
    every value that the assumptions on the symbols allow. A lower bound on a symbol in which the quantity grows bounds it below.
    """

    symbol: sp.Symbol
    bound: sp.Expr
    by: Gap

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, sp.Expr):
            return Stuck("this step is for a number")
        slope = sp.diff(current, self.symbol)
        if slope.is_nonnegative is None:
            slope = sp.factor(slope)
        if slope.is_nonnegative is not True and slope.is_nonpositive is not True:
            return Stuck(f"the quantity is not known to be monotone in {self.symbol}: its derivative is {slope}")
        if (self.symbol.is_positive and self.bound.is_positive is not True) or self.bound.is_nonnegative is not True:
            return Stuck(f"the bound {self.bound} is not known to be positive, as {self.symbol} is")
        gap, excess = self.by.value(ledger), self.symbol - self.bound
        factor = sp.S.Zero if gap == 0 else sp.factor(sp.cancel(sp.together(excess / gap)))
        if factor.is_nonnegative is not True:
            return Stuck(f"{self.symbol} - ({self.bound}) is not a non-negative multiple of {gap} ≥ 0 ({self.by})", factor)
        found = vanishing(excess, factor * gap)
        if isinstance(found, Stuck):
            return Stuck(f"{self.symbol} - ({self.bound}) is not a multiple of {gap}: {found.reason}", found.remainder, found.point, found.values)
        relation = Relation.AT_LEAST if slope.is_nonnegative else Relation.AT_MOST
        return Outcome(current.subs(self.symbol, self.bound), relation, f"{self.symbol} ≥ {self.bound} ({self.by})")


@dataclass(frozen=True)
class Bounded(Link):
    """An inequality between numbers by a certificate: current ≥ to, or current ≤ to."""

    to: sp.Expr
    by: Certificate
    relation: Relation = Relation.AT_LEAST

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, sp.Expr) or self.relation is Relation.EQUAL:
            return Stuck("this step is for an inequality between numbers")
        below = self.relation is Relation.AT_LEAST
        try:
            found = (Inequality(self.to, current, by=self.by) if below else Inequality(current, self.to, by=self.by)).prove()
        except InvalidArgument as error:
            return Stuck(str(error))
        if isinstance(found, Unproved):
            return found.stuck
        return Outcome(self.to, self.relation, self.by.why)


@dataclass(frozen=True)
class Equal(Link):
    """Write a number in another way."""

    to: sp.Expr

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, sp.Expr):
            return Stuck("this step is for a number")
        found = vanishing(current, self.to)
        return found if isinstance(found, Stuck) else Outcome(self.to, Relation.EQUAL, found.sentence)


@dataclass(frozen=True)
class Energy(Gap):
    """tr(vᵀ P v) ≥ 0 for an operator P that a hypothesis says to be positive semidefinite."""

    name: str
    v: Algebra

    def value(self, ledger: Ledger) -> sp.Expr:
        hypothesis = ledger.hypothesis(self.name, PositiveSemidefinite)
        if isinstance(hypothesis, Stuck):
            return sp.S.Zero
        assert isinstance(hypothesis, PositiveSemidefinite)
        return ledger.trace(as_sum(self.v).T @ hypothesis.operator @ self.v)

    def __str__(self) -> str:
        return f"{self.name} at {as_sum(self.v)}"


@dataclass(frozen=True)
class ByGap(Link):
    """current ≥ to (or ≤) since their difference is `factor` ≥ 0 times a number that cannot be negative."""

    to: sp.Expr
    factor: sp.Expr
    by: Gap
    relation: Relation = Relation.AT_LEAST

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        if not isinstance(current, sp.Expr) or self.relation is Relation.EQUAL:
            return Stuck("this step is for an inequality between numbers")
        if self.factor.is_nonnegative is not True:
            return Stuck(f"the factor {self.factor} is not known to be non-negative")
        excess = current - self.to if self.relation is Relation.AT_LEAST else self.to - current
        found = vanishing(excess, self.factor * self.by.value(ledger))
        return found if isinstance(found, Stuck) else Outcome(self.to, self.relation, f"{self.by}")


@dataclass(frozen=True)
class NormIs(Link):
    """The squared norm of some words has a value already; nothing changes, the reader learns it."""

    words: Algebra
    value: sp.Expr

    def applied(self, current: Quantity, ledger: Ledger) -> Outcome | Stuck:
        found = vanishing(ledger.trace(as_sum(self.words) @ as_sum(self.words).T), self.value)
        return found if isinstance(found, Stuck) else Outcome(current, Relation.EQUAL, f"|{as_sum(self.words)}|² = {self.value}")
