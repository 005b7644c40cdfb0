"""The page: head, summary, a section a theorem, and what it was run with."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from theorycheck.errors import InvalidArgument
from theorycheck.report.html.drawings import can_draw
from theorycheck.report.html.elements import Markup, tag
from theorycheck.report.html.results_file import Contents, Record
from theorycheck.report.html.sections import section
from theorycheck.report.html.summary import summary_sentence, summary_table
from theorycheck.search.files import write_atomically

_TITLE = "theorycheck report"
_WORTH = (
    "No answer here is “true” or “verified”: a theorem is corroborated on the instances that were tried, and the share of planted "
    "falsehoods that the same check refuted says how much that is worth."
)


def page(contents: Contents, figures: bool | None = None) -> str:
    """The report as the text of an HTML file.

    Parameters
    ----------
    contents : Contents
    figures : bool, optional
        Whether to draw them; where Matplotlib is installed, unless given.

    """
    drawn = can_draw() if figures is None else figures
    script, look = _asset("report.js"), _asset("report.css")
    body = tag(
        "body",
        tag("header", tag("h1", _TITLE), tag("p", summary_sentence(contents.results), class_="lead"), tag("p", _WORTH, class_="muted small")),
        tag("main", summary_table(contents.results), _papers(contents, drawn), id="top"),
        tag("footer", tag("h2", "What it was run with"), _environments(contents), None if drawn else _no_figures()),
        tag("script", Markup(script)),
    )
    return "<!doctype html>\n" + tag("html", _head(script, look), body, lang="en") + "\n"


def write_page(path: Path | str, contents: Contents, figures: bool | None = None) -> None:
    """Write the report; the file is complete at any moment.

    Raises
    ------
    InvalidArgument
        If the file cannot be written.

    """
    require_writable(path)
    try:
        write_atomically(path, page(contents, figures))
    except OSError as error:
        raise _unwritable(path, error) from error


def require_writable(path: Path | str) -> None:
    """Raise, before the work is done, where a report could not be written after it."""
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        raise InvalidArgument("report", str(path), "is not a regular file", "pass the path of a file to write")
    if not place.parent.is_dir() or not os.access(place.parent, os.W_OK):
        raise InvalidArgument("report", str(path), "cannot be written (no such folder, or not yours)", "pass a file in a folder you may write to")


def _unwritable(path: Path | str, error: OSError) -> InvalidArgument:
    return InvalidArgument("report", str(path), f"cannot be written ({error.strerror})", "pass a file in a folder you may write to")


def _head(script: str, look: str) -> Markup:
    """Nothing is loaded, and no script runs but the one written here."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", _TITLE),
        tag("style", Markup(look)),
    )


def _papers(contents: Contents, drawn: bool) -> list[Markup]:
    """The sections, paper by paper, in the order of the run."""
    papers: dict[str, list[Record]] = {}
    for result in contents.results:
        papers.setdefault(result["paper"], []).append(result)
    return [tag("div", tag("h2", paper), (section(r, contents, drawn) for r in of_paper)) for paper, of_paper in papers.items()]


def _environments(contents: Contents) -> list[Markup]:
    """Versions and machine of the runs, each once."""
    found: dict[tuple[tuple[str, str], ...], int] = {}
    for result in contents.results:
        stamp = tuple(sorted(result["details"]["environment"].items()))
        found[stamp] = found.get(stamp, 0) + 1
    whole = len(found) == 1
    lines = [tag("p", _stamp(dict(stamp)), "" if whole else f" ({count} theorems)", class_="small") for stamp, count in found.items()]
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return [
        *lines,
        tag("p", f"Page written on {written}. Times depend on the machine; every other number comes again from the same seed.", class_="muted small"),
    ]


def _stamp(environment: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in environment.items() if name not in ("system", "machine")) + (
        f"; {environment.get('system', '')} on {environment.get('machine', '')}" if "system" in environment else ""
    )


def _no_figures() -> Markup:
    return tag("p", "No figures: Matplotlib is not installed here; pip install 'theorycheck[plot]' and write the report again.", class_="small")


def _asset(name: str) -> str:
    return (files("theorycheck.report.html") / name).read_text(encoding="utf-8")
