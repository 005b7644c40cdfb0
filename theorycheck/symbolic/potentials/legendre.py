"""The Legendre potential of a commuting parametrization: gradient flow of any loss of w(θ) is its mirror flow.

Setting      w = G(θ) with [∇G_i, ∇G_j] = 0 and gradients that are independent at the start θ_0; ψ(θ_0; μ) is the flow of the fields
             +∇G_i for the signed times μ.
Results      ∇Q(μ) = G(ψ(θ_0; μ)), R = Q*, ∇R(G(θ_0)) = 0, ∇²R(w) = (∂G∂Gᵀ)^(-1). Gradient flow of any loss, also one that depends on time,
             is θ(t) = ψ(θ_0; μ(t)) with μ = -∫ ∇ℓ(w), that is d/dt ∇R(w) = -∇ℓ(w). R depends on the start.
Convention   R carries its constants: R(w) + Q(∇R(w)) = ⟨w, ∇R(w)⟩, and Q = |ψ|²/(2k) where G is homogeneous of degree k ≥ 2.
Source       Li, Wang, Lee & Arora 2022, arXiv:2207.04036.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument, ShapeMismatch, TheorycheckError, require_finite, require_shape
from theorycheck.symbolic.brackets import Brackets, ExactMap, lie_brackets
from theorycheck.symbolic.potentials.exact import ExactForm
from theorycheck.symbolic.potentials.modes import Arrays, ModeSystem
from theorycheck.symbolic.potentials.recognition import Piece, pieces_of
from theorycheck.symbolic.potentials.rows import Ends
from theorycheck.symbolic.potentials.table import Group, grouped


class VectorMap(ExactMap, Protocol):
    """What is asked of a model."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of w, ``(d,)``."""


class NoClosedForm(TheorycheckError):
    """The map commutes, or is not known not to, but no row of the table of potentials fits it."""

    def __init__(self, outputs: tuple[int, ...], formulas: tuple[sp.Expr, ...], reason: str) -> None:
        self.outputs, self.formulas, self.reason = outputs, formulas, reason
        super().__init__(outputs, formulas, reason)

    def __str__(self) -> str:
        entries = ", ".join(f"w[{i}] = {formula}" for i, formula in zip(self.outputs, self.formulas, strict=True))
        return f"no closed form of the potential is known for {entries}: {self.reason}; `numeric_potential` integrates its flows instead"


@dataclass(frozen=True, eq=False)
class Potential:
    """R, Q = R* and what goes with them; made by `legendre_potential`.

    Every method broadcasts over leading axes, those of the start included: w, μ are ``(..., d)``, θ is ``(..., P)``. Points outside the
    open domains are refused with `InvalidArgument`; `in_domain` and `in_dual_domain` ask without raising.

    Parameters
    ----------
    groups : tuple of Group
        Rows of the table, one for all entries of w of a kind.
    start : ndarray, shape (..., P)
        θ_0.

    """

    groups: tuple[Group, ...]
    start: np.ndarray

    @cached_property
    def system(self) -> ModeSystem:
        """The rows, for methods that move modes instead of μ."""
        return ModeSystem(tuple((group.outputs, group.row(self.start)) for group in self.groups))

    @property
    def entries(self) -> int:
        """d, the number of entries of w."""
        return self.system.entries

    @property
    def separable(self) -> bool:
        """Whether R is a sum over the entries; then `metric` and `hessian` are diagonals."""
        return not any(row.joint for row in self.system.rows)

    @cached_property
    def domain(self) -> Ends:
        """Ends of the open interval of each entry of w, ``(..., d)``; for entries served jointly, of the least box around their cone."""
        low, high = zip(*(row.domain for row in self.system.rows), strict=True)
        return self.system.gathered(low), self.system.gathered(high)

    @cached_property
    def dual_domain(self) -> Ends:
        """Ends of the open interval of each entry of μ, ``(..., d)``."""
        low, high = zip(*(row.dual_domain for row in self.system.rows), strict=True)
        return self.system.gathered(low), self.system.gathered(high)

    def in_domain(self, w: ArrayLike) -> np.ndarray:
        """Whether w is inside the domain of R, shape ``(...)``; for entries served jointly, up to rounding."""
        point = self._entries("w", w)
        inside = np.all(_between(point, self.domain), axis=-1)
        for outputs, row in self.system.parts:
            inside = inside & row.contains(point[..., outputs])
        return inside

    def in_dual_domain(self, mu: ArrayLike) -> np.ndarray:
        """Whether μ is inside the domain of Q, shape ``(...)``."""
        return np.all(_between(self._entries("mu", mu), self.dual_domain), axis=-1)

    def value(self, w: ArrayLike) -> np.ndarray:
        """R(w), shape ``(...)``."""
        point = self._inside(w)
        return sum((row.value(point[..., outputs]) for outputs, row in self.system.parts), np.zeros(()))

    def mirror(self, w: ArrayLike) -> np.ndarray:
        """μ = ∇R(w), 0 at the start."""
        point = self._inside(w)
        return self.system.gathered([row.mirror(point[..., outputs]) for outputs, row in self.system.parts])

    def inverse(self, mu: ArrayLike) -> np.ndarray:
        """w = ∇Q(μ); overflows to infinity, as it must, where w does."""
        dual = self._dual_inside(mu)
        return self.system.gathered([row.inverse(dual[..., outputs]) for outputs, row in self.system.parts])

    def conjugate(self, mu: ArrayLike) -> np.ndarray:
        """Q(μ), shape ``(...)``."""
        dual = self._dual_inside(mu)
        return sum((row.conjugate(dual[..., outputs]) for outputs, row in self.system.parts), np.zeros(()))

    def metric(self, w: ArrayLike) -> np.ndarray:
        """∂G∂Gᵀ = (∇²R)^(-1) at w: its diagonal ``(..., d)`` if separable, else ``(..., d, d)``."""
        point = self._inside(w)
        return self._metric([row.metric(point[..., outputs]) for outputs, row in self.system.parts])

    def hessian(self, mu: ArrayLike) -> np.ndarray:
        """∇²Q(μ), the metric as a function of μ, in the same shape."""
        dual = self._dual_inside(mu)
        return self._metric([row.hessian(dual[..., outputs]) for outputs, row in self.system.parts])

    def divergence(self, a: ArrayLike, b: ArrayLike) -> np.ndarray:
        """Bregman divergence D_R(a, b) = R(a) - R(b) - ⟨∇R(b), a - b⟩ as a sum of terms ≥ 0, shape ``(...)``."""
        first, second = self._inside(a), self._inside(b)
        return sum((row.divergence(first[..., outputs], second[..., outputs]) for outputs, row in self.system.parts), np.zeros(()))

    def parameters_at(self, mu: ArrayLike) -> np.ndarray:
        """ψ(θ_0; μ), the point of the flow where ∇R(w) = μ, shape ``(..., P)``; parameters w does not depend on stay."""
        steps = self.system.along(self._dual_inside(mu))
        return self.parameters_of(self.system.advanced(self.system.start(), steps).modes)

    def parameters_of(self, modes: Arrays) -> np.ndarray:
        """θ of modes, shape ``(..., P)``."""
        pieces = [row.parameters(part) for row, part in zip(self.system.rows, modes, strict=True)]
        lead = np.broadcast_shapes(*(p.shape[: p.ndim - group.inputs.ndim] for p, group in zip(pieces, self.groups, strict=True)))
        theta = np.broadcast_to(self.start, np.broadcast_shapes(self.start.shape, (*lead, self.start.shape[-1]))).copy()
        for group, piece in zip(self.groups, pieces, strict=True):
            theta[..., group.inputs] = piece
        return theta

    @cached_property
    def cone(self) -> np.ndarray:
        """Vectors whose combinations with positive weights fill the domain, shape ``(..., K, d)``; some may be 0."""
        lead, unit = self.start.shape[:-1], np.eye(self.entries)
        blocks = [row.generators @ unit[outputs] for outputs, row in self.system.parts]
        return np.concatenate([np.broadcast_to(block, (*lead, *block.shape[-2:])) for block in blocks], axis=-2)

    def expression(self, entry: int = 0) -> ExactForm:
        """R, ∇R, Q, ψ of an entry of w in symbols; for entries served jointly, of all of them."""
        for group in self.groups:
            if entry in group.outputs:
                return group.exact(entry, self.start)
        raise InvalidArgument("entry", entry, f"must be one of the {self.entries} entries of w", "count from 0")

    def latex(self, entry: int = 0) -> str:
        """The closed forms of an entry of w."""
        return self.expression(entry).latex()

    def __repr__(self) -> str:
        """The closed forms, those of entries of a kind once."""
        shown = ["Legendre potential R, with conjugate Q"]
        for group in self.groups:
            shown.append(f"    {', '.join(f'w_{i + 1}' for i in group.outputs)}:")
            shown += [f"        {line}" for line in self.expression(int(group.outputs[0])).lines]
        return "\n".join(shown)

    def _repr_latex_(self) -> str:
        """One display for all entries of w of a kind."""
        shown = []
        for group in self.groups:
            names = ", ".join(f"w_{{{i + 1}}}" for i in group.outputs)
            shown.append(f"$$\n\\text{{for }} {names}:\\quad\n{self.latex(int(group.outputs[0]))}\n$$")
        return "\n".join(shown)

    def _entries(self, name: str, value: ArrayLike) -> np.ndarray:
        array = require_shape(name, require_finite(name, value), (self.entries,), f"w has {self.entries} entries")
        try:
            np.broadcast_shapes(array.shape[:-1], self.start.shape[:-1])
        except ValueError as error:
            rule = f"must have leading axes that broadcast with {self.start.shape[:-1]}, those of the start"
            raise ShapeMismatch(f"{name}.shape", array.shape, rule, "pass as many instances as starts") from error
        return array

    def _inside(self, w: ArrayLike) -> np.ndarray:
        point = self._entries("w", w)
        _require_between("w", point, self.domain)
        for outputs, row in self.system.parts:
            if not np.all(row.contains(point[..., outputs])):
                rule = f"is outside the cone that its entries {outputs.tolist()} can reach from the start"
                raise InvalidArgument("w", point, rule, "pass a point of the domain; `in_domain` asks without raising")
        return point

    def _dual_inside(self, mu: ArrayLike) -> np.ndarray:
        dual = self._entries("mu", mu)
        _require_between("mu", dual, self.dual_domain)
        return dual

    def _metric(self, pieces: list[np.ndarray]) -> np.ndarray:
        if self.separable:
            return self.system.gathered(pieces)
        shape = np.broadcast_shapes(*(p.shape[: p.ndim - 1 - row.joint] for p, row in zip(pieces, self.system.rows, strict=True)))
        full = np.zeros((*shape, self.entries, self.entries))
        for piece, (outputs, row) in zip(pieces, self.system.parts, strict=True):
            full[..., outputs[:, None], outputs] = piece if row.joint else piece[..., None] * np.eye(len(outputs))
        return full


def legendre_potential(model: VectorMap, start: ArrayLike) -> Potential:
    """The Legendre potential of a commuting parametrization from a start.

    Known rows, entry by entry: Σ a θ + b, a u^D and a (u^D - v^D) for D ≥ 2, a u v; and quadratic forms θᵀ A_i θ/2 whose matrices commute,
    exactly or up to rounding. Other starts give other potentials.

    Parameters
    ----------
    model : parametrization
        The map θ -> w, with a vector w of d entries.
    start : ndarray, shape (..., P)
        θ_0, where the gradients of the entries of w are independent.

    Raises
    ------
    InvalidArgument
        The model does not commute (the message shows a bracket and a point), or the start is one from which an entry of w is frozen.
    NoClosedForm
        The model may commute, but no row fits it.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Diagonal
    >>> potential = legendre_potential(Diagonal(dim=1, depth=2), [1.0, 1.0])
    >>> potential.value([0.0]), potential.mirror([2.0]).round(12) == np.round(np.arcsinh(1.0) / 4, 12)
    (np.float64(-0.5), array([ True]))

    """
    groups = _groups(model.symbols, model.expressions)
    if len(model.shape) != 1:
        raise NoClosedForm(tuple(range(len(model.expressions))), model.expressions, "w is a matrix")
    theta = require_shape("start", require_finite("start", start), (len(model.symbols),), f"the model has {len(model.symbols)} parameters")
    potential = Potential(groups, theta.copy())
    _ = potential.system  # refuses a start from which an entry of w is frozen
    return potential


def require_potential(potential: object) -> None:
    """Raise `InvalidArgument` for what is no potential, such as the model that has one."""
    if not hasattr(potential, "parameters_at") or isinstance(potential, type):
        raise InvalidArgument("potential", potential, "is no potential", "pass tc.legendre_potential(model, start), or tc.numeric_potential")


def _between(value: np.ndarray, ends: Ends) -> np.ndarray:
    return (ends[0] < value) & (value < ends[1])


def _require_between(name: str, value: np.ndarray, ends: Ends) -> None:
    """Raise for the first entry outside its open interval."""
    outside = np.argwhere(~_between(value, ends))
    if len(outside):
        where = tuple(map(int, outside[0]))
        entry, low, high = (np.broadcast_to(a, np.broadcast_shapes(value.shape, ends[0].shape))[where] for a in (value, *ends))
        rule = f"is outside the open interval ({low:.17g}, {high:.17g})"
        place, asked = ", ".join(map(str, where)), "in_domain" if name == "w" else "in_dual_domain"
        raise InvalidArgument(f"{name}[{place}]", float(entry), rule, f"pass a point of the domain; `{asked}` asks without raising")


@dataclass(frozen=True)
class _Entries:
    """Some entries of a map."""

    symbols: tuple[sp.Symbol, ...]
    expressions: tuple[sp.Expr, ...]


def require_no_witness(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...], outputs: Sequence[int]) -> Brackets:
    """Brackets of some entries of a map, or `InvalidArgument` naming the pair and the point where one does not vanish."""
    brackets = lie_brackets(_Entries(symbols, tuple(expressions[i] for i in outputs)))
    if brackets.witness is not None:
        i, j = brackets.witness.pair
        witness = replace(brackets.witness, pair=(outputs[i], outputs[j]))
        shown = f"w[{outputs[i]}] = {expressions[outputs[i]]} and w[{outputs[j]}] = {expressions[outputs[j]]}"
        rule = f"does not commute: with {shown}, {witness}"
        raise InvalidArgument("model", expressions, rule, "only commuting parametrizations have a Legendre potential")
    return brackets


@lru_cache(maxsize=256)
def _groups(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> tuple[Group, ...]:
    """Rows of a commuting map."""
    pieces = pieces_of(symbols, expressions)
    known = tuple(piece for piece in pieces if isinstance(piece, Piece))
    groups = grouped(known, symbols, expressions)
    unknown = [groups.outputs] if isinstance(groups, Piece) else []
    unknown += [piece for piece in pieces if not isinstance(piece, Piece)]
    for outputs in unknown:
        commuting = require_no_witness(symbols, expressions, outputs).commuting
        reason = "no row of the table fits" if commuting else "its brackets could not be decided"
        raise NoClosedForm(outputs, tuple(expressions[i] for i in outputs), reason)
    assert not isinstance(groups, Piece)
    return groups
