"""What the tests of several theorem files share: their modules and instances, whole runs of descent, ends of flows, and two landscapes."""

import sys
from functools import cache

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp

import theorycheck as tc
from theorycheck.instances.limit_maps import ResidualPoint
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


def residual_point(seed, shape=(2, 4), offset=0.0):
    """Two quadratic residuals of four parameters, as in the catalogue of li_wang_arora_2021, in a stack of one."""
    generator, (M, P) = np.random.default_rng(seed), shape
    B, C = generator.standard_normal((1, M, P)), generator.standard_normal((1, M, P, P)) / 2
    return ResidualPoint(B, C, offset * generator.standard_normal((1, P)), generator.standard_normal((1, P)))


def flowed(v, x):
    """Where the flow of a stack of one ends, from x, by DOP853 up to t = 200."""
    return solve_ivp(lambda t, x: -v.objective.gradient(x)[0], (0, 200), x, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]


def second_difference(v, way, h=2e-3):
    """∂²Φ[way, way] at 0 by central differences of `flowed`, as in the catalogue."""
    return (flowed(v, h * way) + flowed(v, -h * way)) / h**2
