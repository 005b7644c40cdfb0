"""Gradient descent of products of matrices that keeps every m-th state without leaving compiled code."""

from __future__ import annotations

import numpy as np

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.networks.descent import RAN, descend


@compiled
def descend_saving(
    widths: np.ndarray,
    theta: np.ndarray,
    S: np.ndarray,
    C: np.ndarray,
    longest: int,
    counts: np.ndarray,
    small: np.ndarray,
    taken: np.ndarray,
    ending: np.ndarray,
    kick: np.ndarray,
    every: int,
    saved: np.ndarray,
) -> None:
    """As `descent.descend`; states after every, 2 every, ... steps go into `saved`, shape ``(B, columns, P)``, the last of a lane to its end."""
    B = theta.shape[0]
    parts, done, how = np.empty(B, np.int64), np.empty(B, np.int64), np.empty(B, np.int64)
    taken[:] = 0
    ending[:] = RAN
    for column in range(saved.shape[1]):
        for b in range(B):
            parts[b] = min(every, counts[b] - taken[b]) if ending[b] == RAN else 0
            done[b], how[b] = 0, RAN
        descend(widths, theta, S, C, longest, parts, small, done, how, kick)
        for b in range(B):
            taken[b] += done[b]
            if how[b] != RAN:
                ending[b] = how[b]
            saved[b, column] = theta[b]
