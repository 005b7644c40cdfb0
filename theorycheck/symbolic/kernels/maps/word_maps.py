"""The models of the house as maps given by matrix words, at their sizes.

Words are derived once a kind and depth; at the same sizes a map is the same object, so its tapes are made once.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theorycheck.symbolic.kernels.tapes.lowering import WordMap
from theorycheck.symbolic.matrix_words import Chain, Factor, MapDerivatives, WordSum, identity, product
from theorycheck.symbolic.matrix_words.chains import width

n, m, r = (sp.Symbol(name, integer=True, positive=True) for name in "nmr")
U, V, OUTPUT = Factor("U", n, r), Factor("V", m, r), Factor("p", 1, n)
FACTORIZATION, SYMMETRIC = MapDerivatives(U @ V.T, (U, V)), MapDerivatives(U @ U.T, (U,))


@lru_cache(maxsize=256)
def deep_linear_words(widths: tuple[int, ...]) -> WordMap:
    """W = W_L ... W_1; θ is W_1, ..., W_L."""
    derivatives = _chain(len(widths) - 1)
    return WordMap(derivatives, derivatives.layers, {width(k): d for k, d in enumerate(widths)}, {}, ())


@lru_cache(maxsize=256)
def residual_words(dim: int, depth: int) -> WordMap:
    """W = pᵀ W_L ... W_1 with W_k = I + E_k and a constant p of shape ``(dim,)``; θ is E_1, ..., E_L."""
    derivatives, shifts, definitions = _residual(depth)
    return WordMap(derivatives, shifts, {n: dim}, definitions, (OUTPUT,))


@lru_cache(maxsize=256)
def factorization_words(rows: int, cols: int, rank: int) -> WordMap:
    """W = U Vᵀ; θ is U, V."""
    return WordMap(FACTORIZATION, FACTORIZATION.layers, {n: rows, m: cols, r: rank}, {}, ())


@lru_cache(maxsize=256)
def symmetric_words(dim: int, rank: int) -> WordMap:
    """W = U Uᵀ; θ is U."""
    return WordMap(SYMMETRIC, SYMMETRIC.layers, {n: dim, r: rank}, {}, ())


@lru_cache(maxsize=64)
def _chain(depth: int) -> MapDerivatives:
    return Chain(depth).derivatives()


@lru_cache(maxsize=64)
def _residual(depth: int) -> tuple[MapDerivatives, tuple[Factor, ...], dict[Factor, WordSum]]:
    """Derivatives in the W_k, the E_k, and the W_k in terms of them."""
    layers, shifts = (tuple(Factor(name, n, n, (k,)) for k in range(1, depth + 1)) for name in "WE")
    w = product((OUTPUT, *reversed(layers)), 1)
    return MapDerivatives(w, layers), shifts, {layer: identity(n) + shift for layer, shift in zip(layers, shifts, strict=True)}
