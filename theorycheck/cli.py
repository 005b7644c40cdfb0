"""The command `theorycheck`: one function a question; what each needs is imported when it is asked."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from theorycheck.errors import TheorycheckError

if TYPE_CHECKING:
    from theorycheck.search.reports import Report
    from theorycheck.search.session import Plan
    from theorycheck.symbolic.named_models import Argument

BAD_INPUT, UNDECIDED, INTERRUPTED = 2, 3, 130

Command = TypeVar("Command", bound=Callable[..., Any])

STATUS = """
\b
Exit status:
  0    every theorem corroborated, every planted falsehood refuted, every
       identity proved
  1    a theorem refuted, or a planted falsehood survived
  2    wrong use or bad input
  3    otherwise: a theorem inconclusive or vacuous, an identity not proved
  130  interrupted (Ctrl-C): what was decided by then is printed and stands in
       the --json file
"""


def _plainly(command: Command) -> Command:
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Start with `theorycheck list`, then `theorycheck check PAPER`.")
@click.version_option(package_name="theorycheck")
def cli() -> None:
    """Check statements about how parametrised models are trained.

    A selector is PAPER (the stem of a theorem file), or PAPER/THEOREM, with * for any part of either.
    """


@cli.command("list", short_help="List the library.")
@_plainly
def list_theorems() -> None:
    """List the library: theorem, paper, kind of claim, premises, planted falsehoods."""
    from theorycheck.library import papers
    from theorycheck.report.catalogue import print_list
    from theorycheck.report.consoles import console_for

    print_list(console_for(), papers())


@cli.command("show", short_help="Show a theorem: statement, premises, closed forms, source.")
@click.argument("theorem")
@_plainly
def show_theorem(theorem: str) -> None:
    """Show statement, premises, closed forms and source of THEOREM (a name or a selector)."""
    from theorycheck.library import select
    from theorycheck.report.catalogue import print_page
    from theorycheck.report.consoles import console_for

    bare = not theorem.endswith(".py") and "/" not in theorem
    try:
        selection = select([theorem])
    except TheorycheckError:
        if not bare:
            raise
        selection = select([f"*/{theorem}"])
    console = console_for()
    for paper in selection.papers:
        for found in paper.theorems or paper.false:
            print_page(console, paper, found)


@cli.command("check", short_help="Check the library, a selection of it, or your own file.", epilog=STATUS)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR | FILE.py]...")
@click.option("--instances", metavar="N", default=1000, show_default=True, type=click.IntRange(min=1), help="Instances to try of each theorem.")
@click.option("--seed", metavar="S", default=0, show_default=True, callback=_seed, help="The same seed gives the same instances anywhere.")
@click.option(
    "--jobs",
    metavar="J",
    default=os.cpu_count() or 1,
    show_default="all processors",
    type=click.IntRange(min=1),
    help="Processes; results do not depend on it.",
)
@click.option("--json", "json_file", metavar="FILE", type=click.Path(), help="Write one object a checked theorem to this file, as results arrive.")
@click.option("--data", "data_file", metavar="FILE.csv", type=click.Path(), help="Bind the theorems to your data; falsehoods are not run then.")
@click.option("--target", metavar="COLUMN", help="The column of --data to predict; all others are inputs.")
@click.option("-v", "--verbose", is_flag=True, help="Show every planted falsehood with its counterexample in full.")
@_plainly
def check_theorems(
    selectors: tuple[str, ...], instances: int, seed: int, jobs: int, json_file: str | None, data_file: str | None, target: str | None, verbose: bool
) -> None:
    """Check theorems: the whole library, what SELECTORs name, or your own FILE.py that exports THEOREMS.

    Each theorem is tried on its instances, each planted falsehood until it is refuted, each identity is put to a proof.
    """
    if (data_file is None) != (target is None):
        raise click.UsageError("--data and --target go together: `--data FILE.csv --target COLUMN`")
    from theorycheck.data_files import read_data
    from theorycheck.library import select
    from theorycheck.search.session import Plan

    data = None if data_file is None or target is None else read_data(data_file, target)
    selection = select(selectors)
    if not any(paper.theorems or paper.false for paper in selection.papers):
        raise click.UsageError("the library holds no theorem; pass the path of a theorem file")
    status = run_and_report(Plan(selection, instances, seed, jobs, data), json_file, verbose)
    raise click.exceptions.Exit(status)


def run_and_report(plan: Plan, json_file: str | None, verbose: bool) -> int:
    """Run a plan with live progress; print and record what it finds, interrupted or not; the exit status."""
    from theorycheck.report.consoles import console_for, say
    from theorycheck.report.results import status_of, write_results
    from theorycheck.report.terminal import print_results, summary_line

    reports: list[Report] = []
    if json_file is not None:
        write_results(json_file, reports)  # an unwritable file is known before the work
    out, ended = console_for(), None
    try:
        _gather(plan, out, reports, json_file)
    except (KeyboardInterrupt, TheorycheckError) as error:
        if not reports:
            raise
        ended = error
    print_results(out, reports, verbose)
    out.print()
    say(out, summary_line(reports), f" ({plan.instances} instances each, seed {plan.seed})")
    if ended is None:
        return int(status_of(reports))
    say(out, f"{str(ended) or 'INTERRUPTED'}: {len(reports)} of {len(plan.selection)} theorems were decided")
    if isinstance(ended, KeyboardInterrupt) and json_file is not None:
        write_results(json_file, reports)  # the last one may have been decided and not yet written
    return INTERRUPTED if isinstance(ended, KeyboardInterrupt) else BAD_INPUT


def _gather(plan: Plan, out: Any, reports: list[Report], json_file: str | None) -> None:
    """Run a plan; what is decided stays in `reports`, on the screen and in the file whatever happens next."""
    from theorycheck.report.consoles import console_for
    from theorycheck.report.progress import Live
    from theorycheck.report.results import write_results
    from theorycheck.report.terminal import finished_line
    from theorycheck.search.session import run

    with Live(out, console_for(stderr=True)) as live:
        for report in run(plan, live.show):
            reports.append(report)
            live.finished(finished_line(report))
            if json_file is not None:
                write_results(json_file, reports)


class _Models(click.Group):
    """One command a row of the table of named models."""

    def list_commands(self, context: click.Context) -> list[str]:
        from theorycheck.symbolic.named_models import MODELS

        return list(MODELS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        from theorycheck.symbolic.named_models import LOSSES, MODELS

        if name not in MODELS:
            return context.fail(f"unknown model {name!r}; choose from {', '.join(MODELS)}")
        row = MODELS[name]
        more = [
            click.Option(["--loss"], type=click.Choice(list(LOSSES)), default="squared", show_default=True, help="Loss of the predictions."),
            click.Option(["--constant"], metavar="C", help="c in (c/n) |y - f|² of the squared loss: 1 unless given."),
            click.Option(["--latex"], is_flag=True, help="Print LaTeX only."),
            click.Option(["--python"], is_flag=True, help="Print self-contained NumPy source only."),
        ]
        # a formula may begin with a minus sign: it is no option, and no letter in it asks for help
        settings = {"ignore_unknown_options": True, "help_option_names": ["--help"]} if any(a.placed for a in row.arguments) else {}
        callback = partial(_plainly(derive_model), name)
        return click.Command(name, settings, callback, [*map(_parameter, row.arguments), *more], help=row.summary, short_help=row.title)


def _parameter(argument: Argument) -> click.Parameter:
    if argument.placed:
        return click.Argument([argument.name], required=argument.required, metavar=argument.metavar, nargs=-1 if argument.several else 1)
    if argument.kind is bool:
        return click.Option([f"--{argument.name}"], is_flag=True, help=argument.help)
    return click.Option([f"--{argument.name}"], type=argument.kind, required=argument.required, metavar=argument.metavar, help=argument.help)


@cli.group(
    "derive", cls=_Models, subcommand_metavar="MODEL [ARGS]... [--latex | --python]", short_help="Derive the gradient and the Hessian of a model."
)
def derive() -> None:
    """Derive the gradient and the Hessian of the risk of MODEL in closed form, and cross-check them.

    `theorycheck derive MODEL --help` says what MODEL takes.
    """


def derive_model(name: str, /, loss: str, constant: str | None, latex: bool, python: bool, **arguments: Any) -> None:
    """Print the derivation of a named model: a page, LaTeX or NumPy source."""
    if latex and python:
        raise click.UsageError("pass one of --latex and --python")
    from theorycheck.report.consoles import console_for
    from theorycheck.report.derivations import print_derivation, print_latex, print_python
    from theorycheck.symbolic.derivations import derive as derivation_of
    from theorycheck.symbolic.named_models import MODELS, named_loss, named_model

    chosen = named_model(name, arguments)
    derivation, console = derivation_of(chosen.model, named_loss(loss, constant)), console_for()
    if latex:
        print_latex(console, derivation, chosen.sized)
    elif python:
        print_python(console, derivation, chosen.sized)
    else:
        print_derivation(console, derivation, MODELS[name].title, chosen.sized)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; what no one foresaw gets status 3 with its traceback, since 1 would say that a theorem was refuted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show ≥ shows ? instead of failing
    try:
        cli(args=arguments, prog_name="theorycheck")
    except Exception:  # noqa: BLE001 - the last resort
        traceback.print_exc()
        click.echo("Error: theorycheck itself failed; this is a defect, please report it with the lines above", err=True)
        sys.exit(UNDECIDED)
