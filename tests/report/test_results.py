"""Exit statuses, JSON records, and a results file that is complete at any moment."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from theorycheck.cli.checking import Outputs
from theorycheck.errors import InvalidArgument
from theorycheck.instances.recipes import reals, recipe
from theorycheck.report.results import Status, finite, record_of, results_checksum, status_of, write_records
from theorycheck.search.check import check
from theorycheck.search.reports import Planted, Report, Settled
from theorycheck.search.verdicts import Outcome, Tally, Tightest, Verdict
from theorycheck.statements.comparisons import at_least
from theorycheck.statements.sources import CONJECTURE
from theorycheck.statements.theorems import Theorem


@recipe
def numbers(draw):
    return draw(reals(-1, 1))


theorem = Theorem("squares_ge_zero", CONJECTURE, numbers, (), lambda x, precision: at_least("x² ≥ 0", x**2 + 1, 0.0))
violated = check(theorem.claiming("ge_two", lambda x, precision: at_least("x² ≥ 2", x**2, 2.0)), instances=10).counterexample

FELL = Planted(theorem, Outcome.REFUTED, Tally(tried=1, admitted=1, violation=0), violated)
SURVIVED = Planted(theorem, Outcome.CORROBORATED, Tally(tried=20000, admitted=20000, holds=20000), None)
LOST = Planted(theorem, Outcome.INCONCLUSIVE, Tally(), None, ("the worker process died twice",))
PROVED, UNPROVED = Settled("a = a", True, ""), Settled("a = b", False, "")


def verdict(outcome: Outcome, tightest: Tightest | None = None) -> Verdict:
    return Verdict(theorem, outcome, 100, 90, dict(Counter(premise=10)), 90, 0, 0, tightest, None, (), 0, 1.0)


def report(outcome: Outcome | None, planted: tuple[Planted, ...] = (), identities: tuple[Settled, ...] = ()) -> Report:
    return Report("paper", theorem, None if outcome is None else verdict(outcome), planted, identities, seconds=1.23456)


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([report(Outcome.CORROBORATED)], 0),
        ([report(Outcome.CORROBORATED, (FELL,), (PROVED,)), report(Outcome.CORROBORATED)], 0),
        ([report(Outcome.CORROBORATED), Report("paper", theorem, skipped="takes no data")], 0),
        ([report(None, (FELL,))], 0),
        ([report(Outcome.CORROBORATED), report(Outcome.REFUTED)], 1),
        ([report(Outcome.INCONCLUSIVE), report(Outcome.REFUTED)], 1),
        ([report(Outcome.CORROBORATED, (FELL, SURVIVED))], 1),
        ([report(Outcome.VACUOUS, (SURVIVED,))], 1),
        ([report(None, (SURVIVED,))], 1),
        ([report(Outcome.CORROBORATED), report(Outcome.INCONCLUSIVE)], 3),
        ([report(Outcome.VACUOUS, (FELL,))], 3),
        ([report(Outcome.CORROBORATED, (LOST,))], 3),
        ([report(Outcome.CORROBORATED, (FELL,), (PROVED, UNPROVED))], 3),
    ],
)
def test_exit_statuses(reports: list[Report], status: int) -> None:
    assert status_of(reports) is Status(status)


def test_what_is_no_number_is_null_at_any_depth() -> None:
    """A singular covariance has an infinite condition number, and it is a feature like another."""
    record = {"features": {"condition_number": float("inf"), "depth": 2}, "rows": ({"low": float("nan")}, 1.5), "label": "x ≤ y"}
    assert finite(record) == {"features": {"condition_number": None, "depth": 2}, "rows": [{"low": None}, 1.5], "label": "x ≤ y"}


@pytest.mark.parametrize(
    ("tightest", "recorded"),
    [
        (None, None),
        (Tightest(0.25, "x ≤ y", 1e-15, 3), {"slack": 0.25, "label": "x ≤ y"}),
        (Tightest(float("nan"), "x ≤ y", 1e-15, 3), None),
        (Tightest(float("inf"), "x ≤ y", 1e-15, 3), None),
    ],
)
def test_records_are_strict_json(tightest: Tightest | None, recorded: dict | None) -> None:
    record = record_of(Report("paper", theorem, verdict(Outcome.VACUOUS, tightest), (FELL, LOST), (PROVED, UNPROVED), seconds=1.23456))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record.pop("checksum") == results_checksum(record)
    details = record.pop("details")
    assert [(f["name"], f["refuted"]) for f in details["falsehoods"]] == [("squares_ge_zero", True), ("squares_ge_zero", False)]
    assert json.loads(json.dumps(record, allow_nan=False)) == {
        "theorem": "squares_ge_zero",
        "paper": "paper",
        "outcome": "VACUOUS",
        "tried": 100,
        "admitted": 90,
        "tightest": recorded,
        "power": {"planted": 2, "refuted": 1},
        "identities": {"stated": 2, "proved": 1},
        "seconds": 1.235,
    }


def test_theorems_that_were_not_checked_are_not_recorded(tmp_path: Path) -> None:
    outputs = Outputs(str(tmp_path / "out.json"))
    for each in (Report("paper", theorem, skipped="takes no data"), report(None, (FELL,)), report(Outcome.CORROBORATED)):
        outputs.add(each)
    assert [r["outcome"] for r in json.loads((tmp_path / "out.json").read_text())] == ["CORROBORATED"]


def test_what_was_decided_and_not_yet_written_is_written_at_the_end(tmp_path: Path) -> None:
    outputs, reports = Outputs(str(tmp_path / "out.json")), [report(Outcome.CORROBORATED), report(Outcome.REFUTED)]
    outputs.add(reports[0])
    outputs.finish(reports)
    assert [r["outcome"] for r in json.loads((tmp_path / "out.json").read_text())] == ["CORROBORATED", "REFUTED"]


def test_a_proof_that_fills_pages_is_cut() -> None:
    long = Settled("a = a", True, "PROVED " + "x" * 100_000)
    (kept,) = record_of(report(Outcome.CORROBORATED, (), (long,)))["details"]["identities"]
    assert kept["sentence"].startswith("PROVED xxx")
    assert len(kept["sentence"]) < 1100


def test_a_failed_write_leaves_the_list_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.json"
    write_records(path, [record_of(report(Outcome.CORROBORATED))])
    before = path.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidArgument, match="No space left on device"):
        write_records(path, [record_of(report(Outcome.REFUTED))])
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_link_is_followed_and_a_device_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    write_records(tmp_path / "link.json", [])
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target.json").read_text()) == []
    with pytest.raises(InvalidArgument, match="is not a regular file"):
        write_records(os.devnull, [])
