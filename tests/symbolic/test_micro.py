"""The inner loops in vector registers against plain loops, to the last bit, for every number of lanes up to 19."""

from fractions import Fraction

import numpy as np
import pytest

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.micro import products
from theorycheck.symbolic.kernels.micro.combination import combination


@compiled
def called(which: int, rows: int, cols: int, q: np.ndarray, h: np.ndarray, W: np.ndarray, out: np.ndarray) -> None:
    if which == 0:
        products.vector_matrix(rows, cols, q, 1, W, 2, out, 3)
    elif which == 1:
        products.matrix_vector(rows, cols, W, 2, h, 1, out, 3)
    elif which == 2:
        products.product_and_update(rows, cols, q, 1, h, 1, W, 2, out, 3)
    elif which == 3:
        products.outer(rows, cols, q, 1, h, 1, W, 2)
    else:
        products.minus_outer(rows, cols, q, 1, h, 1, W, 2)


def by_plain_loops(which: int, rows: int, cols: int, q: np.ndarray, h: np.ndarray, W: np.ndarray, out: np.ndarray) -> None:
    q, h, W, out = q[1:], h[1:], W[2:], out[3:]
    if which == 2:
        out[:rows] = 0
    for i in range(rows):
        for j in range(cols):
            w = W[i * cols + j].copy()
            if which == 0:
                out[j] += q[i] * w
            elif which in (1, 2):
                out[i] += w * h[j]
            if which >= 2:
                W[i * cols + j] = w + q[i] * h[j] if which == 3 else w - q[i] * h[j]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("lanes", [1, 2, 3, 7, 8, 13, 16, 19])
def test_inner_loops_are_those_written_plainly(which, lanes):
    rng = np.random.default_rng(lanes)
    for rows, cols in [(1, 1), (4, 3), (5, 9), (8, 4)]:
        arrays = [rng.normal(size=(size, lanes)) for size in (rows + 3, cols + 3, rows * cols + 4, max(rows, cols) + 5)]
        expected = [array.copy() for array in arrays]
        called(which, rows, cols, *arrays)
        by_plain_loops(which, rows, cols, *expected)
        for found, wanted in zip(arrays, expected, strict=True):
            assert np.array_equal(found, wanted)


@compiled
def combined(count: int, stages: np.ndarray, values: np.ndarray, K: np.ndarray, T: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
    combination(count, stages, values, K, T, h, out)


@pytest.mark.parametrize("lanes", [1, 5, 8, 32])
def test_combinations_are_summed_from_the_left_and_products_not_rounded(lanes):
    rng = np.random.default_rng(lanes)
    K, T, h, out = rng.normal(size=(6, 7, lanes)), rng.normal(size=(7, lanes)), rng.normal(size=lanes), np.full((7, lanes), np.nan)
    stages, values = np.array([4, 0, 2, 5, 1]), rng.normal(size=5)
    combined(4, stages, values, K, T, h, out)
    total = values[0] * K[stages[0]]
    for stage, value in zip(stages[1:4], values[1:4], strict=True):
        total = fused(value, K[stage], total)
    assert np.array_equal(out, fused(h, total, T))


@np.vectorize
def fused(x: float, y: float, z: float) -> float:
    """X y + z, rounded once."""
    return float(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)))
