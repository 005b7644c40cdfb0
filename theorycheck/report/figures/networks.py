"""A counterexample drawn: a deep linear network with its weights, or a table of the numbers of any other instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorycheck.report.figures.style import BLUE, INK, MUTED, VERMILION, folded, sheet, titled
from theorycheck.search.verdicts import Counterexample
from theorycheck.statements.comparisons import Relation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EDGES_NAMED = 40  # of more, the numbers would cover one another
_COLUMNS = 88  # characters a line of the table
_BROKEN = {Relation.AT_MOST: ">", Relation.AT_LEAST: "<", Relation.EQUAL: "≠"}


@dataclass(frozen=True)
class Network:
    """Layers W_1, ..., W_L of a deep linear network, found at `place` in an instance."""

    layers: tuple[np.ndarray, ...]
    place: str


@dataclass(frozen=True)
class Picture:
    """What is drawn of a counterexample.

    Parameters
    ----------
    name : str
        Of the theorem.
    sides : str
        The sentence that says which side is where.
    layers : tuple of arrays
        Of its network; none where it has none.
    rows : tuple of (str, str)
        Names and values of its other numbers.

    """

    name: str
    sides: str
    layers: tuple[np.ndarray, ...]
    rows: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, found: Counterexample) -> Picture:
        """That of a counterexample."""
        network = network_in(found.instance)
        own = () if network is None else (f"{network.place}widths", f"{network.place}theta")
        rows = tuple((name, value_text(value)) for name, value in entries_of(found.instance) if name not in own)
        return cls(found.theorem.name, _sides(found), () if network is None else network.layers, rows)


def counterexample(found: Counterexample) -> Figure:
    """The smallest counterexample with its numbers: a deep linear network as circles and weights, anything else as a table.

    Solid lines are positive weights, dashed ones negative, dotted ones zero; what else the instance holds stands below, with both sides
    of the claim.

    Parameters
    ----------
    found : Counterexample
        ``verdict.counterexample``.

    """
    return draw_picture(Picture.of(found))


def draw_picture(picture: Picture) -> Figure:
    """See `counterexample`."""
    lines = _table(picture.rows)
    text = 0.21 * max(len(lines), 1)
    if not picture.layers:
        with sheet(6.4, 0.9 + text) as (figure, axes):
            _draw_table(axes, lines)
            titled(axes, picture.name, picture.sides, 72)
        return figure
    drawn = 0.45 + 0.62 * max(picture.layers[0].shape[1], *(W.shape[0] for W in picture.layers))
    with sheet(6.4, 0.75 + drawn + text, rows=2, columns=1, height_ratios=[drawn, text]) as (figure, (top, bottom)):
        _draw_network(top, picture.layers)
        _draw_table(bottom, lines)
        titled(top, picture.name, picture.sides, 72)
    return figure


def network_in(instance: Any, place: str = "") -> Network | None:
    """The first deep linear network in an instance, by its ``widths`` and ``theta``."""
    widths, theta = getattr(instance, "widths", None), np.asarray(getattr(instance, "theta", np.nan))
    if isinstance(widths, tuple) and len(widths) > 1 and theta.ndim == 1:
        sizes = [a * b for a, b in zip(widths[1:], widths[:-1], strict=True)]
        if theta.size == sum(sizes) and theta.dtype.kind == "f":
            parts = np.split(theta, np.cumsum(sizes)[:-1])
            layers = tuple(part.reshape(a, b) for part, a, b in zip(parts, widths[1:], widths[:-1], strict=True))
            return Network(layers, place)
    inner = fields(instance) if is_dataclass(instance) and not isinstance(instance, type) else ()
    return next((n for f in inner if (n := network_in(getattr(instance, f.name), f"{place}{f.name}.")) is not None), None)


def entries_of(instance: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers of an instance by name, those of values inside it by dotted names."""
    if is_dataclass(instance) and not isinstance(instance, type):
        for field in fields(instance):
            if field.repr:
                yield from entries_of(getattr(instance, field.name), f"{place}.{field.name}" if place else field.name)
    else:
        yield place or "x", instance


def value_text(value: Any) -> str:
    """A number, text or array as it stands in a table: six digits, rows of a matrix between semicolons.

    >>> value_text(np.array([[0.0, 0.5], [1.0, 0.0]]))
    '(0, 0.5; 1, 0)'

    """
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        if value.size > 60:
            return f"array of shape {value.shape}"
        if value.ndim == 0:
            return f"{value:.6g}"
        inner = ("; " if value.ndim > 1 else ", ").join(value_text(part)[1:-1] if value.ndim > 1 else f"{part:.6g}" for part in value)
        return f"({inner})"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(value_text, value)) + ")"
    return str(value)


def _sides(found: Counterexample) -> str:
    e = found.entry
    return f"{e.label} fails: left {e.left:.6g} {_BROKEN[e.relation]} right {e.right:.6g}, slack {e.slack:+.3g} ± {e.bar:.1g}"


def _table(rows: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for name, value in rows:
        first, *more = folded(value, _COLUMNS - 20).split("\n")
        out += [(name, first), *(("", line) for line in more)]
    return out


def _draw_table(axes: Axes, lines: list[tuple[str, str]]) -> None:
    axes.set_axis_off()
    axes.set_ylim(max(len(lines), 1), 0)
    axes.set_xlim(0, 1)
    beside = 0.03 + 0.0125 * max((len(name) for name, _ in lines), default=0)
    for k, (name, value) in enumerate(lines):
        axes.text(0.0, k + 0.5, name, fontsize=9, color=MUTED, va="center")
        axes.text(beside, k + 0.5, value, fontsize=9, color=INK, va="center")


def _draw_network(axes: Axes, layers: tuple[np.ndarray, ...]) -> None:
    widths = [layers[0].shape[1], *(W.shape[0] for W in layers)]
    heights = [np.arange(width)[::-1] - (width - 1) / 2 for width in widths]
    named, largest = sum(W.size for W in layers) <= _EDGES_NAMED, max((float(np.abs(W).max()) for W in layers), default=1.0) or 1.0
    for k, W in enumerate(layers):
        for (i, j), weight in np.ndenumerate(W):
            _draw_edge(axes, (k, heights[k][j]), (k + 1, heights[k + 1][i]), float(weight), largest, named)
    for k, ys in enumerate(heights):
        axes.plot([k] * len(ys), ys, "o", ms=17, mfc="white", mec=INK, mew=1.4, zorder=3)
        for number, y in enumerate(ys, 1):
            name = f"x{_subscript(number)}" if k == 0 else (f"f{_subscript(number) if len(ys) > 1 else ''}" if k == len(layers) else "")
            axes.text(k, y, name, ha="center", va="center", fontsize=8.5, zorder=4)
        if k:
            axes.text(k - 0.5, min(min(h) for h in heights) - 0.45, f"W{_subscript(k)}", ha="center", va="center", fontsize=9.5, color=MUTED)
    axes.set_xlim(-0.25, len(layers) + 0.25)
    axes.set_ylim(min(min(h) for h in heights) - 0.62, max(max(h) for h in heights) + 0.45)
    axes.set_axis_off()


def _draw_edge(axes: Axes, start: tuple[float, float], end: tuple[float, float], weight: float, largest: float, named: bool) -> None:
    line: dict[str, Any] = {"color": MUTED, "linestyle": (0, (1, 3)), "linewidth": 0.9}
    if weight:
        size = 0.8 + 2.4 * abs(weight) / largest
        line = {"color": BLUE if weight > 0 else VERMILION, "linestyle": "-" if weight > 0 else "--", "linewidth": size}
    axes.plot([start[0], end[0]], [start[1], end[1]], zorder=1, **line)
    if named:
        at = 0.33  # nearer to the start, where the lines of one layer are apart
        x, y = (start[i] + at * (end[i] - start[i]) for i in (0, 1))
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(x, y, f"{weight:.4g}".replace("-", "−"), fontsize=8.5, ha="center", va="center", bbox=box, zorder=2)


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
