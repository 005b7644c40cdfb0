"""What a check saw of a claim: both sides of every instance, and how far they are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.report.figures.style import AGREES, INK, MUTED, NEITHER, PALE, VIOLATES, logarithmic, power_of_ten, sheet, titled
from theorycheck.search.verdicts import Outcome, Tightest, Verdict
from theorycheck.statements.comparisons import Entry, Relation, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE = 50.0  # largest over smallest, from where an axis is logarithmic
_VISIBLE = 1e-3  # relative bars below this are narrower than a marker
_TINY, _HUGE = 1e-300, 1e300
_NOTHING = 1e-18  # where a slack of exactly zero stands on a logarithmic axis

# standing -> color, marker, whether the marker is filled, word
_LOOKS = {
    Standing.HOLDS: (AGREES, "o", True, "holds"),
    Standing.TOO_CLOSE: (NEITHER, "^", False, "too close to call"),
    Standing.VIOLATED: (VIOLATES, "x", True, "violated"),
}


@dataclass(frozen=True)
class Sides:
    """What is drawn of a verdict.

    Parameters
    ----------
    name : str
        Of the theorem.
    outcome : Outcome
    admitted, seed : int
    sample : tuple of Entry
        Deciding entries of the first admitted instances.
    tightest : Tightest or None
    refuting : Entry or None
        Of the counterexample.

    """

    name: str
    outcome: Outcome
    admitted: int
    seed: int
    sample: tuple[Entry, ...]
    tightest: Tightest | None = None
    refuting: Entry | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Sides:
        """Those of a verdict."""
        found = verdict.counterexample.entry if verdict.counterexample is not None else None
        return cls(verdict.theorem.name, verdict.outcome, verdict.admitted, verdict.seed, verdict.sample, verdict.tightest, found)


def observed_against_bound(verdict: Verdict, label: str | None = None) -> Figure:
    """Left side against right side of a comparison, an instance a point, with the worst instance marked.

    Drawn are the instances on which this comparison decided the claim, among the first 256 admitted; the shaded side is where it would be
    violated. The worst instance may be one that the adversary made.

    Parameters
    ----------
    verdict : Verdict
    label : str, optional
        Which comparison of the claim; that of the counterexample or of the worst instance, unless given.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidArgument
        If no instance of the verdict was decided by the comparison.

    """
    return draw_sides(Sides.of(verdict), label)


def slack_histogram(verdict: Verdict, label: str | None = None) -> Figure:
    """How the relative slacks of a comparison are distributed, and beside them their error bars, both on one logarithmic axis.

    An inequality holds where its slack is larger than its bar, an equality where its mismatch is smaller; so the two histograms show how
    far the verdict is from one that rounding or integration could have made. Slacks that are exactly zero stand at the left end.

    Parameters
    ----------
    verdict, label
        As for `observed_against_bound`.

    """
    return draw_slacks(Sides.of(verdict), label)


def draw_sides(sides: Sides, label: str | None = None) -> Figure:
    """See `observed_against_bound`."""
    label, entries = of_label(sides, label)
    found, worst = _refuting(sides, label), _worst(sides, label)
    x, y = [e.right for e in entries], [e.left for e in entries]
    marked = [(p.right, p.left) for p in (found, worst) if p is not None and p.left is not None and p.right is not None]
    with sheet(5.6, 4.8) as (figure, axes):
        limits = _limits(np.array([*x, *y, *(c for pair in marked for c in pair)]), axes)
        _draw_diagonal(axes, entries[0].relation, limits)
        _draw_entries(axes, entries)
        if worst is not None and worst.right is not None:
            axes.plot(worst.right, worst.left, "*", ms=15, mfc="white", mec=INK, mew=1.3, zorder=5, label=_worst_label(worst))
        if found is not None:
            axes.plot(found.right, found.left, "X", ms=11, color=VIOLATES, mec="white", zorder=6, label=f"counterexample, slack {found.slack:+.2g}")
        axes.set_xlabel("right side")
        axes.set_ylabel("left side")
        below = entries[0].relation is Relation.AT_LEAST
        axes.legend(loc="lower right" if below else "upper left")
        titled(axes, label, _note(sides, len(entries)), 62)
    return figure


def draw_slacks(sides: Sides, label: str | None = None) -> Figure:
    """See `slack_histogram`."""
    label, entries = of_label(sides, label)
    equality = entries[0].relation is Relation.EQUAL
    slacks = {s: _sizes([e.slack for e in entries if e.standing is s]) for s in _LOOKS}
    bars = _sizes([e.bar for e in entries if np.isfinite(e.bar)])
    edges = _edges(np.concatenate([*slacks.values(), bars]))
    with sheet(6.4, 3.6) as (figure, axes):
        shown = [(standing, sizes) for standing, sizes in slacks.items() if len(sizes)]
        looks = [_LOOKS[standing] for standing, _ in shown]
        labels = [f"{word}: {len(sizes)}" for (_, sizes), (*_, word) in zip(shown, looks, strict=True)]
        colors = [color for color, *_ in looks]
        _, _, patches = axes.hist([sizes for _, sizes in shown], edges, stacked=True, color=colors, label=labels, edgecolor="white", linewidth=0.6)
        for container, (standing, _) in zip(patches if len(shown) > 1 else [patches], shown, strict=True):
            for patch in container:
                patch.set_hatch({Standing.TOO_CLOSE: "///", Standing.VIOLATED: "xxx"}.get(standing, ""))
        axes.hist(bars, edges, histtype="step", color=INK, linestyle="--", linewidth=1.3, label="their error bars")
        worst = _worst(sides, label)
        if worst is not None and not equality and worst.slack > 0:
            axes.axvline(worst.slack, ymax=0.8, color=INK, linewidth=1.2, label=_worst_label(worst))
        logarithmic(axes, "x")
        _count_axes(axes, edges)
        axes.set_xlabel("relative mismatch |left − right| / scale" if equality else "relative slack |right − left| / (|left| + |right|)")
        axes.set_ylabel("instances")
        axes.legend(loc="upper left", ncols=2, columnspacing=1.5)
        titled(axes, label, _note(sides, len(entries)))
    return figure


def of_label(sides: Sides, label: str | None) -> tuple[str, list[Entry]]:
    """The comparison to draw, and the instances that it decided."""
    counts = Counter(e.label for e in sides.sample)
    if not counts:
        raise InvalidArgument("verdict", sides.name, "holds no instance whose two sides are finite", "check on more instances")
    nearest = [p.label for p in (sides.refuting, sides.tightest) if p is not None and p.label in counts]
    chosen = label or (*nearest, counts.most_common(1)[0][0])[0]
    if chosen not in counts:
        raise InvalidArgument("label", chosen, "decided no instance of the verdict", f"choose among {', '.join(map(repr, counts))}")
    return chosen, [e for e in sides.sample if e.label == chosen]


def _refuting(sides: Sides, label: str) -> Entry | None:
    return sides.refuting if sides.refuting is not None and sides.refuting.label == label else None


def _worst(sides: Sides, label: str) -> Tightest | None:
    return sides.tightest if sides.tightest is not None and sides.tightest.label == label else None


def _worst_label(worst: Tightest) -> str:
    where = "by the adversary" if worst.index is None else f"instance {worst.index}"
    return f"worst: slack {worst.slack:+.2g} ({where})"


def _note(sides: Sides, shown: int) -> str:
    return f"{sides.name}: {sides.outcome.name}; {shown} of {sides.admitted} instances, seed {sides.seed}"


def _limits(values: np.ndarray, axes: Axes) -> tuple[float, float]:
    """Scale of both axes, and their common limits."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > _WIDE * low:
        logarithmic(axes, "x")
        logarithmic(axes, "y")
        room = float(np.exp(0.06 * (np.log(high) - np.log(low))))
        ends = (max(low / room, _TINY), min(high * room, _HUGE))
    else:
        sizes = np.sort(np.abs(values[values != 0]))
        if len(sizes) and sizes[-1] > _WIDE * np.median(sizes):
            linear = float(max(np.median(sizes) / 10, sizes[-1] * 1e-8))
            for scale in (axes.set_xscale, axes.set_yscale):
                scale("symlog", linthresh=linear)
            _plain_ticks(axes, linear)
            ends = (low * 1.5 if low < 0 else -linear, high * 1.5 if high > 0 else linear)
        else:
            room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
            ends = (low - room, high + room)
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    return ends


def _plain_ticks(axes: Axes, linear: float) -> None:
    """Ticks of a scale that is linear up to `linear`, where 0 has the word."""
    from matplotlib.ticker import FuncFormatter

    def text(value: float, _: Any) -> str:
        return "" if 0 < abs(value) <= linear * 1.01 else ("−" if value < 0 else "") + power_of_ten(abs(value))

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(text))


def _count_axes(axes: Axes, edges: np.ndarray) -> None:
    """Whole numbers upwards with room for a legend; exact zeros at the left end, by their name."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.35 * max(1.0, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value <= _NOTHING * 1.01 else power_of_ten(value)))


def _draw_diagonal(axes: Axes, relation: Relation, limits: tuple[float, float]) -> None:
    """The diagonal, and the side on which the claim fails."""
    axes.plot(limits, limits, color=MUTED, linewidth=1.0, label="left = right")
    beyond = {Relation.AT_LEAST: limits[0], Relation.AT_MOST: limits[1]}.get(relation)
    if beyond is not None:
        axes.fill_between(limits, limits, [beyond, beyond], facecolor=PALE, alpha=0.55, linewidth=0, label="would violate the claim")
    axes.set_aspect("equal", adjustable="box")


def _draw_entries(axes: Axes, entries: Sequence[Entry]) -> None:
    for standing, (color, marker, filled, word) in _LOOKS.items():
        chosen = [e for e in entries if e.standing is standing]
        if not chosen:
            continue
        x, y = np.array([e.right for e in chosen]), np.array([e.left for e in chosen])
        bars = np.array([e.bar if np.isfinite(e.bar) else 0.0 for e in chosen]) * (np.abs(x) + np.abs(y))
        wide = bars > _VISIBLE * np.maximum(np.abs(y), 1e-300)
        if wide.any():
            axes.errorbar(x[wide], y[wide], bars[wide], fmt="none", ecolor=color, elinewidth=0.8, alpha=0.6)
        look: dict[str, Any] = {"mfc": color if filled else "none", "mec": "white" if filled and marker == "o" else color}
        axes.plot(x, y, marker, ms=5.5, mew=0.5 if marker == "o" else 1.2, label=f"{word}: {len(chosen)}", **look)


def _sizes(values: Sequence[float]) -> np.ndarray:
    return np.maximum(np.abs(np.array(values, dtype=float)), _NOTHING)


def _edges(sizes: np.ndarray) -> np.ndarray:
    low, high = np.floor(np.log10(sizes.min())), np.ceil(np.log10(max(sizes.max(), sizes.min() * 10)))
    return np.logspace(low, max(high, low + 1), int(min(48, max(16, 4 * (high - low)))) + 1)
