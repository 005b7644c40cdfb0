"""What a row of the comparison is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 20240513


@dataclass(frozen=True)
class Contestant:
    """One way of doing the work: how it runs, and how far its result is from the truth.

    `share` is the part of the work that a run does (the time is scaled up), `target` the ratio peer/ours that is asked for.
    """

    name: str
    run: Callable[[], Any]
    error: Callable[[Any], np.ndarray] | None = None
    share: float = 1.0
    target: float | None = None


@dataclass(frozen=True)
class Row:
    """One row: the same work done by this project and by its peers; times are shown per unit, of which there are `count`."""

    key: str
    work: str
    unit: str
    count: float
    error: str
    ours: Contestant
    peers: tuple[Contestant, ...]
    rounds: int = 7
    notes: tuple[str, ...] = field(default=())


def relative(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Euclidean errors of states ``(B, P)`` over the norms of the true ones."""
    difference = (found.astype(np.longdouble) - truth).astype(float)
    return np.linalg.norm(difference, axis=-1) / np.linalg.norm(truth.astype(float), axis=-1)
