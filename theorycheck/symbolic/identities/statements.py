"""Identities and inequalities, and the two answers of `prove`: a proof, or where it got stuck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.identities.certificates import Certificate, NonNegativeTerms
from theorycheck.symbolic.identities.points import differ, rational_points
from theorycheck.symbolic.identities.proving import POINTS, Stuck, same_words, vanishing
from theorycheck.symbolic.identities.steps import Certified, EntryByEntry, Step, conditions_of, outline
from theorycheck.symbolic.matrix_words.printing import latex as words_latex
from theorycheck.symbolic.matrix_words.words import Algebra, WordSum, as_sum

Side: TypeAlias = "sp.Expr | sp.MatrixBase | Algebra | int | float"


class Statement(Protocol):
    """What can be put to a proof."""

    def prove(self) -> Proof | Unproved:
        """Look for a proof."""

    def latex(self) -> str:
        """The statement."""


@dataclass(frozen=True)
class Proof:
    """A statement with the tree of steps that proves it, wherever both sides are defined.

    Parameters
    ----------
    statement : Identity, Inequality or chain
        What is proved.
    step : Step
        Root of the tree.

    """

    statement: Statement
    step: Step

    @property
    def conditions(self) -> tuple[sp.Expr, ...]:
        """Expressions that must not vanish."""
        return conditions_of(self.step)

    def __str__(self) -> str:
        where = f"\nwhere {', '.join(f'{c} ≠ 0' for c in self.conditions)}" if self.conditions else ""
        return f"PROVED {self.statement}\n" + "\n".join(outline(self.step, 1)) + where

    def latex(self) -> str:
        """The statement and its steps, as one ``aligned`` environment."""
        text = [rf"& \text{{{line.strip()}}}" for line in map(latex_text, outline(self.step))]
        where = [r"& \text{where } " + ",\\ ".join(rf"{sp.latex(c)} \neq 0" for c in self.conditions)] if self.conditions else []
        body = " \\\\\n".join([f"& {self.statement.latex()}", *text, *where])
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


@dataclass(frozen=True)
class Unproved:
    """No proof was found; with a point where the sides contradict the statement, it is false.

    Parameters
    ----------
    statement : Identity, Inequality or chain
        What was tried.
    stuck : Stuck
        Why, what is left of the difference, and the rational point if one was found.

    """

    statement: Statement
    stuck: Stuck

    @property
    def point(self) -> dict[Any, Any] | None:
        """Rational point (symbols, or named matrices) that contradicts the statement, if found."""
        return dict(self.stuck.point) if self.stuck.point else None

    def __str__(self) -> str:
        if self.stuck.point:
            at = ", ".join(f"{name} = {_shown(value)}" for name, value in self.stuck.point)
            left, right = map(_shown, self.stuck.values or ("", ""))
            return f"UNPROVED {self.statement}: {self.stuck.reason}: at {at} the left is {left}, the right {right}"
        left_over = "" if self.stuck.remainder is None else f"; left over: {self.stuck.remainder}"
        return f"UNPROVED {self.statement}: {self.stuck.reason}{left_over}"


@dataclass(frozen=True)
class Identity:
    """left = right, for SymPy expressions, SymPy matrices (entry by entry) or sums of matrix words (any size).

    Parameters
    ----------
    left, right : Expr, Matrix, Factor, Word or WordSum
        The two sides.
    given : tuple of Identity
        What may be used: polynomial relations between the symbols, or rewritings of a word (its left side) by a sum.

    Examples
    --------
    >>> x, y = sp.symbols("x y", positive=True)
    >>> print(Identity((x**2 - y**2) / (x - y), x + y).prove())
    PROVED (x**2 - y**2)/(x - y) = x + y
      over the common denominator x - y the numerator of left - right expands to 0
    where x - y ≠ 0
    >>> print(Identity((x + y) ** 2, x**2 + y**2).prove())
    UNPROVED (x + y)**2 = x**2 + y**2: the sides differ at a rational point: at x = 1, y = 2 the left is 9, the right 5

    """

    left: Any
    right: Any
    given: tuple[Identity, ...] = ()

    def __init__(self, left: Side, right: Side, given: tuple[Identity, ...] = ()) -> None:
        first, second = _side("left", left), _side("right", right)
        if isinstance(first, WordSum) != isinstance(second, WordSum) or _shape(first) != _shape(second):
            rule = f"must be of the kind and shape of left={first}"
            raise ShapeMismatch("right", second, rule, "compare expressions, matrices or words of one shape")
        object.__setattr__(self, "left", first)
        object.__setattr__(self, "right", second)
        object.__setattr__(self, "given", tuple(given))

    def prove(self) -> Proof | Unproved:
        """Look for a proof; no answer rests on ``simplify``."""
        if isinstance(self.left, WordSum):
            found = same_words(self.left, self.right, [_rule(g) for g in self.given])
        elif isinstance(self.left, sp.MatrixBase):
            found = self._entries()
        else:
            found = vanishing(self.left, self.right, self._relations())
        return Unproved(self, found) if isinstance(found, Stuck) else Proof(self, found)

    def latex(self) -> str:
        """The statement."""
        given = r" \quad \text{given } " + ",\\ ".join(g.latex() for g in self.given) if self.given else ""
        return f"{_latex(self.left)} = {_latex(self.right)}{given}"

    def __str__(self) -> str:
        given = " given " + ", ".join(map(str, self.given)) if self.given else ""
        return f"{self.left} = {self.right}{given}"

    def _entries(self) -> Step | Stuck:
        steps: list[Step] = []
        relations = self._relations()
        for i, (left, right) in enumerate(zip(self.left, self.right, strict=True)):
            found = vanishing(left, right, relations)
            if isinstance(found, Stuck):
                row, column = divmod(i, self.left.shape[1])
                return Stuck(f"entry ({row}, {column}): {found.reason}", found.remainder, found.point, found.values)
            steps.append(found)
        return EntryByEntry(tuple(steps))

    def _relations(self) -> tuple[sp.Expr, ...]:
        differences = (g.left - g.right for g in self.given)
        return tuple(e for d in differences for e in (d if isinstance(d, sp.MatrixBase) else (d,)))


@dataclass(frozen=True)
class Inequality:
    """left ≤ right between SymPy expressions; without a certificate, the terms of right - left must be non-negative one by one.

    Parameters
    ----------
    left, right : Expr
        The two sides.
    by : Certificate, optional
        An expression that cannot be negative and that right - left equals.

    Examples
    --------
    >>> from theorycheck.symbolic.identities.certificates import SumOfSquares
    >>> x, y = sp.symbols("x y", real=True)
    >>> print(Inequality(2 * x * y, x**2 + y**2, by=SumOfSquares(((1, x - y),))).prove())
    PROVED 2*x*y ≤ x**2 + y**2
      right - left = (x - y)**2 ≥ 0 (a sum of squares)
        left - right expands to 0

    """

    left: Any
    right: Any
    by: Certificate | None = None

    def __init__(self, left: Side, right: Side, by: Certificate | None = None) -> None:
        first, second = _side("left", left), _side("right", right)
        for name, side in (("left", first), ("right", second)):
            if isinstance(side, sp.MatrixBase | WordSum):
                raise InvalidArgument(name, side, "must be a SymPy expression", "state a matrix inequality through quadratic forms or eigenvalues")
        object.__setattr__(self, "left", first)
        object.__setattr__(self, "right", second)
        object.__setattr__(self, "by", by)

    def prove(self) -> Proof | Unproved:
        """Look for a violation at rational points, then check the certificate."""
        violated = self._violated()
        if violated is not None:
            return Unproved(self, violated)
        by = self.by or self._termwise()
        if by is None:
            return Unproved(self, Stuck("the terms of right - left are not all known to be non-negative; pass by=", self.right - self.left))
        found = vanishing(self.right - self.left, by.gap)
        return Unproved(self, found) if isinstance(found, Stuck) else Proof(self, Certified(by.why, by.gap, found))

    def latex(self) -> str:
        """The statement."""
        return rf"{_latex(self.left)} \le {_latex(self.right)}"

    def __str__(self) -> str:
        return f"{self.left} ≤ {self.right}"

    def _violated(self) -> Stuck | None:
        for point in rational_points(self.left.free_symbols | self.right.free_symbols, POINTS):
            values = self.left.subs(point), self.right.subs(point)
            gap = sp.N(values[0] - values[1], 40) if differ(*values) else sp.S.Zero
            if gap.is_real and gap > 0:
                return Stuck("a rational point violates it", point=tuple(point.items()), values=values)
        return None

    def _termwise(self) -> NonNegativeTerms | None:
        terms = sp.Add.make_args(sp.expand(self.right - self.left))
        return NonNegativeTerms(terms) if all(term.is_nonnegative for term in terms) else None


def _side(name: str, value: Any) -> Any:
    if isinstance(value, Algebra):
        return as_sum(value)
    if isinstance(value, sp.MatrixBase):
        return sp.ImmutableMatrix(value)
    if isinstance(value, float):
        raise InvalidArgument(name, value, "is not exact", "pass an integer, a sympy Rational or an expression")
    side = sp.sympify(value)
    if isinstance(side, sp.MatrixExpr) or not isinstance(side, sp.Expr) or not side.is_commutative:
        raise InvalidArgument(name, value, "must be a commutative expression, an explicit matrix or matrix words", "name matrices by Factor")
    if side.has(sp.Float):
        raise InvalidArgument(name, value, "holds floating-point numbers", "write them as sympy Rational")
    return side


def _shape(side: Any) -> Any:
    return getattr(side, "shape", ())


def _shown(value: Any) -> str:
    return str(value.tolist()) if isinstance(value, sp.MatrixBase) else str(value)


def _rule(given: Identity) -> tuple[Any, WordSum]:
    if not isinstance(given.left, WordSum) or len(given.left.words) != 1:
        raise InvalidArgument("given", given, "must have a single word on its left", "solve it for one product")
    return given.left.words[0], given.right


def _latex(side: Any) -> str:
    return words_latex(side) if isinstance(side, WordSum) else sp.latex(side)


def latex_text(line: str) -> str:
    r"""Plain text for ``\text{...}``: reserved characters escaped, the letters and signs of the field as mathematics."""
    return "".join(_LATEX.get(character, character) for character in line)


_SIGNS = {
    "≥": "ge",
    "≤": "le",
    "≠": "ne",
    "⪰": "succeq",
    "↦": "mapsto",
    "∇": "nabla",
    "λ": "lambda",
    "Λ": "Lambda",
    "Σ": "Sigma",
    "σ": "sigma",
    "τ": "tau",
}
_LATEX = {
    **{sign: rf"$\{name}$" for sign, name in _SIGNS.items()},
    "\\": r"\backslash ",
    "_": r"\_",
    "^": r"\^{}",
    "{": r"\{",
    "}": r"\}",
    "ᵀ": r"$^\top$",
    "²": r"$^2$",
}
