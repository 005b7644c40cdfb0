"""What a notebook shows: display mathematics that a renderer of LaTeX takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from theorycheck.library import papers

x, y, z = sp.symbols("x y z", real=True)
COMMANDS = """
alpha approx arg ast bar begin beta big Big Bigg bigg bigl Bigl Bigr bigr binom boldsymbol bot boxed bullet cap cdot cdots chi circ cos cosh
cot coth cup dagger ddot ddots Delta delta det dfrac dim displaystyle dot dots ell emptyset end epsilon equiv eta exists exp forall frac
gamma Gamma gcd ge geq gg hat hbar iff Im implies in inf infty int iota kappa ker Lambda lambda land langle lceil ldots le left leftarrow
Leftarrow Leftrightarrow leq lfloor lim liminf limits limsup ll ln log lor lvert lVert mapsto mathbb mathbf mathcal mathrm max mid min mp mu
nabla ne neg neq ni not notin nu odot omega Omega operatorname oplus otimes overbrace overline overset parallel partial perp phi Phi pi Pi pm Pr prec
preceq prime prod propto psi Psi qquad quad rangle rceil Re rfloor rho right rightarrow Rightarrow rVert rvert setminus sigma Sigma sim
simeq sin sinh sqrt star subset subseteq substack succ succeq sum sup supset supseteq tan tanh tau text textbf tfrac theta Theta tilde times
to top underbrace underline underset Upsilon upsilon varepsilon varphi vartheta vdots vec Vert vert widehat widetilde xi Xi zeta
"""
KNOWN = frozenset(COMMANDS.split())  # commands of LaTeX with amsmath that KaTeX and MathJax know as well


def shown(value: object) -> str:
    text = value._repr_latex_()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


MODELS: list[Any] = [tc.DeepLinear((2, 3, 1)), tc.DeepLinear((2, 2, 2)), tc.Diagonal(2, 3), tc.Hadamard(2), tc.MatrixFactorization(2, 2, 1)]
MODELS += [tc.SymmetricFactorization(2, 1), tc.WeightNormalized(2), tc.ResidualLinear(2, 2, (1.0, 0.5)), tc.TwoLayerReLU(2, 2, 0.5)]
MODELS += [tc.Entrywise((x, y), (sp.exp(x) * y, sp.sin(y) / 3))]
STARTED: list[Any] = [tc.Diagonal(2, 1), tc.Diagonal(2, 2), tc.Diagonal(2, 3), tc.Diagonal(1, 4, signed=False), tc.Hadamard(2)]
STARTED += [tc.QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 1.0, -1.0])]), tc.Entrywise((x, y, z), (x * y, z**3))]


def potential(model: Any) -> tc.Potential:
    return tc.legendre_potential(model, 0.5 + 0.1 * np.arange(model.parameters))


def first_law(model: Any) -> tc.ConservedQuantity:
    return tc.conserved_quantities(model)[0]


SHOWN: dict[str, Callable[[], object]] = {
    **{f"derivation of {model}": partial(tc.derive, model, tc.SquaredLoss()) for model in MODELS},
    "derivation, logistic": partial(tc.derive, tc.DeepLinear((2, 2, 1)), tc.LogisticLoss()),
    "landscape": partial(tc.Landscape, (x, y), (x * y - 1) ** 2 / 3),
    "derivation of a landscape": partial(tc.derive, tc.Landscape((x, y), sp.exp(x) * y**2)),
    **{f"brackets of {model}": partial(tc.lie_brackets, model) for model in MODELS},
    "undecided brackets": partial(tc.Brackets, False, None, ((0, 1),)),
    **{f"potential of {model}": partial(potential, model) for model in STARTED},
    **{f"law of {model}": partial(first_law, model) for model in (tc.Hadamard(1), tc.DeepLinear((2, 2, 1)))},
}


def mistakes(latex: str) -> list[str]:
    """Unbalanced braces, environments and delimiters, and commands that no renderer knows."""
    bare = latex.replace(r"\{", " ").replace(r"\}", " ").replace(r"\\", " ")
    found, depth = [], 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        found += ["a brace closed before it was opened"] if depth < 0 else []
    found += ["unbalanced braces"] if depth else []
    opened = re.findall(r"\\begin\{(\w+)\}", latex), re.findall(r"\\end\{(\w+)\}", latex)
    found += ["unbalanced environments"] if sorted(opened[0]) != sorted(opened[1]) else []
    sides = [len(re.findall(rf"\\{side}(?![a-zA-Z])", latex)) for side in ("left", "right")]
    found += ["unbalanced \\left and \\right"] if sides[0] != sides[1] else []
    return found + sorted({name for name in re.findall(r"\\([a-zA-Z]+)", bare) if name not in KNOWN})


TEXT = """\
Derivation of DeepLinear(widths=(3, 2, 1)), SquaredLoss(c=1.0)
    ∇_(W_1) R = W_2ᵀ G
    ∇_(W_2) R = G W_1ᵀ
    where G = ∇_W R
    checked exact: """


def test_the_text_of_a_derivation() -> None:
    assert repr(tc.derive(tc.DeepLinear((3, 2, 1)), tc.SquaredLoss())).startswith(TEXT)
    bare = tc.derive(tc.Landscape((x, y), x**2 * y))
    assert str(bare).split("\n    ")[1:3] == ["∂R/∂x = 2 x y", "∂R/∂y = x^2"]
    assert "    ... 2 more in .gradient\n" in repr(tc.derive(tc.DeepLinear((1,) * 15), tc.SquaredLoss()))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_texts_of_derivations_are_short_and_say_how_they_were_checked(model: Any) -> None:
    derivation = tc.derive(model, tc.SquaredLoss())
    lines = repr(derivation).split("\n    ")
    assert lines[1 : 1 + len(derivation.gradient_lines)] == list(derivation.gradient_lines)
    assert lines[-len(derivation.checked) :] == [f"checked {statement}" for statement in derivation.checked]
    assert all(len(line) < 250 for line in lines)


@pytest.mark.parametrize("name", SHOWN)
def test_displays_are_sound(name: str) -> None:
    for part in shown(SHOWN[name]()).split("$$")[1::2]:
        assert part.strip()
        assert mistakes(part) == []


@pytest.mark.parametrize(
    "latex", [r"\frac{1}{2", r"}{", r"\begin{aligned} x", r"\left( x", r"\asinhh x", r"\text{a} \right)"], ids=lambda text: text[:12]
)
def test_mistakes_are_seen(latex: str) -> None:
    assert mistakes(latex)


def test_statements_of_the_library_are_sound() -> None:
    found = [theorem for paper in papers() for theorem in (*paper.theorems, *paper.false)]
    shows = {theorem.name: theorem._repr_latex_() for theorem in found}
    assert {name: mistakes(text.strip("$")) for name, text in shows.items() if text and mistakes(text.strip("$"))} == {}
    assert [theorem.name for theorem in found if (shows[theorem.name] is None) != (not theorem.statement)] == []


def test_a_potential_shows_every_kind_of_entry() -> None:
    text = shown(tc.legendre_potential(tc.Entrywise((x, y, z), (x * y, z**3)), [1.0, 0.5, 0.3]))
    assert text.count("$$") == 4
    assert r"\text{for } w_{1}:" in text
    assert r"\text{for } w_{2}:" in text
