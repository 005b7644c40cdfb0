"""A section a theorem: statement, numbers, premises, figures, counterexamples, falsehoods, identities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from theorycheck.report.consoles import seconds_text, share, slack_text
from theorycheck.report.html.counterexamples import counterexample_block
from theorycheck.report.html.drawings import drawings
from theorycheck.report.html.elements import Markup, tag
from theorycheck.report.html.mathml import Unreadable, mathml
from theorycheck.report.html.results_file import Contents, Record
from theorycheck.report.html.summary import certified_of, outcome_badge, section_of
from theorycheck.search.ablation import Need
from theorycheck.search.verdicts import Outcome


def section(result: Record, contents: Contents, drawn: bool) -> Markup:
    """Everything that is known of a theorem.

    Parameters
    ----------
    result : Record
    contents : Contents
        Its ablation and tightness are taken from here, where there are any.
    drawn : bool
        Whether to draw figures.

    """
    details, key = result["details"], (result["paper"], result["theorem"])
    link = tag("a", "#", href=f"#{section_of(result)}", class_="muted screen", aria_label="link to this section")
    return tag(
        "section",
        tag("h3", result["theorem"], " ", outcome_badge(Outcome[result["outcome"]]), " ", link),
        tag("p", details["source"], class_="muted small"),
        statement(details["statement"]),
        _facts(result),
        _listed("", [*details["problems"], *details["notes"]]),
        _premises(details, contents.ablations.get(key)),
        _counterexample(result),
        drawings(result) if drawn else None,
        _tightness(contents.tightnesses.get(key)),
        _falsehoods(result),
        _identities(details["identities"]),
        class_="theorem",
        id=section_of(result),
    )


def statement(latex: str) -> Markup | None:
    """The statement as a formula; as its LaTeX where it cannot be set."""
    if not latex:
        return None
    try:
        return tag("div", mathml(latex), class_="statement")
    except Unreadable:
        return tag("pre", tag("code", latex), class_="statement")


def _facts(result: Record) -> Markup:
    return tag("dl", (tag("div", tag("dt", name), tag("dd", value)) for name, value in _fact_lines(result)), class_="facts")


def _fact_lines(result: Record) -> Iterator[tuple[str, str]]:
    details, tightest, certified = result["details"], result["tightest"], certified_of(result)
    rejected = ", ".join(f"{name} rejected {count}" for name, count in details["rejected"].items())
    yield "instances that satisfy the hypotheses", share(result["admitted"], result["tried"]) + (f" ({rejected})" if rejected else "")
    kinds = ((details["holds"], "hold"), (details["too_close"], "too close to call"), (details["undefined"], "undefined"))
    yield "of these", ", ".join(f"{count} {word}" for count, word in kinds if count) or "none decided"
    if tightest is not None:
        yield "tightest relative slack", f"{slack_text(tightest['slack'])} in {tightest['label']}"
    yield "the adversary then tried", f"{details['pursued']} more"
    if result["power"]["planted"]:
        yield "power: planted falsehoods refuted", share(result["power"]["refuted"], result["power"]["planted"])
    if result["identities"]["stated"]:
        yield "identities proved", share(result["identities"]["proved"], result["identities"]["stated"])
    if certified is not None:
        yield "certified, of those that hold", share(*certified)
    yield "drawn by", f"{details['ambient']}, seed {details['seed']}"
    yield "time", seconds_text(result["seconds"])


def _premises(details: Mapping[str, Any], ablation: Record | None) -> Markup | None:
    """The hypotheses, and what is known of dropping each: from an ablation, or from a planted falsehood that drops it."""
    answers = _answers(details, ablation)
    if not details["premises"]:
        return tag("p", "No premises: it is claimed of everything drawn.", class_="muted small")
    rows = (
        tag(
            "tr",
            tag("td", tag("code", p["name"])),
            tag("td", p["statement"], " (enforced)" if p["enforced"] else ""),
            tag("td", answers.get(p["name"], "-")),
        )
        for p in details["premises"]
    )
    pairs = [f"{' and '.join(d['premises'])}: {_answer(d)}" for d in (ablation or {}).get("dropped", ()) if len(d["premises"]) > 1]
    head = tag("tr", (tag("th", name, scope="col") for name in ("premise", "says", "without it")))
    table = tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll")
    return tag("div", tag("h4", "Premises"), table, _listed("Dropped together", pairs))


def _answers(details: Mapping[str, Any], ablation: Record | None) -> dict[str, str]:
    found = {
        f["name"].rpartition(":without_")[2]: "violated: a planted falsehood drops it and falls"
        for f in details["falsehoods"]
        if f["refuted"] and ":without_" in f["name"]
    }
    return found | {d["premises"][0]: _answer(d) for d in (ablation or {}).get("dropped", ()) if len(d["premises"]) == 1}


def _answer(dropped: Mapping[str, Any]) -> str:
    found = dropped["counterexample"]
    where = f": {found['instance']}, left {found['left']:.6g}, right {found['right']:.6g}" if found is not None else ""
    return f"{Need[dropped['answer']].value}: {dropped['worth']}{where}"


def _counterexample(result: Record) -> Markup | None:
    found = result["details"]["counterexample"]
    return None if found is None else tag("div", tag("h4", "Counterexample"), counterexample_block(found, result))


def _tightness(found: Record | None) -> Markup | None:
    """How much of each bound is used, and which candidates hold."""
    if found is None:
        return None
    bounds = ((b["label"], _number(b["ratio"]), "attained" if b["attained"] else "not attained", b["extremal"]["instance"]) for b in found["bounds"])
    others = (
        (c["name"], "holds so far" if c["holds"] else "falls", _number(c["least_slack"]), _number(c["median_ratio"])) for c in found["candidates"]
    )
    return tag(
        "div",
        tag("h4", "Tightness"),
        _table(("bound", "largest share used", "equality", "at"), bounds),
        _table(("candidate", "stands", "least slack", "median ratio"), others) if found["candidates"] else None,
    )


def _falsehoods(result: Record) -> Markup | None:
    found = result["details"]["falsehoods"]
    return tag("div", tag("h4", "Planted falsehoods"), (_falsehood(f, result) for f in found)) if found else None


def _falsehood(f: Mapping[str, Any], result: Record) -> Markup:
    name = f["name"].removeprefix(f"{result['theorem']}:")
    word = tag("span", "refuted" if f["refuted"] else "NOT REFUTED", class_="muted" if f["refuted"] else "outcome refuted")
    where = f" {f['counterexample']['sides']}" if f["counterexample"] is not None else f" by {f['tried']} instances, {f['admitted']} admitted"
    body = (
        statement(f["statement"]) if f["statement"] != result["details"]["statement"] else None,
        _listed("", f["problems"]),
        counterexample_block(f["counterexample"], result) if f["counterexample"] is not None else None,
    )
    return tag("details", tag("summary", tag("code", name), " ", word, tag("span", where, class_="small muted")), body)


def _identities(found: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not found:
        return None
    items = (tag("li", "proved: " if i["proved"] else tag("strong", "UNPROVED: "), i["label"] if i["proved"] else i["sentence"]) for i in found)
    return tag("div", tag("h4", "Identities"), tag("ul", items, class_="small"))


def _listed(title: str, lines: Sequence[str]) -> Markup | None:
    return tag("div", tag("h4", title) if title else None, tag("ul", (tag("li", line) for line in lines), class_="small")) if lines else None


def _table(head: Sequence[str], rows: Any) -> Markup:
    top = tag("thead", tag("tr", (tag("th", name, scope="col") for name in head)))
    return tag("div", tag("table", top, tag("tbody", (tag("tr", (tag("td", cell) for cell in row)) for row in rows))), class_="scroll")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
