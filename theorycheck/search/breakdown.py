"""The largest ratio of a bound by feature, and the power of the feature as which it scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np

from theorycheck.search.pressing import Sight

CONFIDENCE = 0.95

_SIZES = 16  # a feature with at most so many whole values is broken down value by value
_LEAST_POINTS = 4  # of a fit
_LEAST_COUNT = 8  # of instances in each of them


@dataclass(frozen=True)
class Row:
    """The largest ratio among instances whose feature lies in [low, high]."""

    low: float
    high: float
    count: int
    ratio: float
    at: float

    @property
    def name(self) -> str:
        """The value, or the decade."""
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Exponent:
    """The power of a feature as which the largest ratio scales: least squares in logarithms, with a 95 % interval of Student's t."""

    feature: str
    value: float
    low: float
    high: float
    points: int


def names_of(sights: Sequence[Sight]) -> tuple[str, ...]:
    """The features that any of the sights has."""
    return tuple(dict.fromkeys(name for s in sights for name in s.features))


def bins_of(name: str, sights: Sequence[Sight]) -> dict[tuple[float, float], list[Sight]]:
    """Value by value where these are few and whole, else by decades of what is positive."""
    having = [s for s in sights if name in s.features]
    values = {s.features[name] for s in having}
    whole = len(values) <= _SIZES and all(v == round(v) for v in values)
    bins: dict[tuple[float, float], list[Sight]] = {}
    for s in having:
        value = s.features[name]
        if whole:
            bins.setdefault((value, value), []).append(s)
        elif value > 0:
            decade = floor(log10(value) + 1e-9)
            bins.setdefault((10.0**decade, 10.0 ** (decade + 1)), []).append(s)
    return bins


def rows_of(name: str, sights: Sequence[Sight]) -> tuple[Row, ...]:
    """The largest ratio in each bin of a feature."""
    rows = []
    for (low, high), inside in sorted(bins_of(name, sights).items()):
        best = max(inside, key=lambda s: s.ratio)
        rows.append(Row(low, high, len(inside), best.ratio, best.features[name]))
    return tuple(rows)


def fitted(name: str, rows: Sequence[Row]) -> Exponent | None:
    """The exponent of the largest ratio in a feature; None where fewer than four rows are positive and have enough instances."""
    points = [(np.log(row.at), np.log(row.ratio)) for row in rows if row.at > 0 and 0 < row.ratio < np.inf and row.count >= _LEAST_COUNT]
    if len(points) < _LEAST_POINTS:
        return None
    from scipy import stats  # here, where it is needed: it takes a quarter of a second to import

    fit = stats.linregress(*np.array(points).T)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(points) - 2) * fit.stderr)
    return Exponent(name, float(fit.slope), float(fit.slope) - half, float(fit.slope) + half, len(points))
