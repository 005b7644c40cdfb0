"""Quantities: numbers read off an objective at a point, each with its error bar.

One signature: ``quantity(objective, theta, precision=None) -> Measured``, with θ of shape ``(..., P)`` and a value of the leading
shape (`balancedness` has one more axis). Bars cover residuals and rounding, to first order in eps, and are never zero.
What is not finite stays so.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from theorycheck.dynamics import curvature
from theorycheck.dynamics.certificates import quantities as enclosed
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.errors import InvalidArgument, ShapeMismatch, require_real
from theorycheck.measured import EPS, Measured, Precision, in_balls, in_force
from theorycheck.symbolic.kernels.bounded import bounded
from theorycheck.symbolic.models import ResidualLinear
from theorycheck.symbolic.parametrizations import DeepLinear

NEGLIGIBLE = 1e-12  # second term of the Hessian against the first, at which sharpness screens with the small matrix


class Quantity(Protocol):
    """A number read off an objective at a point."""

    def __call__(self, objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
        """Value and bar at θ."""


def risk(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """R(θ), shape ``(...)``."""
    if in_balls(precision):
        return enclosed.risk(objective, theta)
    theta = _points(objective, theta)
    return _measured(objective.risk(theta), objective.risk_error(theta))


def predictions(objective: Any, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """Predictions at θ with the bar of their rounding, shape ``(..., n)`` or ``(..., n, d_out)``."""
    if in_balls(precision):
        return enclosed.predictions(objective, theta)
    value = objective.predictions(theta)
    return _measured(value, np.broadcast_to(objective.prediction_error(theta), value.shape))


def end_to_end(objective: Any, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """The entries of w(θ), row by row, with the bar of their rounding, shape ``(..., m)``."""
    if in_balls(precision):
        return enclosed.end_to_end(objective, theta)
    theta = objective.model.checked(theta)
    w = objective.model.w(theta)
    value = w.reshape(*theta.shape[:-1], -1)
    return _measured(value, np.broadcast_to(bounded(objective.model.kernels).w_error(theta)[..., None], value.shape))


def gradient_norm(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """Euclidean norm of ∇R(θ), shape ``(...)``."""
    if in_balls(precision):
        return enclosed.gradient_norm(objective, theta)
    theta = _points(objective, theta)
    norm = np.linalg.norm(objective.gradient(theta), axis=-1)
    return _measured(norm, objective.gradient_error(theta) + objective.parameters * EPS * norm)


def hessian_trace(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """Trace of ∇²R(θ), shape ``(...)``.

    For a deep linear network the second term of the Hessian has no diagonal blocks, so the trace is 2c Σ_k tr(B_k Σ B_kᵀ) ‖A_k‖².
    """
    if in_balls(precision):
        return enclosed.hessian_trace(objective, theta)
    theta = _points(objective, theta)
    first = curvature.FirstTerm.of(objective)
    if first is not None:
        matrix, error = first.matrix(theta)
        return _measured(np.trace(matrix, axis1=-2, axis2=-1), error)
    diagonal = np.diagonal(objective.hessian(theta), axis1=-2, axis2=-1)
    error = objective.parameters * objective.hessian_error(theta)
    return _measured(diagonal.sum(axis=-1), error + objective.parameters * EPS * np.abs(diagonal).sum(axis=-1))


def sharpness(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """Largest *signed* eigenvalue of ∇²R(θ), shape ``(...)``.

    A deep linear network under the squared loss has, at a minimiser, a small matrix with the same top eigenvalue: it is used where
    the neglected term is bounded by 1e-12 of the value (100 times less a level of precision), and that bound goes into the bar.
    Elsewhere the Hessian is formed, up to 2,000 parameters, or reached through products by Lanczos; a product of matrices with one output
    and more than 48 parameters has Lanczos in the short range of its Hessian, warm-started where states follow each other closely.
    """
    if in_balls(precision):
        return enclosed.sharpness(objective, theta)
    theta = _points(objective, theta)
    value, error = np.full(theta.shape[:-1], np.nan), np.full(theta.shape[:-1], np.inf)
    left = np.ones(theta.shape[:-1], dtype=bool)
    first = curvature.FirstTerm.of(objective)
    hopeful = np.zeros_like(left) if first is None else ~first.hopeless(theta)
    if first is not None and hopeful.any():
        small, points = curvature.FirstTerm(first.model, first.loss, first.objective.chosen(left.shape, hopeful)), theta[hopeful]
        norms = small.kernels.norms(points)
        top, neglected = curvature.top_eigenvalue(*small.matrix(points, norms)), small.neglected(points, norms)
        value[hopeful], error[hopeful] = top.value, top.error + neglected
        left[hopeful] = ~(neglected <= in_force(precision).tightened(NEGLIGIBLE) * top.value)
    for mask in curvature.chunks(left.shape, objective.parameters):
        mask = mask & left
        if mask.any():
            found = _top(objective.chosen(left.shape, mask), theta[mask])
            closer = ~(found.error >= error[mask])
            value[mask], error[mask] = np.where(closer, found.value, value[mask]), np.where(closer, found.error, error[mask])
    return Measured(value, error)


def balancedness(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """All entries of the imbalances D_1, ..., D_{L-1} of a deep linear network, row by row, shape ``(..., Σ d_j²)``.

    They are conserved by gradient flow. `layer_imbalances` gives the matrices.
    """
    model = getattr(objective, "model", None)
    if not isinstance(model, DeepLinear):
        raise InvalidArgument("objective", objective, "has no layers", "pass an Objective of a DeepLinear model")
    if in_balls(precision):
        return enclosed.entries(layer_imbalances(model, theta))
    theta = _points(objective, theta)
    layers = model.layers(np.abs(theta))
    sizes = [np.swapaxes(V, -1, -2) @ V + W @ np.swapaxes(W, -1, -2) for W, V in pairwise(layers)]
    roundings = (max(model.widths) + 2) * EPS
    return _measured(_entries(layer_imbalances(model, theta), theta), roundings * _entries(tuple(sizes), theta))


def layer_imbalances(model: DeepLinear | ResidualLinear, theta: np.ndarray) -> tuple[np.ndarray, ...]:
    """D_j = W_{j+1}ᵀ W_{j+1} - W_j W_jᵀ for j = 1, ..., L-1, each of shape ``(..., d_j, d_j)``.

    Raises
    ------
    InvalidArgument
        If the model is no chain of layers.

    """
    if not isinstance(model, DeepLinear | ResidualLinear):
        raise InvalidArgument("model", model, "has no layers W_1, ..., W_L", "pass a DeepLinear or a ResidualLinear, such as `objective.model`")
    layers = model.layers(theta)
    return tuple(np.swapaxes(V, -1, -2) @ V - W @ np.swapaxes(W, -1, -2) for W, V in pairwise(layers))


def _top(objective: SmoothRisk, theta: np.ndarray) -> Measured:
    """Largest eigenvalue of the Hessian at θ ``(B, P)``, without the small matrix."""
    if isinstance(objective, Objective) and curvature.has_short_range(objective):
        found = curvature.ranged_top(objective, theta)
        return Measured(found.value, found.error + objective.hessian_error(theta) + objective.parameters * EPS * np.abs(found.value))
    if objective.parameters <= curvature.DENSE_PARAMETERS:
        return curvature.dense_top(objective, theta)
    one_by_one = np.eye(len(theta), dtype=bool)
    tops = [curvature.lanczos_top(objective.chosen((len(theta),), mask), theta[mask][0]) for mask in one_by_one]
    return Measured([float(top.value) for top in tops], [float(top.error) for top in tops])


def _points(objective: SmoothRisk, theta: np.ndarray) -> np.ndarray:
    """θ with the leading axes it has in common with the data."""
    theta, P = require_real("theta", theta), objective.parameters
    if theta.ndim < 1 or theta.shape[-1] != P:
        raise ShapeMismatch("theta.shape", theta.shape, f"must end with ({P},)", "pass one entry a parameter")
    return np.broadcast_to(theta, (*np.broadcast_shapes(theta.shape[:-1], objective.lanes), P))


def _measured(value: np.ndarray, error: np.ndarray) -> Measured:
    return Measured(value, np.maximum(error, curvature.TINY))


def _entries(matrices: tuple[np.ndarray, ...], theta: np.ndarray) -> np.ndarray:
    """Entries of all matrices, row by row, along one axis."""
    empty = np.zeros((*theta.shape[:-1], 0))
    return np.concatenate([empty, *(D.reshape(*D.shape[:-2], -1) for D in matrices)], axis=-1)
