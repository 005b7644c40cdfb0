"""Points of valleys in quadratic residuals: differences of the limit map against a closed form, the promised ranges and scales, stacks."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.limit_maps import REACHES, ResidualPoint, applied, residual_points, symmetric_outer, times
from theorycheck.instances.stacking import stacked

A, B = 2.0, 1.5
FORMS = np.zeros((1, 3, 3))
FORMS[0, 0, 1] = FORMS[0, 1, 0] = B


def point(offset, push=(1.0, 0.0, 0.0)):
    """F = y(A + Bx) in three parameters, the third of which is idle."""
    return ResidualPoint(np.array([[0.0, A, 0.0]]), FORMS, np.array(offset), np.array(push))


def limit(x):
    """Where the flow of y²(A + Bx)²/2 ends: it keeps (A + Bx)² - B²y², and the idle parameter."""
    ended = (np.sqrt((A + B * x[..., 0]) ** 2 - (B * x[..., 1]) ** 2) - A) / B
    return np.stack([ended, np.zeros_like(ended), x[..., 2]], axis=-1)


POINTS = [point(offset, push) for offset in ((0.0, 0.0, 0.0), (0.05, 0.08, -0.1)) for push in ((0.0, 1.0, 0.0), (1.0, 2.0, -1.0))]


@pytest.mark.parametrize("p", POINTS)
def test_differences_of_a_limit_map_in_closed_form(p):
    moves = REACHES[:, None] * p.direction
    forward, backward = limit(p.offset + moves), limit(p.offset - moves)
    for seen, expected in (
        (p.slope(p.direction), (forward - backward) / (2 * REACHES[:, None])),
        (p.bend(p.direction), (forward + backward - 2 * p.offset) / REACHES[:, None] ** 2),
    ):
        np.testing.assert_array_less(np.abs(seen.value - expected), seen.error + 1e-9)
        assert np.all(seen.error < 1e-3 * max(1.0, np.abs(expected).max()))


def test_a_stack_is_its_members():
    together = stacked(POINTS)
    for name in ("jacobian", "tangent", "direction", "bend_scale"):
        np.testing.assert_allclose(getattr(together, name), [getattr(p, name) for p in POINTS], atol=1e-14)
    axes = np.broadcast_to(np.eye(3), (4, 3, 3))
    seen = together.bends(axes)
    assert seen.shape == (3, 4, 3, 3)
    for k, p in enumerate(POINTS):
        np.testing.assert_allclose(seen.value[:, k], p.bends(np.eye(3)).value, atol=1e-8)
        np.testing.assert_allclose(seen.value[:, k, 1], p.bend(np.eye(3)[1]).value, atol=1e-8)


def test_recipe_keeps_its_ranges():
    shapes, ranked = set(), 0
    for index in range(60):
        p = residual_points.sample(4, index).value
        shapes.add(p.B.shape)
        ranked += p.well_ranked
        sizes = np.linalg.svd(p.B + (p.C + np.swapaxes(p.C, -1, -2)) @ p.offset / 2, compute_uv=False)
        assert p.well_ranked == (sizes.min() >= 0.25 and sizes.max() <= 4)
        assert np.abs(p.offset).max() <= 0.125
        assert not np.any(p.base)
        tangent, normal = p.ways
        np.testing.assert_allclose([np.linalg.norm(p.direction), np.linalg.norm(tangent)], 1.0, rtol=1e-12)
        np.testing.assert_allclose(p.jacobian @ tangent, 0.0, atol=1e-12)
        np.testing.assert_allclose(p.tangent @ normal, 0.0, atol=1e-8)
    assert shapes == {(1, 3), (2, 3), (2, 4)}
    assert 20 < ranked < 60


def test_scale_of_second_derivatives():
    """No entry of ∂²Φ[vvᵀ] by the formula exceeds three times it."""
    directions = np.random.default_rng(1).standard_normal((40, 4))
    for index in range(40):
        p = residual_points.sample(8, index).value
        if p.well_ranked:
            v = directions[index, : len(p.offset)] / np.linalg.norm(directions[index, : len(p.offset)])
            assert np.max(np.abs(p.minimiser.second(symmetric_outer(v, v)).value)) <= 3 * p.bend_scale


def test_products_against_loops():
    generator = np.random.default_rng(0)
    M, a, b = generator.standard_normal((5, 3, 3)), generator.standard_normal((5, 3)), generator.standard_normal((5, 3))
    error = np.abs(generator.standard_normal((5, 3)))
    seen, turned, outer = applied(M, tc.Measured(a, error)), times(M, a), symmetric_outer(a, b)
    for k in range(5):
        np.testing.assert_allclose(seen.value[k], M[k] @ a[k], rtol=1e-13)
        np.testing.assert_allclose(seen.error[k], np.abs(M[k]) @ error[k], rtol=1e-13)
        np.testing.assert_allclose(turned[k], M[k] @ a[k], rtol=1e-13)
        np.testing.assert_allclose(outer[k], (np.outer(a[k], b[k]) + np.outer(b[k], a[k])) / 2, rtol=1e-13)
