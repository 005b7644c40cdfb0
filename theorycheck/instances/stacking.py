"""Stacking: many instances of equal shape as one, along a leading axis.

Floats become arrays of shape (B,), arrays gain a leading axis, tuples and dataclasses are stacked member by member. What
is discrete (whole numbers, strings, flags) must agree, so that one code path serves the whole stack.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from theorycheck.dynamics.certificates import Ball, balls
from theorycheck.errors import InvalidArgument


def shape_of(instance: Any) -> Hashable:
    """What must be equal for two instances to be stacked."""
    if isinstance(instance, np.ndarray):
        return ("array", instance.shape, instance.dtype.kind)
    if isinstance(instance, float | Ball):
        return "float"
    if isinstance(instance, tuple):
        return ("tuple", *map(shape_of, instance))
    if is_dataclass(instance) and not isinstance(instance, type):
        return (type(instance), *(shape_of(getattr(instance, f.name)) for f in fields(instance)))
    return ("same", instance)


def stacked(instances: Sequence[Any]) -> Any:
    """One instance with a leading axis from instances of equal `shape_of`."""
    first = instances[0]
    if isinstance(first, np.ndarray):
        return np.stack(instances)
    if isinstance(first, Ball):
        return balls(list(instances))
    if isinstance(first, float):
        return np.array(instances)
    if _discrete(shape_of(first)) and all(other is first for other in instances):
        return first
    if isinstance(first, tuple):
        return tuple(stacked(members) for members in zip(*instances, strict=True))
    if is_dataclass(first) and not isinstance(first, type):
        return replace(first, **{f.name: stacked([getattr(i, f.name) for i in instances]) for f in fields(first) if f.init})
    if any(other != first for other in instances):
        raise InvalidArgument("instances", first, "differ in a discrete member", "stack instances of equal shape only")
    return first


def _discrete(shape: Hashable) -> bool:
    """Whether nothing in an instance of this shape gains an axis."""
    if isinstance(shape, tuple) and shape and shape[0] != "same":
        return shape[0] != "array" and all(_discrete(part) for part in shape[1:])
    return shape != "float"
