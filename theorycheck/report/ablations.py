"""Ablations for readers and for programs: which premises a theorem needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from theorycheck.report.consoles import folded, plain_table, say, seconds_text, slack_text
from theorycheck.report.results import Status, counterexample_record, finite, tightest_record
from theorycheck.report.terminal import print_counterexample, print_indented
from theorycheck.search.ablation import Ablation, Dropped, Need
from theorycheck.search.verdicts import Outcome

_WORDS = {need: need.value.upper() for need in Need}
_STYLES = {Need.NEEDED: "bold #d55e00", Need.WELL_POSEDNESS: "bright_blue"}
_BESIDE = 60  # columns of the table that the names do not get
_LEAST_NAME = 16


def print_ablation(console: Console, paper: str, ablation: Ablation) -> None:
    """A row a premise; then what each answer is worth, and the smallest counterexamples."""
    theorem, baseline = ablation.theorem, ablation.baseline
    say(console, Text(f"{paper}/{theorem.name}", "bold"))
    drawn = f"{baseline.admitted} of {baseline.tried} instances admitted, tightest {_hardest(baseline.tightest)}"
    print_indented(console, f"as it stands: {baseline.outcome.name}, {drawn}")
    if baseline.counterexample is not None:
        print_counterexample(console, baseline.counterexample)
    if not ablation.dropped:
        print_indented(console, "it has no premises")
    room = console.width - _BESIDE
    if ablation.dropped and room >= _LEAST_NAME:
        table = plain_table("without", "answer", "outside", "hardest slack", numeric=("outside", "hardest slack"))
        for d in ablation.dropped:
            table.add_row(Text(folded(d.name, room)), _word(d), f"{d.outside}/{d.tried}", _hardest(d.hardest))
        console.print(table)
    for d in ablation.dropped:
        say(console, "without ", Text(d.name, "bold"), ": ", _word(d), f", {d.sentence}")
        print_indented(console, *(f"premise: {p.statement}" for p in d.premises))
        if d.counterexample is not None:
            print_counterexample(console, d.counterexample)
    say(console, f"({baseline.tried} instances each, seed {ablation.seed}, {seconds_text(ablation.seconds)})")
    console.print()


def ablations_status(ablations: Sequence[Ablation]) -> Status:
    """1 if a theorem is refuted as it stands; 0 if all are corroborated and every premise has an answer; else 3."""
    if any(a.baseline.outcome is Outcome.REFUTED for a in ablations):
        return Status.REFUTED_OR_SURVIVED
    open_questions = (Need.UNDECIDED, Need.NEVER_LEFT)
    answered = all(d.need not in open_questions for a in ablations for d in a.dropped if len(d.premises) == 1)
    corroborated = all(a.baseline.outcome is Outcome.CORROBORATED for a in ablations)
    return Status.ALL_CORROBORATED if answered and corroborated else Status.UNDECIDED


def ablation_record(paper: str, ablation: Ablation) -> dict[str, Any]:
    """The object a theorem has in the JSON file."""
    record: dict[str, Any] = {
        "theorem": ablation.theorem.name,
        "paper": paper,
        "outcome": ablation.baseline.outcome.name,
        "seed": ablation.seed,
        "dropped": [_record(d) for d in ablation.dropped],
        "seconds": round(ablation.seconds, 3),
    }
    plain: dict[str, Any] = finite(record)
    return plain


def _record(d: Dropped) -> dict[str, Any]:
    return {
        "premises": [p.name for p in d.premises],
        "answer": d.need.name,
        "tried": d.tried,
        "outside": d.outside,
        "undefined": d.verdict.undefined,
        "hardest": tightest_record(d.hardest),
        "counterexample": counterexample_record(d.counterexample),
        "worth": d.sentence,
    }


def _word(d: Dropped) -> Text:
    return Text(_WORDS[d.need], _STYLES.get(d.need, "bold"))


def _hardest(tightest: Any) -> str:
    return slack_text(None if tightest is None else tightest.slack)
