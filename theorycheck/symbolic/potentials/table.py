"""From the pieces of a map and a start to the rows of its potential, numeric and exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS
from theorycheck.symbolic.potentials.exact import ExactForm, affine_form, difference_form, forms_form, power_form, product_form
from theorycheck.symbolic.potentials.forms import CommutingFormsRow, common_eigenbasis
from theorycheck.symbolic.potentials.powers import PowerDifferenceRow, PowerRow
from theorycheck.symbolic.potentials.recognition import Kind, Piece
from theorycheck.symbolic.potentials.rows import AffineRow, Row
from theorycheck.symbolic.potentials.squares import SquaresRow

_LEAST_LEVEL = 1e-290  # below it, or above its inverse, float64 has no room for products of levels

_MODES = {  # the modes (p, q) as a linear map of θ, and θ as a linear map of (p, q)
    (Kind.POWER, True): (((1.0,), (0.0,)), ((1.0, 0.0),)),
    (Kind.POWER, False): (((0.0,), (1.0,)), ((0.0, 1.0),)),
    (Kind.DIFFERENCE, True): (((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
    (Kind.PRODUCT, True): (((0.5, 0.5), (0.5, -0.5)), ((1.0, 1.0), (1.0, -1.0))),
    (Kind.PRODUCT, False): (((0.5, -0.5), (0.5, 0.5)), ((1.0, 1.0), (-1.0, 1.0))),
}


@dataclass(frozen=True, eq=False)
class Group:
    """Pieces of one kind laid side by side, so that one row serves them all.

    Parameters
    ----------
    pieces : tuple of Piece
        One for each entry of w served; a single one for forms.
    outputs : ndarray of int, shape (m,)
        Entries of w.
    inputs : ndarray of int, shape (m, k); (P,) for forms
        Entries of θ.
    data : ndarray, shape (m, c)
        Coefficients; the eigenvalues for forms.
    basis : ndarray, shape (P, P), or None
        Common eigenbasis of forms.

    """

    pieces: tuple[Piece, ...]
    outputs: np.ndarray
    inputs: np.ndarray
    data: np.ndarray
    basis: np.ndarray | None = None

    def row(self, start: np.ndarray) -> Row:
        """The numeric row from θ_0 of shape ``(..., P)``."""
        theta, kind, depth = start[..., self.inputs], self.pieces[0].kind, self.pieces[0].depth
        if self.basis is not None:
            return _forms_row(theta, self.basis, self.data)
        if kind is Kind.AFFINE:
            return AffineRow(self.data[:, :-1], self.data[:, -1], theta)
        if depth == 2:
            return _squares_row(theta, kind, self.data[:, 0])
        return _power_row(theta, kind, depth, self.data[:, 0])

    def exact(self, output: int, start: np.ndarray) -> ExactForm:
        """The exact row of an entry of w; from a start ``(..., P)`` that freezes its sign in every instance, the frozen one."""
        piece = self.pieces[0] if self.basis is not None else self.pieces[int(np.flatnonzero(self.outputs == output)[0])]
        if piece.kind is Kind.FORMS:
            return forms_form(len(piece.outputs), len(piece.inputs))
        if piece.kind is Kind.AFFINE:
            return affine_form(piece.coefficients[:-1], piece.coefficients[-1])
        if piece.kind is Kind.POWER:
            return power_form(piece.coefficients[0], piece.depth)
        u, v = start[..., piece.inputs[0]], start[..., piece.inputs[1]]
        if piece.kind is Kind.PRODUCT:
            return product_form(piece.coefficients[0], int(np.all(u == v)) - int(np.all(u == -v)))
        return difference_form(piece.coefficients[0], piece.depth, int(np.all(v == 0)) - int(np.all(u == 0)))


def grouped(pieces: Iterable[Piece], symbols: Sequence[sp.Symbol], expressions: Sequence[sp.Expr]) -> tuple[Group, ...] | Piece:
    """The groups of a map, or the first piece whose quadratic forms have no common eigenbasis."""

    def key(piece: Piece) -> tuple[str, int, int, int]:
        return piece.kind.name, piece.depth, len(piece.inputs), piece.outputs[0] if piece.kind is Kind.FORMS else 0

    groups = []
    for _, alike in groupby(sorted(pieces, key=key), key):
        members = tuple(alike)
        if members[0].kind is Kind.FORMS:
            piece, matrices = members[0], _matrices(members[0], symbols, expressions)
            found = common_eigenbasis(matrices)
            if found is None:
                return piece
            groups.append(Group(members, np.array(piece.outputs), np.array(piece.inputs), found[1], found[0]))
        else:
            outputs, inputs = np.array([p.outputs[0] for p in members]), np.array([p.inputs for p in members])
            groups.append(Group(members, outputs, inputs, np.array([[float(c) for c in p.coefficients] for p in members])))
    return tuple(groups)


def _matrices(piece: Piece, symbols: Sequence[sp.Symbol], expressions: Sequence[sp.Expr]) -> np.ndarray:
    """The A_i of θᵀ A_i θ/2, shape (m, P, P)."""
    names, size = [symbols[k] for k in piece.inputs], len(piece.inputs)
    matrices = np.zeros((len(piece.outputs), size, size))
    for matrix, output in zip(matrices, piece.outputs, strict=True):
        for powers, coefficient in sp.Poly(expressions[output], *names).terms():
            i, j = (k for k, power in enumerate(powers) for _ in range(power))
            matrix[i, j] += float(coefficient)
            matrix[j, i] += float(coefficient)
    return matrices


def _squares_row(theta: np.ndarray, kind: Kind, a: np.ndarray) -> SquaresRow:
    maps, scale = [_MODES[kind, bool(positive)] for positive in a > 0], np.abs(a)
    modes = (np.array([into for into, _ in maps]) @ theta[..., None])[..., 0]
    rule = f"is 0 in all parameters of {kind.value}, which then never moves"
    _require(np.any(modes != 0, axis=-1), theta, rule, "start every entry of w from a parameter that is not 0")
    _require_room(np.where(modes != 0, scale[:, None] * modes**2, 1.0), theta, kind)
    return SquaresRow(scale, (2 if kind is Kind.PRODUCT else 4) * scale, np.array([back for _, back in maps]), modes)


def _power_row(theta: np.ndarray, kind: Kind, depth: int, a: np.ndarray) -> PowerRow | PowerDifferenceRow:
    rule = f"must be {'positive' if depth % 2 else 'nonzero'} in every parameter of {kind.value} for D = {depth}"
    moving = np.all(theta > 0 if depth % 2 else theta != 0, axis=-1)
    _require(moving, theta, rule, "a parameter that starts at 0 stays there: leave it out of the model (signed=False)")
    row_type, modes = (PowerRow if kind is Kind.POWER else PowerDifferenceRow), np.abs(theta)
    with np.errstate(over="ignore"):
        row = row_type(a, depth, np.sign(theta), modes)
        ends, output = np.abs(np.stack(row.dual_domain, axis=-1)), np.abs(row.output(modes))[..., None]
    balanced = np.ptp(modes, axis=-1, keepdims=True) == 0
    levels = (ends.min(axis=-1, keepdims=True), output) if kind is Kind.POWER else (ends, np.where(balanced, 1.0, output))
    _require_room(np.concatenate(levels, axis=-1), theta, kind)
    return row


def _forms_row(theta: np.ndarray, basis: np.ndarray, eigenvalues: np.ndarray) -> CommutingFormsRow:
    modes = theta @ basis
    size = np.linalg.norm(theta, axis=-1, keepdims=True)
    modes = np.where(np.abs(modes) > 8 * EPS * size, modes, 0.0)  # what rounding makes of a mode that is not excited
    independent = np.linalg.matrix_rank(eigenvalues * (modes != 0)[..., None, :]) == len(eigenvalues)
    rule = f"is where the gradients of the {len(eigenvalues)} forms are dependent"
    _require(independent, theta, rule, "start where the Jacobian of w has full rank, and pass independent forms")
    return CommutingFormsRow(basis, eigenvalues, modes)


def _require_room(levels: np.ndarray, theta: np.ndarray, kind: Kind) -> None:
    """Levels ``(..., m, k)`` must leave room for their products in float64."""
    room = np.all((levels >= _LEAST_LEVEL) & (levels <= 1 / _LEAST_LEVEL), axis=-1)
    rule = f"puts the scale of w or μ of {kind.value} outside the range of float64"
    _require(room, theta, rule, "start nearer to 1")


def _require(holds: np.ndarray, theta: np.ndarray, rule: str, remedy: str) -> None:
    """Raise with the parameters of the first instance and entry of w where a rule does not hold."""
    if not np.all(holds):
        raise InvalidArgument("start", theta[tuple(np.argwhere(~holds)[0])].tolist(), rule, remedy)
