"""Needles: statements false only on a set that a hundred thousand plain samples miss, each for another reason.

All are smooth enough to be followed downhill, none can be met by simple numbers. FALSE is in the form of a theorem file.
"""

from dataclasses import dataclass

import numpy as np

import theorycheck as tc

CONE3 = np.array([1.0, np.sqrt(2.0), -np.sqrt(3.0)])
CONE6 = np.array([1.0, np.sqrt(2.0), -np.sqrt(3.0), np.pi, -np.e, 0.3])
ROTATION = np.linalg.qr(np.sin(np.arange(16.0).reshape(4, 4) ** 1.5))[0]


@dataclass(frozen=True)
class Numbers:
    """What every needle needs: a few numbers, and how many there are."""

    x: np.ndarray
    n: int = 0


def numbers(count, low=-2.0, high=2.0):
    """So many numbers of an interval."""

    @tc.recipe
    def ambient(draw):
        return Numbers(draw(tc.array(count, low, high)))

    return ambient


@tc.recipe
def up_to_nine(draw):
    n = draw(tc.integers(1, 9))
    return Numbers(draw(tc.array(n, -1.9, 1.9)), n)


def needle(name, ambient, claim, *premises):
    """A falsehood by itself."""
    return tc.Theorem(name, tc.CONJECTURE, ambient, premises, claim)


def cosine(p, axis):
    """Of the angle between x and an axis."""
    return p.x @ axis / np.sqrt((p.x @ p.x) * (axis @ axis))


nonzero = tc.Premise("nonzero", "|x| ≥ 1/8", lambda p: bool(p.x @ p.x >= 1 / 64))


def narrow_cone(p, precision):
    """Data within 1e-4 of one direction of three."""
    return tc.at_most("cos ≤ 1 - 5e-9", cosine(p, CONE3), 1 - 5e-9)


def narrow_cone_in_six(p, precision):
    """Data within 0.03 of one direction of six."""
    return tc.at_most("cos ≤ 1 - 5e-4", cosine(p, CONE6), 1 - 5e-4)


def near_critical_step(p, precision):
    """Heavy ball with β = 0.3 on h x²/2 neither shrinks nor grows at step · h = 2.6: 200 steps tell, but within 1e-6 of it."""
    step, h = p.x[0] + np.sqrt(6.0), p.x[1] + 1.5
    growth = np.max(np.abs(np.roots([1.0, -(1.3 - step * h), 0.3])))
    return tc.at_least("|log growth| ≥ 3e-6", abs(np.log(growth)), 3e-6)


def eigenvalue_crossing(p, precision):
    """A symmetric 2 x 2 matrix has a gap, but on a set of codimension two."""
    a, b, c = p.x
    return tc.at_least("gap ≥ 1e-4", np.hypot(a + 1 / 3 - c, 2 * (b - 1 / 7)), 1e-4)


def avoided_crossing(p, precision):
    """Two levels of a family of matrices come within 2e-3 of each other at one place, and nowhere closer."""
    levels = np.sort(np.linalg.eigvalsh(np.array([[p.x[0] - 0.41, 1e-3, 0.0], [1e-3, 0.37 - p.x[0], 0.0], [0.0, 0.0, 9.0]])))
    return tc.at_least("gap ≥ 2.00001e-3", levels[1] - levels[0], 2.00001e-3)


def start_on_stable_manifold(p, precision):
    """Gradient descent falls off the saddle of x²/2 + x y/3 + x y²/5 - y²/2 + y⁴/4 unless it starts on a curve."""
    x, y = p.x
    for _ in range(120):
        x, y = x - 0.1 * (x + y / 3 + y * y / 5), y - 0.1 * (x / 3 + 2 * x * y / 5 - y + y**3)
    return tc.at_most("f ≤ -1/8", x * x / 2 + x * y / 3 + x * y * y / 5 - y * y / 2 + y**4 / 4, -1 / 8)


def resonance(p, precision):
    """A response with a peak of width 1e-5."""
    return tc.at_most("response ≤ 3e9", 1 / ((p.x[0] - np.sqrt(1.7)) ** 2 + 1e-10), 3e9)


def two_step_orbit(p, precision):
    """Gradient descent on x⁴/4 + x³/7 does not come back after two steps, but from a curve of starts and steps."""
    step, start = 1.5 + p.x[0] / 4, p.x[1]
    x = start
    for _ in range(2):
        x = x - step * (x**3 + 3 * x * x / 7)
    return tc.at_least("|x_2 - x_0| ≥ 1e-6", abs(x - start), 1e-6)


def corner_at_one_depth(p, precision):
    """A product of n numbers below 1.9 stays below 24.7: false for five alone, whose corner is worth 24.76."""
    return tc.at_most("product ≤ 24.7", np.prod(p.x) if p.n == 5 else -abs(np.prod(p.x[:4])), 24.7)


def kantorovich(p, precision):
    """A constant 1e-6 too good in (xᵀAx)(xᵀA⁻¹x) ≤ (κ + 1)²/(4κ) |x|⁴, turned so that no simple x attains it."""
    spectrum = np.array([1.0, 2.2, 3.1, 7.0])
    z = ROTATION @ p.x
    return tc.at_most("Kantorovich", (z * z) @ spectrum * ((z * z) @ (1 / spectrum)), (1 - 1e-6) * 64 / 28 * (z @ z) ** 2)


def data_near_one_direction(p, precision):
    """Three samples of three inputs span more than one direction, but near a set of codimension four."""
    singular = np.linalg.svd(p.x + np.diag([0.11, 0.23, 0.37]), compute_uv=False)
    return tc.at_most("σ_1 ≤ 3000 σ_2", singular[0], 3000 * singular[1])


FALSE = (
    needle("narrow_cone", numbers(3), narrow_cone, nonzero),
    needle("narrow_cone_in_six", numbers(6), narrow_cone_in_six, nonzero),
    needle("near_critical_step", numbers(2, -1.0, 1.0), near_critical_step),
    needle("eigenvalue_crossing", numbers(3), eigenvalue_crossing),
    needle("avoided_crossing", numbers(1), avoided_crossing),
    needle("start_on_stable_manifold", numbers(2, 0.1, 0.7), start_on_stable_manifold),
    needle("resonance", numbers(1), resonance),
    needle("two_step_orbit", numbers(2, 0.2, 1.9), two_step_orbit),
    needle("corner_at_one_depth", up_to_nine, corner_at_one_depth),
    needle("kantorovich", numbers(4), kantorovich, nonzero),
    needle("data_near_one_direction", numbers((3, 3)), data_near_one_direction),
)
THEOREMS = (needle("haystack", numbers(3), lambda p, precision: tc.at_most("cos ≤ 1", cosine(p, CONE3), 1.0), nonzero),)
