"""Balancedness of deep linear networks as an identity of words: it holds for any widths, and for every loss of the product."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theorycheck.symbolic.matrix_words import Chain, as_sum


@lru_cache(maxsize=64)
def balance_holds(depth: int) -> bool:
    """Whether W_(k+1)ᵀ ∇_(W_(k+1)) R = ∇_(W_k) R W_kᵀ word by word for every k < L, with the gradient G of the risk in W opaque.

    Then W_(k+1)ᵀ W_(k+1) - W_k W_kᵀ is constant along gradient flow: its derivative is twice the symmetric part of the difference.

    Examples
    --------
    >>> balance_holds(5)
    True

    """
    chain = Chain(depth)
    gradient = chain.derivatives(sp.S.One).gradient
    sides = [(chain.layers[k + 1].T @ gradient[k + 1], gradient[k] @ chain.layers[k].T) for k in range(depth - 1)]
    return all(as_sum(left) == as_sum(right) for left, right in sides)
