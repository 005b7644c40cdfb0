r"""Least sharpness of deep linear networks with several outputs (Mulayoff & Michaeli 2020, arXiv:2002.04710).

Setting      W = W_m ... W_1, R(θ) = |Y - XWᵀ|²/n, Σ = XᵀX/n, T the least-squares map, σ = σ_max(T); S = λ_max(∇²R);
             whitened: Σ = I.
Convention   c = 1, without 1/2, as in the paper; with 1/2 every sharpness halves.
Results      sharpness_ge_of_whitened_minimiser     S ≥ 2 m σ^(2-2/m) at every minimiser, if Σ = I
             sharpness_ge_of_minimiser              S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m), (σ, u, v) the top singular triple of TΣ^{1/2}
             sharpness_eq_least_of_balanced         balanced factorisations of T attain the bound of Σ = I
             sharpness_ge_balanced_of_whitened      no other gains give a flatter network, if Σ = I
             General Σ is in the form derived for this project.
Not covered  Nonlinear networks. Width below the rank of T: then T is no product of such layers and nothing is said. What the flattest
             minimisers look like, and the flow that ends there: `mulayoff_michaeli_2020_coupling`, `..._flow`.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits, modal_networks
from theorycheck.instances.flat_minima import flat_bound_of_outputs as least
from theorycheck.instances.flat_minima import top_triple
from theorycheck.instances.modal import Factorisation, factorisations_of

paper = tc.Source("Mulayoff & Michaeli", 2020, arxiv="2002.04710", item="minimal sharpness")
fits = deep_linear_fits(depth=(2, 6), width=(1, 3), dim=(1, 3), samples=(1, 6), outputs=(1, 3))
factorisations = factorisations_of(modal_networks(depth=(2, 6)))


# -- hypotheses --


def unit_covariance(objective: tc.Objective) -> bool:
    """Whether Σ = I."""
    return bool(np.allclose(objective.data.covariance, np.eye(objective.data.inputs), rtol=0, atol=1e-12))


whitened = tc.Premise("whitened", "Σ = I", lambda f: unit_covariance(f.objective), enforce=DeepLinearFit.whitened)
at_minimiser = tc.Premise(
    "at_minimiser",
    "X W(θ)ᵀ = X Tᵀ",
    lambda f: tc.equal("X W(θ)ᵀ = X Tᵀ", tc.predictions(f.objective, f.theta), f.data.predictions(f.data.least_squares)),
    enforce=DeepLinearFit.solved_here,
)
unstretched = tc.Premise("whitened", "Σ = I", lambda f: f.stretch == 1.0, enforce=lambda f: replace(f, stretch=1.0))
balanced = tc.Premise(
    "balanced",
    "every mode has gains of one size",
    lambda f: tc.equal("|g_k| = |g_1|", np.abs(f.network.gains), np.abs(f.network.balanced().gains)),
    enforce=lambda f: replace(f, network=f.network.balanced()),
)


# -- claims --


def whitened_bound(f: DeepLinearFit, precision: tc.Precision, factor=1.0, exponent=2.0, power=1.0, norm=None) -> tc.Comparison:
    """S ≥ 2 m σ^(2-2/m), or with another factor, exponent, power of m or norm of T."""
    T = f.data.least_squares
    T = T if f.data.several_outputs else T[..., None, :]
    sigma = np.linalg.norm(T, 2 if norm is None else norm, axis=(-2, -1))
    bound = factor * f.depth ** (power - 1) * least(sigma, f.depth, exponent=exponent)
    return tc.at_least("S ≥ 2 m σ^(2-2/m)", tc.sharpness(f.objective, f.theta, precision), bound)


def half_loss(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The bound of c = 1 for the halved loss: false."""
    half = tc.Objective(f.model, tc.SquaredLoss(0.5), f.data)
    return replace(whitened_bound(f, precision), left=tc.sharpness(half, f.theta, precision))


def general_bound(f: DeepLinearFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m)."""
    sigma, along = top_triple(f.data.least_squares, f.root)
    bound = factor * least(sigma, f.depth, along)
    return tc.at_least("S ≥ 2 m (vᵀΣv)^(1/m) σ^(2-2/m)", tc.sharpness(f.objective, f.theta, precision), bound)


def balanced_value(f: Factorisation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S = 2 m σ^(2-2/m)."""
    return tc.equal("S = 2 m σ^(2-2/m)", tc.sharpness(f.objective, f.network.theta, precision), factor * least(f.largest, f.network.depth))


def balanced_is_flatter(f: Factorisation, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """S of the given gains is at least that of the balanced ones with the same product."""
    here, there = (tc.sharpness(f.objective, n.theta, precision) for n in (f.network, f.network.balanced()))
    return tc.at_least("S(gains) ≥ S(balanced)", here, factor * there)


# -- what algebra settles --


def means() -> tuple[tc.Inequality, ...]:
    """σ² Σ r_k ≥ m σ^(2-2/m) for positive ratios r_k = |A_kᵀu|²/|A_{k-1}ᵀu|² whose product is 1/σ²; m = 2, 3, 4."""
    found = []
    for m in (2, 3, 4):
        sigma, *r = sp.symbols(f"sigma r_2:{m + 1}", positive=True)
        terms = (*(sigma**2 * x for x in r), 1 / sp.Mul(*r))
        bound = m * sigma ** (2 - sp.Rational(2, m))
        found.append(tc.Inequality(bound, sp.Add(*terms), by=tc.ArithmeticGeometric(terms, factor=sp.Integer(m))))
    return tuple(found)


# -- the theorems --

sharpness_ge_of_whitened_minimiser = tc.Theorem(
    "sharpness_ge_of_whitened_minimiser",
    paper,
    fits,
    (whitened, at_minimiser),
    whitened_bound,
    r"S(\theta) \ge 2 m \, \sigma_{\max}(T)^{2-2/m}",
    identities=means(),
    tight=True,
    stacked=True,
)
sharpness_ge_of_minimiser = tc.Theorem(
    "sharpness_ge_of_minimiser",
    paper,
    fits,
    (at_minimiser,),
    general_bound,
    r"S(\theta) \ge 2 m \, (v^\top \Sigma v)^{1/m} \sigma_{\max}(T \Sigma^{1/2})^{2-2/m}",
    identities=(tc.chains.matrix_outputs.minimal_sharpness,),
    tight=True,
    stacked=True,
)
sharpness_eq_least_of_balanced = tc.Theorem(
    "sharpness_eq_least_of_balanced", paper, factorisations, (unstretched, balanced), balanced_value, r"S = 2 m \, \sigma^{2-2/m}", stacked=True
)
sharpness_ge_balanced_of_whitened = tc.Theorem(
    "sharpness_ge_balanced_of_whitened",
    paper,
    factorisations,
    (unstretched,),
    balanced_is_flatter,
    r"S(g) \ge S(|\Pi_k g_k|^{1/m})",
    tight=True,
    stacked=True,
)

THEOREMS = (
    sharpness_ge_of_whitened_minimiser,
    sharpness_ge_of_minimiser,
    sharpness_eq_least_of_balanced,
    sharpness_ge_balanced_of_whitened,
)
FALSE = (
    sharpness_ge_of_whitened_minimiser.without(whitened),
    sharpness_ge_of_whitened_minimiser.without(at_minimiser),
    sharpness_ge_of_whitened_minimiser.claiming("factor_1_0002", partial(whitened_bound, factor=1.0002)),
    sharpness_ge_of_whitened_minimiser.claiming("exponent_2_01", partial(whitened_bound, exponent=2.01)),
    sharpness_ge_of_whitened_minimiser.claiming("exponent_2_minus_1_over_m", lambda f, p: whitened_bound(f, p, exponent=2 + 1 / f.depth)),
    sharpness_ge_of_whitened_minimiser.claiming("m_squared", partial(whitened_bound, power=2.0)),
    sharpness_ge_of_whitened_minimiser.claiming("frobenius_norm", partial(whitened_bound, norm="fro")),
    sharpness_ge_of_whitened_minimiser.claiming("nuclear_norm", partial(whitened_bound, norm="nuc")),
    sharpness_ge_of_whitened_minimiser.claiming("half_loss", half_loss),
    sharpness_ge_of_minimiser.without(at_minimiser),
    sharpness_ge_of_minimiser.claiming("factor_1_0002", partial(general_bound, factor=1.0002)),
    sharpness_eq_least_of_balanced.without(unstretched),
    sharpness_eq_least_of_balanced.without(balanced),
    sharpness_eq_least_of_balanced.claiming("factor_1_0002", partial(balanced_value, factor=1.0002)),
    sharpness_ge_balanced_of_whitened.without(unstretched),
    sharpness_ge_balanced_of_whitened.claiming("factor_1_0002", partial(balanced_is_flatter, factor=1.0002)),
)
