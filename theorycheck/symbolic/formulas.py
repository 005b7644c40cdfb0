"""Formulas on one line of text: words of matrices, Kronecker blocks, SymPy expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from theorycheck.symbolic.matrix_words import Algebra, Factor, KroneckerSum, Word, as_sum

_GREEK = {"Sigma": "Σ"}


def words_text(expression: Algebra) -> str:
    """A sum of words.

    >>> W, G = Factor("W", 2, 3, (1,)), Factor("G", 2, 3)
    >>> words_text(2 * (W.T @ G))
    '2 W_1ᵀ G'

    """
    return _joined(_number(word.coefficient) + _product(word) for word in as_sum(expression).words)


def block_text(block: KroneckerSum) -> str:
    """A sum of Kronecker products; ``K_j`` swaps the two indices of V_j flattened row by row.

    >>> from theorycheck.symbolic.matrix_words import matrix_of
    >>> A, B, V = Factor("A", 2, 3), Factor("B", 4, 2), Factor("V", 4, 3, (1,))
    >>> block_text(matrix_of(A @ V.T @ B, V))
    '(A ⊗ Bᵀ) K_1'

    """
    terms = []
    for term in block.terms:
        product = f"{_factor_of_kronecker(term.left)} ⊗ {_factor_of_kronecker(term.right)}"
        terms.append(_number(term.coefficient) + (f"({product}) K{_index(block.direction)}" if term.commuted else product))
    return _joined(terms)


def expression_text(expression: sp.Expr) -> str:
    """A SymPy expression; factors stand side by side.

    >>> u, C = sp.Symbol("u1"), sp.Symbol("C_{1,2}")
    >>> expression_text(3 * u**2 * C / 4)
    '3 C_12 u1^2/4'

    """
    plain = {symbol: sp.Symbol(_plain(symbol.name)) for symbol in expression.free_symbols}
    return sp.sstr(expression.xreplace(plain)).replace("**", "^").replace("*", " ")


def entry_lines(symbols: Sequence[sp.Symbol], gradient: Iterable[sp.Expr]) -> tuple[str, ...]:
    """A gradient, a line an entry.

    >>> u, v = sp.symbols("u1 v1")
    >>> entry_lines((u, v), (2 * u * v, u**2))
    ('∂R/∂u1 = 2 u1 v1', '∂R/∂v1 = u1^2')

    """
    return tuple(f"∂R/∂{expression_text(symbol)} = {expression_text(entry)}" for symbol, entry in zip(symbols, gradient, strict=True))


def _plain(name: str) -> str:
    """``C_{1,2}`` as C_12, or as C_1,12 where that is needed to tell the two numbers apart."""
    stem, opened, inside = name.partition("_{")
    if not opened:
        return name
    numbers = inside.rstrip("}").split(",")
    return f"{stem}_" + ("" if all(len(number) == 1 for number in numbers) else ",").join(numbers)


def _joined(terms: Iterable[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ") or "0"


def _number(coefficient: sp.Expr) -> str:
    if coefficient in (1, -1):
        return "" if coefficient == 1 else "-"
    return f"{coefficient} " if coefficient.is_Atom else f"({coefficient}) "


def _factor(factor: Factor) -> str:
    return _GREEK.get(factor.name, factor.name) + _index(factor) + ("ᵀ" if factor.transposed else "")


def _index(factor: Factor) -> str:
    names = [str(i) for i in factor.index]
    return ("_" if names else "") + ("" if all(len(name) == 1 for name in names) else ",").join(names)


def _product(word: Word) -> str:
    return " ".join(map(_factor, word.factors)) or "I"


def _factor_of_kronecker(word: Word) -> str:
    return f"({_product(word)})" if len(word.factors) > 1 else _product(word)
