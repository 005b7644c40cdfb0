"""What a chain of steps may use: equalities between words as rewritings, matrices that do not vanish, squared norms with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words.words import Algebra, Word, WordSum, as_sum


@dataclass(frozen=True)
class Given:
    """A hypothesis left = right between words; `left`, a single word, is rewritten by `right`.

    Parameters
    ----------
    name : str
        By which steps call it and proofs report it.
    left : Factor, Word or WordSum
        A single word.
    right : Factor, Word or WordSum
        Of the same shape; its coefficients may hold symbols, whose assumptions (a positive gain) belong to the hypothesis.

    """

    name: str
    left: Word
    right: WordSum

    def __init__(self, name: str, left: Algebra, right: Algebra) -> None:
        first, second = as_sum(left), as_sum(right)
        if len(first.words) != 1 or not first.words[0].factors:
            raise InvalidArgument("left", str(first), "must be a single product", "solve the equality for one product")
        if first.shape != second.shape:
            raise ShapeMismatch("right.shape", second.shape, f"must be {first.shape}", "compare words of one shape")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "left", first.words[0])
        object.__setattr__(self, "right", second)

    def __str__(self) -> str:
        symbols = sorted(set().union(*(w.coefficient.free_symbols for w in self.right.words)), key=str)
        signs = "".join(f", {s} > 0" for s in symbols if s.is_positive and s.is_integer is None)
        return f"{self.name}: {self.left} = {self.right}{signs}"


@dataclass(frozen=True)
class NonZero:
    """A hypothesis words ≠ 0."""

    name: str
    words: Algebra

    def __str__(self) -> str:
        return f"{self.name}: {as_sum(self.words)} ≠ 0"


@dataclass(frozen=True)
class PositiveSemidefinite:
    """A hypothesis operator ⪰ 0, for a symmetric sum of words such as Λ I - F Fᵀ."""

    name: str
    operator: Algebra

    def __post_init__(self) -> None:
        total = as_sum(self.operator)
        if total != total.T:
            raise InvalidArgument("operator", str(total), "must be symmetric word by word", "state it as a sum of words equal to its transpose")

    def __str__(self) -> str:
        return f"{self.name}: {as_sum(self.operator)} ⪰ 0"


Hypothesis: TypeAlias = "Given | NonZero | PositiveSemidefinite"


@dataclass(frozen=True)
class SquaredNorm:
    """A name for |words|² = tr(words wordsᵀ).

    A positive symbol needs a reason: a `NonZero` hypothesis about the words, or a `witness` with words @ witness (or its transpose)
    equal to something known not to vanish.
    """

    symbol: sp.Symbol
    words: Algebra
    witness: Algebra | None = None

    def __str__(self) -> str:
        return f"{self.symbol} = |{as_sum(self.words)}|²"


def names_of(given: tuple[Any, ...]) -> tuple[str, ...]:
    """The names of hypotheses; raises if two are called the same."""
    names = tuple(hypothesis.name for hypothesis in given)
    if len(set(names)) < len(names):
        raise InvalidArgument("given", names, "must have different names", "rename one")
    return names
