"""`replay`: a saved counterexample, evaluated again."""

from __future__ import annotations

import click

from theorycheck.cli.common import plainly

STATUS = """
\b
Exit status:
  0  the instance no longer violates the theorem, or it still refutes a
     planted falsehood
  1  it still violates the theorem, or no longer refutes the falsehood
  2  wrong use or bad input: no witness file, or of no theorem that is known
  3  too close to call
"""


@click.command("replay", short_help="Evaluate a saved counterexample again.", epilog=STATUS)
@click.argument("witness", metavar="FILE.json", type=click.Path())
@click.option("--from", "theorem_file", metavar="FILE.py", type=click.Path(), help="The file that lists the theorem; the library unless given.")
@plainly
def replay_witness(witness: str, theorem_file: str | None) -> None:
    """Evaluate a saved counterexample again: FILE.json as tc.save, or a check in this folder, has written it.

    Nothing named in the file is run.
    """
    from theorycheck.library import load
    from theorycheck.report.consoles import console_for
    from theorycheck.report.witnesses import print_replay, replay_status
    from theorycheck.search.witness_files import read_witness
    from theorycheck.search.witnesses import replayed, theorem_of

    saved = read_witness(witness)
    paper = None if theorem_file is None else load(theorem_file)
    theorem = theorem_of(saved, None if paper is None else (*paper.theorems, *paper.false, *paper.candidates))
    instance, comparison = replayed(theorem, saved)
    print_replay(console_for(), saved, theorem, instance, comparison)
    raise click.exceptions.Exit(int(replay_status(theorem, comparison)))
