"""Objectives of models that have predictions only, such as networks with kinks.

    ∇R = Jᵀ slope,   ∇²R = Jᵀ diag(bend) J + Σ_s slope_s ∇²f_s,

with J = ∂f/∂θ and slope, bend the derivatives of the loss in the predictions. Where f has kinks these hold almost everywhere, with
the convention of the model on the kinks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.data import Classification, Regression, require_loss_and_data
from theorycheck.dynamics.risks import OfModelAndData
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.measured import EPS
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.predictors import Predictor


@dataclass(frozen=True)
class PredictionObjective(OfModelAndData):
    """The risk of a model on data, through its predictions alone.

    Parameters
    ----------
    model : Predictor
        θ -> one prediction a sample.
    loss : Loss
        Of predictions, with its constant.
    data : Regression or Classification
        What the predictions are compared with.

    Raises
    ------
    InvalidArgument
        For a model without `predict` and its derivatives.
    ShapeMismatch
        Where the data does not have the inputs of the model, or several outputs.

    Examples
    --------
    >>> from theorycheck.symbolic.predictors import TwoLayerReLU
    >>> objective = PredictionObjective(TwoLayerReLU(inputs=1, hidden=1), SquaredLoss(), Regression([[1.0]], [1.0]))
    >>> objective.gradient([2.0, 1.0])
    array([2., 4.])

    """

    model: Predictor
    loss: Loss
    data: Regression | Classification

    def __post_init__(self) -> None:
        if not isinstance(self.model, Predictor):
            raise InvalidArgument(
                "model", self.model, "does not offer what Predictor asks for", "pass TwoLayerReLU, or a Parametrization to Objective"
            )
        require_loss_and_data(self.loss, self.data)
        if self.data.inputs != self.model.inputs:
            rule = f"must end with the {self.model.inputs} inputs of {self.model}"
            raise ShapeMismatch("X.shape", self.data.X.shape, rule, "pass X with samples as rows")
        if self.data.several_outputs:
            raise ShapeMismatch("y.shape", self.data.y.shape, "must be (..., n), one target a sample", "pass Regression(X, y, several_outputs=False)")

    def predictions(self, theta: ArrayLike) -> np.ndarray:
        """Shape ``(..., n)``."""
        return self.model.predict(theta, self.data.X)

    def prediction_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the rounding error of every prediction, shape ``(..., n)``."""
        return self.model.predict_error(self.model.checked(theta), self.data.X)

    def risk(self, theta: ArrayLike) -> np.ndarray:
        """R(θ), shape ``(...)``."""
        return self.loss.risk(self.predictions(theta), self.data.y)

    def gradient(self, theta: ArrayLike) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""
        theta = self.model.checked(theta)
        return self.model.gradient(theta, self.data.X, self._slope(theta))

    def hessian(self, theta: ArrayLike) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""
        theta, X = self.model.checked(theta), self.data.X
        J = self.model.jacobian(theta, X)
        return np.swapaxes(J, -1, -2) @ (self._bend(theta)[..., None] * J) + self.model.bent(theta, X, self._slope(theta))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> np.ndarray:
        """∇²R(θ) v without the matrix, shape ``(..., P)``."""
        theta, v, X = self.model.checked(theta), self.model.checked(v), self.data.X
        along = self.model.gradient(theta, X, self._bend(theta) * self.model.tangent(theta, X, v))
        return along + self.model.bent_along(theta, X, self._slope(theta), v)

    def risk_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the rounding error of `risk`, shape ``(...)``."""
        theta = self.model.checked(theta)
        moved = self.prediction_error(theta)
        by_prediction = np.sum(np.abs(self._slope(theta)) * moved + np.abs(self._bend(theta)) * moved**2, axis=-1)
        return by_prediction + (self.data.samples + 8) * EPS * np.abs(self.risk(theta))

    def gradient_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the norm of the rounding error of `gradient`, shape ``(...)``."""
        theta, X = self.model.checked(theta), self.data.X
        size, off = self._row_norms(theta), self.model.jacobian_error(theta, X)
        slope = np.abs(self._slope(theta))
        return np.sum(self._slope_error(theta) * (size + off) + slope * (off + (self.data.samples + 4) * EPS * size), axis=-1)

    def hessian_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the spectral norm of the rounding error of `hessian`, and on that of `hvp` for v of norm 1, shape ``(...)``."""
        theta, X = self.model.checked(theta), self.data.X
        size, off, bend = self._row_norms(theta), self.model.jacobian_error(theta, X), np.abs(self._bend(theta))
        roundings = (2 * self.data.samples + self.parameters + 8) * EPS
        relative = roundings if isinstance(self.loss, SquaredLoss) else roundings + self.prediction_error(theta)
        first = np.sum(bend * (2 * off * size + off**2 + relative * (size + off) ** 2), axis=-1)
        return first + self.model.bent_error(theta, X, self._slope(theta), self._slope_error(theta))

    def _slope(self, theta: np.ndarray) -> np.ndarray:
        return self.loss.slope(self.predictions(theta), self.data.y)

    def _bend(self, theta: np.ndarray) -> np.ndarray:
        return self.loss.bend(self.predictions(theta), self.data.y)

    def _slope_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the error of `_slope`, entry by entry."""
        own = (self.data.samples + 8) * EPS * np.abs(self._slope(theta))
        return np.abs(self._bend(theta)) * self.prediction_error(theta) + own

    def _row_norms(self, theta: np.ndarray) -> np.ndarray:
        """Norms of the rows of J, shape ``(..., n)``."""
        return np.linalg.norm(self.model.jacobian(theta, self.data.X), axis=-1)
