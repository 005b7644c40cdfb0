"""`report`: results written before, as one HTML page."""

from __future__ import annotations

import click

from theorycheck.cli.common import plainly

STATUS = """
\b
Exit status:
  0  the page is written
  2  wrong use or bad input: a file that is no results of theorycheck, is cut
     short or was changed; a page that cannot be written
"""


@click.command("report", short_help="Write results as one HTML page.", epilog=STATUS)
@click.argument("results", nargs=-1, required=True, metavar="RESULTS.json...", type=click.Path())
@click.option("-o", "--output", metavar="FILE.html", type=click.Path(), help="The page; RESULTS.html unless given.")
@click.option("--figures/--no-figures", default=None, help="Draw figures; where Matplotlib is installed, unless given.")
@plainly
def write_report(results: tuple[str, ...], output: str | None, figures: bool | None) -> None:
    """Write what `check --json` has written as one HTML page that needs no network.

    Files of `ablate --json` and `tighten --json` may stand beside it: what they say of the same theorems is shown with them.
    """
    from pathlib import Path

    from theorycheck.report.html import read_results, write_page

    place = str(Path(results[0]).with_suffix(".html")) if output is None else output
    contents = read_results(results)
    write_page(place, contents, figures)
    count = len(contents.results)
    click.echo(f"{place}: {count} {'theorem' if count == 1 else 'theorems'}")
