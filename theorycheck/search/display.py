"""Answers as small tables in a notebook: HTML with everything escaped, since names and labels are the reader's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from theorycheck.search.verdicts import Counterexample, Verdict, shown

if TYPE_CHECKING:
    from theorycheck.search.ablation import Ablation
    from theorycheck.search.reports import Report
    from theorycheck.search.tightness import Tightness

_LEFT = ' style="text-align:left;vertical-align:top"'


def table(title: str, rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """A table with a title; what stands in it is text.

    >>> table("x < 1", [("left", "2")])
    '<table><caption ...>x &lt; 1</caption><tbody><tr><td ...>left</td><td ...>2</td></tr></tbody></table>'

    """
    caption = f'<caption style="text-align:left;font-weight:bold;white-space:nowrap">{escape(title)}</caption>'
    top = f"<thead>{_row('th', head)}</thead>" if head else ""
    return f"<table>{caption}{top}<tbody>{''.join(_row('td', row) for row in rows)}</tbody></table>"


def verdict_table(verdict: Verdict) -> str:
    """Counts, the tightest instance, problems, and the counterexample."""
    return table(f"{verdict.theorem.name}: {verdict.outcome.name}", _verdict_rows(verdict))


def counterexample_table(found: Counterexample) -> str:
    """The instance, both sides, and where it was found."""
    return table(f"{found.theorem.name}: counterexample", _counterexample_rows(found))


def report_table(report: Report) -> str:
    """The verdict with falsehoods, identities and certificates."""
    outcome = report.verdict.outcome.name if report.verdict is not None else "not run"
    rows = list(_verdict_rows(report.verdict)) if report.verdict is not None else []
    if report.skipped:
        rows.append(("skipped", report.skipped))
    if report.planted:
        rows.append(("planted falsehoods refuted", f"{sum(p.refuted for p in report.planted)} of {len(report.planted)}"))
    if report.identities:
        rows.append(("identities proved", f"{sum(i.proved for i in report.identities)} of {len(report.identities)}"))
    if report.share is not None:
        rows.append(("certified", report.share.problem or f"{report.share.certified} of {report.share.held} that hold"))
    rows += [("note", note) for note in report.notes]
    return table(f"{report.paper}/{report.theorem.name}: {outcome}", rows)


def ablation_table(ablation: Ablation) -> str:
    """A row a premise, or a pair of them, that was dropped."""
    rows = []
    for d in ablation.dropped:
        against = f"{shown(d.counterexample.instance)}, slack {d.counterexample.entry.slack:+.3g}" if d.counterexample is not None else ""
        rows.append((d.name, d.need.name.replace("_", " "), f"{d.outside} of {d.tried}", against or d.sentence))
    title = f"{ablation.theorem.name}: {ablation.baseline.outcome.name} as it stands"
    return table(title, rows, ("without", "answer", "tries outside", "worth"))


def tightness_table(tightness: Tightness) -> str:
    """A row an inequality, then a row a candidate."""
    rows = [(b.label, f"{b.ratio:.6g}", "attained" if b.attained else "not attained", shown(b.instance)) for b in tightness.bounds]
    rows += [
        (c.theorem.name, f"{c.ratio:.6g}", "holds so far" if c.holds else "falls", shown(c.counterexample.instance) if c.counterexample else "")
        for c in tightness.candidates
    ]
    rows += [("problem", "", "", problem) for problem in tightness.problems]
    title = f"{tightness.theorem.name}: {tightness.admitted} of {tightness.tried} instances admitted"
    return table(title, rows, ("bound", "largest share used", "stands", "at"))


def _verdict_rows(verdict: Verdict) -> Iterable[tuple[str, str]]:
    rejected = "".join(f", {name} rejected {count}" for name, count in verdict.rejected.items())
    yield "instances", f"{verdict.admitted} of {verdict.tried} satisfy the hypotheses{rejected} (seed {verdict.seed})"
    counts = ((verdict.holds, "hold"), (verdict.too_close, "too close to call"), (verdict.undefined, "undefined"))
    yield "of these", ", ".join(f"{count} {word}" for count, word in counts if count) or "none was decided"
    if verdict.tightest is not None:
        yield "tightest slack", f"{verdict.tightest.slack:+.3g} in {verdict.tightest.label}"
    yield from (("problem", problem) for problem in verdict.problems)
    if verdict.counterexample is not None:
        yield from _counterexample_rows(verdict.counterexample)


def _counterexample_rows(found: Counterexample) -> Iterable[tuple[str, str]]:
    e = found.entry
    yield "counterexample", shown(found.instance)
    yield e.label, f"left {e.left:.9g}, right {e.right:.9g}, slack {e.slack:+.3g} ± {e.bar:.1g}"
    yield "found", found.story()


def _row(cell: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}{_LEFT}>{escape(text)}</{cell}>" for text in texts) + "</tr>"
