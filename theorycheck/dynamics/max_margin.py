"""Largest margins in the geometry of a Legendre potential: argmin {R(w) : X w ≥ 1}.

Method       few samples: every set of active constraints is solved by `bregman_projection`; the one whose multipliers are positive and
             whose other margins are at least 1 is the solution (the problem is strictly convex).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.bregman import bregman_projection
from theorycheck.errors import InvalidArgument, require_finite
from theorycheck.measured import EPS, Measured
from theorycheck.symbolic.potentials.legendre import Potential, require_potential

MOST_SAMPLES = 6


@dataclass(frozen=True, eq=False)
class MaxMargin:
    """The w of least potential among those with all margins at least 1.

    Parameters
    ----------
    w : Measured, shape (..., d)
        The bar is infinite where there is none.
    dual : ndarray, shape (..., n)
        ν ≥ 0 with ∇R(w) = Xᵀν, zero where the margin exceeds 1.

    """

    w: Measured
    dual: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """Where there is a solution, shape (...)."""
        return np.all(np.isfinite(self.w.error), axis=-1)


def max_margin(potential: Potential, X: ArrayLike) -> MaxMargin:
    """The solution of min R(w) subject to X w ≥ 1, for at most six samples; leading axes of X and of the start broadcast.

    Where R is least at a w with ∇R(w) = 0 that has large margins already, there is no active constraint and no solution is reported.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import Diagonal
    >>> from theorycheck.symbolic.potentials.legendre import legendre_potential
    >>> potential = legendre_potential(Diagonal(dim=2, depth=2), [1.0] * 4)
    >>> max_margin(potential, [[1.0, 0.0], [4.0, 0.0]]).w.value
    array([1., 0.])

    """
    require_potential(potential)
    X = require_finite("X", X)
    n, d = X.shape[-2:]
    if n > MOST_SAMPLES:
        raise InvalidArgument("X", X.shape, f"must have at most {MOST_SAMPLES} samples", "every set of active constraints is tried")
    lead = np.broadcast_shapes(X.shape[:-2], potential.start.shape[:-1])
    w, error, dual = np.zeros((*lead, d)), np.full((*lead, d), np.inf), np.zeros((*lead, n))
    left = np.ones(lead, dtype=bool)
    for active in chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1)):
        rows = list(active)
        found = bregman_projection(potential, np.broadcast_to(X[..., rows, :], (*lead, len(rows), d)), np.ones((*lead, len(rows))))
        margins = (X @ found.w.value[..., None])[..., 0]
        slack = 64 * EPS * (np.abs(X) @ np.abs(found.w.value[..., None]))[..., 0]
        good = left & found.converged & np.all(found.dual > 0, axis=-1) & np.all(margins >= 1 - slack, axis=-1)
        w[good], error[good], left = found.w.value[good], found.w.error[good], left & ~good
        dual[np.ix_(*(range(s) for s in lead), rows) if lead else rows] = np.where(good[..., None], found.dual, dual[..., rows])
    return MaxMargin(Measured(w, error), dual)
