"""Places: where a theorem is found by what works on it, in this process or in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from theorycheck.errors import InvalidArgument
from theorycheck.library import Address, address_of
from theorycheck.search.workers import Workers
from theorycheck.statements.theorems import Theorem


class Place(Protocol):
    """Where a theorem is found: an address, or the theorem itself."""

    def load(self) -> Theorem:
        """The theorem."""


@dataclass(frozen=True)
class Here:
    """A theorem of this process as a place."""

    theorem: Theorem

    def load(self) -> Theorem:
        """The theorem."""
        return self.theorem


def place_of(theorem: Theorem, workers: Workers | None, address: Address | None = None) -> Here | Address:
    """The theorem itself where there are no workers; else `address`, or the address found for a theorem as its file lists it.

    Raises
    ------
    InvalidArgument
        If workers are to run a theorem that has no address.

    """
    if workers is None:
        return Here(theorem)
    found = address or address_of(theorem)
    if found is None:
        rule = f"needs `{theorem.name}` as a file lists it in THEOREMS, FALSE or CANDIDATES"
        raise InvalidArgument("jobs", workers.jobs, rule, "pass jobs=1, or say address=")
    return found
