"""The entrywise route: the chain rule on SymPy expressions, for any small map; the slow twin of the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.errors import TooLarge
from theorycheck.symbolic.derivations.base import Derivation, loss_latex, outputs, require_one_curvature
from theorycheck.symbolic.derivations.numeric_twins import check_entrywise_numerically
from theorycheck.symbolic.derivations.sources import entrywise_source
from theorycheck.symbolic.derivations.twins import check_entrywise
from theorycheck.symbolic.formulas import entry_lines
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.parametrizations import Parametrization

BUDGET = 24
PRINTED = 8  # parameters up to which the LaTeX writes every entry of the Hessian


@dataclass(frozen=True, repr=False)
class EntrywiseDerivation(Derivation):
    """Derivation in scalar symbols: ∇R = Jᵀ g and ∇²R = Jᵀ (I ⊗ C) J + Σ_i g_i ∇²w_i, with g = ∇_w R and C opaque.

    `gradient` is a column of P expressions, `hessian` a P x P matrix, in the symbols of the model, `slopes` and `bends`.
    """

    model: Parametrization
    loss: Loss

    @cached_property
    def slopes(self) -> sp.Matrix:
        """g_1, ..., g_m: the gradient of the risk in w, flattened row by row."""
        name = self._fresh("g")
        return sp.Matrix([sp.Symbol(f"{name}_{i}", real=True) for i in range(1, len(self.model.expressions) + 1)])

    @cached_property
    def bends(self) -> sp.Matrix:
        """C, symmetric, shape (d_in, d_in): the Hessian of the risk in w is I ⊗ C."""
        name, n = self._fresh("C"), self.model.shape[-1]
        return sp.Matrix(n, n, lambda i, j: sp.Symbol(f"{name}_{{{min(i, j) + 1},{max(i, j) + 1}}}", real=True))

    @cached_property
    def jacobian(self) -> sp.Matrix:
        """J, shape (m, P)."""
        return sp.Matrix([[w.diff(x) for x in self.model.symbols] for w in self.model.expressions])

    @cached_property
    def gradient(self) -> sp.Matrix:
        return self.jacobian.T * self.slopes

    @property
    def gradient_lines(self) -> tuple[str, ...]:
        return entry_lines(self.model.symbols, self.gradient)

    @property
    def letters(self) -> str:
        name = self.slopes[0].name.partition("_")[0]
        return f"{name} = ∇_w R"

    @cached_property
    def hessian(self) -> sp.Matrix:
        curvature = sp.diag(*[self.bends] * outputs(self.model))
        first = self.jacobian.T * (curvature * self.jacobian)
        P = len(self.model.symbols)
        upper = {(i, j): first[i, j] + self._residual(i, j) for i in range(P) for j in range(i, P)}
        return sp.Matrix(P, P, lambda i, j: upper[min(i, j), max(i, j)])

    def gradient_at(self, theta: Any, G: Any) -> np.ndarray:
        return self._at(self.gradient, self._compiled_gradient, theta, G)[:, 0]

    def hessian_at(self, theta: Any, G: Any, curvature: Any) -> np.ndarray:
        return self._at(self.hessian, self._compiled_hessian, theta, G, curvature)

    def latex(self) -> str:
        symbols, expressions = self.model.symbols, self.model.expressions
        lines = [
            *(rf"& w_{{{i}}} = {sp.latex(w)}" for i, w in enumerate(expressions, 1)),
            rf"& R = \tfrac1n \sum_i \ell(f_i, y_i),\ {loss_latex(self.loss)},\ f = X w,\ \text{{samples are the rows of }} X",
            rf"& ({', '.join(map(sp.latex, self.slopes))}) = \nabla_w R,\ I \otimes C = \nabla_w^2 R,\ \text{{w flattened row by row}}",
            *(rf"& \partial_{{{sp.latex(x)}}} R = {sp.latex(entry)}" for x, entry in zip(symbols, self.gradient, strict=True)),
        ]
        if len(symbols) <= PRINTED:
            names = [sp.latex(symbol) for symbol in symbols]
            pairs = [(i, j) for i in range(len(symbols)) for j in range(i, len(symbols)) if self.hessian[i, j] != 0]
            lines += [rf"& \partial_{{{names[i]}}} \partial_{{{names[j]}}} R = {sp.latex(self.hessian[i, j])}" for i, j in pairs]
        else:
            lines.append(r"& \nabla^2 R = J^{\top} (I \otimes C) J + \sum_i g_i \nabla^2 w_i,\quad J = \partial w / \partial \theta")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def python(self) -> str:
        inputs = (self.model.symbols, tuple(self.slopes), tuple(self.bends))
        return entrywise_source(self.model, self.loss, inputs, (self.gradient, self.hessian), self.checked)

    def _residual(self, i: int, j: int) -> sp.Expr:
        x, y = self.model.symbols[i], self.model.symbols[j]
        return sp.Add(*(g * self.jacobian[m, i].diff(y) for m, g in enumerate(self.slopes) if self.model.expressions[m].has(x)))

    def _fresh(self, name: str) -> str:
        while any(f"{symbol}_".startswith(f"{name}_") for symbol in self.model.symbols):
            name = name + "w"
        return name

    @cached_property
    def _compiled_gradient(self) -> Callable[..., np.ndarray]:
        return sp.lambdify([*self.model.symbols, *self.slopes], self.gradient, "numpy", cse=True)

    @cached_property
    def _compiled_hessian(self) -> Callable[..., np.ndarray]:
        distinct = np.array(self.bends)[np.triu_indices(self.model.shape[-1])]
        return sp.lambdify([*self.model.symbols, *self.slopes, *distinct], self.hessian, "numpy", cse=True)

    def _at(self, exact: sp.Matrix, compiled: Callable[..., np.ndarray], theta: Any, G: Any, curvature: Any = None) -> np.ndarray:
        names, arrays = [*self.model.symbols, *self.slopes], [np.asarray(theta), np.asarray(G).reshape(-1)]
        if curvature is not None:
            upper = np.triu_indices(self.model.shape[-1])
            names, arrays = [*names, *np.array(self.bends)[upper]], [*arrays, np.asarray(curvature)[upper]]
        if any(array.dtype.kind == "f" for array in arrays):
            return np.asarray(compiled(*np.concatenate(arrays).astype(float)), dtype=float)
        values = {name: sp.sympify(value) for name, value in zip(names, np.concatenate(arrays).tolist(), strict=True)}
        return np.array([entry.xreplace(values) for entry in exact], dtype=object).reshape(exact.shape)


def derive_entrywise(model: Parametrization, loss: Loss, *, budget: int = BUDGET) -> EntrywiseDerivation:
    """Derive by the chain rule on SymPy expressions, and cross-check.

    Raises
    ------
    TooLarge
        If the model has more than `budget` parameters: the expressions would swell to hundreds of thousands of operations.
    InvalidArgument
        If the loss has a curvature of its own for each of several outputs.

    """
    require_one_curvature(model, loss)
    if model.parameters > budget:
        remedy = "use matrix words, derive(DeepLinear(widths), loss), a smaller model of the same kind, or derive_entrywise(..., budget=...)"
        raise TooLarge("model", model, f"has {model.parameters} parameters, above the budget {budget} of the entrywise route", remedy)
    derivation = EntrywiseDerivation(model, loss, ())
    return replace(derivation, checked=check_entrywise(derivation) + check_entrywise_numerically(derivation))
