"""Tightness for readers and for programs: how much of a bound is used, where, and which others hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from theorycheck.report.consoles import folded, plain_table, say, seconds_text, slack_text
from theorycheck.report.results import Status, counterexample_record, finite
from theorycheck.report.terminal import print_counterexample, print_indented
from theorycheck.search.breakdown import Exponent, Row
from theorycheck.search.tightness import Bound, Candidate, Tightness
from theorycheck.search.verdicts import shown

_BESIDE = 70  # columns of the table of candidates that the names do not get
_LEAST_NAME = 16
_BY = "in the search for the largest ratio"


def print_tightness(console: Console, paper: str, tightness: Tightness) -> None:
    """Each inequality with its extremal instance and its ratio by feature; then the candidates, ranked."""
    say(console, Text(f"{paper}/{tightness.theorem.name}", "bold"))
    print_indented(console, *([f"claim: {tightness.theorem.statement}"] if tightness.theorem.statement else []))
    if tightness.counterexample is not None:
        say(console, Text("REFUTED", "bold #d55e00"), " by an instance met on the way")
        print_counterexample(console, tightness.counterexample, _BY)
    for bound in tightness.bounds:
        _print_bound(console, bound)
    if tightness.candidates:
        _print_candidates(console, tightness.candidates)
    print_indented(console, *tightness.problems)
    counts = f"{tightness.admitted} of {tightness.tried} instances admitted, up to {tightness.evaluations} evaluations in local searches"
    say(console, f"({counts}, seed {tightness.seed}, {seconds_text(tightness.seconds)})")
    console.print()


def _print_bound(console: Console, bound: Bound) -> None:
    how_small = ", the simplest of as many numbers" if bound.exhausted else ""
    at = f"attained{how_small}, at" if bound.attained else f"not attained (1 - ratio = {1 - bound.ratio:.2g}), nearest at"
    say(console, Text(bound.label, "bold"), f": largest ratio found {bound.ratio:.9g}, {at}")
    e = bound.extreme
    print_indented(console, shown(bound.instance), f"left {e.left:.12g}, right {e.right:.12g} (slack {e.slack:+.3g} ± {e.bar:.1g})")
    print_indented(console, f"median ratio {bound.typical:.3g} over {bound.seen} sampled instances")
    for name, rows in bound.rows.items():
        fit = next((f for f in bound.exponents if f.feature == name), None)
        print_indented(console, f"by {name}: {', '.join(map(_row, rows))}" + (f"; {_exponent(fit)}" if fit is not None else ""))


def _row(row: Row) -> str:
    return f"{row.name}: {row.ratio:.4g} ({row.count})"


def _exponent(fit: Exponent) -> str:
    return f"~ {fit.feature}^{fit.value:+.2f} [{fit.low:+.2f}, {fit.high:+.2f}]"


def _print_candidates(console: Console, candidates: Sequence[Candidate]) -> None:
    room = console.width - _BESIDE
    if room >= _LEAST_NAME:
        numeric = ("least slack", "largest ratio", "median ratio")
        table = plain_table("candidate", "stands", *numeric, numeric=numeric)
        for c in candidates:
            table.add_row(Text(folded(c.theorem.name, room)), _stands(c), slack_text(c.slack), f"{c.ratio:.6g}", f"{c.typical:.3g}")
        console.print(table)
    for c in candidates:
        if room < _LEAST_NAME:
            say(console, f"{c.theorem.name}  ", _stands(c), f", least slack {slack_text(c.slack)}, median ratio {c.typical:.3g}")
        if c.counterexample is not None:
            say(console, "against ", Text(c.theorem.name, "bold"), ":")
            print_counterexample(console, c.counterexample, _BY)


def _stands(candidate: Candidate) -> Text:
    return Text("holds so far", "bright_blue") if candidate.holds else Text("FALLS", "bold #d55e00")


def tightnesses_status(found: Sequence[Tightness]) -> Status:
    """1 if a theorem fell; 0 if every one had something to press and nothing went wrong; else 3."""
    if any(t.counterexample is not None for t in found):
        return Status.REFUTED_OR_SURVIVED
    return Status.ALL_CORROBORATED if all(t.bounds and not t.problems for t in found) else Status.UNDECIDED


def tightness_record(paper: str, tightness: Tightness) -> dict[str, Any]:
    """The object a theorem has in the JSON file."""
    record: dict[str, Any] = {
        "theorem": tightness.theorem.name,
        "paper": paper,
        "tried": tightness.tried,
        "admitted": tightness.admitted,
        "seed": tightness.seed,
        "counterexample": counterexample_record(tightness.counterexample),
        "bounds": [_bound_record(b) for b in tightness.bounds],
        "candidates": [_candidate_record(c) for c in tightness.candidates],
        "problems": list(tightness.problems),
        "seconds": round(tightness.seconds, 3),
    }
    plain: dict[str, Any] = finite(record)
    return plain


def _bound_record(b: Bound) -> dict[str, Any]:
    return {
        "label": b.label,
        "ratio": b.ratio,
        "attained": b.attained,
        "exhausted": b.exhausted,
        "extremal": {
            "instance": shown(b.instance),
            "choices": list(b.extreme.choices),
            "left": b.extreme.left,
            "right": b.extreme.right,
            "features": dict(b.extreme.features),
        },
        "median_ratio": b.typical,
        "by": {name: [{"low": r.low, "high": r.high, "instances": r.count, "ratio": r.ratio} for r in rows] for name, rows in b.rows.items()},
        "exponents": [{"feature": e.feature, "value": e.value, "low": e.low, "high": e.high, "points": e.points} for e in b.exponents],
    }


def _candidate_record(c: Candidate) -> dict[str, Any]:
    return {
        "name": c.theorem.name,
        "holds": c.holds,
        "least_slack": c.slack,
        "label": c.label,
        "ratio": c.ratio,
        "median_ratio": c.typical,
        "counterexample": counterexample_record(c.counterexample),
    }
