"""Consoles, and how names, counts and outcomes look on them: never cut, never by colour alone."""

from __future__ import annotations

import os
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from theorycheck.search.verdicts import Outcome

_PIPED_WIDTH = 200
_PIPE_CLOSED = 141  # as the shell reports SIGPIPE: status 1 would say that a theorem was refuted

# blue against vermilion, which colour-blind readers tell apart; the words stand in any case
STYLES = {Outcome.CORROBORATED: "bright_blue", Outcome.REFUTED: "bold #d55e00", Outcome.INCONCLUSIVE: "bold", Outcome.VACUOUS: "bold"}


class _QuietConsole(Console):
    def on_broken_pipe(self) -> NoReturn:
        """``theorycheck ... | head`` ends without a word."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(_PIPE_CLOSED)


def console_for(stderr: bool = False) -> Console:
    """A console that takes text as it is; piped, it is as wide as COLUMNS says, or wide enough for any name."""
    console = _QuietConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


def say(console: Console, *parts: Text | str) -> None:
    """Print one line, wrapped at words on a terminal, left whole in a pipe."""
    console.print(Text.assemble(*parts), soft_wrap=not console.is_terminal)


def plain_table(name: str, *columns: str, numeric: tuple[str, ...] = ()) -> Table:
    """A table whose first column holds names, folded already; the numeric columns are set to the right, the others fold."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(name, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold", no_wrap=column in numeric)
    return table


def outcome_word(outcome: Outcome) -> Text:
    """The outcome in capitals."""
    return Text(outcome.name, STYLES[outcome])


def folded(name: str, width: int) -> str:
    r"""The name in lines of at most `width`, broken after ``_``, ``:`` or ``/`` where there is one.

    >>> folded("sharpness_ge_of_minimiser:without_at_minimiser", 25)
    'sharpness_ge_of_\nminimiser:without_at_\nminimiser'

    """
    lines = []
    while len(name) > width:
        cut = max(name.rfind(mark, 0, width) for mark in "_:/") + 1 or width
        lines.append(name[:cut])
        name = name[cut:]
    return "\n".join([*lines, name])


def share(part: int, whole: int) -> str:
    """``3/4``, or a dash where there is nothing to count."""
    return f"{part}/{whole}" if whole else "-"


def slack_text(slack: float | None) -> str:
    """A relative slack with its sign."""
    return "-" if slack is None else f"{slack:+.1e}"


def seconds_text(seconds: float) -> str:
    """Seconds as long as they are few, else minutes or hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
