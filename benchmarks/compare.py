"""Our project beside its peers: ``python benchmarks/compare.py`` prints a table and writes `results/compare.{json,md,png}`.

Every row is one run in one process: the contestants warm up, then take turns; times are CPU times of one thread, medians over rounds with
their quartiles; a ratio is the median over rounds of peer/ours. The true error of each stands beside its time. Name rows to run only those.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from machine import stamp
from rows.base import Contestant, Row
from threadpoolctl import threadpool_limits

ROWS = {
    "flow-1e-10": "flows:at_ten_digits",
    "flow-1e-13": "flows:at_thirteen_digits",
    "flow-scipy": "flows:one_by_one",
    "stiff-parameters": "stiff:in_parameters",
    "stiff-mirror": "stiff:in_mirror_coordinates",
    "descent-3": "descent:shallow",
    "descent-10": "descent:deep",
    "sam": "diagonal:sharpness_aware",
    "label-noise": "diagonal:label_noise",
    "hessian": "curvature:dense",
    "top-minimiser": "curvature:at_minimiser",
    "top-elsewhere": "curvature:elsewhere",
    "edge": "edge:along_a_run",
    "grid": "grid_rows:marion_chizat",
}
RESULTS = Path(__file__).parent / "results"
LEAST = 0.05  # seconds of a timing, at least


def seconds(contestant: Contestant, count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        contestant.run()
    return (time.process_time() - begin) / count / contestant.share


def calls(contestant: Contestant) -> int:
    """How many calls make a timing."""
    once = seconds(contestant, 1) * contestant.share
    return max(1, round(LEAST / max(once, 1e-6)))


def measured(row: Row) -> dict[str, Any]:
    """A row in numbers."""
    contestants = (row.ours, *row.peers)
    results = [contestant.run() for contestant in contestants]
    errors = [None if c.error is None else np.asarray(c.error(found)) for c, found in zip(contestants, results, strict=True)]
    counts = [calls(contestant) for contestant in contestants]
    times = np.array([[seconds(c, count) for c, count in zip(contestants, counts, strict=True)] for _ in range(row.rounds)])
    entries = []
    for i, (contestant, error) in enumerate(zip(contestants, errors, strict=True)):
        ratio = times[:, i] / times[:, 0]
        entries.append(
            {
                "name": contestant.name,
                "seconds": quartiles(times[:, i]),
                "per_unit": quartiles(times[:, i] / row.count),
                "ratio": quartiles(ratio),
                "target": contestant.target,
                "error": None if error is None else {"median": float(np.median(error)), "largest": float(np.max(error))},
            }
        )
    return {"key": row.key, "work": row.work, "unit": row.unit, "rounds": row.rounds, "error": row.error, "contestants": entries, "notes": row.notes}


def quartiles(values: np.ndarray) -> list[float]:
    return [float(q) for q in np.quantile(values, (0.25, 0.5, 0.75))]


SCALES = {"ns": 1e9, "µs": 1e6, "ms": 1e3, "s": 1.0}


def lines(found: dict[str, Any]) -> list[str]:
    """Lines of the table, one a contestant."""
    out = []
    for entry in found["contestants"]:
        low, middle, high = (SCALES[found["unit"].split()[0]] * t for t in entry["per_unit"])
        error = entry["error"]
        far = "" if error is None else f"{error['median']:.1e} / {error['largest']:.1e}"
        ratio = "" if entry is found["contestants"][0] else f"**{entry['ratio'][1]:.2f}** ({entry['ratio'][0]:.2f}–{entry['ratio'][2]:.2f})"
        target = "" if entry["target"] is None else f"{entry['target']:g}"
        work = found["work"] if entry is found["contestants"][0] else ""
        out.append(f"| {work} | {entry['name']} | {middle:.4g} ({low:.4g}–{high:.4g}) {found['unit']} | {far} | {ratio} | {target} |")
    return out


def report(rows: list[dict[str, Any]], machine: str) -> str:
    head = ["| work | who | CPU time, median (quartiles) | error, median / largest | peer/ours | target |", "|---|---|---|---|---|---|"]
    notes = [f"- {found['key']}: error is the {found['error']}." for found in rows]
    notes += [f"- {found['key']}: {note}" for found in rows for note in found["notes"]]
    body = [line for found in rows for line in lines(found)]
    title = "# This project and its peers\n\nWritten by `benchmarks/compare.py`.\n"
    return "\n".join([title, f"```\n{machine}\n```\n", *head, *body, "", *notes, ""])


def built(name: str) -> Row:
    module, function = ROWS[name].split(":")
    builder: Callable[[], Row] = getattr(import_module(f"rows.{module}"), function)
    return builder()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all by default")
    chosen = parser.parse_args().rows or list(ROWS)
    unknown = sorted(set(chosen) - set(ROWS))
    if unknown:
        parser.error(f"no row {unknown[0]}; rows are {', '.join(ROWS)}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX counts processors
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import jax

    jax.config.update("jax_enable_x64", True)
    machine = f"{stamp('jax', 'jaxlib', 'diffrax')}; one thread"
    kept = RESULTS / "compare.json"
    rows = {found["key"]: found for found in json.loads(kept.read_text())["rows"]} if kept.exists() else {}
    with threadpool_limits(1):
        for name in chosen:
            rows[name] = measured(built(name)) | {"machine": machine}
            print("\n".join(lines(rows[name])), flush=True)
            ordered = [rows[key] for key in ROWS if key in rows]
            kept.write_text(json.dumps({"machine": machine, "rows": ordered}, indent=1, ensure_ascii=False) + "\n")
            (RESULTS / "compare.md").write_text(report(ordered, machine))
    from figures import bars

    bars(ordered, RESULTS / "compare.png")


if __name__ == "__main__":
    main()
