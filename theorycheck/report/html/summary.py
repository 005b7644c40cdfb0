"""The head of the report: one line a theorem in a table that can be sorted, and what all of them amount to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from theorycheck.report.consoles import seconds_text, share, slack_text
from theorycheck.report.html.elements import Markup, identifier, tag
from theorycheck.report.html.results_file import Record
from theorycheck.search.verdicts import Outcome

_ORDER = {Outcome.REFUTED: 0, Outcome.VACUOUS: 1, Outcome.INCONCLUSIVE: 2, Outcome.CORROBORATED: 3}

# header, how its keys are compared, what it means
_COLUMNS = (
    ("theorem", "text", "paper / theorem"),
    ("outcome", "number", "what the check found"),
    ("instances", "number", "instances that satisfy the hypotheses, of those drawn"),
    ("tightest slack", "number", "relative slack of the instance nearest to a violation"),
    ("power", "number", "planted falsehoods refuted, of those planted"),
    ("proved", "number", "identities proved, of those stated"),
    ("certified", "number", "instances that hold for certain, of those that hold among the first 100"),
    ("time", "number", "work, summed over processes"),
)


def section_of(result: Record) -> str:
    """The identifier of a theorem's section."""
    return identifier(result["paper"], result["theorem"])


def summary_table(results: Sequence[Record]) -> Markup:
    """A row a theorem; every cell knows what it is sorted by."""
    head = [
        tag("th", tag("button", name, type="button", title=meaning), scope="col", class_=_side(name), data_kind=kind, aria_sort="none")
        for name, kind, meaning in _COLUMNS
    ]
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", map(_row, results)), id="summary")


def summary_sentence(results: Sequence[Record]) -> str:
    """How many theorems came out how, and what was planted and proved."""
    counts = Counter(Outcome[r["outcome"]] for r in results)
    parts = [f"{len(results)} {'theorem' if len(results) == 1 else 'theorems'} checked: " + _listed(counts)]
    for what, whole, part, word in (("planted falsehoods", "planted", "refuted", "power"), ("identities", "stated", "proved", "identities")):
        every = sum(r[word][whole] for r in results)
        if every:
            parts.append(f"{sum(r[word][part] for r in results)} of {every} {what} {part}")
    return "; ".join(parts)


def outcome_badge(outcome: Outcome) -> Markup:
    """The outcome in words, with a sign and a colour of its own."""
    return tag("span", outcome.name, class_=f"outcome {outcome.value}")


def certified_of(result: Record) -> tuple[int, int] | None:
    """Instances certified, and those that hold; None where that was not asked for or is not known."""
    found: Any = result.get("certified")
    if not isinstance(found, dict) or not all(type(found.get(name)) is int for name in ("certified", "held")):
        return None
    return found["certified"], found["held"]


def _listed(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])


def _row(result: Record) -> Markup:
    outcome, tightest, certified = Outcome[result["outcome"]], result["tightest"], certified_of(result)
    slack = tightest["slack"] if tightest is not None else None
    link = [tag("a", result["theorem"], href=f"#{section_of(result)}"), " ", tag("span", result["paper"], class_="muted small")]
    cells = [
        (link, f"{result['paper']}/{result['theorem']}"),
        (outcome_badge(outcome), _ORDER[outcome]),
        (share(result["admitted"], result["tried"]), result["admitted"]),
        (slack_text(slack), slack),
        *((share(result[key][part], result[key][whole]), _part(result[key][part], result[key][whole])) for key, part, whole in _SHARES),
        ("-" if certified is None else share(*certified), None if certified is None else _part(*certified)),
        (seconds_text(result["seconds"]), result["seconds"]),
    ]
    return tag(
        "tr",
        (
            tag("td", shown, class_=_side(name), data_sort="" if key is None else key, data_label=name)
            for (shown, key), (name, *_) in zip(cells, _COLUMNS, strict=True)
        ),
    )


_SHARES = (("power", "refuted", "planted"), ("identities", "proved", "stated"))


def _side(column: str) -> str | None:
    return {"theorem": "name", "outcome": None}.get(column, "number")


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
