"""The command `theorycheck`: a module a question; what each needs is imported when it is asked."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from theorycheck.cli.ablating import ablate_theorems
from theorycheck.cli.browsing import list_findings, list_theorems, show_theorem
from theorycheck.cli.checking import check_theorems
from theorycheck.cli.common import UNDECIDED
from theorycheck.cli.deriving import derive
from theorycheck.cli.replaying import replay_witness
from theorycheck.cli.reporting import write_report
from theorycheck.cli.tightening import tighten_theorems


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Start with `theorycheck list`, then `theorycheck check PAPER`.")
@click.version_option(package_name="theorycheck")
def cli() -> None:
    """Check statements about how parametrised models are trained.

    A selector is PAPER (the stem of a theorem file), or PAPER/THEOREM, with * for any part of either.
    """


for command in (list_theorems, show_theorem, list_findings, check_theorems, ablate_theorems, tighten_theorems, derive, replay_witness, write_report):
    cli.add_command(command)


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
