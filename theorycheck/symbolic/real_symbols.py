"""Parameters are real, whether their symbols say so or not: formulas are simplified in real symbols and written in the reader's own."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from theorycheck.errors import InvalidArgument

DECLARE = "pass sympy.symbols('x y', real=True)"
_OF_COMPLEX_NUMBERS = (sp.Abs, sp.sign, sp.re, sp.im, sp.conjugate, sp.arg)


def real_symbols(parameters: Sequence[sp.Symbol]) -> tuple[sp.Symbol, ...]:
    """The parameters, with those of unknown kind made real.

    Raises
    ------
    InvalidArgument
        Where one is no symbol or not real, two have one name, or there is none.

    """
    given = tuple(parameters)
    wrong = [s for s in given if not isinstance(s, sp.Symbol) or s.is_real is False]
    if wrong or not given:
        raise InvalidArgument("parameters", given, "must be real symbols, at least one", DECLARE)
    real = tuple(s if s.is_real else sp.Symbol(s.name, real=True) for s in given)
    if len(set(real)) < len(real):
        raise InvalidArgument("parameters", given, "must differ from each other, also in their names", "name each parameter once")
    return real


def read_as_real(parameters: Sequence[sp.Symbol], expression: sp.Expr) -> sp.Expr:
    """The expression simplified as in real symbols, and in the symbols given: √(x²)² is x², the real part of x is x.

    Raises
    ------
    InvalidArgument
        Where that leaves functions such as |x|, which SymPy differentiates in symbols that are declared real only.

    """
    real = dict(zip(parameters, real_symbols(parameters), strict=True))
    declared = {s: r for s, r in real.items() if s != r}
    if not declared:
        return expression
    found = expression.xreplace(declared)
    undecided = [f for f in found.atoms(*_OF_COMPLEX_NUMBERS) if f.free_symbols & set(declared.values())]
    if undecided:
        rule = f"are not declared real, and the expression holds {', '.join(sorted(map(str, undecided)))}"
        raise InvalidArgument("parameters", tuple(parameters), rule, DECLARE)
    return found.xreplace({r: s for s, r in declared.items()})
