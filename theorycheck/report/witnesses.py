"""A replayed witness: what was found, and what is found now."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from theorycheck.report.consoles import say
from theorycheck.report.results import Status
from theorycheck.report.terminal import print_indented
from theorycheck.search.verdicts import shown
from theorycheck.search.witness_files import Witness
from theorycheck.statements.comparisons import Comparison, Standing
from theorycheck.statements.theorems import Theorem


def print_replay(console: Console, saved: Witness, theorem: Theorem, instance: object, now: Comparison) -> None:
    """The theorem, the instance, both sides as saved and as evaluated now."""
    where = f"{saved.paper}/" if saved.paper is not None else ""
    say(console, Text(f"{where}{theorem.name}", "bold"), f"  {theorem.source}")
    if theorem.statement:
        print_indented(console, f"claim: {theorem.statement}")
    print_indented(console, shown(instance))
    then = saved.claim
    print_indented(console, f"saved: {then['label']}: left {then['left']!r}, right {then['right']!r}")
    print_indented(console, f"now:   {now}")
    say(console, _sentence(theorem, now))


def replay_status(theorem: Theorem, now: Comparison) -> Status:
    """0 where a theorem stands or a falsehood falls, 1 where it is the other way round, 3 where it is too close to call."""
    if now.standing is Standing.VIOLATED:
        return Status.REFUTED_OR_SURVIVED if theorem.of is None else Status.ALL_CORROBORATED
    if now.standing is Standing.HOLDS:
        return Status.ALL_CORROBORATED if theorem.of is None else Status.REFUTED_OR_SURVIVED
    return Status.UNDECIDED


def _sentence(theorem: Theorem, now: Comparison) -> str:
    what = "the theorem" if theorem.of is None else f"what distorts {theorem.of.name}"
    if now.standing is Standing.VIOLATED:
        return f"the instance still refutes {what}"
    if now.standing is Standing.HOLDS:
        return f"the instance no longer refutes {what}"
    return f"on this instance {what} is {now.standing.value} now"
