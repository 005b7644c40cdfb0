"""The algebra and calculus of matrix words: normal forms, shapes, differentials, and what is no word."""

import ast
from pathlib import Path

import pytest
import sympy as sp

from tests.symbolic.word_chains import A, B, S, m, n, p
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.symbolic.matrix_words import Algebra, Factor, WordSum, as_sum, differential, identity, read_gradient, substitute, zero

C, V = Factor("C", n, m), Factor("V", n, m)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((A @ B).T, B.T @ A.T),
        (A + C - A, C + zero(n, m)),
        (2 * (A @ B) + 3 * (A @ B), 5 * (A @ B)),
        (A @ identity(m) @ B, A @ B),
        (zero(n, m) @ B, zero(n, p)),
        (S.T @ A, S @ A),
        (A + C, C + A),
        (sp.Symbol("x") * A - sp.Symbol("x") * A, zero(n, m)),
        ((A + C).T, A.T + C.T),
        (-A, zero(n, m) - A),
        (differential(A @ B, {A: V}), V @ B),
        (differential(A.T @ A, {A: V}), V.T @ A + A.T @ V),
        (differential(A @ A.T @ A, {A: V}), V @ A.T @ A + A @ V.T @ A + A @ A.T @ V),
        (differential(S @ A, {B: B}), zero(n, m)),
        (substitute(A.T @ A, {A: A + C}), A.T @ A + A.T @ C + C.T @ A + C.T @ C),
        (read_gradient(V @ A.T, V, S), S @ A),
        (read_gradient(A @ V.T, V, S), S.T @ A),
        (read_gradient(A.T @ V, V, identity(m)), A),
    ],
    ids=str,
)
def test_equal_sums_have_one_normal_form(left: Algebra, right: Algebra) -> None:
    assert as_sum(left) == as_sum(right)
    assert hash(as_sum(left)) == hash(as_sum(right))


@pytest.mark.parametrize(("left", "right"), [(A @ A.T, A @ C.T), (A.T @ A, A @ A.T), (A + C, A), (A, -A), (zero(n, m), zero(m, n))], ids=str)
def test_different_sums_are_not_equal(left: Algebra, right: Algebra) -> None:
    assert as_sum(left) != as_sum(right)


@pytest.mark.parametrize("broken", [lambda: A @ A, lambda: A + B, lambda: A - A.T, lambda: substitute(A, {A: B})])
def test_shapes_must_fit(broken) -> None:
    with pytest.raises(ShapeMismatch):
        broken()


@pytest.mark.parametrize("word", [V @ V.T, A @ B], ids=str)
def test_a_gradient_is_read_off_a_linear_form_only(word: WordSum) -> None:
    with pytest.raises(InvalidArgument, match="exactly once"):
        read_gradient(word, V, word)


def test_what_is_no_word_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="must be a Factor, a Word or a WordSum"):
        A @ 3  # type: ignore[operator]


def test_only_words_know_matrices_by_name() -> None:
    """SymPy returns wrong derivatives by matrix symbols, some of them silently: no module may use them."""
    banned = {"MatrixSymbol", "MatrixExpr", "Trace", "matrix_derivative", "derive_by_array"}
    allowed = {("identities", "MatrixExpr")}  # to refuse it
    for path in (Path(__file__).resolve().parents[2] / "theorycheck").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        used |= {alias.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert {name for name in banned & used if (path.parent.name, name) not in allowed} == set(), path
