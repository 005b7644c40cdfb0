"""Recipes and choices: addressed sampling, tolerant replay, simplicity, exact laws."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from scipy import stats

import theorycheck as tc
from theorycheck.instances.stacking import shape_of, stacked
from theorycheck.instances.tables import NormalTable, RealTable


@dataclass(frozen=True, eq=False)
class Thing:
    name: str
    depth: int
    X: np.ndarray
    Q: np.ndarray
    S: np.ndarray
    g: np.ndarray
    signs: np.ndarray


@tc.recipe
def things(draw):
    n, d = draw(tc.integers(1, 4)), draw(tc.integers(1, 3))
    return Thing(
        draw(tc.choice(("a", "b"))),
        n,
        draw(tc.array((n, d))),
        draw(tc.orthogonal(d)),
        draw(tc.with_spectrum(range(1, d + 1))),
        draw(tc.normals(2)),
        draw(tc.signs(3)),
    )


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def test_sampling_is_addressed():
    forwards = [things.sample(7, k) for k in range(40)]
    backwards = [things.sample(7, k) for k in reversed(range(40))][::-1]
    assert [d.choices for d in forwards] == [d.choices for d in backwards]
    assert len({d.choices for d in forwards}) == 40
    assert things.sample(8, 0).choices != forwards[0].choices


def test_an_instance_is_pinned_for_ever():
    @tc.recipe
    def numbers(draw):
        return draw(tc.array(4)), draw(tc.normals(2)), draw(tc.integers(1, 9))

    array, normal, integer = numbers.sample(0, 1).value
    assert array.tolist() == PINNED[0]
    assert normal.tolist() == PINNED[1]
    assert integer == PINNED[2]


PINNED: tuple[list[float], list[float], int] = (
    [1.2534170150756836, 1.005326271057129, -0.6865949630737305, -0.5],
    [0.5394019121304154, -0.603544897865504],
    8,
)


@given(st.lists(st.integers(-5, 2**60), max_size=60))
@settings(max_examples=60)
def test_replay_takes_any_sequence_and_is_idempotent(choices):
    draw = things.replay(choices)
    again = things.replay(draw.choices)
    assert again.choices == draw.choices
    assert same(again.value, draw.value)


def test_nothing_drawn_is_the_simplest_instance():
    value = things.replay(()).value
    assert (value.name, value.depth, value.X.tolist()) == ("a", 1, [[0.0]])
    assert np.array_equal(value.Q, np.eye(1))


def test_every_fourth_index_is_tiny():
    for k in range(200):
        value = things.sample(3, k).value
        if k % 4 == 3:
            assert value.depth <= 2
            assert set(value.X.ravel()) <= {0.0, 1.0, -1.0, 2.0, -2.0}
    assert any(things.sample(3, k).value.depth == 4 for k in range(20))


@pytest.mark.parametrize(("low", "high"), [(-4, 4), (0, 1), (1, 3), (-2, -1), (0.1, 0.3), (-1, 2.5), (1e-9, 3e-9), (-1000, 1e6)])
def test_real_tables_are_ordered_by_simplicity_and_invert(low, high):
    table = RealTable(low, high)
    n = len(table.simple)
    grid = np.concatenate([np.arange(n, n + 3000), np.random.default_rng(0).integers(n, table.size, 3000)])
    values = table.values(grid)
    assert values.min() >= low
    assert values.max() <= high
    assert len(np.unique(values[:3000])) == 3000
    assert np.array_equal(table.nearest(values), grid)
    bits = [len(f"{abs(float(v)).as_integer_ratio()[1]:b}") for v in values[:3000]]
    assert bits == sorted(bits)
    assert list(RealTable(-4, 4).values(np.arange(7))) == [0, 1, -1, 2, -2, 0.5, -0.5]


def test_normals_and_signs_have_their_law():
    @tc.recipe
    def sampled(draw):
        return draw(tc.normals(50)), draw(tc.signs(50))

    draws = [sampled.sample(1, k).value for k in range(400)]
    assert stats.kstest(np.concatenate([g for g, _ in draws]), "norm").pvalue > 1e-3
    total = np.concatenate([s for _, s in draws])
    assert abs(total.mean()) < 4 / np.sqrt(total.size)
    top = NormalTable().values(np.array([NormalTable().size - 1, len(RealTable(-4, 4).simple)]))
    assert np.all(np.isfinite(top))


def test_orthogonal_matrices_are_orthogonal_and_uniform():
    @tc.recipe
    def rotations(draw):
        return draw(tc.orthogonal(3))

    Q = np.array([rotations.sample(2, k).value for k in range(2000)])
    assert np.allclose(Q @ np.swapaxes(Q, 1, 2), np.eye(3), atol=1e-13)
    assert np.all(np.abs(Q.mean(axis=0)) < 4 / np.sqrt(3 * 2000))
    assert np.allclose((Q**2).mean(axis=0), 1 / 3, atol=0.04)


def test_spectrum_is_the_one_asked_for():
    @tc.recipe
    def symmetric(draw):
        return draw(tc.with_spectrum((-1.0, 0.0, 2.5)))

    for k in range(20):
        assert np.allclose(np.linalg.eigvalsh(symmetric.sample(0, k).value), [-1.0, 0.0, 2.5], atol=1e-13)


def test_hypothesis_shrinks_to_simple_values():
    found = find(things.strategy(), lambda t: t.X.sum() >= 1, settings=settings(database=None))
    assert found.X.tolist() == [[1.0]]
    assert not np.any(found.g)


def test_noise_is_addressable_and_fresh_on_demand():
    @tc.recipe
    def noisy(draw):
        return draw(tc.noise())

    draw = noisy.sample(0, 0)
    a, b = draw.value.generator(1, 2).normal(size=3), draw.value.generator(1, 2).normal(size=3)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, draw.value.generator(1, 3).normal(size=3))
    assert not np.array_equal(a, noisy.replay(draw.choices, fresh=1).value.generator(1, 2).normal(size=3))


def test_data_must_be_taken_by_the_recipe():
    with pytest.raises(tc.CannotBindData, match="`recipe=things` takes no data of your own"):
        things.on(np.eye(2), np.ones(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tc.reals(3, -3), "must be finite with low < high"),
        (lambda: tc.reals(0, float("nan")), "must be finite with low < high"),
        (lambda: tc.integers(4, 1), "must be whole numbers with low <= high"),
        (lambda: tc.integers(1.5, 3), "must be whole numbers with low <= high"),
        (lambda: tc.choice(()), "must not be empty"),
        (lambda: tc.array((2, -1)), "`shape=-1` must be a whole number from 0"),
        (lambda: tc.normals(1.5), "`shape=1.5` must be a whole number from 0"),
        (lambda: tc.orthogonal(0), "`n=0` must be a whole number from 1"),
        (lambda: tc.with_spectrum([]), "must be a list of eigenvalues"),
        (lambda: tc.with_spectrum([1.0, np.inf]), "has an entry that is not finite"),
        (lambda: things.sample(-1, 0), "`seed=-1` must be a whole number"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(tc.InvalidArgument, match=message):
        make()


def test_stacking():
    alike = [t for t in (things.sample(0, k).value for k in range(200)) if t.X.shape == (2, 2) and t.name == "a"]
    assert len({shape_of(t) for t in alike}) == 1
    together = stacked(alike)
    assert together.X.shape == (len(alike), 2, 2)
    assert np.array_equal(together.Q[3], alike[3].Q)
    assert (together.name, together.depth) == ("a", 2)
    assert stacked(alike[:1]).X.shape == (1, 2, 2)
    other = next(t for t in (things.sample(0, k).value for k in range(200)) if t.name == "b")
    assert shape_of(other) != shape_of(alike[0])
