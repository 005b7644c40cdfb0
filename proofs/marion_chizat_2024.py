r"""Flat minima of deep linear regression (Marion & Chizat 2024, arXiv:2405.13456).

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n with largest eigenvalue Λ; w* the
             least-squares solution of least norm, z = Σ^{1/2} w*, a = w*ᵀΣw*/|w*|², b = w*ᵀΣ²w*/(w*ᵀΣw*); S = λ_max(∇²R).
Convention   1/n without 1/2 (c = 1); with 1/(2n) every sharpness here halves.
Results      sharpness_ge_of_minimiser          S ≥ 2 L |w*|^(2-2/L) a at every minimiser (published)
             sharpness_ge_energy_of_minimiser   S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L), which is larger
             sharpness_ge_least_of_minimiser    S ≥ S_min, the exact least sharpness (a convex problem in one variable)
             sharpness_eq_least_of_flattest     the aligned network with the optimal first gain attains S_min
             least_sharpness_le                 S_min ≤ 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²) (published), through the balanced value
             sharpness_eq_balanced_of_balanced  balanced minimisers have the sharpness S_bal
             balanced_gap_closes                S_bal / (2 L |w*|^(2-2/L) a) ≤ (L-1)/L + Λ/(La)
             least_sharpness_eq_of_top_target   all of them agree when w* is a top eigenvector of Σ
             sharpness_unbounded_of_minimiser   (W_1/τ, τW_2) is a minimiser of sharpness ≥ 2Λτ²|W_2ᵀ...W_Lᵀ|²
             The exact value, its consequences and the explicit family are in the form derived in the project's catalogue;
             the two-sided bound is the paper's (its square root in the form reconstructed there).
Not covered  Small and residual starts, the largest usable step: `marion_chizat_2024_small_start`, `..._residual`, `..._step`.
"""

from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.instances.flat_minima import balanced_sharpness, curvature_along_target, least_sharpness, top_curvature
from theorycheck.instances.flat_minima import flat_bound as lower
from theorycheck.instances.flat_minima import target_scale as scale

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="minimal sharpness")
unbounded = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="sharp minimisers")
fits = deep_linear_fits(depth=(2, 6), width=(1, 4), dim=(1, 4), samples=(1, 12))
deep_fits = deep_linear_fits(depth=(2, 12), width=(1, 2), dim=(1, 6), samples=(1, 18))


# -- the numbers the statements are about, besides those of theorycheck.instances.flat_minima --


def energy_curvature(f: DeepLinearFit) -> float:
    """b = w*ᵀΣ²w*/(w*ᵀΣw*), never below a."""
    g = f.covariance @ f.w_star
    return float(g @ g / (f.w_star @ g))


def energy_lower(f: DeepLinearFit) -> float:
    """2 L b^(1/L) (a|w*|²)^(1-1/L): the value at the best first gain of the quadratic form along z."""
    z2 = float(f.w_star @ f.covariance @ f.w_star)
    return 2.0 * f.depth * energy_curvature(f) ** (1 / f.depth) * z2 ** (1 - 1 / f.depth)


def upper(f: DeepLinearFit) -> tc.Measured:
    """Published upper bound 2 |w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²)."""
    return 2 * scale(f) * np.sqrt((2 * f.depth - 1) * top_curvature(f) ** 2 + ((f.depth - 1) * curvature_along_target(f)) ** 2)


def flattest(f: DeepLinearFit) -> DeepLinearFit | None:
    """The aligned network with gains |w*|/√t, t^(1/(2(L-1))), ... at the optimal t."""
    t = least_sharpness(f)[0]
    return f.aligned([np.linalg.norm(f.w_star) / np.sqrt(t), *[t ** (0.5 / (f.depth - 1))] * (f.depth - 1)])


# -- hypotheses --


def balanced(f: DeepLinearFit) -> DeepLinearFit | None:
    """The aligned network with equal gains |w*|^(1/L): balanced, and a minimiser."""
    return f.aligned([float(np.linalg.norm(f.w_star)) ** (1 / f.depth)] * f.depth) if f.data.has_signal else None


def grams_of_neighbours(f: DeepLinearFit) -> tc.Comparison:
    """W_{j+1}ᵀW_{j+1} = W_jW_jᵀ for every j."""
    left = [W.T @ W for W in f.layers[1:]]
    right = [W @ W.T for W in f.layers[:-1]]
    return tc.equal("W_{j+1}ᵀW_{j+1} = W_jW_jᵀ", np.concatenate([m.ravel() for m in left]), np.concatenate([m.ravel() for m in right]))


def onto_top_target(f: DeepLinearFit) -> DeepLinearFit | None:
    """The same inputs, with the targets of |w*| times a top eigenvector of Σ."""
    return f.retargeted(np.linalg.norm(f.w_star) * np.linalg.eigh(f.covariance)[1][:, -1]) if f.data.has_signal else None


def along_top(f: DeepLinearFit) -> tc.Comparison:
    """Σw* = Λw*."""
    return tc.equal("Σw* = Λw*", f.covariance @ f.w_star, top_curvature(f) * f.w_star)


def same_predictions(f: DeepLinearFit) -> tc.Comparison:
    """θ fits the data as well as any w can."""
    return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
at_minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", same_predictions, enforce=DeepLinearFit.moved_onto_minimisers)
at_balanced = tc.Premise("balanced", "W_{j+1}ᵀW_{j+1} = W_jW_jᵀ", grams_of_neighbours)
top_target = tc.Premise("top_target", "Σw* = Λw*", along_top, enforce=onto_top_target)
deep = tc.Premise("deep", "L ≥ 2", lambda f: f.depth >= 2)


# -- claims --


def sharpness(f: DeepLinearFit, precision: tc.Precision) -> tc.Measured:
    """S(θ)."""
    return tc.sharpness(f.objective, f.theta, precision)


def lower_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 2.0) -> tc.Comparison:
    """The published lower bound, with its 2 replaced by `factor`."""
    return tc.at_least("S ≥ 2 L |w*|^(2-2/L) a", sharpness(f, precision), factor / 2 * lower(f))


def energy_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The larger lower bound, and that it is larger."""
    return tc.all_of(
        tc.at_least("S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L)", sharpness(f, precision), factor * energy_lower(f)),
        tc.at_least("2 L b^(1/L) (a|w*|²)^(1-1/L) ≥ 2 L |w*|^(2-2/L) a", energy_lower(f), lower(f)),
    )


def least_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S ≥ factor S_min."""
    return tc.at_least("S ≥ S_min", sharpness(f, precision), factor * least_sharpness(f)[1])


def attained(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flattest aligned network fits and has sharpness S_min."""
    g = flattest(f) or f
    return tc.all_of(same_predictions(g), tc.equal("S(flattest) = S_min", sharpness(g, precision), factor * least_sharpness(f)[1]))


def chain(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S_min ≤ S_bal ≤ 2|w*|^(2-2/L)(Λ + (L-1)a) ≤ factor x the published upper bound."""
    least, middle, top = least_sharpness(f)[1], balanced_sharpness(f), upper(f)
    sum_bound = 2 * scale(f) * (top_curvature(f) + (f.depth - 1) * curvature_along_target(f))
    return tc.all_of(
        tc.at_most("S_min ≤ S_bal", least, middle),
        tc.at_most("S_bal ≤ 2|w*|^(2-2/L)(Λ + (L-1)a)", middle, sum_bound),
        tc.at_most("2|w*|^(2-2/L)(Λ + (L-1)a) ≤ 2|w*|^(2-2/L) sqrt((2L-1)Λ² + (L-1)²a²)", sum_bound, factor * top),
    )


def least_eq_balanced(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min = S_bal: false, balanced minimisers are not the flattest."""
    return tc.equal("S_min = S_bal", least_sharpness(f)[1], balanced_sharpness(f))


def least_at_least_top(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min ≥ 2 L Λ |w*|^(2-2/L): false, the curvature that counts is the one along w*."""
    return tc.at_least("S_min ≥ 2 L Λ |w*|^(2-2/L)", least_sharpness(f)[1], 2 * f.depth * scale(f) * top_curvature(f))


def least_at_most_lower(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min ≤ 2 L |w*|^(2-2/L) a: false, the published lower bound is not attained in general."""
    return tc.at_most("S_min ≤ 2 L |w*|^(2-2/L) a", least_sharpness(f)[1], lower(f))


def balanced_value(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S = factor S_bal."""
    return tc.equal("S = S_bal", sharpness(f, precision), factor * balanced_sharpness(f))


def gap_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S_bal / lower ≤ factor ((L-1)/L + Λ/(La))."""
    bound = (f.depth - 1) / f.depth + top_curvature(f) / (f.depth * curvature_along_target(f))
    return tc.at_most("S_bal / (2 L |w*|^(2-2/L) a) ≤ (L-1)/L + Λ/(La)", balanced_sharpness(f) / lower(f), factor * bound)


def all_agree(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min = S_bal = 2 L Λ |w*|^(2-2/L)."""
    value = 2 * f.depth * scale(f) * top_curvature(f)
    least, middle = least_sharpness(f)[1], balanced_sharpness(f)
    return tc.all_of(tc.equal("S_min = 2 L Λ |w*|^(2-2/L)", least, value), tc.equal("S_bal = 2 L Λ |w*|^(2-2/L)", middle, value))


def rescaled(f: DeepLinearFit, tau: float) -> DeepLinearFit:
    """(W_1/τ, τW_2, W_3, ...): the same w, another point; nothing to rescale where L = 1."""
    return f.at((f.layers[0] / tau, tau * f.layers[1], *f.layers[2:])) if f.depth > 1 else f


def unbounded_along_rescaling(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The rescaled networks stay minimisers, and S ≥ factor 2Λτ²|q_1|² grows without bound."""
    first_gain = np.linalg.norm(np.linalg.multi_dot([*f.layers[:0:-1], np.eye(f.widths[1])])) if f.depth > 1 else 1.0
    claims = []
    for tau in (2.0, 16.0, 128.0):
        g = rescaled(f, tau)
        bound = factor * 2 * tau**2 * first_gain**2 * top_curvature(f)
        claims += [same_predictions(g), tc.at_least(f"S(W_1/τ, τW_2) ≥ 2Λτ²|q_1|² at τ = {tau:g}", sharpness(g, precision), bound)]
    return tc.all_of(*claims)


def settled_at_most_inverse_step(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """GD of step η that settles has S ≤ 1/η: false, 2/η is the number (here η = 1.5/S, started beside the minimiser)."""
    step = 1.5 / float(sharpness(f, precision))
    run = tc.follow(f.objective, tc.GradientDescent(step=step), 1.0009765625 * f.theta, tc.Stop(steps=2000, gradient_norm=1e-9))
    settled = run.ending.item() is tc.Ending.GRADIENT_SMALL
    final = tc.sharpness(f.objective, run.final, precision)
    return tc.at_most("S(final) ≤ 1/η if GD settles", final if settled else 0.0 * final, 1 / step)


def with_half_loss(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The bound of c = 1 for the loss |X w - y|²/(2n): false, everything halves."""
    half = tc.Objective(f.model, tc.SquaredLoss(0.5), f.data)
    return tc.at_least("S_(1/2n) ≥ 2 L |w*|^(2-2/L) a", tc.sharpness(half, f.theta, precision), lower(f))


def with_last_layer_frozen(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The bound for the curvature in all layers but the last: false, every layer must be trained."""
    trained = f.model.parameters - f.layers[-1].size
    hessian = f.objective.hessian(f.theta)[:trained, :trained]
    return tc.at_least("S(W_1..W_{L-1}) ≥ 2 L |w*|^(2-2/L) a", tc.top_eigenvalue(hessian), lower(f))


# -- what algebra settles: chains from the derived Hessian to the bound, each depth apart, any widths --

any_depth, exact_sharpness, flat_minima = tc.chains.any_depth, tc.chains.exact_sharpness, tc.chains.flat_minima


# -- the theorems --

of_minimisers = (paper, fits, (target_nonzero, at_minimiser))
of_targets = (paper, deep_fits, (target_nonzero,))

sharpness_ge_of_minimiser = tc.Theorem(
    "sharpness_ge_of_minimiser",
    *of_minimisers,
    lower_bound,
    r"S(\theta) \ge 2 L \, |w^*|^{2-2/L} a",
    tight=True,
    identities=(flat_minima.lower, any_depth.lower),
)
sharpness_ge_energy_of_minimiser = tc.Theorem(
    "sharpness_ge_energy_of_minimiser",
    *of_minimisers,
    energy_bound,
    r"S(\theta) \ge 2 L \, b^{1/L} (a |w^*|^2)^{1-1/L} \ge 2 L \, |w^*|^{2-2/L} a",
    tight=True,
    identities=(flat_minima.energy, flat_minima.lower, any_depth.lower),
)
sharpness_ge_least_of_minimiser = tc.Theorem(
    "sharpness_ge_least_of_minimiser",
    *of_minimisers,
    least_bound,
    r"S(\theta) \ge \min_{t>0} 2 \lambda_{\max}\left(t\Sigma + (L-1) t^{-1/(L-1)} z z^\top\right)",
    tight=True,
    identities=(exact_sharpness.least,),
)
sharpness_eq_least_of_flattest = tc.Theorem(
    "sharpness_eq_least_of_flattest",
    *of_targets,
    attained,
    r"S(W_k = s_k u_k u_{k-1}^\top) = S_{\min}, \quad s_1 = |w^*| / \sqrt t, \; s_k = t^{1/(2(L-1))}",
    identities=(exact_sharpness.least, exact_sharpness.attained),
)
least_sharpness_le = tc.Theorem(
    "least_sharpness_le",
    *of_targets,
    chain,
    r"S_{\min} \le S_{\mathrm{bal}} \le 2 |w^*|^{2-2/L} (\Lambda + (L-1) a) \le 2 |w^*|^{2-2/L} \sqrt{(2L-1) \Lambda^2 + (L-1)^2 a^2}",
    tight=True,
    identities=(exact_sharpness.balanced, exact_sharpness.upper),
)
sharpness_eq_balanced_of_balanced = tc.Theorem(
    "sharpness_eq_balanced_of_balanced",
    paper,
    deep_fits,
    (target_nonzero, at_minimiser, at_balanced),
    balanced_value,
    r"S = 2 |w^*|^{2-2/L} \lambda_{\max}\left(\Sigma + (L-1) z z^\top / |w^*|^2\right)",
    enforce=balanced,
    identities=(exact_sharpness.balanced,),
)
balanced_gap_closes = tc.Theorem(
    "balanced_gap_closes",
    *of_targets,
    gap_bound,
    r"S_{\mathrm{bal}} / (2 L |w^*|^{2-2/L} a) \le (L-1)/L + \Lambda / (L a)",
    tight=True,
    identities=(exact_sharpness.gap_sum,),
)
least_sharpness_eq_of_top_target = tc.Theorem(
    "least_sharpness_eq_of_top_target",
    paper,
    deep_fits,
    (target_nonzero, top_target),
    all_agree,
    r"S_{\min} = S_{\mathrm{bal}} = 2 L \Lambda |w^*|^{2-2/L}",
    identities=(flat_minima.top_target, exact_sharpness.top_balanced),
)
sharpness_unbounded_of_minimiser = tc.Theorem(
    "sharpness_unbounded_of_minimiser",
    unbounded,
    deep_linear_fits(depth=(1, 6)),
    (deep, target_nonzero, at_minimiser),
    unbounded_along_rescaling,
    r"S(W_1/\tau, \tau W_2, W_3, \dots) \ge 2 \Lambda \tau^2 |W_2^\top \cdots W_L^\top|^2",
    tight=True,
    identities=(flat_minima.rescaled,),
)

THEOREMS = (
    sharpness_ge_of_minimiser,
    sharpness_ge_energy_of_minimiser,
    sharpness_ge_least_of_minimiser,
    sharpness_eq_least_of_flattest,
    least_sharpness_le,
    sharpness_eq_balanced_of_balanced,
    balanced_gap_closes,
    least_sharpness_eq_of_top_target,
    sharpness_unbounded_of_minimiser,
)
FALSE = (
    sharpness_ge_of_minimiser.without(at_minimiser),
    sharpness_ge_of_minimiser.claiming("factor_2_02", partial(lower_bound, factor=2.02)),
    sharpness_ge_of_minimiser.claiming("factor_2_0002", partial(lower_bound, factor=2.0002)),
    sharpness_ge_of_minimiser.claiming("half_loss", with_half_loss),
    sharpness_ge_of_minimiser.claiming("last_layer_frozen", with_last_layer_frozen),
    sharpness_ge_energy_of_minimiser.without(at_minimiser),
    sharpness_ge_energy_of_minimiser.claiming("factor_1_01", partial(energy_bound, factor=1.01)),
    sharpness_ge_least_of_minimiser.without(at_minimiser),
    sharpness_ge_least_of_minimiser.claiming("factor_1_01", partial(least_bound, factor=1.01)),
    sharpness_eq_least_of_flattest.claiming("factor_1_0002", partial(attained, factor=1.0002)),
    sharpness_eq_least_of_flattest.claiming("balanced_is_flattest", least_eq_balanced),
    least_sharpness_le.claiming("at_least_top_curvature", least_at_least_top),
    least_sharpness_le.claiming("at_most_lower_bound", least_at_most_lower),
    least_sharpness_le.claiming("factor_0_98", partial(chain, factor=0.98)),
    sharpness_eq_balanced_of_balanced.without(at_balanced),
    sharpness_eq_balanced_of_balanced.without(at_minimiser, enforce=lambda f: f.aligned([1.0] * f.depth) if f.data.has_signal else None),
    sharpness_eq_balanced_of_balanced.claiming("factor_1_0002", partial(balanced_value, factor=1.0002)),
    balanced_gap_closes.claiming("factor_0_98", partial(gap_bound, factor=0.98)),
    least_sharpness_eq_of_top_target.without(top_target),
    sharpness_unbounded_of_minimiser.without(deep),
    sharpness_unbounded_of_minimiser.claiming("factor_1_0002", partial(unbounded_along_rescaling, factor=1.0002)),
    sharpness_unbounded_of_minimiser.claiming("settled_at_most_inverse_step", settled_at_most_inverse_step),
)
FINDINGS = (
    tc.Finding(
        "the least sharpness of minimisers lies strictly between the published bounds, is a convex problem in one variable, and is attained by "
        "aligned networks of width 1; balanced networks are not the flattest",
        "Σ = diag(4, 1), w* = (0, 1), L = 2: bounds 4 and 14, S_min = 4.618802, balanced 8; falsehoods balanced_is_flattest and "
        "at_most_lower_bound fall to inputs (0, 1/2), (1, 0) and targets (1, 0): S_min = 1.1547, lower bound 1, S_bal = 2",
        "theorycheck check marion_chizat_2024/sharpness_*_least_of_*",
    ),
)
