r"""Label noise on u² - v² after the loss is zero (Li, Wang & Arora 2021, arXiv:2110.06914).

How many samples its regulariser needs is in `li_wang_arora_2021_recovery`.

Setting      w = u² - v², L = |Zw - y|²/(2n), c_j = Σ_i Z_ij²/n, tr H = 4Σc_j(u_j² + v_j²) on the minimisers; SGD with step η, one sample a
             step and labels moved by ±δ; slow time t = η²k.
Convention   L = (1/2n)Σr²; the covariance of label noise is δ²H (see li_wang_arora_2021).
Results      clean_batches_stay                      SGD without label noise does not move on Γ
             products_shrink_by_of_one_step          u_jv_j -> u_jv_j(1 - 4η²r²Z_ij²), exactly
             limit_flow_has_shrunk_start             dY/dt = -(δ²/4)P_T∇tr H is the Bregman projection from (u_0, v_0)e^(-2δ²ct)
             weighted_l1_gap_le                      Σc|w(t)| is within O(1/t) of its least value, with the constant
             distance_to_limit_flow_is_first_order   E log(uv) over its limit - 1 is of order η (three steps, intervals)
             change_in_short_time_is_first_order     in 1/η steps log(uv) changes by O(η)
             In the form derived in the project's catalogue.
Not covered  General initialisation far from Γ.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.diagonal_fits import DiagonalFit

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="label noise on diagonal linear networks")
SQUARES = tc.Diagonal(2, 2)


def networks_of(noisy: bool) -> tc.Recipe:
    """Networks, for noisy claims with their noise."""

    @tc.recipe
    def networks(draw):
        theta, Z = draw(tc.array(4, 0.5, 1.25)), draw(tc.signs((1, 2))) * draw(tc.array((1, 2), 0.25, 1.0))
        return DiagonalFit(SQUARES, theta, Z, draw(tc.reals(0.25, 1.0)), draw(tc.noise()) if noisy else None)

    return networks


# -- claims --


def products(theta: np.ndarray) -> np.ndarray:
    """log u_jv_j."""
    return np.log(theta[..., :2] * theta[..., 2:])


def shrunk_start(p: DiagonalFit, precision: tc.Precision, rate: float = 4.0, weighted: bool = True) -> tc.Comparison:
    """The flow of δ²/4 tr H against the projection from u_0e^(-2δ²ct), v_0e^(-2δ²ct), δ = 1; u v shrinks like e^(-4δ²ct)."""
    t = np.asarray(p.time)[:, None]
    flow = tc.manifold_flow(p.objective, tc.TRACE, p.theta, [1.0], rate=0.25 * np.asarray(p.time), steps=12)[:, 0]
    c = p.c if weighted else np.broadcast_to(p.c.mean(axis=-1, keepdims=True), p.c.shape)
    shrunk = p.theta * np.tile(np.exp(-rate / 2 * c * t), 2)
    projection = tc.bregman_projection(tc.legendre_potential(SQUARES, shrunk), p.Z, p.objective.data.y)
    w = flow[:, :2] ** 2 - flow[:, 2:] ** 2
    law = tc.equal("u v = u_0 v_0 e^(-4δ²ct)", flow[:, :2] * flow[:, 2:], shrunk[:, :2] * shrunk[:, 2:], resolution=1e-3)
    return tc.all_of(law, tc.equal("w(t) = Bregman projection from the shrunk start", w, projection.w, 1e-3, scale=np.sum(p.theta**2, axis=-1)))


def least_weighted_l1(p: DiagonalFit, c: np.ndarray) -> np.ndarray:
    """min Σc|w| with z·w = y: all on the coordinate where c/|z| is least."""
    return np.min(c / np.abs(p.Z[:, 0]), axis=-1) * np.abs(p.objective.data.y[:, 0])


def weighted_gap(p: DiagonalFit, precision: tc.Precision, weighted: bool = True, factor: float = 1.0) -> tc.Comparison:
    """Σc|w(t)| - min ≤ (Σ(u_0² + v_0²) + Σ|w*|(arcsinh(|w*|/2u_0v_0) - 1) - w* log(u_0/v_0))/(4δ²t) at the minimiser w*, for late t."""
    c = p.c if weighted else np.ones_like(p.c)
    u, v = p.theta[:, :2], p.theta[:, 2:]
    y, ratio = p.objective.data.y, c / np.abs(p.Z[:, 0])
    best = np.where(ratio == ratio.min(axis=-1, keepdims=True), y / p.Z[:, 0], 0.0)
    cost = np.abs(best) * (np.arcsinh(np.abs(best) / (2 * u * v)) - 1) - best * np.log(u / v)
    comparisons = []
    for late in (4.0, 64.0):
        t = late * np.asarray(p.time)
        shrunk = p.theta * np.tile(np.exp(-2 * p.c * t[:, None]), 2)
        w = tc.bregman_projection(tc.legendre_potential(SQUARES, shrunk), p.Z, y).w
        gap = (np.abs(w) * c).sum(axis=-1) - least_weighted_l1(p, c)
        bound = factor * (np.sum(u**2 + v**2 + cost, axis=-1)) / (4 * t)
        comparisons.append(tc.at_most(f"Σc|w| - min ≤ C/(4δ²t) at {late:g} t", gap, bound))
    return tc.all_of(*comparisons)


def one_step(p: DiagonalFit, precision: tc.Precision, second: float = 4.0) -> tc.Comparison:
    """u v after one step of label noise δ = ½ against u v (1 - 4η²r²z²)."""
    eta, delta = 0.125, 0.5
    method = tc.GradientDescent(eta, tc.LabelNoise(delta, seed=np.arange(len(p.theta))))
    end = tc.follow(p.objective, method, p.theta, tc.Stop(steps=1)).final
    claimed = p.theta[:, :2] * p.theta[:, 2:] * (1 - second * eta**2 * delta**2 * p.Z[:, 0] ** 2)
    return tc.equal("u v = u_0 v_0 (1 - 4η²r²z²)", end[:, :2] * end[:, 2:], claimed)


def clean_batches(p: DiagonalFit, precision: tc.Precision, deviation: float = 0.0) -> tc.Comparison:
    """Where SGD, with label noise or without, is after 20 steps from a minimiser."""
    gradient = tc.LabelNoise(deviation, seed=3) if deviation else tc.Minibatch(1, seed=3)
    end = tc.follow(p.objective, tc.GradientDescent(0.0625, gradient), p.theta, tc.Stop(steps=20)).final
    return tc.equal("θ_k = θ_0", end, p.theta)


def decays(p: DiagonalFit, etas: np.ndarray, slow: np.ndarray) -> tc.Measured:
    """E log(uv) - log(u_0v_0) of the first coordinate after slow/(δη)² steps over its limit, -4cδ²η² a step; δ = 1/32, one number a step size."""
    delta, key = 2.0**-5, int(p.noise.generator().integers(2**62))
    steps = np.maximum(1, np.round(slow / (delta * etas) ** 2)).astype(int)
    method = lambda seed: tc.GradientDescent(etas[:, None], tc.LabelNoise(delta, seed))  # noqa: E731
    ensemble = tc.Ensemble(p.objective, method, p.theta, tc.Stop(steps=steps[:, None]))
    mean = tc.expectation(ensemble.changes(lambda theta: products(theta)[..., 0], key), most=256, accuracy=1e-4)
    return mean / (-4 * p.c[0] * (delta * etas) ** 2 * steps)


def log_slope(sizes: tc.Measured) -> tc.Measured:
    """The exponent as a scale is halved twice: local slopes extrapolated, with their change as a bar."""
    first, last = (np.log(a / b) / np.log(2.0) for a, b in ((sizes[0], sizes[1]), (sizes[1], sizes[2])))
    middle = 2 * last - first
    return tc.Measured(middle.value, last.error + first.error + np.abs(last.value - first.value))


def distance_rate(p: DiagonalFit, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """log of the share of E log(uv) that is not its limit against log η."""
    etas = np.array([0.8, 0.4, 0.2]) / float(p.trace)
    excess = 1 - 1 / decays(p, etas, np.full(3, float(p.trace) ** -2 / 64))
    return tc.equal("1 - (-4δ²ct)/E log(uv) = O(η)", log_slope(excess), exponent, resolution=0.2)


def short_time_rate(p: DiagonalFit, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """log of E log(u_0v_0) - E log(uv) after 1/(ηh) steps against log η."""
    etas = np.array([0.4, 0.2, 0.1]) / float(p.trace)
    change = decays(p, etas, etas / (256 * float(p.trace))) * etas
    return tc.equal("change in 1/η steps = O(η)", log_slope(change), exponent, resolution=0.2)


# -- what algebra settles --


def identities() -> dict[str, tuple[tc.Identity, ...]]:
    """The product of a step and along the flow; the trace of H."""
    u, v, e, c, delta, g, a, b = sp.symbols("u v e c delta g a b", real=True)
    step = tc.Identity(u * (1 - 2 * e) * v * (1 + 2 * e), u * v * (1 - 4 * e**2))
    flow = tc.Identity((-2 * delta**2 * c * u + u * g) * v + u * (-2 * delta**2 * c * v - v * g), -4 * delta**2 * c * u * v)
    loss = (a * (u**2 - v**2) - b) ** 2 / 2
    trace = sp.diff(loss, u, 2) + sp.diff(loss, v, 2)
    on_gamma = tc.Identity(sp.expand(trace.subs(b, a * (u**2 - v**2))), 4 * a**2 * (u**2 + v**2))
    return {"step": (step,), "flow": (flow, on_gamma)}


# -- the theorems --

proved = identities()


def theorem(name, ambient, premises, claim, statement, known=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=stacked)


networks, noisy = networks_of(False), networks_of(True)
clean = theorem("clean_batches_stay", networks, (), clean_batches, r"\Sigma = 0 \text{ on } \Gamma")
step = theorem("products_shrink_by_of_one_step", networks, (), one_step, r"u_j v_j \to u_j v_j (1 - 4\eta^2 r^2 Z_{ij}^2)", proved["step"])
shrunk_law = r"w(t) = \arg\min\{R_t(w) : Zw = y\}, \; u_j(t) v_j(t) = u_j(0) v_j(0) e^{-4\delta^2 c_j t}"
shrinking = theorem("limit_flow_has_shrunk_start", networks, (), shrunk_start, shrunk_law, proved["flow"])
sparse = theorem("weighted_l1_gap_le", networks, (), weighted_gap, r"\sum_j c_j |w_j(t)| - \min_{Zw=y} \sum_j c_j |w_j| \le C / (4 \delta^2 t)")
rate_law = r"\mathbb{E}\log(u v)_{t/\eta^2} = \log(u_0 v_0) - 4\delta^2 c t\,(1 + O(\eta))"
rate = theorem("distance_to_limit_flow_is_first_order", noisy, (), distance_rate, rate_law, stacked=False)
short_law = r"\mathbb{E}\log(u v)_{T/\eta} - \log(u_0 v_0) = O(\eta)"
short = theorem("change_in_short_time_is_first_order", noisy, (), short_time_rate, short_law, stacked=False)

THEOREMS = (clean, step, shrinking, sparse, rate, short)
FALSE = (
    clean.claiming("with_label_noise", partial(clean_batches, deviation=0.5)),
    step.claiming("half_the_square", partial(one_step, second=2.0)),
    shrinking.claiming("rate_8", partial(shrunk_start, rate=8.0)),
    shrinking.claiming("constant_products", partial(shrunk_start, rate=0.0)),
    shrinking.claiming("unweighted", partial(shrunk_start, weighted=False)),
    sparse.claiming("unweighted", partial(weighted_gap, weighted=False)),
    rate.claiming("second_order", partial(distance_rate, exponent=2.0)),
    short.claiming("zeroth_order", partial(short_time_rate, exponent=0.0)),
)
FINDINGS = (
    tc.Finding(
        "with a finite step the products u_jv_j shrink faster than the limit flow says, by an amount of order η, never slower",
        "for one sample E r² = δ²/(1 - η tr H/2): the share of E log(uv) that is not its limit is η tr H/2 to first order, of slope 1 in η",
        "theorycheck check li_wang_arora_2021_label_noise/distance_to_limit_flow_is_first_order",
    ),
    tc.Finding(
        "the weighted ℓ1 norm on the limit flow is within C/(4δ²t) of its least value, with C in terms of the start and the solution alone",
        "C = Σ(u_0² + v_0²) + Σ|w*|(arcsinh(|w*|/2u_0v_0) - 1) - w* log(u_0/v_0); the unweighted norm stays away by a constant",
        "theorycheck check li_wang_arora_2021_label_noise/weighted_l1_gap_le",
    ),
)
