"""Results for programs: the exit status of a run, and its JSON file, written anew as each theorem is finished."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from enum import IntEnum
from math import isfinite
from pathlib import Path
from typing import Any

from theorycheck.errors import InvalidArgument
from theorycheck.report.details import details_of
from theorycheck.search.files import write_atomically
from theorycheck.search.reports import Certified, Report
from theorycheck.search.verdicts import Counterexample, Outcome, Tightest, shown
from theorycheck.search.witness_files import checksum_of


class Status(IntEnum):
    """Exit status of the command."""

    ALL_CORROBORATED = 0
    REFUTED_OR_SURVIVED = 1
    BAD_INPUT = 2
    UNDECIDED = 3
    INTERRUPTED = 130


def status_of(reports: Sequence[Report]) -> Status:
    """1 if a theorem is refuted or a falsehood survived; 0 if nothing is left open; else 3 (an unproved identity leaves that open)."""
    verdicts = [r.verdict for r in reports if r.verdict is not None]
    planted = [p for r in reports for p in r.planted]
    if any(v.outcome is Outcome.REFUTED for v in verdicts) or any(p.survived for p in planted):
        return Status.REFUTED_OR_SURVIVED
    decided = all(v.outcome is Outcome.CORROBORATED for v in verdicts) and all(p.refuted for p in planted)
    return Status.ALL_CORROBORATED if decided and all(i.proved for r in reports for i in r.identities) else Status.UNDECIDED


def record_of(report: Report, data: tuple[str, str] | None = None) -> dict[str, Any]:
    """The object a checked theorem has in the JSON file; `data` names the reader's file and column, where it is bound to them."""
    verdict = report.verdict
    if verdict is None:
        raise InvalidArgument("report", report.theorem.name, "has no verdict", "record theorems that were checked")
    record: dict[str, Any] = {
        "theorem": report.theorem.name,
        "paper": report.paper,
        "outcome": verdict.outcome.name,
        "tried": verdict.tried,
        "admitted": verdict.admitted,
        "tightest": tightest_record(verdict.tightest),
        "power": {"planted": len(report.planted), "refuted": sum(p.refuted for p in report.planted)} | _power_certified(report),
        "identities": {"stated": len(report.identities), "proved": sum(i.proved for i in report.identities)},
        "seconds": round(report.seconds, 3),
    }
    if report.certificate is not None:
        record["certificate"] = _certificate_record(report.certificate)
    if report.share is not None:
        found = report.share
        known = {"tried": found.tried, "held": found.held, "certified": found.certified, "reasons": dict(found.reasons)}
        record["certified"] = {"problem": found.problem} if found.problem else known
    record["details"] = details_of(report, verdict, data)
    record["checksum"] = results_checksum(record)
    return record


def results_checksum(record: Mapping[str, Any]) -> str:
    """The checksum of a record: of all of it but the seconds, which differ from run to run."""
    return checksum_of({key: value for key, value in record.items() if key != "seconds"})


def _power_certified(report: Report) -> dict[str, Any]:
    """The certificates of the counterexamples to falsehoods, where they were asked for."""
    found = [{"falsehood": p.theorem.name, **_certificate_record(p.certificate)} for p in report.planted if p.certificate is not None]
    return {"certified": sum(c["certified"] for c in found), "certificates": found} if found else {}


def _certificate_record(answer: Certified) -> dict[str, Any]:
    return (
        {"certified": True, **answer.record} if answer.certified else {"certified": False, "reason": answer.sentence.removeprefix("not certified: ")}
    )


def tightest_record(tightest: Tightest | None) -> dict[str, Any] | None:
    """The nearest miss as an object; None also where the slack is no number: JSON knows neither NaN nor infinity."""
    return None if tightest is None or not isfinite(tightest.slack) else {"slack": float(tightest.slack), "label": tightest.label}


def finite(value: Any) -> Any:
    """The same plain value with None for every number that is none: JSON knows neither NaN nor infinity."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    return [finite(part) for part in value] if isinstance(value, list | tuple) else value


def write_records(path: Path | str, records: Sequence[Mapping[str, Any]]) -> None:
    """Write a list of objects as JSON: at any moment the file holds a complete list, the one before or this one.

    Raises
    ------
    InvalidArgument
        If the file cannot be written.

    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        raise InvalidArgument("json", str(path), "is not a regular file", "pass the path of a file to write")
    text = ",\n".join(map(_lines, records))
    try:
        write_atomically(place, f"[\n{text}\n]\n" if records else "[]\n")
    except OSError as error:
        raise InvalidArgument("json", str(path), f"cannot be written ({error.strerror})", "pass a file in a folder you may write to") from error


def _lines(record: Mapping[str, Any]) -> str:
    """An object with a line a field: what is inside a field, a table of numbers perhaps, stays on its line."""
    fields = (f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in record.items())
    return "{\n" + ",\n".join(fields) + "\n}"


def counterexample_record(found: Counterexample | None) -> dict[str, Any] | None:
    """A counterexample as an object: the instance as text and as choices, and both sides."""
    if found is None:
        return None
    sides = {"label": found.entry.label, "left": found.entry.left, "right": found.entry.right}
    return {"instance": shown(found.instance), "choices": list(found.choices), **sides}
