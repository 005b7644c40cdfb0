"""Screening many candidates: their entries at the loosest level, the claims of stacked theorems as one call a shape."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from theorycheck.instances.recipes import Draw
from theorycheck.instances.stacking import shape_of, stacked
from theorycheck.measured import Precision
from theorycheck.search.evaluation import Admission, Broken, admission, claim_of, guarded, premise_distance
from theorycheck.statements.comparisons import Entry
from theorycheck.statements.theorems import Theorem

SCREEN = Precision(0)
BROKEN = float("inf")


def screened(theorem: Theorem, draws: Sequence[Draw | None]) -> list[Entry | float]:
    """The deciding entry of each candidate; for one that premises reject its distance from them, in [0, 1]; infinity for what is broken."""
    admitted = [_admitted(theorem, draw) for draw in draws]
    answers: list[Entry | float] = [BROKEN if isinstance(found, Admission) else found for found in admitted]
    groups: dict[Hashable, list[int]] = {}
    for i, found in enumerate(admitted):
        if isinstance(found, Admission):
            groups.setdefault(shape_of(found.instance) if theorem.stacked else i, []).append(i)
    for members in groups.values():
        instances = [found.instance for found in (admitted[i] for i in members) if isinstance(found, Admission)]
        entries = guarded(partial(_entries, theorem, instances), SCREEN)
        if isinstance(entries, Broken):  # a bad one must not speak for the others
            entries = [_entry_alone(theorem, instance) for instance in instances] if len(instances) > 1 else [BROKEN]
        for i, entry in zip(members, entries, strict=True):
            answers[i] = entry
    return answers


def _entries(theorem: Theorem, instances: list[object]) -> list[Entry | float]:
    if len(instances) == 1:
        return [claim_of(theorem, instances[0], SCREEN).worst]
    return list(theorem.claim(stacked(instances), SCREEN).lanes(len(instances)))


def _entry_alone(theorem: Theorem, instance: object) -> Entry | float:
    entries = guarded(partial(_entries, theorem, [instance]), SCREEN)
    return BROKEN if isinstance(entries, Broken) else entries[0]


def _admitted(theorem: Theorem, draw: Draw | None) -> Admission | float:
    if draw is None:
        return BROKEN
    found = guarded(partial(admission, theorem, draw.value), SCREEN)
    if isinstance(found, Broken):
        return BROKEN
    if found.rejected_by is None:
        return found
    distance = guarded(partial(premise_distance, theorem, found), SCREEN)
    return 1.0 if isinstance(distance, Broken) else distance
