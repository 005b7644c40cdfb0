"""Numeric rows of Legendre potentials against high precision, over all scales."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import mpmath as mp
import numpy as np
import pytest

from tests.symbolic.scalar_maps import SCALARS, Scalar
from theorycheck.symbolic.parametrizations import Diagonal, Hadamard
from theorycheck.symbolic.potentials import Potential, legendre_potential

EPS = float(np.finfo(float).eps)
TINY = 1e-300  # below it float64 has no relative accuracy


class Slow:
    """Potential of a scalar map in many digits, with the mirror map by bisection and then secants."""

    def __init__(self, case: Scalar, scale: float) -> None:
        self.terms = case.terms([mp.mpf(t) for t in case.start(scale)])
        poles = [m ** (2 - D) / (a * D * (D - 2)) for a, D, m in self.terms if D > 2]
        self.low, self.high = max((p for p in poles if p < 0), default=None), min((p for p in poles if p > 0), default=None)

    def modes(self, mu: mp.mpf) -> list[tuple[mp.mpf, int, mp.mpf]]:
        return [
            (a, D, m * mp.exp(2 * a * mu) if D == 2 else (m ** (2 - D) - a * D * (D - 2) * mu) ** (mp.mpf(-1) / (D - 2))) for a, D, m in self.terms
        ]

    def w(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum(a * m**D for a, D, m in self.modes(mu))

    def conjugate(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum(m**2 / (2 * D) for _, D, m in self.modes(mu))

    def metric(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum((a * D * m ** (D - 1)) ** 2 for a, D, m in self.modes(mu))

    def at(self, s: mp.mpf) -> mp.mpf:
        """μ as an increasing function of s on the whole line, with the distance to a pole falling exponentially."""
        if self.low is not None and self.high is not None:
            return self.high - (self.high - self.low) / (1 + mp.exp(s))
        if self.low is not None or self.high is not None:
            return self.high * (1 - mp.exp(-s)) if self.low is None else self.low * (1 - mp.exp(s))
        return s

    def mirror(self, w: float) -> mp.mpf:
        low, high = -2.2 * mp.mpf(mp.mp.dps), 2.2 * mp.mpf(mp.mp.dps)
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if self.w(self.at(middle)) < w else (low, middle)
        at_low, at_high = (self.w(self.at(s)) - w for s in (low, high))
        while at_low != at_high and abs(high - low) > mp.eps * 1e20:
            low, high, at_low = high, high - at_high * (high - low) / (at_high - at_low), at_high
            at_high = self.w(self.at(high)) - w
        return self.at(high)


DIGITS = (80, 160, 320)  # of the slow twin, by scale


@cache
def truth(name: str, scale: int) -> tuple[Slow, Potential, dict[float, mp.mpf]]:
    """Slow twin, potential, and μ at points w over forty orders of magnitude, some of them close to each other."""
    case, alpha = SCALARS[name], SCALARS[name].scales[scale]
    slow, sizes = Slow(case, alpha), (1e-30, 3e-11, 0.02, 0.02 * (1 + 1e-9), 5.0, 1e10)
    return slow, legendre_potential(case.model, case.start(alpha)), {side * size: slow.mirror(side * size) for side in case.sides for size in sizes}


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Iterator[int]:
    with mp.workdps(DIGITS[request.param]):
        yield request.param


ALL_SCALES = pytest.mark.parametrize("scale", range(3), indirect=True, ids=["1", "1e-8", "1e-60"])
ALL_SCALARS = pytest.mark.parametrize("name", SCALARS)


@ALL_SCALES
@ALL_SCALARS
def test_rows_agree_with_high_precision(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    points = np.array(list(exact))[:, None]
    mirror, value, metric = potential.mirror(points)[:, 0], potential.value(points), potential.metric(points)[:, 0]
    for i, (w, mu) in enumerate(exact.items()):
        natural = abs(mu) + abs(w) / slow.metric(mu)  # what a relative change of w, or of μ, makes of μ
        assert abs(mirror[i] - mu) <= 100 * EPS * natural
        assert abs(metric[i] - slow.metric(mu)) <= 100 * EPS * slow.metric(mu)
        assert abs(value[i] - (mu * w - slow.conjugate(mu))) <= 100 * EPS * (abs(mu * w) + slow.conjugate(mu))


@ALL_SCALES
@ALL_SCALARS
def test_divergence_keeps_its_relative_accuracy(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    pairs = [(a, b) for a in exact for b in exact if a != b]
    conjugate = {w: slow.conjugate(mu) for w, mu in exact.items()}
    found = potential.divergence(np.array([[a] for a, _ in pairs]), np.array([[b] for _, b in pairs]))
    for (a, b), got in zip(pairs, found, strict=True):
        expected = conjugate[b] - conjugate[a] - (exact[b] - exact[a]) * mp.mpf(a)
        assert abs(got - expected) <= 1e-12 * expected


@ALL_SCALES
@ALL_SCALARS
def test_inverse_conjugate_and_hessian_agree_with_high_precision(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    duals = np.array([factor * float(mu) for mu in exact.values() for factor in (1.0, 0.3, 1e-20)])
    duals = duals[potential.in_dual_domain(duals[:, None])]
    found = zip(
        duals, potential.inverse(duals[:, None])[:, 0], potential.conjugate(duals[:, None]), potential.hessian(duals[:, None])[:, 0], strict=True
    )
    for mu, w, conjugate, hessian in found:
        mu = mp.mpf(mu)
        total, metric = mp.fsum(abs(a) * m**D for a, D, m in slow.modes(mu)), slow.metric(mu)
        blur = 100 * EPS * (total + abs(mu) * metric)  # of w, from a μ known to a few ulp
        stiffness = 100 * EPS * (1 + abs(mu) * metric / total)  # the same relative to w
        assert abs(w - slow.w(mu)) <= blur + TINY
        assert abs(conjugate - slow.conjugate(mu)) <= stiffness * slow.conjugate(mu) + abs(mu) * blur
        assert abs(hessian - metric) <= 10 * stiffness * metric + TINY
    assert len(duals) >= 2 * len(exact)


@ALL_SCALES
@pytest.mark.parametrize("name", ["u² - v² balanced", "u³ - v³ balanced", "u⁶ - v⁶ balanced"])
def test_balanced_rows_are_relatively_exact_around_zero(name: str, scale: int) -> None:
    slow, potential, _ = truth(name, scale)
    level = SCALARS[name].scales[scale] ** int(slow.terms[0][1])
    for ratio in (1e-200, 1e-40, 1e-12, 0.1, 3.0, 1e8, 1e40):
        w = ratio * level
        if 1e-280 < w < 1e280:
            mu = slow.mirror(w)
            assert potential.mirror([w])[0] == pytest.approx(float(mu), rel=50 * EPS)
            assert potential.mirror([-w])[0] == -potential.mirror([w])[0]
            if ratio < 10:
                assert potential.inverse([float(mu)])[0] == pytest.approx(w, rel=200 * EPS)


def test_exponential_rows_overflow_to_infinity_and_fade_to_zero() -> None:
    for model, start in ((Diagonal(1, 2, signed=False), [0.5]), (Diagonal(1, 2), [0.5, 0.3]), (Hadamard(1), [0.5, 0.5])):
        potential = legendre_potential(model, start)
        w = potential.inverse([[800.0], [-800.0]])[:, 0]
        assert w[0] == np.inf
        assert w[1] == (0 if potential.domain[0][0] == 0 else -np.inf)
        assert potential.conjugate([800.0]) == np.inf


def test_the_end_of_a_dual_domain_is_reached_without_a_warning() -> None:
    potential = legendre_potential(Diagonal(1, 4), [0.7, 0.3])
    low, high = potential.dual_domain
    edge = np.stack([np.nextafter(low, 0), np.nextafter(high, 0)])
    assert np.all(np.isfinite(potential.inverse(edge)))
    assert np.all(np.abs(potential.inverse(edge)) > 1e28)
    assert not np.any(potential.in_dual_domain(np.stack([low, high])))
