"""What is known while one chain is checked: rewritings, names of traces, and which hypotheses were used so far.

A closed word (the trace of a product) becomes a SymPy symbol: it is cut where a size is 1, since the trace of a product through a
one-dimensional space is the product of the numbers between the cuts, and each piece is written in one way among its rotations and
its transpose. Different symbols are only ever treated as independent numbers, which never proves a false equality.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.identities.chains.hypotheses import Given, Hypothesis, NonZero, SquaredNorm
from theorycheck.symbolic.identities.proving import Stuck
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, Size, Word, WordSum, as_sum, identity

REWRITINGS = 2_000
Factors = tuple[Factor, ...]


@dataclass
class Ledger:
    """The bookkeeping of one proof; made anew for every call of `prove`."""

    given: tuple[Hypothesis, ...]
    rules: dict[Factor, list[tuple[str, Word, WordSum]]] = field(default_factory=dict)
    names: dict[Factors, sp.Symbol] = field(default_factory=dict)
    symbols: dict[sp.Symbol, Factors] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def hypothesis(self, name: str, kind: type) -> Hypothesis | Stuck:
        """The hypothesis of that name and kind, marked as used."""
        for hypothesis in self.given:
            if hypothesis.name == name and isinstance(hypothesis, kind):
                if not isinstance(hypothesis, Given):  # an equality counts as used where it rewrites
                    self.used.add(name)
                return hypothesis
        return Stuck(f"the hypothesis {name} is missing")

    def adopt(self, name: str, left: Word, right: WordSum) -> None:
        """Rewrite left -> right and leftᵀ -> rightᵀ from now on."""
        for pattern, value in ((left, right), (left.flipped, right.T)):
            known = self.rules.setdefault(pattern.factors[0], [])
            if all(pattern.factors != other.factors for _, other, _ in known):
                known.append((name, pattern, value))

    def speaks_of(self, factors: Iterable[Factor]) -> bool:
        """Whether a rewriting has one of the named matrices on either side."""
        rules = [rule for rules in self.rules.values() for rule in rules]
        known = {f.named for _, left, right in rules for f in (*left.factors, *right.factors)}
        return not known.isdisjoint(factors)

    def rewritten(self, expression: Algebra) -> WordSum:
        """Apply the rewritings until none applies, word by word."""
        total = as_sum(expression)
        if not self.rules:
            return total
        waiting, done, count = list(reversed(total.words)), [], 0
        while waiting:
            word = waiting.pop()
            found = self._once(word) if count < REWRITINGS else None
            if found is None:
                done.append(word)
            else:
                count += 1
                waiting += reversed(found)
        return WordSum.of(done, total.shape)

    def trace(self, expression: Algebra) -> sp.Expr:
        """The trace of a square sum of words, in named and unnamed symbols."""
        total = self.rewritten(expression)
        return sp.Add(*(word.coefficient * self._closed(word.factors, total.shape[0]) for word in total.words))

    def name(self, norm: SquaredNorm) -> Stuck | None:
        """Give a squared norm its symbol, if a positive symbol is known to be positive."""
        words = self.rewritten(norm.words)
        if len(words.words) != 1 or words.words[0].coefficient != 1:
            return Stuck(f"{norm.symbol} must name the norm of a single word, not of {words}")
        if norm.symbol.is_positive and not self._vanishes_nowhere(norm):
            return Stuck(f"{norm.symbol} is declared positive, and nothing says that {as_sum(norm.words)} does not vanish")
        if norm.symbol.is_nonnegative is not True:
            return Stuck(f"{norm.symbol} is a squared norm: declare it positive or nonnegative")
        factors = words.words[0].factors
        square = factors + words.words[0].flipped.factors
        pieces = _pieces(square)
        if len(pieces) != 1:
            return Stuck(f"|{words}|² is a product of numbers; name each of them")
        key = canonical(*pieces[0])
        if self.names.setdefault(key, norm.symbol) != norm.symbol or self.symbols.setdefault(norm.symbol, key) != key:
            return Stuck(f"{norm} clashes with another name")
        for side, size in ((square, words.shape[0]), (tuple(f.flipped for f in reversed(factors)) + factors, words.shape[1])):
            if size == 1:
                self.adopt("", Word(sp.S.One, side, (1, 1)), norm.symbol * identity(1))
        return None

    def _vanishes_nowhere(self, norm: SquaredNorm) -> bool:
        words = as_sum(norm.words)
        through = self.rewritten(words if norm.witness is None else words @ norm.witness)
        if through.shape == (1, 1) and self.trace(through).is_nonzero:
            return True
        for hypothesis in self.given:
            if isinstance(hypothesis, NonZero):
                known = self.rewritten(hypothesis.words)
                if through in (known, -known, known.T, -known.T):
                    self.used.add(hypothesis.name)
                    return True
        return False

    def _once(self, word: Word) -> tuple[Word, ...] | None:
        for i, factor in enumerate(word.factors):
            for name, pattern, value in self.rules.get(factor, ()):
                end = i + len(pattern.factors)
                if word.factors[i:end] == pattern.factors:
                    self.used.add(name)
                    scale, left, right = word.coefficient / pattern.coefficient, word.factors[:i], word.factors[end:]
                    return tuple(replace(word, coefficient=scale * v.coefficient, factors=left + v.factors + right) for v in value.words)
        return None

    def _shorter(self, piece: Factors, ring: bool) -> WordSum | None:
        """The piece rewritten from some place of its ring, where that shortens it: further than it could be inside its word."""
        for turned in _turns(piece, ring):
            size = turned[0].shape[0]
            total = self.rewritten(Word(sp.S.One, turned, (size, size)))
            changed = not ring and total.words != (Word(sp.S.One, turned, (size, size)),)
            if changed or all(len(word.factors) < len(piece) for word in total.words):
                return total
        return None

    def _closed(self, factors: Factors, size: Size) -> sp.Expr:
        if not factors:
            return sp.sympify(size)
        return sp.Mul(*(self._number(piece, closed) for piece, closed in _pieces(factors)))

    def _number(self, piece: Factors, ring: bool) -> sp.Expr:
        shorter = self._shorter(piece, ring)
        if shorter is not None:
            return sp.Add(*(word.coefficient * self._closed(word.factors, shorter.shape[0]) for word in shorter.words))
        key = canonical(piece, ring)
        symbol = self.names.get(key) or symbol_of(key, ring)
        if self.symbols.setdefault(symbol, key) != key:
            raise InvalidArgument("words", str(symbol), "would stand for two different traces", "give every matrix a name of its own")
        return symbol


def _turns(piece: Factors, ring: bool) -> Iterable[Factors]:
    return _rotations(piece) if ring else (piece,)


def symbol_of(key: Factors, ring: bool) -> sp.Symbol:
    """The symbol of a piece without a name; non-negative where the piece is a squared norm."""
    text, half = " ".join(map(str, key)), len(key) // 2
    for turned in _turns(key, ring):
        if len(key) % 2 == 0 and turned[half:] == tuple(f.flipped for f in reversed(turned[:half])):
            return sp.Symbol(f"|{' '.join(map(str, turned[:half]))}|²", nonnegative=True)
    return sp.Symbol(f"tr({text})" if ring else f"({text})", real=True)


def canonical(piece: Factors, ring: bool) -> Factors:
    """One way of writing a closed piece: least among its transpose and, in a ring without a cut, its rotations."""
    ways = [piece, tuple(f.flipped for f in reversed(piece))]
    if ring:
        ways = [turned for way in ways for turned in _rotations(way)]
    return min(ways, key=lambda way: [str(f) for f in way])


def _rotations(piece: Factors) -> Iterable[Factors]:
    return (piece[i:] + piece[:i] for i in range(len(piece)))


def _pieces(factors: Factors) -> list[tuple[Factors, bool]]:
    """The pieces of a closed word between sizes 1, and whether the piece is a ring (no cut)."""
    cuts = [i for i, factor in enumerate(factors) if factor.shape[0] == 1]
    if not cuts:
        return [(factors, True)]
    turned = factors[cuts[0] :] + factors[: cuts[0]]
    ends = [*(cut - cuts[0] for cut in cuts), len(turned)]
    return [(turned[a:b], False) for a, b in pairwise(ends)]
