r"""Initialization scale against training accuracy (Moroshko, Gunasekar, Woodworth, Lee, Srebro & Soudry 2020, arXiv:2007.06738).

The shape of the potentials, from kernel to rich, is in `moroshko_2020_shape`.

Setting      w = u_+^D - u_-^D entry by entry, u_±(0) = α1, gradient flow of the mean of exp(-⟨w, x_n⟩) (labels in x_n), or of any loss of
             w; s(t) = -∫∇_wℓ. h_2(z) = 2 sinh z, h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)); q_D = ∫h_D^{-1}, Q_μ(w) = Σμq_D(w_i/μ).
Convention   z = 4s for D = 2, z = D(D-2)α^(D-2)s for D > 2; with w = (u_+² - u_-²)/2 or half the loss these factors change.
Results      w_eq_closed_form_of_equal_starts   w = α^D h_D(z) for any loss; u_+u_- = α², u_+^(2-D) + u_-^(2-D) = 2α^(2-D); ∇R(w) = s
             path_is_bregman_projection      w(t) = argmin {Q_{α^D}(w) : Xw = Xw(t)} at every t and α (for one sample: of given margin)
             dual_tends_to_margin_of_monotone    two samples, α → ∞ at fixed Σλ, λ = 4ν or D(D-2)α^(D-2)ν: λ → argmin {Q*(Xᵀλ)}
             dual_distance_is_second_order   at the rate α^(-D) where both samples support
             margin_of_dual                  that minimum is the Q_μ-max-margin direction with 1/μ the least margin of h_D(Xᵀλ)
             Closed forms and the hypothesis of monotone duals are derived in the project's catalogue.
Not covered  Three and more samples in the limit; fixed α and t → ∞ for D > 2 (stationary points of the quasi-norm ℓ_(2/D)).
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.classifiers import Classifier, classifiers
from theorycheck.instances.commuting import nameless

paper = tc.Source("Moroshko et al.", 2020, arxiv="2007.06738", item="implicit bias and initialization scale")
BETAS = 4.0 ** np.arange(4, 8)  # of α^D


# -- claims --


def closed_form(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flow of ⟨c, w⟩ to time 1, so that s = -c: the map, the conserved combination, and the mirror map."""
    d, D = p.X.shape[-1], p.depth
    data = tc.Regression(np.broadcast_to(np.eye(d), (*p.dual.shape, d)), -p.dual)
    objective = tc.Objective(nameless(p.model), tc.LinearLoss(((1.0, (0.0,) * d),)), data)
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=1.0), record=(tc.end_to_end,))
    bars = run.error[..., None] * (1 + 0 * run.final)
    u, v = (tc.Measured(run.final[..., part], bars[..., part]) for part in (slice(d), slice(d, None)))
    power = np.asarray(p.alpha)[..., None] ** (2 - D)
    left, right = (u * v, 1 / power**0 * np.asarray(p.alpha)[..., None] ** 2) if D == 2 else (u ** (2 - D) + v ** (2 - D), 2 * power)
    w = np.asarray(p.alpha)[..., None] ** D * p.link(factor * p.z)
    mirror = tc.legendre_potential(p.model, replace(p, ratio=1.0 + 0 * np.asarray(p.alpha)).start).mirror(w)
    return tc.all_of(
        tc.equal("w = α^D h_D(z)", run.records[tc.end_to_end][..., -1, :], w, scale=np.asarray(p.alpha) ** D),
        tc.equal("conserved", left, np.broadcast_to(right, left.shape)),
        tc.equal("∇R(w) = s", mirror, p.dual, scale=np.abs(p.dual).max(axis=-1) + 1e-3),
    )


def path(p: Classifier, precision: tc.Precision, euclidean: bool = False, alpha: float = 1.0) -> tc.Comparison:
    """w(t) of the exponential loss at t = 1 against the Bregman projection onto {Xw = Xw(t)}."""
    objective = tc.Objective(nameless(p.model), tc.ExponentialLoss(), tc.Classification(p.X, np.ones(p.X.shape[:-1])))
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=1.0), record=(tc.end_to_end,))
    w = run.records[tc.end_to_end][..., -1, :]
    y = (p.X @ w.value[..., None])[..., 0]
    if euclidean:
        return tc.equal("w(t) = least norm", w, (np.linalg.pinv(p.X) @ y[..., None])[..., 0])
    found = tc.bregman_projection(tc.legendre_potential(p.model, alpha * p.start), p.X, y).w
    size = np.linalg.norm(p.X, axis=(-2, -1)) / np.linalg.svd(p.X)[1][..., -1]
    return tc.equal("w(t) = argmin Q", w, found + tc.Measured(0 * y.sum(axis=-1), size * w.error.max(axis=-1))[..., None])


def duals(p: Classifier, beta: np.ndarray, of: float = 1.0) -> tuple[tc.Measured, tc.Measured]:
    """λ of the flow at each β = α^D, shape (k, ..., 2), and the minimum it should tend to."""
    scales = beta.reshape(-1, *(1,) * np.ndim(p.tau))
    return tc.dual_flow(p.link, p.X, p.tau, scales, steps=8), tc.simplex_minimum(p.link, p.X, of * p.tau)


def tends(p: Classifier, precision: tc.Precision, of: float = 1.0) -> tc.Comparison:
    """λ at fixed Σλ for α^D = 4^4, ..., 4^7."""
    seen, limit = duals(p, BETAS, of)
    return tc.tends_to("λ → argmin Q*(Xᵀλ)", 1 / BETAS, seen, limit)


def second_order(p: Classifier, precision: tc.Precision, exponent: float = -1.0) -> tc.Comparison:
    """The distance to the minimum against β = α^D."""
    seen, limit = duals(p, BETAS)
    apart = tc.Measured(np.abs(seen.value - limit.value)[..., 0], (seen.error + 1e-12)[..., 0])
    return tc.scales_as("|λ - argmin| ~ α^(-D)", BETAS, apart, exponent, resolution=0.05)


def least_margin(p: Classifier) -> np.ndarray:
    """1/μ: the least margin of h_D(Xᵀλ) at the minimum."""
    lam = tc.simplex_minimum(p.link, p.X, p.tau).value
    w = p.link((np.swapaxes(p.X, -1, -2) @ lam[..., None])[..., 0])
    return (p.X @ w[..., None]).min(axis=(-2, -1))


def margin(p: Classifier, precision: tc.Precision, power: float | None = None) -> tc.Comparison:
    """μ h_D(Xᵀλ) against argmin {Q_μ(w) : Xw ≥ 1}; the potential of Q_μ starts at μ^(1/D) (or, false, at another power of μ)."""
    mu = 1 / least_margin(p)
    lam = tc.simplex_minimum(p.link, p.X, p.tau).value
    w = mu[..., None] * p.link((np.swapaxes(p.X, -1, -2) @ lam[..., None])[..., 0])
    start = (mu ** (power or 1 / p.depth))[..., None] * np.ones(2 * p.X.shape[-1])
    found = tc.max_margin(tc.legendre_potential(p.model, start), p.X)
    return tc.equal("μ h_D(Xᵀλ) = argmin Q_μ", w, found.w, resolution=1e-5, scale=1e3 * 1e-6 + np.abs(w).max(axis=-1))


def sparse_at_loss(p: Classifier, precision: tc.Precision) -> tc.Comparison:
    """At loss 1e-10 from α = 1 the margin over ℓ1 norm of one sample is the largest possible, max|x_i|: false."""
    x = p.X[..., :1, :]
    one = np.ones((*x.shape[:-2], 2 * x.shape[-1]))
    w = tc.bregman_projection(tc.legendre_potential(p.model, one), x, np.full(x.shape[:-1], 10 * np.log(10.0))).w
    share = 10 * np.log(10.0) / tc.Measured(np.abs(w.value).sum(axis=-1), w.error.sum(axis=-1))
    return tc.equal("⟨w, x⟩/‖w‖_1 = max|x_i|", share, np.abs(x).max(axis=(-2, -1)))


# -- hypotheses --


def independent(p: Classifier) -> bool:
    """Singular values of X at least 1/4."""
    return bool(np.linalg.svd(p.X)[1][..., -1] >= 0.25)


def grows(p: Classifier) -> bool:
    """No entry of argmin {Q*(Xᵀλ) : Σλ = τ'} falls as τ' grows to τ, on a grid of 256."""
    tau = p.tau * np.arange(1, 257) / 256
    lam = tc.simplex_minimum(p.link, p.X, tau).value
    return bool(np.all(np.diff(lam, axis=0) >= -1e-9 * p.tau))


def supports(p: Classifier) -> bool:
    """Both entries are at least a sixteenth of Σλ, at every τ', and they differ as much."""
    shares = tc.simplex_minimum(p.link, p.X, p.tau * np.arange(1, 9) / 8).value / (p.tau * np.arange(1, 9)[:, None] / 8)
    return bool(np.all(shares.min(axis=-1) >= 0.0625) and abs(np.diff(shares[-1])[0]) >= 0.0625)


equal_starts = tc.Premise("equal_starts", "u_-(0) = u_+(0)", lambda p: p.ratio == 1, enforce=lambda p: replace(p, ratio=1.0))
regular = tc.Premise("regular", "no singular value of X is below 1/4", independent)
monotone = tc.Premise("monotone", "no support vector leaves: λ(τ') is non-decreasing up to τ", grows)
both = tc.Premise("both", "both samples support, differently", supports)
separable = tc.Premise("separable", "the least margin is at least 1/16", lambda p: bool(least_margin(p) >= 0.0625))


# -- what algebra settles --


def conserved() -> tuple[tc.Identity, ...]:
    """What is conserved, from u̇ = ±Du^(D-1)ṡ."""
    u, v, r = sp.symbols("u v r", positive=True)
    rates = [tc.Identity((2 - D) * u ** (1 - D) * D * u ** (D - 1) * r - (2 - D) * v ** (1 - D) * D * v ** (D - 1) * r, 0) for D in (3, 4, 6)]
    return (tc.Identity(2 * u * r * v - u * 2 * v * r, 0), *rates)


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=()) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=True)


problems = classifiers()
closed = theorem("w_eq_closed_form_of_equal_starts", problems, (equal_starts,), closed_form, r"w = \alpha^D h_D(z)", conserved())
on_path = theorem(
    "path_is_bregman_projection", classifiers((2, 3)), (equal_starts, regular), path, r"w(t) = \arg\min \{Q_{\alpha^D}(w) : X w = X w(t)\}"
)
dual_tends = theorem("dual_tends_to_margin_of_monotone", problems, (regular, monotone), tends, r"\lambda \to \arg\min \{Q^*(X^\top \lambda)\}")
dual_rate = theorem("dual_distance_is_second_order", problems, (regular, monotone, both), second_order, r"|\lambda - \arg\min| \sim \alpha^{-D}")
margin_is = theorem("margin_of_dual", problems, (regular, separable), margin, r"\mu h_D(X^\top \lambda) = \arg\min \{Q_\mu(w) : X w \ge 1\}")

THEOREMS = (closed, on_path, dual_tends, dual_rate, margin_is)
FALSE = (
    closed.without(equal_starts),
    closed.claiming("argument_1_0002", partial(closed_form, factor=1.0002)),
    on_path.claiming("least_norm", partial(path, euclidean=True)),
    on_path.claiming("independent_of_the_scale", partial(path, alpha=1.5)),
    dual_tends.without(monotone),
    dual_tends.claiming("tau_1_01", partial(tends, of=1.01)),
    dual_rate.claiming("order_alpha_to_half_depth", partial(second_order, exponent=-0.5)),
    margin_is.claiming("scale_alpha_over_gamma", partial(margin, power=1.0)),
    margin_is.claiming("sparse_at_loss_1e_10", sparse_at_loss),
)
FINDINGS = (
    tc.Finding(
        "The Q_μ-max-margin limit needs that no support vector leaves: the flow cannot lower ν_n, so it ends elsewhere where λ_n falls",
        "X = [[.82, .8, .98, 1.69, -.05], [.94, -.74, -.35, 1.06, .39]], D = 2: margins (1.143, 1), (1.1407, 1), (1.1406, 1) at α = 10, 100, 300; "
        "planted as dual_tends_to_margin_of_monotone:without_monotone",
        "theorycheck check moroshko_2020/dual_tends_to_margin_of_monotone",
    ),
)
