"""What a run says about each theorem: its verdict, how its planted falsehoods fared, which of its identities were proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from theorycheck.search.verdicts import Counterexample, Outcome, Tally, Verdict
from theorycheck.statements.theorems import Theorem


@dataclass(frozen=True)
class Certified:
    """What certification made of a counterexample: whether it is certain, the certificate or why there is none, as text and as plain values."""

    certified: bool
    sentence: str
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CertifiedShare:
    """How many of the first instances are certain: `certified` of `held`, those on which the claim holds in floats of `tried`.

    ``reasons`` say why the others are not, with how often; ``problem`` is why nothing is known, if so.
    """

    tried: int = 0
    held: int = 0
    certified: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Planted:
    """A planted falsehood and how it fared; ``outcome`` should be REFUTED, and ``problems`` say why it is not."""

    theorem: Theorem
    outcome: Outcome
    tally: Tally
    counterexample: Counterexample | None
    problems: tuple[str, ...] = ()
    certificate: Certified | None = None

    @property
    def refuted(self) -> bool:
        """Whether a counterexample was found."""
        return self.counterexample is not None

    @property
    def survived(self) -> bool:
        """Whether it was tried and not refuted; a falsehood whose worker was lost neither survived nor fell."""
        return not self.refuted and self.tally.tried > 0


@dataclass(frozen=True)
class Settled:
    """An identity, whether it was proved, and the proof, or where it got stuck, as text."""

    label: str
    proved: bool
    sentence: str


@dataclass(frozen=True)
class Report:
    """One theorem's part of a run.

    Parameters
    ----------
    paper : str
        Stem of the theorem file.
    theorem : Theorem
        Bound to the data, if any was given.
    verdict : Verdict or None
        None where the theorem was not checked: only its falsehoods were asked for, or it was skipped.
    planted : tuple of Planted
    identities : tuple of Settled
    skipped : str
        Why the theorem cannot take the data.
    seconds : float
        Work on this theorem, summed over workers.
    notes : tuple of str
        What a reader should know that does not bear on the outcome.
    certificate : Certified or None
        Of the counterexample to the theorem, where that was asked for.
    share : CertifiedShare or None
        Of the theorem's instances, where that was asked for.

    """

    paper: str
    theorem: Theorem
    verdict: Verdict | None = None
    planted: tuple[Planted, ...] = ()
    identities: tuple[Settled, ...] = ()
    skipped: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    certificate: Certified | None = None
    share: CertifiedShare | None = None

    def _repr_html_(self) -> str:
        from theorycheck.search.display import report_table

        return report_table(self)


@dataclass(frozen=True)
class Running:
    """Where a run is.

    Parameters
    ----------
    paper : str
    theorem : Theorem
        The one at work.
    tally : Tally
        Of its instances so far.
    instances : int
        How many it will try; 0 if only its falsehoods were asked for.
    refutations : (int, int)
        Planted falsehoods done, and all of them.
    tasks : (int, int)
        Tasks of the whole run done, and all of them.

    """

    paper: str
    theorem: Theorem
    tally: Tally
    instances: int
    refutations: tuple[int, int]
    tasks: tuple[int, int]
