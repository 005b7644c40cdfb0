"""`tighten`: how tight the constant is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from theorycheck.cli.common import INTERRUPTED, asked_for, instances_option, jobs_option, plainly, seed_option, time_limit_option

if TYPE_CHECKING:
    from theorycheck.search.tightness import Tightness

STATUS = """
\b
Exit status:
  0  every theorem with an inequality was pressed, and none fell
  1  a theorem is refuted
  2  wrong use or bad input
  3  otherwise: nothing to tighten, or something undefined on the way
"""


@click.command("tighten", short_help="Ask how tight the constant is.", epilog=STATUS)
@click.argument("selectors", nargs=-1, required=True, metavar="SELECTOR | FILE.py...")
@instances_option("Instances to sample.")
@click.option("--budget", metavar="B", default=500, show_default=True, type=click.IntRange(min=0), help="Evaluations of each local search.")
@seed_option
@jobs_option
@time_limit_option
@click.option("--json", "json_file", metavar="FILE", type=click.Path(), help="Write one object a theorem to this file, as answers arrive.")
@plainly
def tighten_theorems(selectors: tuple[str, ...], instances: int, budget: int, seed: int, jobs: int, time_limit: float, json_file: str | None) -> None:
    """Seek the instances that use most of each inequality of a theorem.

    The ratio is the lesser side over the greater: 1 where equality is attained. Other bounds that the file lists in CANDIDATES
    are ranked beside it.
    """
    from theorycheck.library import Address
    from theorycheck.report.consoles import console_for
    from theorycheck.report.progress import Live
    from theorycheck.report.results import write_records
    from theorycheck.report.tightnesses import print_tightness, tightness_record, tightnesses_status
    from theorycheck.search.tightness import tighten
    from theorycheck.search.workers import Workers

    asked, out = asked_for(selectors), console_for()
    found: list[Tightness] = []
    records: list[Any] = []
    if json_file is not None:
        write_records(json_file, records)
    try:
        with Workers(jobs, time_limit=time_limit) as workers:
            for paper, theorem in asked:
                with Live(out, console_for(stderr=True)) as live:
                    address, others = Address(str(paper.path), theorem.name), paper.candidates_for(theorem)
                    steps = partial(live.steps, theorem.name)
                    answer = tighten(theorem, others, instances, seed, budget=budget, workers=workers, address=address, progress=steps)
                found.append(answer)
                records.append(tightness_record(paper.name, answer))
                print_tightness(out, paper.name, answer)
                if json_file is not None:
                    write_records(json_file, records)
    except KeyboardInterrupt:
        if not found:
            raise
        click.echo(f"INTERRUPTED: {len(found)} of {len(asked)} theorems were tightened")
        raise click.exceptions.Exit(INTERRUPTED) from None
    raise click.exceptions.Exit(int(tightnesses_status(found)))
