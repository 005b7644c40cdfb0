"""What the tests of the page share: reports with markup planted in every text, a reader of elements, and the command."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

import theorycheck as tc
from theorycheck.cli import cli
from theorycheck.report.results import record_of, write_records
from theorycheck.search.reports import CertifiedShare, Planted, Report, Settled
from theorycheck.search.verdicts import Tally

PLANTED = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
HEAD = '''"""A file of one's own."""

import theorycheck as tc


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


positive = tc.Premise("positive", "x ≥ 0", lambda x: x >= 0)


def claim(x, precision, bound=1.0):
    return tc.at_least(f"x + 1 ≥ {bound:g}", x + 1, bound)


theorem = tc.Theorem("above", tc.CONJECTURE, numbers, (positive,), claim, r"x + 1 \\\\ge 1", tight=True)
'''


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


positive = tc.Premise("positive", f"x ≥ 0 {PLANTED}", lambda x: x >= 0)


def claim(x: float, precision: tc.Precision) -> tc.Comparison:
    return tc.at_least(f"x + 1 ≥ 1 {PLANTED}", x + 1, 1.0)


source = tc.Source(f"An author {PLANTED}", 2020)
theorem = tc.Theorem("above", source, numbers, (positive,), claim, rf"x + 1 \ge 1 {PLANTED}", tight=True)
named = replace(theorem, name=f"above{PLANTED}", statement=r"x^{1/2} \ge \odd", tight=False)
verdict, refuted = tc.check(theorem, 60), tc.check(replace(named, premises=()), 60)
false = tc.check(theorem.without(positive), 60)
fell = Planted(false.theorem, false.outcome, Tally(tried=3), false.counterexample)
stood = Planted(replace(theorem, name=f"above:odd{PLANTED}"), tc.Outcome.CORROBORATED, Tally(tried=5, admitted=4), None, (PLANTED,))
settled = (Settled(f"a = a {PLANTED}", True, ""), Settled("a = b", False, f"stuck {PLANTED}"))
REPORTS = (
    Report("paper", theorem, verdict, (fell, stood), settled, notes=(PLANTED,), seconds=2.0, share=CertifiedShare(10, 9, 8)),
    Report("paper", named, refuted, seconds=0.5),
)
RECORDS = [record_of(report) for report in REPORTS]


class Reader(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for element, attributes in self.elements if element == name]


def write(path: Path, records: list[Any]) -> Path:
    write_records(path, records)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))
