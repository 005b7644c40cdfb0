"""An instance of a theorem to look at: one that its premises admit."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import count, islice
from typing import Any

from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument
from theorycheck.instances.recipes import Draw
from theorycheck.search.evaluation import Admission, Broken, guarded
from theorycheck.search.screening import SCREEN
from theorycheck.search.tallies import admitted_or_not, rebuilt
from theorycheck.statements.theorems import Theorem

TRIES = 1000


def instance(theorem: Theorem, seed: int = 0, index: int = 0) -> Any:
    """The first admitted instance of a seed, at or after an index: drawn, moved by enforcement, every premise holding.

    Raises
    ------
    InvalidArgument
        If the next thousand instances are all rejected; the message names the premise that rejects most of them.

    Examples
    --------
    >>> import theorycheck as tc
    >>> positive = tc.Premise("positive", "x > 0", lambda x: x > 0)
    >>> theorem = tc.Theorem("grows", tc.CONJECTURE, tc.recipe(lambda draw: draw(tc.integers(-9, 9))), (positive,), lambda x, precision: None)
    >>> instance(theorem, seed=1) > 0
    True

    """
    reasons: Counter[str] = Counter()
    with threadpool_limits(1):  # confirmation sets rounding modes, which are a thread's own
        for at in islice(count(index), TRIES):
            drawn = guarded(partial(theorem.ambient.sample, seed, at), SCREEN)
            found = drawn if isinstance(drawn, Broken) else _admitted(theorem, drawn)
            if isinstance(found, Admission):
                return found.instance
            reasons[found.reason] += 1
    reason, times = reasons.most_common(1)[0]
    rule = f"admits none of the instances {index} to {index + TRIES - 1} of seed {seed}, most often as {reason} ({times} times)"
    raise InvalidArgument("theorem", theorem.name, rule, "give the premise an enforce, or widen the recipe")


def _admitted(theorem: Theorem, draw: Draw) -> Admission | Broken:
    """The admission of a draw, or why there is none."""
    found = admitted_or_not(theorem, draw.value, partial(rebuilt, theorem, draw.choices))
    if isinstance(found, Admission):
        return found
    return found.broken or Broken(f"`{found.rejected_by}` rejects it")
