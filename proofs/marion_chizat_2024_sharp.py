r"""Sharp minimisers of deep linear regression (Marion & Chizat 2024, arXiv:2405.13456).

The flattest ones are in `marion_chizat_2024`.

Setting      w(θ) = W_L ... W_1 with scalar output, R(θ) = |X w(θ) - y|²/n, Σ = XᵀX/n with largest eigenvalue Λ; w* the
             least-squares solution of least norm; S = λ_max(∇²R).
Convention   1/n without 1/2 (c = 1); with 1/(2n) every sharpness here halves.
Results      sharpness_unbounded_of_minimiser   (W_1/τ, τW_2) is a minimiser of sharpness ≥ 2Λτ²|W_2ᵀ...W_Lᵀ|²
             The explicit family is in the form derived in the project's catalogue.
Not covered  Which sharp minimisers gradient descent can settle at: see `marion_chizat_2024_step`.
"""

from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.instances.flat_minima import top_curvature

unbounded = tc.Source("Marion & Chizat", 2024, arxiv="2405.13456", item="sharp minimisers")


# -- hypotheses --


def same_predictions(f: DeepLinearFit) -> tc.Comparison:
    """θ fits the data as well as any w can."""
    return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)


target_nonzero = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
at_minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", same_predictions, enforce=DeepLinearFit.moved_onto_minimisers)
deep = tc.Premise("deep", "L ≥ 2", lambda f: f.depth >= 2)


# -- claims --


def sharpness(f: DeepLinearFit, precision: tc.Precision) -> tc.Measured:
    """S(θ)."""
    return tc.sharpness(f.objective, f.theta, precision)


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


# -- the theorem --

sharpness_unbounded_of_minimiser = tc.Theorem(
    "sharpness_unbounded_of_minimiser",
    unbounded,
    deep_linear_fits(depth=(1, 6)),
    (deep, target_nonzero, at_minimiser),
    unbounded_along_rescaling,
    r"S(W_1/\tau, \tau W_2, W_3, \dots) \ge 2 \Lambda \tau^2 |W_2^\top \cdots W_L^\top|^2",
    tight=True,
    identities=(tc.chains.flat_minima.rescaled,),
)

THEOREMS = (sharpness_unbounded_of_minimiser,)
FALSE = (
    sharpness_unbounded_of_minimiser.without(deep),
    sharpness_unbounded_of_minimiser.claiming("factor_1_0002", partial(unbounded_along_rescaling, factor=1.0002)),
    sharpness_unbounded_of_minimiser.claiming("settled_at_most_inverse_step", settled_at_most_inverse_step),
)
