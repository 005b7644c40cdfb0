"""`check`: theorems on their instances, planted falsehoods until they fall, identities put to a proof."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from theorycheck.cli.common import BAD_INPUT, INTERRUPTED, instances_option, jobs_option, plainly, seed_option, selected, time_limit_option
from theorycheck.errors import TheorycheckError

if TYPE_CHECKING:
    from theorycheck.search.reports import Report
    from theorycheck.search.session import Plan

STATUS = """
\b
Exit status:
  0    every theorem corroborated, every planted falsehood refuted, every
       identity proved
  1    a theorem refuted, or a planted falsehood survived
  2    wrong use or bad input
  3    otherwise: a theorem inconclusive or vacuous, an identity not proved
  130  interrupted (Ctrl-C): what was decided by then is printed and stands in
       the --json and --report files
"""


@click.command("check", short_help="Check the library, a selection of it, or your own file.", epilog=STATUS)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR | FILE.py]...")
@instances_option("Instances to try of each theorem.")
@seed_option
@jobs_option
@time_limit_option
@click.option("--json", "json_file", metavar="FILE", type=click.Path(), help="Write one object a checked theorem to this file, as results arrive.")
@click.option("--report", "report_file", metavar="FILE.html", type=click.Path(), help="Write one page to look at, with figures, when all is done.")
@click.option("--data", "data_file", metavar="FILE.csv", type=click.Path(), help="Bind the theorems to your data; falsehoods are not run then.")
@click.option("--target", metavar="COLUMN", help="The column of --data to predict; all others are inputs.")
@click.option(
    "--witnesses/--no-witnesses",
    default=True,
    show_default=True,
    help="Keep counterexamples to theorems in .theorycheck/witnesses, and replay them first.",
)
@click.option("--certify", is_flag=True, help="Evaluate counterexamples, and the first 100 instances, once more in rationals and balls.")
@click.option("-v", "--verbose", is_flag=True, help="Show every planted falsehood with its counterexample in full.")
@plainly
def check_theorems(
    selectors: tuple[str, ...],
    instances: int,
    seed: int,
    jobs: int,
    time_limit: float,
    json_file: str | None,
    report_file: str | None,
    data_file: str | None,
    target: str | None,
    witnesses: bool,
    certify: bool,
    verbose: bool,
) -> None:
    """Check theorems: the whole library, what SELECTORs name, or your own FILE.py that exports THEOREMS.

    Each theorem is tried on its instances, each planted falsehood until it is refuted, each identity is put to a proof.
    """
    if (data_file is None) != (target is None):
        raise click.UsageError("--data and --target go together: `--data FILE.csv --target COLUMN`")
    from theorycheck.data_files import read_data
    from theorycheck.search.session import Plan

    data = None if data_file is None or target is None else read_data(data_file, target)
    selection = selected(selectors)
    kept = Witnesses(witnesses and data is None)
    plan = Plan(selection, instances, seed, jobs, data, witnesses=kept.known(), time_limit=time_limit, certify=certify)
    named = None if data_file is None or target is None else (os.path.basename(data_file), target)
    status = run_and_report(plan, Outputs(json_file, report_file, named), verbose, kept)
    raise click.exceptions.Exit(status)


class Witnesses:
    """The folder of counterexamples to theorems; what is wrong with it is said once and stops nothing.

    Parameters
    ----------
    wanted : bool
        Whether to read and write it at all.

    """

    def __init__(self, wanted: bool = True) -> None:
        self.wanted = wanted
        self.complaints: list[str] = []

    def known(self) -> tuple[Any, ...]:
        """The witnesses saved before."""
        if not self.wanted:
            return ()
        from theorycheck.search.witnesses import read_folder

        found, complaints = read_folder()
        self.complaints.extend(complaints)
        return found

    def keep(self, report: Report) -> None:
        """Save what refuted a theorem, unless it was replayed."""
        found = report.verdict.counterexample if report.verdict is not None else None
        if not self.wanted or found is None or found.replayed_from:
            return
        from theorycheck.search.witnesses import keep

        kept = keep(found)
        if isinstance(kept, str):
            self.complaints.append(kept)
            self.wanted = False


class Outputs:
    """The files of a run: results as JSON, complete at any moment, and the page, written at the end.

    Parameters
    ----------
    json_file, report_file : str or None
        Where they go; that they can be written is known before the work.
    data : (str, str) or None
        Names of the reader's data file and of its target column.

    """

    def __init__(self, json_file: str | None = None, report_file: str | None = None, data: tuple[str, str] | None = None) -> None:
        self.json_file, self.report_file, self.data = json_file, report_file, data
        self.seen, self.records = 0, list[Any]()
        self._write()
        if report_file is not None:
            from theorycheck.report.html.page import require_writable

            require_writable(report_file)

    def add(self, report: Report) -> None:
        """Record what is decided of a theorem."""
        self.seen += 1
        if report.verdict is None or (self.json_file is None and self.report_file is None):
            return
        from theorycheck.report.results import record_of

        self.records.append(record_of(report, self.data))
        self._write()

    def finish(self, reports: Sequence[Report]) -> None:
        """Add what was decided and not yet added, as where a run is interrupted; write the page, if there is anything to show."""
        for late in reports[self.seen :]:
            self.add(late)
        if self.report_file is not None and self.records:
            from theorycheck.report.html import Contents, write_page

            write_page(self.report_file, Contents(tuple(self.records)))

    def _write(self) -> None:
        if self.json_file is not None:
            from theorycheck.report.results import write_records

            write_records(self.json_file, self.records)


def run_and_report(plan: Plan, outputs: Outputs, verbose: bool, witnesses: Witnesses) -> int:
    """Run a plan with live progress; print and record what it finds, interrupted or not; the exit status."""
    from theorycheck.report.consoles import console_for, say
    from theorycheck.report.results import status_of
    from theorycheck.report.terminal import print_results, summary_line

    reports: list[Report] = []
    out, ended = console_for(), None
    try:
        _gather(plan, out, reports, outputs, witnesses)
    except (KeyboardInterrupt, TheorycheckError) as error:
        if not reports:
            raise
        ended = error
    print_results(out, reports, verbose)
    out.print()
    for complaint in witnesses.complaints:
        say(out, f"Note: {complaint}")
    say(out, summary_line(reports), f" ({plan.instances} instances each, seed {plan.seed})")
    outputs.finish(reports)
    if ended is None:
        return int(status_of(reports))
    say(out, f"{str(ended) or 'INTERRUPTED'}: {len(reports)} of {len(plan.selection)} theorems were decided")
    return INTERRUPTED if isinstance(ended, KeyboardInterrupt) else BAD_INPUT


def _gather(plan: Plan, out: Any, reports: list[Report], outputs: Outputs, witnesses: Witnesses) -> None:
    """Run a plan; what is decided stays in `reports`, on the screen and in the file whatever happens next."""
    from theorycheck.report.consoles import console_for
    from theorycheck.report.progress import Live
    from theorycheck.report.terminal import finished_line
    from theorycheck.search.session import run

    with Live(out, console_for(stderr=True)) as live:
        for report in run(plan, live.show):
            reports.append(report)
            live.finished(finished_line(report))
            witnesses.keep(report)
            outputs.add(report)
