"""Figures on the page, as SVG inside it; without Matplotlib there are none, and the page says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from theorycheck.errors import TheorycheckError
from theorycheck.report.figures.bounds import Sides, draw_sides, draw_slacks, of_label
from theorycheck.report.figures.networks import Picture, draw_picture
from theorycheck.report.figures.style import NeedsMatplotlib, style
from theorycheck.report.html.elements import Markup, tag
from theorycheck.report.html.results_file import Record
from theorycheck.report.html.summary import section_of
from theorycheck.search.verdicts import Outcome, Tightest
from theorycheck.statements.comparisons import Entry, Relation, Standing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_BEYOND = "Relative slacks of an inequality: each holds where it exceeds its error bar (dashed)."
_WITHIN = "Relative mismatches of an equality: each holds where it stays within its error bar (dashed)."


def can_draw() -> bool:
    """Whether Matplotlib is there."""
    try:
        with style():
            return True
    except NeedsMatplotlib:
        return False


def drawings(result: Record) -> Markup | None:
    """The sides of the claim, their slacks, and the counterexample to a theorem; None where there is nothing to draw."""
    found = [figure for figure in _figures(result) if figure is not None]
    return tag("div", found, class_="figures") if found else None


def sides_of(result: Record) -> Sides:
    """What the figures draw of a recorded verdict."""
    details, worst = result["details"], result["details"]["worst"]
    refuting = details["counterexample"]["entry"] if details["counterexample"] is not None else None
    return Sides(
        result["theorem"],
        Outcome[result["outcome"]],
        result["admitted"],
        details["seed"],
        _entries(details["sample"]),
        Tightest(worst["slack"], worst["label"], _or_inf(worst["bar"]), worst["index"], (), worst["left"], worst["right"]) if worst else None,
        next(iter(_entries(refuting)), None) if refuting is not None else None,
    )


def _figures(result: Record) -> Iterator[Markup | None]:
    name, sides = section_of(result), sides_of(result)
    if sides.sample:
        caption = "Both sides of the claim on its first instances; the star is the worst of all."
        yield _figure(lambda: draw_sides(sides), f"{name}-sides", caption, "narrow")
        equality = of_label(sides, None)[1][0].relation is Relation.EQUAL
        yield _figure(lambda: draw_slacks(sides), f"{name}-slacks", _WITHIN if equality else _BEYOND)
    found = result["details"]["counterexample"]
    if found is not None:
        layers = tuple(np.array(W, dtype=float).reshape(len(W), -1) for W in found["layers"])
        picture = Picture(found["theorem"], found["sides"], layers, tuple((row[0], row[1]) for row in found["rows"] if len(row) == 2))
        yield _figure(lambda: draw_picture(picture), f"{name}-counterexample", "The smallest counterexample found.")


def _figure(draw: Callable[[], Figure], name: str, caption: str, shape: str | None = None) -> Markup | None:
    """A figure with its caption; None where its numbers cannot be drawn."""
    from theorycheck.report.figures.canvas import svg_of

    try:
        with np.errstate(all="ignore"):
            svg = svg_of(draw(), name)
    except (TheorycheckError, ValueError, ArithmeticError):
        return None
    named = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(caption)}" ', 1)
    return tag("figure", Markup(named), tag("figcaption", caption), class_=shape)


def _entries(sample: Any) -> tuple[Entry, ...]:
    labels = sample["labels"]
    return tuple(
        Entry(Standing[standing], slack if slack is not None else 0.0, _or_inf(bar), labels[label], left, right, Relation[relation])
        for label, standing, relation, left, right, slack, bar in sample["rows"]
        if 0 <= label < len(labels)
    )


def _or_inf(value: float | None) -> float:
    return float("inf") if value is None else value
