r"""Spectrum and trace of the Hessian of deep linear networks under the squared loss (background of every other file).

The Hessian itself is in `deep_linear_hessian`.

Setting      W_k of shape (d_k, d_{k-1}), W = W_L ... W_1, R(θ) = (c/n) |Y - XWᵀ|², Σ = XᵀX/n; H = ∇²R, S = λ_max(H);
             A_k = W_L ... W_{k+1}, B_k = W_{k-1} ... W_1 (empty products are identities).
Convention   Any c (drawn: 1/2, 1, 3/2).
Results      spectrum_eq_small_matrix_of_minimiser   the non-zero spectrum is that of 2c (I ⊗ Σ^{1/2}) N (I ⊗ Σ^{1/2}),
                                                     N = Σ_k (A_kA_kᵀ) ⊗ (B_kᵀB_k)
             sharpness_eq_of_scalar_minimiser        S = 2c λ_max(Σ^{1/2} [Σ_k |q_k|² B_kᵀB_k] Σ^{1/2}) for one output, q_k = A_kᵀ
             trace_eq                                tr H = 2c Σ_k tr(B_kΣB_kᵀ) |A_k|² at every point, minimiser or not
Not covered  Losses other than the squared one; the spectrum away from minimisers.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import above, below, deep_linear_fits, kronecker, transposed
from theorycheck.instances.deep_linear import ScaledFit, with_constant

paper = tc.Source("Background", 2020, item="the Hessian of deep linear networks, derived in the project's catalogue")
fits = with_constant(deep_linear_fits(depth=(1, 5), width=(1, 3), dim=(1, 3), samples=(1, 5), outputs=(1, 3)))
scalar_fits = with_constant(deep_linear_fits(depth=(1, 12), width=(1, 3), dim=(1, 4), samples=(1, 6)))


# -- the closed forms --


def small_matrix(f: ScaledFit) -> np.ndarray:
    """2c (I ⊗ F) N (I ⊗ F)ᵀ with FᵀF = Σ."""
    N = sum(kronecker(A @ transposed(A), transposed(B) @ B) for A, B in zip(above(f.fit.layers), below(f.fit.layers), strict=True))
    F = kronecker(np.eye(f.fit.widths[-1]), f.fit.root)
    return 2 * f.c * F @ N @ transposed(F)


def traces(f: ScaledFit) -> np.ndarray:
    """Σ_k tr(B_kΣB_kᵀ) |A_k|²."""
    pairs = zip(above(f.fit.layers), below(f.fit.layers), strict=True)
    return sum(np.einsum("...ij,...jk,...ik->...", B, f.fit.covariance, B) * (A**2).sum(axis=(-2, -1)) for A, B in pairs)


# -- hypotheses --

fitted = tc.Premise(
    "at_minimiser",
    "X W(θ)ᵀ = X Tᵀ, T the least-squares map",
    lambda f: tc.equal("X W(θ)ᵀ = X Tᵀ", tc.predictions(f.objective, f.fit.theta), f.fit.data.predictions(f.fit.data.least_squares)),
    enforce=lambda f: replace(f, fit=f.fit.solved_here()),
)


# -- claims, on stacks of fits --


def spectrum(f: ScaledFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The eigenvalues of the Hessian and of the small matrix in descending order, the shorter list filled up with zeros."""
    H, small = f.hessian, small_matrix(f)
    lists = [np.linalg.eigvalsh(H.value), factor * np.linalg.eigvalsh(small)]
    size = max(values.shape[-1] for values in lists)
    padded = [np.sort(np.concatenate([v, np.zeros((*v.shape[:-1], size - v.shape[-1]))], axis=-1)) for v in lists]
    norm = np.linalg.norm(H.value, axis=(-2, -1))[..., None]
    bars = (H.error[..., 0, :1] + 2 * size * np.finfo(float).eps * norm, 4 * size * np.finfo(float).eps * norm)
    seen, closed = (tc.Measured(v, np.broadcast_to(bar, v.shape)) for v, bar in zip(padded, bars, strict=True))
    return tc.equal("spectrum of H", seen, closed)


def scalar_sharpness(f: ScaledFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S through one d_0 x d_0 matrix."""
    q = [(A**2).sum(axis=(-2, -1))[..., None, None] for A in above(f.fit.layers)]
    inner = sum(size * transposed(B) @ B for size, B in zip(q, below(f.fit.layers), strict=True))
    right = tc.top_eigenvalue(2 * f.c * f.fit.root @ inner @ transposed(f.fit.root))
    H = f.hessian
    return tc.equal("S = 2c λ_max(Σ^{1/2} [Σ_k |q_k|² B_kᵀB_k] Σ^{1/2})", tc.top_eigenvalue(H.value, H.error[..., 0, 0]), factor * right)


def trace_claim(f: ScaledFit, precision: tc.Precision, constant: float | None = None) -> tc.Comparison:
    """Tr H of the compiled Hessian."""
    H = f.objective.hessian(f.fit.theta)
    error = f.fit.model.parameters * f.objective.hessian_error(f.fit.theta)
    seen = tc.Measured(np.trace(H, axis1=-2, axis2=-1), error)
    return tc.equal("tr H = 2c Σ_k tr(B_kΣB_kᵀ) |A_k|²", seen, 2 * (constant or f.c) * traces(f))


# -- the theorems --

spectrum_eq_small_matrix_of_minimiser = tc.Theorem(
    "spectrum_eq_small_matrix_of_minimiser",
    paper,
    fits,
    (fitted,),
    spectrum,
    r"\mathrm{spec}(H) \setminus 0 = \mathrm{spec}\left(2c \, (I \otimes \Sigma^{1/2}) N (I \otimes \Sigma^{1/2})\right) \setminus 0",
    stacked=True,
)
sharpness_eq_of_scalar_minimiser = tc.Theorem(
    "sharpness_eq_of_scalar_minimiser",
    paper,
    scalar_fits,
    (fitted,),
    scalar_sharpness,
    r"S = 2c \, \lambda_{\max}\left(\Sigma^{1/2} \left[\sum_k |q_k|^2 B_k^\top B_k\right] \Sigma^{1/2}\right)",
    stacked=True,
)
trace_eq = tc.Theorem(
    "trace_eq", paper, fits, (), trace_claim, r"\mathrm{tr} \, H = 2c \sum_k \mathrm{tr}(B_k \Sigma B_k^\top) \, |A_k|_F^2", stacked=True
)

THEOREMS = (spectrum_eq_small_matrix_of_minimiser, sharpness_eq_of_scalar_minimiser, trace_eq)
FALSE = (
    spectrum_eq_small_matrix_of_minimiser.without(fitted),
    spectrum_eq_small_matrix_of_minimiser.claiming("factor_1_0002", partial(spectrum, factor=1.0002)),
    sharpness_eq_of_scalar_minimiser.without(fitted),
    sharpness_eq_of_scalar_minimiser.claiming("factor_1_0002", partial(scalar_sharpness, factor=1.0002)),
    trace_eq.claiming("constant_forgotten", partial(trace_claim, constant=1.0)),
)
FINDINGS = (
    tc.Finding(
        "the trace formula needs no minimiser",
        "tr H = 2c Σ_k tr(B_kΣB_kᵀ)|A_k|² at all points tried: the term with G has no diagonal blocks, while the Hessian and its "
        "spectrum do need one (their premise is refuted when dropped)",
        "theorycheck check deep_linear_hessian_spectrum/trace_eq deep_linear_hessian_spectrum/spectrum_eq_small_matrix_of_minimiser",
    ),
)
