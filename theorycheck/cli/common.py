"""What the questions share: exit statuses, options, errors in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from theorycheck.errors import TheorycheckError

if TYPE_CHECKING:
    from theorycheck.library import Paper, Selection
    from theorycheck.statements.theorems import Theorem

BAD_INPUT, UNDECIDED, INTERRUPTED = 2, 3, 130

Command = TypeVar("Command", bound=Callable[..., Any])


def plainly(command: Command) -> Command:
    """One clear sentence and status 2 for whatever is wrong with the input."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except TheorycheckError as error:
            click.echo(f"Error: {error}", err=True)
            raise click.exceptions.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            click.echo("Interrupted before anything was decided", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None

    return wrapped  # type: ignore[return-value]


def _seed(context: click.Context, parameter: click.Parameter, value: int) -> int:
    if not 0 <= value < 2**64:
        raise click.BadParameter(f"{value} is not a whole number from 0 to 2^64 - 1", context, parameter)
    return value


def instances_option(what: str) -> Callable[[Command], Command]:
    """``--instances N``."""
    return click.option("--instances", metavar="N", default=1000, show_default=True, type=click.IntRange(min=1), help=what)


seed_option = click.option(
    "--seed", metavar="S", default=0, show_default=True, callback=_seed, help="The same seed gives the same instances anywhere."
)
jobs_option = click.option(
    "--jobs",
    metavar="J",
    default=os.cpu_count() or 1,
    show_default="all processors",
    type=click.IntRange(min=1),
    help="Processes; results do not depend on it.",
)
time_limit_option = click.option(
    "--time-limit",
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="For a single evaluation of an instance; one that takes longer is undefined.",
)


def selected(selectors: tuple[str, ...]) -> Selection:
    """The selection, which must hold something."""
    from theorycheck.library import select

    selection = select(selectors)
    if not any(paper.theorems or paper.false for paper in selection.papers):
        raise click.UsageError("the library holds no theorem; pass the path of a theorem file")
    return selection


def asked_for(selectors: tuple[str, ...]) -> list[tuple[Paper, Theorem]]:
    """The theorems of a selection, with their papers; falsehoods only where they were named themselves."""
    return [(paper, theorem) for paper in selected(selectors).papers for theorem in paper.theorems or paper.false]
