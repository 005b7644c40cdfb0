"""Figures of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INK, MET, MISSED = "#26323d", "#2a7f8e", "#c8642b"


def bars(rows: list[dict[str, Any]], path: Path) -> None:
    """How many times longer each peer takes than this project, with quartiles, and the targets."""
    from matplotlib.figure import Figure

    entries = [(row, entry) for row in rows for entry in row["contestants"][1:] if entry["target"] is not None][::-1]
    figure = Figure(figsize=(11, 0.42 * len(entries) + 1.4), layout="constrained")
    axes = figure.subplots()
    for place, (_, entry) in enumerate(entries):
        low, middle, high = entry["ratio"]
        axes.barh(place, middle, height=0.62, color=MET if middle >= entry["target"] else MISSED)
        axes.plot([low, high], [place, place], color=INK, linewidth=1.2)
        axes.plot([entry["target"]] * 2, [place - 0.42, place + 0.42], color=INK, linewidth=2)
        axes.text(max(middle, high, entry["target"]) * 1.08, place, f"{middle:.3g}", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(entries)), [f"{row['key']}: {entry['name']}" for row, entry in entries], fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.set_xlim(0.2, 3 * max(max(entry["ratio"][2], entry["target"]) for _, entry in entries))
    axes.set_xlabel("CPU time of the peer over that of theorycheck (medians, quartiles; black bars: targets)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


def sharpness_by_scale(scales: Any, parts: list[dict[str, Any]], bounds: dict[str, float], path: Path) -> None:
    """Final sharpness against initial scale, a line a step size with the middle 80 % of its runs, 2/step dotted, bounds dashed."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 6), layout="constrained")
    axes = figure.subplots()
    for part, color in zip(parts, colormaps["viridis"](np.linspace(0.0, 0.85, len(parts))), strict=True):
        kept = np.isfinite(part["sharpness"]).any(axis=1)
        x, runs = scales[kept], part["sharpness"][kept]
        low, middle, high = np.nanquantile(runs, (0.1, 0.5, 0.9), axis=1)
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(x, middle, "o-", color=color, markersize=4, label=f"step {part['step']:g}")
        axes.axhline(2 / part["step"], color=color, linestyle=":", linewidth=1.2)
        axes.text(1.005, 2 / part["step"], f"2/{part['step']:g}", color=color, fontsize=8, va="center", transform=axes.get_yaxis_transform())
    for (name, value), style in zip(bounds.items(), ("--", "-", "-.", (0, (6, 2, 1, 2, 1, 2))), strict=True):
        axes.axhline(value, color=INK, linestyle=style, linewidth=1.0, label=f"{name}: {value:.2f}")
    axes.set_yscale("log")
    axes.set_xlabel("initial scale s: entries of all layers start as N(0, s²)")
    axes.set_ylabel("final sharpness (median, middle 80 % of runs left)")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)
