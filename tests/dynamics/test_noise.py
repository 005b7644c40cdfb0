"""Noise: the words are NumPy's, whatever is drawn from them has its law, and what is addressed differently is independent."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from theorycheck.dynamics import noise
from theorycheck.dynamics.data import Classification, MatrixSensing, Regression
from theorycheck.dynamics.methods import GaussianNoise, GradientDescent, LabelNoise, Minibatch, SharpnessAware
from theorycheck.dynamics.methods.gradients import with_data
from theorycheck.dynamics.noise import Stream
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import Stop, follow
from theorycheck.errors import InvalidArgument
from theorycheck.instances import recipes
from theorycheck.search.rounding import Rounding, rounded
from theorycheck.symbolic.kernels.runs.diagonal import BATCH_STREAM, EPOCH_STREAM, LABEL_STREAM
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Hadamard
from theorycheck.symbolic.predictors import TwoLayerReLU

RNG = np.random.default_rng(0)
UNLIKELY = 1e-6  # of a sound generator: seeds are fixed, so this decides once and for all


def as_unit(words: np.ndarray) -> np.ndarray:
    return (words >> np.uint64(11)).astype(float) * 2.0**-53


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63 - 1, 2**64 - 1])
def test_words_are_those_of_numpy(seed, stream):
    raw = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64)).random_raw(200)
    seeds = noise.checked_seed(np.array(seed, dtype=np.uint64))
    for count in (1, 3, 4, 13):
        for k in range(0, 200 // count, 5):
            np.testing.assert_array_equal(noise.words(seeds, stream, k, count), raw[k * count : (k + 1) * count])


def test_words_far_out_are_those_of_numpy():
    k = 3 * 2**40 + 1
    bits = np.random.Philox(key=np.array([5, 2], dtype=np.uint64), counter=np.array([k, 0, 0, 0], dtype=np.uint64))
    np.testing.assert_array_equal(noise.words(noise.checked_seed(5), Stream.LABEL, k, 4), bits.random_raw(4))


def test_words_of_lanes_broadcast():
    seeds, k = noise.checked_seed(np.array([[3], [4]])), np.array([0, 5, 9])
    together = noise.words(seeds, Stream.NORMAL, k, 6)
    assert together.shape == (2, 3, 6)
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(together[i, j], noise.words(seeds[i, 0], Stream.NORMAL, k[j], 6))


def test_compiled_code_and_general_code_share_their_streams():
    assert (BATCH_STREAM, EPOCH_STREAM, LABEL_STREAM) == (Stream.BATCH, Stream.EPOCH, Stream.LABEL)


SEEDS, STEPS = noise.checked_seed(np.arange(200)), np.arange(500)
U = as_unit(noise.words(SEEDS[:, None], Stream.BATCH, STEPS, 3))  # (seed, step, word)
PAIRS = {
    "words": (U[..., 0], U[..., 1]),
    "steps": (U[:, :-1], U[:, 1:]),
    "every fourth step": (U[:, :-4], U[:, 4:]),
    "seeds": (U[:-1], U[1:]),
    "streams": (U, as_unit(noise.words(SEEDS[:, None], Stream.LABEL, STEPS, 3))),
    "seed and step exchanged": (U[:100, :100], np.swapaxes(U[:100, :100], 0, 1) + 0 * U[:100, :100]),
}


def test_words_are_uniform():
    assert stats.kstest(U.ravel(), "uniform").pvalue > UNLIKELY
    bits = np.unpackbits(noise.words(SEEDS[:, None], Stream.LABEL, STEPS, 1).view(np.uint8)).reshape(-1, 64)
    assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 6 * 0.5 / np.sqrt(len(bits)))


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_what_is_addressed_differently_is_not_correlated(name):
    a, b = PAIRS[name]
    if name == "seed and step exchanged":
        off = ~np.eye(100, dtype=bool)
        a, b = a[off], b[off]
    for f in (lambda x: x - 0.5, lambda x: np.abs(x - 0.5) - 0.25, lambda x: np.sin(2 * np.pi * x)):
        p, q = f(a).ravel(), f(b).ravel()
        correlation = np.mean(p * q) / np.sqrt(np.mean(p**2) * np.mean(q**2))
        assert abs(correlation) < 6 / np.sqrt(p.size / (2 if name == "seed and step exchanged" else 1))


@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_indices_are_uniform(n):
    drawn = noise.indices(SEEDS[:, None], STEPS, 2, n)
    assert drawn.min() == 0
    assert drawn.max() == n - 1
    counts = np.bincount(drawn.ravel(), minlength=n)
    assert n == 1 or stats.chisquare(counts).pvalue > UNLIKELY
    pairs = np.bincount((drawn[..., 0] * n + drawn[..., 1]).ravel(), minlength=n * n)
    assert n == 1 or stats.chisquare(pairs).pvalue > UNLIKELY


@pytest.mark.parametrize(("size", "n"), [(1, 5), (2, 5), (5, 5), (3, 7)])
def test_epochs_are_permutations(size, n):
    batches = n // size
    drawn = noise.permuted_indices(SEEDS[:20, None], np.arange(6 * batches), size, n)
    epochs = drawn.reshape(20, 6, batches * size)
    assert np.all(np.diff(np.sort(epochs, axis=-1), axis=-1) > 0)
    assert np.any(epochs[:, 0] != epochs[:, 1])


def test_permutations_are_uniform():
    drawn = noise.permuted_indices(SEEDS[:, None], np.arange(60), 3, 3)
    orders = [np.sum(np.all(drawn == order, axis=-1)) for order in permutations(range(3))]
    assert stats.chisquare(orders).pvalue > UNLIKELY


def test_signs_are_fair_and_independent():
    signs = noise.signs(SEEDS[:, None], STEPS, 2)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 6 / np.sqrt(signs.size)
    assert abs(np.mean(signs[..., 0] * signs[..., 1])) < 6 / np.sqrt(signs.size / 2)
    rows = noise.indices(SEEDS[:, None], STEPS, 2, 2)
    assert abs(np.mean(signs * (2 * rows - 1))) < 6 / np.sqrt(signs.size)


def test_normals_have_their_law():
    z = noise.normals(SEEDS[:, None], STEPS, 3)
    assert stats.kstest(z.ravel(), "norm").pvalue > UNLIKELY
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - moment) < 6 * np.sqrt(variance / z.size)
    flat = z.reshape(-1, 3)
    assert np.all(np.abs(flat.T @ flat / len(flat) - np.eye(3)) < 6 * np.sqrt(2 / len(flat)))
    squares = flat**2 - 1
    assert np.all(np.abs(squares.T @ squares / len(flat) - 2 * np.eye(3)) < 6 * np.sqrt(56 / len(flat)))


@pytest.mark.parametrize("mode", Rounding)
def test_what_is_drawn_does_not_depend_on_the_rounding_mode(mode):
    seeds, plain = SEEDS[:5], noise.normals(SEEDS[:5], 3, 8)
    rows, signs, order = noise.indices(seeds, 3, 8, 50), noise.signs(seeds, 3, 8), noise.permuted_indices(seeds, 3, 2, 9)
    with rounded(mode):
        np.testing.assert_array_equal(noise.indices(seeds, 3, 8, 50), rows)
        np.testing.assert_array_equal(noise.signs(seeds, 3, 8), signs)
        np.testing.assert_array_equal(noise.permuted_indices(seeds, 3, 2, 9), order)
        np.testing.assert_allclose(noise.normals(seeds, 3, 8), plain, rtol=1e-13)


def test_batches_are_unbiased():
    """The mean gradient of all single samples is that of the risk; of many batches, up to sampling; label noise adds nothing to the mean."""
    rng = np.random.default_rng(0)
    objective = Objective(Diagonal(2, 2), SquaredLoss(), Regression(rng.standard_normal((5, 2)), rng.standard_normal(5)))
    theta, seeds = rng.standard_normal(4), np.arange(20_000)
    points, k, truth = np.broadcast_to(theta, (20_000, 4)), np.zeros(20_000, dtype=np.int64), objective.gradient(theta)
    for gradient in (Minibatch(2, seeds), Minibatch(2, seeds, replacement=False), LabelNoise(0.5, seeds), GaussianNoise(0.5, seeds)):
        found = gradient.of(objective, points, k)
        assert np.all(np.abs(found.mean(axis=0) - truth) < 5 * found.std(axis=0) / np.sqrt(20_000))
    covariance = np.cov((LabelNoise(0.5, seeds, size=None).of(objective, points, k) - truth).T)
    exact = 0.5**2 * 2 * objective.loss.c / 5 * (_gauss_newton(objective, theta))  # noise 2cδε_i/n on every label
    np.testing.assert_allclose(covariance, exact, atol=0.05 * np.abs(exact).max())


def _gauss_newton(objective: Objective, theta: np.ndarray) -> np.ndarray:
    """2c JᵀΣJ, so that the covariance of full-batch label noise of size δ is (2c δ²/n) times it."""
    J = objective.model.kernels.jacobian(theta)
    return J.T @ (2 * objective.loss.c * objective.data.covariance) @ J


@pytest.mark.parametrize("seed", [None, -1, 0.5, "a", [1, -2]])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(InvalidArgument, match="`seed="):
        noise.checked_seed(seed)


@dataclass(frozen=True)
class Run:
    noise: recipes.Noise


@recipes.recipe
def runs(draw):
    return Run(draw(recipes.noise()))


def test_seeds_of_claims_are_fresh_on_confirmation():
    """Seeds come from the noise of the instance: replayed with its choices, renewed with `fresh`, and nothing else changes."""
    draw = runs.sample(0, 3)
    rng = np.random.default_rng(1)
    objective = Objective(Diagonal(2, 2), SquaredLoss(), Regression(rng.standard_normal((5, 2)), rng.standard_normal(5)))

    def final(fresh: int) -> np.ndarray:
        seeds = runs.replay(draw.choices, fresh).value.noise.generator().integers(2**63, size=4)
        return follow(objective, GradientDescent(0.02, Minibatch(1, seeds)), np.full(4, 0.5), Stop(steps=30)).final

    np.testing.assert_array_equal(final(0), final(0))
    assert np.all(np.abs(final(0) - final(1)).max(axis=-1) > 1e-6)
    assert len(np.unique(final(0)[:, 0])) == 4


KINDS = {
    "several outputs": Objective(DeepLinear((2, 2, 3)), SquaredLoss(), Regression(RNG.standard_normal((4, 2)), RNG.standard_normal((4, 3)))),
    "lanes": Objective(Hadamard(2), SquaredLoss(), Regression(RNG.standard_normal((3, 4, 2)), RNG.standard_normal((3, 4)))),
    "lanes of targets": Objective(Hadamard(2), SquaredLoss(), Regression(RNG.standard_normal((4, 2)), RNG.standard_normal((3, 4)))),
    "labels": Objective(DeepLinear((2, 1)), LogisticLoss(), Classification(RNG.standard_normal((4, 2)), [1.0, -1.0, 1.0, 1.0])),
    "sensing": Objective(DeepLinear((2, 2, 2)), SquaredLoss(), MatrixSensing(RNG.standard_normal((4, 2, 2)), RNG.standard_normal(4))),
    "predictions": Objective(TwoLayerReLU(inputs=2, hidden=3), SquaredLoss(), Regression(RNG.standard_normal((4, 2)), RNG.standard_normal(4))),
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_of_data_has_batches(name):
    """A batch of all samples is the whole, in another order; single samples have the whole for their mean; noise moves the labels."""
    objective = KINDS[name]
    lanes = (3,) if "lanes" in name else ()
    theta, k = np.random.default_rng(1).standard_normal((*lanes, objective.parameters)), np.zeros(lanes, dtype=np.int64)
    np.testing.assert_allclose(Minibatch(4, 1, replacement=False).of(objective, theta, k), objective.gradient(theta), rtol=1e-11, atol=1e-13)
    singles = [Minibatch(1, 1, replacement=False).of(objective, theta, k + step) for step in range(4)]
    np.testing.assert_allclose(np.mean(singles, axis=0), objective.gradient(theta), rtol=1e-11, atol=1e-13)
    per_example = SharpnessAware(1e-9, base=Minibatch(4, 1, replacement=False), per_example=True).of(objective, theta, k)
    np.testing.assert_allclose(per_example, objective.gradient(theta), rtol=1e-6, atol=1e-7)
    if name == "labels":
        return
    noisy = LabelNoise(0.5, 1, size=None).of(objective, theta, k)
    behind = (4, 3) if name == "several outputs" else (4,)
    shift = 0.5 * noise.signs(noise.checked_seed(1), k, int(np.prod(behind))).reshape(*lanes, *behind)
    moved = with_data(objective, objective.data.X, objective.data.y + shift)
    np.testing.assert_allclose(noisy, moved.gradient(theta), rtol=1e-12)
