"""What the report needs of a theorem beyond the promised fields of its JSON object: plain values, the same for any number of jobs."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

import numpy as np

from theorycheck.library import shelf
from theorycheck.report.catalogue import kind_of_claim
from theorycheck.report.figures.networks import Picture
from theorycheck.search.reports import Planted, Report
from theorycheck.search.verdicts import Counterexample, Tightest, Verdict, shown
from theorycheck.search.witness_files import text_of
from theorycheck.statements.comparisons import Entry

VERSION = 1

SAMPLE = 128  # instances whose sides are recorded

_SENTENCE = 1000  # characters of a proof, or of what is missing in it

_PACKAGES = ("theorycheck", "numpy", "scipy", "sympy", "numba", "llvmlite", "hypothesis", "python-flint")


def details_of(report: Report, verdict: Verdict, data: tuple[str, str] | None = None) -> dict[str, Any]:
    """Statement, premises, sample, counterexamples, falsehoods, identities and where all this was run.

    Parameters
    ----------
    report : Report
    verdict : Verdict
        Its verdict.
    data : (str, str), optional
        Name of the reader's data file and of its target column, where the theorem is bound to them.

    """
    theorem = report.theorem
    return {
        "version": VERSION,
        "source": str(theorem.source),
        "statement": theorem.statement,
        "kind": kind_of_claim(theorem),
        "ambient": str(getattr(theorem.ambient, "name", type(theorem.ambient).__name__)),
        "premises": [{"name": p.name, "statement": p.statement, "enforced": p.enforce is not None} for p in theorem.premises],
        "library": (shelf() / f"{report.paper}.py").is_file(),
        "data": list(data) if data is not None else None,
        "seed": verdict.seed,
        "holds": verdict.holds,
        "too_close": verdict.too_close,
        "undefined": verdict.undefined,
        "pursued": verdict.pursued,
        "rejected": dict(verdict.rejected),
        "problems": list(verdict.problems),
        "notes": list(report.notes),
        "worst": worst_record(verdict.tightest),
        "sample": sample_record(verdict.sample[:SAMPLE]),
        "counterexample": drawn_record(verdict.counterexample, report.certificate.sentence if report.certificate is not None else ""),
        "falsehoods": [_falsehood_record(p) for p in report.planted],
        "identities": [{"label": i.label, "proved": i.proved, "sentence": _cut(i.sentence)} for i in report.identities],
        "environment": dict(environment()),
    }


@cache
def environment() -> tuple[tuple[str, str], ...]:
    """Versions that results may depend on, and the kind of machine; no names or paths of it."""
    found = [("python", platform.python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return (*found, ("system", platform.system()), ("machine", platform.machine()))


def worst_record(tightest: Tightest | None) -> dict[str, Any] | None:
    """The instance nearest to a violation, with its sides."""
    if tightest is None or not isfinite(tightest.slack):
        return None
    names = ("slack", "label", "bar", "index", "left", "right")
    return {name: getattr(tightest, name) for name in names} | {"bar": _number(tightest.bar)}


def sample_record(entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Deciding entries as rows of a table: label, standing and relation by name, then left, right, slack and bar."""
    rows = [[e.label, e.standing.name, e.relation.name, e.left, e.right, _short(e.slack), _short(e.bar)] for e in entries]
    labels = list(dict.fromkeys(row[0] for row in rows))
    return {"labels": labels, "rows": [[labels.index(row[0]), *row[1:]] for row in rows]}


def drawn_record(found: Counterexample | None, certificate: str = "") -> dict[str, Any] | None:
    """A counterexample as an object: as text, as exact choices, as what is drawn of it, and as a witness file."""
    if found is None:
        return None
    picture, entry = Picture.of(found), found.entry
    return {
        "theorem": found.theorem.name,
        "instance": shown(found.instance),
        "choices": list(found.choices),
        "entry": sample_record((entry,)),
        "story": found.story(),
        "certificate": certificate,
        "sides": picture.sides,
        "layers": [_plain(W) for W in picture.layers],
        "rows": [list(row) for row in picture.rows],
        "witness": text_of(found),
    }


def _falsehood_record(p: Planted) -> dict[str, Any]:
    sentence = p.certificate.sentence if p.certificate is not None else ""
    return {
        "name": p.theorem.name,
        "statement": p.theorem.statement,
        "outcome": p.outcome.name,
        "refuted": p.refuted,
        "tried": p.tally.tried,
        "admitted": p.tally.admitted,
        "problems": list(p.problems),
        "counterexample": drawn_record(p.counterexample, sentence),
    }


def _cut(sentence: str) -> str:
    """A proof may fill pages; its first lines are enough to know it by."""
    return sentence if len(sentence) <= _SENTENCE else sentence[:_SENTENCE] + " ..."


def _plain(array: np.ndarray) -> list[list[float]]:
    return [[float(value) for value in row] for row in array]


def _short(value: float) -> float | None:
    """Six digits are enough to draw; None where it is no number."""
    return float(f"{value:.6g}") if isfinite(value) else None


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
