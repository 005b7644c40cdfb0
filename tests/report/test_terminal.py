"""What readers see: names in full at any width, every outcome in words, nothing only in colour."""

import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from theorycheck.instances.recipes import reals, recipe
from theorycheck.library import load
from theorycheck.report.catalogue import kind_of_claim, print_list, print_page
from theorycheck.report.consoles import console_for, folded, seconds_text
from theorycheck.report.progress import Live
from theorycheck.report.terminal import finished_line, print_results, summary_line
from theorycheck.search.check import check
from theorycheck.search.reports import Planted, Report, Running, Settled
from theorycheck.search.verdicts import Tally
from theorycheck.statements.comparisons import all_of, at_least, at_most, equal
from theorycheck.statements.sources import CONJECTURE
from theorycheck.statements.theorems import Premise, Theorem

NAME = "a_conclusion_that_takes_a_long_name_of_premises_with_long_names_too"


@recipe
def numbers(draw):
    return draw(reals(-1, 1))


def bounded(x, precision, factor=1.0):
    return at_most("x² ≤ [1]", factor * x**2, 1.0001)


def below(x, precision):
    return _helper(x)


def _helper(x):
    return all_of(at_least("a", x, 0.0), equal("b", x, x))


theorem = Theorem(NAME, CONJECTURE, numbers, (Premise("any", "x ∈ [-1, 1]", lambda x: True),), bounded, statement=r"x^2 \le 1")


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    false = (theorem.claiming(f"factor_{f}", partial(bounded, factor=f)) for f in (2.0, 1.0))
    verdict, *others = (check(t, instances=40) for t in (theorem, *false))
    planted = tuple(Planted(v.theorem, v.outcome, Tally(tried=v.tried, admitted=v.admitted), v.counterexample) for v in others)
    return [Report("paper", theorem, verdict, planted, (Settled("a = b", False, "UNPROVED a = b: stuck"),), seconds=2.0)]


def printed(reports: list[Report], width: int, terminal: bool, verbose: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None, markup=False, highlight=False, emoji=False)
    print_results(console, reports, verbose)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_names_are_complete_at_any_width(reports: list[Report], width: int, terminal: bool) -> None:
    text = printed(reports, width, terminal)
    pieces = re.sub(r"(?m)^(\S*)\s.*$", r"\1", text)  # the first column
    assert NAME in pieces.replace("\n", "") or NAME in text.replace("\n", "")
    assert "…" not in text
    assert "CORROBORATED" in text
    if terminal:
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 200])
def test_survivors_counterexamples_and_unproved_identities_are_named(reports: list[Report], width: int) -> None:
    text = printed(reports, width, terminal=False)
    assert "x² ≤ [1]: left 2, right 1.0001" in text  # brackets are text, not markup
    assert f"SURVIVED planted falsehood paper/{NAME}:factor_1.0: not refuted by 40 instances" in text
    assert f"UNPROVED identity of paper/{NAME}: a = b\n    stuck" in text
    assert "NOT REFUTED" in text


def test_verbose_gives_counterexamples_in_full(reports: list[Report]) -> None:
    text = printed(reports, 200, terminal=False, verbose=True)
    assert "(slack -0.333" in text
    assert "every simpler one of as many numbers was tried" in text


def test_one_line_for_each_finished_theorem(reports: list[Report]) -> None:
    line = finished_line(reports[0]).plain
    assert re.fullmatch(rf"CORROBORATED  paper/{NAME}  40/40 admitted, tightest \S+, falsehoods refuted 1/2, identities proved 0/1, 2\.0 s", line)
    assert finished_line(Report("p", theorem, skipped="takes no data")).plain == f"SKIPPED       p/{NAME}: takes no data"


def test_the_summary_counts(reports: list[Report]) -> None:
    assert summary_line(reports) == "1 theorem checked, 1 corroborated; 1 of 2 planted falsehoods refuted; 0 of 1 identities proved"
    assert summary_line([]) == "0 theorems checked"


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        ("short", 10, ["short"]),
        ("one_two_three", 8, ["one_two_", "three"]),
        ("paper/theorem:falsehood", 15, ["paper/theorem:", "falsehood"]),
        ("unbroken", 3, ["unb", "rok", "en"]),
    ],
)
def test_names_fold_at_their_joints(name: str, width: int, lines: list[str]) -> None:
    assert folded(name, width).split("\n") == lines


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (99.9, "99.9 s"), (150, "2.5 min"), (7200, "2.0 h")])
def test_seconds(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_a_pipe_is_wide_unless_columns_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console_for().width == 200
    monkeypatch.setenv("COLUMNS", "93")
    assert console_for().width == 93


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        (bounded, "≤"),
        (partial(bounded, factor=2.0), "≤"),
        (lambda x, precision: bounded(x, precision), "≤"),
        (below, "≥ and ="),
        (lambda x, precision: None, "other"),
    ],
)
def test_kinds_of_claims_are_read_off_their_code(claim, kind: str) -> None:
    assert kind_of_claim(Theorem("t", CONJECTURE, numbers, (), claim)) == kind


THEOREM_FILE = r'''"""Title.

Setting      x is real,
             between -1 and 1.
Convention   none
Results      one
"""
import theorycheck as tc

@tc.recipe
def numbers(draw):
    return draw(tc.reals(-1, 1))

paper = tc.Source("Someone", 2024)
t = tc.Theorem("squares_le_one", paper, numbers, (), lambda x, p: tc.at_most("x² ≤ 1", x**2, 1.0), statement=r"x^2 \le 1")
THEOREMS = (t,)
FALSE = (t.claiming("zero", lambda x, p: tc.at_most("x² ≤ 0", x**2, 0.0)),)
'''


def test_list_and_show(tmp_path: Path) -> None:
    path = tmp_path / "someone_2024.py"
    path.write_text(THEOREM_FILE, encoding="utf-8")
    paper = load(path)
    out = console_text(print_list, [paper])
    assert [line.strip() for line in out.splitlines()][:4] == [
        "someone_2024  Someone 2024",
        "squares_le_one  (≤)",
        "premises    none",
        "falsehoods  zero",
    ]
    page = console_text(print_page, paper, paper.theorems[0])
    for said in ("someone_2024/squares_le_one", "Someone 2024", r"x^2 \le 1", "numbers", "x is real,", "between -1 and 1.", "zero"):
        assert said in page
    assert "distorts   squares_le_one" in console_text(print_page, paper, paper.false[0])


def console_text(show: Callable[..., None], *arguments: object) -> str:
    out = io.StringIO()
    show(Console(file=out, width=80, markup=False, highlight=False), *arguments)
    return out.getvalue()


def test_progress_moves_on_a_terminal_and_is_silent_elsewhere(tmp_path: Path) -> None:
    running = Running("paper", theorem, Tally(tried=64), 100, (1, 2), (3, 10))
    for terminal in (True, False):
        out, err = io.StringIO(), io.StringIO()
        consoles = [Console(file=f, force_terminal=terminal and f is err, width=80, color_system=None) for f in (out, err)]
        with Live(*consoles) as live:
            live.show(running)
            live.finished(finished_line(Report("p", theorem, skipped="takes no data")))
        assert out.getvalue() == f"SKIPPED       p/{NAME}: takes no data\n"
        assert ("64/100" in err.getvalue()) is terminal
