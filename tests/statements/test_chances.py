"""Probabilities and expectations: the four standings, the stated error, fresh noise on confirmation."""

from dataclasses import dataclass

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.instances.recipes import Noise
from theorycheck.measured import Precision
from theorycheck.statements.chances import expectation, happens


def coin(seed, p):
    """A biased coin: run k is the k-th word of a stream."""
    words = np.random.Generator(np.random.Philox(seed)).random(1 << 14)
    return lambda runs: words[runs] < p


@pytest.mark.parametrize(
    ("p", "claimed", "standing"),
    [
        (0.8, 0.5, tc.Standing.HOLDS),
        (0.2, 0.5, tc.Standing.VIOLATED),
        (0.5, 0.5, tc.Standing.TOO_CLOSE),
        (1.0, 0.99, tc.Standing.HOLDS),
        (1.0, 1.0, tc.Standing.TOO_CLOSE),
        (0.0, 0.01, tc.Standing.VIOLATED),
        (0.3, 0.0, tc.Standing.HOLDS),
    ],
)
def test_standings(p, claimed, standing):
    assert happens("event", coin(1, p), claimed).standing is standing


def test_a_true_claim_at_the_edge_is_accused_as_seldom_as_stated():
    # 2,000 sequential tests of p ≥ p at level 0.05: each is decided wrongly with probability below 0.05, in practice far less
    violated = sum(happens("event", coin(seed, 0.3), 0.3, level=0.05, most=512).standing is tc.Standing.VIOLATED for seed in range(2000))
    assert violated <= 100
    assert violated > 0  # the test is not so wide that it never errs


def test_accusations_need_a_smaller_error():
    flips = coin(7, 0.40)
    screened = happens("event", flips, 0.5, level=0.1, most=512)
    with Precision(1).scope():
        confirmed = happens("event", flips, 0.5, level=0.1, most=512)
    assert screened.left.error < confirmed.left.error


@dataclass(frozen=True)
class Game:
    noise: Noise
    bias: float


@tc.recipe
def games(draw):
    return Game(draw(tc.noise()), draw(tc.reals(0.25, 0.75)))


def wins(game, precision, p):
    return happens("P(win) ≥ p", lambda runs: np.array([game.noise.generator(int(k)).random() < game.bias for k in runs]), p, most=256)


EDGE = tc.Theorem("edge", tc.CONJECTURE, games, (), lambda g, precision: wins(g, precision, g.bias), tight=True)


def test_a_theorem_true_with_equality_is_not_refuted_by_chance():
    # 300 sequential tests at level 1e-3 are wrong now and then; on fresh noise at a millionth of it none stands
    verdict = tc.check(EDGE, instances=200, pursue=200)
    assert verdict.outcome is not tc.Outcome.REFUTED, str(verdict)


def test_a_false_probability_is_refuted():
    verdict = tc.check(EDGE.claiming("a_tenth_more", lambda g, precision: wins(g, precision, min(1.0, g.bias + 0.25))), instances=100)
    assert verdict.outcome is tc.Outcome.REFUTED, str(verdict)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-np.inf, np.inf)])
def test_bars_of_expectations_cover(low, high):
    missed = 0
    for seed in range(400):
        words = np.random.Generator(np.random.Philox(seed)).random((1 << 12, 2)) ** 3
        mean = expectation(lambda runs: words[runs], 0.05, low=low, high=high, most=1 << 11)  # noqa: B023 - used at once
        missed += int(np.any(np.abs(mean.value - 0.25) > mean.error))
        assert np.all(np.isfinite(mean.error))
        assert np.all(mean.error < 0.2)
    assert missed <= 2 * 0.05 * 400


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: happens("x", coin(0, 0.5), 1.5), "`at_least=1.5` must lie in"),
        (lambda: happens("x", coin(0, 0.5), 0.5, level=0.7), "`level=0.7` must lie in"),
        (lambda: happens("x", lambda runs: np.ones(3), 0.5), "say of each run whether it happened"),
        (lambda: expectation(lambda runs: runs * np.nan), "count runs that diverge"),
        (lambda: expectation(lambda runs: runs * 1.0, low=0.0, high=1.0), "pass bounds that every sample respects"),
        (lambda: expectation(lambda runs: np.ones(3)), "return one entry a run"),
        (lambda: happens("x", coin(0, 0.5), 0.5, most=3), "`most=3` must be at least 64"),
    ],
)
def test_wrong_arguments_get_one_sentence(call, sentence):
    with pytest.raises(tc.TheorycheckError, match=sentence.replace("(", r"\(")):
        call()
