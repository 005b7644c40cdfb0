r"""Flat minima of deep linear regression (Marion & Chizat 2024, arXiv:2405.13456).

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n; w* the least-squares solution of least norm,
             z = Σ^{1/2} w*, a = w*ᵀΣw*/|w*|², b = w*ᵀΣ²w*/(w*ᵀΣw*); S = λ_max(∇²R).
Convention   1/n without 1/2 (c = 1); with 1/(2n) every sharpness here halves.
Results      sharpness_ge_of_minimiser          S ≥ 2 L |w*|^(2-2/L) a at every minimiser (published)
             sharpness_ge_energy_of_minimiser   S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L), which is larger
             sharpness_ge_least_of_minimiser    S ≥ S_min, the exact least sharpness (a convex problem in one variable)
             sharpness_eq_least_of_flattest     the aligned network with the optimal first gain attains S_min
             The exact value and its consequence with b are in the form derived in the project's catalogue.
Not covered  Balanced minimisers and the published upper bound, sharp minimisers: `marion_chizat_2024_balanced`, `..._sharp`. Small and
             residual starts, the largest usable step: `..._small_start`, `..._residual`, `..._step`.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, balanced_sharpness, deep_linear_fits, least_sharpness
from theorycheck.instances import flat_bound as lower

paper = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="minimal sharpness")
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


def flattest(f: DeepLinearFit) -> DeepLinearFit | None:
    """The aligned network with gains |w*|/√t, t^(1/(2(L-1))), ... at the optimal t."""
    t = least_sharpness(f)[0]
    return f.aligned([np.linalg.norm(f.w_star) / np.sqrt(t), *[t ** (0.5 / (f.depth - 1))] * (f.depth - 1)])


# -- hypotheses --


def same_predictions(f: DeepLinearFit) -> tc.Comparison:
    """θ fits the data as well as any w can."""
    return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
at_minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", same_predictions, enforce=DeepLinearFit.moved_onto_minimisers)


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


def at_least_number(f: DeepLinearFit, precision: tc.Precision, label: str, number: Callable[[DeepLinearFit], float]) -> tc.Comparison:
    """S ≥ a number of the data: the bounds that are ranked beside the published one."""
    return tc.at_least(label, sharpness(f, precision), number(f))


def attained(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """The flattest aligned network fits and has sharpness S_min."""
    g = flattest(f) or f
    return tc.all_of(same_predictions(g), tc.equal("S(flattest) = S_min", sharpness(g, precision), factor * least_sharpness(f)[1]))


def least_eq_balanced(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """S_min = S_bal: false, balanced minimisers are not the flattest."""
    return tc.equal("S_min = S_bal", least_sharpness(f)[1], balanced_sharpness(f))


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
    paper,
    deep_fits,
    (target_nonzero,),
    attained,
    r"S(W_k = s_k u_k u_{k-1}^\top) = S_{\min}, \quad s_1 = |w^*| / \sqrt t, \; s_k = t^{1/(2(L-1))}",
    identities=(exact_sharpness.least, exact_sharpness.attained),
)

THEOREMS = (sharpness_ge_of_minimiser, sharpness_ge_energy_of_minimiser, sharpness_ge_least_of_minimiser, sharpness_eq_least_of_flattest)
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
)
CANDIDATES = (
    sharpness_ge_of_minimiser.claiming("energy", partial(at_least_number, label="S ≥ 2 L b^(1/L) (a|w*|²)^(1-1/L)", number=energy_lower)),
    sharpness_ge_of_minimiser.claiming("least", partial(at_least_number, label="S ≥ S_min", number=lambda f: least_sharpness(f)[1])),
    sharpness_ge_of_minimiser.claiming("balanced", partial(at_least_number, label="S ≥ S_bal", number=balanced_sharpness)),
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
