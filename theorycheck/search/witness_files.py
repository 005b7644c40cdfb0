"""Witness files: a counterexample as JSON, its choices exact.

A file names a theorem and holds whole numbers and text; nothing in it is ever run. A checksum over everything else tells a file
that was changed from one that is as it was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theorycheck.errors import InvalidArgument
from theorycheck.library import address_of
from theorycheck.search.files import write_atomically
from theorycheck.search.verdicts import Counterexample, require_counterexample, shown
from theorycheck.statements.theorems import Theorem

KIND, VERSION = "theorycheck witness", 1

_LARGEST = 10_000_000  # bytes: a witness has a few hundred
_KEYS: dict[str, type | tuple[type, ...]] = {
    "theorem": str,
    "paper": (str, type(None)),
    "source": str,
    "recipe": str,
    "choices": list,
    "first": list,
    "seed": int,
    "index": (int, type(None)),
    "instance": str,
    "claim": dict,
}


class BadWitness(InvalidArgument):
    """A witness file cannot be used: it is cut short, changed, of another kind, or does not belong to the theorem."""


@dataclass(frozen=True)
class Witness:
    """A saved counterexample.

    Parameters
    ----------
    theorem : str
        Name of the theorem it refutes.
    paper : str or None
        Stem of the file that lists the theorem; None where none did.
    source, recipe : str
        Where the statement comes from, and the name of what drew the instance.
    choices, first : tuple of int
        The instance, and the one first found, before contraction.
    seed : int
    index : int or None
        Of the sample first found.
    instance : str
        As it was printed.
    claim : dict
        ``label, left, right, slack, bar`` as they were found.
    place : str
        Where the file was read from.

    """

    theorem: str
    paper: str | None
    source: str
    recipe: str
    choices: tuple[int, ...]
    first: tuple[int, ...]
    seed: int
    index: int | None
    instance: str
    claim: Mapping[str, Any]
    place: str = ""

    def refutes(self, path: Path, theorem: Theorem) -> bool:
        """Whether this is a witness against a theorem of the file at `path`."""
        return (self.paper, self.theorem) == (path.stem, theorem.name)


def save(counterexample: Counterexample, path: Path | str) -> None:
    """Write a counterexample as a witness file.

    Parameters
    ----------
    counterexample : Counterexample
    path : path of the file
        Overwritten if it exists.

    Raises
    ------
    InvalidArgument
        If the file cannot be written.

    """
    require_counterexample(counterexample)
    try:
        write_atomically(path, text_of(counterexample))
    except OSError as error:
        raise InvalidArgument("path", str(path), f"cannot be written ({error.strerror})", "pass a file in a folder you may write to") from error


def text_of(counterexample: Counterexample) -> str:
    """The text of a witness file."""
    theorem, entry = counterexample.theorem, counterexample.entry
    record: dict[str, Any] = {
        "kind": KIND,
        "version": VERSION,
        "theorem": theorem.name,
        "paper": paper_of(theorem),
        "source": str(theorem.source),
        "recipe": str(getattr(theorem.ambient, "name", type(theorem.ambient).__name__)),
        "choices": list(counterexample.choices),
        "first": list(counterexample.first),
        "seed": counterexample.seed,
        "index": counterexample.index,
        "instance": shown(counterexample.instance),
        "claim": {"label": entry.label, "left": entry.left, "right": entry.right, "slack": entry.slack, "bar": entry.bar},
    }
    record["checksum"] = checksum_of(record)
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items())
    return f"{{\n{lines}\n}}\n"


def paper_of(theorem: Theorem) -> str | None:
    """Stem of the file that lists a theorem, or what it distorts; None where none does."""
    address = next((found for t in _lineage(theorem) if (found := address_of(t)) is not None), None)
    return Path(address.path).stem if address is not None else None


def _lineage(theorem: Theorem) -> Iterable[Theorem]:
    yield theorem
    while theorem.of is not None:
        theorem = theorem.of
        yield theorem


def checksum_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of everything but the checksum, in a canonical form."""
    kept = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_witness(path: Path | str) -> Witness:
    """The witness in a file.

    Raises
    ------
    BadWitness
        If there is none: the message says what is wrong with the file and what to do.

    """
    record = _record(str(path), _text(str(path)))
    if record.get("kind") != KIND:
        raise BadWitness("witness", short_path(path), "is not a witness file", "pass a file that tc.save or `theorycheck check` has written")
    if record.get("version") != VERSION:
        rule = f"has the version {record.get('version')!r}; this is theorycheck for version {VERSION}"
        raise BadWitness("witness", short_path(path), rule, "find the counterexample again, or use the theorycheck that wrote it")
    if record.get("checksum") != checksum_of(record):
        raise BadWitness(
            "witness", short_path(path), "was changed after it was written (its checksum is of another content)", "take it from where it was"
        )
    wrong = [key for key, kind in _KEYS.items() if not isinstance(record.get(key), kind)]
    wrong += [key for key in ("choices", "first") if key not in wrong and not all(type(choice) is int for choice in record[key])]
    wrong += [] if "claim" in wrong or {"label", "left", "right"} <= set(record["claim"]) else ["claim"]
    if wrong:
        raise BadWitness("witness", short_path(path), f"lacks `{wrong[0]}`, or has it of another kind", "find the counterexample again")
    values = {key: record[key] for key in _KEYS} | {key: tuple(record[key]) for key in ("choices", "first")}
    return Witness(**values, place=str(path))


def _text(path: str) -> str:
    remedy = "pass the path of a witness file"
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise BadWitness("witness", short_path(path), "is far too large for a witness", remedy)
        return raw.decode("utf-8")
    except FileNotFoundError:
        raise BadWitness("witness", short_path(path), "does not exist", remedy) from None
    except OSError as error:
        raise BadWitness("witness", short_path(path), f"cannot be read ({error.strerror})", remedy) from None
    except UnicodeDecodeError:
        raise BadWitness("witness", short_path(path), "is not text", remedy) from None


def _record(path: str, text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        record = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if not text.strip() or (isinstance(error, json.JSONDecodeError) and KIND in text and not text.rstrip().endswith("}")):
            raise BadWitness(
                "witness", short_path(path), "is cut short: its end is missing", "copy it again, or find the counterexample again"
            ) from None
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadWitness("witness", short_path(path), f"is not JSON{where}", "pass a file that tc.save or `theorycheck check` has written") from None
    return record if isinstance(record, dict) else {}


def short_path(path: Path | str) -> str:
    """The path, or its last part where a message would cut the path's end off."""
    return str(path) if len(str(path)) <= 70 else f".../{Path(path).name}"
