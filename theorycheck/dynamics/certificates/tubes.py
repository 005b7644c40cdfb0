"""Enclosures of gradient flow: a Taylor polynomial, its defect, and the logarithmic norm of the flow around it.

On a step of length h let p be a polynomial near the flow from c, d = ṗ + ∇R(p) its defect, and -M a lower bound for the eigenvalues of
∇²R within distance r of p. As long as a solution θ stays there,

    d/dt |θ - p| ≤ M |θ - p| + |d|,   so that   |θ(t) - p(t)| ≤ max(1, e^{Mh}) (|θ(0) - p(0)| + h sup|d|),

and where the right-hand side is below r it does stay there (logarithmic norm: Söderlind 2006). Everything is evaluated in balls; p comes
from Picard's iteration in polynomials with ball coefficients, so that the risk must be a polynomial in θ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_poly, ctx

from theorycheck.dynamics.certificates.arrays import Balls, balls, wrapped
from theorycheck.dynamics.certificates.balls import Ball
from theorycheck.dynamics.certificates.eigenvalues import least_eigenvalue
from theorycheck.dynamics.certificates.reals import OutsideBalls, Undecided, exactly

STEPS = 400
PARAMETERS = 40
_HALVINGS = 40


@dataclass(frozen=True)
class _State:
    """A state within Euclidean distance `error` of `center`, exact numbers of shape (P,)."""

    center: list[arb]
    error: arb

    @property
    def enclosure(self) -> Balls:
        """The smallest box around it."""
        wide = arb(0, self.error.upper())
        return balls([Ball(c + wide) for c in self.center])


def flow_states(objective: Any, start: Any, times: list[Ball]) -> list[Balls]:
    """Enclosures, shape (P,), of gradient flow at ascending times, which must be exact.

    Raises
    ------
    OutsideBalls
        For times that are not exact, more than 40 parameters, or a risk that is no polynomial.
    Undecided
        Where the bounds grow beyond use in 400 steps.

    """
    if objective.parameters > PARAMETERS:
        raise OutsideBalls(f"a flow of {objective.parameters} parameters is not enclosed; certify an instance of at most {PARAMETERS}")
    if any(t.exact is None for t in times):
        raise OutsideBalls("a flow is enclosed at exact times only; pass times of few digits")
    state, now, found, left = _of_box(balls(start)), Ball(0), [], STEPS
    for time in times:
        while now < time:
            left -= 1
            if left < 0:
                raise Undecided(f"a flow is not enclosed in {STEPS} steps")
            state, taken = _step(objective, state, time - now)
            now = now + taken
        found.append(state.enclosure)
    return found


def _of_box(box: Balls) -> _State:
    values = [arb(x.number) for x in box.tolist()]
    return _State([v.mid() for v in values], _norm([v.rad() for v in values]))


def _norm(entries: list[arb]) -> arb:
    return sum((x * x for x in entries), arb(0)).nonnegative_part().sqrt().upper()


def _step(objective: Any, state: _State, longest: Ball) -> tuple[_State, Ball]:
    """One step of the flow, and its length: the first that is enclosed among ever shorter ones."""
    order, target = ctx.prec // 5, arb(2) ** (-ctx.prec // 2)
    path = [p.truncate(order + 1) for p in _taylor(objective, state.center, order)]
    path = [arb_poly([c.mid() for c in p.coeffs()]) for p in path]
    defect = [p.derivative() + g for p, g in zip(path, _gradient(objective, path), strict=True)]
    for length in _lengths(path, order, target, longest):
        h = arb(length.number)
        error = _enclosed_error(objective, path, _size(defect, h), state.error, h)
        if error is not None:
            ends = [p(h) for p in path]
            return _State([x.mid() for x in ends], (error + _norm([x.rad() for x in ends])).upper()), length
    raise Undecided("no step of the flow is enclosed")


def _lengths(path: list[arb_poly], order: int, target: arb, longest: Ball) -> Iterator[Ball]:
    """Step sizes: one at which the last coefficient falls to the target, then halves of it."""
    last = max((float(abs(c)) for p in path for c in p.coeffs()[order - 1 :]), default=0.0)
    natural = (float(target) / last) ** (1 / order) if last > 0 else longest.midpoint
    if natural >= longest.midpoint:
        yield longest
    h = 2.0 ** np.floor(np.log2(min(natural, longest.midpoint)))
    for k in range(_HALVINGS):
        length = Ball(exactly(h / 2**k))
        if length < longest:
            yield length


def _taylor(objective: Any, center: list[arb], order: int) -> list[arb_poly]:
    """Picard's iteration: each round makes one more coefficient right."""
    path = [arb_poly([c]) for c in center]
    for k in range(order):
        slopes = _gradient(objective, path)
        path = [arb_poly([c]) - g.truncate(k + 1).integral() for c, g in zip(center, slopes, strict=True)]
    return path


def _gradient(objective: Any, path: list[arb_poly]) -> list[arb_poly]:
    """∇R along a path, as polynomials in time."""
    theta = np.empty(len(path), dtype=object)
    theta[:] = [Ball(p) for p in path]
    try:
        values = [x.number for x in balls(objective.gradient(wrapped(theta))).tolist()]
    except TypeError as error:
        raise OutsideBalls(f"a flow is enclosed only where the risk is a polynomial in θ ({error})") from error
    return [v if isinstance(v, arb_poly) else arb_poly([arb(v)]) for v in values]


def _size(defect: list[arb_poly], h: arb) -> arb:
    """Bound on the Euclidean norm over [0, h]."""
    return _norm([sum((abs(c) * h**k for k, c in enumerate(p.coeffs())), arb(0)).upper() for p in defect])


def _enclosed_error(objective: Any, path: list[arb_poly], defect: arb, error: arb, h: arb) -> arb | None:
    """The bound on the distance from the path after the step, if it holds through the step; None where the tube is left."""
    span = arb(h / 2, (h / 2).upper())
    inside = (2 * (error + h * defect)).upper() + arb(2) ** (-ctx.prec)
    for _ in range(3):
        tube = balls([Ball(p(span) + arb(0, inside)) for p in path])
        M = -arb(least_eigenvalue(np.asarray(objective.hessian(tube))).lower.number)
        growth = (M * h).exp()
        reached = (growth.max(arb(1)) * (error + h * defect)).upper()
        if reached < inside:
            return (growth * error + growth.max(arb(1)) * h * defect).upper()
        inside = 2 * reached
    return None
