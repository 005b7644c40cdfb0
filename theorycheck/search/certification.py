"""Certification: a violation, evaluated anew in rationals and balls.

The choices of an instance are exact, so its numbers are rational; enforcement, premises and claim are run on them once more, exact
where the operations are, in balls rounded outward where they are not (`theorycheck.dynamics.certificates`). What comes out is

- `Certificate`: every premise holds for certain, and the two sides are certainly in the wrong order, or certainly different;
- `NotCertified`: why not. Equality premises must hold exactly: two balls that overlap are no proof of equality.

Besides algebraic claims, a few steps of a method and gradient flow over a given time are enclosed (`runs`, `tubes`); other flows are not.
Plain floats of a claim (2.02, 2 - 2/3) stand for the numbers rounded to them and carry 16 ulp, unless they are short (2.5, 2**-20):
the certificate holds for every value of such a constant within its bar. Floats that a claim makes from constants alone with
cancellation (0.1 + 0.2 - 0.3) are beyond that, and beyond any certificate.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from flint import arb

from theorycheck.dynamics.certificates.arrays import balls
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.reals import OutsideBalls, Undecided
from theorycheck.measured import EPS, PLAIN_ULPS, Measured, Precision
from theorycheck.search.evaluation import JOINT, claim_of, timed
from theorycheck.search.lifting import Lift
from theorycheck.search.tallies import judged
from theorycheck.search.verdicts import Counterexample, require_counterexample
from theorycheck.statements.comparisons import Comparison, Relation, Standing
from theorycheck.statements.theorems import Theorem

BITS = (128, 256, 512, 1024)
_DIGITS = 20
_GIVE_UP = 8


@dataclass(frozen=True)
class NotCertified:
    """No certificate, and why."""

    reason: str

    def __str__(self) -> str:
        return f"not certified: {self.reason}"


@dataclass(frozen=True)
class Certificate:
    """A counterexample whose violation is certain.

    Parameters
    ----------
    counterexample : Counterexample
    statement : str
        The relation that fails.
    left, right : Ball
        Its sides, exact or enclosed.
    premises : dict of str to str
        "exactly" or "certainly", for each premise.
    bits : int
        Working precision of the balls.
    seconds : float

    """

    counterexample: Counterexample
    statement: str
    left: Ball
    right: Ball
    premises: dict[str, str]
    bits: int
    seconds: float

    def __str__(self) -> str:
        premises = ", ".join(f"{name} {how}" for name, how in self.premises.items())
        sides = f"left {_shown(self.left)}, right {_shown(self.right)}"
        return f"certified in {self.bits} bits: {self.statement} fails; {sides}" + (f"; premises: {premises}" if premises else "")

    def as_json(self) -> dict[str, Any]:
        """As plain values; a side is a fraction, or a decimal midpoint and radius whose ball holds it."""
        return {
            "theorem": self.counterexample.theorem.name,
            "choices": list(self.counterexample.choices),
            "statement": self.statement,
            "left": _shown(self.left),
            "right": _shown(self.right),
            "premises": dict(self.premises),
            "bits": self.bits,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Share:
    """How many of the instances that hold in floats hold for certain.

    Parameters
    ----------
    theorem : Theorem
    tried, held : int
        Instances drawn (fewer than asked for where none of the first 8 is certified), and those on which the claim holds in floats.
    certified : int
        Those of `held` whose premises and claim hold for certain.
    violated : tuple of int
        Indices at which the claim fails for certain: there must be none where the claim holds in floats.
    reasons : Counter
        Why the others are not certified.
    seconds : float

    """

    theorem: Theorem
    tried: int
    held: int
    certified: int
    violated: tuple[int, ...]
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        line = f"{self.theorem.name}: {self.certified} of {self.held} instances that hold are certified"
        most = self.reasons.most_common(1)
        return line + (f" (most often not: {most[0][0]})" if most else "")


@dataclass(frozen=True)
class _Evaluated:
    """A claim in balls on an instance whose premises hold for certain."""

    standing: Standing
    statement: str
    left: Ball
    right: Ball
    premises: dict[str, str]


def certify(counterexample: Counterexample, bits: tuple[int, ...] = BITS) -> Certificate | NotCertified:
    """Evaluate a counterexample in rationals and balls, at more and more bits until its violation is certain.

    Parameters
    ----------
    counterexample : Counterexample
        As `check` finds it.
    bits : tuple of int
        Working precisions to try, in turn.

    """
    require_counterexample(counterexample)
    started = perf_counter()
    for b in bits:
        found = _evaluated(counterexample.theorem, counterexample.choices, b)
        if isinstance(found, OutsideBalls):
            return NotCertified(str(found))
        if isinstance(found, _Evaluated) and found.standing is Standing.VIOLATED:
            return Certificate(counterexample, found.statement, found.left, found.right, found.premises, b, perf_counter() - started)
        if isinstance(found, _Evaluated) and found.standing is Standing.HOLDS:
            return NotCertified(f"the claim holds of this instance for certain: {found.statement}")
    return NotCertified(f"{found.statement} is not decided in {b} bits: {_sides(found)}" if isinstance(found, _Evaluated) else str(found))


def certified_share(theorem: Theorem, instances: int = 100, seed: int = 0, bits: tuple[int, ...] = BITS[:1]) -> Share:
    """Draw instances 0 .. `instances` - 1 of a seed and certify those on which the claim holds in floats.

    Ends early where none of the first 8 that hold is certified: equalities known to balls, and flows, are not, and take long.
    """
    started = perf_counter()
    held, certified, violated, reasons = 0, 0, [], Counter[str]()
    tried = 0
    for index in range(instances):
        if held == _GIVE_UP and not certified:
            break
        tried += 1
        draw = theorem.ambient.sample(seed, index)
        entry = judged(theorem, draw).entry
        if entry is None or entry.standing is not Standing.HOLDS:
            continue
        held += 1
        for b in bits:
            found = _evaluated(theorem, draw.choices, b)
            if isinstance(found, OutsideBalls) or (isinstance(found, _Evaluated) and found.standing is not Standing.TOO_CLOSE):
                break
        if not isinstance(found, _Evaluated):
            reasons[str(found)] += 1
        elif found.standing is Standing.VIOLATED:
            violated.append(index)
        elif found.standing is Standing.TOO_CLOSE:
            reasons[f"{found.statement} is not decided by the enclosures"] += 1
        else:
            certified += 1
    return Share(theorem, tried, held, certified, tuple(violated), reasons, perf_counter() - started)


def _evaluated(theorem: Theorem, choices: tuple[int, ...], bits: int) -> _Evaluated | OutsideBalls | Undecided:
    """The claim in balls of the given bits, or why there is none: `Undecided` where more bits may help."""
    try:
        with timed(), Precision.balls(bits).scope(), np.errstate(all="ignore"):
            return _run(theorem, choices, Precision.balls(bits))
    except Exception as error:  # noqa: BLE001 - whatever a claim raises on balls is a reason
        cause = error if isinstance(error, OutsideBalls | Undecided) else error.__cause__ or error.__context__
        kind = Undecided if isinstance(cause, Undecided) else OutsideBalls
        known = isinstance(cause, OutsideBalls | Undecided)
        return kind(f"{cause if known else _said(error)}{_where(error)}")


def _said(error: Exception) -> str:
    """What a claim raised; NumPy's linear algebra meets balls where an array was made from single numbers."""
    if isinstance(error, TypeError) and "dtype('O')" in str(error):
        return f"a function of np.linalg has no enclosure; use np.linalg.solve, norm or pinv, or tc.top_eigenvalue ({error})"
    return f"{type(error).__name__}: {error}"


def _where(error: Exception) -> str:
    """The line of the theorem file that was left, and what it called of ours."""
    frames = [(f, f.filename.replace("\\", "/")) for f in traceback.extract_tb(error.__traceback__)]
    theirs = [k for k, (_, path) in enumerate(frames) if "/theorycheck/" not in path and "/numpy/" not in path and path[:1] != "<"]
    if not theirs:
        return ""
    frame, called = frames[theirs[-1]][0], [f.name for f, path in frames[theirs[-1] + 1 :] if "/certificates/" not in path and "/numpy/" not in path]
    verb = f", calling `{called[0]}`" if called and not called[0].startswith("_") else ""
    return f" (`{frame.name}` in {frame.filename.rsplit('/', 1)[-1]}, line {frame.lineno}{verb})"


def _run(theorem: Theorem, choices: tuple[int, ...], precision: Precision) -> _Evaluated:
    lift = Lift()
    instance = _enforced(theorem, theorem.ambient.replay(choices).value, lift)
    premises = {}
    for premise in theorem.premises:
        held = lift(premise.holds)(instance)
        if not isinstance(held, Comparison):
            premises[premise.name] = "certainly"
            fails = not held
        else:
            standing, *_ = _standing(held)
            if standing is Standing.TOO_CLOSE:
                raise Undecided(f"premise `{premise.name}` ({premise.statement}) holds only to a ball")
            fails = standing is Standing.VIOLATED
            premises[premise.name] = "exactly" if all(leaf.relation is Relation.EQUAL for leaf in held.leaves) else "certainly"
        if fails:
            raise OutsideBalls(f"premise `{premise.name}` ({premise.statement}) fails for certain")
    lifted = _with_claim(theorem, lift(theorem.claim))
    return _Evaluated(*_standing(claim_of(lifted, instance, precision)), premises)


def _with_claim(theorem: Theorem, claim: Callable[..., Comparison]) -> Theorem:
    return Theorem(theorem.name, theorem.source, theorem.ambient, theorem.premises, claim, stacked=theorem.stacked)


def _enforced(theorem: Theorem, instance: Any, lift: Lift) -> Any:
    maps = [(JOINT, theorem.enforce)] if theorem.enforce else [(p.name, p.enforce) for p in theorem.premises if p.enforce]
    for name, enforce in maps:
        instance = lift(enforce)(instance)
        if instance is None:
            raise OutsideBalls(f"enforcing {name} gives nothing for this instance in exact numbers")
    return instance


def _standing(comparison: Comparison) -> tuple[Standing, str, Ball, Ball]:
    """The worst entry of all leaves: VIOLATED or HOLDS for certain, else TOO_CLOSE; with its label and sides."""
    worst: tuple[Standing, str, Ball, Ball] | None = None
    for leaf in comparison.leaves:
        for left, right in _entries(leaf):
            standing = _entry_standing(leaf.relation, left, right)
            if worst is None or standing.badness > worst[0].badness:
                worst = (standing, leaf.label, left, right)
    if worst is None:
        raise OutsideBalls("the claim compares nothing")
    return worst


def _entries(leaf: Comparison) -> Iterator[tuple[Ball, Ball]]:
    left, right = np.broadcast_arrays(_side(leaf, leaf.left), _side(leaf, leaf.right))
    return zip(left.ravel().tolist(), right.ravel().tolist(), strict=True)


def _side(leaf: Comparison, side: Any) -> np.ndarray:
    if not isinstance(side, Measured):
        return np.asarray(balls(side))
    if not np.array_equal(side.error, np.abs(side.value) * (PLAIN_ULPS * EPS)):
        raise OutsideBalls(f"a side of `{leaf.label}` carries an error bar that is no enclosure")
    return np.asarray(balls(side.value))


def _entry_standing(relation: Relation, left: Ball, right: Ball) -> Standing:
    try:
        holds = {Relation.AT_MOST: left.__le__, Relation.AT_LEAST: left.__ge__, Relation.EQUAL: left.__eq__}[relation](right)
    except Undecided:
        return Standing.TOO_CLOSE
    return Standing.HOLDS if holds else Standing.VIOLATED


def _sides(found: _Evaluated) -> str:
    return f"left {_shown(found.left)}, right {_shown(found.right)}"


def _shown(ball: Ball) -> str:
    return str(ball.exact) if ball.exact is not None and ball.exact.height_bits() < 4 * _DIGITS else arb(ball.number).str(_DIGITS, radius=True)
