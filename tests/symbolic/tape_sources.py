"""Maps of every kind in matrix words, for the tests of tapes: their kernels, and whole numbers to call them with."""

import numpy as np
import sympy as sp

from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words, factorization_words, residual_words, symmetric_words
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.kernels.tapes.lowering import WordMap
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, WordSum

n, m, r = sp.symbols("n m r", integer=True, positive=True)
U, V, C = Factor("U", n, r), Factor("V", m, r), Factor("C", n, m)
SUMS: dict[str, tuple[WordSum, tuple[Factor, ...]]] = {
    "2 U Vᵀ - 3 C": (2 * (U @ V.T) - 3 * C, (U, V)),
    "U Vᵀ + U Uᵀ C": (U @ V.T + U @ U.T @ C, (U, V)),
    "U Uᵀ U Vᵀ - 2 C Cᵀ U Vᵀ": (U @ U.T @ U @ V.T - 2 * (C @ C.T @ U @ V.T), (U, V)),
    "C V Vᵀ": (C @ V @ V.T, (V,)),
    "C": (WordSum.of(C.T.T.words, C.shape), (U,)),
}
FUNCTIONS = {"w": (), "gradient": ("G",), "tangent": ("v",), "hvp": ("G", "K", "v"), "second": ("v", "u")}


def sum_words(name: str, rows: int, cols: int, rank: int) -> WordMap:
    w, layers = SUMS[name]
    return WordMap(MapDerivatives(w, layers), layers, {n: rows, m: cols, r: rank}, {}, (C,))


def constants_of(source: WordMap) -> np.ndarray:
    """Whole numbers."""
    return np.random.default_rng(1).integers(-2, 3, source.entries(source.constants)).astype(float)


def kernels_of(source: WordMap) -> TapeKernels:
    return TapeKernels(source, shape_of(source), constants=constants_of(source))


def random_sources(count: int) -> list[tuple[str, WordMap]]:
    """Maps of every kind at random shapes."""
    rng, found = np.random.default_rng(20240513), []
    for number in range(count):
        a, b, k = (int(x) for x in rng.integers(1, 5, 3))
        widths = tuple(int(d) for d in rng.integers(1, 4, 2 + number % 6))
        found += [
            (f"chain {widths}", deep_linear_words(widths)),
            (f"U Vᵀ {a, b, k}", factorization_words(a, b, k)),
            (f"U Uᵀ {a, k}", symmetric_words(a, k)),
        ]
        found += [(f"residual {a, k}", residual_words(a, k))]
        found += [(f"{name} {a, b, k}", sum_words(name, a, b, k)) for name in SUMS]
    return found


def shape_of(source: WordMap) -> tuple[int, ...]:
    rows, cols = source.shape(source.derivatives.w)
    return (cols,) if rows == 1 else (rows, cols)


SOURCES = random_sources(8)


def given_for(source: WordMap, lanes: tuple[int, ...] = (), seed: int = 0, side: int | None = None) -> dict[str, np.ndarray]:
    """Whole numbers."""
    rng, P, cols = np.random.default_rng(seed), source.parameters, source.shape(source.derivatives.w)[1]
    shapes = {"theta": (P,), "v": (P,), "u": (P,), "G": shape_of(source), "K": (side or cols,) * 2}
    made = {name: rng.integers(-2, 3, (*lanes, *shape)) for name, shape in shapes.items()}
    return made | {"K": made["K"] + np.swapaxes(made["K"], -1, -2)}


def called(kernels: TapeKernels, name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    return getattr(kernels, name)(given["theta"], *(given[letter] for letter in FUNCTIONS[name]))
