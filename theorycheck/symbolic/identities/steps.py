"""Steps of a proof: small values, each with its sentence and the steps below it.

To add a way of proving, add one class with `sentence` and `children` here (or a certificate in `certificates`) and the function that
finds it in `proving`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sympy as sp

from theorycheck.symbolic.identities.generators import Relation
from theorycheck.symbolic.matrix_words.words import WordSum


class Step(Protocol):
    """What every step offers."""

    @property
    def sentence(self) -> str:
        """What this step says."""

    @property
    def children(self) -> tuple[Step, ...]:
        """The steps it rests on."""

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        """What must not vanish for this step, beyond what its children ask."""


@dataclass(frozen=True)
class Leaf(Step):
    """A step that rests on nothing."""

    @property
    def children(self) -> tuple[Step, ...]:
        return ()

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return ()


@dataclass(frozen=True)
class Expanded(Leaf):
    """The difference of the sides expands to zero."""

    @property
    def sentence(self) -> str:
        return "left - right expands to 0"


@dataclass(frozen=True)
class Cancelled(Leaf):
    """Over a common denominator, the numerator expands to zero."""

    denominator: sp.Expr

    @property
    def sentence(self) -> str:
        return f"over the common denominator {self.denominator} the numerator of left - right expands to 0"

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return _factors(self.denominator)


@dataclass(frozen=True)
class Renamed(Leaf):
    """With generators for radicals, powers and functions, the numerator is zero modulo their relations."""

    pairs: tuple[tuple[sp.Symbol, sp.Expr], ...]
    relations: tuple[Relation, ...]
    denominator: sp.Expr

    @property
    def sentence(self) -> str:
        if not self.pairs:
            return "written in exponentials, logarithms and factored radicals, the numerator of left - right is 0"
        meanings = ", ".join(f"{symbol.name} = {meaning}" for symbol, meaning in self.pairs)
        rules = ", ".join(f"{r.symbol.name}**{r.power} = {self._plain(r.value)}" for r in self.relations)
        return f"with {meanings} the numerator of left - right is 0" + (f" modulo {rules}" if rules else "")

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return tuple(factor.xreplace(dict(self.pairs)) for factor in _factors(self.denominator))

    def _plain(self, value: sp.Expr) -> sp.Expr:
        return value.xreplace({symbol: sp.Symbol(symbol.name) for symbol, _ in self.pairs})


@dataclass(frozen=True)
class ReducedModulo(Leaf):
    """The numerator reduces to zero modulo a Groebner basis of what is given."""

    given: tuple[sp.Expr, ...]
    denominator: sp.Expr

    @property
    def sentence(self) -> str:
        return "the numerator of left - right reduces to 0 modulo " + ", ".join(f"{g} = 0" for g in self.given)

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return _factors(self.denominator)


@dataclass(frozen=True)
class EntryByEntry(Step):
    """Two matrices agree in every entry."""

    entries: tuple[Step, ...]

    @property
    def sentence(self) -> str:
        return f"entry by entry ({len(self.entries)} entries)"

    @property
    def children(self) -> tuple[Step, ...]:
        return self.entries

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return ()


@dataclass(frozen=True)
class SameWords(Leaf):
    """Two sums of words have one normal form."""

    normal_form: WordSum
    rewritings: int = 0

    @property
    def sentence(self) -> str:
        after = f" after {self.rewritings} rewritings by what is given" if self.rewritings else ""
        return f"both sides are the sum of words {self.normal_form}{after}"


@dataclass(frozen=True)
class Certified(Step):
    """right - left equals an expression that a certificate shows to be non-negative."""

    why: str
    gap: sp.Expr
    equality: Step

    @property
    def sentence(self) -> str:
        return f"right - left = {self.gap} ≥ 0 ({self.why})"

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.equality,)

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        return ()


def _factors(denominator: sp.Expr) -> tuple[sp.Expr, ...]:
    """The factors that must not vanish, each once.

    Powers are stripped first: `factor_list` of SymPy 1.14 raises PolificationFailed on a fractional power of a positive symbol.
    """
    bases = (factor.as_base_exp()[0] for factor in sp.Mul.make_args(denominator))
    found = (sp.factor_list(base)[1] if base.is_Add else [(base, 1)] for base in bases if not base.is_number)
    return tuple(dict.fromkeys(factor for factors in found for factor, _ in factors))


def conditions_of(step: Step) -> tuple[sp.Expr, ...]:
    """What must not vanish for a step and everything below it, each once; numbers and symbols declared non-zero left out."""
    below = [condition for child in step.children for condition in conditions_of(child)]
    return tuple(dict.fromkeys(c for c in (*step.conditions, *below) if c.is_zero is not False))


def outline(step: Step, depth: int = 0) -> list[str]:
    """The tree as indented lines; equal neighbours are written once."""
    lines: list[str] = ["  " * depth + step.sentence]
    for child in step.children:
        inner = outline(child, depth + 1)
        if inner != lines[-len(inner) :]:
            lines += inner
    return lines
