"""What the tests of compiled maps share: maps of every kind, drawn arguments, calls by name, and plain products with their gradients."""

import numpy as np
import sympy as sp

from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard, QuadraticForms

FUNCTIONS = {"w": "", "jacobian": "", "gradient": "G", "tangent": "v", "hessian": "GK", "hvp": "GKv"}
a, b, c = sp.symbols("a b c", real=True)
MAPS = [
    Diagonal(2, 3),
    Hadamard(2),
    Entrywise((a, b), (sp.exp(a) * b, sp.sin(a - b) / (1 + b**2), sp.Integer(3))),
    Entrywise((a, b, c), (a * b**2 - c, sp.Integer(0), a)),
    QuadraticForms([[[2.0, 1.0], [1.0, 0.0]]]),
    QuadraticForms([np.diag([1.0, 2.0, -1.0]), np.ones((3, 3)), np.zeros((3, 3)), [[0.0, 0.5, 0.0], [0.5, 0.0, 3.0], [0.0, 3.0, 1.0]]]),
]


def numbers(shape: tuple[int, ...], seed: int, whole: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-3, 4, shape).astype(float) if whole else rng.standard_normal(shape)


def arguments(model, leading: tuple[int, ...] = (), seed: int = 0, whole: bool = False) -> dict[str, np.ndarray]:
    K = numbers((*leading, model.shape[-1], model.shape[-1]), seed + 3, whole)
    return {
        "theta": numbers((*leading, model.parameters), seed, whole),
        "G": numbers((*leading, *model.shape), seed + 1, whole),
        "v": numbers((*leading, model.parameters), seed + 2, whole),
        "K": K + np.swapaxes(K, -1, -2),
    }


def called(kernels, name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    return getattr(kernels, name)(given["theta"], *(given[letter] for letter in FUNCTIONS[name]))


def chain(widths: tuple[int, ...], theta: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Layers and their product, by plain products, in any kind of numbers."""
    layers, end, product = [], 0, np.eye(widths[0], dtype=theta.dtype)
    for rows, cols in zip(widths[1:], widths[:-1], strict=True):
        layers.append(theta[end : end + rows * cols].reshape(rows, cols))
        end += rows * cols
        product = layers[-1] @ product
    return layers, product


def slow_gradient(widths: tuple[int, ...], theta: np.ndarray, G: np.ndarray) -> np.ndarray:
    """A_kᵀ G B_kᵀ with both products made anew for every layer."""
    layers, _ = chain(widths, theta)
    parts = []
    for k in range(len(layers)):
        above, below = np.eye(widths[-1], dtype=theta.dtype), np.eye(widths[0], dtype=theta.dtype)
        for W in layers[:k:-1] if k + 1 < len(layers) else []:
            above = above @ W
        for W in layers[:k]:
            below = W @ below
        parts.append((above.T @ G.reshape(widths[-1], widths[0]) @ below.T).reshape(-1))
    return np.concatenate(parts)
