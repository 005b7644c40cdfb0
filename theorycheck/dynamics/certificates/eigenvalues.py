"""Certified bounds on the extreme eigenvalues of symmetric matrices.

Below, λ_max is at least the Rayleigh quotient of any vector; above, λ_max < b is certain where all pivots of the LDLᵀ factorisation
of bI - H, computed in balls, are positive (Sylvester's law of inertia). Repeated eigenvalues are no obstacle to either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from theorycheck.dynamics.certificates import reals
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.linear_algebra import enclosed, rational
from theorycheck.errors import ShapeMismatch

_FLOAT_BITS = 53
_POLYNOMIAL_SIZE = 8  # matrices up to this size are searched for a rational top eigenvalue
_POLYNOMIAL_BITS = 400


def top_eigenvalue(H: np.ndarray) -> Ball:
    """Largest eigenvalue of a symmetric matrix of balls, shape (m, m); the lower triangle counts.

    Exact where it is rational (sizes up to 8); else a ball, of about 3/5 of the working digits where H is exact.
    """
    value, exact = top_eigenpair(H)[0], rational(symmetric(H))
    return value if exact is None else _exact_top(exact, value)


def least_eigenvalue(H: np.ndarray) -> Ball:
    """Smallest eigenvalue."""
    return -top_eigenvalue(-H)


def top_eigenpair(H: np.ndarray) -> tuple[Ball, np.ndarray]:
    """A ball around the largest eigenvalue, and a vector of unit length whose Rayleigh quotient the ball holds."""
    A = enclosed(symmetric(H))
    vector = _improved(A, _approximate_vector(A))
    lower = _rayleigh(A, vector)
    squares = reals.root(sum((x * x for x in vector.entries()), arb(0)))
    unit = np.empty(len(H), dtype=object)
    unit[:] = [Ball(x / squares) for x in vector.entries()]
    return Ball(lower.union(_upper_bound(A, lower))), unit


def symmetric(H: np.ndarray) -> np.ndarray:
    """The symmetric matrix with the lower triangle of H, shape (m, m)."""
    if H.ndim != 2 or H.shape[0] != H.shape[1]:
        raise ShapeMismatch("H.shape", H.shape, "must be (m, m)", "pass one symmetric matrix")
    rows, columns = np.indices(H.shape)
    return H[np.maximum(rows, columns), np.minimum(rows, columns)]


def _approximate_vector(A: arb_mat) -> arb_mat:
    """A vector near the top eigenspace, computed in floats; its entries are then exact."""
    middle = np.array([[float(x.mid()) for x in row] for row in A.table()])
    largest = np.max(np.abs(middle), initial=0.0)
    scaled = middle / largest if 0 < largest < np.inf else middle
    vector = np.linalg.eigh(scaled)[1][:, -1]
    return arb_mat(len(vector), 1, [arb(x) for x in vector.tolist()])


def _improved(A: arb_mat, vector: arb_mat) -> arb_mat:
    """The vector after Rayleigh quotient iteration on midpoints, as long as its quotient rises and lacks digits."""
    bits = 2 * _FLOAT_BITS - 8  # the quotient's error is the square of the vector's
    middle, identity = A.mid(), _identity(A.nrows())
    while bits < ctx.prec:
        best = _rayleigh(middle, vector)
        try:
            with ctx.workprec(2 * ctx.prec):  # the shifted matrix is nearly singular
                better = (middle - best.mid() * identity).solve(vector).mid()
        except ZeroDivisionError:  # the quotient is as near to an eigenvalue as this precision tells
            return vector
        size = max((abs(x) for x in better.entries()), key=float)
        if not (size.is_finite() and size > 0):
            return vector
        better = (better * (1 / size)).mid()
        if not _rayleigh(middle, better) > best:
            return vector
        vector, bits = better, 3 * bits
    return vector


def _identity(m: int) -> arb_mat:
    return arb_mat(m, m, [arb(i == j) for i in range(m) for j in range(m)])


def _rayleigh(A: arb_mat, v: arb_mat) -> arb:
    return reals.bounded((v.transpose() * (A * v))[0, 0] / (v.transpose() * v)[0, 0], "a Rayleigh quotient")


def _upper_bound(A: arb_mat, lower: arb) -> arb:
    """Some b, a little above the Rayleigh quotient, with λ_max < b for certain; the largest row sum where no such b is found.

    By LDLᵀ for the midpoints; the radii of A add their largest row sum (Weyl's inequality).
    """
    middle = A.mid()
    radius = _largest_row_sum([[x.rad() for x in row] for row in A.table()])
    rows = middle.table()
    largest = _largest_row_sum(rows)
    for gap in _gaps():
        b = (lower.upper() + gap * largest).upper()
        if is_positive_definite([[b - x if i == j else -x for j, x in enumerate(row)] for i, row in enumerate(rows)]):
            return (b + radius).upper()
    return (largest + radius).upper()


def _largest_row_sum(rows: list[list[arb]]) -> arb:
    return max((sum((abs(x) for x in row), arb(0)).upper() for row in rows), key=float)


def _gaps() -> Iterator[arb]:
    """Relative distances from the lower bound: from 3/5 of the working digits to 1/4, by factors of 2^8."""
    for exponent in range(-(3 * ctx.prec) // 5, -1, 8):
        yield arb(2) ** exponent


def is_positive_definite(rows: list[list[arb]]) -> bool:
    """Whether a symmetric matrix of balls is certainly positive definite: every pivot of its LDLᵀ factorisation is positive."""
    left = [list(row[: i + 1]) for i, row in enumerate(rows)]
    for k in range(len(left)):
        pivot = left[k][k]
        if not pivot > 0:
            return False
        column = [left[i][k] for i in range(k + 1, len(left))]
        scaled = [x / pivot for x in column]
        for i, x in enumerate(scaled):
            row = left[k + 1 + i]
            for j in range(i + 1):
                row[k + 1 + j] -= x * column[j]
    return True


def _exact_top(A: fmpq_mat, value: Ball) -> Ball:
    """The rational top eigenvalue of a small rational matrix, where it has one and the ball isolates it."""
    m = A.nrows()
    off_diagonal = any(A[i, j] != 0 for i in range(m) for j in range(m) if i != j)
    if not off_diagonal:
        return Ball(max((A[i, i] for i in range(m)), default=fmpq(0)))
    if m > _POLYNOMIAL_SIZE or max(x.height_bits() for x in A.entries()) > _POLYNOMIAL_BITS:
        return value
    candidates = []
    for factor, _ in A.charpoly().numer().factor()[1]:
        if factor.degree() == 1:
            root = fmpq(-factor[0], factor[1])
            candidates += [root] if arb(value.number).contains(root) else []
        elif _may_vanish(factor, arb(value.number)):
            return value  # an irrational eigenvalue is not told apart from the top one
    return Ball(candidates[0]) if len(candidates) == 1 else value


def _may_vanish(factor: object, ball: arb) -> bool:
    total = arb(0)
    for c in reversed(factor.coeffs()):  # type: ignore[attr-defined]
        total = total * ball + arb(c)
    return not (total > 0 or total < 0)
