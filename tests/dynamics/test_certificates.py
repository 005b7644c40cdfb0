"""Balls against exact rationals and 60 digits of mpmath: enclosures hold the truth, and nothing leaves them silently."""

import math
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.dynamics.exact import ExactRegression, fractions
from theorycheck.dynamics.certificates import Ball, Balls, OutsideBalls, Undecided, balls, exact
from theorycheck.dynamics.certificates import linear_algebra as la
from theorycheck.dynamics.certificates.eigenvalues import least_eigenvalue, top_eigenvalue

BITS = 128


@pytest.fixture(autouse=True)
def _scope():
    with tc.Precision.balls(BITS).scope():
        yield


def fraction(x: Ball) -> Fraction:
    assert x.exact is not None
    return Fraction(int(x.exact.numerator), int(x.exact.denominator))


def middles_of(found: Any) -> np.ndarray:
    return np.array([Ball(x).midpoint for x in np.ravel(found).tolist()]).reshape(np.shape(found))


def as_mp(x: Ball) -> mp.mpf:
    """An exact ball, or an end of one, in mpmath."""
    if x.exact is not None:
        return mp.mpf(int(x.exact.numerator)) / int(x.exact.denominator)
    mantissa, exponent = x.number.man_exp()
    return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))


def holds(x: Ball, truth: mp.mpf, width: float) -> None:
    """The enclosure holds the truth (known to 60 digits) and is not wider than asked."""
    low, high = as_mp(x.lower), as_mp(x.upper)
    slip = abs(truth) * mp.mpf(10) ** -50
    assert low - slip <= truth <= high + slip
    assert high - low <= width * max(1, abs(truth))


# -- numbers --

RNG = np.random.default_rng(0)
PAIRS = [(Fraction(int(a), int(b)), Fraction(int(c), int(d))) for a, b, c, d in RNG.integers(1, 50, (20, 4)) * [1, 1, -1, 1]]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_rational_arithmetic_is_exact(a, b):
    x, y = Ball(a), Ball(b)
    found = (x + y, x - y, x * y, x / y, x**3, x**-2, -x, abs(y), 2 * x - 1, 1 / x)
    assert [fraction(f) for f in found] == [a + b, a - b, a * b, a / b, a**3, a**-2, -a, abs(b), 2 * a - 1, 1 / a]
    assert (x < y, x == y, x >= y, x == a) == (a < b, a == b, a >= b, True)


FUNCTIONS = {
    np.sqrt: mp.sqrt,
    np.cbrt: mp.cbrt,
    np.exp: mp.exp,
    np.log: mp.log,
    np.tanh: mp.tanh,
    np.expm1: mp.expm1,
    np.log1p: mp.log1p,
    np.sin: mp.sin,
    np.cos: mp.cos,
    np.arctan: mp.atan,
    np.arcsinh: mp.asinh,
    np.sinh: mp.sinh,
    np.cosh: mp.cosh,
}


@pytest.mark.parametrize("name", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(7, 2), Fraction(1, 2**30), Fraction(9)])
def test_functions_enclose_the_truth(name, x):
    with mp.workdps(60):
        holds(name(Ball(x)), FUNCTIONS[name](mp.mpf(x.numerator) / x.denominator), 1e-30)


@pytest.mark.parametrize(
    ("base", "exponent"), [(Fraction(2), Fraction(1, 3)), (Fraction(3, 7), Fraction(-5, 4)), (Fraction(11, 4), Fraction(7, 101))]
)
def test_powers_enclose_the_truth(base, exponent):
    with mp.workdps(60):
        truth = mp.power(mp.mpf(base.numerator) / base.denominator, mp.mpf(exponent.numerator) / exponent.denominator)
        holds(Ball(base) ** Ball(exponent), truth, 1e-30)
        holds(Ball(base) ** float(exponent), truth, 1e-13)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: np.sqrt(Ball(Fraction(9, 4))), Fraction(3, 2)),
        (lambda: Ball(Fraction(8, 27)) ** Fraction(2, 3), Fraction(4, 9)),
        (lambda: Ball(0) ** 0.3, Fraction(0)),
        (lambda: Ball(0) ** 0, Fraction(1)),
        (lambda: Ball(2).sqrt() * 0, Fraction(0)),
        (lambda: np.linalg.norm(exact([3.0, 4.0])), Fraction(5)),
        (lambda: np.exp(Ball(0)) + np.log(Ball(1)), Fraction(1)),
        (lambda: Ball(2.0**-20) + 2.5, Fraction(5 * 2**19 + 1, 2**20)),
        (lambda: exact(0.1) * 2**55, Fraction(3602879701896397)),
    ],
)
def test_what_is_rational_stays_rational(value, expected):
    assert fraction(value()) == expected


@pytest.mark.parametrize("x", [0.1, 2.02, 1 / 3, 2 - 2 / 3, 1e-300])
def test_a_float_of_many_digits_is_a_ball_around_what_was_rounded(x):
    with mp.workdps(60):
        for truth in (mp.mpf(x), mp.mpf(repr(x)), mp.mpf(x) * (1 + 15 * mp.mpf(2) ** -52)):
            assert as_mp(Ball(x).lower) <= truth <= as_mp(Ball(x).upper)


def test_a_bar_widens_a_ball():
    found = tc.Measured(exact([1.0, 2.0]), 0.25)
    assert all(x.lower <= k + 0.75 and k + 1.25 <= x.upper for k, x in enumerate(found.tolist()))
    assert all(x.upper - x.lower < 0.5 + 1e-8 for x in found.tolist())
    assert tc.Measured.of(found) is found
    assert isinstance(tc.Measured(1.0, 0.25), tc.Measured)
    assert fraction(tc.Measured(Ball(2), 0.0)) == 2
    assert found.value is found
    assert not found.error.any()


def test_one_number_behaves_as_a_numpy_scalar():
    x = Ball(Fraction(1, 3))
    assert (x.reshape(1, 1).shape, x.shape, x.ndim, x.size, np.array([x, x]).shape) == ((1, 1), (), 0, 1, (2,))
    assert [x.sum(), x.max(), x.min(), x.item(), x.conjugate()] == [x] * 5


def test_a_claim_that_asks_for_the_value_stays_in_its_enclosure():
    top = tc.top_eigenvalue(exact([[2.0, 1.0], [1.0, 1.0]]))
    assert isinstance(top.value, Ball)
    assert (top.error, top.value is top) == (0.0, True)
    with pytest.raises(OutsideBalls):
        float(top.value)


def test_a_difference_that_cancels_is_decided_with_more_bits_only():
    def differs() -> bool:
        x = Ball(2).sqrt()
        return bool((x + Fraction(1, 2**200)) - x > 0)

    with pytest.raises(Undecided):
        differs()
    with tc.Precision.balls(512).scope():
        assert differs()


LEAKS = {
    "float": lambda x, v: float(x),
    "int": lambda x, v: int(x),
    "round": lambda x, v: round(x),
    "complex": lambda x, v: complex(x),
    "index": lambda x, v: [1, 2, 3][x],
    "math.sqrt": lambda x, v: math.sqrt(x),
    "math.isclose": lambda x, v: math.isclose(x, 1.0),
    "math.fsum": lambda x, v: math.fsum([x, x]),
    "np.float64": lambda x, v: np.float64(x),
    "np.asarray": lambda x, v: np.asarray(v, dtype=float),
    "np.array": lambda x, v: np.array([x, 1.0], dtype=float),
    "astype": lambda x, v: v.astype(float),
    "float of an array": lambda x, v: float(v[:1].reshape(())),
    "assignment": lambda x, v: np.zeros(2).__setitem__(0, x),
    "eigvalsh": lambda x, v: np.linalg.eigvalsh(np.outer(v, v)),
    "svd": lambda x, v: np.linalg.svd(np.outer(v, v)),
    "qr": lambda x, v: np.linalg.qr(np.outer(v, v)),
    "cond": lambda x, v: np.linalg.cond(np.outer(v, v)),
    "cholesky": lambda x, v: np.linalg.cholesky(np.outer(v, v)),
    "nuclear norm": lambda x, v: np.linalg.norm(np.outer(v, v), "nuc"),
    "allclose": lambda x, v: np.allclose(v, v),
    "arccos": lambda x, v: np.arccos(v),
    "floor": lambda x, v: np.floor(v),
    "negative root": lambda x, v: np.sqrt(-x),
    "division by zero": lambda x, v: x / 0,
    "random": lambda x, v: np.random.default_rng(0).normal(x),
    "not finite": lambda x, v: x * np.inf,
    "flow of a loss that is no polynomial": lambda x, v: tc.follow(logistic(), tc.GradientFlow(accuracy=1e-6), v, tc.Stop(time=1.0)),
    "flow to an inexact time": lambda x, v: tc.follow(fit().objective, tc.GradientFlow(accuracy=1e-6), fit().theta, tc.Stop(time=0.1)),
    "long run": lambda x, v: tc.follow(fit().objective, tc.GradientDescent(step=x), fit().theta, tc.Stop(steps=1000)),
}


def logistic() -> tc.Objective:
    return tc.Objective(tc.DeepLinear((1, 1, 1)), tc.LogisticLoss(), tc.Classification([[1.0]], [1.0]))


@pytest.mark.parametrize("name", LEAKS)
def test_leaving_the_enclosures_raises(name):
    with pytest.raises(OutsideBalls):
        LEAKS[name](Ball(Fraction(1, 3)), exact([1.0, 2.0]))


@pytest.mark.parametrize(
    "question",
    [
        lambda r: bool(r * r - 2),
        lambda r: r * r == 2,
        lambda r: r * r < 2,
        lambda r: bool(np.any(balls([0, r * r - 2]))),
        lambda r: 1 / (r * r - 2),
        lambda r: np.sqrt(r * r - 2),
        lambda r: np.argmax(balls([2, r * r])),
        lambda r: np.linalg.matrix_rank(balls([[2, r], [r, 1]])),
        lambda r: np.linalg.inv(balls([[2, r], [r, 1]])),
    ],
)
def test_what_enclosures_do_not_decide_raises(question):
    with pytest.raises(Undecided):
        question(Ball(2).sqrt())


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


# -- matrices --


def random_rational(m: int, n: int, seed: int, spread: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-8, 9, (m, n)) * 2.0 ** -rng.integers(0, 1 + spread, (m, 1))


def hilbert(n: int) -> np.ndarray:
    return np.array([[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)], dtype=object)


def conjugated(values: list[float]) -> np.ndarray:
    """Q diag(values) Qᵀ for a rational reflection Q: repeated eigenvalues that no entry shows."""
    n = len(values)
    v = np.array([Fraction(k + 1) for k in range(n)], dtype=object)
    Q = np.array([[Fraction(int(i == j)) - 2 * v[i] * v[j] / (v @ v) for j in range(n)] for i in range(n)], dtype=object)
    return (Q * np.array([Fraction(x) for x in values], dtype=object)) @ Q.T


def gram(A: np.ndarray) -> np.ndarray:
    return A @ A.T


SYMMETRIC = {
    **{f"random {m}": gram(random_rational(m, m, seed=m)) - 40 * np.eye(m) for m in (1, 2, 3, 7, 12)},
    **{f"deficient {m}": gram(random_rational(m, 2, seed=m)) for m in (3, 6, 10)},
    **{f"scaled {m}": gram(random_rational(m, m, seed=m, spread=40)) for m in (3, 6)},
    "hilbert": hilbert(9),
    "top repeated": conjugated([3.0, 3.0, 3.0, -1.0, 0.0]),
    "all equal": conjugated([2.0, 2.0, 2.0]),
    "nearly repeated": conjugated([1.0, 1.0 - 2.0**-40, 0.5, 0.0]),
    "zero": np.zeros((3, 3)),
    "negative": -np.diag([1.0, 2.0, 3.0]),
}


def in_mp(M: np.ndarray) -> mp.matrix:
    return mp.matrix([[mp.mpf(Fraction(x).numerator) / Fraction(x).denominator for x in row] for row in M.tolist()])


@pytest.mark.parametrize("name", SYMMETRIC)
def test_extreme_eigenvalues_are_enclosed(name):
    M = SYMMETRIC[name]
    with mp.workdps(60):
        truth = mp.eigsy(in_mp(M), eigvals_only=True)
        size = float(max(map(abs, truth), default=0)) or 1.0
        for found, expected in ((top_eigenvalue(balls(M)), max(truth)), (least_eigenvalue(balls(M)), min(truth))):
            slip = mp.mpf(size) * mp.mpf(10) ** -50
            assert as_mp(found.lower) - slip <= expected <= as_mp(found.upper) + slip
            assert as_mp(found.upper) - as_mp(found.lower) <= 1e-15 * size


@pytest.mark.parametrize("name", ["random 3", "random 7", "deficient 6", "top repeated", "nearly repeated", "zero"])
def test_eigenvalues_of_a_matrix_of_balls_enclose_those_of_every_matrix_in_it(name):
    M, rng = SYMMETRIC[name].astype(float), np.random.default_rng(1)
    wide = balls(M) + np.full(M.shape, Ball(0).hull(Ball(2.0**-20)), dtype=object).view(Balls)
    found = top_eigenvalue(wide)
    for _ in range(20):
        noise = np.tril(rng.uniform(0, 2.0**-20, M.shape))
        moved = np.linalg.eigvalsh(M + noise + np.tril(noise, -1).T)[-1]
        assert found.lower.midpoint - 1e-9 <= moved <= found.upper.midpoint + 1e-9
    assert found.upper.midpoint - found.lower.midpoint < 1e-4


@pytest.mark.parametrize("values", [[3.0, 3.0, -1.0], [0.5, 0.25, 0.125, 0.0]])
def test_a_rational_top_eigenvalue_is_found(values):
    assert fraction(top_eigenvalue(balls(conjugated(values)))) == Fraction(max(values))


def matrix_of_fractions(found: np.ndarray) -> np.ndarray:
    return np.array([[fraction(x) for x in row] for row in found.tolist()], dtype=object)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (4, 4), (6, 3)])
@pytest.mark.parametrize("rank", [1, 2, 6])
def test_pseudo_inverses_satisfy_the_four_equations_of_penrose(shape, rank):
    m, n = shape
    M = random_rational(m, min(rank, m, n), seed=rank) @ random_rational(min(rank, m, n), n, seed=7)
    inverse, M = matrix_of_fractions(la.pseudo_inverse(balls(M))), fractions(M)
    assert np.array_equal(M @ inverse @ M, M)
    assert np.array_equal(inverse @ M @ inverse, inverse)
    assert np.array_equal((M @ inverse).T, M @ inverse)
    assert np.array_equal((inverse @ M).T, inverse @ M)


@pytest.mark.parametrize("M", [hilbert(8), random_rational(6, 6, 3), random_rational(5, 5, 4, spread=30)])
def test_solutions_inverses_and_determinants_are_exact(M):
    b = np.arange(1, len(M) + 1)
    solution = la.solve(balls(M), balls(b))
    truth = sp.Matrix([[sp.Rational(*Fraction(x).as_integer_ratio()) for x in row] for row in M.tolist()])
    expected = truth.LUsolve(sp.Matrix(b))
    assert [fraction(x) for x in solution.tolist()] == [Fraction(int(x.p), int(x.q)) for x in expected]
    assert fraction(la.determinant(balls(M))) == Fraction(int(truth.det().p), int(truth.det().q))
    assert np.array_equal(matrix_of_fractions(la.product(la.inverse(balls(M)), balls(M))), fractions(np.eye(len(M))))


def test_solutions_in_balls_hold_the_truth():
    M, thirds = random_rational(5, 5, 9), np.full(5, Ball(2).sqrt())
    found = la.solve(balls(M) * Ball(3).sqrt(), balls(np.ones(5)) * thirds)
    with mp.workdps(60):
        truth = mp.lu_solve(in_mp(M) * mp.sqrt(3), mp.matrix([mp.sqrt(2)] * 5))
        for x, expected in zip(found.tolist(), truth, strict=True):
            holds(x, expected, 1e-25)


def test_a_singular_matrix_is_an_error():
    with pytest.raises(OutsideBalls, match="singular"):
        la.solve(balls([[1, 2], [2, 4]]), balls([1, 1]))


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_a_factor_of_a_covariance(rank):
    X = balls(random_rational(7, rank, 1) @ random_rational(rank, 4, 2))
    F = la.factor((X.T @ X).view(np.ndarray)).view(Balls)
    for found, expected in zip((F.T @ F).ravel().tolist(), (X.T @ X).ravel().tolist(), strict=True):
        with mp.workdps(60):
            holds(found, as_mp(expected), 1e-25)


# -- models, quantities, minima, runs --


def fit(widths: tuple[int, ...] = (2, 2, 1), samples: int = 3, seed: int = 0) -> Any:
    from theorycheck.instances import deep_linear_fits

    recipe = deep_linear_fits(
        depth=(len(widths) - 1,) * 2, width=(widths[1],) * 2, dim=(widths[0],) * 2, samples=(samples,) * 2, outputs=(widths[-1],) * 2
    )
    return recipe.sample(seed, 0).value


@pytest.mark.parametrize("widths", [(1, 1, 1), (3, 2, 1), (2, 3, 2, 1), (2, 2, 2), (3, 2, 2, 2, 2)])
def test_derivatives_of_deep_networks_are_exact(widths):
    f = fit(widths)
    with tc.Precision(0).scope():
        g = fit(widths)
    twin, theta = ExactRegression(g.objective, fractions), fractions(g.theta)
    pairs = [
        (f.objective.risk(f.theta), twin.risk(theta)),
        (f.objective.gradient(f.theta), twin.gradient(theta)),
        (f.objective.hessian(f.theta), twin.hessian(theta)),
        (f.objective.hvp(f.theta, f.theta), twin.hessian(theta) @ theta),
        (f.model.kernels.tangent(f.theta, f.theta), (len(widths) - 1) * twin.w(theta)),  # Euler's identity: w has degree L
    ]
    for found, expected in pairs:
        assert [fraction(x) for x in np.ravel(found).tolist()] == np.ravel(expected).tolist()


@pytest.mark.parametrize("model", [tc.Diagonal(2, 3), tc.Hadamard(2)], ids=str)
def test_derivatives_of_maps_written_entry_by_entry_are_exact(model):
    theta = exact(np.array([0.5, -1.5, 2.0, 0.25])[: model.parameters])
    values = {s: sp.Rational(Fraction(fraction(x))) for s, x in zip(model.symbols, theta.tolist(), strict=True)}
    J = sp.Matrix(model.expressions).jacobian(model.symbols).subs(values)
    assert [fraction(Ball(x)) for x in np.ravel(model.kernels.jacobian(theta)).tolist()] == [Fraction(int(x.p), int(x.q)) for x in J]


def test_sharpness_by_the_small_matrix_and_by_the_hessian_agree():
    f = fit((3, 2, 2, 1), samples=2, seed=3).moved_onto_minimisers()
    small = tc.sharpness(f.objective, f.theta)
    whole = tc.top_eigenvalue(f.objective.hessian(f.theta))
    assert all(x.exact == 0 for x in f.objective.gradient_in_w(f.theta).tolist())
    assert small.lower <= whole.upper
    assert whole.lower <= small.upper


def curve(value, slope):
    """An oracle for `convex_minimum` of one function of one ball."""
    return lambda x: (balls([value(x[0])]), balls([slope(x[0])]))


@pytest.mark.parametrize(
    ("value", "slope", "low", "high", "argument", "minimum"),
    [
        (lambda x: (x - Fraction(1, 3)) ** 2 + 1, lambda x: 2 * (x - Fraction(1, 3)), -4, 5, Fraction(1, 3), 1),
        (lambda x: np.exp(x) + np.exp(-2 * x), lambda x: np.exp(x) - 2 * np.exp(-2 * x), -3, 3, math.log(2) / 3, 2 ** (1 / 3) + 2 ** (-2 / 3)),
        (lambda x: np.exp(x), lambda x: np.exp(x), -1, 2, -1, math.exp(-1)),
        (lambda x: -x, lambda x: Ball(-1), -1, 2, 2, -2),
        (lambda x: abs(x - 1) + 2, lambda x: Ball(1 if x > 1 else -1), -3.3, 3, 1, 2),
        (lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), 1, 1, 1, 0),
    ],
)
def test_minima_are_enclosed(value, slope, low, high, argument, minimum):
    where, least = tc.convex_minimum(curve(value, slope), Ball(low), Ball(high))
    assert where.lower.midpoint - 1e-15 <= argument <= where.upper.midpoint + 1e-15
    assert least.lower.midpoint - 1e-15 <= minimum <= least.upper.midpoint + 1e-15
    assert least.upper.midpoint - least.lower.midpoint <= 1e-14 * max(1, abs(minimum))


def test_the_least_sharpness_of_the_catalogue_is_enclosed():
    """Σ = diag(4, 1), w* = (0, 1), L = 2: S_min = 2 min_t λ_max(tΣ + zzᵀ/t) = 8/√3 at t = 1/√3, where two eigenvalues cross."""
    sigma, zz = exact([[4.0, 0.0], [0.0, 1.0]]), exact([[0.0, 0.0], [0.0, 1.0]])

    def oracle(log_t):
        t = np.exp(log_t)[:, None, None]
        value, v = tc.top_eigenpair(t * sigma + zz / t)
        return 2 * value, 2 * np.einsum("ki,kij,kj->k", v, t * sigma - zz / t, v)

    log_t, least = tc.convex_minimum(oracle, Ball(-3), Ball(2))
    with mp.workdps(40):
        holds(least, 8 / mp.sqrt(3), 1e-14)
        holds(log_t, -mp.log(3) / 2, 1e-8)


def test_a_step_of_gradient_descent_is_exact():
    f = fit()
    run = tc.follow(f.objective, tc.GradientDescent(step=Ball(Fraction(1, 4))), f.theta, tc.Stop(steps=2), record=(tc.risk,), save=tc.Every(1))
    theta = f.theta
    for k in range(2):
        assert fraction(run.records[tc.risk][k]) == fraction(f.objective.risk(theta))
        theta = theta - Fraction(1, 4) * f.objective.gradient(theta)
    assert np.array_equal(run.final, theta)
    assert run.ending.item() is tc.Ending.REACHED_STEPS


@pytest.mark.parametrize(
    "draws", [tc.array((3, 3)), tc.normals((4,)), tc.orthogonal(3), tc.with_spectrum((1.0, 2.0, 2.0)), tc.reals(-3, 3), tc.signs((5,))]
)
def test_draws_are_the_floats_exactly(draws):
    recipe = tc.recipe(lambda draw: draw(draws))
    found = recipe.sample(5, 2).value
    with tc.Precision(0).scope():
        expected = recipe.sample(5, 2).value
    middles = middles_of(found)
    if isinstance(draws, type(tc.array(1))):
        assert np.array_equal(middles, expected)
        assert all(Ball(x).exact is not None for x in np.ravel(found).tolist())
    np.testing.assert_allclose(middles, expected, rtol=1e-12, atol=1e-12)


def test_a_drawn_rotation_is_orthogonal():
    Q = tc.recipe(lambda draw: draw(tc.orthogonal(3))).sample(5, 2).value
    with mp.workdps(60):
        for found, expected in zip((Q.T @ Q).ravel().tolist(), np.eye(3).ravel().tolist(), strict=True):
            holds(found, mp.mpf(expected), 1e-25)
