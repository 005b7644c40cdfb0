"""What needs Matplotlib to be defined: the figure that shows itself in a notebook, and figures as SVG and PNG."""

from __future__ import annotations

import re
from io import BytesIO, StringIO
from typing import Any

import matplotlib
from matplotlib.figure import Figure

_DOTS = 110  # an inch, on a screen


class Sheet(Figure):
    """A figure that a notebook shows, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        return png_of(self)


def png_of(figure: Figure, dots: int = _DOTS) -> bytes:
    """The figure as a PNG of so many dots an inch."""
    out = BytesIO()
    figure.savefig(out, format="png", dpi=dots)
    return out.getvalue()


def svg_of(figure: Figure, name: str) -> str:
    """The figure as an ``<svg>`` element to stand inside a page: text stays text, and the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    name : str
        Different for the figures of one page, since identifiers are unique in a page.

    """
    out = StringIO()
    settings: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": name}
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context(settings):
        figure.savefig(out, format="svg", metadata=nothing)
    text = out.getvalue()
    used = set(re.findall(r"#([\w.-]+)", text))
    drawing = text[text.index("<svg") :]
    return re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", drawing)  # names of groups are the same in every figure
