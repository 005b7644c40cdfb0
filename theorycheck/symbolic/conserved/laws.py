"""Polynomial conservation laws of gradient flow, by linear algebra over the rationals.

Setting      w = G(θ) polynomial. h is conserved by gradient flow of every loss of w, whatever the data and also if the loss depends on
             time, iff ⟨∇h, ∇G_i⟩ = 0 identically for every entry i: the flow moves along combinations of the ∇G_i only.
Method       The coefficients of h are the unknowns, those of ⟨∇h, ∇G_i⟩ the equations.
Not covered  Laws of one loss or of one data set; laws that are not polynomial (see `independent_laws` for whether there can be any).
Source       Balancedness of linear networks: Arora, Cohen & Hazan 2018, arXiv:1802.06509; Du, Hu & Lee 2018, arXiv:1806.00900.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from math import comb, prod
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument, TheorycheckError, TooLarge, require_shape
from theorycheck.symbolic.brackets import ExactMap
from theorycheck.symbolic.conserved.elimination import Column, sparse_kernel
from theorycheck.symbolic.identities.statements import Identity
from theorycheck.symbolic.vector_fields import Field, Polynomials, expressions_of, gradient, inner, polynomial_map, symbols_of

MONOMIALS = 20_000
Monomial: TypeAlias = tuple[int, ...]  # the parameters it is a product of, in order, with repetitions


class WrongLaw(TheorycheckError):
    """A law that was found is not conserved: a fault of this project, never of the model."""


@dataclass(frozen=True)
class ConservedQuantity:
    """A polynomial h(θ) that gradient flow of every loss of w conserves.

    Parameters
    ----------
    expression : Expr
        h, with coprime integer coefficients.
    symbols : tuple of Symbol
        The parameters of the model, in the order of θ.
    degree : int
        Degree of h.
    proved : str
        What was multiplied out to prove it.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Hadamard
    >>> (law,) = conserved_quantities(Hadamard(1))
    >>> print(law)
    u1**2 - v1**2
    >>> print(law.proved)
    ⟨∇h, ∇w_i⟩ expands to 0 for i = 1 .. 1, over the rationals
    >>> law([[3.0, 1.0], [2.0, 2.0]])
    array([8., 0.])

    """

    expression: sp.Expr
    symbols: tuple[sp.Symbol, ...]
    degree: int
    proved: str

    def __call__(self, theta: Any) -> np.ndarray:
        """h(θ): shape ``(..., P)`` -> ``(...,)``."""
        array = np.asarray(theta, dtype=float)
        require_shape("theta", array, (len(self.symbols),), f"the law has {len(self.symbols)} parameters")
        return sum((c * np.prod(array[..., list(monomial)], axis=-1) for monomial, c in self._terms), np.zeros(array.shape[:-1]))

    def __str__(self) -> str:
        return str(self.expression)

    def latex(self) -> str:
        """The statement that h is constant."""
        return rf"\frac{{d}}{{dt}} \left( {sp.latex(self.expression)} \right) = 0"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @cached_property
    def _terms(self) -> tuple[tuple[Monomial, float], ...]:
        places = {symbol: k for k, symbol in enumerate(self.symbols)}
        terms = ((term.as_coeff_Mul()) for term in sp.Add.make_args(self.expression))
        return tuple((_factors(product, places), float(c)) for c, product in terms)


def conserved_quantities(model: ExactMap, degree: int = 2) -> tuple[ConservedQuantity, ...]:
    """Find a linear basis of the polynomial conservation laws of gradient flow, constants aside, up to a degree.

    Parameters
    ----------
    model : parametrization
        Any map with `symbols` and `expressions` that is polynomial over the rationals.
    degree : int
        The largest degree.

    Returns
    -------
    tuple of ConservedQuantity
        By degree, then by leading monomial (the first in the order of θ, highest degree first), which has a positive coefficient and leads no
        other law. Products of laws are listed too where the degree admits them: the basis is linear, see `independent_laws` for how many
        laws are functionally independent.

    Raises
    ------
    InvalidArgument
        If the degree is not a positive integer, if the model has no exact map, or (`NotPolynomial`) if that is not polynomial.
    TooLarge
        If there are too many monomials, or if too many of them hang together.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import DeepLinear
    >>> for law in conserved_quantities(DeepLinear(widths=(1, 2, 3))):
    ...     print(law)
    w1_11**2 - w2_11**2 - w2_21**2 - w2_31**2
    w1_11*w1_21 - w2_11*w2_12 - w2_21*w2_22 - w2_31*w2_32
    w1_21**2 - w2_12**2 - w2_22**2 - w2_32**2

    """
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise InvalidArgument("degree", degree, "must be a positive integer", "pass degree=2 for quadratic laws")
    count = comb(len(symbols_of(model)) + degree, degree) - 1
    if count > MONOMIALS:
        rule = f"gives {count} monomials in {len(model.symbols)} parameters, over the budget of {MONOMIALS}"
        remedy = "ask for a lower degree or use fewer parameters; deep linear networks of any size conserve `layer_imbalances`"
        raise TooLarge("degree", degree, rule, remedy)
    ring, entries = polynomial_map(model)
    fields = [gradient(ring, ring.integral(w)) for w in entries]
    monomials = [m for n in range(degree, 0, -1) for m in combinations_with_replacement(range(len(ring.symbols)), n)]
    vectors = sparse_kernel(list(_columns(fields, monomials, degree + max(w.total_degree() for w in entries))))
    laws = ({monomials[j]: x for j, x in vector.items()} for vector in vectors)
    return tuple(sorted((_proved(ring, fields, law) for law in laws), key=lambda law: law.degree))


def conservation(model: ExactMap, quantity: sp.Expr) -> Identity:
    """The identity that says: every gradient flow of the model conserves the quantity; its `prove` decides.

    Parameters
    ----------
    model : parametrization
        Any map with `symbols` and `expressions`.
    quantity : Expr
        A function of the parameters, not necessarily polynomial.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Diagonal
    >>> model = Diagonal(dim=1, depth=3)
    >>> u, v = model.symbols
    >>> print(conservation(model, 1 / u + 1 / v).prove())
    PROVED ...
    >>> print(conservation(model, u + v).prove())
    UNPROVED ...

    """
    symbols, expressions = symbols_of(model), expressions_of(model)
    if unknown := sorted(map(str, quantity.free_symbols - set(symbols))):
        raise InvalidArgument("quantity", quantity, f"uses symbols that are not parameters: {', '.join(unknown)}", "use the model's symbols")
    slopes = [(symbol, sp.diff(quantity, symbol)) for symbol in symbols if quantity.has(symbol)]
    rates = [sp.Add(*(slope * sp.diff(w, symbol) for symbol, slope in slopes)) for w in expressions]
    return Identity(rates[0], 0) if len(rates) == 1 else Identity(sp.Matrix(rates), sp.zeros(len(rates), 1))


def _columns(fields: Sequence[Field], monomials: Sequence[Monomial], bound: int) -> Iterator[Column]:
    """⟨∇m, ∇w_i⟩ for each monomial m, as its coefficients by (i, exponents): the exponents are digits to a base that no power exceeds."""
    slopes: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for i, field in enumerate(fields):
        for k, component in field.items():
            slopes[k] += [(i, _packed(enumerate(powers), bound), int(c.p)) for powers, c in component.to_dict().items()]
    for monomial in monomials:
        column: dict[Hashable, int] = defaultdict(int)
        powers = Counter(monomial)
        for k, power in powers.items():
            rest = _packed(powers.items(), bound) - _packed([(k, 1)], bound)
            for i, factor, coefficient in slopes[k]:
                column[i, rest + factor] += power * coefficient
        yield {row: entry for row, entry in column.items() if entry}


def _packed(powers: Iterable[tuple[int, int]], bound: int) -> int:
    return sum(power * (bound + 1) ** k for k, power in powers if power)


def _proved(ring: Polynomials, fields: Sequence[Field], law: dict[Monomial, int]) -> ConservedQuantity:
    """The law as a value, once ⟨∇h, ∇w_i⟩ was multiplied out for each i."""
    h = sum(c * prod((ring.context.gen(k) for k in monomial), start=ring.context.constant(1)) for monomial, c in law.items())
    slope = gradient(ring, h)
    if any(inner(slope, field) for field in fields):
        raise WrongLaw(f"{h} is not conserved")
    proved = f"⟨∇h, ∇w_i⟩ expands to 0 for i = 1 .. {len(fields)}, over the rationals"
    return ConservedQuantity(ring.expression(h), ring.symbols, max(map(len, law)), proved)


def _factors(product: sp.Expr, places: Mapping[sp.Symbol, int]) -> Monomial:
    powers = product.as_powers_dict()
    return tuple(places[symbol] for symbol in powers for _ in range(int(powers[symbol])))
