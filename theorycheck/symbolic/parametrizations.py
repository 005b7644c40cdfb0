"""Parametrizations θ -> w(θ): the exact map in SymPy, and the compiled one.

A parametrization is a frozen value. `symbols` and `expressions` are the exact map; `kernels` is the lowered one; `w` and
`predict` are the two numeric calls most readers need. A prediction is linear in w: ``X w`` for a vector w of shape
``(d,)``, ``X Wᵀ`` for a matrix of shape ``(d_out, d_in)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument, ShapeMismatch, TooLarge, require_finite, require_shape
from theorycheck.measured import numbers
from theorycheck.symbolic.kernels.maps.coordinatewise import PowerKernels, ProductKernels
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.kernels.networks.quadratic_forms import QuadraticKernels
from theorycheck.symbolic.kernels.protocol import MapKernels
from theorycheck.symbolic.real_symbols import read_as_real

TERMS = 20_000  # of all exact expressions of a map together, up to which they are written out


class Parametrization:
    """Base of the models that are linear in some w(θ)."""

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of w: ``(d,)`` or ``(d_out, d_in)``."""
        raise NotImplementedError

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The entries of θ, in order."""
        raise NotImplementedError

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The entries of w in the symbols, row by row."""
        raise NotImplementedError

    @cached_property
    def kernels(self) -> MapKernels:
        """The compiled map and its derivatives."""
        return EntrywiseKernels(self.symbols, self.expressions, self.shape)

    def w(self, theta: np.ndarray) -> np.ndarray:
        """w(θ): shape ``(..., P)`` -> ``(..., d)`` or ``(..., d_out, d_in)``."""
        return self.kernels.w(self.checked(theta))

    def predict(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Predictions: θ ``(..., P)``, X ``(..., n, d_in)`` -> ``(..., n)`` or ``(..., n, d_out)``."""
        w, X = self.w(theta), numbers(X)
        if X.shape[-1] != self.shape[-1]:
            raise ShapeMismatch("X.shape", X.shape, f"must end with the {self.shape[-1]} inputs of the model", "pass X with samples as rows")
        return X @ np.swapaxes(w, -1, -2) if len(self.shape) == 2 else (X @ w[..., None])[..., 0]

    def checked(self, theta: np.ndarray) -> np.ndarray:
        """Return θ as float64 of shape ``(..., P)``, or raise `ShapeMismatch`."""
        theta = numbers(theta, "theta")
        if theta.shape[-1:] == (self.parameters,):  # the message below prints expressions, which costs more than a gradient
            return theta
        return require_shape("theta", theta, (self.parameters,), f"{self} has {self.parameters} parameters")


@dataclass(frozen=True)
class DeepLinear(Parametrization):
    """Deep linear network w = W_L ... W_1 with widths (d_0, ..., d_L).

    θ is W_1, ..., W_L, each flattened row by row; W_k has shape ``(d_k, d_{k-1})``. w has shape ``(d_0,)`` when d_L = 1 and
    ``(d_L, d_0)`` otherwise.
    """

    widths: tuple[int, ...]

    def __init__(self, widths: Sequence[int]) -> None:
        if len(widths) < 2 or any(int(d) != d or d < 1 for d in widths):
            rule = "must be at least two positive whole numbers (d_0, ..., d_L)"
            raise InvalidArgument("widths", widths, rule, "pass DeepLinear(widths=(3, 2, 1))")
        widths = tuple(int(d) for d in widths)
        object.__setattr__(self, "widths", widths)

    @property
    def depth(self) -> int:
        """L, the number of layers."""
        return len(self.widths) - 1

    @property
    def parameters(self) -> int:
        return sum(a * b for a, b in self.layer_shapes)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.widths[0],) if self.widths[-1] == 1 else (self.widths[-1], self.widths[0])

    @property
    def layer_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes ``(d_k, d_{k-1})`` of W_1, ..., W_L."""
        return tuple(zip(self.widths[1:], self.widths[:-1], strict=True))

    def layers(self, theta: np.ndarray) -> tuple[np.ndarray, ...]:
        """W_1, ..., W_L as views of θ, each of shape ``(..., d_k, d_{k-1})``."""
        theta = self.checked(theta)
        ends = np.cumsum([prod(s) for s in self.layer_shapes])
        return tuple(theta[..., e - prod(s) : e].reshape(*theta.shape[:-1], *s) for e, s in zip(ends, self.layer_shapes, strict=True))

    def flat(self, layers: Sequence[np.ndarray]) -> np.ndarray:
        """θ of given layers: the inverse of `layers`."""
        return np.concatenate([numbers(W).reshape(*np.shape(W)[:-2], -1) for W in layers], axis=-1)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(
            sp.Symbol(f"w{k}_{i}{j}", real=True) for k, (a, b) in enumerate(self.layer_shapes, 1) for i in range(1, a + 1) for j in range(1, b + 1)
        )

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        require_terms(self, prod(self.widths))
        symbols, product = iter(self.symbols), sp.eye(self.widths[0])
        for a, b in self.layer_shapes:
            product = sp.Matrix(a, b, [next(symbols) for _ in range(a * b)]) * product
        return tuple(sp.expand(e) for e in product)

    @cached_property
    def kernels(self) -> MapKernels:
        return DeepLinearKernels(self.widths)


@dataclass(frozen=True)
class Diagonal(Parametrization):
    """Diagonal linear network w = u^D - v^D entrywise (``signed``), or w = u^D; θ = (u, v) or u."""

    dim: int
    depth: int
    signed: bool = True

    def __post_init__(self) -> None:
        if self.dim < 1 or self.depth < 1:
            raise InvalidArgument("dim, depth", (self.dim, self.depth), "must be positive", "pass Diagonal(dim=3, depth=2)")

    @property
    def parameters(self) -> int:
        return self.dim * (2 if self.signed else 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim,)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(f"{s}{i}", real=True) for s in ("uv" if self.signed else "u") for i in range(1, self.dim + 1))

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        u, v = self.symbols[: self.dim], self.symbols[self.dim :] or (sp.S.Zero,) * self.dim
        return tuple(a**self.depth - b**self.depth for a, b in zip(u, v, strict=True))

    @cached_property
    def kernels(self) -> MapKernels:
        return PowerKernels(self.dim, self.depth, self.signed)


@dataclass(frozen=True)
class Hadamard(Parametrization):
    """Entrywise product w = u ⊙ v; θ = (u, v)."""

    dim: int

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise InvalidArgument("dim", self.dim, "must be positive", "pass Hadamard(dim=3)")

    @property
    def parameters(self) -> int:
        return 2 * self.dim

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim,)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(f"{s}{i}", real=True) for s in "uv" for i in range(1, self.dim + 1))

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        return tuple(a * b for a, b in zip(self.symbols[: self.dim], self.symbols[self.dim :], strict=True))

    @cached_property
    def kernels(self) -> MapKernels:
        return ProductKernels(self.dim)


@dataclass(frozen=True)
class Entrywise(Parametrization):
    """The reader's own map: SymPy symbols θ and expressions w(θ), for small maps.

    Symbols that are not declared real are read as real: expressions are simplified accordingly, and stay in the symbols given.

    Examples
    --------
    >>> import sympy as sp
    >>> a, b = sp.symbols("a b", real=True)
    >>> Entrywise((a, b), (a * b, a**2)).w([2.0, 3.0])
    array([6., 4.])

    """

    inputs: tuple[sp.Symbol, ...]
    outputs: tuple[sp.Expr, ...]

    def __init__(self, parameters: Sequence[sp.Symbol] | sp.Symbol, expressions: Sequence[sp.Expr]) -> None:
        inputs = (parameters,) if isinstance(parameters, sp.Symbol) else tuple(parameters)
        outputs = tuple(sp.sympify(e) for e in expressions)
        if not inputs or not outputs:
            raise InvalidArgument("parameters, expressions", (inputs, outputs), "must not be empty", "pass at least one symbol and one expression")
        unknown = sorted({str(s) for e in outputs for s in e.free_symbols - set(inputs)})
        if unknown:
            raise InvalidArgument("expressions", outputs, f"use symbols that are not parameters: {', '.join(unknown)}", "add them to `parameters`")
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "outputs", tuple(read_as_real(inputs, e) for e in outputs))

    @property
    def parameters(self) -> int:
        return len(self.inputs)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.outputs),)

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return self.inputs

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        return self.outputs


@dataclass(frozen=True)
class QuadraticForms(Parametrization):
    """Quadratic forms w_i = θᵀ A_i θ/2 with symmetric A_i.

    Parameters
    ----------
    matrices : array_like, shape (d, P, P)
        The A_i. The exact map has them as the rational numbers they are: 0.1 as the nearest binary fraction.

    Examples
    --------
    >>> QuadraticForms([[[0.0, 1.0], [1.0, 0.0]]]).w([2.0, 3.0])
    array([6.])

    """

    matrices: tuple[tuple[tuple[float, ...], ...], ...]

    def __init__(self, matrices: ArrayLike) -> None:
        array = require_finite("matrices", matrices)
        if array.ndim != 3 or array.shape[1] != array.shape[2] or not array.size:
            raise ShapeMismatch("matrices.shape", array.shape, "must be (d, P, P)", "pass one square matrix an entry of w")
        if not np.array_equal(array, np.swapaxes(array, 1, 2)):
            raise InvalidArgument("matrices", array, "must be symmetric", "pass (A + Aᵀ)/2, which has the same quadratic form")
        object.__setattr__(self, "matrices", tuple(tuple(tuple(row) for row in matrix) for matrix in array.tolist()))

    @property
    def parameters(self) -> int:
        return len(self.matrices[0])

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.matrices),)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(f"t{k}", real=True) for k in range(1, self.parameters + 1))

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        require_terms(self, len(self.matrices) * self.parameters * (self.parameters + 1) // 2)
        pairs = [(i, j) for i in range(self.parameters) for j in range(i + 1)]
        products = {(i, j): self.symbols[i] * self.symbols[j] / (2 if i == j else 1) for i, j in pairs}
        return tuple(sp.Add(*(sp.Rational(matrix[i][j]) * products[i, j] for i, j in pairs)) for matrix in self.matrices)

    @cached_property
    def kernels(self) -> MapKernels:
        return QuadraticKernels(np.array(self.matrices))


def require_terms(model: Parametrization, terms: int) -> None:
    """Raise `TooLarge` where the exact expressions of a map would have more than `TERMS` terms together."""
    if terms > TERMS:
        remedy = "use a smaller shape; `w`, `predict` and `kernels` take any size, and so does `derive` for deep linear networks, by matrix words"
        raise TooLarge("terms", terms, f"exceed the {TERMS} terms up to which {type(model).__name__} is written out", remedy)
