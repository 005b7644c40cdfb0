"""Data sets: the linear map from w to predictions, its adjoint, and the targets.

Shapes: X is ``(..., n, d)`` with samples as rows, y is ``(..., n)``, or ``(..., n, d_out)`` for several outputs. Leading axes of
both broadcast against each other and against those of θ: they hold many data sets at once. Arrays are copied and read-only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.certificates.arrays import balls
from theorycheck.dynamics.certificates.linear_algebra import factor
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_finite
from theorycheck.measured import EPS, in_balls, numbers

NOISE = 1000.0  # roundings of Xᵀy up to which a target has no signal: as many as a projection of ordinary conditioning leaves


@dataclass(frozen=True, eq=False, init=False)
class _Samples:
    """Inputs with targets, the common part of `Regression` and `Classification`."""

    X: np.ndarray
    y: np.ndarray
    several_outputs: bool = field(repr=False)

    def __init__(self, X: ArrayLike, y: ArrayLike, several_outputs: bool | None = None) -> None:
        X, y, several = _read_only(_finite("X", X)), _read_only(_finite("y", y)), several_outputs
        if X.ndim < 2 or 0 in X.shape:
            raise ShapeMismatch("X.shape", X.shape, "must be (..., n, d) with at least one sample and one input", "pass X with samples as rows")
        n = X.shape[-2]
        if several is None:
            several = y.ndim >= 2 and y.shape[-2] == n and (y.ndim >= X.ndim or y.shape[-1] != n)
        if y.ndim < 1 + several or y.shape[-1 - several] != n:
            raise ShapeMismatch("y.shape", y.shape, f"must be (..., {n}) or (..., {n}, d_out) for X of shape {X.shape}", "pass one target a sample")
        for name, value in (("X", X), ("y", y), ("several_outputs", bool(several))):
            object.__setattr__(self, name, value)
        try:
            _ = self.lanes
        except ValueError:
            raise ShapeMismatch(
                "y.shape", y.shape, f"must broadcast with X of shape {X.shape} in the leading axes", "repeat the smaller one"
            ) from None

    @property
    def samples(self) -> int:
        """n, the number of samples."""
        return self.X.shape[-2]

    @property
    def inputs(self) -> int:
        """d, the number of inputs."""
        return self.X.shape[-1]

    @property
    def outputs(self) -> int:
        """d_out, 1 for targets of shape ``(..., n)``."""
        return self.y.shape[-1] if self.several_outputs else 1

    @property
    def sample_axis(self) -> int:
        """Axis of the samples in targets and predictions, counted from the end."""
        return -2 if self.several_outputs else -1

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading axes: the shape of a family of data sets, ``()`` for one."""
        return np.broadcast_shapes(self.X.shape[:-2], self.y.shape[: self.sample_axis])

    def predictions(self, w: ArrayLike) -> np.ndarray:
        """X w, or X Wᵀ: w ``(..., d)`` or ``(..., d_out, d)`` -> the shape of targets."""
        w = numbers(w)
        return self.X @ np.swapaxes(w, -1, -2) if self.several_outputs else (self.X @ w[..., None])[..., 0]

    def pulled_back(self, slope: np.ndarray) -> np.ndarray:
        """The adjoint of `predictions`: a slope in the predictions -> the slope in w."""
        if self.several_outputs:
            return np.swapaxes(slope, -1, -2) @ self.X
        return (slope[..., None, :] @ self.X)[..., 0, :]

    def curvature(self, bend: np.ndarray) -> np.ndarray:
        """Xᵀ diag(bend) X, shape ``(..., d, d)``, for one bend a sample, shape ``(..., n)``."""
        return np.swapaxes(self.X, -1, -2) @ (bend[..., None] * self.X)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Σ = XᵀX/n, shape ``(..., d, d)``; not centred."""
        return _read_only(np.swapaxes(self.X, -1, -2) @ self.X / self.samples)

    @cached_property
    def correlation(self) -> np.ndarray:
        """Xᵀy/n, shape ``(..., d)`` or, transposed as w is, ``(..., d_out, d)``."""
        return _read_only(self.pulled_back(self.y) / self.samples)

    @cached_property
    def factor(self) -> np.ndarray:
        """F with FᵀF = Σ, shape ``(..., min(n, d), d)``: the triangular factor of X/√n. Exists for singular Σ too."""
        if in_balls():
            root = np.sqrt(balls(self.samples))
            return _read_only(self.X / root if self.samples <= self.inputs else factor(self.covariance))
        scaled = self.X / np.sqrt(self.samples)
        return _read_only(scaled if self.samples <= self.inputs else np.asarray(np.linalg.qr(scaled, mode="r")))

    @cached_property
    def along_times(self) -> Self:
        """The same data with one more leading axis behind the present ones, for states of shape ``(..., T, P)``."""
        X = self.X if self.X.ndim == 2 else self.X[..., None, :, :]
        y = self.y if self.y.ndim == -self.sample_axis else np.expand_dims(self.y, self.sample_axis - 1)
        return self._with(X, y)

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> Self:
        """Data sets of the lanes where `mask`, of shape `lanes`, is true, along one leading axis (none, if all share one data set)."""
        if not self.lanes:
            return self
        X = self.X if self.X.ndim == 2 else np.broadcast_to(self.X, (*lanes, *self.X.shape[-2:]))[mask]
        k = -self.sample_axis
        y = self.y if self.y.ndim == k else np.broadcast_to(self.y, (*lanes, *self.y.shape[-k:]))[mask]
        return self._with(X, y)

    @cached_property
    def least_squares(self) -> np.ndarray:
        """The minimiser of |y - X w|² of least norm, shape ``(..., d)`` or ``(..., d_out, d)``.

        By singular values; those below ``max(n, d) · eps`` times the largest count as zero. Exactly zero for targets without signal.
        """
        w = self.solved(self.y)
        return _read_only(w if in_balls() else np.where(self._signals[..., None], w, 0.0))

    @property
    def has_signal(self) -> bool:
        """Whether some target, of any lane, correlates with some input beyond rounding; else w* is zero."""
        return bool(np.any(self.correlation if in_balls() else self._signals))

    @cached_property
    def _signals(self) -> np.ndarray:
        """Which targets correlate with some input, shape ``(...)`` or ``(..., d_out)``.

        A correlation is zero where it is within `NOISE` times the rounding of sums of its size, |y| times the norm of a column of X: targets
        may have been made orthogonal to the inputs in floats.
        """
        columns, targets = np.linalg.norm(self.X, axis=-2), np.linalg.norm(self.y, axis=self.sample_axis)[..., None]
        rounding = (1 + 1 / self.samples) * EPS * targets * (columns[..., None, :] if self.several_outputs else columns)
        return np.asarray(np.any(np.abs(self.correlation) > NOISE * rounding, axis=-1))

    @cached_property
    def pseudo_inverse(self) -> np.ndarray:
        """X⁺, shape ``(..., d, n)``."""
        return _read_only(np.linalg.pinv(self.X, rcond=max(self.X.shape[-2:]) * EPS))

    def solved(self, targets: np.ndarray) -> np.ndarray:
        """The w of least norm whose predictions are nearest to the given targets."""
        inverse = self.pseudo_inverse
        return np.swapaxes(inverse @ targets, -1, -2) if self.several_outputs else (inverse @ targets[..., None])[..., 0]

    def _with(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Data of the same kind with other inputs and targets."""
        return replace(self, X=X, y=y)


@dataclass(frozen=True, eq=False, init=False)
class Regression(_Samples):
    """Inputs X with real targets y.

    Parameters
    ----------
    X : array_like, shape (..., n, d)
        Samples as rows.
    y : array_like, shape (..., n) or (..., n, d_out)
        Targets.
    several_outputs : bool or None
        Whether y has an axis of outputs. None infers it: where both readings fit, y with as many axes as X has one.

    Raises
    ------
    NotFinite, ShapeMismatch
        Where an entry is not finite, or the samples of X and y differ in number.

    Examples
    --------
    >>> Regression([[1.0], [2.0]], [2.0, 4.0]).least_squares
    array([2.])

    """


@dataclass(frozen=True, eq=False, init=False)
class Classification(_Samples):
    """Inputs X, shape ``(..., n, d)``, with labels y = ±1, shape ``(..., n)``.

    Raises
    ------
    NotFinite, ShapeMismatch, InvalidArgument
        Where an entry is not finite, the samples differ in number, or a label is neither 1 nor -1.

    """

    def __init__(self, X: ArrayLike, y: ArrayLike, several_outputs: bool | None = None) -> None:
        if several_outputs:
            raise InvalidArgument("several_outputs", True, "does not fit labels of two classes", "pass y of shape (..., n)")
        super().__init__(X, y, several_outputs=False)
        if not np.all(np.abs(self.y) == 1.0):
            raise InvalidArgument("y", self.y, "must hold labels 1 and -1 only", "pass np.where(positive, 1.0, -1.0)")


@dataclass(frozen=True, eq=False, init=False)
class MatrixSensing(_Samples):
    """Measurements y_i = <A_i, W> = tr(A_iᵀ W) of a matrix W of shape ``(rows, cols)``: regression on its entries.

    X holds the entries of every A_i row by row, shape ``(..., n, rows * cols)``; w is W flattened the same way.

    Parameters
    ----------
    A : array_like, shape (..., n, rows, cols)
        Measurement matrices.
    y : array_like, shape (..., n)
        What was measured.

    Raises
    ------
    NotFinite, ShapeMismatch
        Where an entry is not finite, or A and y do not fit each other.

    Examples
    --------
    >>> MatrixSensing([[[1.0, 0.0], [0.0, 1.0]]], [3.0]).predictions([1.0, 5.0, 5.0, 2.0])
    array([3.])

    """

    matrix_shape: tuple[int, int] = field(repr=False)

    def __init__(self, A: ArrayLike, y: ArrayLike) -> None:
        A = require_finite("A", A)
        if A.ndim < 3 or 0 in A.shape:
            raise ShapeMismatch("A.shape", A.shape, "must be (..., n, rows, cols) with at least one measurement", "pass one matrix a measurement")
        super().__init__(A.reshape(*A.shape[:-2], -1), y, several_outputs=False)
        object.__setattr__(self, "matrix_shape", A.shape[-2:])

    @property
    def A(self) -> np.ndarray:
        """The measurement matrices, shape ``(..., n, rows, cols)``."""
        return self.X.reshape(*self.X.shape[:-1], *self.matrix_shape)

    def _with(self, X: np.ndarray, y: np.ndarray) -> MatrixSensing:
        return MatrixSensing(X.reshape(*X.shape[:-1], *self.matrix_shape), y)


def _finite(name: str, value: ArrayLike) -> np.ndarray:
    """Finite floats, or exact and enclosed numbers in the scope of balls."""
    return balls(value) if in_balls() else require_finite(name, value)


def _read_only(array: np.ndarray) -> np.ndarray:
    array = balls(array).copy() if in_balls() else np.array(array, dtype=float)
    array.flags.writeable = False
    return array


def require_loss_and_data(loss: object, data: object) -> None:
    """Raise `InvalidArgument` unless these can be the loss and the data of an objective; a class where an instance must be is none."""
    if isinstance(loss, type) or not hasattr(loss, "slope"):
        raise InvalidArgument("loss", loss, "is no loss of predictions", "pass tc.SquaredLoss(), tc.LogisticLoss() or tc.ExponentialLoss()")
    if isinstance(data, type) or not hasattr(data, "inputs"):
        raise InvalidArgument("data", data, "is no data", "pass tc.Regression(X, y), tc.Classification(X, y) or tc.MatrixSensing(A, y)")
