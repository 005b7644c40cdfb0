"""The long run: every planted falsehood from 30 seeds, and every theorem on 100,000 instances; far too long for CI.

``python benchmarks/campaign.py`` keeps each answer in ``build/campaign.jsonl`` as it comes (so that it can be stopped and started
again), and writes ``benchmarks/results/campaign.md``. Every falsehood has its turn with a seed before the next seed begins, and every
theorem with 10,000 instances before the next 10,000: wherever it is stopped, all have been tried alike. ``--seeds`` and ``--instances``
make it shorter; the table says what was run. A find is a violation confirmed in full; it is not contracted here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from machine import stamp

from theorycheck.errors import WorkerLost
from theorycheck.library import Address, select
from theorycheck.search.session import BUDGET
from theorycheck.search.tallies import tallied
from theorycheck.search.tasks import searched
from theorycheck.search.verdicts import Outcome, Tally
from theorycheck.search.workers import Workers

HERE = Path(__file__).parent
KEPT, TABLE = HERE.parent / "build" / "campaign.jsonl", HERE / "results" / "campaign.md"
PLAIN_SEED = 1000  # of the theorems: none of the falsehoods'
PART, RANGE = 10_000, 1000  # instances of a task, and those screened together: more lanes of a shape than in ranges of a check

COUNTS = ("tried", "admitted", "holds", "too_close", "undefined")

Row = dict[str, Any]


def hunted(name: str, address: Address, seed: int, budget: int) -> Row:
    """A falsehood from one seed: samples, then the islands of the adversary, up to the first find."""
    falsehood, started = address.load(), process_time()
    total = searched(falsehood, seed, budget)
    found = total.violation is not None or total.found is not None
    how = {"refuted": found, "by adversary": total.found is not None, "tried": total.tried + total.pursued}
    return {"falsehood": name, "seed": seed, **how, "seconds": round(process_time() - started, 3)}


def tried(name: str, address: Address, start: int, stop: int) -> Row:
    """A theorem on some of the samples of its seed, up to the first violation."""
    theorem, total, started = address.load(), Tally(), process_time()
    while total.violation is None and start + total.tried < stop:
        first = start + total.tried
        total = total + tallied(theorem, PLAIN_SEED, first, min(first + RANGE, stop))
    counts = {key: getattr(total, key) for key in COUNTS}
    slack = None if total.tightest is None else total.tightest.slack
    found = {"violation": total.violation, "slack": slack, "tight": theorem.tight}
    return {"theorem": name, "start": start, **counts, **found, "seconds": round(process_time() - started, 3)}


def answer(kind: str, *arguments: Any) -> Row:
    """One task, for a worker."""
    return hunted(*arguments) if kind == "falsehood" else tried(*arguments)


def tasks(selectors: list[str], seeds: int, instances: int, done: set[tuple[str, int]]) -> Iterator[tuple[Any, ...]]:
    """Seed after seed every falsehood, then part after part every theorem; what is kept already is left out."""
    papers = select(selectors).papers
    for seed in range(seeds):
        for paper in papers:
            for falsehood in paper.false:
                name = f"{paper.name}/{falsehood.name}"
                if (name, seed) not in done:
                    yield "falsehood", name, Address(str(paper.path), falsehood.name), seed, BUDGET
    for start in range(0, instances, PART):
        for paper in papers:
            for theorem in paper.theorems:
                name = f"{paper.name}/{theorem.name}"
                if (name, start) not in done:
                    yield "theorem", name, Address(str(paper.path), theorem.name), start, min(start + PART, instances)


def kept() -> list[Row]:
    """The answers so far."""
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


def by_name(rows: list[Row], kind: str) -> dict[str, list[Row]]:
    """The rows of each falsehood or theorem, by name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if kind in row:
            found.setdefault(row[kind], []).append(row)
    return dict(sorted(found.items()))


def whole(parts: list[Row]) -> tuple[Tally, Outcome]:
    """The counts of a theorem over all its parts, and what they amount to."""
    counts = {key: sum(part[key] for part in parts) for key in COUNTS}
    total = Tally(**counts, violation=next((part["violation"] for part in parts if part["violation"] is not None), None))
    return total, total.outcome(parts[0]["tight"])


def tables(rows: list[Row]) -> str:
    """Two tables in Markdown: falsehoods over seeds, and theorems."""
    lines = ["| falsehood | refuted | of seeds | by the adversary | median instances | most |", "|---|---:|---:|---:|---:|---:|"]
    for name, of in by_name(rows, "falsehood").items():
        instances = [r["tried"] for r in of]
        refuted, adversary = sum(r["refuted"] for r in of), sum(r["by adversary"] for r in of)
        lines.append(f"| {name} | {refuted} | {len(of)} | {adversary} | {median(instances):,.0f} | {max(instances):,} |")
    lines += ["", "| theorem | outcome | instances | admitted | too close | undefined | tightest slack |", "|---|---|---:|---:|---:|---:|---:|"]
    for name, parts in by_name(rows, "theorem").items():
        total, outcome = whole(parts)
        least = min((part["slack"] for part in parts if part["slack"] is not None), default=None)
        slack = "" if least is None else f"{least:+.1e}"
        counts = f"{total.tried:,} | {total.admitted:,} | {total.too_close:,} | {total.undefined:,}"
        lines.append(f"| {name} | {outcome.value} | {counts} | {slack} |")
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """The two sentences that matter."""
    falsehoods = by_name(rows, "falsehood")
    missed = {name: sum(not r["refuted"] for r in of) for name, of in falsehoods.items()}
    worst = "; ".join(f"{name} in {count} of {len(falsehoods[name])} seeds" for name, count in missed.items() if count) or "none"
    theorems = {name: whole(parts) for name, parts in by_name(rows, "theorem").items()}
    in_full = sum(total.tried >= 100_000 for total, _ in theorems.values())
    listed = {outcome: [name for name, (_, found) in theorems.items() if found is outcome] for outcome in Outcome}
    others = "; ".join(f"{outcome.value}: {', '.join(listed[outcome]) or 'none'}" for outcome in Outcome if outcome is not Outcome.CORROBORATED)
    return (
        f"Falsehoods: {len(falsehoods)}, {sum(map(len, falsehoods.values())):,} runs; not refuted: {worst}.\n\n"
        f"Theorems: {len(theorems)}, {sum(total.tried for total, _ in theorems.values()):,} instances, {in_full} of them on 100,000 or more; "
        f"corroborated: {len(listed[Outcome.CORROBORATED])}; {others}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selectors", nargs="*")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--instances", type=int, default=100_000, help="of each theorem")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="write the table of what is kept, and run nothing")
    chosen = parser.parse_args()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    done = {(r["falsehood"], r["seed"]) if "falsehood" in r else (r["theorem"], r["start"]) for r in kept()}
    if not chosen.table:
        with Workers(chosen.jobs) as workers, KEPT.open("a") as file:
            asked = tasks(chosen.selectors, chosen.seeds, chosen.instances, done)
            for task, row in workers.answers(answer, asked):
                if isinstance(row, WorkerLost):
                    print(f"{task[1]}: {row}", flush=True)
                    continue
                file.write(json.dumps(row) + "\n")
                file.flush()
    rows = kept()
    TABLE.write_text(f"# Campaign\n\nMade by `make campaign`.\n\n{stamp()}\n\n{summary(rows)}\n\n{tables(rows)}\n")
    print(f"wrote {TABLE.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
