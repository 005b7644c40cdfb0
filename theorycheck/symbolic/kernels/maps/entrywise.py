"""Lowering of any small SymPy map θ -> w: entrywise derivatives, compiled through NumPy once a map.

Every function is `sympy.lambdify` of ONE matrix with common subexpressions shared. Entries that do not depend on an instance
would not broadcast over instances: zeros and constants are written with two more inputs, an array of zeros and one of ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from math import prod

import numpy as np
import sympy as sp

from theorycheck.errors import TooLarge
from theorycheck.measured import EPS, numbers
from theorycheck.symbolic.kernels.bounded import euclidean
from theorycheck.symbolic.kernels.exact import together

PARAMETER_BUDGET = 48  # derivatives of larger maps swell: 22 parameters have been seen to give 300,000 operations

_ZERO, _ONE = sp.Dummy("zero", real=True), sp.Dummy("one", real=True)


class _Part(Enum):
    """What is lowered: each is a matrix of expressions in θ, G and v."""

    W = auto()
    JACOBIAN = auto()
    BEND = auto()  # Σ_i G_i ∇²w_i
    BEND_TIMES_V = auto()


@dataclass(frozen=True)
class EntrywiseKernels:
    """The map θ -> w(θ) given entry by entry, and its derivatives.

    Parameters
    ----------
    symbols : tuple of Symbol
        θ, at most `PARAMETER_BUDGET` of them.
    outputs : tuple of Expr
        w in the symbols, row by row.
    shape : tuple of int
        Shape of w.
    signs_positive : bool
        Evaluate with every sign made positive: see `majorant`.

    Raises
    ------
    TooLarge
        For more than `PARAMETER_BUDGET` parameters.

    """

    symbols: tuple[sp.Symbol, ...]
    outputs: tuple[sp.Expr, ...]
    shape: tuple[int, ...]
    signs_positive: bool = False

    def __post_init__(self) -> None:
        if len(self.symbols) > PARAMETER_BUDGET:
            raise TooLarge(
                "parameters",
                len(self.symbols),
                f"exceed the budget of {PARAMETER_BUDGET} for a map lowered entry by entry",
                "use a model with kernels of its own, such as DeepLinear, or a smaller shape",
            )

    @property
    def entries(self) -> int:
        """m, the number of entries of w."""
        return prod(self.shape)

    @property
    def majorant(self) -> EntrywiseKernels:
        """The same functions with every sign made positive."""
        return EntrywiseKernels(self.symbols, self.outputs, self.shape, signs_positive=True)

    def w(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        return self._evaluate(_Part.W, rows).reshape(*leading, *self.shape)

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        return self._evaluate(_Part.JACOBIAN, rows).reshape(*leading, self.entries, len(self.symbols))

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        J, G = self.jacobian(theta), self._flat(G)
        return (G[..., None, :] @ J)[..., 0, :]

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        moved = (self.jacobian(theta) @ self._signed(v)[..., None])[..., 0]
        return moved.reshape(*moved.shape[:-1], *self.shape)

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        J, P = self.jacobian(theta), len(self.symbols)
        KJ = self._curved(J, curvature)
        leading, (rows, slopes) = together((theta, 1), (self._flat(G), 1))
        bend = self._evaluate(_Part.BEND, rows, slopes).reshape(*leading, P, P)
        return np.swapaxes(J, -1, -2) @ KJ + bend

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        J, v = self.jacobian(theta), self._signed(v)
        pulled = (np.swapaxes(J, -1, -2) @ self._curved(J @ v[..., None], curvature))[..., 0]
        leading, (rows, slopes, directions) = together((theta, 1), (self._flat(G), 1), (v, 1))
        return pulled + self._evaluate(_Part.BEND_TIMES_V, rows, slopes, directions).reshape(*leading, len(self.symbols))

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        return _lost(self, _Part.W) * euclidean(self.majorant.w(theta), len(self.shape))

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        committed = _lost(self, _Part.JACOBIAN) * euclidean(self.majorant.gradient(theta, G), 1)
        return committed + euclidean(self.jacobian(theta), 2) * G_error

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        committed = _lost(self, _Part.BEND) * euclidean(self.majorant.hessian(theta, G, curvature), 2)
        by_G = euclidean(self.majorant.hessian(theta, np.ones(self.shape), np.zeros(np.shape(curvature)[-2:])), 2) * G_error
        return committed + by_G + euclidean(self.jacobian(theta), 2) ** 2 * curvature_error

    def _signed(self, a: np.ndarray) -> np.ndarray:
        return np.abs(a) if self.signs_positive else numbers(a)

    def _flat(self, G: np.ndarray) -> np.ndarray:
        """G with the axes of w made one."""
        G = self._signed(G)
        return G.reshape(*G.shape[: G.ndim - len(self.shape)], self.entries)

    def _curved(self, columns: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """(I ⊗ curvature) times columns of shape ``(..., m, k)``."""
        split = columns.reshape(*columns.shape[:-2], self.entries // self.shape[-1], self.shape[-1], columns.shape[-1])
        curved = self._signed(curvature)[..., None, :, :] @ split
        return curved.reshape(*curved.shape[:-3], self.entries, columns.shape[-1])

    def _evaluate(self, part: _Part, *rows: np.ndarray) -> np.ndarray:
        """One matrix of expressions at every instance, shape ``(B, ...)``."""
        B = len(rows[0])
        columns = [column for array in rows for column in array.T]
        values = _lowered(self, part)(*columns, np.zeros(B), np.ones(B))
        return np.moveaxis(numbers(values), -1, 0)


@lru_cache(maxsize=256)
def _lowered(kernels: EntrywiseKernels, part: _Part) -> Callable[..., np.ndarray]:
    """The compiled matrix of one part: arguments are the entries of θ, then of G and v where it has them, then zeros and ones."""
    G, v = _directions(kernels)
    exact = _exact(kernels, part, G, v)
    inputs = [*kernels.symbols, *(G if part in (_Part.BEND, _Part.BEND_TIMES_V) else ()), *(v if part is _Part.BEND_TIMES_V else ())]
    written = exact.applyfunc(lambda e: _broadcast(majorant(e) if kernels.signs_positive else e))
    function = sp.lambdify([*inputs, _ZERO, _ONE], written, modules="numpy", cse=True)
    shape = written.shape

    def values(*columns: np.ndarray) -> np.ndarray:
        return np.asarray(function(*columns)).reshape(*shape, columns[-1].size)

    return values


def _directions(kernels: EntrywiseKernels) -> tuple[tuple[sp.Symbol, ...], tuple[sp.Symbol, ...]]:
    return sp.symbols(f"G:{kernels.entries}", cls=sp.Dummy, real=True), sp.symbols(f"v:{len(kernels.symbols)}", cls=sp.Dummy, real=True)


def _exact(kernels: EntrywiseKernels, part: _Part, G: Sequence[sp.Symbol], v: Sequence[sp.Symbol]) -> sp.Matrix:
    theta, w = sp.Matrix(kernels.symbols), sp.Matrix(kernels.outputs)
    if part is _Part.W:
        return w
    J = w.jacobian(theta)
    if part is _Part.JACOBIAN:
        return J
    bend = (J.T * sp.Matrix(G)).jacobian(theta)
    return bend if part is _Part.BEND else bend * sp.Matrix(v)


@lru_cache(maxsize=256)
def _lost(kernels: EntrywiseKernels, part: _Part) -> float:
    """eps times the roundings on the longest path: the operations of the largest entry (4 for each: powers and functions), and the sums."""
    largest = max(sp.count_ops(e) for e in _exact(kernels, part, *_directions(kernels)))
    return EPS * (4 * int(largest) + kernels.entries + len(kernels.symbols) + 2 * kernels.shape[-1] + 8)


def _broadcast(e: sp.Expr) -> sp.Expr:
    """An expression whose value has the shape of the inputs also where it is constant."""
    if e.is_zero:
        return _ZERO
    return e if e.free_symbols else e * _ONE


def majorant(e: sp.Expr) -> sp.Expr:
    """Bound on the sizes that meet in the evaluation of an expression: every sign made positive.

    Rounding moves the computed value by at most eps · operations times this, to first order.
    ``maj(x + y) = maj x + maj y``, ``maj(x y) = maj x · maj y``, ``maj(x^n) = (maj x)^n``; any other f(x) is off by its own rounding
    and by what the error of x does to it: ``|f(x)| + |f'(x)| maj x``.

    Examples
    --------
    >>> a, b = sp.symbols("a b", positive=True)
    >>> majorant((a - b) ** 2)
    (a + b)**2

    """
    if e.is_Atom:
        return sp.Abs(e)
    if e.is_Add or e.is_Mul:
        return e.func(*map(majorant, e.args))
    if e.is_Pow and e.exp.is_Integer and e.exp > 0:
        return majorant(e.base) ** e.exp
    if isinstance(e, sp.Piecewise):
        return sp.Piecewise(*((majorant(value), condition) for value, condition in e.args))
    slots = [sp.Dummy(real=True) for _ in e.args]
    form = e.func(*slots)
    back = dict(zip(slots, e.args, strict=True))
    return sp.Abs(e) + sp.Add(*(sp.Abs(form.diff(slot).subs(back)) * majorant(x) for slot, x in back.items() if x.free_symbols))
