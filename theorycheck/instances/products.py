"""Partial products of the layers of a deep linear network: W = A_k W_k B_k for every k, over leading axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def above(layers: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """A_1, ..., A_L with A_k = W_L ... W_{k+1} and A_L = I, of shapes (..., d_L, d_k)."""
    products = [_identity(layers[-1], -2)]
    for W in reversed(layers[1:]):
        products.append(products[-1] @ W)
    return tuple(reversed(products))


def below(layers: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """B_1, ..., B_L with B_k = W_{k-1} ... W_1 and B_1 = I, of shapes (..., d_{k-1}, d_0)."""
    products = [_identity(layers[0], -1)]
    for W in layers[:-1]:
        products.append(W @ products[-1])
    return tuple(products)


def between(layers: Sequence[np.ndarray], k: int, j: int) -> np.ndarray:
    """M_kj = W_{k-1} ... W_{j+1} for k > j (M_{j+1,j} = I), of shape (..., d_{k-1}, d_j); k and j count from 1."""
    product = _identity(layers[j - 1], -2)
    for W in layers[j : k - 1]:
        product = W @ product
    return product


def _identity(W: np.ndarray, axis: int) -> np.ndarray:
    """The identity of the size of an axis of W, for all its leading axes."""
    size = W.shape[axis]
    return np.broadcast_to(np.eye(size), (*W.shape[:-2], size, size))


def unflattened(widths: Sequence[int], theta: np.ndarray) -> tuple[np.ndarray, ...]:
    """W_1, ..., W_L from θ of shape (..., P), real or complex."""
    sizes = [a * b for a, b in zip(widths[1:], widths[:-1], strict=True)]
    parts = np.split(theta, np.cumsum(sizes)[:-1], axis=-1)
    return tuple(p.reshape(*theta.shape[:-1], a, b) for p, a, b in zip(parts, widths[1:], widths[:-1], strict=True))


def layer_norms(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Spectral norms of the layers, shape (..., L)."""
    return np.stack([np.linalg.norm(W, 2, axis=(-2, -1)) for W in layers], axis=-1)


def pair_products(norms: np.ndarray) -> np.ndarray:
    """The matrix P of the products of all numbers but two, P_kj = Π_{i≠k,j} norms_i and P_kk = 0; (..., L) to (..., L, L)."""
    n = norms.shape[-1]
    keep = (np.arange(n) != np.arange(n)[:, None])[:, None, :] & (np.arange(n) != np.arange(n)[:, None])[None, :, :]
    products: np.ndarray = np.where(keep, norms[..., None, None, :], 1.0).prod(axis=-1) * (1 - np.eye(n))
    return products


def padded_layers(widths: Sequence[int], cores: Sequence[np.ndarray]) -> np.ndarray:
    """θ, shape (..., P), of the layers with the given cores in their first rows and columns, zeros elsewhere."""
    parts = []
    for core, rows, cols in zip(cores, widths[1:], widths[:-1], strict=True):
        W = np.zeros((*core.shape[:-2], rows, cols))
        W[..., : core.shape[-2], : core.shape[-1]] = core
        parts.append(W.reshape(*W.shape[:-2], -1))
    return np.concatenate(parts, axis=-1)


def nuclear_norm(M: np.ndarray) -> np.ndarray:
    """The sum of the singular values, over leading axes."""
    total: np.ndarray = np.linalg.svd(M, compute_uv=False).sum(axis=-1)
    return total


def transposed(M: np.ndarray) -> np.ndarray:
    """The last two axes exchanged."""
    return np.swapaxes(M, -1, -2)


def kronecker(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kronecker products of matrices, over leading axes."""
    product = np.einsum("...ij,...kl->...ikjl", a, b)
    return product.reshape(*product.shape[:-4], a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1])
