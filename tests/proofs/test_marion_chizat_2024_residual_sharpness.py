"""The sharpness of theorem 3: the catalogue's number without κ', and its least value with the output frozen."""

import sys

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.flat_minima import flat_bound, least_sharpness_of_each
from theorycheck.instances.residual_networks import Residual
from theorycheck.library import load, shelf

PAPER = load(shelf() / "marion_chizat_2024_residual_sharpness.py")
MODULE = sys.modules[PAPER.theorems[0].claim.__module__]


def test_sharpness_without_kappa():
    r = Residual(6, (1,), np.eye(1), np.array([0.12]), 1 / 3, np.zeros(6))
    sharpness = float(tc.sharpness(r.objective, np.full(6, 1.12 ** (1 / 6) - 1)).value)
    assert sharpness / 12 == pytest.approx(1.208, abs=1e-3)


def test_least_sharpness_with_the_output_frozen():
    rng = np.random.default_rng(6)
    for _ in range(20):
        V = rng.normal(size=12) / 4
        X = rng.normal(size=(2, 2))
        r = MODULE.solved(Residual(3, (2, 0), X, np.zeros(2), 0.5, V))
        least = least_sharpness_of_each(MODULE.solved(Residual(3, (2, 0), X[None], np.zeros((1, 2)), 0.5, V[None])), 4.0)
        assert float(tc.sharpness(r.objective, V)) >= float(least.value[0])
        assert float(least.value[0]) >= float(flat_bound(r)) * 4 ** (1 / 3) * (1 - 1e-12)
