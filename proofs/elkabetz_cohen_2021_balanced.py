r"""Balanced deep linear networks of one output are a flow in the plane (Elkabetz & Cohen 2021, arXiv:2107.06608, part two).

Setting      f = (w - v)ᵀΣ(w - v)/2, w = (W_n ... W_1)ᵀ with target v; r = |w|, ν = <w, v>/|w|; balanced: W_{j+1}ᵀW_{j+1} = W_jW_jᵀ;
             whitened: Σ = I.
Convention   The factor 1/2 of f (c = 1/2); without it every rate doubles.
Results      reduction_of_balanced           ṙ = n r^(2-2/n)(ν - r), ν̇ = r^(1-2/n)(|v|² - ν²)
             orbit_of_balanced               |v| = 1: (1-ν²)^(-n/2)(1/r - ν) - (n-1) ∫_0^ν (1-s²)^(-n/2) ds is constant, for every n
             two_layers_in_closed_form       n = 2: ν = tanh(t + t_0), and 1/r explicit
             The reduction, its orbit and its closed form are derived for this project.
Not covered  Where flow and descent end: `elkabetz_cohen_2021_convergence`.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import TargetedMode, targeted_modes
from theorycheck.instances.targets import polar

reduced = tc.Source("Elkabetz & Cohen", 2021, arxiv="2107.06608", item="balanced start, whitened data")


# -- hypotheses --

balanced = tc.Premise(
    "balanced",
    "W_{j+1}ᵀW_{j+1} = W_jW_jᵀ",
    lambda f: tc.equal("|g_k| = |g_1|", np.abs(f.network.gains), np.abs(f.network.balanced().gains)),
    enforce=lambda f: replace(f, network=f.network.balanced()),
)
whitened = tc.Premise("whitened", "Σ = I", lambda f: f.stretch == 1.0, enforce=lambda f: replace(f, stretch=1.0))
unit_target = tc.Premise("unit_target", "|v| = 1", lambda f: f.length == 1.0, enforce=lambda f: replace(f, length=1.0))
off_axis = tc.Premise("off_axis", "|ν| ≤ 0.95", lambda f: bool(abs(polar(f)[1]) <= 0.95))


# -- claims --


def reduced_velocity(f: TargetedMode, precision: tc.Precision, unit: bool = False, factor: float = 1.0) -> tc.Comparison:
    """ṙ and ν̇ of the flow; `unit`: with 1 in place of |v|²."""
    n, theta, v, objective = f.network.depth, f.network.theta, f.target, f.objective
    w = objective.model.w(theta)
    r, nu = polar(f)
    velocity = -objective.model.kernels.tangent(theta, objective.gradient(theta))
    dr = (w * velocity).sum(axis=-1) / r
    dnu = (velocity * v).sum(axis=-1) / r - nu * dr / r
    square = np.ones_like(r) if unit else (v**2).sum(axis=-1)
    scale = n * r ** (1 - 2 / n) * (np.linalg.norm(v, axis=-1) + r) ** 2
    return tc.all_of(
        tc.equal("ṙ = n r^(2-2/n)(ν - r)", dr, factor * n * r ** (2 - 2 / n) * (nu - r), scale=scale),
        tc.equal("ν̇ = r^(1-2/n)(|v|² - ν²)", dnu, r ** (1 - 2 / n) * (square - nu**2), scale=scale),
    )


def norm_approaches(f: TargetedMode, precision: tc.Precision) -> tc.Comparison:
    """|r - 1| never grows: false, r falls first where ν < r."""
    r, nu = polar(f)
    n = f.network.depth
    return tc.at_most("d|r - 1|/dt ≤ 0", np.sign(r - 1) * n * r ** (2 - 2 / n) * (nu - r), np.zeros_like(r))


def reduced_point(objective: Any, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The norm r and ν at θ."""
    w, v = objective.model.w(theta), objective.data.least_squares
    r = np.linalg.norm(w, axis=-1)
    return r, (w * v).sum(axis=-1) / r


def powers_integral(nu: np.ndarray, n: int) -> np.ndarray:
    """∫_0^ν (1 - s²)^(-n/2) ds by its recursion in steps of 2."""
    value, p = (np.arcsin(nu), 0.5) if n % 2 else (np.arctanh(nu), 1.0)
    while 2 * p < n:
        value, p = nu / (2 * p * (1 - nu**2) ** p) + (2 * p - 1) / (2 * p) * value, p + 1
    return value


def orbit(objective: Any, theta: np.ndarray, precision: tc.Precision | None = None, weight: float = 1.0) -> tc.Measured:
    """(1-ν²)^(-n/2)(1/r - ν) - weight (n-1) ∫_0^ν (1-s²)^(-n/2) ds."""
    n = objective.model.depth
    r, nu = reduced_point(objective, theta)
    return tc.Measured.of((1 - nu**2) ** (-n / 2) * (1 / r - nu) - weight * (n - 1) * powers_integral(nu, n))


def orbit_kept(f: TargetedMode, precision: tc.Precision, weight: float = 1.0) -> tc.Comparison:
    """The orbit's constant at t = 0 and at t = 1/2, 1."""
    quantity = partial(orbit, weight=weight)
    flow, times = tc.GradientFlow(accuracy=1e-10), (0.0, 0.5, 1.0)
    run = tc.follow(f.objective, flow, f.network.theta, tc.Stop(time=1.0), record=(quantity,), save=tc.At(times))
    seen = run.records[quantity]
    return tc.equal("orbit", seen[..., 1:], seen[..., :1], scale=1.0)


def norm_and_cosine(objective: Any, theta: np.ndarray, precision: tc.Precision | None = None) -> tc.Measured:
    """1/r and ν, along a last axis."""
    r, nu = reduced_point(objective, theta)
    return tc.Measured.of(np.stack([1 / r, nu], axis=-1))


def closed_form(f: TargetedMode, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """1/r and ν at t = 1/2 and 2."""
    t = np.array([0.5, 2.0])
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-10), f.network.theta, tc.Stop(time=2.0), record=(norm_and_cosine,), save=tc.At(t))
    r, nu = (x[..., None] for x in polar(f))
    start, now = np.arctanh(nu), factor * t + np.arctanh(nu)
    inverse = (np.cosh(start) ** 2 / r + t + (np.sinh(2 * now) - np.sinh(2 * start)) / 2) / np.cosh(now) ** 2
    return tc.equal("(1/r, ν)", run.records[norm_and_cosine], np.stack([inverse, np.tanh(now)], axis=-1))


# -- what algebra settles --


def orbits() -> tuple[tc.Identity, ...]:
    """dJ/dν (1-ν²) + dJ/dr n r (ν - r) = 0 for the orbit's constant J, and the derivative of the closed form of ν."""
    r, nu, t = sp.symbols("r nu t", positive=True)
    found = []
    for n in (2, 4, 6):
        integral, p = sp.atanh(nu), 1
        while 2 * p < n:
            integral, p = nu / (2 * p * (1 - nu**2) ** p) + sp.Rational(2 * p - 1, 2 * p) * integral, p + 1
        J = (1 / r - nu) / (1 - nu**2) ** (n // 2) - (n - 1) * integral
        found.append(tc.Identity(sp.diff(J, nu) * (1 - nu**2), -sp.diff(J, r) * n * r * (nu - r)))
    return (*found, tc.Identity(sp.diff(sp.tanh(t), t), 1 - sp.tanh(t) ** 2))


# -- the theorems --

*invariants, cosine = orbits()
any_depth, two = targeted_modes((2, 5)), targeted_modes((2, 2), least=2)
exact, start = (balanced, whitened), (balanced, whitened, unit_target)
reduction_of_balanced = tc.Theorem(
    "reduction_of_balanced",
    reduced,
    any_depth,
    exact,
    reduced_velocity,
    r"\dot r = n r^{2-2/n} (\nu - r), \quad \dot\nu = r^{1-2/n} (|v|^2 - \nu^2)",
    stacked=True,
)
orbit_of_balanced = tc.Theorem(
    "orbit_of_balanced",
    reduced,
    targeted_modes((2, 5), least=2),
    (*start, off_axis),
    orbit_kept,
    r"(1-\nu^2)^{-n/2} (1/r - \nu) - (n-1) \int_0^\nu (1-s^2)^{-n/2} ds = \mathrm{const}",
    identities=tuple(invariants),
    stacked=True,
)
two_layers_in_closed_form = tc.Theorem(
    "two_layers_in_closed_form",
    reduced,
    two,
    (*start, off_axis),
    closed_form,
    r"\nu = \tanh(t + t_0), \quad 1/r = [\cosh^2 t_0 / r_0 + t + (\sinh 2(t + t_0) - \sinh 2 t_0)/2] / \cosh^2(t + t_0)",
    identities=(cosine,),
    stacked=True,
)

THEOREMS = (reduction_of_balanced, orbit_of_balanced, two_layers_in_closed_form)
FALSE = (
    reduction_of_balanced.without(balanced),
    reduction_of_balanced.without(whitened),
    reduction_of_balanced.claiming("one_for_any_target", partial(reduced_velocity, unit=True)),
    reduction_of_balanced.claiming("norm_approaches", norm_approaches),
    reduction_of_balanced.claiming("factor_1_0002", partial(reduced_velocity, factor=1.0002)),
    orbit_of_balanced.without(balanced),
    orbit_of_balanced.without(whitened),
    orbit_of_balanced.without(unit_target),
    orbit_of_balanced.claiming("weight_1_0002", partial(orbit_kept, weight=1.0002)),
    two_layers_in_closed_form.without(balanced),
    two_layers_in_closed_form.claiming("rate_1_0002", partial(closed_form, factor=1.0002)),
    replace(two_layers_in_closed_form.claiming("same_for_three_layers", closed_form), ambient=targeted_modes((3, 3), least=2)),
)
FINDINGS = (
    tc.Finding(
        "the reduced flow has a first integral at every depth",
        "(1-ν²)^(-n/2)(1/r - ν) - (n-1)∫_0^ν (1-s²)^(-n/2) ds, proved by algebra for n = 2, 4, 6 and seen along flows for n = 2 .. 5; "
        ":weight_1_0002 is refuted",
        "theorycheck check elkabetz_cohen_2021_balanced/orbit_of_balanced",
    ),
)
