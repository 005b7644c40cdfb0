"""Parametrizations of two weights whose gradient fields commute, three whose fields do not, and fits of one sample by any map of two weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import sympy as sp

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, recipe
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import Potential, legendre_potential

Model = Diagonal | Hadamard | Entrywise

_a, _b, _c, _d = sp.symbols("a b c d", real=True)
SQUARES, CUBES, QUARTICS = Diagonal(2, 2), Diagonal(2, 3), Diagonal(2, 4)
PRODUCT, POSITIVE = Hadamard(2), Diagonal(2, 2, signed=False)
FORMS = Entrywise((_a, _b, _c, _d), ((_a + _c) * (_b + _d), _a * _c + _b * _d))
COMMUTING: tuple[Model, ...] = (SQUARES, PRODUCT, CUBES, QUARTICS, POSITIVE, FORMS)

GRAM = Entrywise((_a, _b, _c, _d), (_a**2 + _b**2, _a * _c + _b * _d))  # the first row of UUᵀ
NEURON = Entrywise((_a, _b, _c), (_a * _b, _a * _c))  # one linear neuron with its output weight
_g, _u, _v = sp.symbols("g u v", real=True)
NORMALIZED = Entrywise((_g, _u, _v), (_g * _u / sp.sqrt(_u**2 + _v**2), _g * _v / sp.sqrt(_u**2 + _v**2)))  # weight normalisation


@dataclass(frozen=True)
class ParametrizedFit:
    """A parametrization w = G(θ) of two weights, a start, one sample (x, y), a direction; stacks along a leading axis.

    Parameters
    ----------
    model : Model
        G.
    start : ndarray, shape (..., P)
        θ_0.
    X : ndarray, shape (..., 1, 2)
        The sample, as a row.
    y : ndarray, shape (..., 1)
        Its target.
    push : ndarray, shape (..., 2)
        A direction in the space of w or of μ.

    """

    model: Model
    start: np.ndarray
    X: np.ndarray
    y: np.ndarray
    push: np.ndarray

    @property
    def potential(self) -> Potential:
        """R of the model from this start, with ∇R(G(θ_0)) = 0."""
        return legendre_potential(self.model, self.start)

    @property
    def objective(self) -> Objective:
        """|Xw - y|²/2 of the same map without its name, so that the flow runs in θ and not in mirror coordinates."""
        return Objective(nameless(self.model), SquaredLoss(0.5), Regression(self.X, self.y))

    @property
    def dual(self) -> np.ndarray:
        """A point of the dual domain: `push` times half of the way to its ends, or half of it where there are none."""
        low, high = self.potential.dual_domain
        return self.push / 2 * np.minimum(1.0, np.where(self.push < 0, -low, high))

    @property
    def interpolator(self) -> np.ndarray:
        """A w* with X w* = y: the one nearest to G(θ_0) + push."""
        w, data = self.model.w(self.start) + self.push, self.objective.data
        return w + data.solved(self.y - data.predictions(w))


def parametrized_fits(models: tuple[Model, ...] = COMMUTING, pace: float | None = None) -> Recipe:
    """Fits by any of the models, from a start with positive entries.

    Parameters
    ----------
    models : tuple of parametrizations of two weights
        The first is the simplest.
    pace : float or None
        Where given, the sample is scaled such that X w moves at this rate at the start.

    """

    @recipe
    def problems(draw: Drawer) -> ParametrizedFit:
        model = draw(choice(models))
        start, X = draw(array(model.parameters, 0.25, 1.5)), draw(array((1, 2), -1.5, 1.5))
        if pace is not None:
            X = X * np.sqrt(pace) / max(np.linalg.norm(X @ model.kernels.jacobian(start)), 1e-3)
        return ParametrizedFit(model, start, X, draw(array(1, -1.0, 1.0)), draw(array(2, -1.0, 1.0)))

    return problems


@cache
def nameless(model: Model) -> Entrywise:
    """The same map as plain expressions, which no closed form is known of: flows run in θ, not in mirror coordinates."""
    return Entrywise(model.symbols, model.expressions)


def in_full(metric: np.ndarray, potential: Potential) -> np.ndarray:
    """A metric of the potential as matrices, shape (..., 2, 2): of a separable one only the diagonal is given, shape (..., 2)."""
    return metric[..., None] * np.eye(2) if potential.separable else metric
