"""What the library holds: `list` in a few lines a theorem, `show` on a page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import partial
from inspect import unwrap
from textwrap import TextWrapper
from types import CodeType, FunctionType
from typing import Any

from rich.console import Console
from rich.text import Text

from theorycheck.library import Paper, origin
from theorycheck.report.consoles import say
from theorycheck.report.terminal import print_indented
from theorycheck.statements.theorems import Theorem
from theorycheck.symbolic.identities.chains import Argument, ChainFamily, ProofChain, told

# the function that makes a comparison -> what kind of claim that is
KINDS = {"at_most": "≤", "at_least": "≥", "equal": "=", "tends_to": "limit", "scales_as": "power law", "happens": "probability"}

_UNBROKEN = 10_000  # width of a line in a pipe


def kind_of_claim(theorem: Theorem) -> str:
    """What the claim says, read off the comparisons its code makes; nothing is run.

    >>> from theorycheck.statements.comparisons import at_most
    >>> from theorycheck.statements.sources import CONJECTURE
    >>> from theorycheck.instances.recipes import recipe
    >>> kind_of_claim(Theorem("positive", CONJECTURE, recipe(lambda draw: 1.0), (), lambda x, precision: at_most("0 ≤ x", 0, x)))
    '≤'

    """
    named = set(_names(theorem.claim, set()))
    return " and ".join(sign for name, sign in KINDS.items() if name in named) or "other"


def print_list(console: Console, papers: Sequence[Paper]) -> None:
    """Every theorem with its paper, kind of claim, premises and planted falsehoods."""
    for paper in papers:
        sources = dict.fromkeys(f"{t.source.authors} {t.source.year or ''}".strip() for t in paper.theorems)
        say(console, Text(paper.name, "bold"), f"  {'; '.join(sources)}")
        for theorem in paper.theorems:
            say(console, f"  {theorem.name}  ({kind_of_claim(theorem)})")
            _print_names(console, "premises", [p.name for p in theorem.premises])
            _print_names(console, "falsehoods", [_distortion(f) for f in paper.planted_on(theorem)])
        console.print()
    theorems, false = sum(len(p.theorems) for p in papers), sum(len(p.false) for p in papers)
    say(console, f"{theorems} theorems in {len(papers)} papers, {false} planted falsehoods")


def _print_names(console: Console, title: str, names: Sequence[str]) -> None:
    start = f"      {title:<12}"
    wrapper = TextWrapper(
        width=console.width if console.is_terminal else _UNBROKEN,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
    say(console, wrapper.fill(", ".join(names) or "none"))


def print_page(console: Console, paper: Paper, theorem: Theorem) -> None:
    """Statement, setting, premises, closed forms and source of a theorem."""
    say(console, Text(f"{paper.name}/{theorem.name}", "bold"))
    print_indented(console, f"source     {theorem.source}", *([f"distorts   {theorem.of.name}"] if theorem.of is not None else []))
    print_indented(console, f"claim      {theorem.statement or 'see the file'}", f"kind       {kind_of_claim(theorem)}")
    print_indented(console, f"for all    {getattr(theorem.ambient, 'name', type(theorem.ambient).__name__)}")
    notes = (("equality is attained", theorem.tight), ("instances are tried in stacks", theorem.stacked))
    print_indented(console, *(f"note       {note}" for note, holds in notes if holds))
    _print_block(console, "premises", [f"{p}{' (enforced)' if p.enforce else ''}" for p in theorem.premises])
    _print_block(console, "closed forms", [line for identity in theorem.identities for line in _closed_form(identity)])
    _print_block(console, "planted falsehoods", [_with_statement(f) for f in paper.planted_on(theorem) if theorem.of is None])
    for section in ("Setting", "Convention"):
        _print_block(console, section.lower(), _section(ast.get_docstring(ast.parse(paper.path.read_text(encoding="utf-8"))) or "", section))
    say(console, "")


def _print_block(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        print_indented(console, title, *(f"  {line}" for line in lines))


def _closed_form(identity: Any) -> list[str]:
    """An identity, and the steps of a chain, derived and checked as it is shown."""
    if not isinstance(identity, ProofChain | ChainFamily | Argument):
        return [str(identity)]
    steps = [f"  {line}" for line in told(identity)]
    return [str(identity), *([f"  shown at depth {identity.shown_depth}:"] if isinstance(identity, ChainFamily) else []), *steps]


def _section(docstring: str, name: str) -> list[str]:
    """The lines of one section of a theorem file's docstring, without its name."""
    found = re.search(rf"^{name}\b(.*(?:\n(?:[ \t].*)?)*)", docstring, re.MULTILINE)
    return [line.strip() for line in found.group(1).splitlines() if line.strip()] if found else []


def _distortion(falsehood: Theorem) -> str:
    """Name of a falsehood without that of the theorem it distorts."""
    return falsehood.name.removeprefix(f"{origin(falsehood).name}:")


def _with_statement(falsehood: Theorem) -> str:
    return _distortion(falsehood) + (f": {falsehood.statement}" if falsehood.statement else "")


def _names(function: Any, seen: set[CodeType]) -> Iterator[str]:
    """Names used in the code of a function, and of the functions of the same file that it uses."""
    function = _bare(function)
    if not isinstance(function, FunctionType) or function.__code__ in seen:
        return
    seen.add(function.__code__)
    used = set(_names_in(function.__code__))
    yield from used
    others = [function.__globals__[name] for name in used if name in function.__globals__]
    for other in (*others, *(cell.cell_contents for cell in function.__closure__ or ())):
        if getattr(_bare(other), "__module__", None) == function.__module__:
            yield from _names(other, seen)


def _bare(function: Any) -> Any:
    """The function under partial applications, decorators and binding to an object."""
    while isinstance(function, partial):
        function = function.func
    return getattr(unwrap(function) if callable(function) else function, "__func__", function)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
