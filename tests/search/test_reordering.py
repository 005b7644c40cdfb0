"""Linear algebra in another order: the same answers, and no accusation of what an iteration left undone."""

from dataclasses import dataclass

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.search.reordering import reordered
from theorycheck.search.rounding import Rounding, rounded

TALL = np.random.default_rng(0).standard_normal((3, 5, 4))
EVEN = np.swapaxes(TALL, -1, -2) @ TALL
SAME = {
    "lstsq": lambda: np.linalg.lstsq(TALL[0], TALL[1], rcond=None)[0],
    "lstsq of a vector": lambda: np.linalg.lstsq(TALL[0], TALL[1, :, 0], rcond=None)[0],
    "pinv": lambda: np.linalg.pinv(TALL),
    "svd": lambda: (lambda r: (r.U * r.S[..., None, :]) @ r.Vh)(np.linalg.svd(TALL, full_matrices=False)),
    "projection by svd": lambda: (lambda r: r.U[..., :2] @ np.swapaxes(r.U[..., :2], -1, -2))(np.linalg.svd(TALL)),
    "singular values": lambda: np.linalg.svd(TALL, compute_uv=False),
    "symmetric svd": lambda: np.linalg.svd(EVEN, compute_uv=False, hermitian=True),
    "eigh": lambda: (lambda r: (r.eigenvectors * r.eigenvalues[..., None, :]) @ np.swapaxes(r.eigenvectors, -1, -2))(np.linalg.eigh(EVEN)),
    "top eigenvector": lambda: np.abs(np.linalg.eigh(EVEN).eigenvectors[..., -1]),
    "eigvalsh": lambda: np.linalg.eigvalsh(EVEN, UPLO="U"),
    "spectral norm": lambda: np.linalg.norm(TALL[0], 2),
    "nuclear norms": lambda: np.linalg.norm(TALL, "nuc", axis=(-2, -1)),
    "Frobenius norms": lambda: np.linalg.norm(TALL, axis=(-2, -1)),
    "a list": lambda: np.linalg.norm([3.0, 4.0]),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("seed", range(3))
def test_answers_are_the_same(name, seed):
    plain = SAME[name]()
    with reordered(seed):
        found = SAME[name]()
    np.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)


def test_numpy_is_put_back():
    before = np.linalg.svd
    with pytest.raises(ZeroDivisionError), reordered(0):
        raise ZeroDivisionError
    assert np.linalg.svd is before


# -- a solution of condition 13 that is off by 58 ulp, alike in every rounding mode --

INPUTS, TARGETS, SOLUTION = np.array([[0.0, 0.5, 1.0], [0, 0, 0], [1, 0, 0], [2, 0, 1]]), np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 4.0, -2.0])


@dataclass(frozen=True)
class Scaled:
    factor: float


@tc.recipe
def scaled(draw):
    return Scaled(2.0 ** draw(tc.integers(-3, 3)))


def fitted(s, precision, off=0.0):
    w = np.linalg.lstsq(INPUTS, s.factor * TARGETS, rcond=None)[0]
    return tc.equal("w_1³ = w_1*³", w[0] ** 3, (s.factor * SOLUTION[0]) ** 3 * (1 + off))


def test_the_error_is_alike_in_every_rounding_mode():
    errors = []
    for mode in Rounding:
        with rounded(mode):
            errors.append(np.linalg.lstsq(INPUTS, TARGETS, rcond=None)[0] - SOLUTION)
    if not np.any(errors):
        pytest.skip("this LAPACK solves it exactly")
    if np.ptp(errors, axis=0).max() > 0.5 * np.abs(errors).max():
        pytest.skip("this LAPACK rounds where that of the finding does not")
    assert np.abs(errors).max() > 32 * np.finfo(float).eps


def test_what_an_iteration_left_undone_is_not_accused():
    verdict = tc.check(tc.Theorem("fitted", tc.CONJECTURE, scaled, (), fitted), instances=40)
    assert verdict.outcome is not tc.Outcome.REFUTED


def test_a_violation_of_1e_12_still_falls():
    theorem = tc.Theorem("off", tc.CONJECTURE, scaled, (), lambda s, precision: fitted(s, precision, off=1e-12))
    assert tc.check(theorem, instances=40).outcome is tc.Outcome.REFUTED
