r"""Where noise drifts on a manifold of minimisers (Li, Wang & Arora 2021, arXiv:2110.06914).

The derivatives of the limit map that it follows from are in `li_wang_arora_2021_limit_map`.

Setting      L ≥ 0 with a manifold Γ of minimisers, H = ∇²L of maximal rank on it, T[M]_l = Σ_jk ∂_l H_jk M_jk; Φ(x) is where the flow from x
             ends, P_T the projection on ker H. SGD with step η and noise of covariance Σ; slow time t = η²k, in which Φ drifts by ½∂²Φ[Σ].
             Instances: L = |F|²/2 for one or two quadratic F of three or four parameters with F(0) = 0, at 0. They stand for all F: with
             F = 0 neither H nor T, and so no derivative of Φ up to the second, knows more of F than ∂F and ∂²F.
Convention   L = (1/2n)Σr², label noise of variance δ² and one sample a step: covariance δ²H. With L = (1/n)Σr² it is 2δ²H where H is that of
             this L. 𝓛(M) = HM + MH.
Results      drift_of_noise                          ½∂²Φ[Σ] by blocks, for Σ = vvᵀ
             drift_of_label_noise                    ½∂²Φ[cH] = -(c/4) P_T∇tr H
             drift_of_isotropic_noise                ½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H
             In the form derived in the project's catalogue.
Not covered  The diffusion of Σ with a tangent part (only its drift). Label noise on u² - v² is in li_wang_arora_2021_label_noise.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.limit_maps import REACHES, ResidualPoint, applied, residual_points, symmetric_outer, times

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="limiting diffusion on the manifold of minimisers")

# -- hypotheses --

at_minimiser = tc.Premise(
    "at_minimiser", "x ∈ Γ", lambda v: tc.equal("x = 0", v.offset, v.base), enforce=lambda v: replace(v, offset=np.zeros_like(v.offset))
)
full_rank = tc.Premise("full_rank", "no singular value of ∂F is below 1/4, nor above 4", lambda v: v.well_ranked)


# -- claims: second differences of flows, with errors of order h² --


def drifts(label: str, bends: tc.Measured, formula: tc.Measured, size: np.ndarray) -> tc.Comparison:
    """Half of second differences (3, ..., P) tends to the formula."""
    return replace(tc.tends_to(label, REACHES**2, bends / 2, formula, resolution=5e-3), scale=size)


def drift(v: ResidualPoint, precision: tc.Precision, cross: float = 2.0) -> tc.Comparison:
    """½∂²Φ[vvᵀ] for any v by blocks, the mixed one `cross` times."""
    g, way = v.minimiser, v.direction
    t, n = times(g.tangent_projection, way), times(g.normal_projection, way)
    mixed, normal = cross * symmetric_outer(times(g.pseudo_inverse, n), t), g.lyapunov_inverse(symmetric_outer(n, n))
    along = g.contracted(mixed) + g.contracted(normal)
    formula = applied(g.pseudo_inverse, g.contracted(symmetric_outer(t, t))) + applied(g.tangent_projection, along)
    return drifts("½∂²Φ[Σ] by blocks", v.bend(way), -0.5 * formula, v.bend_scale)


def label_drift(v: ResidualPoint, precision: tc.Precision, factor: float = 0.25, of: tc.SpectralFunction = tc.TRACE) -> tc.Comparison:
    """½∂²Φ[H], a sum over the rows of ∂F, against -¼P_T∇tr H."""
    size = v.bend_scale * np.sum(v.jacobian**2, axis=(-1, -2))
    return drifts("½∂²Φ[H] = -¼P_T∇tr H", v.bends(v.jacobian).sum(axis=-2), factor * of.drift(v.objective, v.base), size)


def isotropic_drift(v: ResidualPoint, precision: tc.Precision, of: tc.SpectralFunction = tc.LOG_PDET, curvature: float = 0.5) -> tc.Comparison:
    """½∂²Φ[I], a sum over the axes, against -½H⁺T[P_T] - ¼P_T∇log pdet H."""
    g, P = v.minimiser, v.base.shape[-1]
    axes = np.broadcast_to(np.eye(P), (*v.base.shape, P))
    formula = 0.25 * of.drift(v.objective, v.base) - curvature * applied(g.pseudo_inverse, g.contracted(g.tangent_projection))
    return drifts("½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H", v.bends(axes).sum(axis=-2), formula, P * v.bend_scale)


# -- the theorems --


def theorem(name: str, claim, statement: str, known: tuple[tc.Identity, ...] = ()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, residual_points, (at_minimiser, full_rank), claim, statement, identities=known, stacked=True)


rate, half = sp.symbols("lambda r", real=True)
lyapunov = tc.Identity(rate * (half / 2) + (half / 2) * rate, half * rate)
blocks = r"-\tfrac12 H^+T[\Sigma_\parallel] - \tfrac12 P_T(2T[\mathrm{sym}(H^+\Sigma_{\perp\parallel})] + T[\mathcal{L}_H^{-1}\Sigma_\perp])"
trace = r"\tfrac12\partial^2\Phi[cH] = -\tfrac c4 P_T \nabla\,\mathrm{tr} H"
pdet = r"\tfrac12\partial^2\Phi[I] = -\tfrac12 H^+T[P_T] - \tfrac14 P_T\nabla\log\mathrm{pdet} H"

drifting = theorem("drift_of_noise", drift, r"\tfrac12\partial^2\Phi[\Sigma] = " + blocks)
labels = theorem("drift_of_label_noise", label_drift, trace, (lyapunov,))
isotropic = theorem("drift_of_isotropic_noise", isotropic_drift, pdet)

THEOREMS = (drifting, labels, isotropic)
FALSE = (
    drifting.claiming("mixed_once", partial(drift, cross=1.0)),
    labels.claiming("half", partial(label_drift, factor=0.5)),
    labels.claiming("eighth", partial(label_drift, factor=0.125)),
    labels.claiming("sharpness", partial(label_drift, of=tc.TOP)),
    isotropic.claiming("trace", partial(isotropic_drift, of=tc.TRACE)),
    isotropic.claiming("without_curvature", partial(isotropic_drift, curvature=0.0)),
)
FINDINGS = (
    tc.Finding(
        "noise that is alike in every parameter drifts on Γ along log pdet H and by the curvature of Γ, not along tr H",
        "½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H by differences of limits of flows; tr H in its place, and the first term dropped, are refuted",
        "theorycheck check li_wang_arora_2021/drift_of_isotropic_noise",
    ),
)
