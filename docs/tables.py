"""Writes the two tables over the library that take a while, ``ablations.md`` and ``tightness.md``: ``make tables``.

Every paper goes through ``theorycheck ablate PAPER`` and ``theorycheck tighten PAPER``; what each answers is kept in ``build/tables/``, so that
the work can be stopped and started again. Name papers to do only those; the pages are then made of what is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from theorycheck.library import papers

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "tables"
ABLATIONS, TIGHTNESS = "ablations", "tightness"
BUDGET = 40  # evaluations of a local search: some claims integrate flows


def asked(question: str, paper: str, instances: int, jobs: int) -> list[dict[str, Any]]:
    """The records of one question about one paper, as kept or made now."""
    kept = KEPT / f"{question}-{paper}-{instances}.json"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = kept.with_suffix(".part")
        sizes = ["--instances", str(instances), "--jobs", str(jobs), *(["--budget", str(BUDGET)] if question == "tighten" else [])]
        subprocess.run([sys.executable, "-m", "theorycheck", question, paper, *sizes, "--json", str(made)], check=False, stdout=subprocess.DEVNULL)
        made.rename(kept)
        sys.stderr.write(f"{question} {paper}\n")
    records: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
    return records


def ablations_page(records: list[dict[str, Any]], instances: int) -> Iterator[str]:
    """One row a premise."""
    yield "# Which premises are needed\n"
    yield f"`theorycheck ablate` over the library, {instances} instances for each premise dropped, seed 0; made by `make tables`.\n"
    answers = Counter(d["answer"] for r in records for d in r["dropped"] if len(d["premises"]) == 1)
    yield ", ".join(f"{answer} {count}" for answer, count in answers.most_common()) + ".\n"
    yield "NEEDED: the claim fails outside. WELL_POSEDNESS: it is undefined outside, and violated nowhere. NOT_SEEN_TO_MATTER: no violation"
    yield "outside, which is worth as many tries as the table says.\n"
    yield "| theorem | without | answer | outside / tried | hardest slack | smallest counterexample |\n|---|---|---|---:|---:|---|"
    for record in records:
        name = f"`{record['paper']}/{record['theorem']}`"
        for d in record["dropped"]:
            hardest = f"{d['hardest']['slack']:+.1e}" if d["hardest"] else ""
            found = f"`{_cell(d['counterexample']['instance'])}`" if d["counterexample"] else ""
            yield f"| {name} | {' and '.join(d['premises'])} | {d['answer']} | {d['outside']} / {d['tried']} | {hardest} | {found} |"
            name = ""


def tightness_page(records: list[dict[str, Any]], instances: int) -> Iterator[str]:
    """One row an inequality."""
    yield "# How tight the constants are\n"
    how = f"{instances} samples and local searches of {BUDGET} evaluations from the nearest"
    yield f"`theorycheck tighten` over the library, {how}, seed 0; made by `make tables`.\n"
    yield "The ratio is smaller side / larger side at the extremal instance: 1 is equality, and attained where the two are exactly equal.\n"
    yield "| theorem | bound | largest ratio | median | attained | extremal instance |\n|---|---|---:|---:|---|---|"
    for record in records:
        name = f"`{record['paper']}/{record['theorem']}`"
        for bound in record["bounds"]:
            ratio, median = (f"{bound[key]:.6g}" if bound[key] is not None else "" for key in ("ratio", "median_ratio"))
            extremal = f"`{_cell(bound['extremal']['instance'])}`" if bound["extremal"] else ""
            yield f"| {name} | {_cell(bound['label'])} | {ratio} | {median} | {'yes' if bound['attained'] else ''} | {extremal} |"
            name = ""
    ranked = [record for record in records if record["candidates"]]
    if ranked:
        yield "\n## Other bounds, ranked\n"
        yield "The `CANDIDATES` of the theorem files beside the bound as stated: those that hold first, the sharpest of them first.\n"
        yield "| theorem | candidate | stands | least slack | largest ratio | median |\n|---|---|---|---:|---:|---:|"
    for record in ranked:
        name = f"`{record['paper']}/{record['theorem']}`"
        for c in record["candidates"]:
            numbers = " | ".join(f"{c[key]:{form}}" for key, form in (("least_slack", "+.1e"), ("ratio", ".4g"), ("median_ratio", ".4g")))
            yield f"| {name} | {c['name']} | {'holds so far' if c['holds'] else 'falls'} | {numbers} |"
            name = ""


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "∣")
    return text if len(text) <= 160 else f"{text[:157]}..."


def main() -> None:
    """Ask what is not kept yet, and write both pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", nargs="*")
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    for question, page, name in (("ablate", ablations_page, ABLATIONS), ("tighten", tightness_page, TIGHTNESS)):
        records = []
        for paper in papers():
            if not chosen.papers or paper.name in chosen.papers or (KEPT / f"{question}-{paper.name}-{chosen.instances}.json").exists():
                records += asked(question, paper.name, chosen.instances, chosen.jobs)
        (HERE / f"{name}.md").write_text("\n".join(page(records, chosen.instances)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
