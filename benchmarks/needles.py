"""Needles: in how many of 30 seeds the adversary finds each, and how many of 100,000 plain samples meet it.

``nice python benchmarks/needles.py`` takes the needles of ``tests/search/needles.py`` one by one and writes
``benchmarks/results/needles.md``. A find is a violation confirmed in full; it is not contracted here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import TypeVar

from machine import stamp

from theorycheck.library import load
from theorycheck.search.tallies import tallied
from theorycheck.search.tasks import ranges, searched
from theorycheck.search.verdicts import Tally
from theorycheck.statements.theorems import Theorem

HERE = Path(__file__).parent
NEEDLES, TABLE = HERE.parent / "tests" / "search" / "needles.py", HERE / "results" / "needles.md"
INSTANCES = 1000  # samples before the adversary starts
PLAIN_SEED = 1000  # none of the adversary's

Answer = TypeVar("Answer")


def sampled(needle: Theorem, seed: int, instances: int) -> Tally:
    """Plain samples, up to the first violation."""
    total = Tally()
    for span in ranges(instances):
        total = total + tallied(needle, seed, *span)
        if total.violation is not None:
            break
    return total


def timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """An answer and its processor seconds."""
    started = process_time()
    return work(), process_time() - started


def row_of(needle: Theorem, seeds: int, budget: int, plain: int) -> str:
    """One needle's line of the table."""
    found, seconds = timed(lambda: [searched(needle, seed, INSTANCES, budget) for seed in range(seeds)])
    by_samples = sum(t.violation is not None for t in found)
    spent = [t.pursued for t in found if t.found is not None]
    straw, _ = timed(lambda: sampled(needle, PLAIN_SEED, plain))
    missed = f"0 of {straw.tried:,}" if straw.violation is None else f"number {straw.violation:,}"
    why = (needle.claim.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")
    cells = (needle.name, why, missed, f"{len(spent)} of {seeds}", by_samples, f"{median(spent):.0f}" if spent else "-", max(spent, default="-"))
    print(needle.name, *cells[2:], f"{seconds:.1f} s", flush=True)
    return "| " + " | ".join(map(str, (*cells, f"{seconds / seeds:.2f}"))) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=int, default=20_000, help="candidates of the adversary")
    parser.add_argument("--plain", type=int, default=100_000, help="plain samples")
    chosen = parser.parse_args()
    rows = [row_of(needle, chosen.seeds, chosen.budget, chosen.plain) for needle in load(NEEDLES).false]
    TABLE.write_text(
        "# Needles\n\n"
        f"Statements false only on a set that plain samples miss. For each: violations among {chosen.plain:,} plain samples of seed\n"
        f"{PLAIN_SEED} (or the first); seeds in which the adversary found one, after {INSTANCES:,} samples, within {chosen.budget:,} candidates;\n"
        "seeds in which those samples found it already; candidates spent by its finds; processor seconds a seed, samples included.\n"
        f"Made by `benchmarks/needles.py`.\n\n{stamp()}\n\n"
        "| needle | false only for | plain samples | adversary | samples of the run | median candidates | most | seconds |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|\n" + "\n".join(rows) + "\n"
    )
    print(f"wrote {TABLE.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
