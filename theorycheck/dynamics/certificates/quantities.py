"""Quantities of an objective at a point, in balls: the twins of `theorycheck.dynamics.quantities`."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorycheck.dynamics.certificates.arrays import balls
from theorycheck.dynamics.certificates.reals import OutsideBalls
from theorycheck.dynamics.certificates.stacks import top_eigenvalue
from theorycheck.measured import over
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear

PARAMETERS = 150  # above, a Hessian of balls is not formed


def risk(objective: Any, theta: np.ndarray) -> Any:
    """R(θ)."""
    return objective.risk(balls(theta))


def predictions(objective: Any, theta: np.ndarray) -> Any:
    """Predictions at θ."""
    return objective.predictions(balls(theta))


def end_to_end(objective: Any, theta: np.ndarray) -> Any:
    """The entries of w(θ), row by row."""
    theta = balls(theta)
    return objective.model.w(theta).reshape(*theta.shape[:-1], -1)


def gradient_norm(objective: Any, theta: np.ndarray) -> Any:
    """Euclidean norm of ∇R(θ)."""
    return np.linalg.norm(objective.gradient(balls(theta)), axis=-1)


def hessian_trace(objective: Any, theta: np.ndarray) -> Any:
    """Trace of ∇²R(θ)."""
    return np.trace(_hessian(objective, balls(theta)), axis1=-2, axis2=-1)


def sharpness(objective: Any, theta: np.ndarray) -> Any:
    """Largest eigenvalue of ∇²R(θ).

    Where a deep linear network under the squared loss is exactly critical in w, the second term of the Hessian is zero and
    (2c/n)(I ⊗ X) J Jᵀ (I ⊗ X)ᵀ has its non-zero spectrum; it is formed where it is smaller.
    """
    theta, data = balls(theta), objective.data
    if isinstance(objective.model, DeepLinear) and isinstance(objective.loss, SquaredLoss):
        small = data.samples * data.outputs < objective.parameters
        if small and theta.ndim == 1 and _exactly_zero(objective.gradient_in_w(theta)):
            kernels: Any = objective.model.kernels
            return top_eigenvalue(over(2 * objective.loss.c, data.samples) * kernels.gauss_newton(theta, data.X))
    return top_eigenvalue(_hessian(objective, theta))


def entries(matrices: tuple[np.ndarray, ...]) -> Any:
    """Entries of all matrices, row by row."""
    return balls(np.concatenate([m.reshape(*m.shape[:-2], -1) for m in matrices], axis=-1) if matrices else np.zeros(0))


def _hessian(objective: Any, theta: np.ndarray) -> np.ndarray:
    if objective.parameters > PARAMETERS:
        raise OutsideBalls(f"a Hessian of {objective.parameters} parameters is not formed in balls; certify an instance of at most {PARAMETERS}")
    return objective.hessian(theta)


def _exactly_zero(G: np.ndarray) -> bool:
    return all(x.exact == 0 for x in balls(G).ravel().tolist())
