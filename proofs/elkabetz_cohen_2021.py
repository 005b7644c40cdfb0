r"""Gradient descent follows gradient flow where curvature is not too negative (Elkabetz & Cohen 2021, arXiv:2107.06608).

Setting      θ_k gradient descent of step η, θ(t) gradient flow of f, t_k = kη; |∇²f| ≤ β, λ_min(∇²f) ≥ -m(t) with m ≥ 0, |∇f| ≤ γ.
Convention   Networks with data: R = |Y - XWᵀ|²/n (c = 1).
Results      gap_le_of_quadratic             |θ_k - θ(t_k)| ≤ e^{∫m} |θ_0 - θ(0)| + (βγη/2) ∫_0^{t_k} e^{∫_{t'}^{t_k} m} dt'
             gap_le_of_network               the same with θ_0 = θ(0), β, γ, m bounded on balls of radius ε around the flow
             gap_rate_of_concave             f = -μx²/2: |θ_k - θ(T)| / η → |θ_0| μ² T e^{μT}/2, so the exponential is needed
Not covered  The published polynomial iteration counts, whose constants are long. How negative the curvature of deep linear networks can
             be, and balanced starts, stand in elkabetz_cohen_2021_curvature and elkabetz_cohen_2021_balanced.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.instances.products import layer_norms, pair_products

paper = tc.Source("Elkabetz & Cohen", 2021, arxiv="2107.06608", item="gradient flow and gradient descent")


@dataclass(frozen=True)
class Quadratic:
    """f = Σ λ_i x_i²/2 (any quadratic, in its own axes), the start of descent, the shift of the flow's, a step and a count."""

    curvatures: np.ndarray
    start: np.ndarray
    shift: np.ndarray
    step: float
    steps: int


@tc.recipe
def quadratics(draw):
    """Curvatures of any sign, steps from 1 down to 2^-10."""
    d = draw(tc.integers(1, 3))
    start, shift = draw(tc.array(d)), draw(tc.array(d)) * draw(tc.choice((0.0, 0.125)))
    return Quadratic(draw(tc.array(d)), start, shift, draw(tc.choice([2.0**-k for k in range(0, 11, 2)])), draw(tc.integers(1, 24)))


@dataclass(frozen=True)
class Concave:
    """f = -μx²/2 and a time."""

    mu: float
    time: float


@tc.recipe
def concaves(draw):
    """μ in [1/8, 2], T = 1, 2 or 4."""
    return Concave(draw(tc.reals(0.125, 2)), draw(tc.choice((1.0, 2.0, 4.0))))


@dataclass(frozen=True, eq=False)
class Tube:
    """A network with data and a start, a step 2^-k, and the radius of the balls around the flow."""

    fit: DeepLinearFit
    halvings: int
    radius: float


@tc.recipe
def tubes(draw):
    """Weights in [-1/2, 1/2], 8 steps of size 2^-12 to 1."""
    fit = draw(deep_linear_fits(depth=(2, 4), width=(1, 2), dim=(1, 2), samples=(1, 3)))
    return Tube(replace(fit, theta=fit.theta / 4), draw(tc.choice((6, 9, 12, 3, 0))), draw(tc.choice((0.125, 0.25))))


# -- bounds --


def growth(m: np.ndarray | float, time: np.ndarray | float) -> np.ndarray:
    """∫_0^t e^{m(t - t')} dt' for a constant m ≥ 0."""
    return np.where(m > 0, np.expm1(m * time) / np.where(m > 0, m, 1.0), time)


def constants(t: Tube, states: np.ndarray) -> tuple[np.ndarray, ...]:
    """β, γ and m that hold on the balls around the given states."""
    f = t.fit
    top = 2 * np.linalg.eigvalsh(f.covariance)[..., -1, None]
    norms = layer_norms(f.model.layers(states))
    radii = norms + np.asarray(t.radius)[..., None, None]
    slope = np.linalg.norm(f.objective.along_times.gradient_in_w(states), axis=-1) + top * (radii.prod(axis=-1) - norms.prod(axis=-1))
    single = sum(np.delete(radii, k, axis=-1).prod(axis=-1) ** 2 for k in range(f.depth))
    m = slope * np.linalg.eigvalsh(pair_products(radii))[..., -1]
    return top * single + m, slope * np.sqrt(single), m


def followed(t: Tube) -> tuple[tc.Measured, np.ndarray, np.ndarray]:
    """The gap after 8 steps, its bound, and what must stay below ε: the bound and one step of the flow."""
    f, eta, K = t.fit, 2.0**-t.halvings, 8
    flow = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-10), f.theta, tc.Stop(time=K * eta), save=tc.At(eta * np.arange(K + 1)))
    descent = tc.follow(f.objective, tc.GradientDescent(step=eta), f.theta, tc.Stop(steps=K))
    beta, gamma, m = constants(t, flow.states)
    integral = np.zeros(m.shape[:-1])
    for k in range(K):
        integral = np.exp(m[..., k] * eta) * integral + growth(m[..., k], eta)
    bound = beta.max(axis=-1) * gamma.max(axis=-1) * eta / 2 * integral
    gap = tc.Measured(np.linalg.norm(descent.final - flow.states[..., -1, :], axis=-1), flow.error)
    return gap, bound, bound + eta * gamma.max(axis=-1)


# -- hypotheses --

small_step = tc.Premise("small_step", "the bound and one step of the flow stay below ε", lambda t: bool(np.all(followed(t)[2] < t.radius)))


# -- claims --


def quadratic_gap(q: Quadratic, precision: tc.Precision, half=0.5, order=1.0, flat=False, shift=1.0) -> tc.Comparison:
    """The gap at every t_k; variants: another constant, order in η, m = 0, no term for the starts."""
    k, rates = np.arange(1, q.steps + 1)[:, None], q.curvatures
    descent, flow = q.start * (1 - q.step * rates) ** np.arange(q.steps)[:, None], (q.start + q.shift) * np.exp(-rates * q.step * k)
    gap = np.linalg.norm(q.start * (1 - q.step * rates) ** k - flow, axis=1)
    beta, m = np.abs(rates).max(), 0.0 if flat else max(0.0, -rates.min())
    speeds = np.linalg.norm(rates * descent, axis=1)
    gamma, time = np.maximum.accumulate(speeds), q.step * k[:, 0]
    bound = shift * np.exp(m * time) * np.linalg.norm(q.shift) + half * beta * gamma * q.step**order * growth(m, time)
    return tc.at_most("|θ_k - θ(t_k)| ≤ e^{mt} |θ_0 - θ(0)| + (βγη/2) ∫ e^{m(t-t')} dt'", gap, bound)


def network_gap(t: Tube, precision: tc.Precision, order: int = 0) -> tc.Comparison:
    """The gap after 8 steps; `order`: one power of η more in the bound."""
    gap, bound, _ = followed(t)
    return tc.at_most("|θ_k - θ(t_k)| ≤ (βγη/2) ∫ e^{∫m} dt'", gap, bound * 2.0 ** (-t.halvings * order))


def concave_rate(c: Concave, precision: tc.Precision, factor: float = 1.0, grows: bool = True) -> tc.Comparison:
    """(e^{μT} - (1 + ημ)^{T/η})/η for η = T/64, ..., T/4096."""
    steps = 2.0 ** np.arange(6, 13)
    x = c.mu * c.time / steps
    gaps = -np.exp(c.mu * c.time) * np.expm1(steps * (np.log1p(x) - x)) / (c.time / steps)
    limit = factor * c.mu**2 * c.time * (np.exp(c.mu * c.time) if grows else 1.0) / 2
    return tc.tends_to("gap/η → μ² T e^{μT}/2", c.time / steps, gaps, limit)


# -- the theorems --

gap_le_of_quadratic = tc.Theorem(
    "gap_le_of_quadratic",
    paper,
    quadratics,
    (),
    quadratic_gap,
    r"|\theta_k - \theta(t_k)| \le e^{m t_k} |\theta_0 - \theta(0)| + \tfrac{\beta \gamma \eta}{2} \int_0^{t_k} e^{m (t_k - t')} dt'",
    tight=True,
)
gap_le_of_network = tc.Theorem(
    "gap_le_of_network",
    paper,
    tubes,
    (small_step,),
    network_gap,
    r"|\theta_k - \theta(t_k)| \le \tfrac{\beta \gamma \eta}{2} \int_0^{t_k} e^{\int_{t'}^{t_k} m} dt'",
    stacked=True,
)
gap_rate_of_concave = tc.Theorem(
    "gap_rate_of_concave", paper, concaves, (), concave_rate, r"|\theta_k - \theta(T)| / \eta \to |\theta_0| \mu^2 T e^{\mu T} / 2"
)

THEOREMS = (gap_le_of_quadratic, gap_le_of_network, gap_rate_of_concave)
FALSE = (
    gap_le_of_quadratic.claiming("without_exponential", partial(quadratic_gap, flat=True)),
    gap_le_of_quadratic.claiming("second_order", partial(quadratic_gap, order=2.0)),
    gap_le_of_quadratic.claiming("half_0_49", partial(quadratic_gap, half=0.49)),
    gap_le_of_quadratic.claiming("same_start", partial(quadratic_gap, shift=0.0)),
    gap_le_of_network.without(small_step),
    gap_le_of_network.claiming("second_order", partial(network_gap, order=1)),
    gap_rate_of_concave.claiming("without_exponential", partial(concave_rate, grows=False)),
    gap_rate_of_concave.claiming("factor_1_02", partial(concave_rate, factor=1.02)),
)
