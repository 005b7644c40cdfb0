"""Objectives: a risk in θ, its derivatives, and how far rounding may have moved each of them.

`Objective` joins a parametrization θ -> w, a loss of predictions, and data, by the chain rule:

    G = ∂R/∂w = Xᵀ slope,   K = Xᵀ diag(bend) X,   ∇R = Jᵀ G,   ∇²R = Jᵀ (I ⊗ K) J + Σ_i G_i ∇²w_i.

Everything broadcasts over leading axes of θ and of the data. Risks go through residuals, never through expanded squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theorycheck.dynamics.data import Classification, MatrixSensing, Regression, require_loss_and_data
from theorycheck.dynamics.prediction_objectives import PredictionObjective
from theorycheck.dynamics.risks import OfModelAndData as OfModelAndData
from theorycheck.dynamics.risks import SmoothRisk as SmoothRisk
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.measured import EPS, in_balls
from theorycheck.symbolic.kernels.bounded import bounded, euclidean
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.models import Flattened
from theorycheck.symbolic.parametrizations import Parametrization
from theorycheck.symbolic.predictors import Predictor


@dataclass(frozen=True)
class Objective(OfModelAndData):
    """The risk of a parametrised model on data.

    Parameters
    ----------
    model : Parametrization or Predictor
        θ -> w. Under `MatrixSensing` a matrix-valued model is taken as `Flattened`. A model that has predictions only, such as
        `TwoLayerReLU`, gives a `PredictionObjective`, which offers the same.
    loss : Loss
        Of predictions, with its constant.
    data : Regression, Classification or MatrixSensing
        What the predictions are compared with.

    Raises
    ------
    ShapeMismatch
        Where the data does not have the inputs or the outputs of the model.
    InvalidArgument
        For a model that has neither w nor predictions, or a loss that is not offered for several outputs.

    Examples
    --------
    >>> from theorycheck.symbolic.parametrizations import DeepLinear
    >>> objective = Objective(DeepLinear((1, 1, 1)), SquaredLoss(), Regression([[1.0]], [1.0]))
    >>> objective.risk([2.0, 1.0]), objective.gradient([2.0, 1.0])
    (np.float64(1.0), array([2., 4.]))

    """

    model: Parametrization
    loss: Loss
    data: Regression | Classification | MatrixSensing

    def __new__(cls, model: Any = None, loss: Any = None, data: Any = None) -> Any:
        """The objective through w(θ), or the one through predictions for a model that has only those."""
        if cls is Objective and not isinstance(model, Parametrization) and isinstance(model, Predictor):
            return PredictionObjective(model, loss, data)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if not isinstance(self.model, Parametrization):
            remedy = "pass a Parametrization, a Predictor such as TwoLayerReLU, or a Landscape where an objective is asked for"
            raise InvalidArgument("model", self.model, "has neither a map θ -> w(θ) nor predictions with derivatives", remedy)
        require_loss_and_data(self.loss, self.data)
        if isinstance(self.data, MatrixSensing) and len(self.model.shape) == 2:
            if self.model.shape != self.data.matrix_shape:
                rule = f"must end with {self.model.shape}, the shape of w of {self.model}"
                raise ShapeMismatch("A.shape", self.data.A.shape, rule, "pass one matrix of that shape a measurement")
            object.__setattr__(self, "model", Flattened(self.model))
        shape, data = self.model.shape, self.data
        if shape[-1] != data.inputs:
            raise ShapeMismatch("X.shape", data.X.shape, f"must end with the {shape[-1]} inputs of {self.model}", "pass X with samples as rows")
        expected = (data.samples, *shape[:-1])
        if (len(shape) == 2) is not data.several_outputs or (len(shape) == 2 and shape[0] != data.outputs):
            raise ShapeMismatch("y.shape", data.y.shape, f"must end with {expected} for {self.model}", "pass one target for every sample and output")
        if len(shape) == 2 and not isinstance(self.loss, SquaredLoss):
            raise InvalidArgument(
                "loss", self.loss, "is offered for models with one output only", "pass SquaredLoss() or a model with w of shape (d,)"
            )

    def predictions(self, theta: np.ndarray) -> np.ndarray:
        """Shape ``(..., n)`` or ``(..., n, d_out)``."""
        return self.data.predictions(self.model.w(theta))

    def risk(self, theta: np.ndarray) -> np.ndarray:
        """R(θ), shape ``(...)``."""
        return self.loss.risk(*self._compared(theta), sample_axis=self.data.sample_axis)

    def gradient_in_w(self, theta: np.ndarray) -> np.ndarray:
        """G = ∂R/∂w, the shape of w."""
        return self.data.pulled_back(self.loss.slope(*self._compared(theta), sample_axis=self.data.sample_axis))

    def curvature(self, theta: np.ndarray) -> np.ndarray:
        """K, shape ``(..., d_in, d_in)``: the Hessian of the risk in w is I ⊗ K. It is 2cΣ for the squared loss, whatever θ."""
        if isinstance(self.loss, SquaredLoss):
            return 2 * self.loss.c * self.data.covariance
        return self.data.curvature(self.loss.bend(*self._compared(theta)))

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""
        theta = self.model.checked(theta)
        return self.model.kernels.gradient(theta, self.gradient_in_w(theta))

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""
        theta = self.model.checked(theta)
        return self.model.kernels.hessian(theta, self.gradient_in_w(theta), self.curvature(theta))

    def hvp(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²R(θ) v without the matrix, shape ``(..., P)``."""
        theta, v = self.model.checked(theta), self.model.checked(v)
        return self.model.kernels.hvp(theta, self.gradient_in_w(theta), self.curvature(theta), v)

    def risk_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the rounding error of `risk`, shape ``(...)``."""
        if in_balls():
            return np.zeros(np.shape(theta)[:-1])
        prediction, y = self._compared(theta)
        moved, axis = self.prediction_error(theta), self.data.sample_axis
        slope, bend = (np.abs(f(prediction, y, sample_axis=axis)) for f in (self.loss.slope, self.loss.bend))
        by_prediction = np.sum(slope * moved + bend * moved**2, axis=tuple(range(axis, 0)))
        return by_prediction + (self.data.samples * self.data.outputs + 8) * EPS * np.abs(self.risk(theta))

    def gradient_in_w_and_error(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G, and a bound on the norm of its rounding error, shape ``(...)``."""
        (prediction, y), axis = self._compared(theta), self.data.sample_axis
        slope, bend = (f(prediction, y, sample_axis=axis) for f in (self.loss.slope, self.loss.bend))
        moved = np.abs(bend) * self.prediction_error(theta) + (self.data.samples + 8) * EPS * np.abs(slope)
        return self.data.pulled_back(slope), np.sum(self._sizes * moved, axis=tuple(range(axis, 0)))

    def curvature_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the norm of the rounding error of `curvature`, shape ``(...)``."""
        if in_balls():
            return np.zeros(np.shape(theta)[:-1])
        prediction, y = self._compared(theta)
        bend = self.loss.bend(prediction, y, sample_axis=self.data.sample_axis)
        relative: np.ndarray | float = (self.data.samples + 8) * EPS
        if not isinstance(self.loss, SquaredLoss):  # the third derivative is at most the second, for labels of size 1
            relative = relative + self.prediction_error(theta)
        moved = self._sizes**2 * bend * relative
        return np.sum(moved[..., 0] if self.data.several_outputs else moved, axis=-1)

    def gradient_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the norm of the rounding error of `gradient`, shape ``(...)``."""
        if in_balls():
            return np.zeros(np.shape(theta)[:-1])
        theta = self.model.checked(theta)
        return bounded(self.model.kernels).gradient_error(theta, *self.gradient_in_w_and_error(theta))

    def hessian_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the spectral norm of the rounding error of `hessian`, and on that of `hvp` for v of norm 1, shape ``(...)``."""
        if in_balls():
            return np.zeros(np.shape(theta)[:-1])
        theta = self.model.checked(theta)
        errors = (*self.gradient_in_w_and_error(theta), self.curvature(theta), self.curvature_error(theta))
        return bounded(self.model.kernels).hessian_error(theta, *errors)

    @cached_property
    def _sizes(self) -> np.ndarray:
        """Norms of the samples, in the shape of the targets or with one entry for all outputs."""
        norms = np.linalg.norm(self.data.X, axis=-1)
        return norms[..., None] if self.data.several_outputs else norms

    def _compared(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and targets, broadcast to common leading axes."""
        prediction, y, k = self.predictions(theta), self.data.y, -self.data.sample_axis
        if prediction.shape == y.shape:
            return prediction, y
        leading = np.broadcast_shapes(prediction.shape[:-k], y.shape[:-k])
        return np.broadcast_to(prediction, (*leading, *prediction.shape[-k:])), np.broadcast_to(y, (*leading, *y.shape[-k:]))

    def prediction_error(self, theta: np.ndarray) -> np.ndarray:
        """Bound on the rounding error of every prediction, in the shape of the targets or with one entry for all outputs."""
        if in_balls():
            return np.zeros(np.shape(theta)[:-1])
        theta = self.model.checked(theta)
        kernels, axes = bounded(self.model.kernels), len(self.model.shape)
        moved = kernels.w_error(theta) + (self.data.inputs + 1) * EPS * euclidean(kernels.w(theta), axes)
        return self._sizes * moved.reshape(*moved.shape, *(1,) * axes)
