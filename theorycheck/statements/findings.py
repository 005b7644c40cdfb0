"""Findings: what a run showed that the published statement, or common belief, does not say."""

from __future__ import annotations

from dataclasses import dataclass, fields

from theorycheck.errors import InvalidArgument

COMMAND = "theorycheck "


@dataclass(frozen=True)
class Finding:
    """Something found by checking, with the command that shows it again.

    Theorem files export their findings as ``FINDINGS``, next to ``THEOREMS`` and ``FALSE``: behind each stand a theorem that was
    corroborated and a falsehood that was refuted, both named by the command or the evidence.

    Parameters
    ----------
    statement : str
        What was found, in one sentence.
    evidence : str
        The numbers, or the smallest counterexample.
    reproduce : str
        A command line that starts with ``theorycheck``.

    Raises
    ------
    InvalidArgument
        If one of them is empty, or the command is not one of ours.

    Examples
    --------
    >>> print(Finding("the flattest need not be balanced", "gauges (1, 2)", "theorycheck check mulayoff_michaeli_2020_coupling/gains_of_flattest"))
    the flattest need not be balanced: gauges (1, 2)
      theorycheck check mulayoff_michaeli_2020_coupling/gains_of_flattest

    """

    statement: str
    evidence: str
    reproduce: str

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name).strip():
                raise InvalidArgument(field.name, "", "must not be empty", f"say the {field.name} in words")
        if not self.reproduce.startswith(COMMAND):
            raise InvalidArgument("reproduce", self.reproduce, f"must start with `{COMMAND.strip()}`", "pass theorycheck check FILE/THEOREM")

    def __str__(self) -> str:
        return f"{self.statement}: {self.evidence}\n  {self.reproduce}"
