"""The catalogue's numbers for where flows end, and the quadrature of the energy identity."""

import numpy as np
import pytest

import theorycheck as tc
from tests.proofs.descents import module
from theorycheck.instances.commuting import COMMUTING, PRODUCT, ParametrizedFit

LIMITS = module("li_wang_lee_arora_2022_limits")


def fit(model, start, X=(0.5, 1.0), y=0.25, push=(0.5, -0.25)):
    """One fit, stacked."""
    return ParametrizedFit(model, *(np.array([value], dtype=float) for value in (start, [X], [y], push)))


@pytest.mark.parametrize("count", [8, 16])
def test_nested_rules_are_exact_for_polynomials(count):
    times, fine, coarse = LIMITS.nested_rules(0.5, count)
    assert np.all(coarse[1::2] == 0)
    for degree in range(count + 1):
        exact = 0.5 ** (degree + 1) / (degree + 1)
        assert abs(fine @ times**degree - exact) < 1e-15
        if degree <= count // 2:
            assert abs(coarse @ times**degree - exact) < 1e-15
    assert abs(fine @ np.exp(-4 * times) - (1 - np.exp(-2)) / 4) < (1e-9 if count == 8 else 1e-15)


def test_uv_that_starts_balanced_cannot_reach_a_negative_weight():
    """Catalogue: one constraint w_1 + 2 w_2 = -1; from u = v the flow fits nothing, from (0.5, 0.3) it ends at (-0.0462, -0.4769)."""
    uneven = fit(PRODUCT, [0.5, 0.5, 0.3, 0.3], X=(1.0, 2.0), y=-1.0)
    np.testing.assert_allclose(LIMITS.end(uneven).value, [[-0.0462, -0.4769]], atol=5e-5)
    balanced = fit(PRODUCT, [0.5, 0.5, 0.5, 0.5], X=(1.0, 2.0), y=-1.0)
    assert np.all(np.isinf(LIMITS.end(balanced).error))  # a saddle: it is not settled that the flow stays there
    assert not tc.bregman_projection(balanced.potential, balanced.X, balanced.y).converged


@pytest.mark.parametrize("model", [m for m in COMMUTING if m.parameters == 4])
def test_both_sides_of_the_energy_identity_are_well_known(model):
    """Bars far below the share that the planted falsehoods change."""
    start, x = np.array([1.0, 0.5, 0.75, 1.25]), np.array([0.5, 1.0])
    paced = x * np.sqrt(2) / np.linalg.norm(x @ model.kernels.jacobian(start))
    found = LIMITS.energy(fit(model, start, paced), tc.Precision(0))
    assert found.standing is tc.Standing.HOLDS
    assert found.left.value > 1e-3
    assert np.all(found.left.error + found.right.error < 1e-6 * found.left.value)
