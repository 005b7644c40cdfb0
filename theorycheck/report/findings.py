"""Findings: what checking showed that the papers do not say, on the screen and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from theorycheck.library import Paper
from theorycheck.report.consoles import say
from theorycheck.report.terminal import print_indented

HEAD = """# What theorycheck found

Where a run disagrees with a published statement or with common belief, where a premise is never seen to matter, where a constant can be
improved, or a hypothesis is missing. Behind each stand a theorem that was corroborated and a falsehood that was refuted; the command shows
both again. A finding is evidence, not a proof, unless it says so.

This page is made by `make pages`.
"""


def print_findings(console: Console, papers: Sequence[Paper]) -> None:
    """Every finding, paper by paper."""
    for paper in papers:
        if paper.findings:
            say(console, Text(paper.name, "bold"), f"  {source_of(paper)}")
        for finding in paper.findings:
            say(console, Text(finding.statement, "italic"))
            print_indented(console, finding.evidence, finding.reproduce)
            console.print()
    found = [paper for paper in papers if paper.findings]
    say(console, f"{sum(len(paper.findings) for paper in found)} findings in {len(found)} papers")


def findings_page(papers: Sequence[Paper]) -> str:
    """The same as a page of Markdown."""
    return "\n".join(_lines(papers)) + "\n"


def source_of(paper: Paper) -> str:
    """Authors and years of a theorem file."""
    return "; ".join(dict.fromkeys(f"{t.source.authors} {t.source.year or ''}".strip() for t in paper.theorems))


def _lines(papers: Sequence[Paper]) -> Iterator[str]:
    yield HEAD
    for paper in papers:
        if paper.findings:
            yield f"## {source_of(paper)} (`{paper.name}`)\n"
        for finding in paper.findings:
            yield f"**{_plain(finding.statement)}.** {_plain(finding.evidence)}\n\n```\n{finding.reproduce}\n```\n"


def _plain(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return "".join(f"\\{letter}" if letter in "*_`<>|" else letter for letter in text)
