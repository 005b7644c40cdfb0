"""Landscapes: bare losses R(θ) that a reader writes down in SymPy, without model, loss or data.

A `Landscape` is an objective by itself: flows, methods and quantities take it as they take an `Objective`. It is lowered entry by
entry, so it is for small P; rounding bounds come from the same expressions with every sign made positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from theorycheck.errors import InvalidArgument, require_real, require_shape
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.real_symbols import read_as_real, real_symbols

ONE, FLAT = np.ones(1), np.zeros((1, 1))  # the risk is its own w: slope 1, no curvature


@dataclass(frozen=True)
class Landscape:
    """A loss in θ given by one SymPy expression.

    Symbols that are not declared real are read as real: the expression is simplified accordingly, and stays in the symbols given. Where
    it is piecewise, derivatives are those of the piece that SymPy's conditions select.

    Parameters
    ----------
    parameters : sequence of Symbol
        θ, in order.
    expression : Expr
        R(θ), real.

    Raises
    ------
    InvalidArgument
        For symbols that are not parameters, an expression that is not real, or one that is not twice differentiable in closed form.
    TooLarge
        For more parameters than a map lowered entry by entry may have.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> landscape = Landscape((x, y), (x * y - 1) ** 2)
    >>> landscape.risk([[2.0, 1.0]]), landscape.gradient([2.0, 1.0])
    (array([1.]), array([2., 4.]))
    >>> landscape.hessian_expressions
    Matrix([
    [      2*y**2, 4*x*y - 2],
    [4*x*y - 2,      2*x**2]])

    """

    symbols: tuple[sp.Symbol, ...]
    expression: sp.Expr

    def __init__(self, parameters: Sequence[sp.Symbol] | sp.Symbol, expression: sp.Expr) -> None:
        given = (parameters,) if isinstance(parameters, sp.Symbol) else tuple(parameters)
        real, formula = real_symbols(given), _scalar(expression)
        unknown = sorted(str(s) for s in formula.free_symbols - set(given))
        if unknown:
            raise InvalidArgument("expression", formula, f"uses symbols that are not parameters: {', '.join(unknown)}", "add them to `parameters`")
        declared = formula.xreplace(dict(zip(given, real, strict=True)))
        if declared.is_real is False or declared.has(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise InvalidArgument("expression", formula, "is not a real number at every θ", "pass a real expression of real symbols")
        _ = _derivatives(real, declared)
        formula = read_as_real(given, formula)
        object.__setattr__(self, "symbols", given)
        object.__setattr__(self, "expression", formula)
        _ = self.kernels, _derivatives(self.symbols, formula)

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        return len(self.symbols)

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The risk as a map onto one number: what its flow conserves, those of all functions of it conserve."""
        return (self.expression,)

    @property
    def lanes(self) -> tuple[int, ...]:
        """No leading axes of its own: it has no data."""
        return ()

    @property
    def along_times(self) -> Landscape:
        """The same: it broadcasts over all leading axes of θ."""
        return self

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> Landscape:
        """The same: all lanes share it."""
        return self

    @property
    def gradient_expressions(self) -> sp.Matrix:
        """∇R in closed form, a column of P expressions."""
        return sp.Matrix(_derivatives(self.symbols, self.expression)[0])

    @property
    def hessian_expressions(self) -> sp.Matrix:
        """∇²R in closed form, a P x P matrix of expressions."""
        return sp.Matrix(_derivatives(self.symbols, self.expression)[1])

    def latex(self) -> str:
        """Risk, gradient and Hessian, as one ``aligned`` environment."""
        lines = (
            rf"R(\theta) &= {sp.latex(self.expression)}",
            rf"\nabla R(\theta) &= {sp.latex(self.gradient_expressions)}",
            rf"\nabla^2 R(\theta) &= {sp.latex(self.hessian_expressions)}",
        )
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @cached_property
    def kernels(self) -> EntrywiseKernels:
        """The compiled expression as a map onto one number."""
        return EntrywiseKernels(self.symbols, (self.expression,), (1,))

    def checked(self, theta: ArrayLike) -> np.ndarray:
        """Return θ as float64 of shape ``(..., P)``, or raise `ShapeMismatch`."""
        return require_shape("theta", require_real("theta", theta), (self.parameters,), f"the landscape has {self.parameters} parameters")

    def risk(self, theta: ArrayLike) -> np.ndarray:
        """R(θ), shape ``(...)``."""
        return self.kernels.w(self.checked(theta))[..., 0]

    def gradient(self, theta: ArrayLike) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""
        return self.kernels.gradient(self.checked(theta), ONE)

    def hessian(self, theta: ArrayLike) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""
        return self.kernels.hessian(self.checked(theta), ONE, FLAT)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> np.ndarray:
        """∇²R(θ) v, shape ``(..., P)``."""
        return self.kernels.hvp(self.checked(theta), ONE, FLAT, self.checked(v))

    def risk_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the rounding error of `risk`, shape ``(...)``."""
        return self.kernels.w_error(self.checked(theta))

    def gradient_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the norm of the rounding error of `gradient`, shape ``(...)``."""
        return self.kernels.gradient_error(self.checked(theta), ONE, np.zeros(()))

    def hessian_error(self, theta: ArrayLike) -> np.ndarray:
        """Bound on the spectral norm of the rounding error of `hessian`, and on that of `hvp` for v of norm 1, shape ``(...)``."""
        return self.kernels.hessian_error(self.checked(theta), ONE, np.zeros(()), FLAT, np.zeros(()))


def _scalar(expression: object) -> sp.Expr:
    try:
        formula = sp.sympify(expression, strict=True)
    except sp.SympifyError:
        formula = None
    if not isinstance(formula, sp.Expr) or getattr(formula, "is_Matrix", False):
        raise InvalidArgument("expression", expression, "must be one SymPy expression", "pass, for instance, (x * y - 1)**2 with SymPy symbols")
    return formula


@lru_cache(maxsize=256)
def _derivatives(symbols: tuple[sp.Symbol, ...], expression: sp.Expr) -> tuple[sp.ImmutableMatrix, sp.ImmutableMatrix]:
    """Gradient and Hessian, or `InvalidArgument` where they are no ordinary functions."""
    gradient = sp.Matrix([expression.diff(s) for s in symbols])
    hessian = gradient.jacobian(sp.Matrix(symbols))
    if gradient.has(sp.Derivative, sp.Subs) or hessian.has(sp.Derivative, sp.Subs, sp.DiracDelta):
        rule = "has no second derivative in closed form everywhere"
        raise InvalidArgument("expression", expression, rule, "write functions out, and kinks such as Abs or Max as Piecewise")
    return sp.ImmutableMatrix(gradient), sp.ImmutableMatrix(hessian)
