"""Formulas of the page: LaTeX is set in MathML, and what cannot be set is said so."""

import pytest

from theorycheck.report.html.mathml import Unreadable, mathml


@pytest.mark.parametrize(
    ("latex", "inside"),
    [
        (r"a_0", "<msub><mi>a</mi><mn>0</mn></msub>"),
        (r"w^{2-2/L}", "<msup><mi>w</mi><mrow><mn>2</mn><mo>−</mo><mn>2</mn>"),
        (r"x_i''", "<msubsup><mi>x</mi><mi>i</mi><mrow><mo>′</mo><mo>′</mo></mrow></msubsup>"),
        (r"x^2_1", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\frac1n", "<mfrac><mn>1</mn><mi>n</mi></mfrac>"),
        (r"\tfrac{a}{b}", '<mstyle displaystyle="false"><mfrac><mi>a</mi><mi>b</mi></mfrac></mstyle>'),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mrow><mn>3</mn></mrow></mroot>"),
        (r"\sum_{k<n} a", "<munder><mo>∑</mo><mrow><mi>k</mi><mo>&lt;</mo><mi>n</mi></mrow></munder>"),
        (r"\lambda_{\max}", '<msub><mi>λ</mi><mrow><mi mathvariant="normal">max</mi></mrow></msub>'),
        (
            r"\left(x\right)^2",
            '<msup><mrow><mo fence="true" stretchy="true">(</mo><mi>x</mi><mo fence="true" stretchy="true">)</mo></mrow><mn>2</mn></msup>',
        ),
        (r"S_{\mathrm{bal}}", '<msub><mi>S</mi><mi mathvariant="normal">bal</mi></msub>'),
        (r"\text{ for } x", "<mtext>\u00a0for\u00a0</mtext><mi>x</mi>"),
        (r"\dot W", '<mover accent="true"><mi>W</mi><mo stretchy="false">˙</mo></mover>'),
        (r"W^\top", "<msup><mi>W</mi><mi>⊤</mi></msup>"),
        (r"12.5", "<mn>12.5</mn>"),
    ],
)
def test_latex_is_set(latex: str, inside: str) -> None:
    assert inside in mathml(latex)


@pytest.mark.parametrize(
    "latex", [r"\odd", "{x", "x}", r"\left(x", "x__2", "x & y", r"\frac1", r"\sqrt[3", r"\mathbb{}", r"\left\alpha x\right)", "{" * 99]
)
def test_what_cannot_be_set_is_said_so(latex: str) -> None:
    with pytest.raises(Unreadable):
        mathml(latex)


def test_every_statement_of_the_library_is_set() -> None:
    from theorycheck.library import papers

    statements = [t.statement for paper in papers() for t in (*paper.theorems, *paper.false) if t.statement]
    assert len(statements) > 50
    assert all(mathml(statement).startswith("<math") for statement in statements)
