"""`list` and `show`: what the library holds."""

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
