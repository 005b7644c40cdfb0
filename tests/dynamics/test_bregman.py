"""Bregman projection: optimality conditions on random problems, slow twins (SciPy, gradient flow, many digits), bars, and the endings."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.linalg import null_space
from scipy.optimize import linprog, minimize, nnls

from theorycheck.dynamics.bregman import ProjectionEnding, bregman_projection
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.potentials import Potential, legendre_potential

DIM, SAMPLES, COUNT = 5, 3, 220
CONVERGED, INFEASIBLE = ProjectionEnding.CONVERGED, ProjectionEnding.INFEASIBLE
a, b, c, d, e, f, g = sp.symbols("a b c d e f g", real=True)
BASIS = np.linalg.qr(np.random.default_rng(8).normal(size=(7, 7)))[0]
FORMS = np.einsum("pk,ik,qk->ipq", BASIS, np.random.default_rng(9).normal(size=(DIM, 7)), BASIS)


@dataclass(frozen=True)
class Case:
    """A model of five entries and how its starts are drawn; mild ones are within reach of a general minimiser."""

    model: Parametrization
    low: float
    high: float
    mild: bool = True

    def potential(self, rng: np.random.Generator, lead: tuple[int, ...] = ()) -> Potential:
        return legendre_potential(self.model, rng.uniform(self.low, self.high, (*lead, self.model.parameters)))


CASES: dict[str, Case] = {
    "affine": Case(Diagonal(DIM, 1), -1, 1),
    "u²": Case(Diagonal(DIM, 2, signed=False), 0.2, 1.2),
    "x²/4": Case(Entrywise((a, b, c, d, e), (a**2 / 4, b**2 / 4, c**2 / 4, d**2 / 4, e**2 / 4)), 0.4, 2.4),
    "u³": Case(Diagonal(DIM, 3, signed=False), 0.2, 1.2),
    "u² - v²": Case(Diagonal(DIM, 2), 0.2, 1.2),
    "u² - v², 1e-8": Case(Diagonal(DIM, 2), 1e-8, 1e-8, mild=False),
    "u² - v², 1e-60": Case(Diagonal(DIM, 2), 1e-60, 2e-60, mild=False),
    "u v": Case(Hadamard(DIM), 0.2, 1.2),
    "u³ - v³": Case(Diagonal(DIM, 3), 0.2, 1.2),
    "u³ - v³, 1e-8": Case(Diagonal(DIM, 3), 1e-8, 1e-8, mild=False),
    "u⁴ - v⁴": Case(Diagonal(DIM, 4), 0.2, 1.2),
    "u⁴ - v⁴, 1e-8": Case(Diagonal(DIM, 4), 1e-8, 3e-8, mild=False),
    "u⁴ - v⁴, 1e-40": Case(Diagonal(DIM, 4), 1e-40, 1e-40, mild=False),
    "u⁶ - v⁶, 1e-3": Case(Diagonal(DIM, 6), 1e-3, 2e-3, mild=False),
    "forms": Case(QuadraticForms((FORMS + np.swapaxes(FORMS, 1, 2)) / 2), 0.3, 1.2),
    "mixed": Case(Entrywise((a, b, c, d, e, f, g), (3 * a - 1, b * c, d**2 / 4, e**2 + e * f, g**3)), 0.3, 1.2),
}


def problem(name: str, seed: int, lead: tuple[int, ...] = ()) -> tuple[Potential, np.ndarray, np.ndarray, np.ndarray]:
    """Potential, X, y and a point of the domain with X w = y; sparse where the domain is everything."""
    rng = np.random.default_rng(seed)
    potential = CASES[name].potential(rng, lead)
    low, high = potential.domain
    w = np.where(
        np.isinf(low) & np.isinf(high),
        rng.normal(size=(*lead, DIM)) * (rng.random((*lead, DIM)) < 0.6),
        np.where(np.isinf(high), 1, -1) * rng.uniform(0.1, 1.5, (*lead, DIM)),
    )
    if not potential.separable:
        w = potential.inverse(np.clip(0.4 * rng.normal(size=(*lead, DIM)), *(0.9 * end for end in potential.dual_domain)))
    X = rng.normal(size=(*lead, SAMPLES, DIM))
    return potential, X, (X @ w[..., None])[..., 0], w


@pytest.mark.parametrize("name", CASES)
def test_optimality_conditions_on_random_problems(name: str) -> None:
    potential, X, y, w = problem(name, 1, (COUNT,))
    found = bregman_projection(potential, X, y)
    assert np.all(found.converged)
    scale = np.abs(X) @ np.abs(found.w.value)[..., None]
    assert np.all(np.abs(X @ found.w.value[..., None] - y[..., None]) <= 1e-13 * (scale + 1))
    mirror, dual = potential.mirror(found.w.value), (np.swapaxes(X, -1, -2) @ found.dual[..., None])[..., 0]
    total = np.max(np.abs(mirror), axis=-1) + np.max(np.swapaxes(np.abs(X), -1, -2) @ np.abs(found.dual[..., None]), axis=(-1, -2))
    if potential.separable:
        assert np.all(np.abs(mirror - dual) <= 1e-12 * total[..., None])
    else:  # ∇R itself comes from Newton's method, as well as the conditioning of the metric allows
        np.testing.assert_allclose(potential.inverse(dual), found.w.value, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(CASES[name].model.w(found.theta), found.w.value, rtol=1e-9, atol=1e-13)
    assert np.all(found.residual == np.max(np.abs((X @ found.w.value[..., None])[..., 0] - y), axis=-1))
    assert np.max(found.w.error) < 1e-9
    assert np.median(found.w.error) < 1e-12
    if name.endswith("v²"):  # of all solutions it is the one nearest to the start in the sense of R
        assert np.all(
            potential.divergence(w, potential.inverse(np.zeros(DIM))) >= potential.divergence(found.w.value, potential.inverse(np.zeros(DIM)))
        )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.mild])
@pytest.mark.parametrize("seed", range(3))
def test_a_general_minimiser_finds_the_same_point(name: str, seed: int) -> None:
    potential, X, y, w = problem(name, 10 + seed)
    free = null_space(X)

    def inside(s: np.ndarray) -> bool:
        return bool(potential.in_domain(w + free @ s))

    def hessian(s: np.ndarray) -> np.ndarray:
        if not inside(s):
            return np.eye(len(s))
        metric = potential.metric(w + free @ s)
        return free.T @ np.linalg.solve(np.diag(metric) if potential.separable else metric, free)

    def value(s: np.ndarray) -> float:
        return float(potential.value(w + free @ s)) if inside(s) else 1e300

    def slope(s: np.ndarray) -> np.ndarray:
        return free.T @ potential.mirror(w + free @ s) if inside(s) else np.ones(len(s))

    options = {"gtol": 1e-9, "initial_trust_radius": 0.05}
    minimum = minimize(value, np.zeros(free.shape[1]), jac=slope, hess=hessian, method="trust-exact", options=options)  # type: ignore[call-overload]
    np.testing.assert_allclose(bregman_projection(potential, X, y).w.value, w + free @ minimum.x, atol=1e-7)


@pytest.mark.parametrize("name", ["u²", "u² - v²", "u v", "u³ - v³", "u⁴ - v⁴", "forms", "mixed"])
def test_gradient_flow_ends_there(name: str) -> None:
    potential, X, y, _ = problem(name, 3)
    model = CASES[name].model

    def flow(_: float, theta: np.ndarray) -> np.ndarray:
        return -model.kernels.jacobian(theta).reshape(DIM, -1).T @ (X.T @ (X @ model.w(theta) - y))

    def fitted(_: float, theta: np.ndarray) -> float:
        return float(np.linalg.norm(X @ model.w(theta) - y)) - 1e-10

    fitted.terminal = True  # type: ignore[attr-defined]
    end = solve_ivp(flow, (0, 1e4), potential.start, method="LSODA", rtol=1e-11, atol=1e-13, events=fitted)
    assert end.status == 1
    found = bregman_projection(potential, X, y)
    np.testing.assert_allclose(found.w.value, model.w(end.y[:, -1]), atol=3e-9)
    np.testing.assert_allclose(found.theta, end.y[:, -1], atol=3e-8)


# ---- many digits ----


def difference_in_digits(depth: int, start: float, X: np.ndarray, y: np.ndarray, theta: np.ndarray) -> list[mp.mpf]:
    """The projection for u^D - v^D from u = v = start, by Newton's method on all optimality conditions from an approximate solution.

    Unknown are ν and, for each entry, t = ln u (D = 2) or the logarithm of the smaller of u^(2-D) and v^(2-D).
    """
    n, dim = X.shape
    alpha, k, r = mp.mpf(start), depth * (depth - 2), mp.mpf(depth) / max(depth - 2, 1)
    u, v = (list(map(mp.mpf, half)) for half in np.abs(theta).reshape(2, dim).tolist())
    sign = [1 if p >= q else -1 for p, q in zip(u, v, strict=True)]
    t = [mp.log(p) if depth == 2 else (2 - depth) * mp.log(max(p, q)) for p, q in zip(u, v, strict=True)]

    def entry(i: int) -> tuple[mp.mpf, mp.mpf, mp.mpf, mp.mpf]:
        """w, dw/dt, μ, dμ/dt."""
        if depth == 2:
            grown, shrunk = mp.exp(2 * t[i]), alpha**4 * mp.exp(-2 * t[i])
            return grown - shrunk, 2 * (grown + shrunk), (t[i] - mp.log(alpha)) / 2, mp.mpf(1) / 2
        near, s = mp.exp(t[i]), sign[i]
        far = 2 * alpha ** (2 - depth) - near
        slope = depth**2 * (near ** (-2 * (depth - 1) / mp.mpf(depth - 2)) + far ** (-2 * (depth - 1) / mp.mpf(depth - 2)))
        return s * (near**-r - far**-r), -s * slope * near / k, s * (alpha ** (2 - depth) - near) / k, -s * near / k

    rows, targets = mp.matrix(X.tolist()), mp.matrix(y.tolist())
    dual = mp.lu_solve(rows * rows.T, rows * mp.matrix([entry(i)[2] for i in range(dim)]))
    for _ in range(60):
        values = [entry(i) for i in range(dim)]
        system, left = mp.zeros(dim + n), mp.zeros(dim + n, 1)
        for i, (_, dw, mu, dmu) in enumerate(values):
            system[i, i], left[i] = 1, (mp.fsum(rows[j, i] * dual[j] for j in range(n)) - mu) / dmu
            for j in range(n):
                system[i, dim + j], system[dim + j, i] = -rows[j, i] / dmu, rows[j, i] * dw
        for j in range(n):
            left[dim + j] = targets[j] - mp.fsum(rows[j, i] * values[i][0] for i in range(dim))
        step = mp.lu_solve(system, left)
        length = max(abs(step[i]) for i in range(dim))
        damping = min(1, 1 / length) if length else 1
        t = [t[i] + damping * step[i] for i in range(dim)]
        dual += damping * step[dim:, 0]
        if length < mp.mpf(10) ** -40:
            return [entry(i)[0] for i in range(dim)]
    raise AssertionError("the slow twin did not converge")


@pytest.mark.parametrize(("depth", "alpha"), [(2, 0.5), (2, 1e-8), (2, 1e-60), (3, 0.5), (3, 1e-8), (4, 1e-3), (4, 1e-8), (4, 1e-20), (6, 1e-5)])
def test_the_bar_covers_the_error_and_both_are_small(depth: int, alpha: float) -> None:
    rng = np.random.default_rng(depth)
    for sparse in (False, True):
        X = rng.normal(size=(2, 4)) * 10 ** rng.uniform(-1, 1, (1, 4))
        w = rng.normal(size=4) * (np.arange(4) < (2 if sparse else 4))
        found = bregman_projection(legendre_potential(Diagonal(4, depth), np.full(8, alpha)), X, X @ w)
        with mp.workdps(60 if alpha > 1e-4 else 160):
            exact = difference_in_digits(depth, alpha, X, X @ w, found.theta)
            error = np.array([float(abs(mp.mpf(value) - true)) for value, true in zip(found.w.value.tolist(), exact, strict=True)])
        assert np.all(error <= found.w.error)
        assert np.max(error) < 1e-13
        assert np.max(found.w.error) < 1e-11


def test_a_tie_that_float64_cannot_break_has_a_wide_bar() -> None:
    """Three entries of the dual are at the end of its domain with two samples: the split between them is decided 1e-20 below."""
    X, y = np.array([[-0.5, -0.75, -0.75, 0.75], [1.0, 2.0, 1.25, -0.75]]), np.array([-0.625, 1.25])
    found = bregman_projection(legendre_potential(Diagonal(4, 3), np.full(8, 1e-20)), X, y)
    exact = np.array([0.0, 0.4013480795397703679, 0.24662980115057408026, -0.18535545264298888518])
    assert np.all(np.abs(found.w.value - exact) <= found.w.error)
    assert np.max(found.w.error) > 0.1


# ---- hard problems ----


def hard(seed: int) -> tuple[Potential, np.ndarray, np.ndarray]:
    """Tiny starts, rounded, repeated and scaled data, sparse targets of any size; feasible."""
    rng = np.random.default_rng(seed)
    dim, depth, unsigned = int(rng.integers(2, 14)), int(rng.choice([2, 2, 2, 3, 4])), rng.random() < 0.4
    model: Parametrization = Diagonal(dim, depth, signed=not unsigned) if rng.random() < 0.7 else Hadamard(dim)
    X = rng.normal(size=(int(rng.integers(1, dim + 1)), dim)) * 10 ** rng.uniform(-4, 4, (1, dim)) ** int(rng.random() < 0.5)
    X = np.round(2 * X) / 2 if rng.random() < 0.3 else X * 10 ** rng.uniform(-6, 6, (len(X), 1)) ** int(rng.random() < 0.3)
    w = rng.normal(size=dim) * (rng.random(dim) < rng.uniform(0.2, 1)) * 10 ** rng.uniform(-3, 3)
    spread = 10 ** rng.uniform(-1, 1, model.parameters) if rng.random() < 0.5 else np.ones(model.parameters)
    potential = legendre_potential(model, 10 ** rng.uniform(-30, 1) * spread)
    low, high = potential.domain
    w = np.where(np.isinf(low) & np.isinf(high), w, np.where(np.isinf(high), 1, -1) * (np.abs(w) + 1e-3 * np.max(np.abs(w)) + 1e-6))
    return potential, X, X @ w


@pytest.mark.parametrize("seed", range(60))
def test_hard_problems_are_solved(seed: int) -> None:
    potential, X, y = hard(seed)
    found = bregman_projection(potential, X, y)
    assert found.endings == CONVERGED
    assert np.all(np.isfinite(found.w.error))
    scale = np.abs(X) @ np.abs(found.w.value)
    assert np.all(np.abs(X @ found.w.value - y) <= 1e-9 * (scale + np.abs(y)) + np.abs(X) @ found.w.error)


def test_entries_below_the_rounding_of_others_are_left_alone() -> None:
    """Exactly w = (0, 1.5, 0, 0) would do; what the other entries are is decided below the rounding of 1.5 X."""
    X = np.array([[1.5, 2.0, -1.75, -0.5], [0.75, 1.5, 0.5, -0.75], [0.25, 0.0, -0.25, -0.75]])
    found = bregman_projection(legendre_potential(Diagonal(4, 2), np.full(8, 1e-20)), X, np.array([3.0, 2.25, 0.0]))
    assert found.endings == CONVERGED
    np.testing.assert_allclose(found.w.value, [0.0, 1.5, 0.0, 0.0], atol=1e-13)
    assert np.all(np.abs(found.w.value - [0.0, 1.5, 0.0, 0.0]) <= found.w.error)


# ---- what the papers say ----


def test_product_examples_of_the_catalogue() -> None:
    X, y = [[1.0, 2.0]], [-1.0]
    moving = bregman_projection(legendre_potential(Hadamard(2), [0.5, 0.5, 0.3, 0.3]), X, y)
    np.testing.assert_allclose(moving.w.value, [-0.0462, -0.4769], atol=5e-5)
    frozen = bregman_projection(legendre_potential(Hadamard(2), [0.5, 0.5, 0.5, 0.5]), X, y)
    assert frozen.endings == INFEASIBLE
    wrong = bregman_projection(legendre_potential(Diagonal(2, 2), [0.5, 0.5, 0.3, 0.3]), X, y)
    assert np.max(np.abs(wrong.w.value - moving.w.value)) > 1e-3


@pytest.mark.parametrize("depth", [3, 4])
def test_distance_to_the_least_norm_falls_as_the_power_of_the_start(depth: int) -> None:
    rng = np.random.default_rng(3)  # an instance with a unique sparse solution and the dual of other entries below 0.57
    X, w = rng.normal(size=(4, 8)), np.zeros(8)
    w[[1, 5]] = 1.0, -0.7
    least = linprog(np.ones(16), A_eq=np.hstack([X, -X]), b_eq=X @ w)
    scales = np.array([3e-2, 1e-2, 3e-3])
    found = bregman_projection(legendre_potential(Diagonal(8, depth), np.repeat(scales[:, None], 16, axis=1)), X, X @ w)
    gap = np.sum(np.abs(found.w.value), axis=-1) / least.fun - 1
    assert least.fun == pytest.approx(1.7, rel=1e-9)
    np.testing.assert_allclose(np.diff(np.log(gap)) / np.diff(np.log(scales)), depth, rtol=0.05)


def test_large_starts_give_the_least_squares_norm() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(3, 6)), rng.normal(size=3)
    found = bregman_projection(legendre_potential(Diagonal(6, 2), np.full(12, 1e4)), X, y)
    np.testing.assert_allclose(found.w.value, np.linalg.pinv(X) @ y, rtol=1e-9)


# ---- shapes and endings ----


def test_leading_axes_broadcast_and_instances_do_not_mix() -> None:
    rng = np.random.default_rng(6)
    potential = legendre_potential(Diagonal(DIM, 2), rng.uniform(0.1, 1, (3, 1, 2 * DIM)))
    X, y = rng.normal(size=(2, SAMPLES, DIM)), rng.normal(size=(4, 1, 1, SAMPLES))
    found = bregman_projection(potential, X, y)
    assert (found.w.shape, found.theta.shape, found.dual.shape, found.residual.shape) == (
        (4, 3, 2, DIM),
        (4, 3, 2, 2 * DIM),
        (4, 3, 2, SAMPLES),
        (4, 3, 2),
    )
    for i, j, k in np.ndindex(4, 3, 2):
        alone = bregman_projection(legendre_potential(Diagonal(DIM, 2), potential.start[j, 0]), X[k], y[i, 0, 0])
        assert np.all(np.abs(alone.w.value - found.w.value[i, j, k]) <= alone.w.error + found.w.error[i, j, k])
        assert alone.endings == found.endings[i, j, k]


@pytest.mark.parametrize("name", ["u² - v²", "u³ - v³", "forms"])
def test_dependent_rows_change_nothing(name: str) -> None:
    potential, X, y, _ = problem(name, 7)
    mixing = np.array([[1.0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1e-9], [1, -1, 0.5], [0, 0, 0]])
    found, plain = bregman_projection(potential, mixing @ X, mixing @ y), bregman_projection(potential, X, y)
    assert found.endings == CONVERGED
    np.testing.assert_allclose(found.w.value, plain.w.value, rtol=1e-9)
    assert np.count_nonzero(found.dual) == SAMPLES
    np.testing.assert_allclose((mixing @ X).T @ found.dual, X.T @ plain.dual, rtol=1e-8)
    contradicting = bregman_projection(potential, mixing @ X, mixing @ y + np.array([0, 1e-3, 0, 0, 0, 0]))
    assert contradicting.endings == ProjectionEnding.INCONSISTENT
    assert np.all(np.isinf(contradicting.w.error))


def test_without_samples_the_start_is_the_answer() -> None:
    potential, *_ = problem("u² - v²", 8)
    found = bregman_projection(potential, np.zeros((0, DIM)), np.zeros(0))
    np.testing.assert_array_equal(found.w.value, potential.inverse(np.zeros(DIM)))
    assert found.endings == CONVERGED


def test_as_many_samples_as_entries_leave_no_choice() -> None:
    rng = np.random.default_rng(9)
    X, w = rng.normal(size=(DIM, DIM)), rng.uniform(0.1, 1, DIM)
    for name in ("u²", "u³", "u⁴ - v⁴"):
        np.testing.assert_allclose(bregman_projection(CASES[name].potential(rng), X, X @ w).w.value, w, rtol=1e-10)


@pytest.mark.parametrize("name", ["u²", "u³", "x²/4"])
def test_infeasible_signs_are_told_from_feasible_ones(name: str) -> None:
    rng = np.random.default_rng(10)
    X, y = rng.normal(size=(60, SAMPLES, DIM)), rng.normal(size=(60, SAMPLES))
    found = bregman_projection(CASES[name].potential(rng, (60,)), X, y)
    reachable = np.array([nnls(*pair)[1] < 1e-9 for pair in zip(X, y, strict=True)])
    assert 10 < np.sum(reachable) < 50
    assert found.endings.tolist() == [CONVERGED if ok else INFEASIBLE for ok in reachable]
    assert np.all(np.isinf(found.w.error) == ~reachable[:, None])
    assert np.all(np.isfinite(found.w.value))


def test_a_cone_of_forms_can_be_missed() -> None:
    potential = legendre_potential(QuadraticForms([np.diag([1.0, 1]), np.diag([1.0, 2])]), [1.0, 1])
    X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.5], [1.0, 3.0], [-1.0, 1.0], [1.0, 1.9]])
    assert bregman_projection(potential, X, y).endings.tolist() == [CONVERGED, INFEASIBLE, INFEASIBLE, CONVERGED]


def test_a_solution_on_the_boundary_only_is_infeasible() -> None:
    assert bregman_projection(legendre_potential(Diagonal(2, 2, signed=False), [1.0, 1]), [[1.0, 1.0]], [0.0]).endings == INFEASIBLE


def test_too_few_steps_stall() -> None:
    potential, X, y, _ = problem("u² - v², 1e-8", 11)
    found = bregman_projection(potential, X, y, steps=2)
    assert (found.endings, int(found.iterations)) == (ProjectionEnding.STALLED, 2)
    assert np.all(np.isinf(found.w.error))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"X": np.zeros((SAMPLES, DIM + 1))}, ShapeMismatch, "w has 5 entries"),
        ({"X": np.zeros(DIM)}, ShapeMismatch, r"must end with \(n, 5\)"),
        ({"y": np.zeros(SAMPLES + 1)}, ShapeMismatch, "one target a sample"),
        ({"X": np.zeros((2, SAMPLES, DIM)), "y": np.zeros((3, SAMPLES))}, ShapeMismatch, "leading axes that do not broadcast"),
        ({"y": np.full(SAMPLES, np.nan)}, NotFinite, "not finite"),
        ({"steps": 0}, InvalidArgument, "`steps=0` must be at least 1"),
    ],
)
def test_bad_input_is_one_clear_error(change: dict, kind: type[Exception], message: str) -> None:
    potential, X, y, _ = problem("u² - v²", 12)
    with pytest.raises(kind, match=message):
        bregman_projection(potential, **({"X": X, "y": y} | change))


def test_what_is_no_potential_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="`potential=None` is no potential"):
        bregman_projection(None, np.ones((1, 2)), np.ones(1))  # type: ignore[arg-type]
