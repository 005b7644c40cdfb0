"""What a map means for gradient flow, in lines of text: conservation laws, whether it commutes, its potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument, TooLarge
from theorycheck.symbolic.brackets import lie_brackets
from theorycheck.symbolic.conserved import conserved_quantities
from theorycheck.symbolic.derivations.balance import balance_holds
from theorycheck.symbolic.formulas import expression_text
from theorycheck.symbolic.parametrizations import DeepLinear
from theorycheck.symbolic.potentials import NoClosedForm, legendre_potential
from theorycheck.symbolic.vector_fields import NotPolynomial

PARAMETERS = 24  # up to which laws are looked for and brackets taken
TERMS = 200  # of all entries of w together
LAWS = 8  # laws that are written out


@dataclass(frozen=True)
class Section:
    """A title and its lines."""

    title: str
    lines: tuple[str, ...]


def geometry(model: Any, sized: bool = True) -> tuple[Section, ...]:
    """Conservation laws, commuting, and the potential; what would take long is left out.

    Parameters
    ----------
    model : parametrization
        Anything with `symbols` and `expressions`.
    sized : bool
        Whether the sizes of the model are meant; else they are an example, and said to be one.

    """
    small = model.parameters <= PARAMETERS and _terms(model) <= TERMS
    found = [_laws(model, sized, small)]
    if small:
        found += _commuting(model, sized)
    return tuple(section for section in found if section.lines)


def _terms(model: Any) -> int:
    """Terms of all entries of w together; of a network, of the products multiplied out."""
    if isinstance(model, DeepLinear):
        return model.depth * int(np.prod(model.widths, dtype=float))
    return sum(len(w.args) or 1 for w in model.expressions)


def _laws(model: Any, sized: bool, small: bool) -> Section:
    title = "conserved by gradient flow of every loss"
    if isinstance(model, DeepLinear):
        if model.depth == 1 or not balance_holds(model.depth):
            return Section(title, ())
        note = "the entries of W_(k+1)ᵀ W_(k+1) - W_k W_kᵀ for k < L: any widths, since W_(k+1)ᵀ ∇_(W_(k+1)) R = ∇_(W_k) R W_kᵀ"
        return Section(title, (note,))
    if not small:
        return Section(title, ())
    try:
        laws = conserved_quantities(model)
    except NotPolynomial:
        return Section(title, ("not looked for: the map is not polynomial",))
    except TooLarge:
        return Section(title, ())
    lines = [expression_text(law.expression) for law in laws[:LAWS]]
    if len(laws) > LAWS:
        lines.append(f"and {len(laws) - LAWS} more of degree up to 2")
    if not laws:
        lines.append("no polynomial of degree up to 2")
    return Section(title + _example(model, sized), tuple(lines))


def _commuting(model: Any, sized: bool) -> list[Section]:
    brackets, title = lie_brackets(model), "gradient flow as a mirror flow" + _example(model, sized)
    if brackets.witness is not None:
        i, j = brackets.witness.pair
        at = ", ".join(f"{expression_text(symbol)} = {value}" for symbol, value in brackets.witness.point)
        values = ", ".join(map(expression_text, brackets.witness.bracket))
        return [Section(title, ("the gradients of the entries of w do not commute:", f"[∇w_{i + 1}, ∇w_{j + 1}] = ({values}) at {at}"))]
    if not brackets.commuting:
        return [Section(title, ("whether the gradients of the entries of w commute could not be decided",))]
    line = "the gradients of the entries of w commute, so d/dt ∇R(w) = -∇_w ℓ for every loss ℓ of w, with a potential R that depends on the start"
    return [Section(title, (line,)), _potential(model)]


def _potential(model: Any) -> Section:
    title = "its potential R, with conjugate Q"
    try:
        potential = legendre_potential(model, 0.5 + 0.1 * np.arange(model.parameters))
    except NoClosedForm:
        return Section(title, ("no closed form is known; `numeric_potential` integrates it, with error bars",))
    except InvalidArgument:  # a map whose gradients are dependent everywhere
        return Section(title, ())
    lines: list[str] = []
    for group in potential.groups:
        entries, piece, form = [int(i) + 1 for i in group.outputs], group.pieces[0], potential.expression(int(group.outputs[0]))
        if len(form.outputs) > 1 or len(entries) == 1:
            names = [expression_text(model.symbols[k]) for k in piece.inputs]
            here = ", ".join(f"{expression_text(x)} = {name}" for x, name in zip(form.parameters, names, strict=True)) if group.basis is None else ""
            lines.append(", ".join(f"w_{i}" for i in entries) + (f" with {here}:" if here else ":"))
        else:
            lines.append("each entry of w by itself:" if len(potential.groups) == 1 else f"each of {', '.join(f'w_{i}' for i in entries)}:")
        lines += form.lines
    return Section(title, tuple(lines))


def _example(model: Any, sized: bool) -> str:
    return "" if sized else f", here for {model}"
