"""The line that moves while a run goes on; it is only for eyes, and only on a terminal."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from theorycheck.report.consoles import slack_text
from theorycheck.search.reports import Running

_BESIDE_NAME = 60  # columns of the moving line that the name of the theorem does not get


class Live:
    """Progress on stderr where that is a terminal, and finished lines on stdout.

    Parameters
    ----------
    out, err : Console
        Standard output and standard error.

    """

    def __init__(self, out: Console, err: Console) -> None:
        self._out, self._stack = out, ExitStack()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[counts]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=err,
            disable=not err.is_terminal,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("starting", total=None, counts="")

    def __enter__(self) -> Live:
        self._stack.enter_context(self._bar)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def show(self, running: Running) -> None:
        """Move the bar."""
        done, every = running.tasks
        self._bar.update(self._task, completed=done, total=every, description=self._cut(running.theorem.name), counts=_counts(running))

    def steps(self, name: str, done: int, known: int) -> None:
        """Move the bar by tasks done of those known so far."""
        self._bar.update(self._task, completed=done, total=known, description=self._cut(name), counts=f"{done}/{known} tasks")

    def _cut(self, name: str) -> str:
        """The name as far as there is room; it stands in full in the line that stays."""
        room = max(12, self._bar.console.width - _BESIDE_NAME)
        return name if len(name) <= room else name[: room - 1] + "…"

    def finished(self, line: Text) -> None:
        """Print a line that stays, above the bar."""
        console = self._bar.console if self._out.is_terminal and not self._bar.disable else self._out
        console.print(line, soft_wrap=True)


def _counts(running: Running) -> str:
    tally, (refuted, planted) = running.tally, running.refutations
    if tally.tried == 0 and planted:
        return f"falsehoods {refuted}/{planted}"
    return f"{tally.tried}/{running.instances}, tightest {slack_text(tally.tightest.slack if tally.tightest else None)}"
