"""The long run: every theorem on 100,000 instances and every planted falsehood, over 30 seeds; far too long for CI.

``python benchmarks/campaign.py`` works through the seeds, keeps what each found in ``build/campaign/`` (so that it can be stopped and
started again), and writes ``benchmarks/results/campaign.md``. ``--seeds`` and ``--instances`` make it shorter; the table says what was run.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from machine import stamp

from theorycheck.library import select
from theorycheck.search.reports import Planted, Report
from theorycheck.search.session import Plan, run

HERE = Path(__file__).parent
KEPT, TABLE = HERE.parent / "build" / "campaign", HERE / "results" / "campaign.md"


def one_seed(selectors: list[str], seed: int, instances: int, jobs: int) -> list[dict[str, Any]]:
    """What a run over the library found, one row a theorem and falsehood."""
    rows = []
    for report in run(Plan(select(selectors), instances, seed, jobs)):
        rows.append(theorem_row(report))
        rows.extend(falsehood_row(report, planted) for planted in report.planted)
        print(f"seed {seed}: {report.paper}/{report.theorem.name}", flush=True)
    return rows


def theorem_row(report: Report) -> dict[str, Any]:
    verdict = report.verdict
    name = f"{report.paper}/{report.theorem.name}"
    if verdict is None:
        return {"theorem": name, "tried": 0}
    slack = None if verdict.tightest is None else verdict.tightest.slack
    return {
        "theorem": name,
        "outcome": verdict.outcome.value,
        "tried": verdict.tried,
        "admitted": verdict.admitted,
        "pursued": verdict.pursued,
        "slack": slack,
        "seconds": report.seconds,
    }


def falsehood_row(report: Report, planted: Planted) -> dict[str, Any]:
    found = planted.counterexample
    row: dict[str, Any] = {"falsehood": f"{report.paper}/{planted.theorem.name}", "refuted": planted.refuted, "tried": planted.tally.tried}
    return row if found is None else row | {"numbers": len(found.choices), "first": len(found.first), "exhausted": found.exhausted}


def tables(rows: list[dict[str, Any]]) -> str:
    """Two tables in Markdown, theorems and falsehoods, each summed over seeds."""
    theorems: dict[str, list[dict[str, Any]]] = {}
    falsehoods: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        kind = theorems if "theorem" in row else falsehoods
        kind.setdefault(row.get("theorem", row.get("falsehood", "")), []).append(row)
    lines = ["| theorem | instances | admitted | adversary | outcomes | tightest slack |", "|---|---:|---:|---:|---|---:|"]
    for name, of in sorted(theorems.items()):
        outcomes = ", ".join(f"{o} {n}" for o, n in sorted(Counter(r["outcome"] for r in of if r["tried"]).items()))
        slacks = [r["slack"] for r in of if r.get("slack") is not None]
        least = f"{min(slacks):+.1e}" if slacks else ""
        counts = (sum(r.get(key, 0) for r in of) for key in ("tried", "admitted", "pursued"))
        lines.append(f"| {name} | {' | '.join(f'{c:,}' for c in counts)} | {outcomes} | {least} |")
    lines += ["", "| falsehood | refuted | median instances | numbers in the smallest | sizes over seeds |", "|---|---:|---:|---:|---|"]
    for name, of in sorted(falsehoods.items()):
        sizes = Counter(r["numbers"] for r in of if r["refuted"])
        tried = sorted(r["tried"] for r in of)[len(of) // 2]
        seen = ", ".join(f"{size}: {n}" for size, n in sorted(sizes.items()))
        lines.append(f"| {name} | {sum(r['refuted'] for r in of)} of {len(of)} | {tried:,} | {min(sizes, default='-')} | {seen} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selectors", nargs="*")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--instances", type=int, default=100_000, help="of each theorem, over all seeds")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    each = -(-chosen.instances // chosen.seeds)
    rows = []
    for seed in range(chosen.seeds):
        kept = KEPT / f"{seed}-{each}-{'-'.join(chosen.selectors).replace('/', '.').replace('*', 'all') or 'all'}.json"
        if not kept.exists():
            kept.write_text(json.dumps(one_seed(chosen.selectors, seed, each, chosen.jobs)))
        rows += json.loads(kept.read_text())
    head = f"# Campaign\n\n{chosen.seeds} seeds, {each:,} instances of each theorem a seed; made by `make campaign`.\n\n{stamp()}\n"
    TABLE.write_text(f"{head}\n{tables(rows)}\n")
    print(f"wrote {TABLE.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
