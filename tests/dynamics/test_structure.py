"""Margins, ranks and alignment against singular values in 50 digits, and bars that cover the truth every time."""

import mpmath as mp
import numpy as np
import pytest

from tests.dynamics.exact import ExactRegression, layers, multiprecision
from theorycheck.dynamics.data import Classification, MatrixSensing, Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.structure import alignment, effective_rank, margin, stable_rank
from theorycheck.errors import InvalidArgument
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.models import SymmetricFactorization
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal
from theorycheck.symbolic.predictors import TwoLayerReLU

SHAPES = [(2, 3, 3), (3, 1, 2), (4, 4, 4, 4), (2, 2), (3, 2, 4, 3)]


def fit(widths, seed=0, leading=()) -> tuple[Objective, np.ndarray]:
    rng, model = np.random.default_rng(seed), DeepLinear(widths)
    data = Regression(rng.standard_normal((5, widths[0])), rng.standard_normal((5, widths[-1])), several_outputs=True)
    return Objective(model, SquaredLoss(), data), rng.standard_normal((*leading, model.parameters))


def exact_spectrum(objective: Objective, theta: np.ndarray) -> list:
    w = ExactRegression(objective, multiprecision).w(multiprecision(theta))
    return sorted(mp.svd_r(mp.matrix(w.tolist()), compute_uv=False), reverse=True)


def exact_ranks(sizes: list) -> tuple:
    share = [s / mp.fsum(sizes) for s in sizes]
    entropy = -mp.fsum(p * mp.log(p) for p in share if p > mp.mpf(10) ** -40)
    return mp.fsum(s**2 for s in sizes) / sizes[0] ** 2, mp.exp(entropy)


@pytest.mark.parametrize("mode", [Rounding.NEAREST, Rounding.UP])
@pytest.mark.parametrize("widths", SHAPES, ids=str)
def test_bars_of_ranks_cover_the_truth(widths, mode):
    for seed in range(4):
        objective, theta = fit(widths, seed)
        with mp.workdps(50):
            truth = exact_ranks(exact_spectrum(objective, theta))
        with rounded(mode):
            found = [quantity(objective, theta) for quantity in (stable_rank, effective_rank)]
        for measured, value in zip(found, truth, strict=True):
            assert abs(float(measured.value) - float(value)) <= measured.error <= 1e-9
            assert measured.error > 0


def test_ranks_of_matrices_one_knows():
    """Identity: its size; rank one: 1, also where rounding leaves other singular values."""
    objective = Objective(DeepLinear((4, 4)), SquaredLoss(), Regression(np.eye(4), np.eye(4)))
    for quantity in (stable_rank, effective_rank):
        assert quantity(objective, np.eye(4).ravel()).value == pytest.approx(4.0, rel=1e-14)
        found = quantity(objective, np.outer([1.0, 0.3, -2.0, 0.7], [0.1, 3.0, 5.0, -1.0]).ravel())
        assert abs(found.value - 1) <= found.error <= 1e-11
        with np.errstate(all="raise"):
            zero = quantity(objective, np.zeros(16))
        assert np.isnan(zero.value)
        assert np.isinf(zero.error)


def test_ranks_of_sensed_matrices():
    model = SymmetricFactorization(dim=3, rank=2)
    objective = Objective(model, SquaredLoss(), MatrixSensing(np.ones((1, 3, 3)), [1.0]))
    theta = np.random.default_rng(0).standard_normal((7, model.parameters))
    sizes = np.linalg.svd(model.w(theta), compute_uv=False)
    np.testing.assert_allclose(stable_rank(objective, theta).value, np.sum(sizes**2, axis=-1) / sizes[:, 0] ** 2, rtol=1e-13)
    assert np.all(effective_rank(objective, theta).value <= 2 + 1e-9)


@pytest.mark.parametrize("widths", [(2, 3, 3), (3, 2, 4, 3), (2, 1, 1, 2), (2, 2)], ids=str)
def test_bars_of_alignment_cover_the_truth(widths):
    for seed in range(4):
        objective, theta = fit(widths, seed)
        found = alignment(objective, theta)
        assert found.shape == (len(widths) - 2,)
        with mp.workdps(50):
            parts = [mp.svd_r(mp.matrix(W.tolist())) for W in layers(widths, multiprecision(theta))]
            for k in range(len(parts) - 1):
                u, v = parts[k][0][:, 0], parts[k + 1][2][0, :]
                truth = mp.fsum(u[i] * v[i] for i in range(len(u))) ** 2
                assert abs(float(found.value[k]) - float(truth)) <= found.error[k] <= 1e-11


def test_aligned_and_misaligned_layers():
    objective, _ = fit((2, 2, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    plain, turned = (np.concatenate([np.diag([2.0, 1.0]).ravel(), (np.diag([3.0, 1.0]) @ Q).ravel()]) for Q in (np.eye(2), turn))
    np.testing.assert_allclose(alignment(objective, np.stack([plain, turned])).value, [[1.0], [0.36]], rtol=1e-14)
    tied = np.concatenate([np.eye(2).ravel(), np.diag([3.0, 1.0]).ravel()])
    assert alignment(objective, tied).error == 1.0


@pytest.mark.parametrize("mode", Rounding)
def test_bars_of_margins_cover_the_truth(mode):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        data = Classification(rng.standard_normal((6, 3)), rng.choice([-1.0, 1.0], 6))
        objective, theta = Objective(DeepLinear((3, 2, 1)), LogisticLoss(), data), rng.standard_normal(8)
        with rounded(mode):
            found = margin(objective, theta)
        with mp.workdps(50):
            first, second = (W for W in layers((3, 2, 1), multiprecision(theta)))
            truth = min(multiprecision(data.y) * (multiprecision(data.X) @ (second @ first)[0]))
            assert abs(mp.mpf(float(found.value)) - truth) <= found.error <= 1e-13


@pytest.mark.parametrize("quantity", [margin, stable_rank, effective_rank, alignment])
def test_lanes(quantity):
    rng = np.random.default_rng(0)
    if quantity is margin:
        data = Classification(rng.standard_normal((2, 1, 5, 3)), rng.choice([-1.0, 1.0], (2, 1, 5)))
        objective, theta = Objective(DeepLinear((3, 2, 1)), LogisticLoss(), data), rng.standard_normal((4, 8))
        assert quantity(objective, theta).shape == (2, 4)
        return
    objective, theta = fit((2, 3, 2), leading=(2, 4))
    whole = quantity(objective, theta)
    assert whole.shape[:2] == (2, 4)
    one = quantity(objective, theta[1, 2])
    np.testing.assert_allclose(whole.value[1, 2], one.value, rtol=1e-12)


REFUSED = [
    (margin, "has no labels"),
    (stable_rank, "has no end-to-end matrix"),
    (effective_rank, "has no end-to-end matrix"),
    (alignment, "has no layers"),
]


@pytest.mark.parametrize(("quantity", "message"), REFUSED)
def test_what_has_no_such_quantity_says_so(quantity, message):
    objective = Objective(Diagonal(1, 2), SquaredLoss(), Regression([[1.0]], [1.0]))
    with pytest.raises(InvalidArgument, match=message):
        quantity(objective, np.ones(2))
    with pytest.raises(InvalidArgument, match=message):
        quantity(Objective(TwoLayerReLU(1, 1), SquaredLoss(), Regression([[1.0]], [1.0])), np.ones(2))
