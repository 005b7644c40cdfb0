"""Linear algebra in another order: the probe of what iterates to a tolerance.

NumPy's eigenvalues and singular values, and least squares through them, come from iterations that stop at a tolerance. What they leave
undone is the same in every rounding mode: at condition 13 a solution of `lstsq` was off by 58 ulp in all four, spread over 6. In another
order of rows and columns the same mathematics takes another path, and what was left undone shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

Order = Callable[[int], np.ndarray]


@contextmanager
def reordered(seed: int) -> Iterator[None]:
    """Run the block with `np.linalg.lstsq`, `pinv`, `svd`, `eigh`, `eigvalsh` and spectral norms of rows and columns in another order.

    Deterministic in `seed`. Results are put back in order: they are those of the same function up to what it leaves undone, and up to
    the signs of vectors.
    """
    with ExitStack() as stack:
        for name, rule in _RULES.items():
            stack.enter_context(patch.object(np.linalg, name, partial(rule, getattr(np.linalg, name), partial(_order, seed))))
        yield


def _order(seed: int, size: int) -> np.ndarray:
    """A permutation, not the identity where there is another."""
    drawn = np.random.default_rng((seed, size)).permutation(size)
    return np.roll(drawn, 1) if size > 1 and np.array_equal(drawn, np.arange(size)) else drawn


def _turned(A: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return A[..., rows[:, None], columns]


def _back(A: np.ndarray, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> np.ndarray:
    """The matrix whose rows and columns in these orders are those of A."""
    A = A if rows is None else A[..., np.argsort(rows), :]
    return A if columns is None else A[..., np.argsort(columns)]


def _lstsq(plain: Any, order: Order, a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    rows, columns = order(a.shape[0]), order(a.shape[1])
    x, *rest = plain(a[rows][:, columns], b[rows], rcond=rcond)
    return x[np.argsort(columns)], *rest


def _pinv(plain: Any, order: Order, a: Any, *arguments: Any, **options: Any) -> Any:
    a = np.asarray(a)
    rows, columns = (order(size) for size in a.shape[-2:])
    return _back(plain(_turned(a, rows, columns), *arguments, **options), columns, rows)


def _svd(plain: Any, order: Order, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = np.asarray(a)
    if hermitian:
        return plain(a, full_matrices, compute_uv, hermitian)
    rows, columns = (order(size) for size in a.shape[-2:])
    found = plain(_turned(a, rows, columns), full_matrices, compute_uv)
    return type(found)(_back(found[0], rows), found[1], _back(found[2], columns=columns)) if compute_uv else found


def _eigh(plain: Any, order: Order, a: Any, UPLO: str = "L") -> Any:
    a = np.asarray(a)
    both = order(a.shape[-1])
    found = plain(_turned(a, both, both), UPLO)
    return type(found)(found[0], _back(found[1], both))


def _eigvalsh(plain: Any, order: Order, a: Any, UPLO: str = "L") -> Any:
    a = np.asarray(a)
    both = order(a.shape[-1])
    return plain(_turned(a, both, both), UPLO)


def _norm(plain: Any, order: Order, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (2, -2, "nuc") or (np.ndim(x) != 2 if axis is None else axis != (-2, -1)) or not isinstance(x, np.ndarray):
        return plain(x, ord, axis, keepdims)
    return plain(_turned(x, *(order(size) for size in x.shape[-2:])), ord, axis, keepdims)


_RULES: dict[str, Callable[..., Any]] = {"lstsq": _lstsq, "pinv": _pinv, "svd": _svd, "eigh": _eigh, "eigvalsh": _eigvalsh, "norm": _norm}
