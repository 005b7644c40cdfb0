"""All rows of a potential together: places along the flow, as modes and as the way that led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorycheck.symbolic.potentials.rows import FADED, Row

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Place:
    """A point ψ(θ_0; μ) of the flow; each part holds one array a row, with the same leading axes.

    Parameters
    ----------
    start, modes : tuple of ndarray
        Modes of θ_0 and of the point.
    way : tuple of ndarray
        The sum of the steps that led from one to the other: μ, or the exponents of the modes for a joint row.

    """

    start: Arrays
    way: Arrays
    modes: Arrays

    def __getitem__(self, lanes: np.ndarray) -> Place:
        return Place(*(tuple(part[lanes] for part in parts) for parts in (self.start, self.way, self.modes)))

    def put(self, lanes: np.ndarray, other: Place) -> None:
        """Overwrite way and modes of some lanes."""
        for parts, new in ((self.way, other.way), (self.modes, other.modes)):
            for part, values in zip(parts, new, strict=True):
                part[lanes] = values


@dataclass(frozen=True, eq=False)
class ModeSystem:
    """The rows of a potential.

    Parameters
    ----------
    parts : tuple of (outputs, row)
        Indices of the entries of w a row serves, shape (m,), and the row.

    """

    parts: tuple[tuple[np.ndarray, Row], ...]

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows alone."""
        return tuple(row for _, row in self.parts)

    @cached_property
    def entries(self) -> int:
        """d, the number of entries of w."""
        return sum(len(outputs) for outputs, _ in self.parts)

    @cached_property
    def order(self) -> np.ndarray:
        """Where entry i of w stands in the rows laid end to end."""
        return np.argsort(np.concatenate([outputs for outputs, _ in self.parts]))

    def start(self, lead: tuple[int, ...] | None = None) -> Place:
        """The start, with its own leading axes or laid out along one for broadcast ones."""
        modes = tuple(row.start for row in self.rows)
        if lead is not None:
            axes = (row.start.ndim - (1 if row.joint else 2) for row in self.rows)
            modes = tuple(
                np.broadcast_to(m, (*lead, *m.shape[k:])).reshape(int(np.prod(lead)), *m.shape[k:]) for m, k in zip(modes, axes, strict=True)
            )
        way = tuple(np.zeros(m.shape if row.joint else m.shape[:-1]) for m, row in zip(modes, self.rows, strict=True))
        return Place(modes, way, modes if lead is None else tuple(map(np.copy, modes)))

    def gathered(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        """Arrays ``(..., m)``, one a row, as one array ``(..., d)`` in the order of w."""
        shape = np.broadcast_shapes(*(piece.shape[:-1] for piece in pieces))
        return np.concatenate([np.broadcast_to(p, (*shape, p.shape[-1])) for p in pieces], axis=-1)[..., self.order]

    def reading(self, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """w and the sum of the absolute terms it is computed from, ``(..., d)`` each."""
        pieces = [row.reading(*at) for row, *at in zip(self.rows, place.start, place.way, place.modes, strict=True)]
        return self.gathered([w for w, _ in pieces]), self.gathered([size for _, size in pieces])

    def along(self, mu: np.ndarray) -> Arrays:
        """A move of μ, ``(..., d)``, as steps of the rows."""
        return tuple(row.along(mu[..., outputs]) for outputs, row in self.parts)

    def from_root(self, place: Place, change: np.ndarray, mu: np.ndarray) -> Arrays:
        """Steps of the rows whose move of w is root times the change, ``(..., K)``, and which the move of μ tells for faded modes."""
        ends = np.cumsum([way.shape[-1] for way in place.way])
        pieces = np.split(change, ends[:-1], axis=-1)
        return tuple(row.from_root(*known) for row, *known in zip(self.rows, place.modes, pieces, self.along(mu), strict=True))

    def advanced(self, place: Place, steps: Arrays) -> Place:
        """The place after the flow over the steps of the rows; modes that fade away are taken from the start, and so may return."""
        way = tuple(old + step for old, step in zip(place.way, steps, strict=True))
        modes = []
        for row, start, gone, now, step in zip(self.rows, place.start, way, place.modes, steps, strict=True):
            moved = row.advance(now, step)
            faded = (np.abs(moved) < FADED) | (np.abs(now) < FADED)
            modes.append(np.where(faded, row.advance(start, gone), moved) if np.any(faded) else moved)
        return Place(place.start, way, tuple(modes))

    def reach(self, place: Place, steps: Arrays) -> np.ndarray:
        """Largest multiple of the steps worth taking, shape ``(...)``."""
        reaches = [row.reach(modes, step) for row, modes, step in zip(self.rows, place.modes, steps, strict=True)]
        return np.min(np.stack(np.broadcast_arrays(*reaches)), axis=0)

    def root(self, modes: Arrays) -> np.ndarray:
        """Matrix with root rootᵀ = ∂G∂Gᵀ, shape ``(..., d, K)``."""
        blocks = []
        for (outputs, row), part in zip(self.parts, modes, strict=True):
            root = row.root(part) if row.joint else row.root(part)[..., None] * np.eye(len(outputs))
            block = np.zeros((*root.shape[:-2], self.entries, root.shape[-1]))
            block[..., outputs, :] = root
            blocks.append(block)
        return np.concatenate(blocks, axis=-1)

    def jitter(self, place: Place, size: np.ndarray) -> np.ndarray:
        """Change along the columns of `root` that a relative change by 1 of the terms of w amounts to, shape ``(..., K)``."""
        pieces = []
        for (outputs, row), modes in zip(self.parts, place.modes, strict=True):
            root = np.abs(row.root(modes))
            pieces.append(np.abs(modes) if row.joint else size[..., outputs] / np.where(root > 0, root, 1.0))
        return np.concatenate(pieces, axis=-1)

    def shaken(self, modes: Arrays, change: np.ndarray) -> Arrays:
        """Modes where the metric is largest when μ is known only up to the change ``(..., d)``."""
        return tuple(row.shaken(part, change[..., outputs]) for (outputs, row), part in zip(self.parts, modes, strict=True))
