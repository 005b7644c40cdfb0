"""How large the rounding errors of a lowered map are.

Bounds are norms, to first order in eps, for every rounding mode. They cover what the kernel itself rounds, and what errors of G
and of the curvature, which a caller has computed in floating point too, do to the result.
"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.kernels.protocol import MapKernels


class BoundedKernels(MapKernels, Protocol):
    """A lowered map that knows how large its rounding errors are. All bounds have the leading shape ``(...)``."""

    def w_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the Euclidean norm of the error of `w`."""

    def gradient_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray) -> np.ndarray:
        """Bound on the Euclidean norm of the error of `gradient`, for G known up to the norm `G_error`."""

    def hessian_error(self, theta: np.ndarray, G: np.ndarray, G_error: np.ndarray, curvature: np.ndarray, curvature_error: np.ndarray) -> np.ndarray:
        """Bound on the spectral norm of the error of `hessian`, and of `hvp` for v of norm 1."""


def bounded(kernels: MapKernels) -> BoundedKernels:
    """Return the kernels, or raise `InvalidArgument` if they do not know their rounding errors."""
    missing = [name for name in ("w_error", "gradient_error", "hessian_error") if not hasattr(type(kernels), name)]
    if missing:
        raise InvalidArgument("kernels", type(kernels).__name__, f"have no {' and no '.join(missing)}", "offer what BoundedKernels asks for")
    return cast(BoundedKernels, kernels)


def euclidean(array: np.ndarray, axes: int) -> np.ndarray:
    """Euclidean norm over the trailing axes."""
    return np.sqrt(np.sum(np.square(array), axis=tuple(range(-axes, 0))))
