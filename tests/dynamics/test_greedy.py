"""Greedy low-rank learning against eigendecompositions, differences of the loss, and a plain integrator."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theorycheck.dynamics.data import MatrixSensing
from theorycheck.dynamics.greedy import descent_matrix, greedy_low_rank
from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.losses import SquaredLoss

Q = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]


def observed(M):
    """All entries of M."""
    d = len(M)
    return MatrixSensing(np.eye(d * d).reshape(d * d, d, d), M.ravel())


def test_descent_matrix_by_differences():
    rng = np.random.default_rng(2)
    data, loss = MatrixSensing(rng.normal(size=(4, 3, 3)), rng.normal(size=4)), SquaredLoss(0.5)
    W = rng.normal(size=(3, 3))
    W = W + W.T
    found = descent_matrix(loss, data, W)
    assert found == pytest.approx(found.T)
    for i, j in np.ndindex(3, 3):
        E = np.zeros((3, 3))
        E[i, j] += 0.5
        E[j, i] += 0.5
        risks = [float(loss.risk(data.predictions((W + h * E).ravel()), data.y)) for h in (1e-5, -1e-5)]
        assert found[i, j] == pytest.approx(-(risks[0] - risks[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("spectrum", [(3.0, 2.0, 1.0), (2.0, 1.0, -1.0)])
def test_phases_are_best_approximations(spectrum):
    M = (Q * np.array(spectrum)) @ Q.T
    phases = greedy_low_rank(SquaredLoss(4.5), observed(M), 2, accuracy=1e-8)
    for r, phase in enumerate(phases, start=1):
        assert phase.rank == r
        assert phase.factor.shape == (3, r)
        best = (Q[:, :r] * np.array(spectrum[:r])) @ Q[:, :r].T
        assert np.all(np.abs(phase.W.value - best) <= phase.W.error + 1e-6)
        assert float(phase.gain) == pytest.approx(spectrum[r - 1] * 2 * 4.5 / 9, rel=1e-6)


def test_the_completion_of_rank_one():
    # the matrix of the paper at R = 2: greedy learning ends at zzᵀ, and so does a plain integrator from the same column
    where, value = ((0, 2), (2, 0), (0, 3), (3, 0), (1, 2), (2, 1)), (1.0, 1.0, 2.0, 2.0, 2.0, 2.0)
    A = np.zeros((6, 4, 4))
    for k, (i, j) in enumerate(where):
        A[k, i, j] = 1
    (phase,) = greedy_low_rank(SquaredLoss(3.0), MatrixSensing(A, np.array(value)), 1, accuracy=1e-9)
    z = np.array([1.0, 2.0, 1.0, 2.0])
    assert phase.W.value == pytest.approx(np.outer(z, z), abs=1e-6)
    assert np.linalg.norm(phase.W.value, "nuc") == pytest.approx(10.0, abs=1e-6)

    def slope(_, u):
        left = np.zeros((4, 4))
        for (i, j), m in zip(where, value, strict=True):
            left[i, j] = m - u[i] * u[j]
        return left @ u

    mu = (1 + np.sqrt(17)) / 2
    start = 1e-3 * np.array([mu, 2.0, mu, 2.0])
    end = solve_ivp(slope, (0, 90), start, rtol=1e-10, atol=1e-12).y[:, -1]
    assert end == pytest.approx(z, abs=1e-6)


def test_arguments():
    data = observed(np.eye(2))
    with pytest.raises(InvalidArgument, match="phases"):
        greedy_low_rank(SquaredLoss(), data, 0, accuracy=1e-6)
    with pytest.raises(InvalidArgument, match="square"):
        greedy_low_rank(SquaredLoss(), MatrixSensing(np.ones((1, 2, 3)), [1.0]), 1, accuracy=1e-6)
    with pytest.raises(InvalidArgument, match="epsilon"):
        greedy_low_rank(SquaredLoss(), data, 1, accuracy=1e-6, epsilon=0.0)
