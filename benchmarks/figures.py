"""Figures of the benchmarks, in the style of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from theorycheck.report.figures import logarithmic, series, sheet
from theorycheck.report.figures.style import AGREES, INK, VIOLATES

_DOTS = 140  # an inch


def bars(rows: list[dict[str, Any]], path: Path) -> None:
    """How many times longer each peer takes than this project, with quartiles, and the targets."""
    entries = [(row, entry) for row in rows for entry in row["contestants"][1:] if entry["target"] is not None][::-1]
    with sheet(11, 0.42 * len(entries) + 1.4) as (figure, axes):
        for place, (_, entry) in enumerate(entries):
            low, middle, high = entry["ratio"]
            met = middle >= entry["target"]
            axes.barh(place, middle, height=0.62, color=AGREES if met else VIOLATES, hatch="" if met else "///", edgecolor="white", linewidth=0)
            axes.plot([low, high], [place, place], color=INK, linewidth=1.2)
            axes.plot([entry["target"]] * 2, [place - 0.42, place + 0.42], color=INK, linewidth=2)
            axes.text(max(middle, high, entry["target"]) * 1.08, place, f"{middle:.3g}", va="center", fontsize=9)
        axes.set_yticks(range(len(entries)), [f"{row['key']}: {entry['name']}" for row, entry in entries], fontsize=8)
        logarithmic(axes, "x")
        axes.axvline(1.0, color=INK, linewidth=0.8)
        axes.set_xlim(0.2, 3 * max(max(entry["ratio"][2], entry["target"]) for _, entry in entries))
        axes.set_xlabel("CPU time of the peer over that of theorycheck (medians, quartiles; black bars: targets; hatched: missed)")
        figure.savefig(path, dpi=_DOTS)


def sharpness_by_scale(scales: Any, parts: list[dict[str, Any]], bounds: dict[str, float], path: Path) -> None:
    """Final sharpness against initial scale, a line a step size with the middle 80 % of its runs, 2/step dotted, bounds in ink."""
    with sheet(9.5, 6) as (figure, axes):
        for number, part in enumerate(parts):
            look, kept = series(number), np.isfinite(part["sharpness"]).any(axis=1)
            x, runs = scales[kept], part["sharpness"][kept]
            low, middle, high = np.nanquantile(runs, (0.1, 0.5, 0.9), axis=1)
            axes.fill_between(x, low, high, color=look.color, alpha=0.15, linewidth=0)
            axes.plot(x, middle, color=look.color, marker=look.marker, label=f"step {part['step']:g}")
            axes.axhline(2 / part["step"], color=look.color, linestyle=":", linewidth=1.2)
            at = axes.get_yaxis_transform()
            axes.text(1.005, 2 / part["step"], f"2/{part['step']:g}", color=look.color, fontsize=8, va="center", transform=at)
        for (name, value), line in zip(bounds.items(), ("--", "-", "-.", (0, (6, 2, 1, 2, 1, 2))), strict=True):
            axes.axhline(value, color=INK, linestyle=line, linewidth=1.0, label=f"{name}: {value:.2f}")
        logarithmic(axes, "y")
        axes.set_xlabel("initial scale s: entries of all layers start as N(0, s²)")
        axes.set_ylabel("final sharpness (median, middle 80 % of runs left)")
        axes.legend(loc="upper left")
        figure.savefig(path, dpi=_DOTS)
