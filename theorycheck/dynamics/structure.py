"""Quantities of what a network has learnt: margins, ranks of the end-to-end matrix, alignment of its layers.

The signature, shapes and bars are those of `quantities`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from theorycheck.dynamics.data import Classification
from theorycheck.dynamics.objectives import SmoothRisk
from theorycheck.dynamics.quantities import end_to_end
from theorycheck.errors import InvalidArgument
from theorycheck.measured import EPS, Measured, Precision
from theorycheck.symbolic.kernels.bounded import euclidean
from theorycheck.symbolic.models import Flattened
from theorycheck.symbolic.parametrizations import DeepLinear

TINY = float(np.finfo(float).tiny)


def margin(objective: Any, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """The least y_i f(x_i; θ) over the samples, shape ``(...)``; positive where all are classified right.

    It is not normalised: divide by ‖θ‖^H for a model that is homogeneous of degree H, or by ‖w‖.

    Raises
    ------
    InvalidArgument
        For an objective whose targets are not labels.

    """
    data = getattr(objective, "data", None)
    if not isinstance(data, Classification):
        raise InvalidArgument("objective", objective, "has no labels ±1", "pass an objective on Classification(X, y)")
    value = objective.predictions(theta) * data.y
    error = np.broadcast_to(objective.prediction_error(theta), value.shape)
    least = np.min(value, axis=-1)
    lower, upper = np.min(value - error, axis=-1), np.min(value + error, axis=-1)
    return Measured(least, np.maximum(np.maximum(least - lower, upper - least), TINY))


def stable_rank(objective: Any, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """‖W‖_F²/‖W‖² of the end-to-end matrix W(θ), shape ``(...)``; between 1 and the rank, not defined for W = 0."""
    sizes, error = _spectrum(objective, theta, precision)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = sizes / sizes[..., :1]
        value = np.sum(share**2, axis=-1)
        relative = error / (sizes[..., 0] - error)
        roundings = (sizes.shape[-1] + 4) * EPS
        bar = 2 * np.sum(share * (1 + relative[..., None]), axis=-1) * 2 * relative + roundings * value
    return Measured(value, np.where(error < sizes[..., 0], bar, np.inf))


def effective_rank(objective: Any, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """exp(-Σ p_i log p_i) with p_i = σ_i/Σσ, σ the singular values of the end-to-end matrix, shape ``(...)``.

    Between 1 and the rank; not defined for W = 0. Source: Roy & Vetterli 2007.
    """
    sizes, error = _spectrum(objective, theta, precision)
    with np.errstate(invalid="ignore", divide="ignore"):
        share, off = sizes / sizes[..., :1], 2 * error / (sizes[..., 0] - error)  # of the largest; each share is off by at most this
        logs = np.where(share > 0, np.log(np.where(share > 0, share, 1.0)), 0.0)
        total, weight = np.sum(share, axis=-1), -np.sum(share * logs, axis=-1)
        value = np.exp(np.log(total) + weight / total)
        # |x log x - x' log x'| <= -e log e for e = |x - x'| <= 1/2, x and x' in [0, 1] (Fannes)
        moved = sizes.shape[-1] * (off - off * np.log(np.where(off > 0, off, 1.0)))
        apart = (sizes.shape[-1] * off * (1 + weight) + moved) / (total - sizes.shape[-1] * off) + (sizes.shape[-1] + 8) * EPS * (1 + weight)
        bar = value * np.expm1(apart)
    return Measured(value, np.where((error < sizes[..., 0]) & (sizes.shape[-1] * off < 0.5), bar, np.inf))


def alignment(objective: SmoothRisk, theta: np.ndarray, precision: Precision | None = None) -> Measured:
    """⟨u_k, v_{k+1}⟩² for k = 1, ..., L-1, shape ``(..., L-1)``: 1 where layers of a deep linear network are aligned.

    u_k is the top left singular vector of W_k, v_{k+1} the top right one of W_{k+1}. Where a top singular value is not simple beyond
    rounding, nothing is known, and the bar is 1.

    Raises
    ------
    InvalidArgument
        For an objective whose model is not `DeepLinear`.

    """
    model = getattr(objective, "model", None)
    if not isinstance(model, DeepLinear):
        raise InvalidArgument("objective", objective, "has no layers", "pass an Objective of a DeepLinear model")
    found = [np.linalg.svd(W, full_matrices=False) for W in model.layers(theta)]
    turns = [_turn(sizes, max(W)) for (_, sizes, _), W in zip(found, model.layer_shapes, strict=True)]
    values, bars = [], []
    for (below, above), turn in zip(pairwise(found), pairwise(turns), strict=True):
        cosine, error = np.abs(np.sum(below[0][..., :, 0] * above[2][..., 0, :], axis=-1)), turn[0] + turn[1]
        values.append(cosine**2)
        bars.append(np.minimum(1.0, 2 * error * cosine + error**2 + (below[0].shape[-2] + 4) * EPS))
    empty = np.zeros((*np.shape(theta)[:-1], 0))
    return Measured(np.stack(values, axis=-1), np.stack(bars, axis=-1)) if values else Measured(empty)


def _turn(sizes: np.ndarray, dimension: int) -> np.ndarray:
    """Angle by which rounding may have turned top singular vectors (Wedin), infinite where the gap is rounding."""
    rounding = 8 * dimension * EPS * sizes[..., 0]
    gap = sizes[..., 0] - (sizes[..., 1] if sizes.shape[-1] > 1 else 0.0)
    return np.where(gap > 4 * rounding, 2 * rounding / np.where(gap > 4 * rounding, gap, 1.0), np.inf)


def _spectrum(objective: Any, theta: np.ndarray, precision: Precision | None) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of the end-to-end matrix, descending, and how far each may be off (Weyl)."""
    model = getattr(objective, "model", None)
    shape = getattr(model.source if isinstance(model, Flattened) else model, "shape", ())
    if len(shape) != 2:
        raise InvalidArgument("objective", objective, "has no end-to-end matrix", "pass an objective of a model whose w(θ) is a matrix")
    w = end_to_end(objective, theta, precision)
    sizes = np.linalg.svd(w.value.reshape(*w.shape[:-1], *shape), compute_uv=False)
    return sizes, np.max(w.error, axis=-1) + 8 * max(shape) * EPS * euclidean(w.value, 1)
