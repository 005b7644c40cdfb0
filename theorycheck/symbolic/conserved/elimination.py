"""Kernels of sparse integer matrices, exact, and ranks that can only be too small.

Columns that share no row are solved apart: for polynomials this is every grading by monomials that the equations respect, found without
being told. Rows are thinned out modulo a prime, which can only lose some that matter; the kernel of the others is computed over the rationals
and held against all rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from math import gcd
from typing import Any, TypeAlias

import flint

from theorycheck.errors import TooLarge

PRIME = 2**61 - 1
COLUMNS = 1500  # unknowns of one dense system
Column: TypeAlias = Mapping[Any, int]
Vector: TypeAlias = dict[int, int]


def sparse_kernel(columns: Sequence[Column], prime: int = PRIME) -> list[dict[int, int]]:
    """Basis of the vectors x with Σ_j x_j columns[j] = 0.

    Parameters
    ----------
    columns : sequence of mappings
        Column j as its non-zero entries, by row.
    prime : int
        Modulus of the first pass; the answer does not depend on it.

    Returns
    -------
    list of dict
        Vectors as their non-zero entries, coprime integers. The first entries are positive and stand in different columns. No vector
        becomes sparser when a multiple of one that starts after it is added.

    Raises
    ------
    TooLarge
        If more than `COLUMNS` columns hang together.

    Examples
    --------
    >>> sparse_kernel([{"row": 2}, {"other": 1}, {"row": -3}])
    [{0: 3, 2: 2}]

    """
    found = []
    for part in _components(columns):
        if len(part) > COLUMNS:
            raise TooLarge("unknowns", len(part), f"hang together, over the budget of {COLUMNS}", "ask for a lower degree or use fewer parameters")
        vectors = _sparser([{j: x for j, x in enumerate(vector) if x} for vector in _kernel([columns[j] for j in part], prime)])
        found += [{part[j]: x for j, x in sorted(vector.items())} for vector in vectors]
    return sorted(found, key=min)


def modulo_prime(rows: Sequence[Sequence[Any]], width: int, prime: int = PRIME) -> Any:
    """Rows of rational numbers, scaled by their common denominator, as a FLINT matrix modulo the prime; of the given width also if there are none."""
    integers, _ = flint.fmpq_mat(len(rows), width, [flint.fmpq(x) for row in rows for x in row]).numer_denom()
    return flint.nmod_mat(integers, prime)


def independent(matrix: Any) -> list[int]:
    """Rows that are independent modulo the prime, each as early as possible.

    They are independent over the rationals too: a minor that is not 0 modulo a prime is not 0.
    """
    return _pivots(*matrix.transpose().rref())


def _components(columns: Sequence[Column]) -> list[list[int]]:
    """The classes of columns joined by common rows."""
    owner: dict[Hashable, int] = {}
    leader = list(range(len(columns)))

    def root(j: int) -> int:
        while leader[j] != j:
            leader[j] = j = leader[leader[j]]
        return j

    for j, column in enumerate(columns):
        for row in column:
            leader[root(j)] = root(owner.setdefault(row, j))
    parts = defaultdict(list)
    for j in range(len(columns)):
        parts[root(j)].append(j)
    return list(parts.values())


def _kernel(columns: Sequence[Column], prime: int) -> list[list[int]]:
    """Reduced echelon basis of the kernel, dense; the last columns come first in the elimination, so that the first ones lead the vectors."""
    rows: dict[Hashable, list[int]] = defaultdict(lambda: [0] * len(columns))
    for j, column in enumerate(columns):
        for row, entry in column.items():
            rows[row][-1 - j] = entry
    dense = list(rows.values())
    vectors = _solutions(_thinned(dense, prime), len(columns))
    if any(sum(a * x for a, x in zip(row, vector, strict=True)) for vector in vectors for row in dense):
        vectors = _solutions(dense, len(columns))
    return [vector[::-1] for vector in vectors]


def _sparser(vectors: Sequence[Vector]) -> list[Vector]:
    """Add multiples of later vectors of an echelon basis to earlier ones as long as entries are saved, the most saving first."""
    done: list[Vector] = []
    for vector in sorted(vectors, key=min, reverse=True):
        while True:
            sums = [_without(vector, j, other) for other in done for j in vector.keys() & other.keys()]
            best = min(sums, key=_size, default=vector)
            if _size(best) >= _size(vector):
                break
            vector = best
        done.append(vector)
    return done


def _without(vector: Vector, j: int, other: Vector) -> Vector:
    """The combination of two vectors that has no entry j, primitive; the first entry of `vector` stays positive."""
    a, b = abs(other[j]), vector[j] if other[j] > 0 else -vector[j]
    combined = {k: x for k in vector.keys() | other.keys() if (x := a * vector.get(k, 0) - b * other.get(k, 0))}
    scale = gcd(*combined.values())
    return {k: x // scale for k, x in combined.items()}


def _size(vector: Vector) -> tuple[int, int, list[tuple[int, int]]]:
    return len(vector), sum(map(abs, vector.values())), sorted(vector.items())


def _thinned(rows: list[list[int]], prime: int) -> list[list[int]]:
    """Rows that are independent modulo the prime, as many as there are; taken by the block, for the first one often is enough."""
    kept: list[list[int]] = []
    width = len(rows[0]) if rows else 0
    for start in range(0, len(rows), width + 8):
        tried = kept + rows[start : start + width + 8]
        kept = [tried[i] for i in independent(flint.nmod_mat(flint.fmpz_mat(tried), prime))]
        if len(kept) == width:
            break
    return kept


def _solutions(rows: list[list[int]], width: int) -> list[list[int]]:
    """Kernel of dense rows: one vector for each column without a pivot, 1 there before it is made integer."""
    if not rows:
        return [[int(i == j) for j in range(width)] for i in range(width)]
    reduced, denominator, rank = flint.fmpz_mat(rows).rref()
    pivots = _pivots(reduced, rank)
    vectors = []
    for free in sorted(set(range(width)) - set(pivots)):
        vector = [0] * width
        vector[free] = int(denominator)
        for i, j in enumerate(pivots):
            vector[j] = -int(reduced[i, free])
        vectors.append(_primitive(vector, free))
    return vectors


def _pivots(reduced: Any, rank: int) -> list[int]:
    """Columns of the leading entries of a matrix in echelon form."""
    found: list[int] = []
    for i in range(rank):
        j = found[-1] + 1 if found else 0
        while reduced[i, j] == 0:
            j += 1
        found.append(j)
    return found


def _primitive(vector: list[int], leading: int) -> list[int]:
    scale = gcd(*vector) * (1 if vector[leading] > 0 else -1)
    return [x // scale for x in vector]
