"""Bare losses: the derivatives of a risk that is given as one expression in θ, without model, loss or data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from string import Template
from typing import Any, Protocol, runtime_checkable

import numpy as np
import sympy as sp

from theorycheck.errors import TooLarge, require_shape
from theorycheck.symbolic.derivations.base import Derivation
from theorycheck.symbolic.derivations.entrywise import BUDGET
from theorycheck.symbolic.derivations.sources import formulas_source
from theorycheck.symbolic.derivations.twins import check_bare
from theorycheck.symbolic.formulas import entry_lines

SOURCE = Template('''"""Risk, gradient and Hessian of $risk.

theta holds $names.
$checked"""

import numpy
import numpy as np


def risk(theta):
    """Risk at theta, shape (P,)."""
    $unpack
$value


def gradient(theta):
    """Gradient of the risk, shape (P,)."""
    $unpack
$gradient


def hessian(theta):
    """Hessian of the risk, shape (P, P)."""
    $unpack
$hessian


def hvp(theta, v):
    """Hessian times v, shape (P,)."""
    return hessian(theta) @ v
''')


@runtime_checkable
class BareRisk(Protocol):
    """A risk R(θ) by its formula, such as `Landscape`."""

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The entries of θ, in order."""

    @property
    def expression(self) -> sp.Expr:
        """R(θ)."""


@dataclass(frozen=True, repr=False)
class BareDerivation(Derivation):
    """Derivation of a bare risk: `gradient` is a column of P expressions, `hessian` a P x P matrix. There is no loss, and no data."""

    model: BareRisk
    loss: None

    @cached_property
    def gradient(self) -> sp.Matrix:
        return sp.Matrix([self.model.expression.diff(x) for x in self.model.symbols])

    @property
    def gradient_lines(self) -> tuple[str, ...]:
        return entry_lines(self.model.symbols, self.gradient)

    @property
    def letters(self) -> str:
        return ""

    @cached_property
    def hessian(self) -> sp.Matrix:
        return self.gradient.jacobian(sp.Matrix(self.model.symbols))

    def gradient_at(self, theta: Any, G: Any = 1) -> np.ndarray:
        """Value at θ, shape ``(P,)``, times G, the slope of what the risk goes through."""
        return self._at(self.gradient, theta)[:, 0] * G

    def hessian_at(self, theta: Any, G: Any = 1, curvature: Any = 0) -> np.ndarray:
        """Value at θ, shape ``(P, P)``, of f(R) for f with slope G and second derivative `curvature`."""
        slope = self._at(self.gradient, theta)[:, 0]
        return self._at(self.hessian, theta) * G + np.outer(slope, slope) * curvature

    def latex(self) -> str:
        names, P = [sp.latex(x) for x in self.model.symbols], len(self.model.symbols)
        lines = [rf"& R = {sp.latex(self.model.expression)}"]
        lines += [rf"& \partial_{{{name}}} R = {sp.latex(entry)}" for name, entry in zip(names, self.gradient, strict=True)]
        pairs = [(i, j) for i in range(P) for j in range(i, P) if self.hessian[i, j] != 0]
        lines += [rf"& \partial_{{{names[i]}}} \partial_{{{names[j]}}} R = {sp.latex(self.hessian[i, j])}" for i, j in pairs]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def python(self) -> str:
        """Self-contained NumPy source with `risk`, `gradient`, `hessian` and `hvp` of one θ of shape ``(P,)``."""
        formulas = {"value": sp.Matrix([self.model.expression]), "gradient": self.gradient, "hessian": self.hessian}
        return formulas_source(SOURCE, self.model.symbols, formulas, self.checked, risk=self.model.expression)

    def _at(self, exact: sp.Matrix, theta: Any) -> np.ndarray:
        point = np.asarray(theta)
        require_shape("theta", point, (len(self.model.symbols),), "one θ has one entry a symbol")
        values = dict(zip(self.model.symbols, map(sp.sympify, point.tolist()), strict=True))
        found = np.array([entry.subs(values) for entry in exact], dtype=object).reshape(exact.shape)
        return found.astype(float) if point.dtype.kind == "f" else found


def derive_bare(risk: BareRisk, *, budget: int = BUDGET) -> BareDerivation:
    """Differentiate a bare risk, and cross-check.

    Raises
    ------
    TooLarge
        If it has more than `budget` parameters.

    """
    if len(risk.symbols) > budget:
        rule = f"are above the budget {budget} of the entrywise route"
        raise TooLarge("parameters", len(risk.symbols), rule, "use fewer parameters, or the numeric `gradient` and `hessian` of the landscape")
    derivation = BareDerivation(risk, None, ())
    return replace(derivation, checked=check_bare(derivation))
