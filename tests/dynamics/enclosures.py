"""What the tests of balls share: what an enclosure is in fractions, floats and mpmath, whether it holds a truth, and a drawn fit."""

from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from theorycheck.dynamics.certificates import Ball


def fraction(x: Ball) -> Fraction:
    assert x.exact is not None
    return Fraction(int(x.exact.numerator), int(x.exact.denominator))


def middles_of(found: Any) -> np.ndarray:
    return np.array([Ball(x).midpoint for x in np.ravel(found).tolist()]).reshape(np.shape(found))


def as_mp(x: Ball) -> mp.mpf:
    """An exact ball, or an end of one, in mpmath."""
    if x.exact is not None:
        return mp.mpf(int(x.exact.numerator)) / int(x.exact.denominator)
    mantissa, exponent = x.number.man_exp()
    return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))


def holds(x: Ball, truth: mp.mpf, width: float) -> None:
    """The enclosure holds the truth (known to 60 digits) and is not wider than asked."""
    low, high = as_mp(x.lower), as_mp(x.upper)
    slip = abs(truth) * mp.mpf(10) ** -50
    assert low - slip <= truth <= high + slip
    assert high - low <= width * max(1, abs(truth))


def fit(widths: tuple[int, ...] = (2, 2, 1), samples: int = 3, seed: int = 0) -> Any:
    from theorycheck.instances import deep_linear_fits

    recipe = deep_linear_fits(
        depth=(len(widths) - 1,) * 2, width=(widths[1],) * 2, dim=(widths[0],) * 2, samples=(samples,) * 2, outputs=(widths[-1],) * 2
    )
    return recipe.sample(seed, 0).value
