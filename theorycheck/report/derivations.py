"""Closed forms for readers: a page in the terminal, LaTeX, NumPy source."""

from __future__ import annotations

from textwrap import TextWrapper

import sympy as sp
from rich.console import Console
from rich.text import Text

from theorycheck.report.consoles import say
from theorycheck.report.geometry import Section as Section
from theorycheck.report.geometry import geometry
from theorycheck.report.matrix_forms import matrix_form
from theorycheck.symbolic.derivations import BareDerivation, Derivation, EntrywiseDerivation, FactoredDerivation, WordDerivation
from theorycheck.symbolic.derivations.base import loss_latex
from theorycheck.symbolic.formulas import block_text, expression_text, words_text
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.matrix_words import NamedForms

WRITTEN_OUT = 3  # depth up to which the products are written out
PRINTED = 8  # parameters up to which every entry of the Hessian is printed
_UNBROKEN = 10_000  # width of a line in a pipe


def print_derivation(console: Console, derivation: Derivation, title: str, sized: bool = True) -> None:
    """Print map, conventions, gradient, Hessian, matrix form where there is one, what it means for gradient flow, and how it was checked.

    Parameters
    ----------
    console : Console
        Where to.
    derivation : Derivation
        What is shown.
    title : str
        The model in words.
    sized : bool
        Whether the sizes of the model are meant; else they are an example.

    """
    say(console, Text(title, "bold"))
    for section in sections(derivation, sized):
        console.print()
        say(console, Text(section.title, "bold"))
        for line in section.lines:
            say(console, _wrapped(line, console.width if console.is_terminal else _UNBROKEN))


def sections(derivation: Derivation, sized: bool = True) -> tuple[Section, ...]:
    """The page of a derivation, empty sections left out."""
    if isinstance(derivation, WordDerivation):
        body = _of_words(derivation, sized)
    elif isinstance(derivation, EntrywiseDerivation):
        body = _of_entries(derivation, sized)
    elif isinstance(derivation, FactoredDerivation):
        body = _of_entries(derivation.small, False)
    elif isinstance(derivation, BareDerivation):
        body = _of_bare(derivation)
    else:
        body = _of_pieces(derivation)
    checked = _checked(derivation, *_compared(derivation))
    return tuple(section for section in (*body, *geometry(derivation.model, sized), checked) if section.lines)


def print_latex(console: Console, derivation: Derivation, sized: bool = True) -> None:
    """Print LaTeX and nothing else, line by line as it is."""
    console.print(Text(latex_of(derivation, sized)), soft_wrap=True)


def print_python(console: Console, derivation: Derivation, sized: bool = True) -> None:
    """Print NumPy source and nothing else, line by line as it is."""
    source = derivation.python()
    if not sized and isinstance(derivation, WordDerivation):
        line = f"WIDTHS = {derivation.model.widths}"
        source = source.replace(f"with widths {derivation.model.widths}.", "with any widths: set WIDTHS.")
        source = source.replace(f"\n{line}\n", f"\n{line}  # (d_0, ..., d_L), an example: everything below holds for any depth and widths\n")
    console.print(Text(source.rstrip("\n")), soft_wrap=True)


def latex_of(derivation: Derivation, sized: bool = True) -> str:
    """One ``aligned`` environment; with the matrix form where there is one, and without entries if the sizes are an example."""
    text = derivation.latex()
    form = matrix_form(derivation) if isinstance(derivation, EntrywiseDerivation) else None
    if form is None:
        return text
    start, end = "\\begin{aligned}\n", "\n\\end{aligned}"
    head = text.removesuffix(end) if sized else rf"{start}& R = \tfrac1n \sum_i \ell(f_i, y_i),\ {loss_latex(derivation.loss)}"
    return head + "".join(f" \\\\\n& {line}" for line in form.latex) + end


def _checked(derivation: Derivation, *more: str) -> Section:
    statements = derivation.checked or ("nothing: the map could not be evaluated exactly at the points tried",)
    return Section("checked", (*statements, *more))


def _of_words(derivation: WordDerivation, sized: bool) -> tuple[Section, ...]:
    model, forms, depth = derivation.model, NamedForms(derivation.words.curvature), derivation.model.depth
    ks = range(1, depth + 1)
    shapes = ", ".join(f"W_{k} {rows}x{cols}" for k, (rows, cols) in zip(ks, model.layer_shapes, strict=True))
    any_widths = "any widths" + ("" if isinstance(derivation.loss, SquaredLoss) else " with d_L = 1")
    mapped = [f"W = {words_text(derivation.words.w)}" + (f",  depth L = {depth},  W_k of shape d_k x d_(k-1),  {any_widths}" if not sized else "")]
    mapped += [f"{shapes};  θ has {model.parameters} entries"] if sized else []
    hessian = [f"H_kk = {block_text(forms.block('k', 'k', 0))}"]
    times = [f"(H V)_k = Σ_j {words_text(forms.gauss_newton('k', 'j'))}"]
    if depth > 1:
        hessian.append(f"H_kj = {block_text(forms.block('k', 'j', 1))}   for k > j,   H_jk = H_kjᵀ")
        below, above = (words_text(forms.residual("k", "j", order)) for order in (True, False))
        times = [f"{times[0]} + Σ_(j<k) {below} + Σ_(j>k) {above}"]
    out = []
    if 1 < depth <= WRITTEN_OUT:
        out = list(derivation.gradient_lines)
        out += [f"H_{k}{j} = {block_text(derivation.hessian[k - 1][j - 1])}" for k in ks for j in range(1, k + 1)]
    return (
        Section("map", tuple(mapped)),
        Section("conventions", (*_risk_of_words(derivation.loss), *_names_of_words(depth))),
        Section("gradient", (f"∇_(W_k) R = {words_text(forms.gradient('k'))}",)),
        Section("Hessian, by blocks", tuple(hessian)),
        Section("Hessian times V = (V_1, ..., V_L)", tuple(times)),
        Section("written out", tuple(out)),
    )


def _names_of_words(depth: int) -> list[str]:
    partial = "A_k = W_L ... W_(k+1),  B_k = W_(k-1) ... W_1" + (",  M_kj = W_(k-1) ... W_(j+1) for k > j" if depth > 1 else "")
    lines = ["θ = (W_1, ..., W_L), each flattened row by row: r(V)", f"{partial};  empty products are I"]
    return [*lines, "K_j r(V) = r(Vᵀ) for V of the shape of W_j"] if depth > 1 else lines


def _risk_of_words(loss: Loss) -> list[str]:
    if isinstance(loss, SquaredLoss):
        risk = f"R = (c/n) |Y - X Wᵀ|²,  c = {loss.constant};  samples are the rows of X and Y"
        return [risk, "Σ = XᵀX/n,  G = ∇_W R = 2c (W Σ - YᵀX/n)"]
    sums = "G = ∇_W R = (1/n) Σ_i ℓ'(f_i, y_i) x_i,  Σ = (1/n) Σ_i ℓ''(f_i, y_i) x_iᵀ x_i"
    return [f"R = (1/n) Σ_i ℓ(f_i, y_i),  {_loss_text(loss)},  f = X Wᵀ;  samples x_i are the rows of X", sums]


def _loss_text(loss: Loss) -> str:
    f, y = sp.symbols("f y", real=True)
    return f"ℓ(f, y) = {expression_text(loss.expression(f, y))}"


def _of_entries(derivation: EntrywiseDerivation, sized: bool) -> tuple[Section, ...]:
    model, form = derivation.model, matrix_form(derivation)
    names = [expression_text(symbol) for symbol in model.symbols]
    mapped = [f"w_{i} = {expression_text(w)}" for i, w in enumerate(model.expressions, 1)]
    conventions = Section("conventions", tuple(_risk_of_entries(derivation)))
    entries = (
        Section("map", (*mapped, f"θ = ({', '.join(names)})")),
        conventions,
        Section("gradient", derivation.gradient_lines),
        Section("Hessian", tuple(_hessian_entries(derivation, names))),
    )
    if form is None:
        return entries
    matrix = Section("matrix form, any sizes", (*form.text, form.note))
    return (*entries, matrix) if sized else (conventions, matrix)


def _compared(derivation: Derivation) -> tuple[str, ...]:
    """What giving the matrix form has checked."""
    if not isinstance(derivation, EntrywiseDerivation) or matrix_form(derivation) is None:
        return ()
    return (f"independent: matrix form, exactly, against every entry of {derivation.model}",)


def _of_bare(derivation: BareDerivation) -> tuple[Section, ...]:
    names = [expression_text(symbol) for symbol in derivation.model.symbols]
    return (
        Section("risk", (f"R = {expression_text(derivation.model.expression)}", f"θ = ({', '.join(names)})")),
        Section("gradient", derivation.gradient_lines),
        Section("Hessian", tuple(_hessian_entries(derivation, names))),
    )


def _of_pieces(derivation: Derivation) -> tuple[Section, ...]:
    slope = f"{derivation.model.slope:g} z"
    return (
        Section("map", (f"f(x) = Σ_j a_j σ(b_jᵀ x),  σ(z) = z for z > 0, {slope} for z <= 0", "θ = (b_1, ..., b_h, a)")),
        Section(
            "conventions",
            (
                f"R = (1/n) Σ_s ℓ(f_s, y_s),  {_loss_text(derivation.loss)};  samples x_s are the rows of X",
                "D_sj = σ'(b_jᵀ x_s),  g_s = ℓ'(f_s, y_s)/n,  c_s = ℓ''(f_s, y_s)/n",
                "p_j = Σ_s g_s D_sj x_s,  C_jk = Σ_s c_s D_sj D_sk x_s x_sᵀ",
                "on each piece, that is as long as no b_jᵀ x_s changes its sign: there w_j = a_j b_j, and predictions are linear in w",
            ),
        ),
        Section("gradient", derivation.gradient_lines),
        Section("Hessian, by blocks", ("H_(b_j b_k) = a_j a_k C_jk", "H_(b_j a_k) = a_j C_jk b_k + δ_jk p_j", "H_(a_j a_k) = b_jᵀ C_jk b_k")),
    )


def _hessian_entries(derivation: EntrywiseDerivation | BareDerivation, names: list[str]) -> list[str]:
    if len(names) > PRINTED and isinstance(derivation, EntrywiseDerivation):
        return ["∇²R = Jᵀ (I ⊗ C) J + Σ_i g_i ∇²w_i with J = ∂w/∂θ;  --python has every entry"]
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names)) if derivation.hessian[i, j] != 0]
    lines = [f"∂²R/∂{names[i]}∂{names[j]} = {expression_text(derivation.hessian[i, j])}" for i, j in pairs]
    return [*lines, "symmetric; what is not listed is zero"]


def _risk_of_entries(derivation: EntrywiseDerivation) -> list[str]:
    loss, matrix = derivation.loss, len(derivation.model.shape) > 1
    f, curvature = ("f = X Wᵀ, w = W flattened row by row", "I ⊗ C = ∇²_w R") if matrix else ("f = X w", "C = ∇²_w R")
    g, C = (str(symbols[0]).partition("_")[0] for symbols in (derivation.slopes, derivation.bends))
    curvature = curvature.replace("C", C)
    if isinstance(loss, SquaredLoss):
        lines = [f"R = (c/n) |y - f|²,  c = {loss.constant},  {f};  samples are the rows of X"]
        exact = f"{g} = 2c (Σ w - Xᵀy/n),  {C} = 2c Σ,  Σ = XᵀX/n" if not matrix else f"{C} = 2c Σ,  Σ = XᵀX/n"
    else:
        lines = [f"R = (1/n) Σ_i ℓ(f_i, y_i),  {_loss_text(loss)},  {f};  samples x_i are the rows of X"]
        exact = f"{g} = (1/n) Σ_i ℓ'(f_i, y_i) x_i,  {C} = (1/n) Σ_i ℓ''(f_i, y_i) x_i x_iᵀ"
    return [*lines, f"{g} = ∇_w R,  {curvature}:  {exact}"]


def _wrapped(line: str, width: int) -> str:
    """The line four columns in, continued eight columns in."""
    return TextWrapper(width, initial_indent="    ", subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False).fill(line)
