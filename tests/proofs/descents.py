"""What the tests of several theorem files share: their modules and instances, whole runs of descent, ends of small flows, and two landscapes."""

import sys
from functools import cache

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.stacking import stacked
from theorycheck.library import load, shelf
from theorycheck.search.evaluation import admission

x, y, z, w = sp.symbols("x y z w", real=True)
TUBE = tc.Landscape((x, y, z), ((2 + sp.cos(x)) * y**2 + (1 + sp.Rational(3, 10) * sp.sin(x)) * z**2) / 2)
TOY = tc.Landscape((x, y, z, w), (x**2 + 6 * y**2 + 8) * z**2 + (4 * (1 - x) ** 2 + (1 - y) ** 2 + 1) * w**2)


@cache
def module(name):
    """A theorem file of the shelf."""
    claim = load(shelf() / f"{name}.py").theorems[0].claim
    return sys.modules[getattr(claim, "func", claim).__module__]


def admitted(theorem, count):
    """The instances among the first `count` of seed 7, stacked."""
    found = (admission(theorem, theorem.ambient.sample(7, i).value) for i in range(count))
    return stacked([f.instance for f in found if f.rejected_by is None])


def descended(risk, method, start, steps):
    """All states of one run."""
    return tc.follow(risk, method, np.array(start), tc.Stop(steps=steps), save=tc.Every(1)).states


def ode(velocity, start, time, steps=400):
    """The end of an autonomous flow, by Runge and Kutta's steps."""
    state, h = np.array(start, dtype=float), time / steps
    for _ in range(steps):
        a = velocity(state)
        b = velocity(state + h / 2 * a)
        c = velocity(state + h / 2 * b)
        state = state + h / 6 * (a + 2 * b + 2 * c + velocity(state + h * c))
    return state
