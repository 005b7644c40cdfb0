"""Proofs that used to fail where they were written out: conditions, LaTeX, and the page of a theorem."""

from io import StringIO
from pathlib import Path

import sympy as sp
from rich.console import Console

from tests.symbolic.chain_numbers import x
from theorycheck.instances.recipes import recipe
from theorycheck.library import Paper
from theorycheck.report.catalogue import print_page
from theorycheck.search.rounding import OTHERS, rounded
from theorycheck.statements.comparisons import at_most
from theorycheck.statements.sources import CONJECTURE
from theorycheck.statements.theorems import Theorem
from theorycheck.symbolic.identities import Identity, Proof
from theorycheck.symbolic.identities.chains import flat_minima, matrix_outputs


def test_the_conditions_of_a_fractional_power_are_found() -> None:
    """SymPy's factor_list raises on a**(3/2) for positive a; the proof was found and could not be printed."""
    s, a = sp.symbols("s a", positive=True)
    F = (-2 / (s * sp.sqrt(a)) + (sp.log(sp.sqrt(s) + sp.sqrt(a)) - sp.log(sp.sqrt(s) - sp.sqrt(a))) / s ** sp.Rational(3, 2)) / 4
    answer = Identity(sp.diff(F, a), 1 / (4 * a ** sp.Rational(3, 2) * (s - a))).prove()
    assert isinstance(answer, Proof)
    assert set(answer.conditions) == {s - a, sp.sqrt(a) - sp.sqrt(s)}
    assert str(answer).endswith("≠ 0")
    for mode in OTHERS:  # a claim may leave SymPy's caches filled under another rounding mode
        with rounded(mode):
            assert str(Identity(answer.statement.left, answer.statement.right).prove()) == str(answer)


def test_proofs_are_written_in_latex() -> None:
    for statement in (matrix_outputs.conservation, flat_minima.lower_chain(2)):
        text = statement.prove().latex()
        assert text.startswith(r"\begin{aligned}")
        assert not set("λ∇Σ≥⪰↦²ᵀ") & set(text)
        assert r"W\_\{j+1\}" in text or r"$\lambda$\_max" in text


def test_show_prints_the_chain_of_a_theorem() -> None:
    claims = recipe(lambda draw: 1.0), (), lambda x, precision: at_most("0 ≤ x", 0, x)
    theorem = Theorem("t", CONJECTURE, *claims, identities=(flat_minima.lower, Identity(x, x)))
    text = StringIO()
    source = Path(__file__)
    print_page(Console(file=text, width=200), Paper("paper", source, (theorem,), ()), theorem)
    lines = [line.strip() for line in text.getvalue().splitlines()]
    at = lines.index(str(flat_minima.lower))
    assert lines[at + 1] == "shown at depth 3:"
    assert "≥ 6 e/m^(1/3)" in lines
    assert "x = x" in lines
