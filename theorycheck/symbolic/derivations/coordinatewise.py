"""Matrix form of the derivatives of a map that acts on each coordinate alike: w_i = φ(u_i, v_i, ...), for any dimension.

With φ_a the derivative of φ in its argument a, taken entry by entry, ∇_a R = φ_a ⊙ g and H_ab = diag(φ_a) C diag(φ_b) + diag(φ_ab ⊙ g),
where g = ∇_w R and C = ∇²_w R. The forms are compared with every entry of the entrywise derivation before they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theorycheck.symbolic.derivations.base import WrongDerivation
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation

TAKEN = frozenset({"g", "C", "w"})


@dataclass(frozen=True)
class CoordinateForms:
    """φ and its derivatives.

    Parameters
    ----------
    groups : tuple of Symbol
        One symbol a vector of parameters, in the order of θ.
    map : Expr
        φ in these symbols.

    """

    groups: tuple[sp.Symbol, ...]
    map: sp.Expr

    def slope(self, a: int) -> sp.Expr:
        """φ_a."""
        return self.map.diff(self.groups[a])

    def bend(self, a: int, b: int) -> sp.Expr:
        """φ_ab."""
        return self.slope(a).diff(self.groups[b])


def coordinate_forms(derivation: EntrywiseDerivation) -> CoordinateForms | None:
    """Matrix form of a derivation, or nothing where the map is not one φ for all coordinates, in vectors named u1, u2, ....

    Raises
    ------
    WrongDerivation
        If the matrix form and the entries disagree.

    """
    symbols, expressions, shape = derivation.model.symbols, derivation.model.expressions, derivation.model.shape
    d = shape[0]
    if len(shape) > 1 or d < 2 or len(symbols) % d:
        return None
    vectors = [symbols[start : start + d] for start in range(0, len(symbols), d)]
    groups = tuple(sp.Symbol(stem, real=True) for stem in map(_stem, vectors) if stem)
    if len(set(groups)) < len(vectors) or {group.name for group in groups} & TAKEN:
        return None
    renamed = {e.xreplace({v[i]: group for v, group in zip(vectors, groups, strict=True)}) for i, e in enumerate(expressions)}
    if len(renamed) > 1:
        return None
    forms = CoordinateForms(groups, renamed.pop())
    if not forms.map.free_symbols <= set(groups):
        return None
    _compare(forms, derivation, vectors)
    return forms


def _stem(vector: Sequence[sp.Symbol]) -> str:
    """The name that the symbols u1, u2, ... share, or nothing."""
    stems = {symbol.name.rstrip("0123456789").rstrip("_") for symbol in vector}
    return stems.pop() if len(stems) == 1 else ""


def _compare(forms: CoordinateForms, derivation: EntrywiseDerivation, vectors: Sequence[Sequence[sp.Symbol]]) -> None:
    d, g, C = len(vectors[0]), derivation.slopes, derivation.bends
    for i in range(d):
        here = {group: v[i] for v, group in zip(vectors, forms.groups, strict=True)}
        for a in range(len(vectors)):
            slope = forms.slope(a).xreplace(here)
            _require(slope * g[i] - derivation.gradient[a * d + i], "gradient")
            for b in range(len(vectors)):
                for j in range(d):
                    there = {group: v[j] for v, group in zip(vectors, forms.groups, strict=True)}
                    residual = forms.bend(a, b).xreplace(here) * g[i] if i == j else sp.S.Zero
                    form = slope * C[i, j] * forms.slope(b).xreplace(there) + residual
                    _require(form - derivation.hessian[a * d + i, b * d + j], "Hessian")


def _require(difference: sp.Expr, name: str) -> None:
    if sp.expand(difference) != 0:
        raise WrongDerivation(f"the matrix form of the {name} differs from its entries by {difference}")
