"""The answer of an ablation: what becomes of the claim where each premise fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theorycheck.report.figures.style import AGREES, GREEN, INK, MUTED, NEITHER, PALE, VIOLATES, folded, sheet, titled
from theorycheck.search.ablation import Ablation, Dropped, Need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINEAR = 1e-3  # slacks smaller than this stand at zero
_NAME = 30  # characters a line of a premise

# need -> color, marker, words
_LOOKS = {
    Need.NEEDED: (VIOLATES, "X", "needed: violated without it"),
    Need.WELL_POSEDNESS: (NEITHER, "D", "undefined without it"),
    Need.NOT_SEEN_TO_MATTER: (AGREES, "o", "not seen to matter"),
    Need.NEVER_LEFT: (MUTED, "|", "never left"),
    Need.UNDECIDED: (MUTED, "s", "undecided"),
}


def premises(ablation: Ablation) -> Figure:
    """The worst relative slack where each premise fails: left of zero the claim is violated there, so the premise is needed.

    The first row is the statement as it stands. Numbers at the right are the instances tried outside.

    Parameters
    ----------
    ablation : Ablation

    """
    rows = ablation.dropped
    with sheet(7.2, 1.9 + 0.45 * (len(rows) + 1)) as (figure, axes):
        axes.axvspan(-1.15, 0, color=PALE, alpha=0.55, linewidth=0)
        axes.axvline(0.0, color=INK, linewidth=1.0)
        _draw_baseline(axes, ablation)
        said: set[Need] = set()
        for place, dropped in enumerate(rows, 1):
            _draw_row(axes, place, dropped, dropped.need not in said)
            said.add(dropped.need)
        names = ["as it stands", *(folded(f"without {d.name}", _NAME) for d in rows)]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.4)
        axes.set_xlim(-1.15, 1.15)
        ticks = [-1, -0.1, -0.01, 0, 0.01, 0.1, 1]
        axes.set_xticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
        axes.minorticks_off()
        axes.set_xlabel("worst relative slack: violated to the left, holds to the right")
        figure.legend(loc="outside lower center", ncols=3)
        titled(axes, f"What {ablation.theorem.name} needs", f"at the right: instances tried where the premise fails, seed {ablation.seed}", 84)
    return figure


def _draw_baseline(axes: Axes, ablation: Ablation) -> None:
    slack = ablation.baseline.tightest.slack if ablation.baseline.tightest is not None else np.nan
    axes.plot(slack, 0, "P", ms=9, mfc="white", mec=GREEN, mew=1.6, label=f"as it stands: {ablation.baseline.outcome.name.lower()}")
    _note(axes, 0, f"{ablation.baseline.admitted}")


def _draw_row(axes: Axes, place: int, dropped: Dropped, first: bool) -> None:
    color, marker, words = _LOOKS[dropped.need]
    slack = slack_outside(dropped)
    axes.plot([0, slack], [place, place], color=color, linewidth=1.2, zorder=1)
    mew = 0 if marker != "|" else 2
    axes.plot(slack, place, marker, ms=9, color=color, mew=mew, linestyle="none", label=words if first else None, zorder=3, clip_on=False)
    _note(axes, place, f"{dropped.outside}")


def slack_outside(dropped: Dropped) -> float:
    """Where a premise stands: the slack of its counterexample, else of the hardest instance outside; 0 where there is none."""
    if dropped.counterexample is not None:
        return float(dropped.counterexample.entry.slack)
    return float(dropped.hardest.slack) if dropped.hardest is not None and np.isfinite(dropped.hardest.slack) else 0.0


def _note(axes: Axes, place: int, text: str) -> None:
    axes.annotate(text, (1.0, place), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center", fontsize=9, color=MUTED)
