r"""Derivatives of the limit map of gradient flow on its minimisers (Li, Wang & Arora 2021, arXiv:2110.06914).

What they say of noise is in `li_wang_arora_2021`.

Setting      L ≥ 0 with a manifold Γ of minimisers, H = ∇²L of maximal rank on it, T[M]_l = Σ_jk ∂_l H_jk M_jk; Φ(x) is where the flow from x
             ends, P_T the projection on ker H. Instances: L = |F|²/2 for one or two quadratic F of three or four parameters with F(0) = 0,
             at 0 or next to it. They stand for all F: with F = 0 neither H nor T, and so no derivative of Φ up to the second, knows more
             of F than ∂F and ∂²F.
Convention   L = (1/2n)Σr². 𝓛(M) = HM + MH; t is tangent to Γ, n normal.
Results      limit_map_is_constant_along_flow        ∂Φ(x)∇L(x) = 0 next to Γ
             limit_map_derivative_of_minimiser       ∂Φ = P_T on Γ
             tangent_second_derivative               ∂²Φ[t,t] = -H⁺T[ttᵀ]
             mixed_second_derivative                 ∂²Φ[n,t] = -P_T T[sym(H⁺n tᵀ)]
             normal_second_derivative                ∂²Φ[n,n] = -P_T T[𝓛⁻¹(nnᵀ)]
             second_derivative_along_top_eigenvector ∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)
             In the form derived in the project's catalogue.
Not covered  Third derivatives; minimisers where the rank drops, but for the falsehood that shows why.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances.limit_maps import REACHES, ResidualPoint, applied, residual_points, symmetric_outer, times, unit

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="limiting diffusion on the manifold of minimisers")


@tc.recipe
def crossings(draw):
    """F = cxy at the crossing of its two lines of zeros."""
    C = draw(tc.reals(0.5, 2.0)) * (np.eye(3)[[[1, 0, 2]]] - np.diag([0.0, 0.0, 1.0]))
    return ResidualPoint(np.zeros((1, 3)), C, np.zeros(3), draw(tc.array(3, -1.0, 1.0)))


# -- hypotheses --

at_minimiser = tc.Premise(
    "at_minimiser", "x ∈ Γ", lambda v: tc.equal("x = 0", v.offset, v.base), enforce=lambda v: replace(v, offset=np.zeros_like(v.offset))
)
full_rank = tc.Premise("full_rank", "no singular value of ∂F is below 1/4, nor above 4", lambda v: v.well_ranked)
simple_top = tc.Premise("simple_top", "λ_1 ≥ 1.1 λ_2", lambda v: len(v.B) == 1 or bool(np.divide(*np.linalg.svd(v.jacobian)[1] ** 2) >= 1.1))


# -- claims: differences of flows, with errors of order h² --


def limit_of(label: str, differences: tc.Measured, formula: tc.Measured | np.ndarray, size: np.ndarray | float = 1.0) -> tc.Comparison:
    """Differences (3, ..., P) tend to the formula."""
    return replace(tc.tends_to(label, REACHES**2, differences, formula, resolution=5e-3), scale=size)


def constant_along_flow(v: ResidualPoint, precision: tc.Precision, gradient: bool = True) -> tc.Comparison:
    """∂Φ(x) times the direction of ∇L(x), or times any direction."""
    gradient_there = v.objective.gradient(v.offset)
    way = np.where(np.any(gradient_there, axis=-1, keepdims=True), unit(gradient_there), 0.0) if gradient else v.direction
    return limit_of("∂Φ(x)∇L(x) = 0", v.slope(way), 0.0 * way)


def first_derivative(v: ResidualPoint, precision: tc.Precision) -> tc.Comparison:
    """∂Φ(x) v against P_T v."""
    return limit_of("∂Φ v = P_T v", v.slope(v.direction), times(v.tangent, v.direction))


def first_derivative_by_flows(v: ResidualPoint, precision: tc.Precision) -> tc.Comparison:
    """The same where the rank drops, by whole flows from next to the point."""
    flow, moves = tc.GradientFlow(accuracy=1e-5, budget=1000), np.stack([v.direction, -v.direction], axis=-2)[:, None] * REACHES[:, None, None]
    found = tc.flow_limit(v.objective.along_times.along_times, flow, moves).theta
    slopes = (found[..., 0, :] - found[..., 1, :]) / (2 * REACHES[:, None])
    first = tc.Measured(np.moveaxis(slopes.value, -2, 0), np.moveaxis(slopes.error, -2, 0))
    return limit_of("∂Φ v = P_T v", first, times(v.tangent, v.direction))


def tangent_bend(v: ResidualPoint, precision: tc.Precision, sign: float = -1.0) -> tc.Comparison:
    """∂²Φ[t,t] against -H⁺T[ttᵀ]."""
    g, t = v.minimiser, v.ways[0]
    formula = sign * applied(g.pseudo_inverse, g.contracted(symmetric_outer(t, t)))
    return limit_of("∂²Φ[t,t] = -H⁺T[ttᵀ]", v.bend(t), formula, v.bend_scale)


def mixed_bend(v: ResidualPoint, precision: tc.Precision, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,t] by polarisation against -P_T T[sym(H⁺n tᵀ)]."""
    g, (t, n) = v.minimiser, v.ways
    seen = v.bends(np.stack([n + t, n - t], axis=-2))
    difference = (seen[..., 0, :] - seen[..., 1, :]) / 4
    formula = applied(g.tangent_projection, g.contracted(symmetric_outer(times(g.pseudo_inverse, n), t)))
    return limit_of("∂²Φ[n,t] = -P_T T[sym(H⁺n tᵀ)]", difference, factor * formula, v.bend_scale)


def normal_bend(v: ResidualPoint, precision: tc.Precision, scalar: bool = False, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,n] against -P_T T[𝓛⁻¹(nnᵀ)], or with ½ sym(H⁺nnᵀ) in place of 𝓛⁻¹(nnᵀ)."""
    g, n = v.minimiser, v.ways[1]
    M = symmetric_outer(times(g.pseudo_inverse, n), n) / 2 if scalar else g.lyapunov_inverse(symmetric_outer(n, n))
    formula = applied(g.tangent_projection, g.contracted(M))
    return limit_of("∂²Φ[n,n] = -P_T T[𝓛⁻¹(nnᵀ)]", v.bend(n), factor * formula, v.bend_scale)


def top_bend(v: ResidualPoint, precision: tc.Precision, factor: float = 0.5) -> tc.Comparison:
    """∂²Φ[v_1,v_1] against -P_T∇λ_1/(2λ_1)."""
    g = v.minimiser
    formula = factor * tc.TOP.drift(v.objective, v.base) / g.eigenvalues[..., -1:]
    return limit_of("∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)", v.bend(g.vectors[..., -1]), formula, v.bend_scale)


# -- the theorems --


def theorem(name: str, premises: tuple[tc.Premise, ...], claim, statement: str) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, residual_points, premises, claim, statement, stacked=True)


regular = at_minimiser, full_rank
along_top = r"\partial^2\Phi[v_1 v_1^\top] = -P_T \nabla\lambda_1/(2\lambda_1)"

constant = theorem("limit_map_is_constant_along_flow", (full_rank,), constant_along_flow, r"\partial\Phi(x) \nabla L(x) = 0")
first = theorem("limit_map_derivative_of_minimiser", regular, first_derivative, r"\partial\Phi(x) = P_T")
tangent = theorem("tangent_second_derivative", regular, tangent_bend, r"\partial^2\Phi[t,t] = -H^+ T[t t^\top]")
mixed = theorem("mixed_second_derivative", regular, mixed_bend, r"\partial^2\Phi[n,t] = -P_T T[\mathrm{sym}(H^+ n t^\top)]")
normal = theorem("normal_second_derivative", regular, normal_bend, r"\partial^2\Phi[n,n] = -P_T T[\mathcal{L}_H^{-1}(n n^\top)]")
top = theorem("second_derivative_along_top_eigenvector", (*regular, simple_top), top_bend, along_top)

THEOREMS = (constant, first, tangent, mixed, normal, top)
FALSE = (
    constant.claiming("along_anything", partial(constant_along_flow, gradient=False)),
    first.without(at_minimiser),
    replace(first.without(full_rank), ambient=crossings, claim=first_derivative_by_flows),
    tangent.claiming("sign", partial(tangent_bend, sign=1.0)),
    mixed.claiming("twice", partial(mixed_bend, factor=-2.0)),
    normal.claiming("scalar_formula", partial(normal_bend, scalar=True)),
    normal.claiming("factor_1_05", partial(normal_bend, factor=-1.05)),
    top.claiming("without_the_half", partial(top_bend, factor=1.0)),
)
