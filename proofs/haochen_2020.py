r"""Label noise on quadratic networks recovers what other noise does not (HaoChen, Wei, Lee & Ma 2020, arXiv:2006.08680).

Setting      w = v² ≥ 0 entry by entry, L = |Zw - y|²/(2n), c_j = Σ_i Z_ij²/n; label noise ±δ, one sample a step. On the minimisers
             tr H = 4Σc_jw_j. Slow time t = η²k.
Convention   (1/2n)Σr²; the paper's (1/4n) halves the gradient, and η with it.
Results      limit_flow_has_shrunk_start_of_positive   dY/dt = -(δ²/4)P_T∇tr H keeps w(t) = argmin Σ[w log(w/w̃) - w] on {Zw = y}, w̃ = w(0)e^(-4δ²ct)
             weighted_mass_gap_le_of_positive  Σc w(t) is within O(1/t) of its least value on {Zw = y, w ≥ 0}, with the constant
             entries_shrink_by_of_one_step     v_j -> v_j(1 - 2ηr_iZ_ij), exactly
             zero_entries_stay                 v_j(0) = 0 stays 0
             clean_batches_stay                without label noise SGD does not move once it fits
             mean_follows_limit_flow           E of z_2 log v_1 - z_1 log v_2 is off its limit by O(η) (three steps, intervals)
             isotropic_noise_favours_log_pdet  noise of the same size in every parameter drifts along log pdet H, not along tr H
             In the form derived in the project's catalogue.
Not covered  The sample complexity and step-size schedule of the paper; convergence from far away (a run of it is in the tests).
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.diagonal_fits import DiagonalFit

paper = tc.Source("HaoChen, Wei, Lee & Ma", 2020, arxiv="2006.08680", item="label noise on quadratically parametrized regression")
MODEL = tc.Diagonal(2, 2, signed=False)


def networks_of(noisy: bool, signed: bool) -> tc.Recipe:
    """Networks; entries of v may be zero, those of Z of either sign if `signed`."""

    @tc.recipe
    def networks(draw):
        v = draw(tc.array(2, 0.5, 1.25)) * np.array([1.0, 1.0 if noisy else draw(tc.choice((1.0, 1.0, 0.0)))])
        Z = draw(tc.array((1, 2), 0.25, 1.0)) * np.array([1.0, draw(tc.choice((1.0, -1.0))) if signed else 1.0])
        return DiagonalFit(MODEL, v, Z, draw(tc.reals(0.25, 1.0)), draw(tc.noise()) if noisy else None)

    return networks


positive = tc.Premise("positive", "v_j(0) ≠ 0", lambda p: bool(np.all(p.theta != 0)))
uneven = tc.Premise("uneven", "|z_1| and |z_2| differ by 1/8 or more", lambda p: bool(abs(abs(p.Z[0, 0]) - abs(p.Z[0, 1])) >= 0.125))


# -- claims --


def shrunk_start(
    p: DiagonalFit, precision: tc.Precision, rate: float = 4.0, weighted: bool = True, of: tc.SpectralFunction = tc.TRACE
) -> tc.Comparison:
    """The flow of δ²/4 tr H, δ = 1, against the projection of the entropy from w(0)e^(-4δ²ct)."""
    flow = tc.manifold_flow(p.objective, of, p.theta, [1.0], rate=0.25 * np.asarray(p.time), steps=12)[:, 0]
    c = p.c if weighted else np.broadcast_to(p.c.mean(axis=-1, keepdims=True), p.c.shape)
    shrunk = p.theta * np.exp(-rate / 2 * c * np.asarray(p.time)[:, None])
    projection = tc.bregman_projection(tc.legendre_potential(MODEL, shrunk), p.Z, p.objective.data.y)
    return tc.equal("w(t) = argmin Σ[w log(w/w̃) - w]", flow**2, projection.w, 1e-3, scale=np.sum(p.theta**2, axis=-1))


def entropy_point(p: DiagonalFit, t: np.ndarray) -> tc.Measured:
    """w(t) by the closed form; an entry that is 0 at the start is left out, and stays 0."""
    frozen, y = p.theta[:, 1:] == 0, p.objective.data.y
    w = tc.bregman_projection(tc.legendre_potential(MODEL, np.where(p.theta != 0, p.theta, 1.0) * np.exp(-2 * p.c * t)), p.Z, y).w
    alone = np.concatenate([y / p.Z[:, 0, :1], np.zeros_like(y)], axis=-1)
    return tc.Measured(np.where(frozen, alone, w.value), np.where(frozen, 0.0, w.error))


def mass_gap(p: DiagonalFit, precision: tc.Precision, weighted: bool = True, factor: float = 1.0) -> tc.Comparison:
    """Σc w(t) - min ≤ Σ(w(0) + w* log(w*/w(0)) - w*)/(4δ²t), w* the minimiser on {z·w = y, w ≥ 0}, z > 0."""
    c = p.c if weighted else np.ones_like(p.c)
    z, y, start = p.Z[:, 0], p.objective.data.y, p.theta**2
    ratio = c / z
    best = np.where(ratio == ratio.min(axis=-1, keepdims=True), y / z, 0.0)
    best = best / np.maximum(1, np.count_nonzero(best, axis=-1))[:, None]
    known = np.where(best > 0, best, 1.0)
    frozen = start == 0
    cost = start + np.where((best > 0) & ~frozen, known * np.log(known / np.where(frozen, 1.0, start)) - best, 0.0)
    comparisons = []
    for late in (4.0, 64.0):
        t = late * np.asarray(p.time)[:, None]
        gap = (entropy_point(p, t) * c).sum(axis=-1) - np.min(ratio, axis=-1) * y[:, 0]
        comparisons.append(tc.at_most(f"Σc w - min ≤ C/(4δ²t) at {late:g} t", gap, factor * cost.sum(axis=-1) / (4 * t[:, 0])))
    return tc.all_of(*comparisons)


def one_step(p: DiagonalFit, precision: tc.Precision, factor: float = 2.0) -> tc.Comparison:
    """v after one step of label noise δ = ½ against v(1 - 2ηrz), r = ∓δ."""
    eta, delta = 0.125, 0.5
    end = tc.follow(p.objective, tc.GradientDescent(eta, tc.LabelNoise(delta, seed=np.arange(len(p.theta)))), p.theta, tc.Stop(steps=1)).final
    one, other = (p.theta * (1 + sign * factor * eta * delta * p.Z[:, 0]) for sign in (1, -1))
    return tc.equal(
        "(v' - v(1 - 2ηδz))(v' - v(1 + 2ηδz)) = 0", np.sum((end - one) ** 2, -1) * np.sum((end - other) ** 2, -1), 0.0 * p.time, scale=1.0
    )


def zeros_stay(p: DiagonalFit, precision: tc.Precision, everywhere: bool = False) -> tc.Comparison:
    """Entries that are 0 after 50 steps of label noise, times 0; everywhere: all entries stay."""
    end = tc.follow(p.objective, tc.GradientDescent(0.0625, tc.LabelNoise(0.5, seed=7)), p.theta, tc.Stop(steps=50)).final
    kept = np.ones_like(p.theta) if everywhere else (p.theta == 0)
    return tc.equal("v_j(k) = 0 where v_j(0) = 0", kept * end, kept * p.theta, scale=1.0)


def clean_batches(p: DiagonalFit, precision: tc.Precision, deviation: float = 0.0) -> tc.Comparison:
    """Where SGD, with label noise or without, is after 20 steps from a fit."""
    gradient = tc.LabelNoise(deviation, seed=3) if deviation else tc.Minibatch(1, seed=3)
    end = tc.follow(p.objective, tc.GradientDescent(0.0625, gradient), p.theta, tc.Stop(steps=20)).final
    return tc.equal("v_k = v_0", end, p.theta)


def mean_rate(p: DiagonalFit, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """The share of E q_k - q_0 that is not its limit -2δ²z_1z_2(z_1 - z_2)t, q = z_2 log v_1 - z_1 log v_2, against η."""
    (z1, z2), h = p.Z[0], float(p.trace)
    etas, delta, key = np.array([0.8, 0.4, 0.2]) / h, 2.0**-5, int(p.noise.generator().integers(2**62))
    steps = np.round((etas * h / 4) ** -2.0).astype(int)
    method = lambda seed: tc.GradientDescent(etas[:, None], tc.LabelNoise(delta, seed))  # noqa: E731
    ensemble = tc.Ensemble(p.objective, method, p.theta, tc.Stop(steps=steps[:, None]))
    mean = tc.expectation(ensemble.changes(lambda v: z2 * np.log(v[..., 0]) - z1 * np.log(v[..., 1]), key), most=256, accuracy=1e-4)
    excess = 1 - (-2 * z1 * z2 * (z1 - z2) * (delta * etas) ** 2 * steps) / mean
    first, last = (np.log(a / b) / np.log(2.0) for a, b in ((excess[0], excess[1]), (excess[1], excess[2])))
    slope = tc.Measured((2 * last - first).value, first.error + last.error + np.abs(last.value - first.value))
    return tc.equal("1 - limit/E = O(η)", slope, exponent, resolution=0.25)


def isotropic(p: DiagonalFit, precision: tc.Precision, of: tc.SpectralFunction = tc.LOG_PDET) -> tc.Comparison:
    """½∂²Φ[I] along Γ, by differences of limits of flows next to v, against -¼P_T∇ log pdet H."""
    reaches = 2.0 ** -np.arange(5, 8)
    moves = reaches[:, None, None] * np.concatenate([np.eye(2), -np.eye(2)])
    found = tc.limit_near(p.objective, p.theta, np.broadcast_to(moves.reshape(-1, 2), (len(p.theta), 12, 2))).reshape(len(p.theta), 3, 4, 2)
    bends = (found - p.theta[:, None, None]).sum(axis=-2) / (2 * reaches[:, None] ** 2)
    slope = MODEL.kernels.jacobian(p.theta)
    normal = (p.Z @ slope)[:, 0]
    tangent = np.stack([normal[:, 1], -normal[:, 0]], axis=-1) / np.linalg.norm(normal, axis=-1, keepdims=True)
    along = (bends * tangent[:, None]).sum(axis=-1)
    drift = 0.25 * (of.drift(p.objective, p.theta) * tangent).sum(axis=-1)
    values = tc.Measured(along.value.T, along.error.T)
    return replace(tc.tends_to("t·½∂²Φ[I] = -¼t·∇log pdet H", reaches**2, values, drift, resolution=1e-2), scale=np.abs(drift.value) + 1.0)


# -- what algebra settles --


def identities() -> tuple[tc.Identity, ...]:
    """The step, the trace on the minimisers, and log w along the limit flow."""
    v, z, y, eta, c, delta, g = sp.symbols("v z y eta c delta g", real=True)
    loss = (z * v**2 - y) ** 2 / 2
    r = z * v**2 - y
    step = tc.Identity(v - eta * sp.diff(loss, v), v * (1 - 2 * eta * r * z))
    trace = tc.Identity(sp.diff(loss, v, 2).subs(y, z * v**2), 4 * z**2 * v**2)
    flow = tc.Identity(2 * v * (-2 * delta**2 * c * v + v * g), v**2 * (-4 * delta**2 * c + 2 * g))
    return step, trace, flow


in_step, on_trace, along_flow = identities()


def theorem(name, ambient, premises, claim, statement, known=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=stacked)


anyhow, same_sign, noisy = networks_of(False, True), networks_of(False, False), networks_of(True, True)
shrunk_law = r"w(t) = \arg\min\{\sum_j w_j \log(w_j/\tilde w_j) - w_j : Zw = y\}, \; \tilde w = w(0) e^{-4\delta^2 c t}"
shrinking = theorem("limit_flow_has_shrunk_start_of_positive", anyhow, (positive,), shrunk_start, shrunk_law, (on_trace, along_flow))
gap_law = r"\sum_j c_j w_j(t) - \min_{Zw=y, w \ge 0} \sum_j c_j w_j \le C/(4\delta^2 t)"
mass = theorem("weighted_mass_gap_le_of_positive", same_sign, (positive,), mass_gap, gap_law)
step = theorem("entries_shrink_by_of_one_step", anyhow, (), one_step, r"v_j \to v_j (1 - 2\eta r_i Z_{ij})", (in_step,))
zeros = theorem("zero_entries_stay", anyhow, (), zeros_stay, r"v_j(0) = 0 \Rightarrow v_j(k) = 0")
clean = theorem("clean_batches_stay", anyhow, (), clean_batches, r"\delta = 0 \Rightarrow v_k = v_0")
mean_law = r"\mathbb{E}\, q_{t/\eta^2} - q_0 = -2\delta^2 z_1 z_2 (z_1 - z_2) t\,(1 + O(\eta)), \; q = z_2 \log v_1 - z_1 \log v_2"
mean = theorem("mean_follows_limit_flow", noisy, (uneven,), mean_rate, mean_law, stacked=False)
shape = theorem(
    "isotropic_noise_favours_log_pdet",
    anyhow,
    (positive,),
    isotropic,
    r"t \cdot \tfrac12\partial^2\Phi[I] = -\tfrac14 t \cdot \nabla\log\mathrm{pdet} H",
)

THEOREMS = (shrinking, mass, step, zeros, clean, mean, shape)
FALSE = (
    shrinking.claiming("rate_8", partial(shrunk_start, rate=8.0)),
    shrinking.claiming("rate_2", partial(shrunk_start, rate=2.0)),
    shrinking.claiming("no_change", partial(shrunk_start, rate=0.0)),
    shrinking.claiming("unweighted", partial(shrunk_start, weighted=False)),
    shrinking.claiming("any_shape_of_noise", partial(shrunk_start, of=tc.LOG_PDET)),
    mass.without(positive),
    mass.claiming("unweighted", partial(mass_gap, weighted=False)),
    step.claiming("once", partial(one_step, factor=1.0)),
    zeros.claiming("everything_stays", partial(zeros_stay, everywhere=True)),
    clean.claiming("with_label_noise", partial(clean_batches, deviation=0.5)),
    mean.claiming("second_order", partial(mean_rate, exponent=2.0)),
    shape.claiming("trace", partial(isotropic, of=tc.TRACE)),
)
FINDINGS = (
    tc.Finding(
        "which potential noise descends is decided by its shape: in every parameter alike it is log pdet H, in the labels it is tr H",
        "the flow of log pdet H is off the shrunk-start projection, and ½∂²Φ[I] off -¼P_T∇tr H, already for two entries and one sample",
        "theorycheck check haochen_2020/isotropic_noise_favours_log_pdet",
    ),
)
