"""Matrix words against the catalogue's forms and hand cases: stacked columns, widths one, and the spectrum at a minimiser."""

from itertools import product as tuples

import numpy as np
import pytest
import sympy as sp
from flint import fmpq_mat

from tests.symbolic.word_chains import derived, random_chain
from theorycheck.symbolic.matrix_words import evaluate


def run(weights: list[np.ndarray], top: int, bottom: int) -> np.ndarray:
    """W_top ... W_bottom."""
    size = weights[bottom - 1].shape[1] if bottom <= len(weights) else weights[-1].shape[0]
    total = np.eye(size, dtype=int).astype(object)
    for k in range(bottom, top + 1):
        total = weights[k - 1] @ total
    return total


def commutation(rows: int, cols: int) -> np.ndarray:
    """K_{p,q} with K vec(V) = vec(Vᵀ), vec stacking columns, V of shape (p, q)."""
    K = np.zeros((rows * cols, rows * cols), dtype=int)
    for i in range(rows):
        for j in range(cols):
            K[i * cols + j, j * rows + i] = 1
    return K


def stacking(rows: int, cols: int) -> np.ndarray:
    """The permutation from row by row to stacked columns."""
    return commutation(cols, rows)


@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 2, 2, 2), (2, 2, 3, 1), (3, 1, 2, 3, 2)], ids=str)
def test_blocks_are_the_catalogue_s_in_stacked_columns(widths: tuple[int, ...]) -> None:
    """H_kj = 2c (B_k Σ B_jᵀ) ⊗ (A_kᵀ A_j) + (M_kj ⊗ (A_kᵀ G B_jᵀ)) K_{d_j, d_{j-1}} for k > j."""
    weights, covariance, G = random_chain(widths)
    L, words = len(weights), derived(len(weights), 2)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: G}
    for k, j in [(row, column) for row in range(1, L + 1) for column in range(1, row + 1)]:
        A_k, A_j, B_k, B_j = run(weights, L, k + 1), run(weights, L, j + 1), run(weights, k - 1, 1), run(weights, j - 1, 1)
        expected = 2 * np.kron(B_k @ covariance @ B_j.T, A_k.T @ A_j)
        if k > j:
            expected = expected + np.kron(run(weights, k - 1, j + 1), A_k.T @ G @ B_j.T) @ commutation(widths[j], widths[j - 1])
        rows, cols = stacking(widths[k], widths[k - 1]), stacking(widths[j], widths[j - 1])
        assert np.array_equal(rows @ evaluate(words.hessian[k - 1][j - 1], values) @ cols.T, expected)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 7])
def test_widths_one_give_the_hand_formulas(depth: int) -> None:
    """c = 1, Σ = 1: H_kk = 2 Π_{i≠k} w_i², H_kj = 2 A_k A_j B_k B_j + 2 (w - w*) Π_{i≠j,k} w_i."""
    weights, target = sp.symbols(f"w1:{depth + 1}"), sp.Symbol("t")
    w, words = sp.Mul(*weights), derived(depth, 2)
    values = {layer: sp.Matrix([[x]]) for layer, x in zip(words.layers, weights, strict=True)}
    values |= {words.covariance: sp.Matrix([[1]]), words.gradient_in_w: sp.Matrix([[2 * (w - target)]])}
    for k, j in tuples(range(depth), repeat=2):
        without = [sp.Mul(*(x for i, x in enumerate(weights) if i not in (k, j)))] * 2
        if k == j:
            expected = 2 * without[0] ** 2
        else:
            expected = 2 * (w / weights[k]) * (w / weights[j]) + 2 * (w - target) * without[0]
        assert sp.expand(evaluate(words.hessian[k][j], values)[0, 0] - expected) == 0


def characteristic(matrix: np.ndarray) -> list:
    """Coefficients of det(λ - matrix), lowest first, after the zeros at λ = 0."""
    rows, cols = matrix.shape
    coefficients = fmpq_mat(rows, cols, [int(e) for e in matrix.reshape(-1)]).charpoly().coeffs()
    return coefficients[next(i for i, e in enumerate(coefficients) if e != 0) :]


@pytest.mark.parametrize("widths", [(3, 2), (2, 3, 1), (3, 2, 2), (2, 2, 3, 2), (3, 2, 2, 2, 1)], ids=str)
def test_nonzero_spectrum_and_trace_at_a_minimiser(widths: tuple[int, ...]) -> None:
    """At G = 0 the non-zero spectrum is that of 2c N (I ⊗ Σ), N = Σ_k (A_k A_kᵀ) ⊗ (B_kᵀ B_k) = J Jᵀ; tr H = 2c Σ_k tr(B_k Σ B_kᵀ) |A_k|²."""
    weights, covariance, G = random_chain(widths)
    L, words = len(weights), derived(len(weights), 2)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: 0 * G}
    hessian = np.block([[evaluate(block, values) for block in row] for row in words.hessian])
    above, below = [run(weights, L, k + 1) for k in range(1, L + 1)], [run(weights, k - 1, 1) for k in range(1, L + 1)]
    N = sum(np.kron(a @ a.T, b.T @ b) for a, b in zip(above, below, strict=True))
    jacobian = np.concatenate([evaluate(block, values) for block in words.jacobian], axis=1)
    assert np.array_equal(jacobian @ jacobian.T, N)
    assert characteristic(hessian) == characteristic(2 * N @ np.kron(np.eye(widths[-1], dtype=int).astype(object), covariance))
    assert np.trace(hessian) == 2 * sum(np.trace(b @ covariance @ b.T) * np.sum(a * a) for a, b in zip(above, below, strict=True))
