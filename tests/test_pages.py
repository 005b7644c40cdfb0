"""The generated pages are those of the library as it stands."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from theorycheck.cli import cli
from theorycheck.library import papers

DOCS = Path(__file__).resolve().parent.parent / "docs"


def generated():
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["findings.md", "items.md", "library.md"])
def test_committed_pages_are_current(name):
    assert (DOCS / name).read_text(encoding="utf-8") == generated()[DOCS / name], "run `make pages`"


def test_findings_are_told_with_their_commands():
    found = [finding for paper in papers() for finding in paper.findings]
    text = CliRunner().invoke(cli, ["findings"]).output
    assert f"{len(found)} findings" in text
    for finding in found:
        assert finding.statement in text
        assert finding.reproduce in text


def test_findings_name_what_the_library_holds():
    """Each command is one of ours about theorems of the library."""
    from theorycheck.library import select

    for paper in papers():
        for finding in paper.findings:
            words = [word for word in finding.reproduce.split()[2:] if not word.startswith("-")]
            selectors = [word for word in words if "/" in word or word in {p.name for p in papers()}]
            assert selectors, finding.reproduce
            assert any(p.theorems or p.false for p in select(selectors).papers)
