"""Linear algebra on arrays of `Ball`: exact in rationals, enclosed in balls, never rounded to floats.

Arrays are NumPy arrays of dtype object, shapes as in `numpy.linalg`. Ranks, and so pseudo-inverses of singular matrices, are decided
in rationals only: a matrix known to a ball is taken as of full rank where that is certain, else `Undecided` is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce, wraps
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_mat

from theorycheck.dynamics.certificates import reals
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.reals import OutsideBalls, Undecided
from theorycheck.errors import ShapeMismatch

_FLINT_SIZE = 64  # products of matrices with more multiplications than this go through flint


def rational(A: np.ndarray) -> fmpq_mat | None:
    """The matrix in rationals, or None where an entry is known to a ball only."""
    values = [Ball(x).number for x in A.ravel().tolist()]
    return fmpq_mat(*A.shape, values) if all(isinstance(v, fmpq) for v in values) else None


def enclosed(A: np.ndarray) -> arb_mat:
    """The matrix in balls at the working precision."""
    return arb_mat(*A.shape, [arb(Ball(x).number) for x in A.ravel().tolist()])


def array_of(M: fmpq_mat | arb_mat) -> np.ndarray:
    """The entries of a flint matrix as an array of balls."""
    out = np.empty(M.nrows() * M.ncols(), dtype=object)
    out[:] = [Ball(reals.settled(x)) for x in M.entries()]
    return out.reshape(M.nrows(), M.ncols())


def over_stacks(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule for matrices, matrix by matrix over the leading axes of its arguments."""

    @wraps(rule)
    def stacked(*matrices: np.ndarray) -> Any:
        if all(A.ndim <= 2 for A in matrices):
            return rule(*matrices)
        lanes = np.broadcast_shapes(*(A.shape[:-2] for A in matrices))
        rows = [np.broadcast_to(A, (*lanes, *A.shape[-2:])) for A in matrices]
        found = [np.asarray(rule(*(A[where] for A in rows)), dtype=object) for where in np.ndindex(*lanes)]
        return np.stack(found).reshape(*lanes, *found[0].shape)

    return stacked


def product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """A B for matrices; larger ones through flint, where both are rational or neither has an exact entry."""
    if A.size * B.shape[1] > _FLINT_SIZE:
        for convert in (rational, _balls_only):
            a, b = convert(A), convert(B)
            if a is not None and b is not None:
                return array_of(a * b)
    return np.matmul(A, B)


def _balls_only(A: np.ndarray) -> arb_mat | None:
    return enclosed(A) if all(isinstance(Ball(x).number, arb) for x in A.ravel().tolist()) else None


@over_stacks
def solve(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The solution of A Z = B for a square A; B of shape (m,) or (m, k)."""
    columns = B.reshape(len(B), -1)
    a, b = rational(A), rational(columns)
    try:
        found = a.solve(b) if a is not None and b is not None else enclosed(A).solve(enclosed(columns))
    except ZeroDivisionError:
        raise _singular(a is not None) from None
    return array_of(found).reshape(B.shape)


def _singular(certainly: bool) -> OutsideBalls | Undecided:
    return OutsideBalls("a singular matrix has no inverse") if certainly else Undecided("whether a matrix is singular is not decided in balls")


@over_stacks
def inverse(A: np.ndarray) -> np.ndarray:
    """The inverse of a square matrix."""
    return solve(A, np.eye(len(A), dtype=int).astype(object))


@over_stacks
def determinant(A: np.ndarray) -> Ball:
    """The determinant."""
    a = rational(A)
    return Ball(a.det() if a is not None else enclosed(A).det())


def rank(A: np.ndarray) -> int:
    """The rank of a rational matrix."""
    a = rational(A)
    if a is None:
        raise Undecided("the rank of a matrix known to a ball is not decided")
    return int(a.rank())


@over_stacks
def pseudo_inverse(A: np.ndarray) -> np.ndarray:
    """A⁺, shape (d, n) for A of shape (n, d).

    Rational: from a factorisation A = B C into full ranks (C: the non-zero rows of the reduced echelon form, B: the pivot columns),
    A⁺ = Cᵀ(CCᵀ)⁻¹(BᵀB)⁻¹Bᵀ (Ben-Israel & Greville 2003, theorem 1.5). In balls: full rank, by the normal equations.
    """
    a = rational(A)
    if a is None:
        M = enclosed(A)
        wide = M.nrows() <= M.ncols()
        try:
            found = M.transpose() * (M * M.transpose()).inv() if wide else (M.transpose() * M).inv() * M.transpose()
        except ZeroDivisionError:
            raise _singular(False) from None
        return array_of(found)
    echelon, r = a.rref()
    if r == 0:
        return array_of(fmpq_mat(a.ncols(), a.nrows()))
    C = fmpq_mat(r, a.ncols(), echelon.entries()[: r * a.ncols()])
    pivots = [next(j for j in range(a.ncols()) if C[i, j] != 0) for i in range(r)]
    B = fmpq_mat(a.nrows(), r, [a[i, j] for i in range(a.nrows()) for j in pivots])
    return array_of(C.transpose() * (C * C.transpose()).inv() * (B.transpose() * B).inv() * B.transpose())


def least_squares(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The minimiser of |A z - b| of least norm; b of shape (n,) or (n, k)."""
    return np.matmul(pseudo_inverse(A), b)


def norm(v: np.ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Euclidean norm over all axes or the given ones, sizes of entries for ord 1 and inf of vectors."""
    if isinstance(ord, str) or (ord not in (None, 2) and (ord not in (1, np.inf) or (axis is None and v.ndim > 1))):
        raise OutsideBalls(f"the norm of order {ord} has no enclosure here; use the Euclidean norm, or tc.top_eigenvalue of AᵀA")
    if ord == 2 and (v.ndim > 1 if axis is None else np.ndim(axis) > 0):
        raise OutsideBalls("the spectral norm has no enclosure here; use np.sqrt(tc.top_eigenvalue(A.T @ A))")
    flat = v.ravel() if axis is None else v
    over = 0 if axis is None else axis
    if ord in (None, 2):
        result = _roots(np.sum(_squares(flat), axis=over, keepdims=keepdims))
    elif ord == 1:
        result = np.sum(np.abs(flat), axis=over, keepdims=keepdims)
    else:
        result = largest(np.abs(flat), axis=over, keepdims=keepdims)
    return result.reshape((1,) * v.ndim) if axis is None and keepdims else result


def _squares(v: np.ndarray) -> np.ndarray:
    return np.frompyfunc(lambda x: Ball(x) ** 2, 1, 1)(v)


def _roots(v: Any) -> Any:
    return np.frompyfunc(lambda x: Ball(reals.root_of_square(Ball(x).number)), 1, 1)(v)


def largest(v: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest entry, as a ball around it where it is not decided which it is."""
    return np.frompyfunc(larger, 2, 1).reduce(v, axis=axis, keepdims=keepdims)


def smallest(v: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest entry."""
    return np.frompyfunc(smaller, 2, 1).reduce(v, axis=axis, keepdims=keepdims)


def smaller(a: Any, b: Any) -> Ball:
    """Smaller of two numbers, as a ball around it where it is not decided which is."""
    return Ball(reals.least(Ball(a).number, Ball(b).number))


def larger(a: Any, b: Any) -> Ball:
    """Larger of two numbers."""
    return -smaller(-Ball(a), -Ball(b))


def multiplied(matrices: Iterable[np.ndarray]) -> np.ndarray:
    """The product of a chain of matrices."""
    return reduce(np.matmul, matrices)


@over_stacks
def factor(A: np.ndarray) -> np.ndarray:
    """F of shape (m, m) with FᵀF = A, for a rational A that is symmetric and positive semi-definite.

    A = Σ_k d_k l_k l_kᵀ with one exact step of elimination a row; a pivot of zero has a row of zeros, since A is semi-definite.
    """
    left, F = A.copy(), np.full(A.shape, Ball(0), dtype=object)
    for k in range(len(A)):
        pivot = Ball(left[k, k])
        if pivot == 0:
            if any(bool(Ball(x)) for x in left[k]):
                raise ShapeMismatch("A", A, "must be positive semi-definite", "pass XᵀX")
            continue
        row = left[k].copy()
        F[k] = row / pivot.sqrt()
        left = left - np.outer(row, row) / pivot
    return F
