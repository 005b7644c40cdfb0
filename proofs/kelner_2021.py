r"""Big steps and little steps on a spectrum of two bands (Kelner, Marsden, Sharan, Sidford, Valiant & Yuan 2021, arXiv:2111.03137).

Setting      f(x) = xᵀHx/2 with eigenvalues in [μ_1, Λ_1] or [μ_2, Λ_2], Λ_1 < μ_2, κ_i = Λ_i/μ_i. A cycle is T steps 1/Λ_2 and one step 1/Λ_1, with
             T = ⌈log((Λ_2/Λ_1)/(1-1/κ_1)) / -log(1-1/κ_2)⌉. This schedule is derived in the project's catalogue; the paper's constants are
             hidden in a polylogarithm.
Convention   The method knows the bands, not the eigenspaces.
Results      cycle_is_its_polynomial    a cycle multiplies the component of eigenvalue λ by (1 - λ/Λ_1)(1 - λ/Λ_2)^T
             cycle_contracts_of_banded  which is at most 1 - 1/κ_1 in modulus on both bands
             error_le_of_cycles         so ⌈κ_1 log(1/ε)⌉ cycles bring every component below ε, whatever the gap
Not covered  Three and more bands; functions that are not quadratic, where the order of steps matters; the accelerated version.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.spectra import TwoBands, two_bands

paper = tc.Source("Kelner et al.", 2021, arxiv="2111.03137", item="big-step-little-step, two scales")
problems = two_bands()

in_bands = tc.Premise(
    "in_bands", "λ lies in a band", lambda p: bool(p.eigenvalue <= p.top_low or p.eigenvalue >= p.bottom_high), enforce=TwoBands.into_a_band
)


# -- claims --


def polynomial(p: TwoBands, little: int):
    """(1 - λ/Λ_1)(1 - λ/Λ_2)^T."""
    return (1 - p.eigenvalue / p.top_low) * (1 - p.eigenvalue / p.top_high) ** little


def one_cycle(p: TwoBands, precision: tc.Precision, extra: int = 0) -> tc.Comparison:
    """A run with a schedule of one cycle, from 1."""
    steps = np.array([1 / p.top_high] * (p.little_steps + extra) + [1 / p.top_low])
    schedule = tc.Schedule(lambda k: steps[np.asarray(k) % len(steps)])
    objective = tc.QuadraticResiduals([[np.sqrt(p.eigenvalue)]])
    run = tc.follow(objective, tc.GradientDescent(schedule), np.ones(1), tc.Stop(steps=len(steps)))
    return tc.equal("x = p(λ) x_0", tc.Measured(run.final[0], run.error), polynomial(p, p.little_steps), scale=1.0)


def contracts(p: TwoBands, precision: tc.Precision, factor: float = 1.0, gap: bool = True) -> tc.Comparison:
    """One cycle, of as few little steps as the formula says."""
    q = p if gap else replace(p, gap=1.0)
    return tc.at_most("|p(λ)| ≤ 1 - 1/κ_1", np.abs(polynomial(p, q.little_steps)), factor * (1 - 1 / p.kappa_low))


def error_of_cycles(p: TwoBands, precision: tc.Precision, share: float = 1.0) -> tc.Comparison:
    """|p(λ)| to the power of ⌈κ_1 log(1/ε)⌉, against ε."""
    cycles = np.ceil(share * p.kappa_low * np.log(1 / p.target))
    return tc.at_most("|p(λ)|^cycles ≤ ε", np.abs(polynomial(p, p.little_steps)) ** cycles, p.target)


# -- the theorems --

ratio, factor, left = sp.symbols("rho c d", positive=True)  # Λ_2/Λ_1, 1 - 1/κ_2 and 1 - 1/κ_1
enough = tc.Identity(ratio * sp.exp(sp.log(ratio / left) / -sp.log(factor) * sp.log(factor)), left)

cycle = tc.Theorem("cycle_is_its_polynomial", paper, two_bands(gaps=5), (), one_cycle, r"x = (1 - \lambda/\Lambda_1)(1 - \lambda/\Lambda_2)^T x_0")
cycle_contracts = tc.Theorem(
    "cycle_contracts_of_banded", paper, problems, (in_bands,), contracts, r"|p(\lambda)| \le 1 - 1/\kappa_1", (enough,), tight=True
)
error_le = tc.Theorem(
    "error_le_of_cycles", paper, problems, (in_bands,), error_of_cycles, r"|p(\lambda)|^{\lceil \kappa_1 \log(1/\varepsilon) \rceil} \le \varepsilon"
)

THEOREMS = (cycle, cycle_contracts, error_le)
FALSE = (
    cycle.claiming("a_step_more", partial(one_cycle, extra=1)),
    cycle_contracts.without(in_bands),
    cycle_contracts.claiming("factor_0_99", partial(contracts, factor=0.99)),
    cycle_contracts.claiming("whatever_the_gap", partial(contracts, gap=False)),
    error_le.claiming("half_as_many", partial(error_of_cycles, share=0.5)),
)
