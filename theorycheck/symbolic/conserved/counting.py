"""How many conservation laws gradient flow can have at all, and whether those found are all.

Setting      h is conserved by every gradient flow of w = G(θ) iff ∇h is orthogonal to all fields ∇G_i. Then it is orthogonal to their iterated
             Lie brackets as well, and so to the span of the whole Lie algebra they generate, of dimension `lie_dimension` near a generic θ.
Results      At most P - lie_dimension laws, polynomial or not, are functionally independent, and near a generic point so many exist (Frobenius).
Method       Fields independent over the rational functions are kept; once brackets with the generators add no direction, none ever will, for
             [X, fY] = f [X, Y] + (Xf) Y. Ranks are taken at one point, modulo a prime: they can only be too small.
Not covered  Laws on special sets (such as balanced starts), and laws of one loss or one data set.
Source       Marcotte, Gribonval & Peyré 2023, arXiv:2307.00144, count the laws of networks in this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import flint
import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.brackets import ExactMap
from theorycheck.symbolic.conserved.elimination import PRIME, independent, modulo_prime
from theorycheck.symbolic.conserved.laws import conservation, conserved_quantities
from theorycheck.symbolic.identities.statements import Proof
from theorycheck.symbolic.vector_fields import Field, Polynomials, bracket, gradient, polynomial_map

BUDGET = 1_000_000  # terms of all brackets together


@dataclass(frozen=True)
class LawCount:
    """How many functionally independent conservation laws there are near a generic point.

    Parameters
    ----------
    parameters : int
        P.
    lie_dimension : int
        Dimension of the span of the Lie algebra of the fields ∇w_i at a generic point: proved to be at least this, and equal to it, where
        `complete` is False, but for a chance below 1e-12 (one random point stands for all).
    laws_possible : int
        P - lie_dimension. More functionally independent laws, of any kind, are excluded.
    found_independent : int
        Rank of the Jacobian of the laws found at a generic point.
    complete : bool or None
        True: every law is, near generic points, a function of those found. False: other laws exist there. None: the budget was reached
        before the algebra was closed, so other laws are neither known nor excluded.

    """

    parameters: int
    lie_dimension: int
    laws_possible: int
    found_independent: int
    complete: bool | None

    def __str__(self) -> str:
        verdict = {True: "no further law exists", False: "further laws exist", None: "whether others exist was not settled within the budget"}
        possible = f"P = {self.parameters}, Lie algebra of dimension {self.lie_dimension}, independent laws possible: {self.laws_possible}"
        return f"{possible}, found: {self.found_independent}; {verdict[self.complete]}"


def independent_laws(model: ExactMap, degree: int = 2, also: Sequence[sp.Expr] = (), budget: int = BUDGET) -> LawCount:
    """Count the functionally independent laws, and say whether there can be more than the polynomial ones up to a degree.

    Parameters
    ----------
    model : parametrization
        Any map with `symbols` and `expressions` that is polynomial over the rationals.
    degree : int
        The largest degree of the polynomial laws that are looked for.
    also : sequence of Expr
        Further laws, such as rational ones; each is proved first. Their gradients must be rational at rational points.
    budget : int
        Terms of all brackets together after which the answer is that it is not settled.

    Raises
    ------
    InvalidArgument
        As `conserved_quantities`; and if one of `also` is not proved to be conserved.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal
    >>> print(independent_laws(DeepLinear(widths=(2, 2, 2))))
    P = 8, Lie algebra of dimension 5, independent laws possible: 3, found: 3; no further law exists
    >>> cubes = Diagonal(dim=1, depth=3)
    >>> u, v = cubes.symbols
    >>> print(independent_laws(cubes))
    P = 2, Lie algebra of dimension 1, independent laws possible: 1, found: 0; further laws exist
    >>> independent_laws(cubes, also=[1 / u + 1 / v]).complete
    True

    """
    laws = conserved_quantities(model, degree)
    ring, entries = polynomial_map(model)
    P, point = len(ring.symbols), _generic_point(len(ring.symbols))
    slopes = [_at(gradient(ring, ring.read(law.expression)), point) for law in laws]
    found = len(independent(modulo_prime([*slopes, *(_slope_at(model, quantity, point) for quantity in also)], P)))
    dimension, closed = _lie_dimension(ring, [gradient(ring, ring.integral(w)) for w in entries], point, P - found, budget)
    complete = True if dimension + found == P else (False if closed else None)
    return LawCount(P, dimension, P - dimension, found, complete)


@dataclass(frozen=True, eq=False)
class _Germ:
    """A field with integer coefficients, and what it is near the point to first order, modulo the prime.

    Parameters
    ----------
    field : Field
        X.
    value : nmod_mat, shape (1, P)
        X at the point.
    slopes : nmod_mat, shape (P, P)
        Row j is ∂X/∂θ_j there.

    """

    field: Field
    value: Any
    slopes: Any


def _germ(ring: Polynomials, field: Field, point: Sequence[int]) -> _Germ:
    P = len(point)
    slopes = [_at({k: ring.derivative(component, j) for k, component in field.items()}, point) for j in range(P)]
    return _Germ(field, modulo_prime([_at(field, point)], P), modulo_prime(slopes, P))


def _lie_dimension(ring: Polynomials, fields: Sequence[Field], point: Sequence[int], enough: int, budget: int) -> tuple[int, bool]:
    """Dimension of the algebra at the point, and whether it is known to be no larger: `enough` was reached, or brackets add nothing.

    A bracket is taken at the point first, which needs no products of polynomials; those that add a direction are multiplied out only if
    another round of brackets is needed.
    """
    rows = modulo_prime([_at(field, point) for field in fields], len(point)).tolist()
    kept, spent = _adding([], rows, len(point)), 0
    rows, fresh = [rows[i] for i in kept], [_germ(ring, fields[i], point) for i in kept]
    generators, pairs = fresh, list(combinations(fresh, 2))
    while pairs and len(rows) < enough:
        values = [(X.value * Y.slopes - Y.value * X.slopes).entries() for X, Y in pairs]
        kept = _adding(rows, values, len(point))
        rows, fresh = rows + [values[i] for i in kept], []
        for X, Y in (pairs[i] for i in kept if len(rows) < enough):
            field = bracket(ring, X.field, Y.field)
            spent += sum(map(len, field.values()))
            if spent > budget:
                return len(rows), False
            fresh.append(_germ(ring, field, point))
        pairs = list(product(generators, fresh))
    return len(rows), True


def _adding(rows: Sequence[Sequence[Any]], values: Sequence[Sequence[Any]], P: int) -> list[int]:
    """Which of the values add a direction to independent rows."""
    matrix = flint.nmod_mat(len(rows) + len(values), P, [int(x) for row in [*rows, *values] for x in row], PRIME)
    return [i - len(rows) for i in independent(matrix) if i >= len(rows)]


def _generic_point(size: int) -> list[int]:
    return [int(x) for x in np.random.default_rng(2307).integers(1, 2**60, size=size)]


def _at(field: Field, point: Sequence[int]) -> list[Any]:
    return [field[k](*point) if k in field else flint.fmpq(0) for k in range(len(point))]


def _slope_at(model: ExactMap, quantity: sp.Expr, point: Sequence[int]) -> list[Any]:
    """The gradient of a law that is not polynomial, at the point."""
    answer = conservation(model, quantity).prove()
    if not isinstance(answer, Proof):
        raise InvalidArgument("also", quantity, f"is not proved to be conserved: {answer}", "pass laws whose `conservation` can be proved")
    at = dict(zip(model.symbols, point, strict=True))
    slopes = [sp.diff(quantity, symbol).subs(at) for symbol in model.symbols]
    if not all(slope.is_Rational for slope in slopes):
        raise InvalidArgument("also", quantity, "has a gradient that is not rational at rational points", "pass a function of the law instead")
    return [flint.fmpq(int(slope.p), int(slope.q)) for slope in slopes]
