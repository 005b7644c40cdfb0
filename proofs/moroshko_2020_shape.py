r"""The shape of the potentials of diagonal networks, from kernel to rich (Moroshko et al. 2020, arXiv:2007.06738).

What they are for, the bias of gradient flow at an initialization scale, is in `moroshko_2020`.

Setting      w = u_+^D - u_-^D entry by entry; h_2(z) = 2 sinh z, h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)); q_D = ∫h_D^{-1}.
Convention   q_D is the potential at α = 1; at α it is α^D q_D(w/α^D).
Results      kernel_shape      q_D(z)/z² → 1/4 for D = 2, (D-2)/(4D) for D > 2, as z → 0
             rich_shape        q_D(z)/z → 1 for D > 2, q_2(z) - z(log z - 1) → 2, as z → ∞
Not covered  Rates of either limit.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.classifiers import Classifier, classifiers, link

paper = tc.Source("Moroshko et al.", 2020, arxiv="2007.06738", item="implicit bias and initialization scale")


def integral(y: np.ndarray, D: int) -> np.ndarray:
    """q_D(h_D(y))."""
    if D == 2:
        return 2 - 2 * np.cosh(y) + 2 * np.sinh(y) * y
    bracket = (1 - y) ** (-2 / (D - 2)) + (1 + y) ** (-2 / (D - 2)) - 2
    return link(y, D) * y - (D - 2) / 2 * bracket


# -- claims --


def kernel(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q_D(z)/z² at z = h_D(2^-k)."""
    y, D = 2.0 ** -np.arange(2, 8), p.depth
    return tc.tends_to("q_D(z)/z² → q''(0)/2", y, integral(y, D) / link(y, D) ** 2, factor * (0.25 if D == 2 else (D - 2) / (4 * D)))


def rich(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q_D(z)/z at z = h_D(1 - 2^-k), or q_2(z) - z(log z - 1) for growing z."""
    if p.depth == 2:
        y = np.log(2.0 ** np.arange(4, 14))
        z = link(y, 2)
        return tc.tends_to("q_2(z) - z(log z - 1) → 2", np.exp(-y), integral(y, 2) - z * (np.log(z) - 1), factor * 2)
    gaps = 2.0 ** -np.arange(30, 42)
    return tc.tends_to("q_D(z)/z → 1", gaps, integral(1 - gaps, p.depth) / link(1 - gaps, p.depth), factor)


# -- what algebra settles --


def shape() -> tuple[tc.Identity, ...]:
    """q_2' = asinh(z/2) with its series, and q_D' and h_D'(0) depth by depth."""
    z, y = sp.symbols("z y", positive=True)
    q2 = 2 - sp.sqrt(4 + z**2) + z * sp.asinh(z / 2)
    deep = []
    for D in (3, 4, 6):
        h = (1 - y) ** sp.Rational(-D, D - 2) - (1 + y) ** sp.Rational(-D, D - 2)
        q = h * y - sp.Rational(D - 2, 2) * ((1 - y) ** sp.Rational(-2, D - 2) + (1 + y) ** sp.Rational(-2, D - 2) - 2)
        deep += [tc.Identity(sp.diff(q, y), y * sp.diff(h, y)), tc.Identity(sp.diff(h, y).subs(y, 0), sp.Rational(2 * D, D - 2))]
    series = tc.Identity(sp.series(q2, z, 0, 6).removeO(), z**2 / 4 - z**4 / 192)
    return (tc.Identity(sp.diff(q2, z), sp.asinh(z / 2)), series, *deep)


# -- the theorems --

depths = classifiers((2, 3, 4, 5, 6))
kernel_shape = tc.Theorem("kernel_shape", paper, depths, (), kernel, r"q_D(z) / z^2 \to q_D''(0)/2", identities=shape())
rich_shape = tc.Theorem("rich_shape", paper, depths, (), rich, r"q_D(z) / z \to 1, \; q_2(z) - z (\log z - 1) \to 2")

THEOREMS = (kernel_shape, rich_shape)
FALSE = (
    kernel_shape.claiming("factor_1_01", partial(kernel, factor=1.01)),
    rich_shape.claiming("factor_1_01", partial(rich, factor=1.01)),
)
