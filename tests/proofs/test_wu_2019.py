"""The catalogue's numbers for weight normalisation: where the flow ends, and how far plain descent would."""

import numpy as np
import pytest

from theorycheck.instances.weight_normalized import WeightNormalizedFit


def start(g, s, k=0.8):
    """a = e_1, y = √s, a unit v with |P_N v|² = k."""
    v = np.array([[np.sqrt(1 - k), np.sqrt(k), 0.0]])
    return WeightNormalizedFit(np.array([[1.0, 0.0, 0.0]]), np.array([np.sqrt(s)]), np.array([g]), v, np.array([1.0]))


@pytest.mark.parametrize(
    ("g", "s", "error"), [(0.1, 9.0, 0.030), (1.0, 9.0, 0.049), (2.0, 9.0, 0.216), (0.1, 1.0, 0.536), (0.5, 1.0, 0.599), (5.0, 1.0, 4.880)]
)
def test_distances_to_the_least_norm(g, s, error):
    p = start(g, s)
    assert np.sqrt(p.gain**2 - s)[0] == pytest.approx(error, abs=6e-4)
    np.testing.assert_allclose(np.linalg.norm(p.limit(np.ones(1)) - p.least, axis=-1), np.sqrt(p.gain**2 - s), rtol=1e-9)
