"""Finding a proof that an expression vanishes, or that two sums of words are one.

The order: try to refute at rational points; expand; bring over a common denominator; put generators for radicals and functions and
reduce modulo their relations; where something is given, reduce modulo its Groebner basis. `simplify` is never asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from theorycheck.symbolic.identities.generators import reduced, renamed
from theorycheck.symbolic.identities.points import differ, rational_points
from theorycheck.symbolic.identities.steps import Cancelled, Expanded, ReducedModulo, Renamed, SameWords, Step
from theorycheck.symbolic.matrix_words.evaluation import evaluate
from theorycheck.symbolic.matrix_words.words import Factor, Word, WordSum

POINTS = 12
REWRITINGS = 1_000


@dataclass(frozen=True)
class Stuck:
    """No proof: the reason, what is left of the difference, and a point where the sides differ if one was found."""

    reason: str
    remainder: Any = None
    point: tuple[tuple[Any, Any], ...] = ()
    values: tuple[Any, Any] | None = None


def vanishing(left: sp.Expr, right: sp.Expr, given: Sequence[sp.Expr] = ()) -> Step | Stuck:
    """Prove left = right wherever both are defined and the given expressions vanish."""
    left, right, opaque = _without_unknown_functions(left, right)
    found = (None if given else refuted(left, right)) or _vanishing(left - right, given)
    if not isinstance(found, Stuck) or not opaque:
        return found
    remainder = None if found.remainder is None else found.remainder.xreplace(opaque)
    return replace(found, remainder=remainder, point=tuple((opaque.get(symbol, symbol), value) for symbol, value in found.point))


def _vanishing(difference: sp.Expr, given: Sequence[sp.Expr]) -> Step | Stuck:
    if sp.expand(difference) == 0:
        return Expanded()
    numerator, denominator = sp.fraction(sp.together(difference))
    if sp.expand(numerator) == 0:
        return Cancelled(denominator)
    renaming = renamed(difference)
    numerator, denominator = sp.fraction(sp.together(renaming.expression))
    remainder = reduced(numerator, renaming.relations)
    if remainder == 0:
        return Renamed(renaming.pairs, renaming.relations, denominator)
    if given and not renaming.pairs:
        remainder = modulo(remainder, given)
        if remainder == 0:
            return ReducedModulo(tuple(given), denominator)
    return Stuck("the difference does not reduce to 0", remainder.xreplace(dict(renaming.pairs)))


def _without_unknown_functions(left: sp.Expr, right: sp.Expr) -> tuple[sp.Expr, sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """Carry out derivatives; what stays unevaluated, and unknown functions, become symbols (derivatives as a whole, or they would vanish)."""
    sides = [side.replace(lambda e: isinstance(e, sp.Derivative), lambda e: e.doit()) for side in (left, right)]
    unknown = {f for side in sides for kind in (sp.Derivative, sp.Integral, sp.Subs, AppliedUndef) for f in side.atoms(kind)}
    symbols = {f: sp.Dummy("f", real=f.is_real) for f in sorted(unknown, key=str)}
    return sides[0].xreplace(symbols), sides[1].xreplace(symbols), {symbol: f for f, symbol in symbols.items()}


def refuted(left: sp.Expr, right: sp.Expr) -> Stuck | None:
    """Try rational points: nothing if the sides agreed at one of them at least and differed at none."""
    symbols = left.free_symbols | right.free_symbols
    agreed = False
    for point in rational_points(symbols, POINTS if symbols else 1):
        values = left.subs(point), right.subs(point)
        different = differ(*values)
        if different:
            return Stuck("the sides differ at a rational point", point=tuple(point.items()), values=values)
        agreed |= different is False
    return None if agreed else Stuck("the sides could not be evaluated at any rational point tried", left - right)


def modulo(numerator: sp.Expr, given: Sequence[sp.Expr]) -> sp.Expr:
    """Remainder of a polynomial modulo the Groebner basis of the numerators of what is given."""
    polynomials = [sp.expand(sp.fraction(sp.together(g))[0]) for g in given]
    symbols = sorted(numerator.free_symbols.union(*(p.free_symbols for p in polynomials)), key=str)
    basis = sp.groebner([p for p in polynomials if p != 0], *symbols, order="grevlex")
    return basis.reduce(numerator)[1]


def same_words(left: WordSum, right: WordSum, rules: Sequence[tuple[Word, WordSum]] = ()) -> Step | Stuck:
    """Prove that two sums of words agree for matrices of every size, or after rewriting by the rules."""
    left, first = rewritten(left, rules)
    right, second = rewritten(right, rules)
    if left == right:
        return SameWords(left, first + second)
    found = () if rules else words_differ(left, right)
    reason = "the sides differ at rational matrices" if found else "the normal forms differ"
    return Stuck(reason, left - right, *found)


def rewritten(total: WordSum, rules: Sequence[tuple[Word, WordSum]]) -> tuple[WordSum, int]:
    """Apply the rules u -> v (and uᵀ -> vᵀ) inside words until none applies; the count of applications."""
    both = [*rules, *((pattern.flipped, value.T) for pattern, value in rules)]
    for count in range(REWRITINGS):
        for word in total.words:
            match = _first_match(word, both)
            if match is not None:
                rest = tuple(w for w in total.words if w is not word)
                total = WordSum.of((*rest, *match), total.shape)
                break
        else:
            return total, count
    return total, REWRITINGS


def _first_match(word: Word, rules: Sequence[tuple[Word, WordSum]]) -> tuple[Word, ...] | None:
    for pattern, value in rules:
        length = len(pattern.factors)
        for i in range(len(word.factors) - length + 1):
            if word.factors[i : i + length] == pattern.factors:
                left, right = word.factors[:i], word.factors[i + length :]
                scale = word.coefficient / pattern.coefficient
                return tuple(replace(word, coefficient=scale * v.coefficient, factors=left + v.factors + right) for v in value.words)
    return None


def words_differ(left: WordSum, right: WordSum) -> tuple[Any, ...]:
    """A point (small rational matrices and scalars) and the two values there, or nothing if they agree there."""
    generator = np.random.default_rng(20240513)
    factors = sorted(left.factors | right.factors, key=str)
    sizes = {s: 2 + i % 2 for i, s in enumerate(sorted({s for f in factors for s in f.shape if not isinstance(s, int)}, key=str))}
    scalars = {s: w for total in (left, right) for word in total.words for s in word.coefficient.free_symbols for w in (sp.Integer(3),)}
    matrices = {f: _random_matrix(f, sizes, generator) for f in factors}
    if not matrices:
        return ()
    values = tuple(evaluate(total, matrices, scalars) for total in (left, right))
    point = (*matrices.items(), *scalars.items())
    return (point, values) if values[0] != values[1] else ()


def _random_matrix(factor: Factor, sizes: dict[Any, int], generator: np.random.Generator) -> sp.Matrix:
    rows, cols = (sizes.get(size, size) for size in factor.shape)
    entries = generator.integers(-3, 4, (rows, cols))
    return sp.ImmutableMatrix((entries + entries.T if factor.symmetric else entries).tolist())
