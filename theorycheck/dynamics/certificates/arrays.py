"""`Balls`: NumPy arrays of exact and enclosed numbers, which NumPy's own functions act on without leaving their enclosures.

``@``, ufuncs, indexing, reshaping, ``np.einsum``, ``np.sum`` work as on floats; ``np.linalg.norm``, ``solve``, ``lstsq``, ``inv``,
``pinv``, ``det``, ``matrix_rank``, ``multi_dot`` and ``eigvalsh`` of a diagonal matrix are answered in balls; whatever else of NumPy
would need floats raises `OutsideBalls` and says what to use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theorycheck.dynamics.certificates import eigenvalues, linear_algebra, reals
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.reals import OutsideBalls, exactly

_INSTEAD = {
    "eigvalsh": "tc.top_eigenvalue for the largest",
    "eigh": "tc.top_eigenpair for the largest",
    "eigvals": "tc.top_eigenvalue of a symmetric matrix",
    "eig": "tc.top_eigenpair of a symmetric matrix",
    "svd": "tc.top_eigenvalue(A.T @ A) for the largest singular value squared",
    "svdvals": "tc.top_eigenvalue(A.T @ A) for the largest singular value squared",
    "cond": "tc.top_eigenvalue of A and of -A",
    "qr": "the `factor` of the data, or np.linalg.solve",
    "cholesky": "the `factor` of the data, or np.linalg.solve",
    "allclose": "tc.equal",
    "isclose": "tc.equal",
}


class Balls(np.ndarray):
    """An array of dtype object whose entries are `Ball`."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return on_balls(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        name = getattr(func, "__name__", str(func))
        rule = _RULES.get(func)
        if rule is not None:
            return wrapped(rule(*map(_plain_deep, args), **{k: _plain_deep(v) for k, v in kwargs.items()}))
        if name in _INSTEAD:
            raise _outside(f"np.{name}", _INSTEAD[name])
        try:
            result = super().__array_function__(func, types, args, kwargs)
        except TypeError as error:
            raise _outside(f"np.{name}", f"write it with sums and products ({error})") from error
        return wrapped(result)

    @property
    def value(self) -> Balls:
        """The numbers themselves: their bars are part of them."""
        return self

    @property
    def error(self) -> np.ndarray:
        """Zeros: the bars are part of the numbers."""
        return np.zeros(self.shape)

    def as_enclosed_array(self) -> Balls:
        """The array itself."""
        return self

    def __reduce__(self) -> Any:
        raise OutsideBalls("arrays of balls are not pickled; send the choices of the instance")


def _outside(what: str, remedy: str) -> OutsideBalls:
    return OutsideBalls(f"{what} has no enclosure; use {remedy}")


def balls(numbers: Any) -> Balls:
    """Numbers as an array of balls: whole numbers, fractions and short floats exactly, other floats with 16 ulp."""
    plain = np.asanyarray(numbers)
    if isinstance(plain, Balls):
        return plain
    out = np.empty(plain.shape, dtype=object)
    out.ravel()[:] = [Ball(x) for x in plain.ravel().tolist()]
    return out.view(Balls)


def exact(numbers: Any) -> Any:
    """Floats as the rational numbers they are: an array of balls, or one ball for one number."""
    plain = np.asarray(numbers, dtype=float)
    out = np.empty(plain.shape, dtype=object)
    out.ravel()[:] = [Ball(exactly(x)) for x in plain.ravel().tolist()]
    return out.view(Balls) if plain.ndim else out.item()


def enclosed(value: Any) -> Any:
    """A float as a ball, an array of floats as an array of balls; whole numbers and flags stay."""
    if isinstance(value, np.ndarray):
        return balls(value) if value.dtype.kind in "fO" else value
    return Ball(value)


def holds_balls(value: Any) -> bool:
    """Whether a value is a ball, or an array with one in it."""
    if isinstance(value, Ball | Balls):
        return True
    return isinstance(value, np.ndarray) and value.dtype == object and any(isinstance(x, Ball) for x in value.ravel().tolist())


def wrapped(result: Any) -> Any:
    """A result of NumPy on plain object arrays, as balls."""
    if isinstance(result, tuple | list):
        return type(result)(map(wrapped, result))
    if isinstance(result, np.ndarray) and result.dtype == object:
        if all(type(x) is Ball for x in result.ravel().tolist()):
            return result.view(Balls)
        return balls(result.view(np.ndarray))
    return result


def _plain(value: Any) -> Any:
    """An operand as a plain array of dtype object that holds balls."""
    if isinstance(value, np.ndarray) and value.dtype == bool:
        return value
    if isinstance(value, Balls):
        return value.view(np.ndarray)
    if isinstance(value, Ball):
        out = np.empty((), dtype=object)
        out[()] = value
        return out
    return balls(value).view(np.ndarray)


def _plain_deep(value: Any) -> Any:
    if isinstance(value, list | tuple) and any(isinstance(x, np.ndarray) for x in value):
        return [_plain(x) for x in value]
    return _plain(value) if isinstance(value, np.ndarray) else value


def on_balls(ufunc: np.ufunc, method: str, inputs: Any, kwargs: Any) -> Any:
    """A ufunc, or its reduction, on operands of which some hold balls."""
    if ufunc in (np.isfinite, np.isnan, np.isinf):
        return np.full(np.shape(inputs[0]), ufunc is np.isfinite)[()]
    operands = [_plain(x) for x in inputs]
    if ufunc in (np.logical_or, np.logical_and, np.logical_not):
        operands = [np.frompyfunc(bool, 1, 1)(x).astype(bool) if x.ndim else np.bool_(bool(x.item())) for x in operands]
    if "out" in kwargs:
        kwargs = kwargs | {"out": tuple(x.view(np.ndarray) if isinstance(x, Balls) else x for x in kwargs["out"])}
    if ufunc is np.matmul and method == "__call__" and all(x.ndim == 2 for x in operands) and not kwargs:
        return wrapped(linear_algebra.product(*operands))
    if ufunc in _PICKS:
        ufunc, kwargs = _PICKS[ufunc], {k: v for k, v in kwargs.items() if k not in ("initial", "where", "dtype") or v is None}
    if ufunc is np.square:
        ufunc, operands = np.power, [*operands, _plain(2)]
    try:
        return wrapped(getattr(ufunc, method)(*operands, **kwargs))
    except TypeError as error:
        raise _outside(f"np.{ufunc.__name__}", f"write it with functions that balls have ({error})") from error


_PICKS: dict[np.ufunc, np.ufunc] = {
    np.maximum: np.frompyfunc(linear_algebra.larger, 2, 1, identity=None),
    np.minimum: np.frompyfunc(linear_algebra.smaller, 2, 1, identity=None),
}


def _diagonal_eigenvalues(A: np.ndarray, UPLO: str = "L") -> np.ndarray:
    off_diagonal = A[~np.eye(len(A), dtype=bool)].tolist()
    if any(Ball(x).exact != 0 for x in off_diagonal):
        raise _outside("np.linalg.eigvalsh", _INSTEAD["eigvalsh"])
    return np.sort(np.diagonal(A))


def _filled(number: int) -> Callable[..., np.ndarray]:
    return lambda A, *_, **__: np.full(A.shape, Ball(number), dtype=object)


def _norm(v: np.ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norms; the spectral one of matrices by the top eigenvalue of AᵀA."""
    of_matrices = (axis is None and v.ndim == 2) or (isinstance(axis, tuple) and len(axis) == 2)
    if ord == "fro" and of_matrices:
        return linear_algebra.norm(v, None, axis, keepdims)
    if not (of_matrices and ord == 2):
        return linear_algebra.norm(v, ord, axis, keepdims)
    A = v if axis is None else np.moveaxis(v, axis, (-2, -1))
    top = linear_algebra.over_stacks(eigenvalues.top_eigenvalue)(np.swapaxes(A, -1, -2) @ A)
    found = np.frompyfunc(lambda x: Ball(reals.root_of_square(Ball(x).number)), 1, 1)(_plain(top))
    return np.expand_dims(np.asarray(found, dtype=object), (0, 1) if axis is None else axis) if keepdims else found


_RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    np.zeros_like: _filled(0),
    np.empty_like: _filled(0),
    np.ones_like: _filled(1),
    np.linalg.norm: _norm,
    np.linalg.solve: linear_algebra.solve,
    np.linalg.inv: linear_algebra.inverse,
    np.linalg.det: linear_algebra.determinant,
    np.linalg.pinv: lambda A, rcond=None: linear_algebra.pseudo_inverse(A),
    np.linalg.matrix_rank: lambda A, tol=None: linear_algebra.rank(A),
    np.linalg.lstsq: lambda A, b, rcond=None: (linear_algebra.least_squares(A, b), None, None, None),
    np.linalg.multi_dot: linear_algebra.multiplied,
    np.linalg.eigvalsh: _diagonal_eigenvalues,
}
