"""The catalogue's numbers: the completion problem along shrinking starts, its certificates, and the nuclear-norm solution that stays."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.factorizations import OBSERVED, Completion
from theorycheck.library import load, shelf

PAPER = load(shelf() / "li_luo_lyu_2020.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]
START = np.random.default_rng(0).normal(size=(4, 4))


def problem(R):
    """Nothing changed, full rank."""
    return Completion(float(R), np.zeros((4, 4)), 1.0, START)


# R, scale of U, nuclear norm of the limit: from nearly the least, 4R, to 2R² + 2
LIMITS = [
    (2, 1e-1, 8.111),
    (2, 1e-3, 9.377),
    (2, 1e-6, 9.9935),
    (2, 1e-10, 10.0),
    (3, 1e-1, 12.26),
    (3, 1e-3, 14.16),
    (3, 1e-6, 17.71),
    (3, 1e-10, 19.926),
]


@pytest.mark.parametrize(("R", "scale", "norm"), LIMITS)
def test_nuclear_norm_of_the_limit(R, scale, norm):
    seen = float(MODULE.settled(problem(R), scale**2, START).value)
    assert seen == pytest.approx(norm, abs=5e-3)
    assert 4 * R < seen < 2 * R**2 + 2


@pytest.mark.parametrize("R", [1.0, 2.0, 100.0])
def test_least_nuclear_norm_and_its_certificate(R):
    Z = np.zeros((4, 4))
    Z[(0, 3, 1, 2), (3, 0, 2, 1)] = 1
    assert np.linalg.eigvalsh(Z) == pytest.approx([-1, -1, 1, 1])
    M = problem(R).least
    assert np.linalg.norm(M, "nuc") == pytest.approx(4 * R, rel=1e-13)
    assert np.sum(Z * M) == pytest.approx(4 * R)
    assert np.linalg.eigvalsh(M)[0] >= -1e-12 * R
    assert np.linalg.matrix_rank(M) == (1 if R == 1 else 2)


@pytest.mark.parametrize("R", [2.0, 10.0, 100.0])
def test_spectrum_at_zero(R):
    p = problem(R)
    M = np.zeros((4, 4))
    for (i, j), y in zip(OBSERVED, (1, 1, R, R, R, R), strict=True):
        M[i, j] = y
    mu, u = p.top
    assert M @ u == pytest.approx(mu * u)
    values = np.linalg.eigvalsh(M)
    assert values[3] - values[2] == pytest.approx(1.0, rel=1e-10)
    assert mu == pytest.approx(values[3])


def test_the_rank_one_completion():
    z = problem(3.0).z
    W = np.outer(z, z)
    assert problem(3.0).data.predictions(W.ravel()) == pytest.approx(problem(3.0).data.y)
    assert W[1, 3] == 9.0
    assert np.linalg.norm(W, "nuc") == pytest.approx(20.0)


def test_a_factor_of_the_nuclear_norm_solution_stays():
    claim = MODULE.stays_rank_one(problem(2.0), tc.Precision(0))
    assert float(claim.left.value) == pytest.approx(8.0, abs=1e-6)
    assert claim.standing is tc.Standing.VIOLATED
