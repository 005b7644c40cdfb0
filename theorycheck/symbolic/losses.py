"""Losses of predictions: the risk, its first and second derivative per prediction, numeric and exact.

Setting      a risk is a mean over n samples of ℓ(prediction, target); every loss here is a sum over the entries of a
             prediction, so its second derivative in the predictions is diagonal and has their shape.
Convention   1/n, never 1/2: the constant of the squared loss is the argument ``c``. `slope` and `bend` include the 1/n.
Shapes       predictions and targets end with ``(n,)`` (``sample_axis=-1``) or ``(n, d_out)`` (``sample_axis=-2``);
             leading axes broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike
from scipy.special import expit

from theorycheck.errors import InvalidArgument, ShapeMismatch, require_positive
from theorycheck.measured import numbers, over


@runtime_checkable
class Loss(Protocol):
    """What the exact and the numeric layer ask of a loss."""

    def risk(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        """(1/n) Σ ℓ, shape of the leading axes."""

    def slope(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        """d risk / d prediction, shape of the prediction."""

    def bend(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        """d² risk / d prediction², entry by entry, shape of the prediction."""

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        """ℓ of one entry, exact, without the 1/n."""

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        """dℓ / d prediction, exact."""

    def bend_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        """d²ℓ / d prediction², exact."""


@dataclass(frozen=True)
class SquaredLoss(Loss):
    """Squared loss: risk (c/n) |y - prediction|².

    Parameters
    ----------
    c : float
        The constant, positive: 1 for a plain mean of squares, 1/2 for the halved one, n/2 for half a sum.

    Examples
    --------
    >>> SquaredLoss().risk([1.0, 3.0], [0.0, 1.0])
    np.float64(2.5)

    """

    c: float = 1.0

    def __post_init__(self) -> None:
        if require_positive("c", self.c).ndim:
            raise InvalidArgument("c", self.c, "must be one number", "pass SquaredLoss(c=1.0)")
        object.__setattr__(self, "c", float(self.c))

    @property
    def constant(self) -> sp.Rational:
        """Return c as a rational number: the short one that rounds to it (1/10 for 0.1), else its exact binary value."""
        short = Fraction(self.c).limit_denominator(10_000)
        return sp.Rational(short if float(short) == self.c else Fraction(self.c))

    def risk(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return over(self.c, n) * np.sum((y - f) ** 2, axis=_entries(sample_axis))

    def slope(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return over(2 * self.c, n) * (f - y)

    def bend(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return np.full(np.broadcast_shapes(f.shape, y.shape), over(2 * self.c, n))

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return self.constant * (target - prediction) ** 2

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return 2 * self.constant * (prediction - target)

    def bend_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return 2 * self.constant


@dataclass(frozen=True)
class LogisticLoss(Loss):
    """Logistic loss: risk (1/n) Σ log(1 + exp(-y prediction)), targets ±1; no overflow at any finite margin.

    Examples
    --------
    >>> LogisticLoss().risk([-1000.0], [1.0])
    np.float64(1000.0)

    """

    def risk(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return np.sum(np.logaddexp(0.0, -y * f), axis=_entries(sample_axis)) / n

    def slope(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return -y * expit(-y * f) / n

    def bend(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        margin = y * f
        return y**2 * expit(margin) * expit(-margin) / n

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return sp.log(1 + sp.exp(-target * prediction))

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return -target / (1 + sp.exp(target * prediction))

    def bend_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return target**2 / ((1 + sp.exp(target * prediction)) * (1 + sp.exp(-target * prediction)))


@dataclass(frozen=True)
class ExponentialLoss(Loss):
    """Exponential loss: risk (1/n) Σ exp(-y prediction), targets ±1. Overflows to infinity, as it must, at margins below -709.

    Examples
    --------
    >>> ExponentialLoss().risk([0.0, 0.0], [1.0, -1.0])
    np.float64(1.0)

    """

    def risk(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return np.sum(np.exp(-y * f), axis=_entries(sample_axis)) / n

    def slope(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return -y * np.exp(-y * f) / n

    def bend(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, n = _samples(prediction, y, sample_axis)
        return y**2 * np.exp(-y * f) / n

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return sp.exp(-target * prediction)

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return -target * sp.exp(-target * prediction)

    def bend_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return target**2 * sp.exp(-target * prediction)


@dataclass(frozen=True)
class LinearLoss(Loss):
    """Linear loss ⟨c(t), w⟩ of an end-to-end vector, piecewise constant in time: what tells mirror flows from other flows.

    As a loss of predictions it is Σ target · prediction, with inputs I and targets c; `staged_flow` runs the pieces.

    Parameters
    ----------
    pieces : tuple of (duration, c)
        Durations are positive, every c has shape (d,).

    Examples
    --------
    >>> LinearLoss(((0.5, (1.0, 0.0)), (0.5, (0.0, -1.0)))).swapped().pieces
    ((0.5, (0.0, -1.0)), (0.5, (1.0, 0.0)))

    """

    pieces: tuple[tuple[float, tuple[float, ...]], ...]

    def __post_init__(self) -> None:
        pieces = tuple((float(duration), tuple(map(float, np.atleast_1d(c)))) for duration, c in self.pieces)
        if not pieces or any(not duration > 0 for duration, _ in pieces) or len({len(c) for _, c in pieces}) > 1:
            raise InvalidArgument("pieces", self.pieces, "must be (duration > 0, c) with one length of c", "pass LinearLoss(((1.0, (1.0, 0.0)),))")
        object.__setattr__(self, "pieces", pieces)

    def swapped(self) -> LinearLoss:
        """The same pieces in the reverse order: the same ∫c(t)dt, and so the same end for every mirror flow."""
        return LinearLoss(self.pieces[::-1])

    def risk(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, _ = _samples(prediction, y, sample_axis)
        return np.sum(y * f, axis=_entries(sample_axis))

    def slope(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, _ = _samples(prediction, y, sample_axis)
        return y + np.zeros_like(f)

    def bend(self, prediction: ArrayLike, y: ArrayLike, *, sample_axis: int = -1) -> np.ndarray:
        f, y, _ = _samples(prediction, y, sample_axis)
        return np.zeros_like(y + f)

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return target * prediction

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return target

    def bend_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return sp.S.Zero


def _entries(sample_axis: int) -> tuple[int, ...]:
    """Axes a risk sums over."""
    return tuple(range(sample_axis, 0))


def _samples(prediction: ArrayLike, y: ArrayLike, sample_axis: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Predictions and targets as float64, with n; their trailing axes must agree, so nothing broadcasts across samples."""
    if sample_axis not in (-1, -2):
        rule = "must be -1 for (..., n) or -2 for (..., n, d_out)"
        raise InvalidArgument("sample_axis", sample_axis, rule, "count the axis of the samples from the end")
    f, target = numbers(prediction), numbers(y)
    if min(f.ndim, target.ndim) < -sample_axis or f.shape[sample_axis:] != target.shape[sample_axis:]:
        sizes = "(n,)" if sample_axis == -1 else "(n, d_out)"
        rule = f"must end with the same {sizes} as the predictions of shape {f.shape}"
        raise ShapeMismatch("y.shape", target.shape, rule, "pass one target a prediction")
    return f, target, f.shape[sample_axis]
