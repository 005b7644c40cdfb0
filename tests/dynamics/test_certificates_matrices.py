"""Matrices of balls against exact rationals and 60 digits of mpmath: eigenvalues, solutions, inverses, determinants, factors."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from tests.dynamics.enclosures import as_mp, fraction, holds
from tests.dynamics.exact import fractions
from theorycheck.dynamics.certificates import Ball, Balls, OutsideBalls, balls
from theorycheck.dynamics.certificates import linear_algebra as la
from theorycheck.dynamics.certificates.eigenvalues import least_eigenvalue, top_eigenvalue

pytestmark = pytest.mark.usefixtures("in_balls")


def random_rational(m: int, n: int, seed: int, spread: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-8, 9, (m, n)) * 2.0 ** -rng.integers(0, 1 + spread, (m, 1))


def hilbert(n: int) -> np.ndarray:
    return np.array([[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)], dtype=object)


def conjugated(values: list[float]) -> np.ndarray:
    """Q diag(values) Qᵀ for a rational reflection Q: repeated eigenvalues that no entry shows."""
    n = len(values)
    v = np.array([Fraction(k + 1) for k in range(n)], dtype=object)
    Q = np.array([[Fraction(int(i == j)) - 2 * v[i] * v[j] / (v @ v) for j in range(n)] for i in range(n)], dtype=object)
    return (Q * np.array([Fraction(x) for x in values], dtype=object)) @ Q.T


def gram(A: np.ndarray) -> np.ndarray:
    return A @ A.T


SYMMETRIC = {
    **{f"random {m}": gram(random_rational(m, m, seed=m)) - 40 * np.eye(m) for m in (1, 2, 3, 7, 12)},
    **{f"deficient {m}": gram(random_rational(m, 2, seed=m)) for m in (3, 6, 10)},
    **{f"scaled {m}": gram(random_rational(m, m, seed=m, spread=40)) for m in (3, 6)},
    "hilbert": hilbert(9),
    "top repeated": conjugated([3.0, 3.0, 3.0, -1.0, 0.0]),
    "all equal": conjugated([2.0, 2.0, 2.0]),
    "nearly repeated": conjugated([1.0, 1.0 - 2.0**-40, 0.5, 0.0]),
    "zero": np.zeros((3, 3)),
    "negative": -np.diag([1.0, 2.0, 3.0]),
}


def in_mp(M: np.ndarray) -> mp.matrix:
    return mp.matrix([[mp.mpf(Fraction(x).numerator) / Fraction(x).denominator for x in row] for row in M.tolist()])


@pytest.mark.parametrize("name", SYMMETRIC)
def test_extreme_eigenvalues_are_enclosed(name):
    M = SYMMETRIC[name]
    with mp.workdps(60):
        truth = mp.eigsy(in_mp(M), eigvals_only=True)
        size = float(max(map(abs, truth), default=0)) or 1.0
        for found, expected in ((top_eigenvalue(balls(M)), max(truth)), (least_eigenvalue(balls(M)), min(truth))):
            slip = mp.mpf(size) * mp.mpf(10) ** -50
            assert as_mp(found.lower) - slip <= expected <= as_mp(found.upper) + slip
            assert as_mp(found.upper) - as_mp(found.lower) <= 1e-15 * size


@pytest.mark.parametrize("name", ["random 3", "random 7", "deficient 6", "top repeated", "nearly repeated", "zero"])
def test_eigenvalues_of_a_matrix_of_balls_enclose_those_of_every_matrix_in_it(name):
    M, rng = SYMMETRIC[name].astype(float), np.random.default_rng(1)
    wide = balls(M) + np.full(M.shape, Ball(0).hull(Ball(2.0**-20)), dtype=object).view(Balls)
    found = top_eigenvalue(wide)
    for _ in range(20):
        noise = np.tril(rng.uniform(0, 2.0**-20, M.shape))
        moved = np.linalg.eigvalsh(M + noise + np.tril(noise, -1).T)[-1]
        assert found.lower.midpoint - 1e-9 <= moved <= found.upper.midpoint + 1e-9
    assert found.upper.midpoint - found.lower.midpoint < 1e-4


@pytest.mark.parametrize("values", [[3.0, 3.0, -1.0], [0.5, 0.25, 0.125, 0.0]])
def test_a_rational_top_eigenvalue_is_found(values):
    assert fraction(top_eigenvalue(balls(conjugated(values)))) == Fraction(max(values))


def matrix_of_fractions(found: np.ndarray) -> np.ndarray:
    return np.array([[fraction(x) for x in row] for row in found.tolist()], dtype=object)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (4, 4), (6, 3)])
@pytest.mark.parametrize("rank", [1, 2, 6])
def test_pseudo_inverses_satisfy_the_four_equations_of_penrose(shape, rank):
    m, n = shape
    M = random_rational(m, min(rank, m, n), seed=rank) @ random_rational(min(rank, m, n), n, seed=7)
    inverse, M = matrix_of_fractions(la.pseudo_inverse(balls(M))), fractions(M)
    assert np.array_equal(M @ inverse @ M, M)
    assert np.array_equal(inverse @ M @ inverse, inverse)
    assert np.array_equal((M @ inverse).T, M @ inverse)
    assert np.array_equal((inverse @ M).T, inverse @ M)


@pytest.mark.parametrize("M", [hilbert(8), random_rational(6, 6, 3), random_rational(5, 5, 4, spread=30)])
def test_solutions_inverses_and_determinants_are_exact(M):
    b = np.arange(1, len(M) + 1)
    solution = la.solve(balls(M), balls(b))
    truth = sp.Matrix([[sp.Rational(*Fraction(x).as_integer_ratio()) for x in row] for row in M.tolist()])
    expected = truth.LUsolve(sp.Matrix(b))
    assert [fraction(x) for x in solution.tolist()] == [Fraction(int(x.p), int(x.q)) for x in expected]
    assert fraction(la.determinant(balls(M))) == Fraction(int(truth.det().p), int(truth.det().q))
    assert np.array_equal(matrix_of_fractions(la.product(la.inverse(balls(M)), balls(M))), fractions(np.eye(len(M))))


def test_solutions_in_balls_hold_the_truth():
    M, thirds = random_rational(5, 5, 9), np.full(5, Ball(2).sqrt())
    found = la.solve(balls(M) * Ball(3).sqrt(), balls(np.ones(5)) * thirds)
    with mp.workdps(60):
        truth = mp.lu_solve(in_mp(M) * mp.sqrt(3), mp.matrix([mp.sqrt(2)] * 5))
        for x, expected in zip(found.tolist(), truth, strict=True):
            holds(x, expected, 1e-25)


def test_a_singular_matrix_is_an_error():
    with pytest.raises(OutsideBalls, match="singular"):
        la.solve(balls([[1, 2], [2, 4]]), balls([1, 1]))


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_a_factor_of_a_covariance(rank):
    X = balls(random_rational(7, rank, 1) @ random_rational(rank, 4, 2))
    F = la.factor((X.T @ X).view(np.ndarray)).view(Balls)
    for found, expected in zip((F.T @ F).ravel().tolist(), (X.T @ X).ravel().tolist(), strict=True):
        with mp.workdps(60):
            holds(found, as_mp(expected), 1e-25)
