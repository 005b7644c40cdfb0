"""The catalogue's numbers, and the refutation of the inflated lower bound from every seed."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024.py")
MODULE = __import__("sys").modules[PAPER.theorems[0].claim.__module__]
SEEDS = 30


def named(name):
    return next(t for t in (*PAPER.theorems, *PAPER.false) if t.name == name)


def fit_of(depth, eigenvalues, target):
    """Data with covariance diag(eigenvalues) and least-squares solution `target`, a point with all entries 1."""
    d = len(eigenvalues)
    X = np.diag(np.sqrt(d * np.array(eigenvalues)))
    widths = (d, *[1] * depth)
    return DeepLinearFit(widths, tc.Regression(X, X @ np.array(target, dtype=float)), np.ones(tc.DeepLinear(widths).parameters))


# Σ = diag(4, 1), w* = (0, 1): depth, lower bound, least sharpness, balanced sharpness
CATALOGUE = [(2, 4.0, 4.618802, 8.0), (3, 6.0, 6.105143, 8.0), (5, 10.0, 10.0, 10.0)]


@pytest.mark.parametrize(("depth", "lower", "least", "balanced"), CATALOGUE)
def test_numbers_of_the_catalogue(depth, lower, least, balanced):
    fit = fit_of(depth, (4.0, 1.0), (0.0, 1.0))
    assert MODULE.lower(fit) == pytest.approx(lower, rel=1e-14)
    assert float(MODULE.least_sharpness(fit)[1]) == pytest.approx(least, rel=1e-6)
    assert float(MODULE.balanced_sharpness(fit)) == pytest.approx(balanced, rel=1e-14)
    assert float(MODULE.least_sharpness(fit)[1].error) < 1e-12
    if depth == 2:
        assert MODULE.least_sharpness(fit)[0] == pytest.approx(0.57735, rel=1e-5)


def test_least_sharpness_is_the_least_of_a_fine_grid():
    rng = np.random.default_rng(5)
    for _ in range(50):
        d, depth = rng.integers(1, 5), int(rng.integers(2, 8))
        fit = fit_of(depth, np.exp(rng.normal(size=d)), rng.normal(size=d))
        t, least = MODULE.least_sharpness(fit)
        z = fit.root @ fit.w_star
        grid = t * np.exp(np.linspace(-0.3, 0.3, 401))
        values = [2 * np.linalg.eigvalsh(s * fit.covariance + (depth - 1) * s ** (-1 / (depth - 1)) * np.outer(z, z))[-1] for s in grid]
        assert float(least) <= min(values) * (1 + 1e-12)
        assert float(least) >= min(values) * (1 - 1e-6)


@pytest.mark.parametrize("factor", ["factor_2_02", "factor_2_0002"])
def test_inflated_constants_fall_to_the_smallest_counterexample_from_every_seed(factor):
    falsehood = named(f"sharpness_ge_of_minimiser:{factor}")
    for seed in range(SEEDS):
        found = tc.check(falsehood, instances=5000, seed=seed).counterexample
        assert found is not None, seed
        fit = found.instance
        assert fit.widths == (1, 1, 1), seed
        assert fit.X.shape == (1, 1), seed
        assert set(np.concatenate([fit.X.ravel(), fit.y, fit.theta])) <= {-1.0, 0.0, 1.0}, seed
        assert found.exhausted, seed


def test_the_true_bound_is_never_refuted():
    bound = named("sharpness_ge_of_minimiser")
    for seed in range(SEEDS):
        verdict = tc.check(bound, instances=64, seed=seed)
        assert verdict.outcome in (tc.Outcome.CORROBORATED, tc.Outcome.INCONCLUSIVE), (seed, str(verdict))
        assert verdict.undefined == 0, (seed, str(verdict))
