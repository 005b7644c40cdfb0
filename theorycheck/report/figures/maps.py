"""How much of a bound is used over two features of the instances, such as depth and conditioning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.report.figures.style import INK, power_of_ten, sheet, titled
from theorycheck.search.breakdown import bins_of, names_of
from theorycheck.search.features import Features
from theorycheck.search.places import Here
from theorycheck.search.pressing import Sight, seen_at
from theorycheck.search.tightness import Bound, Tightness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 1000  # instances drawn again

Bins = Sequence[tuple[float, float]]


def tightness_map(
    tightness: Tightness,
    x: str = "condition_number",
    y: str = "depth",
    *,
    label: str | None = None,
    instances: int | None = None,
    features: Features | None = None,
) -> Figure:
    """The largest share of a bound that is used, in cells of two features; numbers in brackets are instances.

    The samples of the tightness are drawn again from its seed, at most a thousand of them; the star marks the extremal instance, which
    a local search may have found. Whole features are shown value by value, others by decades.

    Parameters
    ----------
    tightness : Tightness
    x, y : str
        Features of the instances.
    label : str, optional
        Which inequality; the first, unless given.
    instances : int, optional
        How many samples to draw again; as many as were tried, unless given.
    features : mapping of str to callable, optional
        As for `tighten`, where it was given them.

    Raises
    ------
    InvalidArgument
        If the claim has no such inequality, or its instances have no such features.

    """
    bound = bound_of(tightness, label)
    count = min(tightness.tried, _MOST) if instances is None else instances
    seen = seen_at(Here(tightness.theorem), tightness.seed, 0, count, features)
    sights = [s for s in seen.sights if s.label == bound.label]
    known = names_of(sights)
    for name, value in (("x", x), ("y", y)):
        if value not in known:
            raise InvalidArgument(name, value, "is not a feature of the instances", f"choose among {', '.join(known) or 'none'}")
    columns, rows, ratios, counts = _cells(x, y, sights)
    with sheet(max(4.6, 1.5 + 0.95 * len(columns)), max(2.8, 1.6 + 0.55 * len(rows))) as (figure, axes):
        image = axes.imshow(ratios, origin="lower", aspect="auto", cmap="cividis", vmin=0.0, vmax=1.0)
        for i, j in np.argwhere(counts > 0):
            color = "white" if ratios[i, j] < 0.55 else INK
            axes.text(j, i, f"{ratios[i, j]:.2f}\n({counts[i, j]})", ha="center", va="center", fontsize=8, color=color)
        _mark(axes, bound, (x, columns), (y, rows))
        axes.set_xticks(range(len(columns)), [_bin_name(b) for b in columns])
        axes.set_yticks(range(len(rows)), [_bin_name(b) for b in rows])
        axes.set_xlabel(x.replace("_", " "))
        axes.set_ylabel(y.replace("_", " "))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, label="largest share used", fraction=0.05)
        titled(axes, bound.label, f"{tightness.theorem.name}; {count} instances of seed {tightness.seed}; ☆ {bound.ratio:.6g}", 70)
    return figure


def bound_of(tightness: Tightness, label: str | None) -> Bound:
    """The inequality of a label, or the first."""
    found = next((b for b in tightness.bounds if label in (None, b.label)), None)
    if found is None:
        known = ", ".join(repr(b.label) for b in tightness.bounds) or "none: the claim has no inequality"
        raise InvalidArgument("label", label, "is no inequality of the claim", f"choose among {known}")
    return found


def _cells(x: str, y: str, sights: Sequence[Sight]) -> tuple[Bins, Bins, np.ndarray, np.ndarray]:
    """Bins of both features, the largest ratio in each cell (NaN where there is none), and the instances there; shape (rows, columns)."""
    across, up = bins_of(x, sights), bins_of(y, sights)
    columns, rows = sorted(across), sorted(up)
    ratios, counts = np.full((len(rows), len(columns)), np.nan), np.zeros((len(rows), len(columns)), dtype=int)
    column_of = {id(s): j for j, b in enumerate(columns) for s in across[b]}
    for i, b in enumerate(rows):
        for s in up[b]:
            j = column_of.get(id(s))
            if j is not None:
                ratios[i, j], counts[i, j] = np.fmax(ratios[i, j], s.ratio), counts[i, j] + 1
    return columns, rows, ratios, counts


def _mark(axes: Axes, bound: Bound, *sides: tuple[str, Bins]) -> None:
    """A star in the cell of the extremal instance, where it has one."""
    place = []
    for name, bins in sides:
        value = bound.extreme.features.get(name, np.nan)
        place.append(next((k for k, (low, high) in enumerate(bins) if low <= value < high or value == low), None))
    if None not in place:
        axes.plot(place[0] + 0.36, place[1] + 0.28, "*", ms=12, mfc="white", mec=INK)  # type: ignore[operator]


def _bin_name(ends: tuple[float, float]) -> str:
    low, high = ends
    return f"{low:g}" if low == high else f"{power_of_ten(low)} – {power_of_ten(high)}"
