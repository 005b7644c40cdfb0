"""Derivatives in matrix words against entrywise calculus: exactly, at every depth up to 4 and all widths up to 3, and at random shapes."""

from itertools import product as tuples

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.word_chains import derived, numbers, random_chain
from theorycheck.symbolic.matrix_words import Chain, Factor, MapDerivatives, evaluate

SAMPLES = 3


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
