"""Python pasted from the page finds the counterexample again, and what others wrote in it is data."""

from pathlib import Path

import pytest

from tests.report.hostile_reports import HEAD, RECORDS, run
from theorycheck.report.html import Contents, page, read_results
from theorycheck.report.html.counterexamples import python_of, replay_line, witness_name


def test_pasted_python_finds_the_counterexample_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "paper.py").write_text(HEAD.replace("\\\\", "\\") + "THEOREMS = (theorem,)\nFALSE = (theorem.without(positive),)\n")
    monkeypatch.chdir(tmp_path)
    found = RECORDS[0]["details"]["falsehoods"][0]["counterexample"]
    exec(python_of(found, RECORDS[0]), {})
    assert "above:without_positive: violated" in capsys.readouterr().out
    assert replay_line(found, RECORDS[0]).split() == ["theorycheck", "replay", "above-without_positive.json", "--from", "paper.py"]
    (tmp_path / witness_name(found["theorem"])).write_text(found["witness"])
    assert run(*replay_line(found, RECORDS[0]).split()[1:]).exit_code == 0  # the falsehood still falls


BOUND = '''"""A claim that any data refute."""

import theorycheck as tc
from theorycheck.instances import deep_linear_fits


def zero(f, precision):
    return tc.at_most("R ≤ 0", tc.risk(f.objective, f.theta), 0.0)


THEOREMS = (tc.Theorem("no_risk", tc.CONJECTURE, deep_linear_fits(depth=(2, 2), width=(1, 1)), (), zero),)
'''


@pytest.mark.usefixtures("elsewhere")
def test_pasted_python_of_a_theorem_bound_to_data_reads_the_data(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "bound.py").write_text(BOUND)
    (tmp_path / "three.csv").write_text("x,y\n1,2\n2,1\n3,5\n")
    done = run("check", "bound.py", "--jobs", 1, "--instances", 20, "--data", "three.csv", "--target", "y", "--json", "out.json")
    assert done.exit_code == 1, done.output
    (result,) = read_results(["out.json"]).results
    exec(python_of(result["details"]["counterexample"], result), {})
    assert "no_risk: violated" in capsys.readouterr().out
    assert "theorycheck replay" not in page(Contents((result,)), figures=False)


def test_a_name_in_pasted_python_is_data() -> None:
    found = RECORDS[1]["details"]["counterexample"] | {"theorem": "x'); import os #\n"}
    tree = compile(python_of(found, RECORDS[1] | {"paper": "p'); evil("}), "pasted", "exec")
    assert "evil" not in tree.co_names
    assert "os" not in tree.co_names
