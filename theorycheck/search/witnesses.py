"""Saved counterexamples: replayed on another day or another machine, and kept in a folder by the command.

A witness is replayed on a theorem of the library, or on those given: nothing named in its file is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from theorycheck.errors import TheorycheckError, UnknownTheorem
from theorycheck.library import load, shelf
from theorycheck.search.confirmation import confirmed_claim
from theorycheck.search.evaluation import Admission, Broken, claim_of, guarded
from theorycheck.search.files import write_atomically
from theorycheck.search.screening import SCREEN
from theorycheck.search.tallies import Judged, admitted_or_not, judged
from theorycheck.search.verdicts import Counterexample
from theorycheck.search.witness_files import BadWitness, Witness, paper_of, read_witness, short_path, text_of
from theorycheck.statements.comparisons import Comparison
from theorycheck.statements.theorems import Theorem

FOLDER = Path(".theorycheck") / "witnesses"

_DROPPED = re.compile(r"(.+):without_(\w+)")


def replay(path: Path | str, theorems: Iterable[Theorem] | Theorem | None = None) -> Comparison:
    """Re-evaluate a saved counterexample.

    Parameters
    ----------
    path : path of a witness file
    theorems : Theorem or iterable of Theorem, optional
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


def theorem_of(witness: Witness, theorems: Iterable[Theorem] | Theorem | None = None) -> Theorem:
    """The theorem a witness names, among those given or in the library; ``name:without_premise`` is made from ``name``."""
    if theorems is None:
        papers = [load(place) for place in sorted(shelf().glob("[a-z]*.py")) if place.stem == witness.paper]
        known = [t for paper in papers for t in (*paper.theorems, *paper.false)]
    else:
        known = [theorems] if isinstance(theorems, Theorem) else list(theorems)
    found = _named(witness.theorem, known)
    if found is not None:
        return found
    file = f"{witness.paper}.py" if witness.paper is not None else "FILE.py"
    rule = f"is what {short_path(witness.place)} refutes, and is not one of those {'in the library' if theorems is None else 'given'}"
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
        raise BadWitness("witness", short_path(witness.place), rule, remedy)
    broken = admitted.broken if isinstance(admitted, Judged) else None
    result: Comparison | Broken = broken or Broken("it cannot be evaluated")
    if isinstance(admitted, Admission):
        result = guarded(partial(claim_of, theorem, admitted.instance, SCREEN), SCREEN)
        if isinstance(result, Comparison) and result.worst.doubtful:
            result = confirmed_claim(theorem, rebuild, result)
    if isinstance(result, Broken):
        raise BadWitness("witness", short_path(witness.place), f"holds an instance on which {theorem.name} is undefined: {result.reason}", remedy)
    return admitted.instance, result


def _draw(theorem: Theorem, choices: tuple[int, ...], place: str) -> Any:
    """The draw of exactly these choices; replay itself is tolerant."""
    draw = guarded(partial(theorem.ambient.replay, choices), SCREEN)
    if isinstance(draw, Broken) or draw.choices != choices:
        why = f" ({draw.reason})" if isinstance(draw, Broken) else ""
        rule = f"holds choices that are not an instance of {theorem.name}{why}"
        raise BadWitness("witness", short_path(place), rule, "the recipe has changed since, or the theorem is another of that name: check it again")
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
        raise BadWitness("witness", short_path(witness.place), f"no longer violates {theorem.name}", "delete it if it is of no use")
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
    name = f"{paper_of(counterexample.theorem)}-{counterexample.theorem.name}"
    place = folder / (re.sub(r"[^\w.-]+", "-", name)[:150] + ".json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(place, text_of(counterexample))
    except OSError as error:
        return f"counterexamples cannot be kept in {folder} ({error.strerror}); the check goes on without"
    return place
