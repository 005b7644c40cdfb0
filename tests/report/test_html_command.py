"""The commands that write the page: check and report write the same one, and say first what cannot be written."""

import re
import sys
from pathlib import Path

import pytest

from tests.report.hostile_reports import HEAD, RECORDS, Reader, run, write


@pytest.mark.usefixtures("elsewhere")
def test_check_writes_a_page_and_report_the_same_one_again(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD.replace("\\\\", "\\") + "THEOREMS = (theorem,)\nFALSE = (theorem.without(positive),)\n")
    done = run("check", "mine.py", "--jobs", 1, "--instances", 40, "--json", "out.json", "--report", "out.html")
    assert done.exit_code == 0, done.output
    again = run("report", "out.json", "-o", "again.html")
    assert (again.exit_code, again.stdout) == (0, "again.html: 1 theorem\n")
    first, second = (re.sub(r"Page written on [^.]*", "", (tmp_path / name).read_text()) for name in ("out.html", "again.html"))
    assert first == second
    assert Reader(first).of("svg")
    assert run("report", "out.json", "--no-figures").exit_code == 0
    assert Reader((tmp_path / "out.html").read_text()).of("svg") == []


@pytest.mark.usefixtures("elsewhere")
def test_without_matplotlib_there_is_a_page_without_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("report", write(tmp_path / "out.json", RECORDS)).exit_code == 0
    assert "No figures: Matplotlib is not installed here" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize("place", ["no_such_folder/out.html", "."])
def test_a_page_that_cannot_be_written_is_known_before_the_work(place: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD + "THEOREMS = (theorem,)\n")
    result = run("check", tmp_path / "mine.py", "--report", tmp_path / place)
    assert result.exit_code == 2
    assert "`report=" in result.stderr
    assert result.stdout == ""
