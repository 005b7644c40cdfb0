"""NumPy means the same on balls as on floats."""

import numpy as np
import pytest

from tests.dynamics.enclosures import middles_of
from theorycheck.dynamics.certificates import exact

pytestmark = pytest.mark.usefixtures("in_balls")

A = np.array([[2.0, 1.0, 0.5], [1.0, 3.0, -1.0]])
V = np.array([1.5, -2.0, 0.25])
NUMPY = {
    "matvec": lambda A, v: A @ v,
    "gram": lambda A, v: A @ A.T,
    "norm": lambda A, v: np.linalg.norm(A),
    "norm of rows": lambda A, v: np.linalg.norm(A, axis=1, keepdims=True),
    "spectral norm": lambda A, v: np.linalg.norm(A, 2),
    "norms of a stack": lambda A, v: np.linalg.norm(np.stack([A, 2 * A]), 2, axis=(-2, -1)) + np.linalg.norm(np.stack([A, A]), axis=(1, 2)),
    "stacks": lambda A, v: np.linalg.inv(np.stack([A @ A.T, 3 * A @ A.T])) @ np.stack([A, A]) + np.swapaxes(np.linalg.pinv(np.stack([A, -A])), 1, 2),
    "extremes over axes": lambda A, v: np.max(np.stack([A, -A]), axis=(0, 2)) - np.min(A),
    "largest size": lambda A, v: np.linalg.norm(v, np.inf),
    "sum of sizes": lambda A, v: np.linalg.norm(v, 1),
    "solve": lambda A, v: np.linalg.solve(A @ A.T, A @ v),
    "lstsq": lambda A, v: np.linalg.lstsq(A, A @ v, rcond=None)[0],
    "pinv": lambda A, v: np.linalg.pinv(A),
    "inv": lambda A, v: np.linalg.inv(A @ A.T),
    "det": lambda A, v: np.linalg.det(A @ A.T),
    "multi_dot": lambda A, v: np.linalg.multi_dot([A.T, A, v]),
    "einsum": lambda A, v: np.einsum("ij,j,i->i", A, v, A[:, 0]),
    "outer": lambda A, v: np.outer(v, v),
    "sums": lambda A, v: A.sum(axis=0) + A.mean(axis=0) + v.sum() + np.prod(v),
    "extremes": lambda A, v: np.maximum(v, 0.5) + v.max() - A.min(axis=0) + np.minimum(A[0], A[1]),
    "shapes": lambda A, v: np.concatenate([[1.0], v, A.ravel(), np.stack([v, v]).T.ravel(), np.diag(v).ravel()]),
    "where": lambda A, v: np.where(v > 0, v, 0.5),
    "fill": lambda A, v: np.ones_like(v) + np.zeros_like(v),
    "powers": lambda A, v: np.square(v) + np.abs(v) ** 1.5 + 2**v,
    "functions": lambda A, v: np.exp(v) + np.sqrt(np.abs(v)) + np.log(np.abs(v)) + np.tanh(v),
    "mixed": lambda A, v: np.float64(2.0) * v + np.eye(3) @ v - [1.0, 2.0, 3.0],
    "trace": lambda A, v: np.trace(A @ A.T),
    "flags": lambda A, v: 1.0 * np.array([np.any(v > 1), np.all(v > 1), np.isfinite(v).all(), np.array_equal(v, v)]),
    "sorted": lambda A, v: np.sort(v) + np.cumsum(v),
    "eigenvalues of a diagonal": lambda A, v: np.linalg.eigvalsh(np.diag(v)),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_means_the_same_on_balls(name):
    found, expected = NUMPY[name](exact(A), exact(V)), NUMPY[name](A, V)
    middles = middles_of(found)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(middles, expected, rtol=1e-13, atol=1e-13)
