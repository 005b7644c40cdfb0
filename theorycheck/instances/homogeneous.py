"""Homogeneous networks that classify a few samples: f(x; cθ) = c^H f(x; θ) for c > 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from theorycheck.dynamics.data import Classification
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.quantities import predictions
from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, recipe
from theorycheck.measured import Measured
from theorycheck.symbolic.losses import ExponentialLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal
from theorycheck.symbolic.predictors import TwoLayerReLU

SMOOTH, KINKED = ("two layers", "three layers", "diagonal"), ("leaky",)


@dataclass(frozen=True, eq=False)
class HomogeneousClassifier:
    """A network of order H, its parameters, and labelled samples; arrays may carry leading axes.

    Parameters
    ----------
    kind : str
        "two layers" or "three layers" (deep linear, hidden width 2), "diagonal" (u³ - v³) or "leaky" (two leaky ReLU units of slope 1/2).
    X : array, shape (..., n, d)
    y : array, shape (..., n)
        Labels ±1.
    theta : array, shape (..., P)

    """

    kind: str
    X: np.ndarray
    y: np.ndarray
    theta: np.ndarray

    @property
    def model(self) -> Any:
        """The network."""
        return network(self.kind, self.X.shape[-1])

    @property
    def order(self) -> int:
        """H."""
        return 2 if self.kind in ("two layers", "leaky") else 3

    @property
    def samples(self) -> int:
        """n."""
        return self.X.shape[-2]

    @cached_property
    def objective(self) -> Any:
        """The mean exponential loss; the sum L is n times it."""
        return Objective(self.model, ExponentialLoss(), Classification(self.X, self.y))

    @property
    def margins(self) -> Measured:
        """q_i = y_i f(x_i; θ), shape (..., n)."""
        return predictions(self.objective, self.theta) * self.y

    def separating(self) -> HomogeneousClassifier | None:
        """Labels by the signs of f, and θ so large that L < 1; nothing where some f(x_i) is zero."""
        f = self.model.predict(self.theta, self.X)
        least = float(np.min(np.abs(f)))
        if least < 2.0**-10:
            return None
        needed = np.log(2.0 * self.samples) / least
        return replace(self, y=np.sign(f), theta=self.theta * max(1.0, needed ** (1 / self.order)))


def network(kind: str, inputs: int) -> Any:
    """The model of a kind."""
    if kind == "leaky":
        return TwoLayerReLU(inputs, 2, slope=0.5)
    return Diagonal(inputs, 3) if kind == "diagonal" else DeepLinear((inputs, 2, 1) if kind == "two layers" else (inputs, 2, 2, 1))


def homogeneous_classifiers(kinds: tuple[str, ...] = (*SMOOTH, *KINKED), samples: tuple[int, int] = (1, 4)) -> Recipe:
    """One to four samples of one to three inputs, all numbers in [-2, 2]."""

    @recipe
    def classifiers(draw: Drawer) -> HomogeneousClassifier:
        kind, n, d = draw(choice(kinds)), draw(integers(*samples)), draw(integers(1, 3))
        X, y = draw(array((n, d))), np.array([draw(choice((1.0, -1.0))) for _ in range(n)])
        return HomogeneousClassifier(kind, X, y, draw(array(network(kind, d).parameters)))

    return classifiers
