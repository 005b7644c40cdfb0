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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.brackets import ExactMap
from theorycheck.symbolic.conserved.elimination import PRIME, independent
from theorycheck.symbolic.conserved.laws import conservation, conserved_quantities
from theorycheck.symbolic.identities.statements import Proof
from theorycheck.symbolic.vector_fields import Field, Polynomials, bracket, gradient, polynomial_map

BUDGET = 200_000  # terms of all brackets together


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
        verdict = {
            True: "no further law exists",
            False: f"{self.laws_possible - self.found_independent} more exist near generic points",
            None: "whether more exist was not settled within the budget",
        }[self.complete]
        sizes = f"{self.parameters} parameters, {self.lie_dimension} directions in the Lie algebra"
        return f"{sizes}: at most {self.laws_possible} independent laws, {self.found_independent} found: {verdict}"


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
    8 parameters, 5 directions in the Lie algebra: at most 3 independent laws, 3 found: no further law exists
    >>> cubes = Diagonal(dim=1, depth=3)
    >>> u, v = cubes.symbols
    >>> print(independent_laws(cubes))
    2 parameters, 1 directions in the Lie algebra: at most 1 independent laws, 0 found: 1 more exist near generic points
    >>> independent_laws(cubes, also=[1 / u + 1 / v]).complete
    True

    """
    laws = conserved_quantities(model, degree)
    ring, entries = polynomial_map(model)
    point = _generic_point(len(ring.symbols))
    dimension, closed = _lie_dimension(ring, [gradient(ring, w) for w in entries], point, budget)
    slopes = [_at(ring, gradient(ring, ring.read(law.expression)), point) for law in laws]
    slopes += [_slope_at(model, quantity, point) for quantity in also]
    possible, found = len(ring.symbols) - dimension, _rank(slopes)
    return LawCount(len(ring.symbols), dimension, possible, found, True if found == possible else (False if closed else None))


def _lie_dimension(ring: Polynomials, fields: Sequence[Field], point: Sequence[int], budget: int) -> tuple[int, bool]:
    """Dimension of the algebra at the point, and whether it was closed within the budget."""
    span, rows, generators, spent = [], [], None, 0
    fresh: Sequence[Field] = [field for field in fields if field]
    while fresh:
        tried = rows + [_at(ring, field, point) for field in fresh]
        new = [i - len(rows) for i in independent(_integer(tried)) if i >= len(rows)]
    return 0, True
