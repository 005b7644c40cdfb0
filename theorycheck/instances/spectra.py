"""Spectra between two ends or in two bands, with the parameters of gradient methods as multiples of the best ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theorycheck.instances.recipes import Drawer, Recipe, array, choice, integers, reals, recipe


@dataclass(frozen=True)
class Spectrum:
    """The interval [μ, κμ], a point of it, and parameters of methods.

    Parameters
    ----------
    low, kappa : float
        μ and κ.
    place : float
        Where λ lies, from 0 at μ to 1 at Λ.
    a_share, b_share : float
        Step and momentum, in units of the claim.
    shares : array, shape (k,)
        Several steps, as multiples of the best ones.

    """

    low: float
    kappa: float
    place: float
    a_share: float
    b_share: float
    shares: np.ndarray

    @property
    def high(self) -> float:
        """Λ."""
        return self.low * self.kappa

    @property
    def within(self) -> float:
        """λ."""
        return self.low + self.place * (self.high - self.low)

    @property
    def ratio(self) -> float:
        """r = (√κ-1)/(√κ+1)."""
        root = np.sqrt(self.kappa)
        return (root - 1) / (root + 1)

    @property
    def best_a(self) -> float:
        """4/(√Λ+√μ)², the step of the best heavy ball."""
        return 4 / (np.sqrt(self.high) + np.sqrt(self.low)) ** 2

    def nodes(self, extrema: bool = False) -> np.ndarray:
        """The k zeros of the Chebyshev polynomial of [μ, Λ], or the k + 1 points where it is largest."""
        k = self.shares.shape[-1]
        angles = np.arange(k + 1) / k if extrema else (np.arange(k) + 0.5) / k
        return (self.high + self.low) / 2 + (self.high - self.low) / 2 * np.cos(np.pi * angles)


def spectra() -> Recipe:
    """μ in [1/4, 2], κ in [5/4, 16], one to six steps; half of all multiples are 1, the others in [1/4, 2] or, of the steps, [1/2, 3/2]."""

    @recipe
    def intervals(draw: Drawer) -> Spectrum:
        a_share, b_share = (draw(choice((1.0, draw(reals(0.25, 2))))) for _ in range(2))
        k = draw(integers(1, 6))
        shares = np.where(draw(array(k, -1, 1)) <= 0, 1.0, draw(array(k, 0.5, 1.5)))
        return Spectrum(draw(reals(0.25, 2)), draw(reals(1.25, 16)), draw(reals(0, 1)), a_share, b_share, shares)

    return intervals


@dataclass(frozen=True)
class TwoBands:
    """Bands [μ_1, Λ_1] and [μ_2, Λ_2] with Λ_1 < μ_2, an eigenvalue, and an accuracy.

    Parameters
    ----------
    low, kappa_low : float
        μ_1 and κ_1.
    gap : float
        μ_2/Λ_1.
    kappa_high : float
        κ_2.
    place : float
        log λ, from 0 at μ_1 to 1 at Λ_2.
    target : float
        ε in (0, 1).

    """

    low: float
    kappa_low: float
    gap: float
    kappa_high: float
    place: float
    target: float

    @property
    def top_low(self) -> float:
        """Λ_1."""
        return self.low * self.kappa_low

    @property
    def bottom_high(self) -> float:
        """μ_2."""
        return self.top_low * self.gap

    @property
    def top_high(self) -> float:
        """Λ_2."""
        return self.bottom_high * self.kappa_high

    @property
    def eigenvalue(self) -> float:
        """λ."""
        ends = np.log([self.low, self.top_high])
        value: float = np.exp(ends[0] + self.place * (ends[1] - ends[0]))
        return min(max(value, self.low), self.top_high)

    @property
    def little_steps(self) -> int:
        """T, so many that they undo what a big step does to the upper band."""
        amplified = self.gap * self.kappa_high / (1 - 1 / self.kappa_low)
        return int(np.ceil(np.log(amplified) / -np.log1p(-1 / self.kappa_high)))

    def into_a_band(self) -> TwoBands:
        """λ at the same place of the two bands laid end to end."""
        lower, upper, whole = np.log(self.kappa_low), np.log(self.kappa_high), np.log(self.top_high / self.low)
        along = self.place * (lower + upper)
        return replace(self, place=(along if along <= lower else along + np.log(self.gap)) / whole)


def two_bands(gaps: int = 20) -> Recipe:
    """κ_i in [5/4, 8], gaps from 2 to 2^gaps, λ often at an end of the spectrum, ε from 2^-1 to 2^-12."""

    @recipe
    def bands(draw: Drawer) -> TwoBands:
        kappas = draw(array(2, 1.25, 8))
        place = draw(choice((draw(reals(0, 1)), 0.0, 1.0)))
        return TwoBands(draw(reals(0.25, 2)), kappas[0], 2.0 ** draw(integers(1, gaps)), kappas[1], place, 2.0 ** -draw(integers(1, 12)))

    return bands
