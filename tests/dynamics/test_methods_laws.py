"""Laws of the literature on single methods: two-cycles, limits, products that shrink, means without bias, bounded dual domains."""

from dataclasses import replace

import numpy as np
import pytest

from tests.dynamics.diagonal_twin import network
from tests.dynamics.method_formulas import SEED
from tests.dynamics.quadratics import QUADRATIC, landscape
from theorycheck.dynamics import noise
from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.landscapes import Landscape
from theorycheck.dynamics.methods import (
    AverageDirection,
    GradientDescent,
    LabelNoise,
    MirrorDescent,
    NormalizedGradientDescent,
    SharpnessAware,
    SqrtLossDescent,
)
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import Every, Stop, follow
from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import Diagonal
from theorycheck.symbolic.potentials import legendre_potential


def test_normalised_descent_ends_in_a_two_cycle_along_the_top():
    """Arora, Li & Panigrahi 2022: |a_k| + |a_{k+1}| = η; other directions vanish altogether."""
    run = follow(QUADRATIC, NormalizedGradientDescent(0.1), np.array([1.0, 0.7, -0.4]), Stop(steps=4000), save=Every(3999))
    before, after = run.states[-2], run.states[-1]
    assert abs(before[0]) + abs(after[0]) == pytest.approx(0.1, rel=1e-12)
    assert np.all(np.abs(after[1:]) < 1e-300)


def test_descent_on_the_root_of_the_loss_two_cycles():
    """|a_k| + |a_{k+1}| = η √(λ/2) along the top."""
    run = follow(QUADRATIC, SqrtLossDescent(0.05), np.array([1.0, 0.7, -0.4]), Stop(steps=3000), save=Every(2999))
    assert abs(run.states[-2, 0]) + abs(run.states[-1, 0]) == pytest.approx(0.05 * np.sqrt(1.5), rel=1e-9)


def test_sam_on_a_quadratic_aligns_with_the_top():
    """Wen, Ma & Li 2022: ‖x‖ → ηρλ/(2 - ηλ)."""
    eta, rho = 0.2, 0.05
    run = follow(QUADRATIC, GradientDescent(eta, SharpnessAware(rho)), np.array([1.0, 0.7, -0.4]), Stop(steps=1500))
    assert np.linalg.norm(run.final) == pytest.approx(eta * rho * 3 / (2 - eta * 3), rel=1e-12)


def test_label_noise_shrinks_the_product_step_by_step():
    """Li, Wang & Arora 2021: u_j v_j ← u_j v_j (1 - 4η²r²x_ij²) for ℓ = r²/2, exactly."""
    objective, start = network(0)
    objective = replace(objective, loss=SquaredLoss(0.5))
    gradient, eta, theta = LabelNoise(0.5, seed=SEED), 0.05, start
    for k in range(60):
        (i,) = noise.indices(np.uint64(SEED), np.array(k), 1, 4)
        x = objective.data.X[i]
        r = x @ (theta[:2] ** 2 - theta[2:] ** 2) - objective.data.y[i] - 0.5 * noise.signs(np.uint64(SEED), np.array(k), 1)[0]
        product = theta[:2] * theta[2:] * (1 - 4 * eta**2 * r**2 * x**2)
        theta = follow(objective, GradientDescent(eta, gradient), start, Stop(steps=k + 1)).final
        np.testing.assert_allclose(theta[:2] * theta[2:], product, rtol=1e-12)


def test_average_direction_is_unbiased():
    """E ∇R(θ + ρz/‖z‖) = ∇R(θ) + ρ²/(2P) ∇ tr ∇²R(θ) where R has degree 2 in w = u²: checked on a quartic, with five standard errors."""
    objective = Objective(Diagonal(2, 2, signed=False), SquaredLoss(0.5), Regression([[1.0, 0.0]], [0.0]))  # R = u_1⁴/2
    theta, rho, seeds = np.array([1.0, 0.5]), 0.5, np.arange(40_000)
    g = AverageDirection(rho, seed=seeds).of(objective, np.broadcast_to(theta, (40_000, 2)), np.zeros(40_000, dtype=np.int64))
    truth = 2 * theta[0] ** 3 + 6 * theta[0] * rho**2 / 2  # E (1 + ρ z_1)³ with E z_1² = 1/2
    assert abs(g[:, 0].mean() - truth) <= 5 * g[:, 0].std() / 200
    assert abs(truth - 2 * theta[0] ** 3) > 10 * g[:, 0].std() / 200


def test_mirror_descent_leaves_a_bounded_dual_domain_as_diverged():
    """u³ - v³ has a bounded dual domain; a small step stays, and approaches the mirror flow."""
    model, start = Diagonal(1, 3), np.array([1.0, 0.9])
    objective = Objective(model, SquaredLoss(0.5), Regression([[1.0]], [5.0]))
    potential = legendre_potential(model, start)
    run = follow(objective, MirrorDescent(potential, np.array([10.0, 1e-3])), start, Stop(steps=500))
    assert [ending.name for ending in run.ending] == ["DIVERGED", "REACHED_STEPS"]
    np.testing.assert_array_equal(run.final[0], start)
    assert potential.in_domain(model.w(run.final[1]))
    with pytest.raises(InvalidArgument, match="is not where the potential starts"):
        follow(objective, MirrorDescent(potential, 0.1), start + 1, Stop(steps=1))
    with pytest.raises(InvalidArgument, match="is not a loss of some w"):
        follow(Landscape(*landscape()), MirrorDescent(potential, 0.1), start, Stop(steps=1))
