"""Results for readers: a line a theorem as it is finished, then the tables, counterexamples, problems and survivors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from theorycheck.report.consoles import folded, outcome_word, plain_table, say, seconds_text, share, slack_text
from theorycheck.search.reports import CertifiedShare, Planted, Report
from theorycheck.search.verdicts import Counterexample, Outcome, Tightest, Verdict, shown

_LEAST_NAME = 16
_WIDE = 160  # a table of falsehoods needs this much


def finished_line(report: Report) -> Text:
    """One line about a finished theorem."""
    name = f"{report.paper}/{report.theorem.name}"
    if report.skipped:
        return Text.assemble("SKIPPED       ", name, ": ", report.skipped)
    verdict = report.verdict
    parts = [] if verdict is None else [f"{share(verdict.admitted, verdict.tried)} admitted", f"tightest {_slack(verdict.tightest)}"]
    parts += [f"falsehoods refuted {_refuted(report)}"] if report.planted else []
    parts += [f"identities proved {_proved(report)}"] if report.identities else []
    word = Text("FALSEHOODS") if verdict is None else outcome_word(verdict.outcome)
    return Text.assemble(word, " " * (14 - len(word)), name, "  ", ", ".join([*parts, seconds_text(report.seconds)]))


def print_results(console: Console, reports: Sequence[Report], verbose: bool = False) -> None:
    """Everything a run found: tables first, then what calls for attention."""
    checked = [r for r in reports if not r.skipped]
    if checked:
        console.print()
        _print_table(console, checked)
    planted = [p for r in reports for p in r.planted]
    if planted:
        console.print()
        if verbose or console.width < _WIDE:
            _print_falsehoods(console, planted, verbose)
        else:
            console.print(_falsehoods_table(planted, console.width * 2 // 5))
    for report in reports:
        _print_attention(console, report)


def summary_line(reports: Sequence[Report]) -> str:
    """How many theorems came out how; falsehoods and identities."""
    verdicts = [r.verdict for r in reports if r.verdict is not None]
    counts = [(sum(v.outcome is outcome for v in verdicts), outcome.value) for outcome in Outcome]
    counts.append((sum(bool(r.skipped) for r in reports), "skipped"))
    parts = [f"{len(verdicts)} {'theorem' if len(verdicts) == 1 else 'theorems'} checked"]
    parts[0] += "".join(f", {n} {word}" for n, word in counts if n)
    planted, identities = [p for r in reports for p in r.planted], [i for r in reports for i in r.identities]
    parts += [f"{sum(p.refuted for p in planted)} of {len(planted)} planted falsehoods refuted"] if planted else []
    sure = [c for r in reports for c in (r.certificate, *(p.certificate for p in r.planted)) if c is not None]
    parts += [f"{sum(c.certified for c in sure)} of {len(sure)} counterexamples certified"] if sure else []
    parts += [f"{sum(i.proved for i in identities)} of {len(identities)} identities proved"] if identities else []
    return "; ".join(parts)


def _print_table(console: Console, reports: Sequence[Report]) -> None:
    """The results as a table, or as lines where a table would leave no room for the names."""
    certified = any(report.share is not None for report in reports)
    headers = ("outcome", "admitted", "tightest", "power", "proved", *(("certified",) if certified else ()), "seconds")
    cells = [_result_cells(report, certified) for report in reports]
    beside = sum(2 + max(map(len, column)) for column in zip(headers, *cells, strict=True))  # two spaces between columns
    room = console.width - beside - 1
    if room < _LEAST_NAME:
        for report in reports:
            say(console, finished_line(report))
        return
    table = plain_table("theorem", *headers, numeric=headers[1:])
    for paper, of_paper in groupby(zip(reports, cells, strict=True), lambda pair: pair[0].paper):
        table.add_row(Text(folded(paper, room), "bold"))
        for report, row in of_paper:
            table.add_row(Text(folded(report.theorem.name, room)), *row)
        table.add_section()
    console.print(table)


def _result_cells(report: Report, certified: bool) -> tuple[Text | str, ...]:
    verdict = report.verdict
    ends = (_refuted(report), _proved(report), *((_shared(report),) if certified else ()), f"{report.seconds:.1f}")
    if verdict is None:
        return "not run", "-", "-", *ends
    return outcome_word(verdict.outcome), share(verdict.admitted, verdict.tried), _slack(verdict.tightest), *ends


def _falsehoods_table(planted: Sequence[Planted], name_width: int) -> Table:
    table = plain_table("planted falsehood", "refuted at", "numbers", "smallest counterexample found", numeric=("refuted at", "numbers"))
    for p in planted:
        found = p.counterexample
        name = Text(folded(p.theorem.name, name_width))
        if found is None:
            table.add_row(name, Text("NOT REFUTED", "bold"), "-", f"none in {p.tally.tried} instances, {p.tally.admitted} admitted")
        else:
            sure = "  (certified)" if p.certificate is not None and p.certificate.certified else ""
            table.add_row(name, _where_found(found), f"{len(found.first)} → {len(found.choices)}", Text(":  ".join(_in_short(found)) + sure))
    return table


def _print_falsehoods(console: Console, planted: Sequence[Planted], verbose: bool) -> None:
    """The same as the table, a few lines each."""
    say(console, Text("planted falsehoods, each with the smallest counterexample found", "bold"))
    for p in planted:
        found = p.counterexample
        if found is None:
            say(console, f"{p.theorem.name}  NOT REFUTED by {p.tally.tried} instances, {p.tally.admitted} admitted")
            continue
        say(console, f"{p.theorem.name}  refuted {_at(found)}, {len(found.first)} → {len(found.choices)} numbers")
        if verbose:
            print_counterexample(console, found)
        else:
            print_indented(console, *_in_short(found))
        if p.certificate is not None and (verbose or p.certificate.certified):
            print_indented(console, p.certificate.sentence)


def _print_attention(console: Console, report: Report) -> None:
    """What a reader must know beyond the tables: counterexample, problems, survivors, identities not proved."""
    name, verdict = f"{report.paper}/{report.theorem.name}", report.verdict
    if verdict is not None and verdict.outcome is not Outcome.CORROBORATED:
        console.print()
        say(console, outcome_word(verdict.outcome), f" {name}")
        _print_verdict(console, verdict)
        if report.certificate is not None:
            print_indented(console, report.certificate.sentence)
    if report.share is not None and (why := _why_not_certified(report.share)):
        say(console, Text("NOT CERTIFIED", "bold"), f" {name}: {why}")
    for note in report.notes:
        say(console, Text("NOTE", "bold"), f" {name}: {note}")
    for p in report.planted:
        if not p.refuted:
            console.print()
            word = Text("SURVIVED" if p.survived else "NOT DECIDED", "bold")
            say(console, word, f" planted falsehood {report.paper}/{p.theorem.name}: {_why_not_refuted(p)}")
            print_indented(console, *p.problems)
    for identity in report.identities:
        if not identity.proved:
            console.print()
            say(console, Text("UNPROVED", "bold"), f" identity of {name}: {identity.label}")
            print_indented(console, identity.sentence.removeprefix(f"UNPROVED {identity.label}: "))


def _why_not_certified(found: CertifiedShare) -> str:
    """Why some instances that hold have no certificate; the commonest reason."""
    if found.problem or not found.reasons:
        return found.problem
    (reason, count), *others = found.reasons
    return f"{count} of {found.held} instances that hold: {reason}" + (f" (and {len(others)} other reasons)" if others else "")


def _why_not_refuted(p: Planted) -> str:
    tally = p.tally
    if not p.survived:
        return "it could not be tried"
    counts = f"{tally.admitted} admitted, {tally.undefined} undefined, tightest slack {_slack(tally.tightest)}"
    blind = "" if tally.undefined else "; the check is blind to it"
    return f"not refuted by {tally.tried} instances ({counts}){blind}"


def _print_verdict(console: Console, verdict: Verdict) -> None:
    if verdict.theorem.statement:
        print_indented(console, f"claim: {verdict.theorem.statement}")
    if verdict.counterexample is not None:
        print_counterexample(console, verdict.counterexample)
    print_indented(console, *verdict.problems)


def print_counterexample(console: Console, found: Counterexample, by: str = "by the adversary") -> None:
    """The instance, both sides, where it was first found (`by` whom, if it is no sample) and how far it was contracted."""
    print_indented(console, *str(found).splitlines(), f"({found.story(by)})")


def _at(found: Counterexample, by: str = "by the adversary") -> str:
    return by if found.index is None else f"at instance {found.index}"


def _where_found(found: Counterexample) -> str:
    return "adversary" if found.index is None else f"{found.index}"


def print_indented(console: Console, *lines: str) -> None:
    """Print lines four columns in; wrapped on a terminal, left whole in a pipe."""
    for line in lines:
        if console.is_terminal:
            console.print(Padding(Text(line), (0, 0, 0, 4)))
        else:
            console.print(Text(f"    {line}"), soft_wrap=True)


def _in_short(found: Counterexample) -> tuple[str, str]:
    """The instance, and the claim with its two sides."""
    entry = found.entry
    return shown(found.instance), f"{entry.label}: left {entry.left:.6g}, right {entry.right:.6g}"


def _refuted(report: Report) -> str:
    return share(sum(p.refuted for p in report.planted), len(report.planted))


def _proved(report: Report) -> str:
    return share(sum(i.proved for i in report.identities), len(report.identities))


def _shared(report: Report) -> str:
    found = report.share
    return "-" if found is None or found.problem else share(found.certified, found.held)


def _slack(tightest: Tightest | None) -> str:
    return slack_text(None if tightest is None else tightest.slack)
