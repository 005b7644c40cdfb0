"""`list`, `show` and `findings`: what the library holds."""

from __future__ import annotations

import click

from theorycheck.cli.common import plainly
from theorycheck.errors import TheorycheckError


@click.command("list", short_help="List the library.")
@plainly
def list_theorems() -> None:
    """List the library: theorem, paper, kind of claim, premises, planted falsehoods."""
    from theorycheck.library import papers
    from theorycheck.report.catalogue import print_list
    from theorycheck.report.consoles import console_for

    print_list(console_for(), papers())


@click.command("show", short_help="Show a theorem: statement, premises, closed forms, source.")
@click.argument("theorem")
@plainly
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


@click.command("findings", short_help="What checking found that the papers do not say.")
@click.argument("selectors", nargs=-1, metavar="[PAPER | FILE.py]...")
@click.option("--markdown", is_flag=True, help="Print a page in Markdown.")
@plainly
def list_findings(selectors: tuple[str, ...], markdown: bool) -> None:
    """Print the findings of the library, or of the files named: statement, evidence, and the command that shows it again."""
    from theorycheck.library import select
    from theorycheck.report.consoles import console_for
    from theorycheck.report.findings import findings_page, print_findings

    papers = select(selectors).papers
    if markdown:
        click.echo(findings_page(papers), nl=False)
    else:
        print_findings(console_for(), papers)
