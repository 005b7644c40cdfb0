"""How the cost of runs grows: ``python benchmarks/scaling.py`` writes `results/scaling.{json,md}`.

steps       gradient descent of one network and of 256, 10³ to 10⁵ steps: CPU time a step
instances   10² to 10⁵ data sets, 100 steps: CPU time a step and instance
memory      the most memory of a run of 10⁵ steps that keeps 2, 10², 10³ and 10⁴ states, above that of a run that keeps 2
workers     ``theorycheck check`` with ``--jobs 1`` and ``--jobs 2``: wall time (with ``--workers``; wants idle processors)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
from machine import stamp
from rows.descent import instances

import theorycheck as tc

RESULTS, WIDTHS = Path(__file__).parent / "results", (4, 4, 4, 1)
CHECKED = ("marion_chizat_2024", "marion_chizat_2024_balanced")


def best(objective: tc.Objective, start: np.ndarray, steps: int) -> float:
    times = []
    for _ in range(3):
        begin = time.process_time()
        tc.follow(objective, tc.GradientDescent(step=0.005), start, tc.Stop(steps=steps))
        times.append(time.process_time() - begin)
    return min(times)


def by_steps() -> list[dict[str, Any]]:
    out = []
    for lanes in (1, 256):
        objective, start = instances(WIDTHS, lanes, 0.4)
        for steps in (1_000, 10_000, 100_000):
            out.append({"instances": lanes, "steps": steps, "ns": 1e9 * best(objective, start, steps) / steps / lanes})
    return out


def by_instances() -> list[dict[str, Any]]:
    out = []
    for lanes in (100, 1_000, 10_000, 100_000):
        objective, start = instances(WIDTHS, lanes, 0.4, samples=8)
        out.append({"instances": lanes, "steps": 100, "ns": 1e9 * best(objective, start, 100) / 100 / lanes})
    return out


def memory() -> list[dict[str, Any]]:
    objective, start = instances(WIDTHS, 16, 0.4)
    out = []
    for states in (2, 100, 1_000, 10_000):
        save = tc.Ends() if states == 2 else tc.Every(100_000 // states)
        tracemalloc.start()
        found = tc.follow(objective, tc.GradientDescent(step=0.005), start, tc.Stop(steps=100_000), save=save)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        out.append({"states": states, "kept_bytes": found.states.nbytes, "most_bytes": most})
    return out


def workers(instances: int) -> list[dict[str, Any]]:
    out = []
    for jobs in (1, 2):
        begin = time.monotonic()
        command = [sys.executable, "-m", "theorycheck", "check", *CHECKED, "--instances", str(instances), "--jobs", str(jobs), "--no-witnesses"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        out.append({"jobs": jobs, "instances": instances, "seconds": time.monotonic() - begin})
    return out


def table(rows: list[dict[str, Any]]) -> list[str]:
    head = list(rows[0])
    shown = [[f"{row[key]:,.1f}" if isinstance(row[key], float) else f"{row[key]:,}" for key in head] for row in rows]
    return [f"| {' | '.join(cells)} |" for cells in [head, ["---:"] * len(head), *shown]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, metavar="INSTANCES", help="also time `theorycheck check` with one worker and with two")
    chosen = parser.parse_args()
    found = {"machine": stamp(), "steps": by_steps(), "instances": by_instances(), "memory": memory()}
    if chosen.workers:
        found["workers"] = workers(chosen.workers)
    (RESULTS / "scaling.json").write_text(json.dumps(found, indent=1) + "\n")
    lines = [f"# How the cost of runs grows\n\nWritten by `benchmarks/scaling.py`.\n\n```\n{found['machine']}\n```\n"]
    for name in ("steps", "instances", "memory", "workers"):
        if name in found:
            lines += [f"\n## {name}\n", *table(found[name])]
    (RESULTS / "scaling.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
