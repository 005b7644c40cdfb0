"""Extreme eigenvalues of stacks of symmetric matrices, in balls."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorycheck.dynamics.certificates import eigenvalues
from theorycheck.dynamics.certificates.arrays import balls, wrapped
from theorycheck.dynamics.certificates.linear_algebra import over_stacks


def top_eigenvalue(H: np.ndarray) -> Any:
    """Largest eigenvalues of matrices of shape (..., m, m), shape (...); exact where small and rational."""
    return wrapped(over_stacks(eigenvalues.top_eigenvalue)(balls(H).view(np.ndarray)))


def top_eigenpair(H: np.ndarray) -> tuple[Any, Any]:
    """Largest eigenvalues of matrices of shape (..., m, m), shape (...), and unit vectors, shape (..., m).

    The Rayleigh quotient of the vector lies in the ball.
    """
    H = balls(H).view(np.ndarray)
    leading, m = H.shape[:-2], H.shape[-1]
    values, vectors = np.empty(leading, dtype=object), np.empty((*leading, m), dtype=object)
    for where in np.ndindex(*leading):
        values[where], vectors[where] = eigenvalues.top_eigenpair(H[where])
    return wrapped(values) if leading else values.item(), wrapped(vectors)
