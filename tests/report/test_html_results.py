"""The page is made only from results that are what was written; any other file has one clear message."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.report.hostile_reports import RECORDS, run, write
from theorycheck.report.html import BadResults, read_results
from theorycheck.report.html.results_file import mismatch
from theorycheck.report.results import results_checksum


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    contents = read_results([write(tmp_path / "out.json", RECORDS)])
    assert list(contents.results) == json.loads(json.dumps(RECORDS))


def signed(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    changed = {key: value for key, value in (record | changes).items() if key != "checksum"}
    return changed | {"checksum": results_checksum(changed)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda t: "", "is empty"),
        (lambda t: t[: len(t) // 2], "is cut short: its end is missing; copy it again"),
        (lambda t: "theorem,outcome\n", "is not JSON; pass a file that `theorycheck check --json FILE` has written"),
        (lambda t: '{"a": 1}', "is JSON, but not the results of theorycheck"),
        (lambda t: "[1, 2]", "is JSON, but not the results of theorycheck"),
        (lambda t: "[]", "holds no result of a check"),
        (lambda t: t.replace("CORROBORATED", "REFUTED", 1), "was changed after it was written .*above"),
        (lambda t: t.replace('"tried": 60', '"tried": 6000', 1), "was changed after it was written"),
        (lambda t: json.dumps([signed(RECORDS[0], tried="many")]), "was not written by this theorycheck: `tried` is not int"),
        (lambda t: json.dumps([signed(RECORDS[0], tried=True)]), "`tried` is not int"),
        (lambda t: json.dumps([signed(RECORDS[0], outcome="TRUE")]), "`outcome` is none of CORROBORATED"),
        (lambda t: json.dumps([{k: v for k, v in RECORDS[0].items() if k != "details"}]), "is of another version of theorycheck"),
        (lambda t: t.replace('"version": 1', '"version": 2'), "is of another version of theorycheck"),
        (lambda t: json.dumps([signed(RECORDS[0], details=RECORDS[0]["details"] | {"notes": {}})]), "`details.notes` is no list"),
        (lambda t: t.replace('"tried": 60', '"tried": NaN', 1), "is not JSON"),
        (lambda t: "[" * 100_000, "is cut short|is not JSON"),
    ],
)
def test_a_file_that_is_no_results_has_one_clear_message(content: Callable[[str], str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "out.json", RECORDS)
    path.write_text(content(path.read_text()))
    with pytest.raises(BadResults, match=message):
        read_results([path])
    result = run("report", path)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: `results=")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out.html").exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name, message in (("none.json", "does not exist"), (".", "cannot be read"), ("bytes.json", "is not text")):
        with pytest.raises(BadResults, match=message):
            read_results([tmp_path / name])


@pytest.mark.parametrize(
    ("value", "shape", "wrong"),
    [
        ([1, "a"], ("row", int, str), None),
        ([1], ("row", int, str), "`` is no list of 2"),
        ({"a": None}, {"a": int}, "`a` is not int"),
        ({}, {"a": int}, "`a` is missing"),
        ([[1.0], ["x"]], [[(int, float)]], "`[1][0]` is not int or float"),
    ],
)
def test_shapes(value: Any, shape: Any, wrong: str | None) -> None:
    assert mismatch(value, shape) == wrong
