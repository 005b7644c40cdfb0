"""Networks that are homogeneous of the order they say, and what moves them into the set where they separate."""

import numpy as np
import pytest

from theorycheck.instances.homogeneous import KINKED, SMOOTH, homogeneous_classifiers

CLASSIFIERS = [homogeneous_classifiers((kind,)).sample(3, index).value for kind in (*SMOOTH, *KINKED) for index in range(8)]


@pytest.mark.parametrize("p", CLASSIFIERS, ids=[f"{p.kind} {k % 8}" for k, p in enumerate(CLASSIFIERS)])
def test_orders(p):
    f, g = (p.model.predict(c * p.theta, p.X) for c in (1.0, 1.5))
    np.testing.assert_allclose(g, 1.5**p.order * f, rtol=1e-12, atol=1e-12)
    moved = p.separating()
    if moved is None:
        assert np.min(np.abs(f)) < 2.0**-10
        return
    assert np.exp(-moved.margins.value).sum() <= 0.5 * (1 + 1e-12)
    np.testing.assert_allclose(moved.theta / np.linalg.norm(moved.theta), p.theta / np.linalg.norm(p.theta), rtol=1e-12)
