r"""The Hessian of deep linear networks under the squared loss, in closed form (background of every other file).

Setting      W_k of shape (d_k, d_{k-1}), W = W_L ... W_1, R(θ) = (c/n) |Y - XWᵀ|², Σ = XᵀX/n, C = YᵀX/n, G = ∇_W R = 2c (WΣ - C);
             A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1, M_kj = W_{k-1} ... W_{j+1} (empty products are identities).
Convention   Any c (drawn: 1/2, 1, 3/2). Matrices are flattened row by row; K_j r(V) = r(Vᵀ) for V of the shape of W_j.
Results      gradient_eq                             ∇_{W_k} R = A_kᵀ G B_kᵀ
             hessian_eq_blocks                       H_kk = 2c (A_kᵀA_k) ⊗ (B_kΣB_kᵀ), and for k > j
                                                     H_kj = 2c (A_kᵀA_j) ⊗ (B_kΣB_jᵀ) + ((A_kᵀGB_jᵀ) ⊗ M_kj) K_j
             hessian_eq_first_term_of_minimiser      the term with G vanishes at minimisers
             hessian_eq_of_scalar_layers             widths 1: H_kk = 2cσ Π_{i≠k} w_i², H_kj = 2cσ A_kA_jB_kB_j + g Π_{i≠j,k} w_i
Not covered  Losses other than the squared one. What follows for spectrum and trace: `deep_linear_hessian_spectrum`.
"""

from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import above, below, between, deep_linear_fits, kronecker, transposed, unflattened
from theorycheck.instances.deep_linear import ScaledFit, with_constant

paper = tc.Source("Background", 2020, item="the Hessian of deep linear networks, derived in the project's catalogue")
STEP = 1e-40
fits = with_constant(deep_linear_fits(depth=(1, 5), width=(1, 3), dim=(1, 3), samples=(1, 5), outputs=(1, 3)))
chains = with_constant(deep_linear_fits(depth=(1, 12), width=(1, 1), dim=(1, 1), samples=(1, 4)))


# -- the closed forms --


def gradient(f: ScaledFit, layers: tuple[np.ndarray, ...], G: np.ndarray) -> np.ndarray:
    """A_kᵀ G B_kᵀ for every k, flattened; layers real or complex."""
    parts = [transposed(A) @ G @ transposed(B) for A, B in zip(above(layers), below(layers), strict=True)]
    return np.concatenate([part.reshape(*part.shape[:-2], -1) for part in parts], axis=-1)


def blocks(f: ScaledFit, layers: tuple[np.ndarray, ...], sigma: np.ndarray, G: np.ndarray, first=1.0, second=1.0, commuted=True) -> np.ndarray:
    """The matrix of all H_kj, with its two terms weighted by `first` and `second`, with or without K_j."""
    A, B, L = above(layers), below(layers), len(layers)

    def block(k, j):
        H = first * 2 * f.c * kronecker(transposed(A[k]) @ A[j], B[k] @ sigma @ transposed(B[j]))
        if k == j:
            return H
        cross = kronecker(transposed(A[k]) @ G @ transposed(B[j]), between(layers, k + 1, j + 1))
        if commuted:
            rows, cols = layers[j].shape[-2:]
            cross = transposed(cross.reshape(*cross.shape[:-1], cols, rows)).reshape(cross.shape)
        return H + second * cross

    lower = {(k, j): block(k, j) for k in range(L) for j in range(k + 1)}
    return np.concatenate(
        [np.concatenate([lower[k, j] if k >= j else transposed(lower[j, k]) for j in range(L)], axis=-1) for k in range(L)], axis=-2
    )


def complex_steps(f: ScaledFit) -> tuple[np.ndarray, ...]:
    """The layers at θ + i h e_p for every parameter p, along an axis behind the leading ones."""
    return unflattened(f.fit.widths, f.fit.theta[..., None, :] + 1j * STEP * np.eye(f.fit.model.parameters))


def largest(M: np.ndarray, axes: int) -> np.ndarray:
    """The largest entry over the last axes: a scale for what may cancel."""
    return abs(M).max(axis=tuple(range(-axes, 0)))


# -- hypotheses --

fitted = tc.Premise(
    "at_minimiser",
    "X W(θ)ᵀ = X Tᵀ, T the least-squares map",
    lambda f: tc.equal("X W(θ)ᵀ = X Tᵀ", tc.predictions(f.objective, f.fit.theta), f.fit.data.predictions(f.fit.data.least_squares)),
    enforce=lambda f: replace(f, fit=f.fit.solved_here()),
)


# -- claims, on stacks of fits --


def gradient_claim(f: ScaledFit, precision: tc.Precision, constant: bool = True) -> tc.Comparison:
    """A_kᵀ G B_kᵀ against complex steps of the risk."""
    *_, W = accumulate(complex_steps(f), lambda below, layer: layer @ below)
    misses = W @ transposed(f.fit.X)[..., None, :, :] - transposed(f.fit.y if f.fit.data.several_outputs else f.fit.y[..., None])[..., None, :, :]
    seen = (f.c if constant else 1.0) * (misses**2).sum(axis=(-2, -1)).imag / STEP / f.fit.data.samples
    sizes = tuple(map(abs, f.fit.layers))
    scale = largest(gradient(f, sizes, f.gradient_in_w(sizes, absolute=True)), 1)
    return tc.equal("∂R/∂W_k = A_kᵀ G B_kᵀ", seen, gradient(f, f.fit.layers, f.gradient_in_w(f.fit.layers)), scale=scale)


def blocks_claim(f: ScaledFit, precision: tc.Precision, halves: int = 0, **changes: float) -> tc.Comparison:
    """The blocks against complex steps of the gradient, and against the compiled Hessian; `halves` puts another constant in."""
    g, layers, steps = replace(f, halves=halves or f.halves), f.fit.layers, complex_steps(f)
    sigma, C, sizes = f.fit.covariance, f.correlation, tuple(map(abs, f.fit.layers))
    G = 2 * f.c * (steps[-1] @ below(steps)[-1] @ sigma[..., None, :, :] - C[..., None, :, :])
    seen = gradient(f, steps, G).imag / STEP
    closed = blocks(g, layers, sigma, g.gradient_in_w(layers), **changes)
    scale = largest(blocks(f, sizes, abs(sigma), f.gradient_in_w(sizes, absolute=True)), 2)
    return tc.all_of(tc.equal("H = blocks", seen, closed, scale=scale), tc.equal("∇²R = blocks", f.hessian, closed, scale=scale))


def first_term(f: ScaledFit, precision: tc.Precision) -> tc.Comparison:
    """H = its first term."""
    G = f.gradient_in_w(f.fit.layers)
    return tc.equal("H_kj = 2c (A_kᵀA_j) ⊗ (B_kΣB_jᵀ)", f.hessian, blocks(f, f.fit.layers, f.fit.covariance, G, second=0.0))


def chain_claim(f: ScaledFit, precision: tc.Precision, second: float = 1.0) -> tc.Comparison:
    """The formulas for widths 1, by products with one or two factors left out."""
    w, L, sigma = f.fit.theta, f.fit.depth, f.fit.covariance[..., 0, 0]
    g = f.gradient_in_w(f.fit.layers)[..., 0, 0]
    left_out = np.ones((L, L, L)) > 0
    left_out[np.arange(L), :, np.arange(L)] = left_out[:, np.arange(L), np.arange(L)] = False
    products = np.where(left_out, w[..., None, None, :], 1.0).prod(axis=-1)
    single = np.diagonal(products, axis1=-2, axis2=-1)
    closed = 2 * f.c * sigma[..., None, None] * single[..., :, None] * single[..., None, :] + second * g[..., None, None] * products * (1 - np.eye(L))
    return tc.equal("H_kj = 2cσ P_kP_j + g P_kj", f.hessian, closed)


# -- what algebra settles --


def word_identity() -> tc.Identity:
    """The second variation of W in W_k and W_j is A_k V_k M_kj V_j B_j, for layers of any size."""
    sizes = sp.symbols("d_L d_k d_{k-1} d_j d_{j-1} d_0")
    A, W, M, U, B = (tc.Factor(name, a, b) for name, a, b in zip("AWMUB", sizes[:-1], sizes[1:], strict=True))
    V, Z = tc.Factor("V", *W.shape), tc.Factor("Z", *U.shape)
    both = A @ (W + V) @ M @ (U + Z) @ B - A @ (W + V) @ M @ U @ B - A @ W @ M @ (U + Z) @ B + A @ W @ M @ U @ B
    return tc.Identity(both, A @ V @ M @ Z @ B)


def entrywise(widths: tuple[int, ...]) -> tc.Identity:
    """SymPy's Hessian of c tr((W - T)Σ(W - T)ᵀ) against the blocks, entry by entry."""
    L, c = len(widths) - 1, sp.Symbol("c")
    layers = [sp.Matrix(b, a, lambda i, j, k=k: sp.Symbol(f"w{k + 1}_{i}{j}")) for k, (a, b) in enumerate(pairwise(widths))]
    T = sp.Matrix(widths[-1], widths[0], lambda i, j: sp.Symbol(f"t_{i}{j}"))
    sigma = sp.Matrix(widths[0], widths[0], lambda i, j: sp.Symbol(f"s_{min(i, j)}{max(i, j)}"))

    def run(k, j):  # W_k ... W_j, counting from 1
        return sp.Mul(*(layers[i] for i in range(k - 1, j - 2, -1))) if k >= j else sp.eye(widths[k])

    miss = run(L, 1) - T
    G, parameters = 2 * c * miss * sigma, [w for W in layers for w in W]

    def block(k, j):
        A_k, A_j, B_k, B_j = run(L, k + 1), run(L, j + 1), run(k - 1, 1), run(j - 1, 1)
        H = 2 * c * sp.kronecker_product(A_k.T * A_j, B_k * sigma * B_j.T)
        if k == j:
            return H
        rows, cols = widths[j], widths[j - 1]
        K = sp.Matrix(rows * cols, rows * cols, lambda p, q: int((p % rows) * cols + p // rows == q))
        return H + sp.kronecker_product(A_k.T * G * B_j.T, run(k - 1, j + 1)) * K

    closed = sp.BlockMatrix([[block(k, j) if k >= j else block(j, k).T for j in range(1, L + 1)] for k in range(1, L + 1)]).as_explicit()
    return tc.Identity(sp.hessian(c * (miss * sigma * miss.T).trace(), parameters), closed)


gradient_eq = tc.Theorem("gradient_eq", paper, fits, (), gradient_claim, r"\nabla_{W_k} R = A_k^\top G B_k^\top", stacked=True)
hessian_eq_blocks = tc.Theorem(
    "hessian_eq_blocks",
    paper,
    fits,
    (),
    blocks_claim,
    r"H_{kj} = 2c \, (A_k^\top A_j) \otimes (B_k \Sigma B_j^\top) + ((A_k^\top G B_j^\top) \otimes M_{kj}) K_j",
    identities=(word_identity(), entrywise((2, 2, 1)), entrywise((1, 1, 1, 1, 1))),
    stacked=True,
)
hessian_eq_first_term_of_minimiser = tc.Theorem(
    "hessian_eq_first_term_of_minimiser",
    paper,
    fits,
    (fitted,),
    first_term,
    r"H_{kj} = 2c \, (A_k^\top A_j) \otimes (B_k \Sigma B_j^\top)",
    stacked=True,
)
hessian_eq_of_scalar_layers = tc.Theorem(
    "hessian_eq_of_scalar_layers",
    paper,
    chains,
    (),
    chain_claim,
    r"H_{kk} = 2 c \sigma \prod_{i \ne k} w_i^2, \quad H_{kj} = 2 c \sigma A_k A_j B_k B_j + g \prod_{i \ne j, k} w_i",
    identities=(entrywise((1, 1, 1, 1)),),
    stacked=True,
)

THEOREMS = (gradient_eq, hessian_eq_blocks, hessian_eq_first_term_of_minimiser, hessian_eq_of_scalar_layers)
FALSE = (
    gradient_eq.claiming("constant_forgotten", partial(gradient_claim, constant=False)),
    hessian_eq_blocks.claiming("without_commutation", partial(blocks_claim, commuted=False)),
    hessian_eq_blocks.claiming("first_term_only", partial(blocks_claim, second=0.0)),
    hessian_eq_blocks.claiming("constant_forgotten", partial(blocks_claim, halves=2)),
    hessian_eq_blocks.claiming("first_term_1_0002", partial(blocks_claim, first=1.0002)),
    hessian_eq_first_term_of_minimiser.without(fitted),
    hessian_eq_of_scalar_layers.claiming("first_term_only", partial(chain_claim, second=0.0)),
)
