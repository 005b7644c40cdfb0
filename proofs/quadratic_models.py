r"""Rates and noise floors of gradient methods on quadratics: classical facts, in the form of the project's catalogue.

Setting      f(x) = xᵀHx/2 with spectrum in [μ, Λ], κ = Λ/μ. Along an eigenvector of eigenvalue λ, heavy ball
             x_{k+1} = x_k - aλx_k + b(x_k - x_{k-1}) has the polynomial z² - (1+b-aλ)z + b, Nesterov's method z² - (1+b)(1-aλ)z + b(1-aλ);
             the rate is the largest |z| over the spectrum.
Convention   No momentum is b = 0. The noise is ξ in x ← x - η(λx + σξ), with mean 0, variance 1, independent of x.
Results      descent_rate_ge            no step of gradient descent has a rate below (κ-1)/(κ+1), that of 2/(μ+Λ)
             descent_contracts_of_best_step   each run of it with that step is within ((κ-1)/(κ+1))^k |x_0| of 0
             roots_of_best_heavy_ball   for a = 4/(√Λ+√μ)², √b = (√κ-1)/(√κ+1) no eigenvalue has real simple roots, so every |z| = √b
             heavy_ball_rate_ge         no a and b ≥ 0 have a lower rate than that √b
             nesterov_stable_of_small_step, nesterov_unstable_of_large_step    the threshold is aλ = (2+2b)/(1+2b)
             polynomial_ge              k steps of any sizes leave some eigenvalue a factor of 2/(r^k + r^(-k)), r = (√κ-1)/(√κ+1), or more
             noise_floor_of_heavy_ball  the stationary variance is ησ²(1+b)/(λ(1-b)(2(1+b) - ηλ))
Not covered  Transients: heavy ball's |x_k| may be k times √b^k, from the double roots at μ and Λ.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.spectra import Spectrum, spectra

paper = tc.Source("Polyak", 1964, item="methods of gradient descent on quadratics")


# -- bounds --


def radius(trace, product):
    """The larger |z| with z² - trace z + product = 0."""
    half = trace / 2
    square = half**2 - product
    real = np.abs(half) + np.sqrt(np.maximum(square, 0))
    return np.where(square >= 0, real, np.sqrt(np.maximum(product, 0)))


# -- claims --


def descent_rate(s: Spectrum, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """max |1 - ηλ| over the two ends."""
    eta = s.a_share * 2 / (s.low + s.high)
    worst = np.maximum(np.abs(1 - eta * s.low), np.abs(1 - eta * s.high))
    return tc.at_least("max |1 - ηλ| ≥ (κ-1)/(κ+1)", worst, factor * (s.kappa - 1) / (s.kappa + 1))


def descent_contracts(s: Spectrum, precision: tc.Precision, share: float = 1.0, power: int = 1) -> tc.Comparison:
    """Four steps from (1, 1, 1) with eigenvalues μ, λ, Λ."""
    objective = tc.QuadraticResiduals(np.diag(np.sqrt([s.low, s.within, s.high])))
    run = tc.follow(objective, tc.GradientDescent(share * 2 / (s.low + s.high)), np.ones(3), tc.Stop(steps=4), save=tc.Every(1))
    bound = ((s.kappa - 1) / (s.kappa + 1)) ** (power * np.arange(1, 5)) * np.sqrt(3)
    return tc.at_most("|x_k| ≤ ((κ-1)/(κ+1))^k |x_0|", np.linalg.norm(run.states[1:], axis=-1), bound)


def best_roots(s: Spectrum, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The discriminant at the best a and b."""
    b = s.ratio**2
    return tc.at_most("(1+b-aλ)² ≤ 4b", (1 + b - factor * s.best_a * s.within) ** 2, 4 * b)


def heavy_ball_rate(s: Spectrum, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The larger rate of the two ends at multiples of the best a and b."""
    a, b = s.a_share * s.best_a, s.b_share * s.ratio**2
    rates = [radius(1 + b - a * end, b) for end in (s.low, s.high)]
    return tc.at_least("rate ≥ (√κ-1)/(√κ+1)", np.maximum(*rates), factor * s.ratio)


def nesterov(s: Spectrum) -> tuple:
    """aλ, b and the rate at λ, for b in [0, 1) and aλ in (0, 2)."""
    b, along = s.b_share / 2.0625, s.a_share * 0.96875
    return along, b, radius((1 + b) * (1 - along), b * (1 - along))


def nesterov_rate(s: Spectrum, precision: tc.Precision, above: bool = False) -> tc.Comparison:
    """The rate against 1."""
    found = nesterov(s)[2]
    return tc.at_least("rate ≥ 1", found, 1.0) if above else tc.at_most("rate ≤ 1", found, 1.0)


def polynomial(s: Spectrum, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """max |Π (1 - η_jλ)| over the extrema of the Chebyshev polynomial, where no polynomial of degree k with p(0) = 1 is everywhere smaller."""
    k, steps = s.shares.shape[-1], s.shares / s.nodes()
    left = np.max(np.abs(np.prod(1 - steps * s.nodes(extrema=True)[:, None], axis=-1)))
    return tc.at_least("max |p| ≥ 2/(r^k + r^(-k))", left, factor * 2 / (s.ratio**k + s.ratio**-k))


def noise_floor(s: Spectrum, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The stationary second moments of (x_k, x_{k-1}), σ = 1, solved for, against the closed form."""
    b = s.b_share / 2.0625
    curvature, eta = s.low, s.a_share / 2 * (1 + b) / s.low
    M = np.array([[1 + b - eta * curvature, -b], [1.0, 0.0]])
    second = np.linalg.solve(np.eye(4) - np.kron(M, M), np.array([eta**2, 0.0, 0.0, 0.0]))
    return tc.equal("Var x", factor * second[0], eta * (1 + b) / (curvature * (1 - b) * (2 * (1 + b) - eta * curvature)))


# -- hypotheses --

small_step = tc.Premise("small_step", "aλ ≤ (2+2b)/(1+2b)", lambda s: nesterov(s)[0] <= (2 + 2 * nesterov(s)[1]) / (1 + 2 * nesterov(s)[1]))
large_step = tc.Premise("large_step", "aλ ≥ (2+2b)/(1+2b)", lambda s: nesterov(s)[0] >= (2 + 2 * nesterov(s)[1]) / (1 + 2 * nesterov(s)[1]))

# -- what algebra settles --

a, c, m, top, low = sp.symbols("a c m Lambda mu", positive=True)  # c = √b, m = aλ
ends = sp.sqrt(top), sp.sqrt(low)
r = (ends[0] - ends[1]) / (ends[0] + ends[1])
discriminant = tc.Identity((1 + c**2 - m) ** 2 - 4 * c**2, ((1 + c) ** 2 - m) * ((1 - c) ** 2 - m))
best_ends = tuple(tc.Identity(4 * end / (ends[0] + ends[1]) ** 2, (1 + sign * r) ** 2) for end, sign in ((top, 1), (low, -1)))
b, eta, curvature = sp.symbols("b eta lambda", positive=True)
variance = eta * (1 + b) / (curvature * (1 - b) * (2 * (1 + b) - eta * curvature))
trace = 1 + b - eta * curvature
stationary = tc.Identity(variance, trace**2 * variance + b**2 * variance - 2 * b * trace**2 * variance / (1 + b) + eta**2)
at_minus_one = tc.Identity(1 + (1 + b) * (1 - m) + b * (1 - m), (2 + 2 * b) - m * (1 + 2 * b))

# -- the theorems --


def theorem(name: str, claim, statement: str, premises=(), identities=(), tight: bool = True) -> tc.Theorem:
    """A theorem of this file."""
    return tc.Theorem(name, paper, methods, premises, claim, statement, identities, tight=tight)


methods = spectra()

descent_rate_ge = theorem("descent_rate_ge", descent_rate, r"\max_\lambda |1 - \eta\lambda| \ge \frac{\kappa-1}{\kappa+1}")
contracts = theorem("descent_contracts_of_best_step", descent_contracts, r"|x_k| \le \left(\frac{\kappa-1}{\kappa+1}\right)^k |x_0|")
roots = theorem("roots_of_best_heavy_ball", best_roots, r"(1 + b - a\lambda)^2 \le 4b", (), (discriminant, *best_ends))
heavy_ball_rate_ge = theorem("heavy_ball_rate_ge", heavy_ball_rate, r"\max_\lambda |z| \ge \frac{\sqrt\kappa-1}{\sqrt\kappa+1}")
stable = theorem("nesterov_stable_of_small_step", nesterov_rate, r"|z| \le 1", (small_step,), (at_minus_one,), tight=False)
unstable = theorem("nesterov_unstable_of_large_step", partial(nesterov_rate, above=True), r"|z| \ge 1", (large_step,), (at_minus_one,), tight=False)
polynomial_ge = theorem("polynomial_ge", polynomial, r"\max_\lambda \Big|\prod_j (1 - \eta_j\lambda)\Big| \ge \frac{2}{r^k + r^{-k}}")
floor = theorem(
    "noise_floor_of_heavy_ball",
    noise_floor,
    r"\operatorname{Var} x = \frac{\eta \sigma^2 (1+b)}{\lambda (1-b) (2(1+b) - \eta\lambda)}",
    (),
    (stationary,),
    tight=False,
)

THEOREMS = (descent_rate_ge, contracts, roots, heavy_ball_rate_ge, stable, unstable, polynomial_ge, floor)
FALSE = (
    descent_rate_ge.claiming("factor_1_01", partial(descent_rate, factor=1.01)),
    contracts.claiming("step_1_01", partial(descent_contracts, share=1.01)),
    contracts.claiming("squared", partial(descent_contracts, power=2)),
    roots.claiming("step_1_01", partial(best_roots, factor=1.01)),
    heavy_ball_rate_ge.claiming("factor_1_01", partial(heavy_ball_rate, factor=1.01)),
    stable.without(small_step),
    unstable.without(large_step),
    polynomial_ge.claiming("factor_1_01", partial(polynomial, factor=1.01)),
    floor.claiming("factor_1_01", partial(noise_floor, factor=1.01)),
)
