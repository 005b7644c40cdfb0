"""Models that have predictions only: networks that are not linear in any w(θ).

`Predictor` is what an objective of predictions asks for: f_s(θ), one number a sample, with first and second derivatives in θ that hold
almost everywhere. Shapes: θ and v are ``(..., P)``, X is ``(..., n, d)``, a slope (one number a sample) is ``(..., n)``; leading axes
broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite, require_real, require_shape
from theorycheck.measured import EPS, Measured


@runtime_checkable
class Predictor(Protocol):
    """A model by its predictions f_s(θ); each `..._error` bounds rounding, to first order in eps."""

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""

    @property
    def inputs(self) -> int:
        """d, the number of inputs."""

    def checked(self, theta: ArrayLike) -> np.ndarray:
        """Return θ as float64 of shape ``(..., P)``, or raise `ShapeMismatch`."""

    def predict(self, theta: ArrayLike, X: ArrayLike) -> np.ndarray:
        """f, shape ``(..., n)``."""

    def jacobian(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """J = ∂f/∂θ, shape ``(..., n, P)``."""

    def gradient(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Jᵀ slope, shape ``(..., P)``."""

    def tangent(self, theta: np.ndarray, X: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v, shape ``(..., n)``."""

    def bent(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Σ_s slope_s ∇²f_s, shape ``(..., P, P)``."""

    def bent_along(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The same matrix times v, shape ``(..., P)``."""

    def predict_error(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Of every prediction, shape ``(..., n)``."""

    def jacobian_error(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """In the Euclidean norm of every row of J, shape ``(..., n)``."""

    def bent_error(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray, slope_error: np.ndarray) -> np.ndarray:
        """In the spectral norm, for slopes known up to `slope_error`, shape ``(...)``."""


@dataclass(frozen=True)
class TwoLayerReLU:
    """Two-layer network f(x) = Σ_j a_j σ(b_jᵀ x) with σ(z) = z for z > 0 and slope · z for z <= 0; no biases.

    θ = (B, a): B of shape ``(hidden, inputs)`` row by row, then a of shape ``(hidden,)``. The kinks are where a pre-activation b_jᵀ x_s
    is zero. Convention there: σ'(0) = slope. Derivatives are those of the linear piece that this selects, so the second one has no
    part from the kinks: it is the Hessian almost everywhere. Error bars include the jump where rounding leaves the piece open.

    Parameters
    ----------
    inputs, hidden : int
        d and the number of units.
    slope : float
        Of σ below zero: 0 for the plain ReLU, 1 for a linear network.

    Examples
    --------
    >>> model = TwoLayerReLU(inputs=1, hidden=2)
    >>> model.predict([1.0, -1.0, 2.0, 5.0], [[3.0], [-1.0]])
    array([6., 5.])
    >>> model.kink_distance([1.0, -1.0, 2.0, 5.0], [[3.0], [-1.0]]).value
    array(1.)

    """

    inputs: int
    hidden: int
    slope: float = 0.0

    def __post_init__(self) -> None:
        for name in ("inputs", "hidden"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise InvalidArgument(name, size, "must be a positive whole number", "pass TwoLayerReLU(inputs=2, hidden=3)")
        if require_finite("slope", self.slope).ndim:
            raise InvalidArgument("slope", self.slope, "must be one number", "pass slope=0.0 for the plain ReLU")

    @property
    def parameters(self) -> int:
        """P = hidden (inputs + 1)."""
        return self.hidden * (self.inputs + 1)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The entries of θ, in order."""
        inner = [f"b{j}_{i}" for j in range(1, self.hidden + 1) for i in range(1, self.inputs + 1)]
        return tuple(sp.Symbol(name, real=True) for name in [*inner, *(f"a{j}" for j in range(1, self.hidden + 1))])

    @cached_property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The exact map of every linear piece, w_j = a_j b_j row by row: predictions are Σ_j σ'(b_jᵀ x) w_jᵀ x.

        Every gradient is a combination of ∇w_ji, so what their flows conserve, all gradient flows conserve, across the kinks.
        """
        inner, outer = self.symbols[: self.hidden * self.inputs], self.symbols[self.hidden * self.inputs :]
        return tuple(outer[k // self.inputs] * b for k, b in enumerate(inner))

    def checked(self, theta: ArrayLike) -> np.ndarray:
        """Return θ as float64 of shape ``(..., P)``, or raise `ShapeMismatch`."""
        return require_shape("theta", require_real("theta", theta), (self.parameters,), f"{self} has {self.parameters} parameters")

    def layers(self, theta: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """B and a as views of θ, of shapes ``(..., hidden, inputs)`` and ``(..., hidden)``."""
        theta, end = self.checked(theta), self.hidden * self.inputs
        return theta[..., :end].reshape(*theta.shape[:-1], self.hidden, self.inputs), theta[..., end:]

    def pre_activations(self, theta: ArrayLike, X: ArrayLike) -> Measured:
        """b_jᵀ x_s, shape ``(..., n, hidden)``."""
        (B, _), X = self.layers(theta), self._samples(X)
        return Measured(_products(X, B), (self.inputs + 2) * EPS * _products(np.abs(X), np.abs(B)))

    def kink_distance(self, theta: ArrayLike, X: ArrayLike) -> Measured:
        """Least |b_jᵀ x_s|, shape ``(...)``: zero at the kinks of the predictions on X."""
        Z = self.pre_activations(theta, X)
        return Measured(np.min(np.abs(Z.value), axis=(-2, -1)), np.max(Z.error, axis=(-2, -1)))

    def predict(self, theta: ArrayLike, X: ArrayLike) -> np.ndarray:
        """Predictions: θ ``(..., P)``, X ``(..., n, inputs)`` -> ``(..., n)``."""
        _, A = self._units(theta, X)
        return (A @ self.layers(theta)[1][..., None])[..., 0]

    def jacobian(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """J = ∂f/∂θ, shape ``(..., n, P)``: rows (a_j σ'_sj x_s for every j, then σ_s1, ..., σ_sh)."""
        S, A = self._units(theta, X)
        _, a = self.layers(theta)
        inner = (S * a[..., None, :])[..., None] * self._samples(X)[..., :, None, :]
        return np.concatenate([inner.reshape(*inner.shape[:-2], -1), A], axis=-1)

    def gradient(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Jᵀ slope, shape ``(..., P)``."""
        S, A = self._units(theta, X)
        _, a = self.layers(theta)
        return _joined(a[..., None] * self._coupling(S, X, slope), (slope[..., None, :] @ A)[..., 0, :])

    def tangent(self, theta: np.ndarray, X: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v, shape ``(..., n)``."""
        S, A = self._units(theta, X)
        (_, a), (V, v_a) = self.layers(theta), self.layers(v)
        return np.asarray(((S * (self._samples(X) @ np.swapaxes(V, -1, -2))) @ a[..., None] + A @ v_a[..., None])[..., 0])

    def bent(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Σ_s slope_s ∇²f_s, shape ``(..., P, P)``: it couples b_j with a_j alone."""
        M = self._coupling(self._units(theta, X)[0], X, slope)
        h, end = self.hidden, self.hidden * self.inputs
        block = np.zeros((*M.shape[:-2], h, h, self.inputs))  # row a_j, columns b_j
        block[..., np.arange(h), np.arange(h), :] = M
        out, block = np.zeros((*M.shape[:-2], self.parameters, self.parameters)), block.reshape(*M.shape[:-2], h, end)
        out[..., end:, :end], out[..., :end, end:] = block, np.swapaxes(block, -1, -2)
        return out

    def bent_along(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The same matrix times v, shape ``(..., P)``."""
        M, (V, v_a) = self._coupling(self._units(theta, X)[0], X, slope), self.layers(v)
        return _joined(v_a[..., None] * M, np.sum(M * V, axis=-1))

    def predict_error(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Bound on the rounding error of every prediction, shape ``(..., n)``."""
        _, A = self._units(theta, X)
        a = np.abs(self.layers(theta)[1])[..., None]
        return ((self._activation_error(theta, X) + (self.hidden + 2) * EPS * np.abs(A)) @ a)[..., 0]

    def jacobian_error(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Bound on the error of every row of J in the Euclidean norm, jumps included, shape ``(..., n)``."""
        S, _ = self._units(theta, X)
        _, a = self.layers(theta)
        inner = np.abs(a)[..., None, :] * (self._jump(theta, X) + 2 * EPS * np.abs(S)) * self._sizes(X)[..., None]
        return np.sqrt(np.sum(inner**2 + self._activation_error(theta, X) ** 2, axis=-1))

    def bent_error(self, theta: np.ndarray, X: np.ndarray, slope: np.ndarray, slope_error: np.ndarray) -> np.ndarray:
        """Bound on the error of `bent` in the spectral norm, jumps included, shape ``(...)``."""
        S, g = np.abs(self._units(theta, X)[0]), np.abs(slope)[..., None]
        roundings = (np.shape(X)[-2] + self.inputs + 4) * EPS
        moved = slope_error[..., None] * S + g * (self._jump(theta, X) * (1 + roundings) + roundings * S)
        return np.sqrt(np.sum(np.sum(moved * self._sizes(X)[..., None], axis=-2) ** 2, axis=-1))

    def _units(self, theta: ArrayLike, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """σ'(Z) and σ(Z), each of shape ``(..., n, hidden)``."""
        Z = _products(self._samples(X), self.layers(theta)[0])
        S = np.where(Z > 0, 1.0, np.where(np.isnan(Z), np.nan, self.slope))
        return S, S * Z

    def _coupling(self, S: np.ndarray, X: ArrayLike, slope: np.ndarray) -> np.ndarray:
        """Row j: Σ_s slope_s σ'_sj x_s, the derivative of b_j -> a_j into which both orders go; shape ``(..., hidden, inputs)``."""
        return np.swapaxes(np.asarray(slope)[..., None] * S, -1, -2) @ self._samples(X)

    def _jump(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """How far σ' may be off: the whole jump where rounding leaves the sign of a pre-activation open, else zero."""
        Z = self.pre_activations(theta, X)
        return np.where(np.abs(Z.value) < Z.error, abs(1 - self.slope), 0.0)

    def _activation_error(self, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        Z = self.pre_activations(theta, X)
        return max(1.0, abs(self.slope)) * (Z.error + EPS * np.abs(Z.value))

    def _sizes(self, X: ArrayLike) -> np.ndarray:
        return np.linalg.norm(self._samples(X), axis=-1)

    def _samples(self, X: ArrayLike) -> np.ndarray:
        X = np.asarray(X, dtype=float)
        if X.ndim < 2 or X.shape[-1] != self.inputs:
            raise ShapeMismatch("X.shape", X.shape, f"must end with (n, {self.inputs}) for {self}", "pass X with samples as rows")
        return X


def _products(X: np.ndarray, B: np.ndarray) -> np.ndarray:
    """b_jᵀ x_s for the rows of both."""
    return X @ np.swapaxes(B, -1, -2)


def _joined(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """(B, a) as θ is laid out."""
    return np.concatenate([inner.reshape(*inner.shape[:-2], -1), outer], axis=-1)
