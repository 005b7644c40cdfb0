"""Words as LaTeX and as NumPy source."""

from __future__ import annotations

import sympy as sp

from theorycheck.symbolic.matrix_words.calculus import KroneckerSum, KroneckerTerm
from theorycheck.symbolic.matrix_words.words import Algebra, Factor, Word, as_sum


def latex(expression: Algebra | KroneckerSum) -> str:
    r"""LaTeX of a sum of words, or of a matrix of Kronecker products; ``K_{j}`` swaps the two indices of V_j flattened row by row.

    Examples
    --------
    >>> W, G = Factor("W", 2, 3, (1,)), Factor("G", 2, 3)
    >>> print(latex(2 * (W.T @ G)))
    2\,W_{1}^{\top} G

    """
    if isinstance(expression, KroneckerSum):
        return _joined([_latex_term(term, expression) for term in expression.terms])
    return _joined([_latex_number(word.coefficient) + _latex_product(word) for word in as_sum(expression).words])


def numpy_source(expression: Algebra | KroneckerSum) -> str:
    """NumPy source: a factor with an index is read from a container (``W[1]``), K from a function ``commuted(matrix, shape)``.

    Examples
    --------
    >>> W, G = Factor("W", 2, 3, (1,)), Factor("G", 2, 3)
    >>> print(numpy_source(2 * (W.T @ G)))
    2.0 * (W[1].T @ G)

    """
    if isinstance(expression, KroneckerSum):
        return " + ".join(_source_term(term, expression) for term in expression.terms)
    return " + ".join(_source_number(word.coefficient, _source_product(word)) for word in as_sum(expression).words)


def _joined(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ") or "0"


def _latex_number(coefficient: sp.Expr) -> str:
    if coefficient in (1, -1):
        return "" if coefficient == 1 else "-"
    return f"{sp.latex(coefficient)}\\," if coefficient.is_Atom or coefficient.is_Mul else f"\\left({sp.latex(coefficient)}\\right)"


def _latex_factor(factor: Factor) -> str:
    names = [str(i) for i in factor.index]
    index = ("" if all(len(name) == 1 and name.isalpha() for name in names) else ",").join(names)
    return sp.latex(sp.Symbol(factor.name)) + (f"_{{{index}}}" if index else "") + (r"^{\top}" if factor.transposed else "")


def _latex_product(word: Word) -> str:
    return " ".join(map(_latex_factor, word.factors)) or "I"


def _latex_term(term: KroneckerTerm, block: KroneckerSum) -> str:
    left, right = (f"({_latex_product(word)})" if len(word.factors) > 1 else _latex_product(word) for word in (term.left, term.right))
    product = rf"{left} \otimes {right}"
    return _latex_number(term.coefficient) + (rf"\left({product}\right) K_{{{_index(block)}}}" if term.commuted else product)


def _index(block: KroneckerSum) -> str:
    return ",".join(str(i) for i in block.direction.index)


def _source_number(coefficient: sp.Expr, source: str) -> str:
    if coefficient == 1:
        return source
    return f"{float(coefficient)!r} * " + (source if source.startswith(("np.", "commuted(")) else f"({source})")


def _source_factor(factor: Factor) -> str:
    index = ", ".join(str(i) for i in factor.index)
    return factor.name + (f"[{index}]" if index else "") + (".T" if factor.transposed else "")


def _source_product(word: Word) -> str:
    return " @ ".join(map(_source_factor, word.factors)) or f"np.eye({word.shape[0]})"


def _source_term(term: KroneckerTerm, block: KroneckerSum) -> str:
    product = f"np.kron({_source_product(term.left)}, {_source_product(term.right)})"
    return _source_number(term.coefficient, f"commuted({product}, {_source_factor(block.direction)}.shape)" if term.commuted else product)
