"""What every derivation offers, whichever route made it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch, TheorycheckError, brief
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.parametrizations import Parametrization

KINKS = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.DiracDelta, sp.Piecewise, sp.floor, sp.ceiling, sp.Derivative, sp.Subs)
SHOWN = 12  # lines of the gradient that its text shows


class WrongDerivation(TheorycheckError):
    """A derived formula disagrees with its slow twin: a fault of this project, never of the model."""


@dataclass(frozen=True, repr=False)
class Derivation(ABC):
    """Gradient and Hessian of the risk in θ, in closed form.

    The loss enters through G, the gradient of the risk in w, and through its Hessian in w, which is I ⊗ curvature row by row:
    curvature is 2c Σ with Σ = XᵀX/n for the squared loss, (1/n) Σ_i ℓ''_i x_i x_iᵀ in general (scalar output).

    Parameters
    ----------
    model : Parametrization
        The map θ -> w(θ); a bare risk, or a network of pieces, where the class says so.
    loss : Loss or None
        The loss of the predictions; None for a bare risk.
    checked : tuple of str
        The cross-checks that were carried out, in words; empty if none was. Each begins with its kind: "exact:" against the Taylor expansion
        of the risk in rational arithmetic, "numeric:" against complex steps in floating point at random shapes and data, "independent:"
        against a second derivation.

    """

    model: Any
    loss: Any
    checked: tuple[str, ...]

    @property
    @abstractmethod
    def gradient(self) -> Any:
        """One sum of words a layer, or a column of SymPy expressions."""

    @property
    @abstractmethod
    def gradient_lines(self) -> tuple[str, ...]:
        """The gradient as lines of text, one for each layer, or for each entry of θ."""

    @property
    @abstractmethod
    def letters(self) -> str:
        """What stands in the gradient beside θ, as text."""

    @property
    @abstractmethod
    def hessian(self) -> Any:
        """Blocks ``hessian[k - 1][j - 1]``, or a SymPy matrix; rows and columns in the order of θ."""

    @abstractmethod
    def gradient_at(self, theta: Any, G: Any) -> np.ndarray:
        """Value at θ, shape ``(P,)``; G has the shape of w. Exact (dtype object) unless one of the arguments holds floats."""

    @abstractmethod
    def hessian_at(self, theta: Any, G: Any, curvature: Any) -> np.ndarray:
        """Value at θ, shape ``(P, P)``; curvature is ``(d_in, d_in)``."""

    def hvp_at(self, theta: Any, G: Any, curvature: Any, v: Any) -> np.ndarray:
        """Hessian times v, shape ``(P,)``."""
        return self.hessian_at(theta, G, curvature) @ np.asarray(v)

    @abstractmethod
    def latex(self) -> str:
        """The formulas and their conventions, as one ``aligned`` environment."""

    def __repr__(self) -> str:
        title = f"Derivation of {brief(self.model)}" + (f", {self.loss}" if self.loss is not None else "")
        more = len(self.gradient_lines) - SHOWN
        rest = [f"... {more} more in .gradient"] if more > 0 else []
        where = [f"where {self.letters}"] if self.letters else []
        checked = [f"checked {statement}" for statement in self.checked]
        return "\n    ".join([title, *self.gradient_lines[:SHOWN], *rest, *where, *checked])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @abstractmethod
    def python(self) -> str:
        """Self-contained NumPy source with `risk`, `gradient`, `hessian` and `hvp` of one θ of shape ``(P,)`` on data X, y."""


def outputs(model: Parametrization) -> int:
    """Return d_out, 1 for a vector w."""
    return 1 if len(model.shape) == 1 else model.shape[0]


def require_one_curvature(model: Parametrization, loss: Loss) -> None:
    """Raise unless the Hessian of the risk in w is I ⊗ curvature."""
    if outputs(model) > 1 and not isinstance(loss, SquaredLoss):
        rule = f"has one curvature an output, and {model} has {outputs(model)} outputs"
        raise InvalidArgument("loss", loss, rule, "use SquaredLoss, or one output")


def require_smooth(loss: Loss) -> None:
    """Raise unless the second derivative of the loss in the prediction is an ordinary function without kinks in the loss."""
    f, y = sp.symbols("f y", real=True)
    second = loss.expression(f, y).diff(f, 2)
    kinks = sorted(kind.__name__ for kind in KINKS if second.has(kind) or loss.expression(f, y).has(kind))
    if kinks:
        rule = f"is not twice differentiable in the prediction: it holds {', '.join(kinks)}"
        raise InvalidArgument("loss", loss, rule, "pass a smooth loss, such as SquaredLoss or LogisticLoss")


def layer_values(theta: Any, shapes: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
    """θ as a list of matrices, each flattened row by row in θ."""
    flat = np.asarray(theta)
    sizes = [rows * cols for rows, cols in shapes]
    if flat.shape != (sum(sizes),):
        raise ShapeMismatch("theta.shape", flat.shape, f"must be ({sum(sizes)},)", "pass the layers flattened row by row, one after the other")
    ends = np.cumsum(sizes)
    return [flat[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)]


def loss_latex(loss: Loss) -> str:
    """ℓ(f, y) of one entry."""
    f, y = sp.symbols("f y", real=True)
    return rf"\ell(f, y) = {sp.latex(loss.expression(f, y))}"
