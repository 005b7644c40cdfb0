"""Factorizations, residual networks and weight normalisation: against their SymPy expressions, complex steps and spectra."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import MatrixSensing, Regression
from theorycheck.dynamics.methods import GradientDescent
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import hessian_trace, sharpness
from theorycheck.dynamics.trajectories import Stop, follow
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch, TooLarge
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.models import Flattened, MatrixFactorization, ResidualLinear, SymmetricFactorization, WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Hadamard, Parametrization

POLYNOMIAL: list[Parametrization] = [
    MatrixFactorization(2, 3, 1),
    MatrixFactorization(1, 2, 2),
    MatrixFactorization(2, 1, 3),
    SymmetricFactorization(1, 1),
    SymmetricFactorization(2, 3),
    SymmetricFactorization(3, 1),
    ResidualLinear(1, 3, (2.0,)),
    ResidualLinear(2, 2, (1.0, -3.0)),
    ResidualLinear(2, 3, (0.5, 1.0)),
    ResidualLinear(3, 1, (1.0, 0.0, -2.0)),
]
FLAT: list[Parametrization] = [
    Flattened(model) for model in (MatrixFactorization(2, 3, 2), SymmetricFactorization(2, 2), DeepLinear((2, 2, 2)), DeepLinear((2, 3)))
]
SMOOTH: list[Parametrization] = [WeightNormalized(1), WeightNormalized(3)]
LARGE: list[Parametrization] = [MatrixFactorization(4, 5, 3), SymmetricFactorization(6, 4), ResidualLinear(3, 6, (1.0, -1.0, 0.5))]
FUNCTIONS = {"w": "", "jacobian": "", "gradient": "G", "tangent": "v", "hessian": "GK", "hvp": "GKv"}


def given_for(model, leading: tuple[int, ...] = (), seed: int = 0, whole: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"theta": (model.parameters,), "G": model.shape, "v": (model.parameters,), "K": (model.shape[-1],) * 2}
    made = {n: rng.integers(-3, 4, (*leading, *s)).astype(float) if whole else rng.standard_normal((*leading, *s)) for n, s in shapes.items()}
    return made | {"K": made["K"] + np.swapaxes(made["K"], -1, -2)}


def called(kernels, name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    return getattr(kernels, name)(given["theta"], *(given[letter] for letter in FUNCTIONS[name]))


def slow_w(model, theta: np.ndarray) -> np.ndarray:
    """w by its definition, in any kind of numbers."""
    match model:
        case Flattened():
            return slow_w(model.source, theta).reshape(-1)
        case MatrixFactorization(rows, cols, rank):
            return theta[: rows * rank].reshape(rows, rank) @ theta[rows * rank :].reshape(cols, rank).T
        case SymmetricFactorization(dim, rank):
            return theta.reshape(dim, rank) @ theta.reshape(dim, rank).T
        case ResidualLinear(dim, depth, output):
            w = np.array(output)
            for V in theta.reshape(depth, dim, dim)[::-1]:
                w = w + V.T @ w
            return w
        case WeightNormalized():
            return theta[0] * theta[1:] / np.sqrt(np.sum(theta[1:] ** 2))
        case DeepLinear((a, b, c)):
            return theta[a * b :].reshape(c, b) @ theta[: a * b].reshape(b, a)
        case DeepLinear((a, b)):
            return theta.reshape(b, a)
    raise AssertionError(model)


@pytest.mark.parametrize("model", POLYNOMIAL + FLAT, ids=str)
def test_kernels_are_entrywise_sympy_exactly(model):
    given = given_for(model, (3,), seed=2, whole=True)
    entrywise = EntrywiseKernels(model.symbols, tuple(sp.expand(e) for e in model.expressions), model.shape)
    for name in FUNCTIONS:
        assert np.array_equal(called(model.kernels, name, given), called(entrywise, name, given)), name


@pytest.mark.parametrize("model", POLYNOMIAL + FLAT + SMOOTH + LARGE, ids=str)
def test_kernels_are_complex_steps_of_the_definition(model):
    given, step = given_for(model, seed=3), 1e-100j
    theta, G, K, v = (given[name] for name in ("theta", "G", "K", "v"))
    moved = theta + step * np.eye(len(theta))
    J = np.stack([(slow_w(model, row).reshape(-1) / step).real for row in moved], axis=-1)
    h = 1e-4  # the second differences of Jᵀ G: central, of a complex step, so the error is of order h⁴ by extrapolation

    def slope(point):
        return np.array([(np.sum(G * slow_w(model, row)) / step).real for row in point + step * np.eye(len(theta))])

    def difference(h):
        return np.stack([(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in np.eye(len(theta))], axis=-1)

    bend = (4 * difference(h) - difference(2 * h)) / 3
    hessian = J.T @ np.kron(np.eye(J.shape[0] // len(K)), K) @ J + bend
    scale = np.abs(hessian).max() + 1
    np.testing.assert_allclose(model.w(theta), slow_w(model, theta), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model.kernels.jacobian(theta), J, rtol=1e-11, atol=1e-12 * (1 + np.abs(J).max()))
    np.testing.assert_allclose(model.kernels.gradient(theta, G), J.T @ G.reshape(-1), rtol=1e-11, atol=1e-11 * scale)
    np.testing.assert_allclose(model.kernels.tangent(theta, v).reshape(-1), J @ v, rtol=1e-11, atol=1e-11 * scale)
    np.testing.assert_allclose(model.kernels.hessian(theta, G, K), hessian, rtol=1e-8, atol=1e-9 * scale)
    np.testing.assert_allclose(model.kernels.hvp(theta, G, K, v), model.kernels.hessian(theta, G, K) @ v, rtol=1e-11, atol=1e-11 * scale)


@pytest.mark.parametrize("model", POLYNOMIAL + FLAT + SMOOTH, ids=str)
def test_errors_cover_the_truth(model):
    symbols, w = sp.Matrix(model.symbols), sp.Matrix(model.expressions)
    J = w.jacobian(symbols)
    slopes = sp.Matrix(sp.symbols(f"G:{len(w)}"))
    functions = [sp.lambdify([*symbols, *slopes], e, "mpmath", cse=True) for e in (w, J, (J.T * slopes).jacobian(symbols))]
    for seed in range(3):
        given = given_for(model, seed=seed)
        theta, G, K, v = (given[name] for name in ("theta", "G", "K", "v"))
        with mp.workdps(40):
            at = [mp.mpf(float(t)) for t in (*theta, *G.reshape(-1))]
            exact_w, exact_J, bend = (np.array(f(*at).tolist(), dtype=object) for f in functions)
            wide = np.kron(np.eye(len(w) // len(K)), K)
            H = exact_J.T @ wide @ exact_J + bend
            off_w = (exact_w.reshape(model.shape) - model.kernels.w(theta)).astype(float)
            off_g = (exact_J.T @ G.reshape(-1) - model.kernels.gradient(theta, G)).astype(float)
            off_H = (H - model.kernels.hessian(theta, G, K)).astype(float)
            off_v = (H @ v - model.kernels.hvp(theta, G, K, v)).astype(float) / np.linalg.norm(v)
        kernels, nothing = bounded(model.kernels), np.zeros(())
        size = 1 + np.linalg.norm(H.astype(float))
        assert np.linalg.norm(off_w) <= kernels.w_error(theta) <= 1e-12 * size
        assert np.linalg.norm(off_g) <= kernels.gradient_error(theta, G, nothing) <= 1e-12 * size
        bar = kernels.hessian_error(theta, G, nothing, K, nothing)
        assert max(np.linalg.norm(off_H, 2), np.linalg.norm(off_v)) <= bar <= 1e-11 * size


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("model", [POLYNOMIAL[1], POLYNOMIAL[4], POLYNOMIAL[8], FLAT[0], SMOOTH[1]], ids=str)
def test_a_batch_is_a_loop_and_leading_axes_broadcast(model, name):
    given, alone = given_for(model, (4, 1), seed=1), given_for(model, (3,), seed=2)
    mixed = {"theta": given["theta"], "G": alone["G"], "v": given["v"], "K": given_for(model)["K"]}
    found = called(model.kernels, name, mixed)
    for i, j in np.ndindex(found.shape[0], found.shape[1]):
        one = {"theta": given["theta"][i, 0], "G": alone["G"][j], "v": given["v"][i, 0], "K": mixed["K"]}
        np.testing.assert_allclose(found[i, j], called(model.kernels, name, one), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "model", [MatrixFactorization(2, 3, 2), SymmetricFactorization(3, 2), ResidualLinear(3, 4, (1.0, 2.0, -1.0)), *SMOOTH], ids=str
)
def test_sharpness_and_trace_are_those_of_the_full_spectrum(model):
    rng = np.random.default_rng(5)
    theta, X = rng.standard_normal((6, model.parameters)), rng.standard_normal((6, 5, model.shape[-1]))
    y = rng.standard_normal((6, 5, *model.shape[:-1]))
    objective = Objective(model, SquaredLoss(0.5), Regression(X, y))
    slow = np.array([risk_hessian(model, t, x, z) for t, x, z in zip(theta, X, y, strict=True)])
    values, scale = np.linalg.eigvalsh(slow), np.linalg.norm(slow, axis=(-2, -1))
    assert np.all(np.abs(sharpness(objective, theta).value - values[:, -1]) <= 1e-8 * scale)
    assert np.all(np.abs(hessian_trace(objective, theta).value - values.sum(axis=-1)) <= 1e-8 * scale)
    run = follow(objective, GradientDescent(step=1e-3), theta, Stop(steps=20))
    assert np.all(objective.risk(run.final) < objective.risk(theta))


def risk_hessian(model, theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Extrapolated differences of complex steps of the risk (1/2n)|y - X wᵀ|², by the definition of w."""
    n, step, basis = len(X), 1e-100j, np.eye(len(theta))

    def difference(h):
        return np.stack([(slope(theta + h * e) - slope(theta - h * e)) / (2 * h) for e in basis], axis=-1)

    def slope(point):
        return np.array([(np.sum((X @ slow_w(model, row).T - y) ** 2)).imag / (2 * n) / 1e-100 for row in point + step * basis])

    return (4 * difference(1e-4) - difference(2e-4)) / 3


@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 2, 2, 2), (2, 2)], ids=str)
def test_trace_under_matrix_sensing_is_the_formula(widths):
    """gatmiry-2023/theorem-rip: tr ∇²R = (2/n) Σ_i Σ_k |A_kᵀ A_i B_kᵀ|² for c = 1, at any θ."""
    rng, model = np.random.default_rng(7), DeepLinear(widths)
    A, y, theta = rng.standard_normal((4, 6, widths[-1], widths[0])), rng.standard_normal((4, 6)), rng.standard_normal((4, model.parameters))
    objective = Objective(model, SquaredLoss(), MatrixSensing(A, y))
    found = hessian_trace(objective, theta)
    for lane in range(4):
        layers, total = model.layers(theta[lane]), 0.0
        for k in range(len(layers)):
            above, below = np.eye(widths[-1]), np.eye(widths[0])
            for W in layers[k + 1 :][::-1]:
                above = above @ W
            for W in layers[:k]:
                below = W @ below
            total += 2 / 6 * sum(np.sum((above.T @ one @ below.T) ** 2) for one in A[lane])
        assert abs(found.value[lane] - total) <= found.error[lane] + 1e-13 * total
        assert found.error[lane] <= 1e-10 * total


@pytest.mark.parametrize("model", [MatrixFactorization(2, 3, 2), SymmetricFactorization(3, 2), DeepLinear((3, 2, 2))], ids=str)
def test_matrix_sensing_is_a_complex_step(model):
    rng, step = np.random.default_rng(8), 1e-100j
    A, y, theta = rng.standard_normal((5, *model.shape)), rng.standard_normal(5), rng.standard_normal(model.parameters)
    objective, basis = Objective(model, SquaredLoss(), MatrixSensing(A, y)), np.eye(model.parameters)
    assert objective.model == Flattened(model)
    residuals = [np.array([np.sum(a * slow_w(model, row)) for a in A]) - y for row in theta + step * basis]
    np.testing.assert_allclose(objective.gradient(theta), [(np.sum(r**2) / 5 / step).real for r in residuals], rtol=1e-11, atol=1e-12)
    moved = [(objective.gradient(theta + 1e-5 * e) - objective.gradient(theta - 1e-5 * e)) / 2e-5 for e in basis]
    hessian = objective.hessian(theta)
    np.testing.assert_allclose(hessian, np.stack(moved, axis=-1), atol=1e-7 * np.abs(hessian).max())
    np.testing.assert_allclose(objective.hvp(theta, y[:1].repeat(model.parameters)), hessian @ y[:1].repeat(model.parameters), rtol=1e-11, atol=1e-11)
    top = sharpness(objective, theta)
    assert abs(top.value - np.linalg.eigvalsh(np.stack(moved, axis=-1))[-1]) <= 1e-7 * np.abs(hessian).max()


def test_matrix_sensing_keeps_its_lanes():
    rng, model = np.random.default_rng(9), MatrixFactorization(2, 2, 1)
    data = MatrixSensing(rng.standard_normal((3, 5, 2, 2)), rng.standard_normal((3, 5)))
    objective, theta = Objective(model, SquaredLoss(), data), rng.standard_normal((3, 4))
    mask = np.array([False, True, False])
    assert data.chosen((3,), mask).A.shape == (1, 5, 2, 2)
    assert np.array_equal(data.along_times.A[:, 0], data.A)
    np.testing.assert_allclose(objective.chosen((3,), mask).risk(theta[mask]), objective.risk(theta)[mask], rtol=1e-14)
    run = follow(objective, GradientDescent(step=0.01), theta, Stop(steps=30), record=(hessian_trace,))
    assert run.records[hessian_trace].shape == (3, 2)
    assert np.all(objective.risk(run.final) < objective.risk(theta))
    unit = MatrixSensing(np.eye(4).reshape(4, 2, 2), np.arange(4.0))
    np.testing.assert_array_equal(unit.least_squares, np.arange(4.0))


@pytest.mark.parametrize("model", [MatrixFactorization(2, 2, 1), SymmetricFactorization(2, 2), WeightNormalized(2), FLAT[1]], ids=str)
def test_derivations_take_the_entrywise_route(model):
    derivation, given = derive(model, SquaredLoss()), given_for(model, seed=4)
    theta, G, K = (given[name] for name in ("theta", "G", "K"))
    np.testing.assert_allclose(derivation.gradient_at(theta, G), model.kernels.gradient(theta, G), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(derivation.hessian_at(theta, G, K), model.kernels.hessian(theta, G, K), rtol=1e-12, atol=1e-12)


def test_parts_are_views_of_theta():
    theta = np.arange(10.0)
    U, V = MatrixFactorization(2, 3, 2).factors(theta)
    assert np.shares_memory(U, theta)
    assert np.array_equal(np.concatenate([U.ravel(), V.ravel()]), theta)
    assert SymmetricFactorization(5, 2).factor(theta).shape == (5, 2)
    W = ResidualLinear(2, 2, (1.0, 1.0)).layers(np.zeros(8))
    assert len(W) == 2
    assert np.array_equal(W[0], np.eye(2))
    assert len(set(MatrixFactorization(12, 11, 11).symbols)) == 23 * 11


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MatrixFactorization(0, 2, 1), InvalidArgument, "`rows=0` must be a positive whole number"),
        (lambda: SymmetricFactorization(2, 1.5), InvalidArgument, "`rank=1.5` must be a positive whole number"),  # type: ignore[arg-type]
        (lambda: WeightNormalized(-1), InvalidArgument, "`dim=-1`"),
        (lambda: ResidualLinear(2, 0, (1.0, 1.0)), InvalidArgument, "`depth=0`"),
        (lambda: ResidualLinear(2, 1, (1.0,)), ShapeMismatch, r"`output.shape=\(1,\)` must be \(2,\)"),
        (lambda: ResidualLinear(2, 1, (1.0, np.nan)), NotFinite, "output"),
        (lambda: ResidualLinear(5, 8, (1.0,) * 5).expressions, TooLarge, "take any size"),
        (lambda: MatrixFactorization(2, 2, 1).w(np.ones(3)), ShapeMismatch, "has 4 parameters"),
        (lambda: MatrixSensing(np.ones((3, 2)), np.ones(3)), ShapeMismatch, r"must be \(..., n, rows, cols\)"),
        (lambda: MatrixSensing(np.ones((3, 2, 2)), np.ones(4)), ShapeMismatch, "y.shape"),
        (
            lambda: Objective(MatrixFactorization(2, 3, 1), SquaredLoss(), MatrixSensing(np.ones((4, 3, 2)), np.ones(4))),
            ShapeMismatch,
            r"`A.shape=\(4, 3, 2\)` must end with \(2, 3\)",
        ),
        (
            lambda: Objective(MatrixFactorization(2, 3, 1), LogisticLoss(), Regression(np.ones((4, 3)), np.ones((4, 2)))),
            InvalidArgument,
            "one output only",
        ),
        (lambda: Objective(Hadamard(3), SquaredLoss(), MatrixSensing(np.ones((4, 2, 2)), np.ones(4))), ShapeMismatch, "3 inputs"),
    ],
)
def test_bad_input_is_one_clear_error(make, error, message):
    with pytest.raises(error, match=message):
        make()
