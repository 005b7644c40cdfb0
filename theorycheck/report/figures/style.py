"""The one style of all figures: colours, markers, sheets; Matplotlib is imported when a sheet is asked for, not before.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; every series differs from the others by its marker and its
line as well, so that a figure can be printed in grey. Figures are made without pyplot: there is no current figure, and nothing to close.
Text is taken as it is, never as mathematics: a label with a dollar in it stays a label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theorycheck.errors import TheorycheckError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, FAINT, PALE = "#1b2733", "#5b6b7a", "#aab5bf", "#d9dfe4"
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
AGREES, NEITHER, VIOLATES = BLUE, ORANGE, VERMILION

WIDTH, HEIGHT = 6.4, 4.2  # inches


class NeedsMatplotlib(TheorycheckError, ImportError):
    """A figure was asked for and Matplotlib is not installed."""

    def __str__(self) -> str:
        return "figures need Matplotlib, which is not installed; run pip install 'theorycheck[plot]'"


@dataclass(frozen=True)
class Series:
    """How one of several series looks."""

    color: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str


SERIES = (
    Series(BLUE, "-", "o"),
    Series(VERMILION, "--", "s"),
    Series(GREEN, "-.", "^"),
    Series(PURPLE, (0, (1, 1.2)), "D"),
    Series(ORANGE, (0, (6, 1.5)), "v"),
    Series(SKY, (0, (4, 1.5, 1, 1.5, 1, 1.5)), "P"),
    Series(INK, (0, (1, 3)), "X"),
)

SETTINGS: Mapping[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "normal",
    "axes.unicode_minus": True,
    "errorbar.capsize": 2.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9,
}


def series(number: int) -> Series:
    """The look of series `number`; after seven they come again."""
    return SERIES[number % len(SERIES)]


@contextmanager
def style() -> Iterator[None]:
    """The one style for everything drawn inside the block; outside, the reader's settings are as they were.

    Raises
    ------
    NeedsMatplotlib
        If Matplotlib is not installed.

    """
    try:
        import matplotlib
    except ImportError as error:
        raise NeedsMatplotlib from error
    with matplotlib.rc_context(dict(SETTINGS)):
        yield


@contextmanager
def sheet(width: float = WIDTH, height: float = HEIGHT, rows: int = 1, columns: int = 1, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure and its axes (an array of them, if there are several) to draw on in the one style.

    Parameters
    ----------
    width, height : float
        Inches.
    rows, columns : int
    options
        For ``Figure.subplots``.

    Raises
    ------
    NeedsMatplotlib
        If Matplotlib is not installed.

    """
    with style():
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        from theorycheck.report.figures.canvas import Sheet

        figure = Sheet(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
        yield figure, figure.subplots(rows, columns, **options)


def logarithmic(axes: Axes, axis: str) -> None:
    """Make an axis logarithmic, with powers of ten that need no mathematics to be set.

    Parameters
    ----------
    axes : Axes
    axis : str
        "x" or "y".

    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    getattr(axes, f"set_{axis}scale")("log")
    ticks = getattr(axes, f"{axis}axis")
    ticks.set_major_locator(LogLocator(numticks=8))
    ticks.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    ticks.set_minor_formatter(NullFormatter())


def power_of_ten(value: float) -> str:
    """A tick of a logarithmic axis.

    >>> [power_of_ten(v) for v in (0.1, 1.0, 50.0, 1e-12)]
    ['0.1', '1', '50', '10⁻¹²']

    """
    from math import log10

    if value <= 0 or 1e-2 <= value < 1e4:
        return f"{value:g}"
    exponent = round(log10(value))
    if abs(value / 10.0**exponent - 1) > 1e-9:
        return f"{value:.0e}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def folded(text: str, width: int) -> str:
    """Text in lines of at most `width` characters, broken at spaces where there are any."""
    from textwrap import wrap

    return "\n".join(wrap(text, width, break_on_hyphens=False)) or text


def titled(axes: Axes, title: str, note: str = "", width: int = 78) -> None:
    """A title over the axes and, between them, a smaller note."""
    note = folded(note, width + 4)
    lines = note.count("\n") + 1
    axes.set_title(folded(title, width), pad=6 + (12.5 * lines if note else 0))
    if note:
        axes.annotate(note, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", va="bottom", color=MUTED, fontsize=8.5)
