"""Reading what `check --json`, `ablate --json` and `tighten --json` wrote: checked through before anything is shown of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theorycheck.errors import InvalidArgument
from theorycheck.report.details import VERSION
from theorycheck.report.results import results_checksum
from theorycheck.search.ablation import Need
from theorycheck.search.verdicts import Outcome
from theorycheck.search.witness_files import short_path
from theorycheck.statements.comparisons import Relation, Standing

Record = Mapping[str, Any]

_LARGEST = 200_000_000  # bytes
_NUMBER = (int, float)


class BadResults(InvalidArgument):
    """A results file cannot be used: it is cut short, changed, or of another kind."""


@dataclass(frozen=True)
class Contents:
    """What the files of a report hold: results of checks, and by (paper, theorem) ablations and tightnesses."""

    results: tuple[Record, ...] = ()
    ablations: Mapping[tuple[str, str], Record] = field(default_factory=dict)
    tightnesses: Mapping[tuple[str, str], Record] = field(default_factory=dict)


@dataclass(frozen=True)
class OneOf:
    """A text out of a few."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Maybe:
    """A value of some shape, or null."""

    shape: Any


@dataclass(frozen=True)
class Named:
    """An object whose values, under any names, are of one shape."""

    shape: Any


_OUTCOME = OneOf(tuple(Outcome.__members__))
_ROW = (int, OneOf(tuple(Standing.__members__)), OneOf(tuple(Relation.__members__)), _NUMBER, _NUMBER, Maybe(_NUMBER), Maybe(_NUMBER))
_SAMPLE = {"labels": [str], "rows": [("row", *_ROW)]}
_SIDES = {"label": str, "left": _NUMBER, "right": _NUMBER}
_DRAWN = Maybe(
    {
        "theorem": str,
        "instance": str,
        "choices": [int],
        "entry": _SAMPLE,
        "story": str,
        "certificate": str,
        "sides": str,
        "layers": [[[_NUMBER]]],
        "rows": [[str]],
        "witness": str,
    }
)
_FALSEHOOD = {
    "name": str,
    "statement": str,
    "outcome": _OUTCOME,
    "refuted": bool,
    "tried": int,
    "admitted": int,
    "problems": [str],
    "counterexample": _DRAWN,
}
_DETAILS = {
    "version": int,
    "source": str,
    "statement": str,
    "kind": str,
    "ambient": str,
    "premises": [{"name": str, "statement": str, "enforced": bool}],
    "library": bool,
    "data": Maybe(("row", str, str)),
    "seed": int,
    "holds": int,
    "too_close": int,
    "undefined": int,
    "pursued": int,
    "rejected": Named(int),
    "problems": [str],
    "notes": [str],
    "worst": Maybe({"slack": _NUMBER, "label": str, "bar": Maybe(_NUMBER), "index": Maybe(int), "left": Maybe(_NUMBER), "right": Maybe(_NUMBER)}),
    "sample": _SAMPLE,
    "counterexample": _DRAWN,
    "falsehoods": [_FALSEHOOD],
    "identities": [{"label": str, "proved": bool, "sentence": str}],
    "environment": Named(str),
}
_RESULT = {
    "theorem": str,
    "paper": str,
    "outcome": _OUTCOME,
    "tried": int,
    "admitted": int,
    "tightest": Maybe({"slack": _NUMBER, "label": str}),
    "power": {"planted": int, "refuted": int},
    "identities": {"stated": int, "proved": int},
    "seconds": _NUMBER,
    "details": _DETAILS,
    "checksum": str,
}
_ABLATION = {
    "theorem": str,
    "paper": str,
    "seed": int,
    "dropped": [
        {
            "premises": [str],
            "answer": OneOf(tuple(Need.__members__)),
            "tried": int,
            "outside": int,
            "hardest": Maybe({"slack": _NUMBER}),
            "counterexample": Maybe({"instance": str, **_SIDES}),
            "worth": str,
        }
    ],
}
_TIGHTNESS = {
    "theorem": str,
    "paper": str,
    "seed": int,
    "tried": int,
    "bounds": [{"label": str, "ratio": Maybe(_NUMBER), "attained": bool, "median_ratio": Maybe(_NUMBER), "extremal": {"instance": str}}],
    "candidates": [{"name": str, "holds": bool, "least_slack": Maybe(_NUMBER), "median_ratio": Maybe(_NUMBER)}],
}


def read_results(paths: Sequence[Path | str]) -> Contents:
    """What the files hold; later files add to, or take the place of, earlier ones.

    Raises
    ------
    BadResults
        If a file is none of these, is cut short or was changed; the message says which and what to do.

    """
    results: dict[tuple[str, str], Record] = {}
    ablations: dict[tuple[str, str], Record] = {}
    tightnesses: dict[tuple[str, str], Record] = {}
    for path in paths:
        for record in _records(str(path)):
            place, shape = _kind(str(path), record, (results, ablations, tightnesses))
            wrong = mismatch(record, shape)
            if wrong is not None:
                raise _bad(path, f"was not written by this theorycheck: {wrong}", "write it again with `theorycheck check --json`")
            if place is results and record["checksum"] != results_checksum(record):
                rule = f"was changed after it was written (the checksum of {record['theorem']} is of another content)"
                raise _bad(path, rule, "take it from where it was, or check again")
            place[record["paper"], record["theorem"]] = record
    if not results:
        raise _bad(paths[0], "holds no result of a check", "pass a file that `theorycheck check --json FILE` has written")
    return Contents(tuple(results.values()), ablations, tightnesses)


def _kind(path: str, record: Any, places: tuple[dict, ...]) -> tuple[dict[tuple[str, str], Record], Any]:
    """Where a record belongs, and the shape it should have."""
    results, ablations, tightnesses = places
    if isinstance(record, dict) and "power" in record:
        details = record.get("details")
        known = isinstance(details, dict) and details.get("version") == VERSION
        if not known:
            found = details.get("version") if isinstance(details, dict) else None
            rule = f"is of another version of theorycheck (details of version {found!r}, not {VERSION})"
            raise _bad(path, rule, "write it again with `theorycheck check --json`")
        return results, _RESULT
    if isinstance(record, dict) and "dropped" in record:
        return ablations, _ABLATION
    if isinstance(record, dict) and "bounds" in record:
        return tightnesses, _TIGHTNESS
    raise _bad(path, "is JSON, but not the results of theorycheck", "pass a file that `theorycheck check --json FILE` has written")


def mismatch(value: Any, shape: Any, place: str = "") -> str | None:
    """Where a value first departs from a shape, in words; None where it does not.

    A shape is a type, a tuple of types, `OneOf`, `Maybe`, `Named`, ``[shape]`` for lists, ``("row", *shapes)`` for rows of fixed length,
    or a dictionary of the fields that must be there.

    >>> mismatch({"a": [1, "2"]}, {"a": [int]})
    '`a[1]` is not int'

    """
    if isinstance(shape, Maybe):
        return None if value is None else mismatch(value, shape.shape, place)
    if isinstance(shape, OneOf):
        return None if isinstance(value, str) and value in shape.words else f"`{place}` is none of {', '.join(shape.words)}"
    if isinstance(shape, dict | Named):
        if not isinstance(value, dict):
            return f"`{place or 'a result'}` is no object"
        fields = shape if isinstance(shape, dict) else dict.fromkeys(value, shape.shape)
        lacking = next((name for name in fields if name not in value), None)
        if lacking is not None:
            return f"`{f'{place}.' if place else ''}{lacking}` is missing"
        return _first(mismatch(value[name], inner, f"{place}.{name}" if place else name) for name, inner in fields.items())
    if isinstance(shape, list) or (isinstance(shape, tuple) and shape[0] == "row"):
        if not isinstance(value, list) or (isinstance(shape, tuple) and len(value) != len(shape) - 1):
            return f"`{place}` is no list" + (f" of {len(shape) - 1}" if isinstance(shape, tuple) else "")
        inners = shape[1:] if isinstance(shape, tuple) else shape * len(value)
        return _first(mismatch(item, inner, f"{place}[{k}]") for k, (item, inner) in enumerate(zip(value, inners, strict=True)))
    fits = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    return None if fits else f"`{place}` is not {' or '.join(t.__name__ for t in (shape if isinstance(shape, tuple) else (shape,)))}"


def _first(answers: Any) -> str | None:
    return next((answer for answer in answers if answer is not None), None)


def _records(path: str) -> list[Any]:
    text = _text(path)
    try:
        records = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        if text.lstrip().startswith("[") and not text.rstrip().endswith("]"):
            raise _bad(path, "is cut short: its end is missing", "copy it again, or check again") from None
        raise _bad(path, "is not JSON", "pass a file that `theorycheck check --json FILE` has written") from None
    if not isinstance(records, list):
        raise _bad(path, "is JSON, but not the results of theorycheck", "pass a file that `theorycheck check --json FILE` has written")
    return records


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LARGEST)
    except FileNotFoundError:
        raise _bad(path, "does not exist", "pass a file that `theorycheck check --json FILE` has written") from None
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror})", "pass a file that you may read") from None
    except UnicodeDecodeError:
        raise _bad(path, "is not text", "pass a file that `theorycheck check --json FILE` has written") from None
    if not text.strip():
        raise _bad(path, "is empty", "pass a file that `theorycheck check --json FILE` has written")
    return text


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _bad(path: Path | str, rule: str, remedy: str) -> BadResults:
    return BadResults("results", short_path(path), rule, remedy)
