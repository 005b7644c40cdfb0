"""Numbers of the catalogue for label noise on u² - v²."""

import numpy as np
import pytest

import theorycheck as tc


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
