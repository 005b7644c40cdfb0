"""Features of an instance: the numbers by which the tightness of a bound is broken down.

A class of instances may offer ``features``, a mapping of names to numbers; then nothing else is looked for. Otherwise they are
its numeric fields (those of a dataclass inside it too), what its properties of the names in `KNOWN` say, depth, width and
dimension of a tuple ``widths`` (d_0, ..., d_L), and the condition number of a matrix ``covariance``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from numbers import Real
from operator import attrgetter
from typing import Any

import numpy as np

KNOWN = ("depth", "width", "dimension", "samples", "rank", "condition_number", "step")

Features = Mapping[str, Callable[[Any], float]]


def features_of(instance: Any, given: Features | None = None) -> dict[str, float]:
    """Names and values, in a fixed order; what cannot be computed, or is not finite, is left out.

    Parameters
    ----------
    instance : object
    given : mapping of str to callable, optional
        Instead of what is found on the instance: each takes the instance and returns a number.

    """
    if given is not None:
        found: Iterator[tuple[str, Any]] = ((name, _quietly(function, instance)) for name, function in given.items())
    elif isinstance(offered := getattr(instance, "features", None), Mapping):
        found = iter(offered.items())
    else:
        found = _found(instance)
    return {str(name): float(value) for name, value in dict(found).items() if _is_number(value)}


def _found(instance: Any) -> Iterator[tuple[str, Any]]:
    if not is_dataclass(instance) or isinstance(instance, type):
        return
    for field in fields(instance):
        value = getattr(instance, field.name)
        if is_dataclass(value):
            yield from _found(value)
        elif _is_number(value):
            yield field.name, value
    widths = getattr(instance, "widths", None)
    if isinstance(widths, tuple) and len(widths) > 1 and all(_is_number(w) for w in widths):
        yield "depth", len(widths) - 1
        yield "width", max(widths[1:-1], default=widths[-1])
        yield "dimension", widths[0]
    for name in KNOWN:
        if isinstance(getattr(type(instance), name, None), property):
            yield name, _quietly(attrgetter(name), instance)
    if hasattr(type(instance), "covariance"):
        yield "condition_number", _quietly(_condition_number, instance)


def _condition_number(instance: Any) -> float:
    """Largest eigenvalue of the covariance over the smallest that is not zero."""
    values = np.linalg.eigvalsh(np.asarray(instance.covariance, dtype=float))
    return float(values[-1] / min(v for v in values if v > values[-1] * 1e-12))


def _quietly(function: Callable[[Any], Any], instance: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(instance)
    except Exception:  # noqa: BLE001 - a feature that this instance does not have is left out
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))
