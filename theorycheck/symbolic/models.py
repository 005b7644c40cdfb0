"""More parametrizations: matrix factorizations, residual networks, weight normalisation, and matrices read as vectors.

Convention   θ holds each factor flattened row by row, one factor after the other; matrix-valued w keep both axes, also of size 1.
Lowering     factorizations and residual networks are played from the tapes of their words; for their Hessians and error bounds they are
             deep linear networks with tied, shifted or frozen parameters. Any size, no compile. Their exact expressions are written out
             on request, up to `TERMS` terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.embedded import EmbeddedKernels
from theorycheck.symbolic.kernels.maps.flattened import FlattenedKernels
from theorycheck.symbolic.kernels.maps.weight_normalized import WeightNormalizedKernels
from theorycheck.symbolic.kernels.maps.word_maps import factorization_words, residual_words, symmetric_words
from theorycheck.symbolic.kernels.protocol import MapKernels
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.parametrizations import Parametrization, require_terms


@dataclass(frozen=True)
class MatrixFactorization(Parametrization):
    """Product w = U Vᵀ of shape ``(rows, cols)``; θ = (U, V) with U of shape ``(rows, rank)`` and V of shape ``(cols, rank)``.

    Examples
    --------
    >>> MatrixFactorization(rows=1, cols=2, rank=1).w([2.0, 3.0, 4.0])
    array([[6., 8.]])

    """

    rows: int
    cols: int
    rank: int

    def __post_init__(self) -> None:
        _require_sizes(self, "rows", "cols", "rank")

    @property
    def parameters(self) -> int:
        return (self.rows + self.cols) * self.rank

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.cols)

    def factors(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """U and V as views of θ, of shapes ``(..., rows, rank)`` and ``(..., cols, rank)``."""
        theta, end = self.checked(theta), self.rows * self.rank
        lead = theta.shape[:-1]
        return theta[..., :end].reshape(*lead, self.rows, self.rank), theta[..., end:].reshape(*lead, self.cols, self.rank)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return _entries("u", self.rows, self.rank) + _entries("v", self.cols, self.rank)

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        require_terms(self, self.rows * self.cols * self.rank)
        U, V = (sp.Matrix(n, self.rank, part) for n, part in ((self.rows, self._split[0]), (self.cols, self._split[1])))
        return tuple(U * V.T)

    @cached_property
    def kernels(self) -> MapKernels:
        # W_1 = Vᵀ comes first in the network, W_2 = U last
        first, last = self.rank * self.cols, self.rows * self.rank
        V = np.arange(first).reshape(self.rank, self.cols).T
        places = np.concatenate([first + np.arange(last), V.ravel()])
        tape = TapeKernels(factorization_words(self.rows, self.cols, self.rank), self.shape)
        return EmbeddedKernels(DeepLinearKernels((self.cols, self.rank, self.rows)), np.zeros(first + last), (places,), tape)

    @property
    def _split(self) -> tuple[tuple[sp.Symbol, ...], tuple[sp.Symbol, ...]]:
        end = self.rows * self.rank
        return self.symbols[:end], self.symbols[end:]


@dataclass(frozen=True)
class SymmetricFactorization(Parametrization):
    """Product w = U Uᵀ of shape ``(dim, dim)``; θ = U of shape ``(dim, rank)``.

    Examples
    --------
    >>> SymmetricFactorization(dim=2, rank=1).w([1.0, 3.0])
    array([[1., 3.],
           [3., 9.]])

    """

    dim: int
    rank: int

    def __post_init__(self) -> None:
        _require_sizes(self, "dim", "rank")

    @property
    def parameters(self) -> int:
        return self.dim * self.rank

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim, self.dim)

    def factor(self, theta: np.ndarray) -> np.ndarray:
        """U as a view of θ, shape ``(..., dim, rank)``."""
        theta = self.checked(theta)
        return theta.reshape(*theta.shape[:-1], self.dim, self.rank)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return _entries("u", self.dim, self.rank)

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        require_terms(self, self.dim**2 * self.rank)
        U = sp.Matrix(self.dim, self.rank, self.symbols)
        return tuple(U * U.T)

    @cached_property
    def kernels(self) -> MapKernels:
        count = self.parameters
        transposed = np.arange(count).reshape(self.rank, self.dim).T.ravel()
        places = (count + np.arange(count), transposed)
        tape = TapeKernels(symmetric_words(self.dim, self.rank), self.shape)
        return EmbeddedKernels(DeepLinearKernels((self.dim, self.rank, self.dim)), np.zeros(2 * count), places, tape)


@dataclass(frozen=True)
class ResidualLinear(Parametrization):
    """Deep linear residual network with a fixed output vector p: w = (I + V_1)ᵀ ... (I + V_L)ᵀ p, shape ``(dim,)``.

    The prediction for x is pᵀ W_L ... W_1 x with W_k = I + V_k. θ is V_1, ..., V_L, each of shape ``(dim, dim)``.

    Parameters
    ----------
    dim : int
        Width of all layers.
    depth : int
        L, the number of layers.
    output : sequence of float, length dim
        p. The exact map has its entries as the rational numbers they are.

    Examples
    --------
    >>> ResidualLinear(dim=1, depth=2, output=(2.0,)).w([0.5, 1.0])
    array([6.])

    """

    dim: int
    depth: int
    output: tuple[float, ...]

    def __init__(self, dim: int, depth: int, output: Sequence[float] | np.ndarray) -> None:
        vector = require_finite("output", output)
        object.__setattr__(self, "dim", dim)
        object.__setattr__(self, "depth", depth)
        _require_sizes(self, "dim", "depth")
        if vector.shape != (dim,):
            raise ShapeMismatch("output.shape", vector.shape, f"must be ({dim},)", "pass one number a unit of the last layer")
        object.__setattr__(self, "output", tuple(vector.tolist()))

    @property
    def parameters(self) -> int:
        return self.depth * self.dim**2

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim,)

    def layers(self, theta: np.ndarray) -> tuple[np.ndarray, ...]:
        """W_1, ..., W_L with W_k = I + V_k, each of shape ``(..., dim, dim)``."""
        theta = self.checked(theta)
        V = theta.reshape(*theta.shape[:-1], self.depth, self.dim, self.dim)
        return tuple(np.eye(self.dim) + V[..., k, :, :] for k in range(self.depth))

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(s for k in range(1, self.depth + 1) for s in _entries(f"v{k}_", self.dim, self.dim))

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        require_terms(self, self.dim * (self.dim + 1) ** self.depth)
        row, size = sp.Matrix([[sp.Rational(p) for p in self.output]]), self.dim**2
        for k in reversed(range(self.depth)):
            row = row * (sp.eye(self.dim) + sp.Matrix(self.dim, self.dim, self.symbols[k * size : (k + 1) * size]))
        return tuple(sp.expand(e) for e in row)

    @cached_property
    def kernels(self) -> MapKernels:
        base = np.concatenate([np.tile(np.eye(self.dim).ravel(), self.depth), self.output])
        network = DeepLinearKernels((self.dim,) * (self.depth + 1) + (1,))
        tape = TapeKernels(residual_words(self.dim, self.depth), self.shape, constants=np.array(self.output))
        return EmbeddedKernels(network, base, (np.arange(self.parameters),), tape)


@dataclass(frozen=True)
class WeightNormalized(Parametrization):
    """Weight normalisation w = g v/|v|, shape ``(dim,)``; θ = (g, v) with one gain g and a direction v of shape ``(dim,)``.

    Not defined at v = 0, where its values are not finite.

    Examples
    --------
    >>> WeightNormalized(dim=2).w([10.0, 3.0, 4.0])
    array([6., 8.])

    """

    dim: int

    def __post_init__(self) -> None:
        _require_sizes(self, "dim")

    @property
    def parameters(self) -> int:
        return self.dim + 1

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim,)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return (sp.Symbol("g", real=True), *(sp.Symbol(f"v{i}", real=True) for i in range(1, self.dim + 1)))

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        gain, *v = self.symbols
        if self.dim == 1:  # the norm is |v|, of which SymPy makes distributions
            return (sp.Piecewise((gain, v[0] > 0), (-gain, v[0] < 0)),)
        norm = sp.sqrt(sp.Add(*(x**2 for x in v)))
        return tuple(gain * x / norm for x in v)

    @cached_property
    def kernels(self) -> MapKernels:
        return WeightNormalizedKernels(self.dim)


@dataclass(frozen=True)
class Flattened(Parametrization):
    """The entries of a matrix-valued w, row by row, as a vector: what data with one scalar prediction a matrix compares with.

    Examples
    --------
    >>> Flattened(SymmetricFactorization(dim=2, rank=1)).w([1.0, 3.0])
    array([1., 3., 3., 9.])

    """

    source: Parametrization

    @property
    def parameters(self) -> int:
        return self.source.parameters

    @property
    def shape(self) -> tuple[int, ...]:
        return (prod(self.source.shape),)

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return self.source.symbols

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        return self.source.expressions

    @cached_property
    def kernels(self) -> MapKernels:
        return FlattenedKernels(self.source.kernels, self.source.shape)


def _entries(name: str, rows: int, cols: int) -> tuple[sp.Symbol, ...]:
    """Symbols of a matrix, row by row; indices are set apart where one of them has two digits."""
    between = "_" if max(rows, cols) > 9 else ""
    return tuple(sp.Symbol(f"{name}{i}{between}{j}", real=True) for i in range(1, rows + 1) for j in range(1, cols + 1))


def _require_sizes(model: Parametrization, *names: str) -> None:
    sizes = {name: getattr(model, name) for name in names}
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise InvalidArgument(name, size, "must be a positive whole number", f"pass {type(model).__name__}({', '.join(f'{n}=2' for n in names)})")
