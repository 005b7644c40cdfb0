"""The long run: every planted falsehood from 30 seeds, and every theorem on 100,000 instances; far too long for CI.

``python benchmarks/campaign.py`` keeps each answer in ``build/campaign.jsonl`` as it comes (so that it can be stopped and started
again), and writes ``benchmarks/results/campaign.md``. ``--seeds``, ``--instances`` and ``--seconds`` make it shorter; the table says
what was run. A find is a violation confirmed in full; it is not contracted here.
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
from theorycheck.search.tasks import RANGE, searched
from theorycheck.search.verdicts import Outcome, Tally
from theorycheck.search.workers import Workers

HERE = Path(__file__).parent
KEPT, TABLE = HERE.parent / "build" / "campaign.jsonl", HERE / "results" / "campaign.md"
PLAIN_SEED = 1000  # of the theorems: none of the falsehoods'

Row = dict[str, Any]


def hunted(name: str, address: Address, seed: int, budget: int) -> Row:
    """A falsehood from one seed: samples, then the islands of the adversary, up to the first find."""
    falsehood, started = address.load(), process_time()
    total = searched(falsehood, seed, budget)
    found = total.violation is not None or total.found is not None
    how = {"refuted": found, "by adversary": total.found is not None, "tried": total.tried + total.pursued}
    return {"falsehood": name, "seed": seed, **how, "seconds": round(process_time() - started, 3)}


def tried(name: str, address: Address, instances: int, seconds: float) -> Row:
    """A theorem on so many samples, or as many as can be had in so many processor seconds."""
    theorem, total, started = address.load(), Tally(), process_time()
    while total.violation is None and total.tried < instances and process_time() - started < seconds:
        total = total + tallied(theorem, PLAIN_SEED, total.tried, min(total.tried + RANGE, instances))
    counts = {"tried": total.tried, "admitted": total.admitted, "undefined": total.undefined, "too_close": total.too_close}
    outcome = total.outcome(theorem.tight).value
    slack = None if total.tightest is None else total.tightest.slack
    return {"theorem": name, "outcome": outcome, **counts, "slack": slack, "seconds": round(process_time() - started, 3)}


def answer(kind: str, *arguments: Any) -> Row:
    """One task, for a worker."""
    return hunted(*arguments) if kind == "falsehood" else tried(*arguments)


def tasks(selectors: list[str], seeds: int, instances: int, seconds: float, done: set[tuple[str, int]]) -> Iterator[tuple[Any, ...]]:
    """Seed after seed every falsehood, then every theorem; what is kept already is left out."""
    papers = select(selectors).papers
    for seed in range(seeds):
        for paper in papers:
            for falsehood in paper.false:
                name = f"{paper.name}/{falsehood.name}"
                if (name, seed) not in done:
                    yield "falsehood", name, Address(str(paper.path), falsehood.name), seed, BUDGET
    for paper in papers:
        for theorem in paper.theorems:
            name = f"{paper.name}/{theorem.name}"
            if (name, PLAIN_SEED) not in done:
                yield "theorem", name, Address(str(paper.path), theorem.name), instances, seconds


def kept() -> list[Row]:
    """The answers so far."""
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


def by_falsehood(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each falsehood, by name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if "falsehood" in row:
            found.setdefault(row["falsehood"], []).append(row)
    return dict(sorted(found.items()))


def tables(rows: list[Row]) -> str:
    """Two tables in Markdown: falsehoods over seeds, and theorems."""
    lines = ["| falsehood | refuted | of seeds | by the adversary | median instances | most |", "|---|---:|---:|---:|---:|---:|"]
    for name, of in by_falsehood(rows).items():
        instances = [r["tried"] for r in of]
        refuted, adversary = sum(r["refuted"] for r in of), sum(r["by adversary"] for r in of)
        lines.append(f"| {name} | {refuted} | {len(of)} | {adversary} | {median(instances):,.0f} | {max(instances):,} |")
    lines += ["", "| theorem | outcome | instances | admitted | tightest slack |", "|---|---|---:|---:|---:|"]
    for row in sorted((r for r in rows if "theorem" in r), key=lambda r: str(r["theorem"])):
        least = "" if row["slack"] is None else f"{row['slack']:+.1e}"
        lines.append(f"| {row['theorem']} | {row['outcome']} | {row['tried']:,} | {row['admitted']:,} | {least} |")
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """The two sentences that matter."""
    falsehoods = by_falsehood(rows)
    missed = {name: sum(not r["refuted"] for r in of) for name, of in falsehoods.items()}
    worst = "; ".join(f"{name} in {count} of {len(falsehoods[name])} seeds" for name, count in missed.items() if count) or "none"
    theorems = [r for r in rows if "theorem" in r]
    whole = sum(r["tried"] >= 100_000 for r in theorems)
    refuted = [r["theorem"] for r in theorems if r["outcome"] == Outcome.REFUTED.value]
    return (
        f"Falsehoods: {len(falsehoods)}, {sum(map(len, falsehoods.values())):,} runs; not refuted: {worst}.\n\n"
        f"Theorems: {len(theorems)}, {sum(r['tried'] for r in theorems):,} instances, {whole} of them on 100,000 or more; "
        f"refuted: {', '.join(refuted) or 'none'}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selectors", nargs="*")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--instances", type=int, default=100_000, help="of each theorem")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="processor seconds for a theorem at most")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="write the table of what is kept, and run nothing")
    chosen = parser.parse_args()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    done = {(r.get("falsehood", r.get("theorem")), r.get("seed", PLAIN_SEED)) for r in kept()}
    if not chosen.table:
        with Workers(chosen.jobs) as workers, KEPT.open("a") as file:
            asked = tasks(chosen.selectors, chosen.seeds, chosen.instances, chosen.seconds, done)
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
