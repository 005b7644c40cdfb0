"""Witness files: a counterexample as JSON, its choices exact, and its replay on another day or another machine.

A file names a theorem and holds whole numbers and text; nothing in it is ever run. It is replayed on a theorem of the library,
or on those given. A checksum over everything else tells a file that was changed from one that is as it was written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from theorycheck.errors import InvalidArgument, TheorycheckError, UnknownTheorem
from theorycheck.library import address_of, papers
from theorycheck.search.confirmation import confirmed_claim, is_equality, needs_confirmation
from theorycheck.search.evaluation import Admission, Broken, claim_of, guarded
from theorycheck.search.files import write_atomically
from theorycheck.search.screening import SCREEN
from theorycheck.search.tallies import Judged, admitted_or_not, judged
from theorycheck.search.verdicts import Counterexample, shown
from theorycheck.statements.comparisons import Comparison
from theorycheck.statements.theorems import Theorem

KIND, VERSION = "theorycheck witness", 1
FOLDER = Path(".theorycheck") / "witnesses"

_LARGEST = 10_000_000  # bytes: a witness has a few hundred
_DROPPED = re.compile(r"(.+):without_(\w+)")
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


# -- writing --


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
    try:
        write_atomically(path, text_of(counterexample))
    except OSError as error:
        raise InvalidArgument("path", str(path), f"cannot be written ({error.strerror})", "pass a file in a folder you may write to") from error


def text_of(counterexample: Counterexample) -> str:
    """The text of a witness file."""
    theorem, entry = counterexample.theorem, counterexample.entry
    address = next((found for t in _lineage(theorem) if (found := address_of(t)) is not None), None)
    record: dict[str, Any] = {
        "kind": KIND,
        "version": VERSION,
        "theorem": theorem.name,
        "paper": Path(address.path).stem if address is not None else None,
        "source": str(theorem.source),
        "recipe": str(getattr(theorem.ambient, "name", type(theorem.ambient).__name__)),
        "choices": list(counterexample.choices),
        "first": list(counterexample.first),
        "seed": counterexample.seed,
        "index": counterexample.index,
        "instance": shown(counterexample.instance),
        "claim": {"label": entry.label, "left": entry.left, "right": entry.right, "slack": entry.slack, "bar": entry.bar},
    }
    record["checksum"] = _checksum(record)
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items())
    return f"{{\n{lines}\n}}\n"


def _lineage(theorem: Theorem) -> Iterable[Theorem]:
    yield theorem
    while theorem.of is not None:
        theorem = theorem.of
        yield theorem


def _checksum(record: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# -- reading --


def read_witness(path: Path | str) -> Witness:
    """The witness in a file.

    Raises
    ------
    BadWitness
        If there is none: the message says what is wrong with the file and what to do.

    """
    record = _record(str(path), _text(str(path)))
    if record.get("kind") != KIND:
        raise BadWitness("witness", _short(path), "is not a witness file", "pass a file that tc.save or `theorycheck check` has written")
    if record.get("version") != VERSION:
        rule = f"has the version {record.get('version')!r}; this is theorycheck for version {VERSION}"
        raise BadWitness("witness", _short(path), rule, "find the counterexample again, or use the theorycheck that wrote it")
    if record.get("checksum") != _checksum(record):
        raise BadWitness(
            "witness", _short(path), "was changed after it was written (its checksum is of another content)", "take it from where it was"
        )
    wrong = [key for key, kind in _KEYS.items() if not isinstance(record.get(key), kind)]
    wrong += [key for key in ("choices", "first") if key not in wrong and not all(type(choice) is int for choice in record[key])]
    wrong += [] if "claim" in wrong or {"label", "left", "right"} <= set(record["claim"]) else ["claim"]
    if wrong:
        raise BadWitness("witness", _short(path), f"lacks `{wrong[0]}`, or has it of another kind", "find the counterexample again")
    values = {key: record[key] for key in _KEYS} | {key: tuple(record[key]) for key in ("choices", "first")}
    return Witness(**values, place=str(path))


def _text(path: str) -> str:
    remedy = "pass the path of a witness file"
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise BadWitness("witness", _short(path), "is far too large for a witness", remedy)
        return raw.decode("utf-8")
    except FileNotFoundError:
        raise BadWitness("witness", _short(path), "does not exist", remedy) from None
    except OSError as error:
        raise BadWitness("witness", _short(path), f"cannot be read ({error.strerror})", remedy) from None
    except UnicodeDecodeError:
        raise BadWitness("witness", _short(path), "is not text", remedy) from None


def _record(path: str, text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        record = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if not text.strip() or (isinstance(error, json.JSONDecodeError) and KIND in text and not text.rstrip().endswith("}")):
            raise BadWitness("witness", _short(path), "is cut short: its end is missing", "copy it again, or find the counterexample again") from None
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadWitness("witness", _short(path), f"is not JSON{where}", "pass a file that tc.save or `theorycheck check` has written") from None
    return record if isinstance(record, dict) else {}


def _short(path: Path | str) -> str:
    """The path, or its last part where a message would cut the path's end off."""
    return str(path) if len(str(path)) <= 70 else f".../{Path(path).name}"


# -- replaying --


def replay(path: Path | str, theorems: Iterable[Theorem] | None = None) -> Comparison:
    """Re-evaluate a saved counterexample.

    Parameters
    ----------
    path : path of a witness file
    theorems : iterable of Theorem, optional
        Where to look for the theorem it names; the library unless given. Nothing named in the file is ever run.

    Returns
    -------
    Comparison
        The claim on the saved instance, confirmed; its ``standing`` is VIOLATED if the counterexample still stands.

    Raises
    ------
    BadWitness
        If the file is no witness, or no longer belongs to the theorem's recipe and premises.
    UnknownTheorem
        If the theorem is not among those known.

    """
    witness = read_witness(path)
    return replayed(theorem_of(witness, theorems), witness)[1]


def theorem_of(witness: Witness, theorems: Iterable[Theorem] | None = None) -> Theorem:
    """The theorem a witness names, among those given or in the library; ``name:without_premise`` is made from ``name``."""
    if theorems is None:
        known = [t for paper in papers() if paper.name == witness.paper for t in (*paper.theorems, *paper.false)]
    else:
        known = list(theorems)
    found = _named(witness.theorem, known)
    if found is not None:
        return found
    file = f"{witness.paper}.py" if witness.paper is not None else "FILE.py"
    rule = f"is what {_short(witness.place)} refutes, and is not one of those {'in the library' if theorems is None else 'given'}"
    remedy = f"pass the file that lists it: `--from {file}`, or theorems=" if theorems is None else f"pass those of {file}, where it was found"
    raise UnknownTheorem("theorem", witness.theorem, rule, remedy)


def _named(name: str, known: list[Theorem]) -> Theorem | None:
    exact = next((t for t in known if t.name == name), None)
    dropped = _DROPPED.fullmatch(name)
    if exact is not None or dropped is None:
        return exact
    base = _named(dropped.group(1), known)
    return base.without(dropped.group(2)) if base is not None and dropped.group(2) in {p.name for p in base.premises} else None


def replayed(theorem: Theorem, witness: Witness) -> tuple[Any, Comparison]:
    """The saved instance after enforcement, and the claim on it, confirmed where it is a violation or a near-tie.

    Raises
    ------
    BadWitness
        If the choices are not an instance of the recipe, a premise rejects it, or the claim is undefined on it.

    """
    draw = _draw(theorem, witness.choices, witness.place)

    def rebuild() -> Any:
        return theorem.ambient.replay(witness.choices).value

    admitted = admitted_or_not(theorem, draw.value, rebuild)
    remedy = "the theorem has changed since: check it again"
    if isinstance(admitted, Judged) and admitted.rejected_by is not None:
        rule = f"holds an instance outside the premises of {theorem.name}: `{admitted.rejected_by}` rejects it"
        raise BadWitness("witness", _short(witness.place), rule, remedy)
    broken = admitted.broken if isinstance(admitted, Judged) else None
    result: Comparison | Broken = broken or Broken("it cannot be evaluated")
    if isinstance(admitted, Admission):
        result = guarded(partial(claim_of, theorem, admitted.instance, SCREEN), SCREEN)
        if isinstance(result, Comparison) and needs_confirmation(result.worst, is_equality(result)):
            result = confirmed_claim(theorem, rebuild, result)
    if isinstance(result, Broken):
        raise BadWitness("witness", _short(witness.place), f"holds an instance on which {theorem.name} is undefined: {result.reason}", remedy)
    return admitted.instance, result


def _draw(theorem: Theorem, choices: tuple[int, ...], place: str) -> Any:
    """The draw of exactly these choices; replay itself is tolerant."""
    draw = guarded(partial(theorem.ambient.replay, choices), SCREEN)
    if isinstance(draw, Broken) or draw.choices != choices:
        why = f" ({draw.reason})" if isinstance(draw, Broken) else ""
        rule = f"holds choices that are not an instance of {theorem.name}{why}"
        raise BadWitness("witness", _short(place), rule, "the recipe has changed since, or the theorem is another of that name: check it again")
    return draw


def violates(theorem: Theorem, choices: tuple[int, ...]) -> bool:
    """Whether the instance of exactly these choices is admitted and violates the claim, confirmed."""
    return judged(theorem, _draw(theorem, choices, "")).violates


def counterexample_of(theorem: Theorem, witness: Witness) -> Counterexample:
    """The counterexample a witness is, evaluated anew.

    Raises
    ------
    BadWitness
        If it is none any more.

    """
    result = judged(theorem, _draw(theorem, witness.choices, witness.place))
    if result.entry is None or not result.violates:
        raise BadWitness("witness", _short(witness.place), f"no longer violates {theorem.name}", "delete it if it is of no use")
    return Counterexample(
        theorem,
        witness.choices,
        result.instance,
        result.entry,
        witness.seed,
        witness.index,
        witness.first,
        replayed_from=witness.place,
    )


# -- the folder that the command keeps --


def read_folder(folder: Path = FOLDER) -> tuple[tuple[Witness, ...], tuple[str, ...]]:
    """Every witness of a folder, and a sentence on each file that is none; an unreadable folder is one sentence."""
    witnesses: list[Witness] = []
    complaints: list[str] = []
    try:
        places = sorted(folder.glob("*.json"))
    except OSError as error:
        return (), (f"saved witnesses in {folder} cannot be read ({error.strerror}); the check goes on without them",)
    for place in places:
        try:
            witnesses.append(read_witness(place))
        except TheorycheckError as error:
            complaints.append(f"{error}; the check goes on without it")
    return tuple(witnesses), tuple(complaints)


def keep(counterexample: Counterexample, folder: Path = FOLDER) -> Path | str:
    """Save a counterexample in the folder; its path, or a sentence on why it cannot be kept."""
    text = text_of(counterexample)
    paper = json.loads(text)["paper"]
    place = folder / (re.sub(r"[^\w.-]+", "-", f"{paper}-{counterexample.theorem.name}")[:150] + ".json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(place, text)
    except OSError as error:
        return f"counterexamples cannot be kept in {folder} ({error.strerror}); the check goes on without"
    return place
