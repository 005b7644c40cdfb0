"""Hessians and their top eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from rows.base import SEED, Contestant, Row
from scipy.sparse.linalg import LinearOperator, eigsh

import theorycheck as tc
from theorycheck.dynamics import curvature


def instance(widths: tuple[int, ...], minimiser: bool, samples: int = 100) -> tuple[tc.Objective, np.ndarray]:
    rng, d = np.random.default_rng(SEED), widths[0]
    X, theta = rng.normal(size=(samples, d)), 0.9 / np.sqrt(d) * rng.normal(size=sum(a * b for a, b in pairwise(widths)))
    model = tc.DeepLinear(widths)
    target = model.w(theta) if minimiser else rng.normal(size=d) / np.sqrt(d)
    return tc.Objective(model, tc.SquaredLoss(), tc.Regression(X, X @ target)), theta


def jitted_product(objective: tc.Objective, theta: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """v -> ∇²R v in JAX, θ fixed."""
    import jax
    from rows.networks import layers, moments, product

    widths, data = objective.model.widths, moments(objective)

    @jax.jit
    def times(W, v):
        return jax.numpy.concatenate([part.ravel() for part in product(W, layers(widths, v), *data)])

    W = layers(widths, jax.numpy.asarray(theta))
    return lambda v: np.asarray(times(W, v))


def extended_columns(objective: tc.Objective, theta: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Columns of the Hessian by complex steps of a gradient written with plain products."""
    X, widths, h = objective.data.X, objective.model.widths, 1e-30
    S, C = X.T @ X / len(X), X.T @ objective.data.y / len(X)
    out = []
    for column in columns:
        moved = theta.astype(complex)
        moved[column] += 1j * h
        W, end = [], 0
        for a, b in zip(widths[1:], widths[:-1], strict=True):
            W.append(moved[end : end + a * b].reshape(a, b))
            end += a * b
        q = [np.ones(1, dtype=complex)]
        for layer in reversed(W):
            q.append(q[-1] @ layer)
        q.reverse()
        g, parts = 2 * (S @ q[0] - C), []
        for k, layer in enumerate(W):
            parts.append(np.outer(q[k + 1], g).ravel())
            g = layer @ g
        out.append(np.concatenate(parts).imag / h)
    return np.stack(out, axis=-1)


def dense() -> Row:
    import jax
    from rows.networks import moments, risk

    widths = (20,) * 5 + (1,)
    objective, theta = instance(widths, minimiser=False)
    columns = np.arange(0, objective.parameters, 41)
    truth, data, point = extended_columns(objective, theta, columns), moments(objective), jax.numpy.asarray(theta)
    hessian = jax.jit(jax.hessian(lambda at: risk(widths, at, *data)))

    def off(found: np.ndarray) -> np.ndarray:
        return np.linalg.norm(found[:, columns] - truth, axis=0) / np.linalg.norm(truth, axis=0)

    return Row(
        "hessian", f"dense Hessian, depth 5, width 20 ({objective.parameters:,} parameters)", "ms", 1,
        "relative error of columns, against complex steps",
        Contestant("theorycheck", lambda: objective.hessian(theta), off),
        (Contestant("jax.hessian, jit", lambda: np.asarray(hessian(point).block_until_ready()), off, target=3.0),),
    )  # fmt: skip


def lanczos(objective: tc.Objective, theta: np.ndarray, truth: float, target: float) -> Contestant:
    """ARPACK on the jitted product."""
    times, P = jitted_product(objective, theta), objective.parameters
    start = np.random.default_rng(SEED).normal(size=P)

    def work() -> float:
        operator = LinearOperator((P, P), matvec=times, dtype=float)
        return eigsh(operator, k=1, which="LA", v0=start, tol=1e-10, return_eigenvectors=True)[0][0]

    return Contestant("Lanczos (ARPACK, tol 1e-10) on a jitted product", work, lambda found: np.abs(np.atleast_1d(found) / truth - 1), target=target)


def mine(name: str, work: Callable[[], Any], truth: float) -> Contestant:
    return Contestant(name, work, lambda found: np.abs(np.atleast_1d(found.value) / truth - 1))


def at_minimiser() -> Row:
    objective, theta = instance((50,) * 10 + (1,), minimiser=True)
    truth = small_matrix_top(objective, theta)

    def small() -> tc.Measured:
        first = curvature.FirstTerm.of(objective)
        assert first is not None
        return curvature.top_eigenvalue(*first.matrix(theta))

    others = (
        lanczos(objective, theta, truth, 15.0),
        mine("theorycheck, `tc.sharpness`: shows the second term to vanish", lambda: tc.sharpness(objective, theta), truth),
    )
    return Row(
        "top-minimiser", "top eigenvalue at a minimiser, depth 10, width 50", "ms", 1, "relative error, against the small matrix by other code",
        mine("theorycheck, small equivalent matrix, with bar", small, truth), others,
    )  # fmt: skip


def small_matrix_top(objective: tc.Objective, theta: np.ndarray) -> float:
    """2c λ_max(Σ^½ [Σ_k |q_k|² B_kᵀ B_k] Σ^½), catalogued as hessian-dln/blocks."""
    W, d = objective.model.layers(theta), objective.data.inputs
    below, total = [np.eye(d)], np.zeros((d, d))
    for layer in W[:-1]:
        below.append(layer @ below[-1])
    q = np.ones(1)
    for layer, B in zip(reversed(W), reversed(below), strict=True):
        total += (q @ q) * B.T @ B
        q = q @ layer
    root = np.linalg.cholesky(objective.data.covariance)
    return float(2 * np.linalg.eigvalsh(root.T @ total @ root)[-1])


def elsewhere() -> Row:
    objective, theta = instance((50,) * 10 + (1,), minimiser=False)
    times, P = jitted_product(objective, theta), objective.parameters
    truth = float(eigsh(LinearOperator((P, P), matvec=times, dtype=float), k=4, which="LA", ncv=60)[0].max())
    found, whole = curvature.ranged_top(objective, theta), tc.sharpness(objective, theta)
    notes = (f"relative residual {float(found.error) / truth:.1e}; bar of `tc.sharpness`, rounding included, {float(whole.error) / truth:.1e}.",)
    others = (
        lanczos(objective, theta, truth, 8.0),
        mine("theorycheck, `tc.sharpness`, rounding in the bar", lambda: tc.sharpness(objective, theta), truth),
    )
    return Row(
        "top-elsewhere", "top eigenvalue elsewhere, depth 10, width 50, residual ≤ 1e-10", "ms", 1,
        "relative error, against ARPACK to machine precision, four values",
        mine("theorycheck, Lanczos in the range, with residual", lambda: curvature.ranged_top(objective, theta), truth), others, notes=notes,
    )  # fmt: skip
