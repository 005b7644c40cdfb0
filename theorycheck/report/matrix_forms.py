"""Matrix forms of an entrywise derivation, as lines of text and of LaTeX."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theorycheck.symbolic.derivations import EntrywiseDerivation
from theorycheck.symbolic.derivations.coordinatewise import CoordinateForms, coordinate_forms
from theorycheck.symbolic.derivations.factored import factored_forms, words_latex
from theorycheck.symbolic.formulas import block_text, expression_text, words_text
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words import MapDerivatives


@dataclass(frozen=True)
class MatrixForm:
    """A matrix form that holds at any size; `note` says how to read it."""

    note: str
    text: tuple[str, ...]
    latex: tuple[str, ...]


def matrix_form(derivation: EntrywiseDerivation) -> MatrixForm | None:
    """Matrix form of a derivation, compared with all its entries; nothing where there is none."""
    coordinates = coordinate_forms(derivation)
    if coordinates is not None:
        names = ", ".join(symbol.name for symbol in coordinates.groups)
        note = f"functions of {names} are taken entry by entry; g = ∇_w R, C = ∇²_w R"
        return MatrixForm(note, tuple(_coordinates_text(coordinates)), tuple(_coordinates_latex(coordinates)))
    words = factored_forms(derivation)
    if words is None:
        return None
    squared = isinstance(derivation.loss, SquaredLoss)
    sigma = "Σ = XᵀX/n" if squared else "Σ = (1/n) Σ_i ℓ''(f_i, y_i) x_i x_iᵀ"
    note = f"G = ∇_W R, {sigma};  matrices are flattened row by row: r(D);  K_U r(D) = r(Dᵀ) for D of the shape of U"
    return MatrixForm(note, tuple(_words_text(words)), tuple(words_latex(words, derivation.loss)))


def _words_text(words: MapDerivatives) -> list[str]:
    names = [layer.name for layer in words.layers]
    lines = [f"∇_{name} R = {words_text(gradient)}" for name, gradient in zip(names, words.gradient, strict=True)]
    lines += [f"H_{a}{b} = {block_text(words.hessian[i][j])}" for i, a in enumerate(names) for j, b in enumerate(names) if j <= i]
    return [f"W = {words_text(words.w)}", *lines]


def _coordinates_text(forms: CoordinateForms) -> list[str]:
    names, ks = [symbol.name for symbol in forms.groups], range(len(forms.groups))
    slopes = [expression_text(forms.slope(a)) for a in ks]
    lines = [f"w = {expression_text(forms.map)}"]
    lines += [f"∇_{name} R = ({slope}) ⊙ g" for name, slope in zip(names, slopes, strict=True)]
    for a in ks:
        for b in range(a, len(names)):
            residual = f" + diag(({expression_text(forms.bend(a, b))}) ⊙ g)" if forms.bend(a, b) != 0 else ""
            lines.append(f"H_{names[a]}{names[b]} = diag({slopes[a]}) C diag({slopes[b]}){residual}")
    return lines


def _coordinates_latex(forms: CoordinateForms) -> list[str]:
    names, ks = [sp.latex(symbol) for symbol in forms.groups], range(len(forms.groups))
    diag, slopes = r"\operatorname{diag}", [sp.latex(forms.slope(a)) for a in ks]
    conventions = r"f = X w,\ \text{samples are the rows of } X,\ g = \nabla_w R,\ C = \nabla_w^2 R"
    lines = [rf"\text{{matrix form, any size, functions of vectors entry by entry:}}\quad w = {sp.latex(forms.map)},\ {conventions}"]
    lines += [rf"\nabla_{{{name}}} R = \left({slope}\right) \odot g" for name, slope in zip(names, slopes, strict=True)]
    for a in ks:
        for b in range(a, len(names)):
            residual = rf" + {diag}\left(\left({sp.latex(forms.bend(a, b))}\right) \odot g\right)" if forms.bend(a, b) != 0 else ""
            product = rf"{diag}\left({slopes[a]}\right) C\, {diag}\left({slopes[b]}\right)"
            lines.append(rf"H_{{{names[a]} {names[b]}}} = {product}{residual}")
    return lines
