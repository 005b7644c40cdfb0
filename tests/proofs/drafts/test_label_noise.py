"""Numbers of the catalogue for li_wang_arora_2021, damian_ma_lee_2021 and haochen_2020."""

import sys

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import theorycheck as tc
from theorycheck.library import load, shelf


def module(name: str):
    """A theorem file as a module."""
    return sys.modules[load(shelf() / "drafts" / f"{name}.py").theorems[0].claim.__module__]


LI, DAMIAN, HAOCHEN = (module(name) for name in ("li_wang_arora_2021", "damian_ma_lee_2021", "haochen_2020"))


@pytest.mark.parametrize(("n", "low", "high"), [(4, 0.0, 0.2), (8, 0.1, 0.55), (12, 0.75, 1.0), (16, 0.95, 1.0)])
def test_recovered_fractions(n: int, low: float, high: float) -> None:
    """Catalogue, d = 60 inputs of which κ = 2 count, Rademacher, 40 trials: 0.03, 0.30, 0.90, 1.00."""
    designs = np.random.default_rng(5).integers(0, 2, size=(40, n, 60)) * 2.0 - 1.0
    solved, certified = LI.solved(designs, 2), LI.certified(designs, 2)
    assert low <= solved.mean() <= high
    assert not np.any(certified & ~solved)


def test_products_decay_by_the_finite_step_factor() -> None:
    """Catalogue, n = 5 and d = 12: measured over predicted log-decay is 1 + η tr H/2 on the way, near 1.2 at η = 0.01 and 1.1 at 0.005."""
    generator = np.random.default_rng(6)
    Z, start, model = generator.standard_normal((5, 12)), generator.uniform(0.5, 1.2, 24), tc.Diagonal(12, 2)
    objective, c = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(Z, Z @ model.w(start))), np.mean(Z**2, axis=0)
    factors = []
    for eta in (0.01, 0.005):
        steps = round(0.3 / eta**2)
        times = np.linspace(0, steps * eta, 9)
        method = tc.GradientDescent(eta, tc.LabelNoise(1.0, seed=np.arange(32)))
        run = tc.follow(objective, method, start, tc.Stop(steps=steps), save=tc.At(times))
        decay = np.log(run.final[:, :12] * run.final[:, 12:]).mean(axis=0) - np.log(start[:12] * start[12:])
        first_order = eta / 2 * 4 * np.mean(np.sum(np.tile(c, 2) * run.states**2, axis=-1))
        factors.append(float(np.sum(decay) / np.sum(-4 * c * eta**2 * steps)))
        assert factors[-1] == pytest.approx(1 + first_order, abs=2.5 * first_order**2)
    assert (factors[0] - 1) / (factors[1] - 1) == pytest.approx(2.0, rel=0.2)


def test_large_steps_follow_the_whole_regularizer() -> None:
    """Catalogue, f = y√(1+x²) from x = 0.8 at ηH = 1.2 and σ = 0.01: mean 0.6736, the flow of R 0.673598, that of tr H/4 0.742207."""
    eta, sigma, runs = 1.2 / 1.64, 0.01, 1000
    steps = round(0.15 / (eta * sigma) ** 2)
    generator, x, y = np.random.default_rng(7), np.full(runs, 0.8), np.zeros(runs)
    for noise in generator.integers(0, 2, size=(steps, runs)) * 2.0 - 1.0:
        g = np.sqrt(1 + x * x)
        slope = eta * (y * g - sigma * noise)
        x, y = x - slope * y * x / g, y - slope * g
    whole = solve_ivp(lambda t, x: -x / (2 - eta * (1 + x * x)), (0, 0.15), [0.8], rtol=1e-10, atol=1e-12).y[0, -1]
    assert whole == pytest.approx(0.673598, abs=2e-5)
    assert 0.8 * np.exp(-0.15 / 2) == pytest.approx(0.7422, abs=1e-4)
    assert x.mean() == pytest.approx(whole, abs=4 * x.std() / np.sqrt(runs) + 2e-4)


@pytest.mark.parametrize(("nu", "value"), [(1e-3, 0.899), (1e-6, 0.828), (1e-12, 0.790)])
def test_the_regularizer_at_the_edge(nu: float, value: float) -> None:
    """Catalogue, H = diag(3, 2, 1), limit 0.75."""
    hessian = DAMIAN.Curved(np.array([[3.0, 2.0, 1.0]]), np.eye(3)[None], 0.5, 0.0, 1.0, 1.0)
    assert DAMIAN.at_edge(hessian, np.array([np.log(2 / nu)]))[0, 0] == pytest.approx(value, abs=6e-4)


def test_label_noise_recovers_where_descent_does_not() -> None:
    """Catalogue, d = 16, n = 8, w* = (1, 0.7, 0, ...), v(0) = 1: descent stays far from w*, label noise comes near, as the closed form says."""
    Z, w = np.random.default_rng(8).standard_normal((8, 16)), np.array([1.0, 0.7] + [0.0] * 14)
    model, start = tc.Diagonal(16, 2, signed=False), np.ones(16)
    objective, c = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(Z, Z @ w)), np.mean(Z**2, axis=0)
    plain = tc.follow(objective, tc.GradientDescent(0.01), start, tc.Stop(steps=60000)).final ** 2
    entropy = tc.bregman_projection(tc.legendre_potential(model, start), Z, Z @ w).w.value
    assert np.max(np.abs(plain - entropy)) < 2e-2
    assert np.max(np.abs(plain - w)) > 0.2
    noisy = tc.follow(objective, tc.GradientDescent(0.002, tc.LabelNoise(1.0, seed=np.arange(4))), start, tc.Stop(steps=500_000)).final
    annealed = tc.follow(objective, tc.GradientDescent(0.01), noisy, tc.Stop(steps=20000)).final ** 2
    closed = tc.bregman_projection(tc.legendre_potential(model, np.exp(-2 * c * 2.0)), Z, Z @ w).w.value
    assert np.max(np.abs(annealed.mean(axis=0) - closed)) < 0.05
    assert np.max(np.abs(annealed.mean(axis=0) - w)) < 0.5 * np.max(np.abs(plain - w))


def test_isotropic_noise_weighs_eigenvalues_by_their_inverse() -> None:
    """Catalogue: at λ = (4, 1) the slopes of log pdet are (1/4, 1), those of the trace (1, 1)."""
    eigenvalues, normal = np.array([0.0, 1.0, 4.0]), np.array([False, True, True])
    np.testing.assert_array_equal(tc.LOG_PDET.slopes(eigenvalues, normal), [0.0, 1.0, 0.25])
    np.testing.assert_array_equal(tc.TRACE.slopes(eigenvalues, normal), [0.0, 1.0, 1.0])


def test_labels_twice_as_heavy_double_the_noise() -> None:
    """Catalogue, trap 3: with L = (1/n)Σr² the covariance of label noise δ is 2δ²H, with (1/2n)Σr² it is δ²H; and H doubles."""
    model, start = tc.Diagonal(2, 2), np.array([1.0, 0.5, 0.75, 0.25])
    data = tc.Regression([[1.0, 0.5]], np.array([[1.0, 0.5]]) @ model.w(start))
    for weight, factor in ((0.5, 1.0), (1.0, 2.0)):
        objective = tc.Objective(model, tc.SquaredLoss(weight), data)
        step = tc.follow(objective, tc.GradientDescent(1.0, tc.LabelNoise(0.5, seed=1)), start, tc.Stop(steps=1)).final - start
        np.testing.assert_allclose(np.outer(step, step), factor * 0.25 * objective.hessian(start), atol=1e-12)
