"""Claims about probabilities and expectations, by sequential tests with a stated error.

Runs are made in batches that double. After each batch an interval is computed that misses the truth with a probability whose
sum over all batches is at most `level`, so that looking early is paid for. At the screen the level is the caller's; when a
violation is confirmed, on fresh noise, it is a millionth of that, so that a theorem tried on a hundred thousand instances is
not refuted by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import betaincinv, stdtrit

from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.measured import Measured, in_force
from theorycheck.statements.comparisons import Comparison, Relation

FIRST = 64
LOOKS = 8
CONFIRMED = 1e-6  # of the level, where an accusation is confirmed

Runs = Callable[[np.ndarray], Any]


def happens(label: str, trial: Runs, at_least: float, level: float = 1e-3, *, most: int = FIRST * 2 ** (LOOKS - 1)) -> Comparison:
    """The claim that an event has probability at least p, by an exact binomial test.

    Holds where p lies below the Clopper-Pearson interval, is violated where p lies above it, and is too close to call where the
    runs do not decide.

    Parameters
    ----------
    label : str
    trial : callable
        Takes the numbers of runs, whole numbers of shape ``(B,)``, and says of each whether the event happened: ``(B,)``. Each run
        takes its randomness from its number, ``noise.generator(k)``.
    at_least : float
        p, in [0, 1].
    level : float
        Probability of a wrong answer, in (0, 1/2).
    most : int
        Runs at most.

    """
    if not 0 <= at_least <= 1:
        raise InvalidArgument("at_least", at_least, "must lie in [0, 1]", "pass a probability")
    runs = hits = 0
    low, high = 0.0, 1.0
    for error, batch in _looks(level, most):
        runs, hits = runs + len(batch), hits + int(np.count_nonzero(_answers(trial, batch)))
        low, high = max(low, _clopper_pearson(hits, runs, error)[0]), min(high, _clopper_pearson(hits, runs, error)[1])
        if low > at_least or high < at_least:
            break
    middle = hits / runs
    return Comparison(label, Relation.AT_LEAST, Measured(middle, max(high - middle, middle - low, 0.0)), Measured(at_least))


def expectation(
    sample: Runs, level: float = 1e-3, *, low: float = -np.inf, high: float = np.inf, accuracy: float = 1e-2, most: int = FIRST * 2 ** (LOOKS - 1)
) -> Measured:
    """The expectation of a random number, or of an array of them, with a bar that is wrong with probability at most `level`.

    Bounded numbers get the empirical Bernstein bound of Maurer & Pontil (2009, arXiv:0907.3740), which holds for every sample
    size. Unbounded ones get Student's interval, which needs the central limit: asymptotic, and as such no proof.

    Parameters
    ----------
    sample : callable
        Takes the numbers of runs ``(B,)``, returns ``(B, ...)``; each run takes its randomness from its number.
    level : float
        Of each entry; divide by their number for all at once.
    low, high : float
        Bounds that every sample respects.
    accuracy : float
        Runs stop once every bar is below this share of the largest entry; a hundredth of it for each level of precision.
    most : int
        Runs at most; the bar is then what it is.

    Raises
    ------
    InvalidArgument
        If a sample leaves its bounds.
    NotFinite
        If a sample is not finite.

    """
    wanted, seen = in_force(None).tightened(accuracy), []
    mean = bar = np.array(np.inf)
    for error, batch in _looks(level, most):
        values = np.asarray(sample(batch), dtype=float)
        if values.shape[:1] != batch.shape:
            raise ShapeMismatch("sample.shape", values.shape, f"must start with the {len(batch)} runs", "return one entry a run")
        if not np.all(np.isfinite(values)):
            raise NotFinite("sample", values, "must be finite", "count runs that diverge as an event of their own")
        if np.any(values < low) or np.any(values > high):
            raise InvalidArgument("low, high", (low, high), "are left by a sample", "pass bounds that every sample respects")
        seen.append(values)
        together = np.concatenate(seen)
        mean, bar = together.mean(axis=0), _half_width(together, high - low, error)
        if np.all(bar <= wanted * np.max(np.abs(mean), initial=0.0)):
            break
    return Measured(mean, bar)


def _half_width(values: np.ndarray, width: float, error: float) -> np.ndarray:
    """Half the interval of the mean of samples along the first axis, two-sided."""
    n, spread = len(values), values.std(axis=0, ddof=1)
    if np.isfinite(width):
        log = np.log(4 / error)
        return np.asarray(spread * np.sqrt(2 * log / n) + 7 * width * log / (3 * (n - 1)))
    return np.asarray(-spread / np.sqrt(n) * stdtrit(n - 1, error / 2))


def _looks(level: float, most: int) -> Iterator[tuple[float, np.ndarray]]:
    """Each look's share of the level, and the numbers of the runs before it."""
    if not 0 < level < 0.5:
        raise InvalidArgument("level", level, "must lie in (0, 1/2)", "pass level=1e-3")
    if most < FIRST:
        raise InvalidArgument("most", most, f"must be at least {FIRST}", f"pass most={FIRST}")
    level = level * CONFIRMED if in_force(None).level > 0 else level
    start, stop, look = 0, FIRST, 1
    while start < most:
        yield level * 6 / (np.pi * look) ** 2, np.arange(start, min(stop, most))
        start, stop, look = stop, 2 * stop, look + 1


def _answers(trial: Runs, batch: np.ndarray) -> np.ndarray:
    answers = np.asarray(trial(batch))
    if answers.shape != batch.shape or answers.dtype != bool:
        raise ShapeMismatch("trial", (answers.shape, answers.dtype.name), f"must be {len(batch)} booleans", "say of each run whether it happened")
    return answers


def _clopper_pearson(hits: int, runs: int, error: float) -> tuple[float, float]:
    """The exact two-sided interval of a binomial probability (Clopper & Pearson 1934)."""
    low = 0.0 if hits == 0 else float(betaincinv(hits, runs - hits + 1, error / 2))
    high = 1.0 if hits == runs else float(betaincinv(hits + 1, runs - hits, 1 - error / 2))
    return low, high
