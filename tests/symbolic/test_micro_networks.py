"""Sweeps through whole networks, and the account of a step of a flow, in vector registers against plain loops."""

import numpy as np
import pytest

from theorycheck.symbolic.kernels.compiled import compiled
from theorycheck.symbolic.kernels.flows import steps as flow_steps
from theorycheck.symbolic.kernels.flows.steps import Block, Network, block_arrays
from theorycheck.symbolic.kernels.flows.tableau import DORMAND_PRINCE, FIFTH, STAGES, THIRD
from theorycheck.symbolic.kernels.micro.flow import taken
from theorycheck.symbolic.kernels.micro.networks import network_descent, network_field
from theorycheck.symbolic.kernels.micro.stages import WIDTH
from theorycheck.symbolic.kernels.networks import lanes
from theorycheck.symbolic.kernels.networks.steps import slopes, up_and_update

WIDTHS = [(1, 1), (6, 1), (4, 4, 4, 1), (7, 3, 9, 1), (8, 16, 1), (5,) * 6 + (1,), (3, 11, 2, 1)]
LANES = [1, 2, 3, 7, 8, 13, 16, 19]


def made(widths: tuple[int, ...], n: int, seed: int) -> tuple[Network, Block]:
    rng = np.random.default_rng(seed)
    at, to = lanes.offsets(np.array(widths))
    net = Network(np.array(widths), at, to)
    block = block_arrays(int(to[-1]), widths[0] ** 2, widths[0], int(at[-1]), n)
    for array in block:
        array[...] = rng.normal(size=array.shape) / 2
    return net, block


@compiled
def field(net: Network, block: Block, out: np.ndarray) -> None:
    network_field(1, net.widths, net.at, net.to, block.T, block.S, block.C, block.Q, block.H, out)


@compiled
def take(block: Block, error: np.ndarray) -> None:
    taken(block, error)


@compiled
def descent(net: Network, block: Block, steps: int) -> None:
    network_descent(steps, net.widths, net.at, net.to, block.T, block.S, block.C, block.Q, block.H)


@pytest.mark.parametrize("n", LANES)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_the_field_is_that_of_the_sweeps_to_the_last_bit(widths, n):
    net, block = made(widths, n, seed=n)
    expected, found = np.zeros_like(block.T), np.full_like(block.T, np.nan)
    slopes(*net, block.T, block.S, block.C, block.Q, block.H)
    lanes.up(*net, block.T, block.H)
    lanes.add_products(*net, block.Q, block.H, expected)
    block.Q[...], block.H[...] = np.nan, np.nan
    field(net, block, found)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("n", LANES)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_steps_are_those_of_the_sweeps_to_the_last_bit(widths, n):
    net, block = made(widths, n, seed=n)
    block.S[...] *= 0.01
    block.C[...] *= 0.01
    start = block.T.copy()
    for _ in range(5):
        slopes(*net, block.T, block.S, block.C, block.Q, block.H)
        up_and_update(*net, block.T, block.Q, block.H)
    rows = net.at[-2]  # of the q and h that the sizes of steps are taken from
    expected, block.T[...] = (block.T.copy(), block.Q[:rows].copy(), block.H[:rows].copy()), start
    block.Q[...], block.H[...] = np.nan, np.nan
    descent(net, block, 5)
    for found, wanted in zip((block.T, block.Q[:rows], block.H[:rows]), expected, strict=True):
        assert np.array_equal(found, wanted)
    assert not np.array_equal(block.T, start)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_stages_in_one_call_are_those_one_after_another_to_the_last_bit(widths):
    net, block = made(widths, WIDTH, seed=3)
    h = np.linspace(0.0, 0.003, WIDTH)
    start = [array.copy() for array in block]
    flow_steps.stages_one_by_one(net, DORMAND_PRINCE, block, h)
    expected = [block.Y.copy(), block.X.copy(), block.K[: STAGES + 1].copy()]
    for array, before in zip(block, start, strict=True):
        array[...] = before
    flow_steps.stages(net, DORMAND_PRINCE, block, h)
    for found, wanted in zip((block.Y, block.X, block.K[: STAGES + 1]), expected, strict=True):
        assert np.all(np.isfinite(found))
        assert np.array_equal(found, wanted)
    assert not np.array_equal(block.Y, start[1])


@pytest.mark.parametrize("n", LANES)
def test_steps_are_taken_where_the_error_is_below_one(n):
    _, block = made((4, 3, 1), n, seed=n)
    error = np.where(np.arange(n) % 3 == 0, np.nan, np.where(np.arange(n) % 3 == 1, 0.5, 1.0))
    expected = np.where(error < 1, block.Y, block.T), np.where(error < 1, block.K[STAGES], block.K[0])
    take(block, error)
    assert np.array_equal(block.T, expected[0])
    assert np.array_equal(block.K[0], expected[1])


@pytest.mark.parametrize("n", LANES)
def test_the_account_of_a_step(n):
    """Against NumPy; a wrong row of the tableau, a wrong scale or a wrong norm would show."""
    _, block = made((4, 3, 1), n, seed=n)
    room, h = np.zeros((flow_steps.ROOM_ROWS, n)), np.linspace(0.1, 0.4, n)
    room[flow_steps.TOLERANCE], room[flow_steps.OFFSET] = np.linspace(1e-3, 1e-2, n), np.linspace(0.2, 0.3, n)
    flow_steps.norms(block, room)
    flow_steps.errors(block, h, room)
    T, Y, X, K = block.T, block.Y, block.X, block.K
    moves = (T, Y, K[0], K[12], K[12] - K[11], Y - X)
    np.testing.assert_allclose(room[flow_steps.SIZE : flow_steps.MOVE + 1], [np.linalg.norm(move, axis=0) for move in moves], rtol=1e-14)
    scale = room[flow_steps.TOLERANCE] * (np.maximum(abs(T), abs(Y)) + room[flow_steps.OFFSET])
    fifth, third = (np.sum((_weighted(row, K) / scale) ** 2, axis=0) for row in (FIFTH, THIRD))
    expected = h * fifth / np.sqrt((fifth + 0.01 * third) * len(T))
    np.testing.assert_allclose(room[flow_steps.ERROR], expected, rtol=1e-12)
    np.testing.assert_allclose(room[flow_steps.RATIO], h * np.linalg.norm(moves[4], axis=0) / np.linalg.norm(moves[5], axis=0), rtol=1e-13)


def _weighted(row: int, K: np.ndarray) -> np.ndarray:
    count = DORMAND_PRINCE.counts[row]
    return np.einsum("j,jpn->pn", DORMAND_PRINCE.values[row, :count], K[DORMAND_PRINCE.stages[row, :count]])
