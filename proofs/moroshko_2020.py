r"""Initialization scale against training accuracy (Moroshko, Gunasekar, Woodworth, Lee, Srebro & Soudry 2020, arXiv:2007.06738).

Setting      w = u_+^D - u_-^D entry by entry, u_±(0) = α1, gradient flow of the mean of exp(-⟨w, x_n⟩) (labels in x_n), or of any loss of
             w; s(t) = -∫∇_wℓ. h_2(z) = 2 sinh z, h_D(z) = (1-z)^(-D/(D-2)) - (1+z)^(-D/(D-2)); q_D = ∫h_D^{-1}, Q_μ(w) = Σμq_D(w_i/μ).
Convention   z = 4s for D = 2, z = D(D-2)α^(D-2)s for D > 2; with w = (u_+² - u_-²)/2 or half the loss these factors change.
Results      w_eq_closed_form_of_equal_starts   w = α^D h_D(z) for any loss; u_+u_- = α², u_+^(2-D) + u_-^(2-D) = 2α^(2-D); ∇R(w) = s
             path_is_bregman_projection      w(t) = argmin {Q_{α^D}(w) : Xw = Xw(t)} at every t and α (for one sample: of given margin)
             kernel_shape, rich_shape        q_D(z)/z² → 1/4, (D-2)/(4D) as z → 0; q_D(z)/z → 1, q_2(z) - z(log z - 1) → 2 as z → ∞
             dual_tends_to_margin_of_monotone    two samples, α → ∞ at fixed Σλ, λ = 4ν or D(D-2)α^(D-2)ν: λ → argmin {Q*(Xᵀλ)}
             dual_distance_is_second_order   at the rate α^(-D) where both samples support
             margin_of_dual                  that minimum is the Q_μ-max-margin direction with 1/μ the least margin of h_D(Xᵀλ)
             Closed forms and the hypothesis of monotone duals are derived in the project's catalogue.
Not covered  Three and more samples in the limit; fixed α and t → ∞ for D > 2 (stationary points of the quasi-norm ℓ_(2/D)).
"""

from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Moroshko et al.", 2020, arxiv="2007.06738", item="implicit bias and initialization scale")


@dataclass(frozen=True)
class Classifier:
    """Depth D, α, the ratio of u_-(0) to u_+(0), two samples, a point z of the dual domain, a share of the largest Σλ."""

    depth: int
    alpha: float
    ratio: float
    X: np.ndarray
    z: np.ndarray
    share: float

    @property
    def model(self) -> tc.Diagonal:
        """u_+^D - u_-^D."""
        return tc.Diagonal(self.X.shape[-1], self.depth)

    @property
    def start(self) -> np.ndarray:
        """θ_0, shape (..., 2d)."""
        one = np.asarray(self.alpha)[..., None] * np.ones(self.X.shape[-1])
        return np.concatenate([one, np.asarray(self.ratio)[..., None] * one], axis=-1)

    @property
    def dual(self) -> np.ndarray:
        """The s at which the argument of h_D is z."""
        D, a = self.depth, np.asarray(self.alpha)[..., None]
        return self.z / 4 if D == 2 else self.z / (D * (D - 2) * a ** (D - 2))

    @property
    def tau(self) -> np.ndarray:
        """Σλ: its share of 3, or of 1, over the largest entry of X, so that Xᵀλ stays in the domain of h_D."""
        return (3.0 if self.depth == 2 else 1.0) * self.share / np.maximum(np.abs(self.X).max(axis=(-2, -1)), 0.125)

    def link(self, z: np.ndarray) -> np.ndarray:
        """h_D."""
        return link(z, self.depth)


def classifiers(depths: tuple[int, ...] = (2, 3, 4, 5)) -> tc.Recipe:
    """Two samples of two or three inputs in [-2, 2]."""

    @tc.recipe
    def problems(draw):
        D, d = draw(tc.choice(depths)), draw(tc.integers(2, 3))
        scales = draw(tc.reals(0.25, 1.5)), draw(tc.choice((1.0, 0.5, 0.75)))
        return Classifier(D, *scales, draw(tc.array((2, d))), draw(tc.array(d, -0.75, 0.75)), draw(tc.reals(0.0625, 0.875)))

    return problems


def link(z: np.ndarray, D: int) -> np.ndarray:
    """h_D."""
    return 2 * np.sinh(z) if D == 2 else (1 - z) ** (-D / (D - 2)) - (1 + z) ** (-D / (D - 2))


def nameless(p: Classifier) -> tc.Entrywise:
    """The same map as plain expressions, so that flows run in θ and not in mirror coordinates."""
    return plain(p.depth, p.X.shape[-1])


@cache
def plain(D: int, d: int) -> tc.Entrywise:
    """u_+^D - u_-^D as expressions."""
    model = tc.Diagonal(d, D)
    return tc.Entrywise(model.symbols, model.expressions)


def integral(y: np.ndarray, D: int) -> np.ndarray:
    """q_D(h_D(y))."""
    if D == 2:
        return 2 - 2 * np.cosh(y) + 2 * np.sinh(y) * y
    bracket = (1 - y) ** (-2 / (D - 2)) + (1 + y) ** (-2 / (D - 2)) - 2
    return link(y, D) * y - (D - 2) / 2 * bracket


# -- claims --


def closed_form(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flow of ⟨c, w⟩ to time 1, so that s = -c: the map, the conserved combination, and the mirror map."""
    d, D = p.X.shape[-1], p.depth
    data = tc.Regression(np.broadcast_to(np.eye(d), (*p.dual.shape, d)), -p.dual)
    objective = tc.Objective(nameless(p), tc.LinearLoss(((1.0, (0.0,) * d),)), data)
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
    objective = tc.Objective(nameless(p), tc.ExponentialLoss(), tc.Classification(p.X, np.ones(p.X.shape[:-1])))
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=1.0), record=(tc.end_to_end,))
    w = run.records[tc.end_to_end][..., -1, :]
    y = (p.X @ w.value[..., None])[..., 0]
    if euclidean:
        return tc.equal("w(t) = least norm", w, (np.linalg.pinv(p.X) @ y[..., None])[..., 0])
    found = tc.bregman_projection(tc.legendre_potential(p.model, alpha * p.start), p.X, y).w
    size = np.linalg.norm(p.X, axis=(-2, -1)) / np.linalg.svd(p.X)[1][..., -1]
    return tc.equal("w(t) = argmin Q", w, found + tc.Measured(0 * y.sum(axis=-1), size * w.error.max(axis=-1))[..., None])


def kernel(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q_D(z)/z² at z = h_D(2^-k)."""
    y, D = 2.0 ** -np.arange(2, 8), p.depth
    return tc.tends_to("q_D(z)/z² → q''(0)/2", y, integral(y, D) / link(y, D) ** 2, factor * (0.25 if D == 2 else (D - 2) / (4 * D)))


def rich(p: Classifier, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """q_D(z)/z at z = h_D(1 - 2^-k), or q_2(z) - z(log z - 1) for growing z."""
    if p.depth == 2:
        y = np.log(2.0 ** np.arange(4, 14))
        z = link(y, 2)
        return tc.tends_to("q_2(z) - z(log z - 1) → 2", np.exp(-y), integral(y, 2) - z * (np.log(z) - 1), factor * 2)
    gaps = 2.0 ** -np.arange(30, 42)
    return tc.tends_to("q_D(z)/z → 1", gaps, integral(1 - gaps, p.depth) / link(1 - gaps, p.depth), factor)


def duals(p: Classifier, beta: np.ndarray, of: float = 1.0) -> tuple[tc.Measured, tc.Measured]:
    """λ of the flow at each β = α^D, shape (k, ..., 2), and the minimum it should tend to."""
    scales = beta.reshape(-1, *(1,) * np.ndim(p.tau))
    return tc.dual_flow(p.link, p.X, p.tau, scales, steps=8), tc.simplex_minimum(p.link, p.X, of * p.tau)


BETAS = 4.0 ** np.arange(4, 8)


def tends(p: Classifier, precision: tc.Precision, of: float = 1.0) -> tc.Comparison:
    """λ at fixed Σλ for α^D = 4^4, ..., 4^7."""
    seen, limit = duals(p, BETAS, of)
    return tc.tends_to("λ → argmin Q*(Xᵀλ)", 1 / BETAS, seen, limit)


def second_order(p: Classifier, precision: tc.Precision, exponent: float = -1.0) -> tc.Comparison:
    """The distance to the minimum against β = α^D."""
    seen, limit = duals(p, BETAS)
    apart = tc.Measured(np.abs(seen.value - limit.value)[:, 0], (seen.error + 1e-12)[:, 0])
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


@cache
def algebra() -> dict[str, tuple[tc.Identity, ...]]:
    """q_2' = asinh(z/2) and h_D' per depth; what is conserved, from u̇ = ±Du^(D-1)ṡ."""
    z, y, u, v, r = sp.symbols("z y u v r", positive=True)
    q2 = 2 - sp.sqrt(4 + z**2) + z * sp.asinh(z / 2)
    deep = []
    for D in (3, 4, 6):
        h = (1 - y) ** sp.Rational(-D, D - 2) - (1 + y) ** sp.Rational(-D, D - 2)
        q = h * y - sp.Rational(D - 2, 2) * ((1 - y) ** sp.Rational(-2, D - 2) + (1 + y) ** sp.Rational(-2, D - 2) - 2)
        deep += [tc.Identity(sp.diff(q, y), y * sp.diff(h, y)), tc.Identity(sp.diff(h, y).subs(y, 0), sp.Rational(2 * D, D - 2))]
    rates = [tc.Identity((2 - D) * u ** (1 - D) * D * u ** (D - 1) * r - (2 - D) * v ** (1 - D) * D * v ** (D - 1) * r, 0) for D in (3, 4, 6)]
    series = tc.Identity(sp.series(q2, z, 0, 6).removeO(), z**2 / 4 - z**4 / 192)
    return {
        "conserved": (tc.Identity(2 * u * r * v - u * 2 * v * r, 0), *rates),
        "shape": (tc.Identity(sp.diff(q2, z), sp.asinh(z / 2)), series, *deep),
    }


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=stacked)


problems, depths = classifiers(), classifiers((2, 3, 4, 5, 6))
closed = theorem("w_eq_closed_form_of_equal_starts", problems, (equal_starts,), closed_form, r"w = \alpha^D h_D(z)", algebra()["conserved"])
on_path = theorem(
    "path_is_bregman_projection", classifiers((2, 3)), (equal_starts, regular), path, r"w(t) = \arg\min \{Q_{\alpha^D}(w) : X w = X w(t)\}"
)
kernel_shape = theorem("kernel_shape", depths, (), kernel, r"q_D(z) / z^2 \to q_D''(0)/2", algebra()["shape"], stacked=False)
rich_shape = theorem("rich_shape", depths, (), rich, r"q_D(z) / z \to 1, \; q_2(z) - z (\log z - 1) \to 2", stacked=False)
dual_tends = theorem("dual_tends_to_margin_of_monotone", problems, (regular, monotone), tends, r"\lambda \to \arg\min \{Q^*(X^\top \lambda)\}")
dual_rate = theorem(
    "dual_distance_is_second_order", problems, (regular, monotone, both), second_order, r"|\lambda - \arg\min| \sim \alpha^{-D}", stacked=False
)
margin_is = theorem("margin_of_dual", problems, (regular, separable), margin, r"\mu h_D(X^\top \lambda) = \arg\min \{Q_\mu(w) : X w \ge 1\}")

THEOREMS = (closed, on_path, kernel_shape, rich_shape, dual_tends, dual_rate, margin_is)
FALSE = (
    closed.without(equal_starts),
    closed.claiming("argument_1_0002", partial(closed_form, factor=1.0002)),
    on_path.claiming("least_norm", partial(path, euclidean=True)),
    on_path.claiming("independent_of_the_scale", partial(path, alpha=1.5)),
    kernel_shape.claiming("factor_1_01", partial(kernel, factor=1.01)),
    rich_shape.claiming("factor_1_01", partial(rich, factor=1.01)),
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
