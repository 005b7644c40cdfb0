"""Quantities against exact arithmetic and full spectra: values, and bars that cover the truth every time."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

from tests.dynamics.exact import ExactRegression, eigenvalues, fractions
from theorycheck.dynamics import curvature
from theorycheck.dynamics.curvature import FirstTerm, lanczos_top, top_eigenpair, top_eigenvalue
from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import balancedness, gradient_norm, hessian_trace, layer_imbalances, risk, sharpness
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.measured import Measured, Precision
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Hadamard

QUANTITIES = [risk, gradient_norm, hessian_trace, sharpness, balancedness]
SMALL = [(2, 2, 1), (1, 1, 1, 1), (3, 1), (2, 1, 2), (1, 1, 1, 1, 1, 1, 1), (2, 2, 2, 1), (3, 2, 2)]


def fit(widths, seed=0, samples=4, minimiser=False, rank=None, c=1.0, leading=()) -> tuple[Objective, np.ndarray]:
    """A network with data, drawn; at a minimiser the targets are what it predicts; `rank` makes the covariance singular."""
    rng, model = np.random.default_rng(seed), DeepLinear(widths)
    X = rng.standard_normal((*leading, samples, widths[0]))
    if rank is not None:
        X = X[..., :rank] @ rng.standard_normal((rank, widths[0]))
    theta = rng.standard_normal((*leading, model.parameters))
    behind = () if widths[-1] == 1 else (widths[-1],)
    y = model.predict(theta, X) if minimiser else rng.standard_normal((*leading, samples, *behind))
    return Objective(model, SquaredLoss(c), Regression(X, y)), theta


def full_top(objective: Objective, theta: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(objective.hessian(theta))[..., -1]


def off(measured: Measured, truth) -> float:
    with mp.workdps(60):
        return float(abs(mp.mpf(float(measured.value)) - truth))


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(("minimiser", "rank"), [(False, None), (True, None), (True, 1), (False, 1)])
@pytest.mark.parametrize("widths", SMALL, ids=str)
def test_bars_of_sharpness_and_trace_cover_the_truth(widths, minimiser, rank, level):
    for seed in range(3):
        objective, theta = fit(widths, seed, minimiser=minimiser, rank=rank, c=0.75)
        exact = ExactRegression(objective).hessian(fractions(theta))
        truth, scale = eigenvalues(exact)[-1], float(np.abs(exact.astype(float)).max())
        found = sharpness(objective, theta, Precision(level))
        assert off(found, truth) <= found.error <= 1e-11 * scale
        trace = hessian_trace(objective, theta, Precision(level))
        with mp.workdps(60):
            total = sum(mp.mpf(x.numerator) / x.denominator for x in np.diag(exact))
        assert off(trace, total) <= trace.error <= 1e-12 * scale
        assert found.error > 0
        assert trace.error > 0


@pytest.mark.parametrize("mode", Rounding)
def test_bars_hold_in_every_rounding_mode(mode):
    for seed in range(10):
        objective, theta = fit((2, 2, 1), seed, minimiser=seed % 2 == 0)
        exact = ExactRegression(objective)
        truth = eigenvalues(exact.hessian(fractions(theta)))[-1]
        with mp.workdps(60):
            R, g = (mp.mpf(x.numerator) / x.denominator for x in (exact.risk(fractions(theta)), sum(exact.gradient(fractions(theta)) ** 2)))
            norm = mp.sqrt(g)
        with rounded(mode):
            found = [quantity(objective, theta) for quantity in (sharpness, risk, gradient_norm)]
        for measured, value in zip(found, (truth, R, norm), strict=True):
            assert off(measured, value) <= measured.error


def test_bars_of_balancedness_cover_the_truth():
    for seed, widths in enumerate([(2, 3, 1), (1, 1, 1), (2, 2, 3, 2), (3, 1)]):
        objective, theta = fit(widths, seed)
        found, exact = balancedness(objective, theta), []
        Ws = [np.vectorize(mp.mpf)(W) for W in DeepLinear(widths).layers(theta)]
        with mp.workdps(60):
            for W, V in pairwise(Ws):
                exact += list((V.T @ V - W @ W.T).reshape(-1))
            distance = [float(abs(mp.mpf(float(x)) - t)) for x, t in zip(found.value, exact, strict=True)]
        assert found.shape == (sum(d * d for d in widths[1:-1]),)
        assert np.all(distance <= found.error)
        assert np.all(found.error > 0)
        matrices = layer_imbalances(DeepLinear(widths), theta)
        assert [D.shape for D in matrices] == [(d, d) for d in widths[1:-1]]
        np.testing.assert_array_equal(found.value, np.concatenate([np.zeros(0), *(D.reshape(-1) for D in matrices)]))


def test_sharpness_at_minimisers_is_that_of_the_full_hessian():
    rng, small = np.random.default_rng(5), 0
    for seed in range(240):
        widths = tuple(int(d) for d in rng.integers(1, 5, rng.integers(2, 8)))
        objective, theta = fit(widths, seed, samples=int(rng.integers(1, 7)), minimiser=True)
        found, full = sharpness(objective, theta), full_top(objective, theta)
        assert abs(found.value - full) <= 1e-12 * full
        first = FirstTerm.of(objective)
        assert first is not None
        small += bool(first.neglected(theta) <= 1e-12 * found.value)
    assert small > 200  # most of them took the small matrix


@pytest.mark.parametrize("widths", [(3,) + (1,) * 11 + (1,), (2,) * 12 + (1,), (3,) * 6 + (2,)], ids=str)
def test_sharpness_of_deep_networks(widths):
    for minimiser in (True, False):
        objective, theta = fit(widths, 3, minimiser=minimiser)
        found, full = sharpness(objective, theta), full_top(objective, theta)
        assert abs(found.value - full) <= found.error + 1e-12 * full
        assert found.error <= 1e-10 * full


def test_sharpness_is_signed():
    """Near a saddle the most negative eigenvalue is the largest in size; on a hilltop all are negative or zero."""
    objective = Objective(DeepLinear((1, 1, 1, 1)), SquaredLoss(0.5), Regression([[1.0]], [1.0]))
    for s in (1.0, 10.0, 100.0):
        theta = np.array([-s, s, s])
        spectrum = np.linalg.eigvalsh(objective.hessian(theta))
        found = sharpness(objective, theta)
        assert abs(found.value - spectrum[-1]) <= found.error
        assert found.value > 0
        if s == 1.0:
            assert spectrum[0] == pytest.approx(-2.0)
    hill = Objective(DeepLinear((1, 1, 1)), SquaredLoss(), Regression([[1.0]], [-3.0]))
    assert sharpness(hill, np.zeros(2)).value == pytest.approx(6.0)
    bowl, theta = fit((2, 3, 1), 1)
    top, bottom = np.linalg.eigvalsh(bowl.hessian(0.1 * theta))[[-1, 0]]
    assert -bottom > 0.5 * top
    assert sharpness(bowl, 0.1 * theta).value == pytest.approx(top, rel=1e-12)


def test_the_first_term_alone_is_wrong_away_from_minimisers():
    objective, theta = fit((2, 3, 1), 3)
    first = FirstTerm.of(objective)
    assert first is not None
    alone = top_eigenvalue(*first.matrix(theta))
    assert abs(alone.value - full_top(objective, theta)) > 0.1 * abs(full_top(objective, theta))
    assert abs(sharpness(objective, theta).value - full_top(objective, theta)) <= 1e-12 * abs(full_top(objective, theta))


@pytest.mark.parametrize("widths", SMALL, ids=str)
def test_what_the_small_matrix_neglects_is_bounded(widths):
    for seed in range(10):
        objective, theta = fit(widths, seed)
        first = FirstTerm.of(objective)
        assert first is not None
        second = objective.hessian(theta) - objective.model.kernels.hessian(theta, 0 * objective.gradient_in_w(theta), objective.curvature(theta))
        assert np.linalg.norm(second, 2) <= first.neglected(theta)


def test_next_to_a_minimiser_the_choice_of_matrix_does_not_show():
    objective, theta = fit((3, 2, 2, 1), 8, minimiser=True)
    for distance in np.geomspace(1e-16, 1e-6, 21):
        point = theta + distance * np.random.default_rng(0).standard_normal(theta.size)
        levels = [sharpness(objective, point, Precision(level)) for level in range(3)]
        for before, after in pairwise(levels):
            assert after.error <= before.error
        truth = eigenvalues(ExactRegression(objective).hessian(fractions(point)))[-1]
        assert all(off(level, truth) <= level.error <= 1e-11 * level.value for level in levels)


def test_precision_of_the_scope_is_taken():
    objective, theta = fit((3, 2, 2, 1), 8, minimiser=True)
    point = theta + 1e-14 * np.ones_like(theta)
    with Precision(2).scope():
        scoped = sharpness(objective, point)
    assert (scoped.value, scoped.error) == (sharpness(objective, point, Precision(2)).value, sharpness(objective, point, Precision(2)).error)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("widths", [(3, 2, 1), (2, 3, 2)], ids=str)
def test_a_batch_is_a_loop(quantity, widths):
    objective, theta = fit(widths, 2, leading=(2, 3))
    same, _ = fit(widths, 2, leading=(2, 3), minimiser=True)  # lanes at minimisers beside lanes that are not
    y = np.where(np.arange(6).reshape((2, 3) + (1,) * (objective.data.y.ndim - 2)) % 2, objective.data.y, same.data.y)
    mixed = Objective(objective.model, objective.loss, Regression(objective.data.X, y))
    found = quantity(mixed, theta)
    for i, j in np.ndindex(2, 3):
        one = Objective(mixed.model, mixed.loss, Regression(mixed.data.X[i, j], y[i, j]))
        alone = quantity(one, theta[i, j])
        np.testing.assert_allclose(found.value[i, j], alone.value, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(found.error[i, j], alone.error, rtol=0.5)


def test_chunks_do_not_show(monkeypatch):
    objective, theta = fit((3, 2, 1), 2, leading=(2, 5))
    whole = sharpness(objective, theta)
    monkeypatch.setattr(curvature, "CHUNK_BYTES", 3 * 8 * objective.parameters**2)
    parts = sharpness(objective, theta)
    np.testing.assert_allclose(parts.value, whole.value, rtol=1e-14)


def test_large_hessians_go_through_products(monkeypatch):
    cases = [fit((4, 3, 3, 1), seed, minimiser=minimiser) for seed in range(3) for minimiser in (False, True)]
    wanted = [full_top(objective, theta) for objective, theta in cases]
    monkeypatch.setattr(curvature, "DENSE_PARAMETERS", 5)
    for (objective, theta), full in zip(cases, wanted, strict=True):
        found = lanczos_top(objective, theta)
        assert abs(found.value - full) <= found.error + 1e-12 * abs(full)
        assert found.error <= 1e-8 * abs(full)
        assert abs(sharpness(objective, theta).value - full) <= 1e-9 * abs(full)
    objective, theta = cases[0]
    flat = sharpness(objective, 0 * theta)
    assert flat.value == 0
    assert flat.error > 0
    many = sharpness(objective, np.stack([theta, -theta, 0 * theta]))
    np.testing.assert_allclose(
        many.value, np.array([full_top(objective, theta), full_top(objective, -theta), 0.0], dtype=float), rtol=1e-9, atol=1e-12
    )


def test_lanczos_finds_the_largest_algebraic_eigenvalue():
    objective, theta = fit((4, 3, 3, 1), 0)
    theta = 0.05 * theta
    spectrum = np.linalg.eigvalsh(objective.hessian(theta))
    assert -spectrum[0] > 0.9 * spectrum[-1]
    assert lanczos_top(objective, theta).value == pytest.approx(spectrum[-1], rel=1e-9)


def test_other_models_and_losses():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 2))
    for model in (Diagonal(2, 3), Hadamard(2), DeepLinear((2, 3, 1))):
        objective = Objective(model, LogisticLoss(), Classification(X, rng.choice([-1.0, 1.0], 6)))
        theta = rng.standard_normal((3, model.parameters))
        for i, point in enumerate(theta):
            assert abs(sharpness(objective, theta).value[i] - full_top(objective, point)) <= 1e-12
            assert abs(hessian_trace(objective, theta).value[i] - np.trace(objective.hessian(point))) <= 1e-12


def test_eigenpairs_in_both_routes():
    rng = np.random.default_rng(0)
    for m in (1, 5, curvature.STACKED_PARAMETERS, curvature.STACKED_PARAMETERS + 1):
        H = rng.standard_normal((2, 3, m, m))
        H = H + np.swapaxes(H, -1, -2)
        value, vector = top_eigenpair(H)
        assert np.all(np.abs(value.value - np.linalg.eigvalsh(H)[..., -1]) <= value.error)
        assert np.all(value.error <= 1e-10)
        np.testing.assert_allclose((H @ vector[..., None])[..., 0], value.value[..., None] * vector, atol=1e-11)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_what_is_not_finite_stays_so(quantity):
    objective, theta = fit((2, 2, 1), 0)
    with np.errstate(all="ignore"):
        found = quantity(objective, np.stack([theta, np.full_like(theta, np.nan), np.full_like(theta, 1e200)]))
    finite = np.isfinite(found.value).reshape(3, -1).all(axis=-1)
    assert finite.tolist() == [True, False, False]


def test_bad_input_is_one_clear_error():
    objective, theta = fit((2, 2, 1), 0)
    with pytest.raises(ShapeMismatch, match=r"`theta.shape=\(5,\)` must end with \(6,\)"):
        sharpness(objective, theta[:5])
    with pytest.raises(InvalidArgument, match=r"`theta=Objective.* must be an array of real numbers"):
        sharpness(theta, objective)
    with pytest.raises(ShapeMismatch, match=r"`H.shape=\(2, 3\)` must be \(..., m, m\)"):
        top_eigenvalue(np.ones((2, 3)))
    with pytest.raises(InvalidArgument, match="has no layers; pass an Objective of a DeepLinear model"):
        balancedness(Objective(Hadamard(2), SquaredLoss(), objective.data), theta[:4])
    with pytest.raises(InvalidArgument, match=r"`model=Hadamard\(dim=2\)` has no layers W_1, ..., W_L; pass a DeepLinear or a ResidualLinear"):
        layer_imbalances(Hadamard(2), theta[:4])
