"""Numbers of flat minima of deep linear regression, squared loss with c = 1; scalar output but for the last two.

Notation     Σ = XᵀX/n with largest eigenvalue Λ, w* the least-squares solution of least norm, z = Σ^{1/2} w*, L the depth,
             a = w*ᵀΣw*/|w*|². Any fit with `depth`, `covariance`, `root` and `w_star` will do. For several outputs T is the
             least-squares map, (σ, u, v) the top singular triple of TΣ^{1/2}.
Shapes       leading axes of the data are those of the numbers; `least_sharpness` takes one fit, `least_sharpness_of_each` a stack.
Source       Marion & Chizat (2024, arXiv:2405.13456), several outputs: Mulayoff & Michaeli (2020, arXiv:2002.04710); the exact least
             sharpness and the form for any Σ as in the project's catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from theorycheck.dynamics.convex import convex_minimum
from theorycheck.dynamics.curvature import top_eigenpair, top_eigenvalue
from theorycheck.measured import Measured


class Fit(Protocol):
    """Data and a depth."""

    @property
    def depth(self) -> int:
        """L."""

    @property
    def covariance(self) -> np.ndarray:
        """Σ, shape (d, d)."""

    @property
    def root(self) -> np.ndarray:
        """F with FᵀF = Σ."""

    @property
    def w_star(self) -> np.ndarray:
        """w*, shape (d,)."""


def target_scale(f: Fit) -> np.ndarray:
    """|w*|^(2-2/L): what one power of every layer but one is worth."""
    return np.linalg.norm(f.w_star, axis=-1) ** (2 - 2 / f.depth)


def curvature_along_target(f: Fit) -> np.ndarray:
    """a = w*ᵀΣw*/|w*|²."""
    energy = (f.w_star[..., None, :] @ f.covariance @ f.w_star[..., None])[..., 0, 0]
    return energy / np.sum(f.w_star * f.w_star, axis=-1)


def top_curvature(f: Fit) -> Measured:
    """Λ, the largest eigenvalue of Σ."""
    return top_eigenvalue(f.covariance)


def flat_bound(f: Fit) -> np.ndarray:
    """2 L |w*|^(2-2/L) a, the published lower bound on the sharpness of minimisers."""
    return 2.0 * f.depth * target_scale(f) * curvature_along_target(f)


def gram(f: Fit) -> np.ndarray:
    """FFᵀ with FᵀF = Σ: Σ in the coordinates of z."""
    return f.root @ np.swapaxes(f.root, -1, -2)


def rank_one(f: Fit) -> np.ndarray:
    """zzᵀ with z = F w*."""
    z = (f.root @ f.w_star[..., None])[..., 0]
    return z[..., :, None] * z[..., None, :]


def least_sharpness(f: Fit, gain: float = 1.0) -> tuple[float, Measured]:
    """The first gain t and the least sharpness: min over t > 0 of 2 λ_max(tΣ + (L-1)(g/t)^(1/(L-1)) zzᵀ), convex in log t.

    Here g = `gain` is |p|² where the network ends in a fixed vector p, and 1 where all layers are trained. For L ≥ 2 and w* ≠ 0.
    """
    sigma, power = gram(f), 1.0 / (f.depth - 1)
    zz = gain**power * rank_one(f)

    def oracle(log_t: np.ndarray) -> tuple[Measured, np.ndarray]:
        t = np.exp(log_t)[:, None, None]
        value, v = top_eigenpair(t * sigma + t**-power * zz / power)
        slopes = np.einsum("ki,kij,kj->k", v, t * sigma - t**-power * zz, v)
        return 2 * value, 2 * slopes

    middle = np.log(target_scale(f))
    height = float(top_eigenvalue(np.exp(middle) * sigma + np.exp(-middle * power) * zz / power))
    low = np.log(np.trace(zz) / power / height) / power
    log_t, value = convex_minimum(oracle, min(low, middle), max(np.log(height / float(top_curvature(f))), middle))
    return float(np.exp(log_t)), value


def balanced_sharpness(f: Fit) -> Measured:
    """S_bal = 2 |w*|^(2-2/L) λ_max(Σ + (L-1) zzᵀ/|w*|²), the sharpness of balanced minimisers."""
    square = np.sum(f.w_star * f.w_star, axis=-1, keepdims=True)[..., None]
    return 2 * target_scale(f) * top_eigenvalue(gram(f) + (f.depth - 1) * rank_one(f) / square)


def balanced_bound(f: Fit) -> Measured:
    """2 L Λ |w*|^(2-2/L), never below S_bal."""
    return 2 * f.depth * target_scale(f) * top_curvature(f)


@dataclass(frozen=True)
class Target:
    """What the numbers are made of, of one fit."""

    depth: int
    covariance: np.ndarray
    root: np.ndarray
    w_star: np.ndarray


def least_sharpness_of_each(f: Fit, gains: np.ndarray | float = 1.0) -> Measured:
    """The least sharpness of every fit of a stack along one leading axis, shape (B,)."""
    gains = np.broadcast_to(gains, f.w_star.shape[:-1])
    each = zip(f.covariance, f.root, f.w_star, gains.tolist(), strict=True)
    found = [least_sharpness(Target(f.depth, sigma, root, w), gain)[1] for sigma, root, w, gain in each]
    return Measured([float(m.value) for m in found], [float(m.error) for m in found])


def top_triple(T: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """σ and vᵀΣv of the top singular triple of TΣ^{1/2}, through TFᵀ with FᵀF = Σ; T of shape (..., d_L, d), or (..., d) for one output."""
    _, s, vt = np.linalg.svd((T if T.ndim == root.ndim else T[..., None, :]) @ np.swapaxes(root, -1, -2))
    v = vt[..., 0, :, None]
    return s[..., 0], (np.swapaxes(v, -1, -2) @ root @ np.swapaxes(root, -1, -2) @ v)[..., 0, 0]


def flat_bound_of_outputs(sigma: np.ndarray, depth: int, curvature: np.ndarray | float = 1.0, exponent: float = 2.0) -> np.ndarray:
    """2 L (vᵀΣv)^(1/L) σ^(2-2/L), the lower bound on the sharpness of minimisers with several outputs; vᵀΣv = `curvature`.

    Another `exponent` in place of the first 2 of the power makes other bounds, for falsehoods.
    """
    return 2 * depth * curvature ** (1 / depth) * sigma ** (exponent - 2 / depth)
