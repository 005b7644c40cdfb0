"""Figures of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INK, MET, MISSED = "#26323d", "#2a7f8e", "#c8642b"


def bars(rows: list[dict[str, Any]], path: Path) -> None:
    """How many times longer each peer takes than this project, with quartiles, and the targets."""
    from matplotlib.figure import Figure

    entries = [(row, entry) for row in rows for entry in row["contestants"][1:]][::-1]
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
    axes.set_xlim(0.5, 3 * max(max(entry["ratio"][2], entry["target"]) for _, entry in entries))
    axes.set_xlabel("CPU time of the peer / CPU time of theorycheck (median and quartiles over alternating rounds; black bars: targets)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)
