"""Descent on tapes: steps in place are the loop of gradients, and runs the hand-written ones, lane by lane."""

import numpy as np
import pytest

from tests.symbolic.tape_sources import SOURCES, given_for, kernels_of
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words, factorization_words, residual_words, symmetric_words
from theorycheck.symbolic.kernels.networks.descent import DIVERGED, RAN, SMALL, FoldedData
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.kernels.tapes.lowering import WordMap


@pytest.mark.parametrize("flattened", [False, True])
@pytest.mark.parametrize(("name", "source"), SOURCES, ids=[name for name, _ in SOURCES])
def test_steps_in_place_are_the_loop_of_gradients(name: str, source: WordMap, flattened: bool) -> None:
    """In dyadic numbers that stay exact for two steps, so an update that reads what another has moved is seen."""
    kernels = kernels_of(source)
    kernels = kernels.flat if flattened else kernels
    given = given_for(source, (3,), seed=len(name), side=kernels.shape[-1])
    C, S, theta = given["G"].reshape(3, *kernels.shape) / 8, given["K"] / 8, given["theta"].astype(float)
    slow = theta
    for _ in range(2):
        w = kernels.w(slow)
        slow = slow - kernels.gradient(slow, (w @ S if w.ndim == 3 else (w[:, None] @ S)[:, 0]) - C)
    np.testing.assert_allclose(kernels.steps(theta, C, S, 2), slow, rtol=1e-9, atol=1e-9 * (1 + np.abs(slow).max()))
    assert np.array_equal(kernels.steps(theta, C, S, 0), theta)


def folded(kernels: TapeKernels, B: int, largest: float) -> tuple[np.ndarray, FoldedData]:
    """Starts and data of lanes with step sizes from far too small to far too large."""
    rng, side = np.random.default_rng(1), kernels.shape[-1]
    root, step = rng.normal(size=(B, side, side)), np.geomspace(1e-3, largest, B)[:, None]
    covariance = root @ np.swapaxes(root, 1, 2) / side
    data = FoldedData(2 * step * covariance.reshape(B, -1), 2 * step * rng.normal(size=(B, kernels.entries)))
    return rng.normal(size=(B, kernels.parameters)), data


@pytest.mark.parametrize("small", [-1.0, 1e-9])
@pytest.mark.parametrize("kicked", [False, True])
@pytest.mark.parametrize("widths", [(3, 2, 1), (4, 4, 4, 4, 1), (2, 3, 3), (1, 1, 1), (2, 1)], ids=str)
def test_runs_are_those_of_the_hand_written_descent_to_the_last_bit(widths: tuple[int, ...], kicked: bool, small: float) -> None:
    hand, B = DeepLinearKernels(widths), 90
    tape = TapeKernels(deep_linear_words(widths), hand.shape)
    theta, data = folded(tape, B, 3.0)
    kick = 1e-10 * np.random.default_rng(2).normal(size=hand.parameters) if kicked else np.zeros(0)
    asked = (theta, data, (np.arange(B) * 7) % 500, np.full(B, small), kick)
    for ours, expected in zip(tape.descend(*asked), hand.descend(*asked), strict=True):
        assert np.array_equal(ours, expected)


@pytest.mark.parametrize("source", [symmetric_words(3, 2), factorization_words(2, 3, 2), residual_words(2, 3)], ids=["U Uᵀ", "U Vᵀ", "residual"])
def test_a_run_is_the_loop_of_steps_and_does_not_depend_on_other_lanes(source: WordMap) -> None:
    kernels, B = kernels_of(source), 70
    kernels = kernels.flat if len(kernels.shape) == 2 else kernels
    theta, data = folded(kernels, B, 1.0)
    counts, never, none = (np.arange(B) * 13) % 1000, np.full(B, -1.0), np.zeros(0)
    final, taken, ending = kernels.descend(theta, data, counts, np.full(B, 1e-6), none)
    assert set(ending) >= {RAN, SMALL}
    assert DIVERGED in ending or source.definitions
    assert np.all(np.isfinite(final))
    for lane in range(0, B, 3):
        row = slice(lane, lane + 1)
        one = FoldedData(*(part[row] for part in data))
        alone = kernels.descend(theta[row], one, counts[row], np.full(1, 1e-6), none)
        assert (alone[1][0], alone[2][0]) == (taken[lane], ending[lane])
        assert np.array_equal(alone[0][0], final[lane])
        assert np.array_equal(kernels.descend(theta[row], one, taken[row], never[row], none)[0][0], final[lane])
        shapes = ((kernels.shape[-1],) * 2, kernels.shape)
        S, C = (part.reshape(shape) for part, shape in zip(one, shapes, strict=True))
        assert np.array_equal(kernels.steps(theta[lane], C, S, taken[lane]), final[lane])
        if ending[lane] == SMALL:
            assert np.linalg.norm(kernels.steps(final[lane], C, S, 1) - final[lane]) <= 1.01e-6
        if ending[lane] == DIVERGED:
            assert not np.all(np.isfinite(kernels.steps(final[lane], C, S, 1)))
