"""Findings: refused where they say nothing, and each of the library with a corroborated theorem and falsehoods behind it."""

import fnmatch
import sys

import pytest

import theorycheck as tc
from theorycheck.library import papers
from theorycheck.statements.findings import Finding

FILES = [
    (p, sys.modules[p.theorems[0].claim.func.__module__ if hasattr(p.theorems[0].claim, "func") else p.theorems[0].claim.__module__])
    for p in papers()
]
FOUND = [pytest.param(p, f, id=f"{p.name}/{i}") for p, module in FILES for i, f in enumerate(getattr(module, "FINDINGS", ()))]


@pytest.mark.parametrize("bad", [("", "b", "theorycheck check x"), ("a", " ", "theorycheck check x"), ("a", "b", "python x.py")])
def test_findings_that_say_nothing_are_refused(bad):
    with pytest.raises(tc.InvalidArgument, match="must"):
        Finding(*bad)


@pytest.mark.parametrize(("paper", "finding"), FOUND)
def test_commands_name_theorems_that_have_falsehoods(paper, finding):
    selectors = finding.reproduce.split()[2:]
    assert selectors
    names = {f"{paper.name}/{t.name}" for t in paper.theorems}
    planted = {f"{paper.name}/{f.of.of.name if f.of.of else f.of.name}" for f in paper.false}
    for selector in selectors:
        assert fnmatch.filter(names, selector)
        assert fnmatch.filter(planted, selector)


def test_the_library_has_findings():
    assert FOUND
