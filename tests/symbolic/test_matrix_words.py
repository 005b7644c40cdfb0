"""Matrix words against entrywise calculus: exactly, at every depth up to 4 and all widths up to 3, and on the catalogue's hand cases."""

import ast
from functools import lru_cache
from itertools import product as tuples
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from flint import fmpq_mat

from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words import (
    Algebra,
    Chain,
    Factor,
    KroneckerSum,
    MapDerivatives,
    NamedForms,
    WordSum,
    as_sum,
    differential,
    evaluate,
    identity,
    latex,
    matrix_of,
    numpy_source,
    read_gradient,
    substitute,
    zero,
)

n, m, p = sp.symbols("n m p", integer=True, positive=True)
A, B, C, V = Factor("A", n, m), Factor("B", m, p), Factor("C", n, m), Factor("V", n, m)
S = Factor("S", n, n, symmetric=True)
SAMPLES = 3


# -- the algebra and the calculus --


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((A @ B).T, B.T @ A.T),
        (A + C - A, C + zero(n, m)),
        (2 * (A @ B) + 3 * (A @ B), 5 * (A @ B)),
        (A @ identity(m) @ B, A @ B),
        (zero(n, m) @ B, zero(n, p)),
        (S.T @ A, S @ A),
        (A + C, C + A),
        (sp.Symbol("x") * A - sp.Symbol("x") * A, zero(n, m)),
        ((A + C).T, A.T + C.T),
        (-A, zero(n, m) - A),
        (differential(A @ B, {A: V}), V @ B),
        (differential(A.T @ A, {A: V}), V.T @ A + A.T @ V),
        (differential(A @ A.T @ A, {A: V}), V @ A.T @ A + A @ V.T @ A + A @ A.T @ V),
        (differential(S @ A, {B: B}), zero(n, m)),
        (substitute(A.T @ A, {A: A + C}), A.T @ A + A.T @ C + C.T @ A + C.T @ C),
        (read_gradient(V @ A.T, V, S), S @ A),
        (read_gradient(A @ V.T, V, S), S.T @ A),
        (read_gradient(A.T @ V, V, identity(m)), A),
    ],
    ids=str,
)
def test_equal_sums_have_one_normal_form(left: Algebra, right: Algebra) -> None:
    assert as_sum(left) == as_sum(right)
    assert hash(as_sum(left)) == hash(as_sum(right))


@pytest.mark.parametrize(("left", "right"), [(A @ A.T, A @ C.T), (A.T @ A, A @ A.T), (A + C, A), (A, -A), (zero(n, m), zero(m, n))], ids=str)
def test_different_sums_are_not_equal(left: Algebra, right: Algebra) -> None:
    assert as_sum(left) != as_sum(right)


@pytest.mark.parametrize("broken", [lambda: A @ A, lambda: A + B, lambda: A - A.T, lambda: substitute(A, {A: B})])
def test_shapes_must_fit(broken) -> None:
    with pytest.raises(ShapeMismatch):
        broken()


@pytest.mark.parametrize("word", [V @ V.T, A @ B], ids=str)
def test_a_gradient_is_read_off_a_linear_form_only(word: WordSum) -> None:
    with pytest.raises(InvalidArgument, match="exactly once"):
        read_gradient(word, V, word)


def test_what_is_no_word_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="must be a Factor, a Word or a WordSum"):
        A @ 3  # type: ignore[operator]


# -- the slow twin: Taylor expansion of the risk along every pair of coordinates, in whole numbers --


def numbers(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.integers(1, 4, shape) * generator.choice([-1, 1], shape)


def times(x: list[np.ndarray], y: list[np.ndarray]) -> list[np.ndarray]:
    """Product of a + b s + c t + d st with s² = t² = 0."""
    d = x[0] @ y[3] + x[3] @ y[0] + x[1] @ y[2] + x[2] @ y[1]
    return [x[0] @ y[0], x[0] @ y[1] + x[1] @ y[0], x[0] @ y[2] + x[2] @ y[0], d]


def expansion(weights: list[np.ndarray], X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of |Y - X Wᵀ|² in all entries, from its expansion along s e_i + t e_j for all (i, j)."""
    P = sum(W.size for W in weights)
    unit = np.eye(P, dtype=int)
    at_s, at_t = np.broadcast_to(unit[:, None], (P, P, P)), np.broadcast_to(unit[None], (P, P, P))
    total: list[np.ndarray] = []
    start = 0
    for W in weights:
        parts = [np.broadcast_to(W, (P, P, *W.shape))]
        parts += [e[..., start : start + W.size].reshape(P, P, *W.shape) for e in (at_s, at_t, 0 * at_s)]
        total, start = (times(parts, total) if total else parts), start + W.size
    residual = [X @ np.swapaxes(part, -1, -2) for part in total]
    residual[0] = residual[0] - Y
    e, e_s, e_t, e_st = residual
    return (2 * e * e_s).sum(axis=(-1, -2))[:, 0], (2 * e * e_st + 2 * e_s * e_t).sum(axis=(-1, -2))


def flat(matrices: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.reshape(M, -1) for M in matrices])


@lru_cache
def derived(depth: int, kappa: int) -> MapDerivatives:
    return Chain(depth).derivatives(sp.Integer(kappa))


@pytest.mark.parametrize("widths", [w for depth in range(1, 5) for w in tuples((1, 2, 3), repeat=depth + 1)], ids=str)
def test_gradient_blocks_and_products_at_every_depth_and_width(widths: tuple[int, ...]) -> None:
    """The risk is (c/n)|Y - X Wᵀ|² with c = n = 3; inputs are multiples of 3, so Σ and G are whole numbers."""
    rng, depth = np.random.default_rng(widths), len(widths) - 1
    weights = [numbers(rng, a, b) for a, b in zip(widths[1:], widths[:-1], strict=True)]
    X, Y = SAMPLES * numbers(rng, SAMPLES, widths[0]), numbers(rng, SAMPLES, widths[-1])
    gradient, hessian = expansion(weights, X, Y)
    w = np.linalg.multi_dot(weights[::-1]) if depth > 1 else weights[0]
    words = derived(depth, 2 * SAMPLES)
    values = dict(zip(words.layers, weights, strict=True))
    values |= {words.covariance: X.T @ X // SAMPLES, words.gradient_in_w: 2 * (X @ w.T - Y).T @ X}
    directions = [numbers(rng, *W.shape) for W in weights]

    assert np.array_equal(flat([evaluate(g, values) for g in words.gradient]), gradient)
    assert np.array_equal(np.block([[evaluate(block, values) for block in row] for row in words.hessian]), hessian)
    moved = values | dict(zip(words.directions, directions, strict=True))
    assert np.array_equal(flat([evaluate(h, moved) for h in words.hvp]), hessian @ flat(directions))


def risk_gradient(widths: tuple[int, ...], theta: np.ndarray, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Gradient of |Y - X Wᵀ|² at many θ of shape (B, P), by back-propagation through the layers."""
    sizes = [a * b for a, b in zip(widths[1:], widths[:-1], strict=True)]
    ends = np.cumsum(sizes)
    layers = [theta[:, e - s : e].reshape(-1, a, b) for e, s, a, b in zip(ends, sizes, widths[1:], widths[:-1], strict=True)]
    signals = [np.broadcast_to(X, (len(theta), *X.shape))]
    for W in layers:
        signals.append(signals[-1] @ np.swapaxes(W, 1, 2))
    back, parts = 2 * (signals[-1] - Y), []
    for W, signal in zip(layers[::-1], signals[-2::-1], strict=True):
        parts.append((np.swapaxes(back, 1, 2) @ signal).reshape(len(theta), -1))
        back = back @ W
    return np.concatenate(parts[::-1], axis=1)


def random_widths(count: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(20240513)
    return [tuple(int(d) for d in rng.integers(1, 6, 2 + k % 6)) for k in range(count)]


@pytest.mark.parametrize("number", range(10))
def test_blocks_against_differences_on_two_hundred_random_shapes(number: int) -> None:
    """At relative 1e-8. One entry of θ occurs in the gradient to the second power at most, so central differences are exact at any step."""
    for seed, widths in enumerate(random_widths(200)[number::10]):
        rng, depth = np.random.default_rng(seed), len(widths) - 1
        weights = [rng.normal(size=(a, b)) / np.sqrt(b) for a, b in zip(widths[1:], widths[:-1], strict=True)]
        X, Y, theta = rng.normal(size=(5, widths[0])), rng.normal(size=(5, widths[-1])), flat(weights)
        steps = 0.5 * np.eye(len(theta))
        differences = risk_gradient(widths, theta + steps, X, Y) - risk_gradient(widths, theta - steps, X, Y)
        words, w = derived(depth, 2), np.linalg.multi_dot(weights[::-1]) if depth > 1 else weights[0]
        values = dict(zip(words.layers, weights, strict=True))
        values |= {words.covariance: X.T @ X, words.gradient_in_w: 2 * (X @ w.T - Y).T @ X}
        gradient = risk_gradient(widths, theta[None], X, Y)[0]
        assert np.linalg.norm(flat([evaluate(g, values) for g in words.gradient]) - gradient) <= 1e-8 * np.linalg.norm(gradient)
        ends = np.cumsum([0, *(W.size for W in weights)])
        for k, j in tuples(range(depth), repeat=2):
            block, expected = evaluate(words.hessian[k][j], values), differences[ends[j] : ends[j + 1], ends[k] : ends[k + 1]].T
            assert np.linalg.norm(block - expected) <= 1e-8 * np.linalg.norm(differences), (widths, k, j)


@pytest.mark.parametrize("widths", [(2, 3, 2), (1, 2, 2, 1), (3, 2, 2, 3, 2)], ids=str)
def test_the_second_differential_is_a_bilinear_form(widths: tuple[int, ...]) -> None:
    """⟨G, D²W[u, v]⟩ + κ ⟨DW[u] Σ, DW[v]⟩ = uᵀ H v, symmetric, exactly."""
    weights, covariance, G = random_chain(widths)
    rng, words = np.random.default_rng(1), derived(len(weights), 2)
    u, v = ([numbers(rng, *W.shape).astype(object) for W in weights] for _ in range(2))
    second = tuple(Factor("Z", d.rows, d.cols, d.index) for d in words.directions)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: G}
    values |= dict(zip(words.directions, v, strict=True)) | dict(zip(second, u, strict=True))
    along_v = evaluate(words.tangent, values)
    along_u = evaluate(words.tangent, values | dict(zip(words.directions, u, strict=True)))
    bilinear = words.bilinear(words.directions, second)
    assert bilinear == words.bilinear(second, words.directions)
    found = np.sum(G * evaluate(bilinear, values)) + 2 * np.sum((along_u @ covariance) * along_v)
    assert found == flat(u) @ flat([evaluate(h, values) for h in words.hvp])


def test_depth_twelve_width_fifty_is_derived_and_evaluated() -> None:
    """27,550 parameters: gradient and Hessian-vector product from the words, and one block, with nothing written out entry by entry."""
    widths, rng = (50,) * 12 + (1,), np.random.default_rng(3)
    words, weights = derived(12, 2), [rng.normal(size=(a, b)) / np.sqrt(b) for a, b in zip((*(50,) * 11, 1), (50,) * 12, strict=True)]
    X, Y = rng.normal(size=(60, 50)), rng.normal(size=(60, 1))
    w = np.linalg.multi_dot(weights[::-1])
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: X.T @ X, words.gradient_in_w: 2 * (X @ w.T - Y).T @ X}
    directions = [rng.normal(size=W.shape) for W in weights]
    theta, v = flat(weights), flat(directions)
    gradient = flat([evaluate(g, values) for g in words.gradient])
    np.testing.assert_allclose(gradient, risk_gradient(widths, theta[None], X, Y)[0], rtol=1e-9, atol=1e-12 * np.abs(gradient).max())
    product = flat([evaluate(h, values | dict(zip(words.directions, directions, strict=True))) for h in words.hvp])
    one, two = (np.subtract(*risk_gradient(widths, theta + np.array([[h], [-h]]) * v, X, Y)) / (2 * h) for h in (1e-3, 2e-3))
    np.testing.assert_allclose(product, (4 * one - two) / 3, atol=1e-6 * np.abs(product).max())
    last = directions[-1]  # H_LL = κ I ⊗ B_L Σ B_Lᵀ
    moved = last @ evaluate(Chain(12).below(12), values)
    below = evaluate(Chain(12).below(12), values)
    np.testing.assert_allclose(evaluate(words.hessian[-1][-1], values) @ last[0], (2 * moved @ X.T @ X @ below.T)[0], rtol=1e-9)


def symbolic(name: str, rows: int, cols: int) -> sp.Matrix:
    return sp.Matrix(rows, cols, lambda i, j: sp.Symbol(f"{name}{i}{j}"))


@pytest.mark.parametrize(
    ("widths", "c"),
    [((1, 1), 1), ((2, 2), 1), ((1, 1, 1), 1), ((2, 2, 1), "1/2"), ((1, 2, 2), 1), ((2, 1, 2), 3), ((2, 2, 2), 1), ((1, 2, 2, 1), 1), ((1,) * 5, 1)],
    ids=str,
)
def test_symbols_agree_with_sympy_diff(widths: tuple[int, ...], c: str | int) -> None:
    """The entrywise risk (c/n)|Y - X Wᵀ|², n = 1, differentiated in every scalar symbol, data symbolic too."""
    depth = len(widths) - 1
    weights = [symbolic(f"w{k}", a, b) for k, (a, b) in enumerate(zip(widths[1:], widths[:-1], strict=True))]
    x, y = symbolic("x", 1, widths[0]), symbolic("y", 1, widths[-1])
    w = sp.eye(widths[0])
    for W in weights:
        w = W * w
    c = sp.Rational(c)
    risk = sp.expand(c * (y - x * w.T).dot(y - x * w.T))
    theta = [entry for W in weights for entry in W]
    words = Chain(depth).derivatives(2 * c)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: x.T * x, words.gradient_in_w: 2 * c * (w * x.T - y.T) * x}
    directions = [symbolic(f"v{k}", *W.shape) for k, W in enumerate(weights)]

    gradient = sp.Matrix([risk.diff(t) for t in theta])
    hessian = gradient.jacobian(theta)
    assert (sp.Matrix([e for g in words.gradient for e in evaluate(g, values)]) - gradient).expand() == sp.zeros(len(theta), 1)
    blocks = sp.Matrix(sp.BlockMatrix([[evaluate(b, values) for b in row] for row in words.hessian]))
    assert (blocks - hessian).expand() == sp.zeros(len(theta))
    moved = values | dict(zip(words.directions, directions, strict=True))
    v = sp.Matrix([e for direction in directions for e in direction])
    assert (sp.Matrix([e for h in words.hvp for e in evaluate(h, moved)]) - hessian * v).expand() == sp.zeros(len(theta), 1)


@pytest.mark.parametrize("shape", ["U Uᵀ", "U Vᵀ", "U Uᵀ U", "U + U Vᵀ U"])
def test_other_maps_agree_with_sympy_diff(shape: str) -> None:
    """Maps in which a layer occurs twice or transposed; the risk is ⟨G, W - W₀⟩ + κ/2 tr((W - W₀) Σ (W - W₀)ᵀ) at W = W₀."""
    U, W = Factor("U", 2, 2), Factor("V", 2, 2)
    maps = {"U Uᵀ": U @ U.T, "U Vᵀ": U @ W.T, "U Uᵀ U": U @ U.T @ U, "U + U Vᵀ U": U + U @ W.T @ U}
    layers = (U, W) if "V" in shape else (U,)
    words = MapDerivatives(maps[shape], layers, sp.Integer(3))
    rng = np.random.default_rng(4)
    matrices = [symbolic(layer.name, 2, 2) for layer in layers]
    theta = [e for matrix in matrices for e in matrix]
    G, root = (sp.Matrix(numbers(rng, 2, 2).tolist()) for _ in range(2))
    at = dict(zip(theta, numbers(rng, len(theta)).tolist(), strict=True))
    w = evaluate(words.w, dict(zip(layers, matrices, strict=True)))
    moved = w - w.subs(at)
    risk = (G.T * moved).trace() + sp.Rational(3, 2) * (moved * root * root.T * moved.T).trace()
    values = {layer: matrix.subs(at) for layer, matrix in zip(layers, matrices, strict=True)}
    values |= {words.gradient_in_w: G, words.covariance: root * root.T}
    assert [e for g in words.gradient for e in evaluate(g, values)] == [risk.diff(t).subs(at) for t in theta]
    blocks = sp.Matrix(sp.BlockMatrix([[evaluate(b, values) for b in row] for row in words.hessian]))
    assert blocks == sp.hessian(risk, theta).subs(at)


# -- the catalogue's forms and hand cases --


def random_chain(widths: tuple[int, ...], seed: int = 5) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = [numbers(rng, a, b).astype(object) for a, b in zip(widths[1:], widths[:-1], strict=True)]
    X = numbers(rng, 4, widths[0]).astype(object)
    return weights, X.T @ X, numbers(rng, widths[-1], widths[0]).astype(object)


def run(weights: list[np.ndarray], top: int, bottom: int) -> np.ndarray:
    """W_top ... W_bottom."""
    size = weights[bottom - 1].shape[1] if bottom <= len(weights) else weights[-1].shape[0]
    total = np.eye(size, dtype=int).astype(object)
    for k in range(bottom, top + 1):
        total = weights[k - 1] @ total
    return total


def commutation(rows: int, cols: int) -> np.ndarray:
    """K_{p,q} with K vec(V) = vec(Vᵀ), vec stacking columns, V of shape (p, q)."""
    K = np.zeros((rows * cols, rows * cols), dtype=int)
    for i in range(rows):
        for j in range(cols):
            K[i * cols + j, j * rows + i] = 1
    return K


def stacking(rows: int, cols: int) -> np.ndarray:
    """The permutation from row by row to stacked columns."""
    return commutation(cols, rows)


@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 2, 2, 2), (2, 2, 3, 1), (3, 1, 2, 3, 2)], ids=str)
def test_blocks_are_the_catalogue_s_in_stacked_columns(widths: tuple[int, ...]) -> None:
    """H_kj = 2c (B_k Σ B_jᵀ) ⊗ (A_kᵀ A_j) + (M_kj ⊗ (A_kᵀ G B_jᵀ)) K_{d_j, d_{j-1}} for k > j."""
    weights, covariance, G = random_chain(widths)
    L, words = len(weights), derived(len(weights), 2)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: G}
    for k, j in [(row, column) for row in range(1, L + 1) for column in range(1, row + 1)]:
        A_k, A_j, B_k, B_j = run(weights, L, k + 1), run(weights, L, j + 1), run(weights, k - 1, 1), run(weights, j - 1, 1)
        expected = 2 * np.kron(B_k @ covariance @ B_j.T, A_k.T @ A_j)
        if k > j:
            expected = expected + np.kron(run(weights, k - 1, j + 1), A_k.T @ G @ B_j.T) @ commutation(widths[j], widths[j - 1])
        rows, cols = stacking(widths[k], widths[k - 1]), stacking(widths[j], widths[j - 1])
        assert np.array_equal(rows @ evaluate(words.hessian[k - 1][j - 1], values) @ cols.T, expected)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 7])
def test_widths_one_give_the_hand_formulas(depth: int) -> None:
    """c = 1, Σ = 1: H_kk = 2 Π_{i≠k} w_i², H_kj = 2 A_k A_j B_k B_j + 2 (w - w*) Π_{i≠j,k} w_i."""
    weights, target = sp.symbols(f"w1:{depth + 1}"), sp.Symbol("t")
    w, words = sp.Mul(*weights), derived(depth, 2)
    values = {layer: sp.Matrix([[x]]) for layer, x in zip(words.layers, weights, strict=True)}
    values |= {words.covariance: sp.Matrix([[1]]), words.gradient_in_w: sp.Matrix([[2 * (w - target)]])}
    for k, j in tuples(range(depth), repeat=2):
        without = [sp.Mul(*(x for i, x in enumerate(weights) if i not in (k, j)))] * 2
        if k == j:
            expected = 2 * without[0] ** 2
        else:
            expected = 2 * (w / weights[k]) * (w / weights[j]) + 2 * (w - target) * without[0]
        assert sp.expand(evaluate(words.hessian[k][j], values)[0, 0] - expected) == 0


def characteristic(matrix: np.ndarray) -> list:
    """Coefficients of det(λ - matrix), lowest first, after the zeros at λ = 0."""
    rows, cols = matrix.shape
    coefficients = fmpq_mat(rows, cols, [int(e) for e in matrix.reshape(-1)]).charpoly().coeffs()
    return coefficients[next(i for i, e in enumerate(coefficients) if e != 0) :]


@pytest.mark.parametrize("widths", [(3, 2), (2, 3, 1), (3, 2, 2), (2, 2, 3, 2), (3, 2, 2, 2, 1)], ids=str)
def test_nonzero_spectrum_and_trace_at_a_minimiser(widths: tuple[int, ...]) -> None:
    """At G = 0 the non-zero spectrum is that of 2c N (I ⊗ Σ), N = Σ_k (A_k A_kᵀ) ⊗ (B_kᵀ B_k) = J Jᵀ; tr H = 2c Σ_k tr(B_k Σ B_kᵀ) |A_k|²."""
    weights, covariance, G = random_chain(widths)
    L, words = len(weights), derived(len(weights), 2)
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: 0 * G}
    hessian = np.block([[evaluate(block, values) for block in row] for row in words.hessian])
    above, below = [run(weights, L, k + 1) for k in range(1, L + 1)], [run(weights, k - 1, 1) for k in range(1, L + 1)]
    N = sum(np.kron(a @ a.T, b.T @ b) for a, b in zip(above, below, strict=True))
    jacobian = np.concatenate([evaluate(block, values) for block in words.jacobian], axis=1)
    assert np.array_equal(jacobian @ jacobian.T, N)
    assert characteristic(hessian) == characteristic(2 * N @ np.kron(np.eye(widths[-1], dtype=int).astype(object), covariance))
    assert np.trace(hessian) == 2 * sum(np.trace(b @ covariance @ b.T) * np.sum(a * a) for a, b in zip(above, below, strict=True))


# -- named forms, values, printing --


class WithoutG(MapDerivatives):
    """Planted: the Hessian-vector product keeps its Gauss-Newton term only."""

    @property
    def hvp(self) -> tuple[WordSum, ...]:
        return tuple(substitute(row, {self.gradient_in_w: zero(*self.gradient_in_w.shape)}) for row in super().hvp)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_general_forms_unfold_to_the_derived_words(depth: int) -> None:
    chain = Chain(depth)
    assert chain.named_forms_hold(derived(depth, 2))
    assert not chain.named_forms_hold(MapDerivatives(2 * chain.w, chain.layers, sp.Integer(2)))
    assert not chain.named_forms_hold(WithoutG(chain.w, chain.layers, sp.Integer(2))) or depth == 1


def test_stacked_values_are_computed_one_by_one() -> None:
    rng, words = np.random.default_rng(6), derived(3, 2)
    shapes = [(2, 3), (2, 2), (1, 2)]
    weights = [rng.normal(size=(4, *shape)) for shape in shapes]
    covariance, G = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 1, 3))
    values = dict(zip(words.layers, weights, strict=True)) | {words.covariance: covariance, words.gradient_in_w: G}
    expressions: list[Algebra | KroneckerSum] = [*words.gradient, *(block for row in words.hessian for block in row)]
    for expression in expressions:
        stacked = evaluate(expression, values)
        alone = [evaluate(expression, {name: value[i] for name, value in values.items()}) for i in range(4)]
        np.testing.assert_allclose(np.broadcast_to(stacked, np.shape(alone)), alone, rtol=1e-13)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({A: np.ones((2, 3))}, InvalidArgument),
        ({A: np.ones((2, 3)), B: np.ones((2, 2))}, ShapeMismatch),
        ({A: np.ones((2, 3)), B: np.ones(3)}, ShapeMismatch),
    ],
)
def test_values_must_be_complete_and_fit(values: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        evaluate(A @ B, values)


def test_a_size_nobody_has_is_named() -> None:
    with pytest.raises(InvalidArgument, match="is a size no given matrix has"):
        evaluate(identity(p), {A: np.ones((2, 3))})


def test_coefficients_take_values_and_stay_exact() -> None:
    eta = sp.Symbol("eta")
    found = evaluate(eta**2 * A - sp.Rational(1, 3) * A, {A: np.array([[1, 2]])}, {eta: sp.Rational(1, 2)})
    assert found.tolist() == [[sp.Rational(-1, 12), sp.Rational(-1, 6)]]
    assert evaluate(A @ B, {A: sp.Matrix([[1, 2]]), B: sp.Matrix([3, 4])}) == sp.Matrix([[11]])
    huge = np.array([[2**40]])
    assert evaluate(S @ S, {S: huge}).tolist() == [[2**80]]


def test_printed_forms() -> None:
    forms = NamedForms(sp.Integer(2))
    lower = forms.block("k", "j", 1)
    first = r"2\,(A_{k}^{\top} A_{j}) \otimes (B_{k} \Sigma B_{j}^{\top})"
    assert latex(lower) == first + r" + \left((A_{k}^{\top} G B_{j}^{\top}) \otimes M_{kj}\right) K_{j}"
    source = "2.0 * np.kron(A[k].T @ A[j], B[k] @ Sigma @ B[j].T) + commuted(np.kron(A[k].T @ G @ B[j].T, M[k, j]), V[j].shape)"
    assert numpy_source(lower) == source
    assert latex(-A + zero(n, m)) == "-A"
    assert latex(zero(n, m)) == "0"
    assert str(matrix_of(A @ B, B)) == "1 (A) ⊗ (I)"


def test_only_words_know_matrices_by_name() -> None:
    """SymPy returns wrong derivatives by matrix symbols, some of them silently: no module may use them."""
    banned = {"MatrixSymbol", "MatrixExpr", "Trace", "matrix_derivative", "derive_by_array"}
    allowed = {("identities", "MatrixExpr")}  # to refuse it
    for path in (Path(__file__).resolve().parents[2] / "theorycheck").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        used |= {alias.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert {name for name in banned & used if (path.parent.name, name) not in allowed} == set(), path
