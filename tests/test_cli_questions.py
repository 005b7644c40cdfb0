"""The commands `ablate`, `tighten` and `replay`, saved witnesses in `check`, and claims that hang, leave or kill their process."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from theorycheck import cli

pytestmark = pytest.mark.usefixtures("elsewhere")

HEAD = """
import os, signal, time
from dataclasses import dataclass, replace
from functools import partial
import theorycheck as tc

@dataclass(frozen=True)
class Pair:
    x: float
    y: float

@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))

def theorem(name, claim, *premises):
    return tc.Theorem(name, tc.Source("Reader", 2024), pairs, premises, claim)

def squares(p, precision, factor=1.0):
    return tc.at_least("x² + y² ≥ 2xy", p.x**2 + p.y**2, factor * 2 * p.x * p.y)

def linear(p, precision, least=4.0):
    return tc.at_least("x + 4 ≥ 4", p.x + 4, least)

distinct = tc.Premise("distinct", "x ≠ y", lambda p: p.x != p.y)
positive = tc.Premise("positive", "x > 0", lambda p: p.x > 0)
small = tc.Premise("small", "x < 9", lambda p: p.x < 9)
GOOD = theorem("squares_ge_product", squares, distinct)
BAD = theorem("x_ge_zero", linear, distinct)
PREMISED = theorem("x_ge_zero_of_positive", linear, positive)
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.cli, [str(a) for a in arguments], env={"COLUMNS": "200"})


def check(path: Path, *more: object) -> Result:
    return run("check", path, "--jobs", 1, "--instances", 100, *more)


def records(path: Path) -> list[dict]:
    return json.loads(path.read_text())


# -- ablate and tighten --

ABLATIONS = {
    "THEOREMS = (PREMISED,)": (0, ["positive  NEEDED", "Pair(x=-1, y=0)", "left 3, right 4", "without it the claim fails"]),
    "THEOREMS = (theorem('never', linear, positive, small),)": (3, ["small     NEVER LEFT", "this says nothing"]),
    "THEOREMS = (theorem('bare', squares),)": (0, ["it has no premises"]),
    "THEOREMS = (BAD,)": (1, ["as it stands: REFUTED"]),
}


@pytest.mark.parametrize("text", ABLATIONS)
def test_ablate_answers_for_each_premise(text: str, write, tmp_path) -> None:
    status, said = ABLATIONS[text]
    result = run("ablate", write(text), "--jobs", 1, "--instances", 150, "--json", tmp_path / "out.json")
    assert result.exit_code == status, result.output
    assert [sentence for sentence in said if sentence not in result.stdout] == []
    (record,) = records(tmp_path / "out.json")
    assert record["paper"] == "mine"
    assert len(record["dropped"]) == len(re.findall(r"(?m)^without .*: ", result.stdout))


def test_tighten_names_the_extremal_instance_and_ranks_candidates(write, tmp_path) -> None:
    text = """
THEOREMS = (theorem("bounded", lambda p, precision: tc.at_most("x² ≤ 9", p.x**2, 9.0)),)
CANDIDATES = (
    THEOREMS[0].claiming("ten", lambda p, precision: tc.at_most("x² ≤ 10", p.x**2, 10.0)),
    THEOREMS[0].claiming("eight", lambda p, precision: tc.at_most("x² ≤ 8", p.x**2, 8.0)),
)"""
    result = run("tighten", write(text), "--jobs", 1, "--instances", 60, "--budget", 60, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert "x² ≤ 9: largest ratio found 1, attained, the simplest of as many numbers, at\n    Pair(x=3, y=0)" in result.stdout
    assert re.search(r"bounded +holds so far[^\n]*\n(\S.*\n)*bounded:ten +holds so far[^\n]*\nbounded:eight +FALLS", result.stdout)
    (record,) = records(tmp_path / "out.json")
    assert [(c["name"], c["holds"]) for c in record["candidates"]] == [("bounded", True), ("bounded:ten", True), ("bounded:eight", False)]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("THEOREMS = (theorem('same', lambda p, precision: tc.equal('x = x', p.x, p.x)),)", 3, "nothing to tighten: the claim has no inequality"),
        ("THEOREMS = (BAD,)", 1, "REFUTED by an instance met on the way"),
    ],
)
def test_tighten_has_its_statuses(text: str, status: int, said: str, write) -> None:
    result = run("tighten", write(text), "--jobs", 1, "--instances", 40, "--budget", 20)
    assert (result.exit_code, said in result.stdout) == (status, True), result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ablate"], "Missing argument"),
        (["tighten", "no_such_paper"], "matches no theorem"),
        (["ablate", "missing.py"], "`file=missing.py` does not exist"),
        (["tighten", "missing.py", "--budget", "-1"], "--budget"),
        (["check", "--time-limit", "0"], "--time-limit"),
        (["replay", "missing.json"], "`witness=missing.json` does not exist"),
        (["replay"], "Missing argument"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


# -- witnesses --

WITNESS = Path(".theorycheck") / "witnesses" / "mine-x_ge_zero.json"


def test_a_refuted_theorem_is_refuted_at_once_the_next_time(write) -> None:
    path = write("THEOREMS = (BAD, GOOD)\nFALSE = (GOOD.claiming('factor_2', partial(squares, factor=2.0)),)")
    first = check(path)
    assert first.exit_code == 1
    assert "replayed" not in first.stdout
    assert [p.name for p in WITNESS.parent.iterdir()] == [WITNESS.name]  # of theorems only: falsehoods test the search
    again = check(path, "--json", "out.json")
    assert again.exit_code == 1
    assert f"replayed from {WITNESS}, nothing else was tried; first violated at instance" in again.stdout
    assert [(r["outcome"], r["tried"], r["power"]["refuted"]) for r in records(Path("out.json"))] == [("REFUTED", 1, 0), ("CORROBORATED", 100, 1)]
    fresh = check(path, "--no-witnesses")
    assert re.sub(r"\d\.\d", "", fresh.stdout) == re.sub(r"\d\.\d", "", first.stdout)


def test_a_witness_against_a_theorem_that_was_mended_is_a_note(write) -> None:
    check(write("THEOREMS = (BAD,)"))
    mended = check(write("THEOREMS = (theorem('x_ge_zero', partial(linear, least=1.0), distinct),)"))
    assert mended.exit_code == 0, mended.output
    assert f"NOTE mine/x_ge_zero: the saved witness {WITNESS} no longer violates the claim; delete it if it is of no use" in mended.stdout
    other = check(write("from theorycheck.instances import deep_linear_fits\nTHEOREMS = (replace(GOOD, name='x_ge_zero'),)"))
    assert other.exit_code == 0


def test_a_broken_witness_stops_nothing(write) -> None:
    path = write("THEOREMS = (BAD,)")
    check(path)
    WITNESS.write_text(WITNESS.read_text()[:100])
    result = check(path)
    assert result.exit_code == 1
    assert result.stdout.count("is cut short: its end is missing") == 1
    assert "replayed" not in result.stdout


def test_a_folder_that_cannot_be_written_is_said_once(write) -> None:
    Path(".theorycheck").write_text("in the way")
    result = check(write("THEOREMS = (BAD, replace(BAD, name='again'), GOOD)"))
    assert result.exit_code == 1
    assert result.stdout.count("counterexamples cannot be kept in") == 1
    assert "2 refuted" in result.stdout


def test_a_disk_that_is_full_when_a_witness_is_kept_is_said_once(write, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("theorycheck.search.witnesses.write_atomically", full)
    result = check(write("THEOREMS = (BAD, replace(BAD, name='again'), GOOD)"))
    assert result.exit_code == 1
    assert result.stdout.count("No space left on device") == 1


def test_replay_tells_then_and_now(write) -> None:
    path = write("THEOREMS = (BAD, GOOD)")
    check(path)
    still = run("replay", WITNESS, "--from", path)
    assert still.exit_code == 1
    assert "saved: x + 4 ≥ 4: left 3.0, right 4.0" in still.stdout
    assert "now:   x + 4 ≥ 4: left 3, right 4" in still.stdout
    assert "the instance still refutes the theorem" in still.stdout
    mended = run("replay", WITNESS, "--from", write("THEOREMS = (replace(BAD, claim=partial(linear, least=1.0)),)"))
    assert (mended.exit_code, "no longer refutes the theorem" in mended.stdout) == (0, True)
    fell = run("replay", WITNESS, "--from", write("THEOREMS = (GOOD,)\nFALSE = (replace(BAD, of=GOOD),)"))
    assert (fell.exit_code, "still refutes what distorts squares_ge_product" in fell.stdout) == (0, True)
    for arguments, said in (((), "`--from mine.py`"), (("--from", write("THEOREMS = (GOOD,)")), "is not one of those given")):
        result = run("replay", WITNESS, *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr


# -- claims that misbehave: one instance is lost, nothing else --

MISBEHAVIOUR = {
    "hangs": ("while True:\n            pass", "no answer within 0.5 s"),
    "hangs_in_compiled_code": ("import re\n        re.match('(a+)+$', 'a' * 40 + 'b')", "no answer within 0.5 s"),
    "sleeps": ("time.sleep(3600)", "no answer within 0.5 s"),
    "is_killed": ("os.kill(os.getpid(), signal.SIGKILL)", "the worker process died twice"),
    "leaves": ("os._exit(0)", "the worker process died twice"),
    "exits": ("raise SystemExit(0)", "SystemExit: 0 (mine.py, line"),
    "raises": ("raise ValueError('no convergence')", "ValueError: no convergence (mine.py, line"),
}


@pytest.mark.parametrize(("name", "jobs"), [*((name, 1) for name in MISBEHAVIOUR), ("hangs", 2), ("is_killed", 2)])
def test_one_instance_in_a_thousand_costs_itself_and_nothing_else(name: str, jobs: int, write, tmp_path) -> None:
    does, said = MISBEHAVIOUR[name]
    path = write(f"""
def rarely(p, precision):
    if 0.70 < p.x < 0.71:  # one instance of the first thousand of seed 0
        {does}
    return squares(p, precision)
THEOREMS = (theorem("rarely", rarely, distinct), GOOD)""")
    result = run("check", path, "--jobs", jobs, "--time-limit", 0.5, "--instances", 500, "--json", tmp_path / "out.json")
    assert result.exit_code == 3, result.output
    rarely, good = records(tmp_path / "out.json")
    assert (rarely["outcome"], rarely["tried"]) == ("INCONCLUSIVE", 500)
    assert (good["outcome"], good["tried"], good["admitted"]) == ("CORROBORATED", 500, rarely["admitted"] + (name not in ("exits", "raises")))
    assert f"instance 477 of seed 0: {said}" in result.stdout


def test_a_falsehood_that_hangs_is_still_refuted(write) -> None:
    path = write("""
def hanging(p, precision):
    if p.x == 0:
        time.sleep(3600)
    return squares(p, precision, factor=1.5)
THEOREMS = (GOOD,)
FALSE = (GOOD.claiming("hanging", hanging),)""")
    result = check(path, "--time-limit", 0.5)
    assert "1 of 1 planted falsehoods refuted" in result.stdout, result.output
    assert result.exit_code == 0


def test_what_loses_every_worker_is_given_up(write, tmp_path) -> None:
    path = write("THEOREMS = (theorem('deadly', lambda p, precision: os._exit(1)), GOOD)")
    result = check(path, "--json", tmp_path / "out.json")
    assert result.exit_code == 3
    assert [(r["outcome"], r["tried"]) for r in records(tmp_path / "out.json")] == [("INCONCLUSIVE", 3), ("CORROBORATED", 100)]
    assert "3 instances were lost with their worker; those after instance 2 of seed 0 were not tried" in result.stdout


def test_a_claim_that_kills_during_contraction_keeps_the_first_counterexample(write) -> None:
    path = write("""
def brittle(p, precision):
    if p.x == -1 and p.y == 0:
        os._exit(1)
    return linear(p, precision)
THEOREMS = (theorem("brittle", brittle, distinct),)""")
    result = check(path)
    assert result.exit_code == 1, result.output
    assert "NOTE mine/brittle: contraction lost its worker (the worker process died twice (killed, or out of memory))" in result.stdout


def test_an_ablation_survives_its_workers(write) -> None:
    path = write("""
def outside_hangs(p, precision):
    if p.x <= 0 and p.y == 0:
        os._exit(1)
    return squares(p, precision)
THEOREMS = (theorem("t", outside_hangs, positive),)""")
    result = run("ablate", path, "--jobs", 1, "--instances", 100, "--time-limit", 5)
    assert "positive  WELL-POSEDNESS" in result.stdout, result.output
    assert "the worker process died twice" in result.stdout
