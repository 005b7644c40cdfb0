"""A reader's theorems under plain pytest: run in a process of its own, as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theorycheck.errors import InvalidArgument
from theorycheck.testing import falsehood_tests, theorem_tests

ROOT = Path(__file__).resolve().parents[1]

CONJECTURE = """
from dataclasses import dataclass
from functools import partial
import theorycheck as tc

@dataclass(frozen=True)
class Pair:
    x: float
    y: float

@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))

def squares(p, precision, factor=1.0):
    return tc.at_least("x² + y² ≥ 2xy", p.x**2 + p.y**2, factor * 2 * p.x * p.y)

def theorem(name, claim, premise):
    return tc.Theorem(name, tc.CONJECTURE, pairs, (premise,), claim)

distinct = tc.Premise("distinct", "x ≠ y", lambda p: p.x != p.y)
never = tc.Premise("never", "x > 9", lambda p: p.x > 9)
GOOD = theorem("squares_ge_product", squares, distinct)
BAD = theorem("x_ge_zero", lambda p, precision: tc.at_least("x + 4 ≥ 4", p.x + 4, 4.0), distinct)
UNDEFINED = theorem("inverse_le", lambda p, precision: tc.at_most("1/⌊x⌋ ≤ 4", 1 / (p.x // 1), 4.0), distinct)
VACUOUS = theorem("nothing", squares, never)
THEOREMS = (GOOD, BAD, UNDEFINED, VACUOUS)
FALSE = (GOOD.claiming("factor_1_02", partial(squares, factor=1.02)), GOOD.claiming("factor_0_98", partial(squares, factor=0.98)))
"""

TESTS = """
from hypothesis import settings
from conjecture import FALSE, THEOREMS
from theorycheck.testing import falsehood_tests, theorem_tests

test_theorem = theorem_tests(THEOREMS)
test_twice = settings(max_examples=7, deadline=None)(theorem_tests(THEOREMS[:1]))
test_falsehood = falsehood_tests(FALSE, instances=200)
"""


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    (tmp_path / "conjecture.py").write_text(CONJECTURE)
    (tmp_path / "test_conjecture.py").write_text(TESTS)
    return tmp_path


def pytest_in(folder: Path, *arguments: str) -> tuple[int, str]:
    outside = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}  # there Hypothesis has no database
    environment = outside | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "COLUMNS": "200"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=100)
    return done.returncode, done.stdout + done.stderr


def test_each_theorem_is_a_test_and_each_failure_is_told_in_our_words(reader: Path) -> None:
    status, out = pytest_in(reader, "--hypothesis-seed=0", "--hypothesis-show-statistics")
    assert status == 1
    outcomes = dict(re.findall(r"::(\S+) (PASSED|FAILED|ERROR) +\[", out))
    assert outcomes == {
        "test_theorem[squares_ge_product]": "PASSED",
        "test_theorem[x_ge_zero]": "FAILED",
        "test_theorem[inverse_le]": "FAILED",
        "test_theorem[nothing]": "FAILED",
        "test_twice[squares_ge_product]": "PASSED",
        "test_falsehood[squares_ge_product:factor_1_02]": "PASSED",
        "test_falsehood[squares_ge_product:factor_0_98]": "FAILED",
    }
    for said in (
        "x_ge_zero is refuted by",
        "Pair(x=-1, y=0)",
        "x + 4 ≥ 4: left 3, right 4",
        "theorem.ambient.replay((2, 0)).value",
        "inverse_le is undefined on",
        "ZeroDivisionError",
        "filtering out a lot",
        "the check is blind to this falsehood",
        "case=x_ge_zero",
        "(instance before enforcement): Pair(x=",
        "Stopped because settings.max_examples=7",
    ):
        assert said in out, said


def test_the_example_database_remembers_and_names_select(reader: Path) -> None:
    status, first = pytest_in(reader, "-k", "x_ge_zero", "--hypothesis-show-statistics")
    assert status == 1
    assert "5 deselected" in first or "6 deselected" in first
    assert (reader / ".hypothesis" / "examples").is_dir()
    status, again = pytest_in(reader, "-k", "x_ge_zero", "--hypothesis-show-statistics")
    assert status == 1
    assert "during reuse phase" in again  # the failing example of the last run comes first
    assert "during reuse phase" not in first


@pytest.mark.parametrize("make", [theorem_tests, falsehood_tests])
def test_no_theorems_is_an_error(make) -> None:
    with pytest.raises(InvalidArgument, match="must be a sequence of at least one theorem"):
        make(())
