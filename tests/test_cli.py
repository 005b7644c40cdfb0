"""The command: outcomes, exit statuses, messages, data, list and show."""

import json
import re
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from theorycheck import cli
from theorycheck.errors import InvalidArgument

ROOT = Path(__file__).resolve().parents[1]
DIABETES = ROOT / "data" / "diabetes.csv"
NEWLINE = "\n"

pytestmark = pytest.mark.usefixtures("elsewhere")

HEAD = '''"""A file of a reader.

Setting      x and y are real.
Convention   none
"""
from dataclasses import dataclass, replace
from functools import partial
import numpy as np
import theorycheck as tc

@dataclass(frozen=True)
class Pair:
    x: float
    y: float

@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))

@dataclass(frozen=True)
class Sample:
    x: float
    total: float

def on_data(X, y):
    @tc.recipe
    def bound(draw):
        return Sample(draw(tc.reals(-3, 3)), float(np.sum(X) + np.sum(y)))
    return bound

@tc.recipe(bind=on_data)
def samples(draw):
    return Sample(draw(tc.reals(-3, 3)), 0.0)

def theorem(name, claim, *premises, **more):
    return tc.Theorem(name, tc.Source("Reader", 2024), more.pop("ambient", pairs), premises, claim, **more)

def squares(p, precision, factor=1.0):
    return tc.at_least("x² + y² ≥ 2xy", p.x**2 + p.y**2, factor * 2 * p.x * p.y)

distinct = tc.Premise("distinct", "x ≠ y", lambda p: p.x != p.y)
positive = tc.Premise("positive", "x > 0", lambda p: p.x > 0, enforce=lambda p: replace(p, x=abs(p.x) + 1))
GOOD = theorem("squares_ge_product", squares, distinct, statement=r"x^2 + y^2 \\ge 2xy")
BAD = theorem("sum_of_squares_ge_quarter", lambda p, precision: tc.at_least("x² + y² ≥ 1/4", p.x**2 + p.y**2, 0.25))
'''

FILES = {
    "good": "THEOREMS = (GOOD,)\nFALSE = (GOOD.claiming('factor_1_02', partial(squares, factor=1.02)),)",
    "false": "THEOREMS = (BAD, GOOD)",
    "vacuous": """
huge = tc.Premise("huge", "x > 10", lambda p: p.x > 10)
THEOREMS = (theorem("nothing", squares, huge), GOOD)""",
    "raises": """
def rarely(p, precision):
    if 0.70 < p.x < 0.71:  # one instance of the first thousand of seed 0
        raise ValueError("no convergence")
    return squares(p, precision)
THEOREMS = (theorem("raises_rarely", rarely, distinct), GOOD)""",
    "nan": "THEOREMS = (theorem('not_a_number', lambda p, precision: tc.at_least('nan ≥ 0', float('nan'), 0.0)), GOOD)",
    "conflict": """
negative = tc.Premise("negative", "y < 0", lambda p: p.y < 0, enforce=lambda p: replace(p, x=-p.x, y=-abs(p.y) - 1))
THEOREMS = (theorem("conflicting", squares, positive, negative), GOOD)""",
    "survivor": "THEOREMS = (GOOD,)\nFALSE = (GOOD.claiming('factor_0_98', partial(squares, factor=0.98)),)",
    "unproved": """
import sympy as sp
from theorycheck.symbolic.identities import Identity
a, b = sp.symbols("a b")
wrong, right = Identity((a + b)**2, a**2 + b**2), Identity((a + b)**2, a**2 + 2*a*b + b**2)
THEOREMS = (theorem("with_identity", squares, distinct, identities=(wrong, right)), GOOD)""",
    "undefined_falsehood": "THEOREMS = (GOOD,)\nFALSE = (GOOD.claiming('broken', lambda p, precision: 1 / 0),)",
    "exits": """
def leaves(p, precision):
    raise SystemExit(0)
THEOREMS = (theorem("leaves", leaves), GOOD)""",
    "hidden_state": """
calls = []
def moody(p, precision):
    calls.append(1)
    return tc.at_least("mood", -1.0 if len(calls) < 12 else 1.0, 0.0)
THEOREMS = (theorem("moody", moody), GOOD)""",
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.cli, [str(a) for a in arguments], env={"COLUMNS": "200"})


def records(path: Path) -> list[dict]:
    def strict(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(path.read_text(), parse_constant=strict)


# -- outcomes --

CORROBORATED = {"squares_ge_product": "CORROBORATED"}
OUTCOMES = {
    "good": (0, {}, ["1 of 1 planted falsehoods refuted", "squares_ge_product:factor_1_02"]),
    "false": (1, {"sum_of_squares_ge_quarter": "REFUTED"}, ["Pair(x=0, y=0)", "left 0, right 0.25", "every simpler one"]),
    "vacuous": (3, {"nothing": "VACUOUS"}, ["only 0 of 1000 instances satisfy the premises", "`huge` rejected 1000"]),
    "raises": (3, {"raises_rarely": "INCONCLUSIVE"}, ["instance 477 of seed 0: ValueError: no convergence (mine.py, line ", "in rarely"]),
    "nan": (3, {"not_a_number": "INCONCLUSIVE"}, ["nan ≥ 0 is not finite"]),
    "conflict": (3, {"conflicting": "INCONCLUSIVE"}, ["enforcing `negative` (y < 0) broke the earlier premise `positive`"]),
    "survivor": (1, {}, ["SURVIVED planted falsehood mine/squares_ge_product:factor_0_98: not refuted by 20000", "the check is blind to it"]),
    "undefined_falsehood": (1, {}, ["SURVIVED planted falsehood mine/squares_ge_product:broken: not refuted by 10", "ZeroDivisionError"]),
    "unproved": (
        3,
        {"with_identity": "CORROBORATED"},
        ["UNPROVED identity of mine/with_identity: (a + b)**2 = a**2 + b**2", "1 of 2 identities proved"],
    ),
    "exits": (3, {"leaves": "INCONCLUSIVE"}, ["SystemExit"]),
    "hidden_state": (3, {"moody": "INCONCLUSIVE"}, ["violated the claim, but not again", "hidden randomness"]),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_outcome_is_named_and_the_other_theorems_stand(name, write, tmp_path) -> None:
    status, outcomes, said = OUTCOMES[name]
    result = run("check", write(FILES[name]), "--jobs", 1, "--json", tmp_path / "out.json")
    assert result.exit_code == status, result.output
    assert {r["theorem"]: r["outcome"] for r in records(tmp_path / "out.json")} == outcomes | CORROBORATED
    assert [sentence for sentence in said if sentence not in result.stdout] == []
    assert "Traceback" not in result.output
    assert not re.search(r"\b(true|verified)\b", result.output, re.IGNORECASE)


def test_the_json_file_has_the_promised_keys(write, tmp_path) -> None:
    run("check", write(FILES["good"]), "--jobs", 1, "--instances", 40, "--json", tmp_path / "out.json")
    (record,) = records(tmp_path / "out.json")
    assert list(record)[-2:] == ["details", "checksum"]  # what the report needs comes after what is promised
    record = {key: record[key] for key in list(record)[:-2]}
    assert record.pop("seconds") > 0
    slack = record["tightest"].pop("slack")
    assert 0 < slack < 0.1
    assert record == {
        "theorem": "squares_ge_product",
        "paper": "mine",
        "outcome": "CORROBORATED",
        "tried": 40,
        "admitted": record["admitted"],
        "tightest": {"label": "x² + y² ≥ 2xy"},
        "power": {"planted": 1, "refuted": 1},
        "identities": {"stated": 0, "proved": 0},
    }
    assert 30 < record["admitted"] < 40


def test_falsehoods_are_shown_with_their_smallest_counterexample(write) -> None:
    path = write(FILES["good"])
    table, verbose = run("check", path, "--jobs", 1).stdout, run("check", path, "--jobs", 1, "--verbose").stdout
    row = next(line for line in table.splitlines() if line.startswith("squares_ge_product:factor_1_02"))
    assert re.search(r"\d+ +\d → 2 +Pair\(x=\S+, y=\S+\):  x² \+ y² ≥ 2xy: left \S+, right \S+", row), row
    assert "squares_ge_product:factor_1_02  refuted at instance" in verbose
    assert "first violated at instance" in verbose


# -- wrong use and bad input: one sentence, status 2 --


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("THEOREMS = (", "cannot be read: SyntaxError"),
        ("x = 1", "mine.py exports no THEOREMS"),
        ("THEOREMS = ()", "mine.py exports no THEOREMS"),
        ("THEOREMS = GOOD", "THEOREMS of mine.py must be a tuple of tc.Theorem"),
        ("THEOREMS = (GOOD, GOOD)", "two theorems named squares_ge_product; rename one"),
        ("def f():\n    return 1 / 0\nf()", f"(line {HEAD.count(NEWLINE) + 2}): ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import a_module_nobody_has", "No module named 'a_module_nobody_has'"),
    ],
)
def test_a_broken_theorem_file_is_one_error(text: str, said: str, write) -> None:
    result = run("check", write(text))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1 or "SyntaxError" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "no_such_paper"], "`selector=no_such_paper` matches no theorem"),
        (["check", "missing.py"], "`file=missing.py` does not exist"),
        (["check", "--instances", "0"], "--instances"),
        (["check", "--seed", "-1"], "--seed"),
        (["check", "--jobs", "many"], "--jobs"),
        (["check", "--data", "x.csv"], "--data and --target go together"),
        (["check", "--target", "y"], "--data and --target go together"),
        (["check", "--data", "no_such.csv", "--target", "y"], "`data=no_such.csv` does not exist"),
        (["check", "--data", str(DIABETES), "--target", "progression"], "is not a column of"),
        (["show", "no_such_theorem"], "matches no theorem"),
        (["prove"], "No such command"),
    ],
)
def test_wrong_use_is_status_2_without_a_traceback(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_an_unwritable_json_path_is_an_error_before_the_work(write, tmp_path) -> None:
    for place in (tmp_path / "no_such_folder" / "out.json", tmp_path):
        result = run("check", write(FILES["survivor"]), "--jobs", 1, "--json", place)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"`json={place}`"[:60] in result.stderr
    assert {p.name for p in tmp_path.iterdir()} - {"__pycache__"} == {"mine.py"}


# -- the reader's data --


def test_theorems_are_bound_to_the_data_and_the_others_skipped(write, tmp_path) -> None:
    text = """
taking = theorem("total_is_that_of_the_data", lambda s, precision: tc.equal("Σ", s.total, 5.0), ambient=samples)
THEOREMS = (GOOD, taking)
FALSE = (taking.claiming("zero", lambda s, precision: tc.equal("Σ", s.total, 0.0)),)"""
    (tmp_path / "data.csv").write_text("a,y\n1,2\n-1,3\n")
    for jobs in (1, 2):
        options = ("--data", tmp_path / "data.csv", "--target", "y", "--jobs", jobs, "--instances", 100, "--json", tmp_path / "out.json")
        result = run("check", write(text), *options)
        assert result.exit_code == 0, result.output
        (record,) = records(tmp_path / "out.json")
        assert (record["theorem"], record["outcome"], record["admitted"], record["power"]["planted"]) == (taking_name(text), "CORROBORATED", 100, 0)
        assert "SKIPPED       mine/squares_ge_product: `recipe=pairs` takes no data of your own" in result.stdout
        assert "1 theorem checked, 1 corroborated, 1 skipped" in result.stdout


def taking_name(text: str) -> str:
    found = re.search(r'theorem\("(\w+)"', text)
    assert found
    return found.group(1)


def test_data_that_no_theorem_takes_is_an_error(write, tmp_path) -> None:
    (tmp_path / "data.csv").write_text("a,y\n1,2\n")
    result = run("check", write(FILES["good"]), "--data", tmp_path / "data.csv", "--target", "y", "--jobs", 1)
    assert result.exit_code == 2
    assert "suits none of the theorems asked for (1)" in result.stderr


# -- list and show --


def test_list_names_every_theorem_in_full() -> None:
    from theorycheck.library import papers

    for columns in ("400", None):
        result = CliRunner().invoke(cli.cli, ["list"], env={"COLUMNS": columns})
        assert result.exit_code == 0
        assert [t.name for paper in papers() for t in paper.theorems if t.name not in result.stdout] == []


def test_show_has_statement_premises_setting_and_source(write) -> None:
    result = run("show", write(FILES["good"]))
    assert result.exit_code == 0
    for said in ("mine/squares_ge_product", r"x^2 + y^2 \ge 2xy", "distinct: x ≠ y", "Reader 2024", "x and y are real.", "factor_1_02", "≥"):
        assert said in result.stdout


def test_show_takes_a_bare_name() -> None:
    from theorycheck.library import papers

    theorem = next(t for paper in papers() for t in paper.theorems)
    result = run("show", theorem.name)
    assert result.exit_code == 0
    assert f"/{theorem.name}" in result.stdout


def test_results_do_not_depend_on_jobs(write, tmp_path) -> None:
    text = FILES["false"] + "\nFALSE = (GOOD.claiming('factor_1_02', partial(squares, factor=1.02)),)"
    found = []
    for jobs in (1, 2):
        result = run("check", write(text), "--jobs", jobs, "--json", tmp_path / "out.json", "--verbose", "--no-witnesses")
        shown = re.sub(r"\d+\.\d s|\d+\.\d *$", "", result.stdout, flags=re.MULTILINE)
        found.append(([r | {"seconds": 0} for r in records(tmp_path / "out.json")], shown, result.exit_code))
    assert found[0] == found[1]


def test_what_no_one_foresaw_is_status_3(monkeypatch, capsys) -> None:
    def defective(*_: object, **__: object) -> None:
        raise RuntimeError("planted defect")

    monkeypatch.setattr("theorycheck.library.papers", defective)
    with pytest.raises(SystemExit) as ended:
        cli.main(["list"])
    assert ended.value.code == 3
    assert "this is a defect" in capsys.readouterr().err


def test_a_disk_that_fills_up_ends_the_run_with_what_was_decided(write, tmp_path, monkeypatch) -> None:
    from theorycheck.report import results

    attempts, honest = count(), results.write_records

    def failing(path: Path, records: list) -> None:
        if next(attempts) == 2:
            raise InvalidArgument("json", str(path), "cannot be written (No space left on device)", "make room")
        honest(path, records)

    monkeypatch.setattr(results, "write_records", failing)
    result = run("check", write(FILES["false"]), "--jobs", 1, "--instances", 50, "--json", tmp_path / "out.json")
    assert result.exit_code == 2
    assert "No space left on device" in result.stdout
    assert "REFUTED mine/sum_of_squares_ge_quarter" in result.stdout
