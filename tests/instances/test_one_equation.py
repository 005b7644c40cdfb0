"""One equation in two unknowns: least norms, the certificate and the limits against general solvers."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar

from theorycheck.instances.one_equation import DEPTHS, OneEquation, one_equations


def drawn(count: int, **asked) -> list[OneEquation]:
    return [one_equations(**asked).sample(7, index).value for index in range(count)]


@pytest.mark.parametrize("p", drawn(6))
def test_least_norms_and_certificate(p):
    np.testing.assert_allclose(p.least_l2, np.linalg.lstsq(p.x[None], [p.y], rcond=None)[0])
    programme = linprog(np.ones(4), A_eq=np.concatenate([p.x, -p.x])[None], b_eq=[p.y])
    assert programme.fun == pytest.approx(p.least_l1)
    slope = np.abs(p.x * programme.eqlin.marginals[0])
    assert np.max(slope) == pytest.approx(1)
    assert np.min(slope) == pytest.approx(p.certificate)


@pytest.mark.parametrize("p", drawn(6, beside=True))
def test_moved_points_are_solutions_at_their_distance(p):
    beta = p.moved(p.least_l2)
    assert p.x @ beta == pytest.approx(p.y)
    assert np.linalg.norm(beta - p.least_l2) == pytest.approx(abs(p.along) * np.linalg.norm(p.x))


@pytest.mark.parametrize("p", drawn(6, depths=(2,)))
def test_limits_minimise_the_hyperbolic_entropy(p):
    """D = 2: Σ β arsinh(β/2α²) - √(β² + 4α⁴) along the line of solutions."""
    normal = np.array([-p.x[1], p.x[0]])

    def entropy(s):
        beta = p.least_l2 + s * normal
        return np.sum(beta * np.arcsinh(beta / (2 * p.alpha**2)) - np.sqrt(beta**2 + 4 * p.alpha**4))

    found = p.least_l2 + minimize_scalar(entropy, tol=1e-12).x * normal
    np.testing.assert_allclose(p.limits(p.alpha).value, found, atol=1e-6)


def test_what_is_asked_for_is_drawn():
    assert {p.depth for p in drawn(40)} == set(DEPTHS)
    assert all(p.along == 0 and p.epsilon == 1 and 1 / 64 <= p.alpha <= 1 for p in drawn(40))
    assert all(p.depth == 3 and p.alpha >= 0.5 for p in drawn(40, depths=(3,), soon=True))
    assert all(0.25 <= p.epsilon <= 1 for p in drawn(40, tolerance=0.25))
    assert any(p.along != 0 for p in drawn(40, beside=True))
