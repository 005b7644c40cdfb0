"""Letters for matrix words, and chains of layers: their derived words, and whole numbers to put into them."""

from functools import lru_cache

import numpy as np
import sympy as sp

from theorycheck.symbolic.matrix_words import Chain, Factor, MapDerivatives

n, m, p = sp.symbols("n m p", integer=True, positive=True)
A, B = Factor("A", n, m), Factor("B", m, p)
S = Factor("S", n, n, symmetric=True)


def numbers(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.integers(1, 4, shape) * generator.choice([-1, 1], shape)


@lru_cache
def derived(depth: int, kappa: int) -> MapDerivatives:
    return Chain(depth).derivatives(sp.Integer(kappa))


def random_chain(widths: tuple[int, ...], seed: int = 5) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = [numbers(rng, a, b).astype(object) for a, b in zip(widths[1:], widths[:-1], strict=True)]
    X = numbers(rng, 4, widths[0]).astype(object)
    return weights, X.T @ X, numbers(rng, widths[-1], widths[0]).astype(object)
