"""`ablate`: which premises a theorem needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from theorycheck.cli.common import INTERRUPTED, asked_for, instances_option, jobs_option, plainly, seed_option, time_limit_option

if TYPE_CHECKING:
    from theorycheck.search.ablation import Ablation

STATUS = """
\b
Exit status:
  0  every question has an answer
  1  a theorem is refuted with every premise in place
  2  wrong use or bad input
  3  otherwise: a theorem not corroborated as it stands, a premise that no
     instance left, or one that could not be decided
"""


@click.command("ablate", short_help="Ask which premises are needed.", epilog=STATUS)
@click.argument("selectors", nargs=-1, required=True, metavar="SELECTOR | FILE.py...")
@instances_option("Instances to try without each premise.")
@seed_option
@jobs_option
@time_limit_option
@click.option("--json", "json_file", metavar="FILE", type=click.Path(), help="Write one object a theorem to this file, as answers arrive.")
@plainly
def ablate_theorems(selectors: tuple[str, ...], instances: int, seed: int, jobs: int, time_limit: float, json_file: str | None) -> None:
    """Drop each premise of a theorem in turn, with its map, and try the claim where the premise fails.

    A premise is NEEDED (there is a counterexample without it), there for WELL-POSEDNESS (without it the claim is undefined, and
    violated nowhere), or NOT SEEN TO MATTER. Where no single premise is seen to matter, pairs are dropped.
    """
    from theorycheck.library import Address
    from theorycheck.report.ablations import ablation_record, ablations_status, print_ablation
    from theorycheck.report.consoles import console_for
    from theorycheck.report.progress import Live
    from theorycheck.report.results import write_records
    from theorycheck.search.ablation import ablate
    from theorycheck.search.outside import variants_of
    from theorycheck.search.workers import Workers

    asked, out = asked_for(selectors), console_for()
    found: list[tuple[str, Ablation]] = []
    records: list[Any] = []
    if json_file is not None:
        write_records(json_file, records)
    try:
        with Workers(jobs, time_limit=time_limit) as workers:
            for paper, theorem in asked:
                with Live(out, console_for(stderr=True)) as live:
                    variants, address = variants_of(theorem, paper.false), Address(str(paper.path), theorem.name)
                    answer = ablate(theorem, instances, seed, variants=variants, workers=workers, address=address, progress=live.show)
                found.append((paper.name, answer))
                records.append(ablation_record(paper.name, answer))
                print_ablation(out, paper.name, answer)
                if json_file is not None:
                    write_records(json_file, records)
    except KeyboardInterrupt:
        if not found:
            raise
        click.echo(f"INTERRUPTED: {len(found)} of {len(asked)} theorems were ablated")
        raise click.exceptions.Exit(INTERRUPTED) from None
    raise click.exceptions.Exit(int(ablations_status([answer for _, answer in found])))
