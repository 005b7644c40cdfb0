r"""The limit map of gradient flow, and where noise drifts on its minimisers (Li, Wang & Arora 2021, arXiv:2110.06914).

Setting      L ≥ 0 with a manifold Γ of minimisers, H = ∇²L of maximal rank on it, T[M]_l = Σ_jk ∂_l H_jk M_jk; Φ(x) is where the flow from x
             ends, P_T the projection on ker H. SGD with step η and noise of covariance Σ; slow time t = η²k, in which Φ drifts by ½∂²Φ[Σ].
             Instances: L = |F|²/2 for one or two quadratic F of three or four parameters with F(0) = 0, at 0 or next to it. They stand for
             all F: with F = 0 neither H nor T, and so no derivative of Φ up to the second, knows more of F than ∂F and ∂²F.
Convention   L = (1/2n)Σr², label noise of variance δ² and one sample a step: covariance δ²H. With L = (1/n)Σr² it is 2δ²H where H is that of
             this L. 𝓛(M) = HM + MH.
Results      limit_map_is_constant_along_flow        ∂Φ(x)∇L(x) = 0 next to Γ
             limit_map_derivative_of_minimiser       ∂Φ = P_T on Γ
             tangent_second_derivative, mixed_second_derivative, normal_second_derivative     ∂²Φ by blocks
             second_derivative_along_top_eigenvector ∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)
             drift_of_noise                          ½∂²Φ[Σ] by blocks, for Σ = vvᵀ
             drift_of_label_noise                    ½∂²Φ[cH] = -(c/4) P_T∇tr H
             drift_of_isotropic_noise                ½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H
             In the form derived in the project's catalogue.
Not covered  The diffusion of Σ with a tangent part (only its drift). Label noise on u² - v² is in li_wang_arora_2021_label_noise.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="limiting diffusion on the manifold of minimisers")

REACHES = 2.0 ** -np.arange(5, 8)  # of displacements, for differences
SCREEN = tc.Precision(0)  # of the flows, whose bars from two grids count at every level
SHAPES = (1, 3), (2, 3), (2, 4)  # residuals, parameters


@dataclass(frozen=True)
class Valley:
    """F_j(θ) = b_jᵀθ + θᵀC_jθ/2, zero at 0; an offset from there; a direction. Stacks along a leading axis."""

    B: np.ndarray
    C: np.ndarray
    offset: np.ndarray
    push: np.ndarray

    @property
    def objective(self) -> tc.QuadraticResiduals:
        """|F|²/2."""
        return tc.QuadraticResiduals(self.B, self.C)

    @property
    def base(self) -> np.ndarray:
        """0, a point of Γ."""
        return np.zeros_like(self.offset)

    @property
    def jacobian(self) -> np.ndarray:
        """∂F at the offset; H = ∂Fᵀ∂F at 0."""
        return self.objective.jacobian(self.offset)

    @property
    def tangent(self) -> np.ndarray:
        """I - J⁺J."""
        J = self.jacobian
        return np.eye(J.shape[-1]) - np.linalg.pinv(J) @ J

    @property
    def direction(self) -> np.ndarray:
        """The push at length 1."""
        return unit(self.push)

    @property
    def ways(self) -> tuple[np.ndarray, np.ndarray]:
        """A tangent and a normal unit vector."""
        J, M = self.jacobian, self.B.shape[-2]
        across = np.swapaxes(np.linalg.svd(J)[2][..., M:, :], -1, -2)
        return times(across, unit(self.push[..., M:])), unit(times(np.swapaxes(J, -1, -2), unit(self.push[..., :M])))

    @property
    def minimiser(self) -> tc.Minimiser:
        """The splitting at 0."""
        return tc.Minimiser.of(self.objective, self.base)


def unit(v: np.ndarray) -> np.ndarray:
    """v at length 1, or the first axis where v is 0."""
    size = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(size > 0, v / np.where(size > 0, size, 1.0), np.eye(v.shape[-1])[0])


def times(A: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A v."""
    return (A @ v[..., None])[..., 0]


@tc.recipe
def valleys(draw):
    """One or two residuals of three or four parameters; only the symmetric part of C counts."""
    M, P = draw(tc.choice(SHAPES))
    B, C = draw(tc.array((M, P), -1.5, 1.5)), draw(tc.array((M, P, P), -1.0, 1.0))
    return Valley(B, C, draw(tc.array(P, -0.125, 0.125)), draw(tc.array(P, -1.0, 1.0)))


@tc.recipe
def crossings(draw):
    """F = cxy at the crossing of its two lines of zeros."""
    C = draw(tc.reals(0.5, 2.0)) * (np.eye(3)[[[1, 0, 2]]] - np.diag([0.0, 0.0, 1.0]))
    return Valley(np.zeros((1, 3)), C, np.zeros(3), draw(tc.array(3, -1.0, 1.0)))


def well_ranked(v: Valley) -> bool:
    """Every singular value of ∂F lies between 1/4 and 4."""
    sizes = np.linalg.svd(v.jacobian)[1]
    return bool(sizes[-1] >= 0.25 and sizes[0] <= 4.0)


at_minimiser = tc.Premise(
    "at_minimiser", "x ∈ Γ", lambda v: tc.equal("x = 0", v.offset, v.base), enforce=lambda v: replace(v, offset=np.zeros_like(v.offset))
)
full_rank = tc.Premise("full_rank", "no singular value of ∂F is below 1/4, nor above 4", well_ranked)
simple_top = tc.Premise("simple_top", "λ_1 ≥ 1.1 λ_2", lambda v: len(v.B) == 1 or bool(np.divide(*np.linalg.svd(v.jacobian)[1] ** 2) >= 1.1))


# -- derivatives of the limit map, by differences of flows --


def displaced(v: Valley, ways: np.ndarray) -> tc.Measured:
    """Φ(x + h way) for all h of REACHES: ways (..., k, P) -> (..., 3 h, k, P)."""
    moves = v.offset[..., None, None, :] + REACHES[:, None, None] * ways[..., None, :, :]
    return tc.limit_near(v.objective, v.base, moves.reshape(*v.base.shape[:-1], -1, v.base.shape[-1]), SCREEN).reshape(moves.shape)


def limit_of(label: str, differences: tc.Measured, formula: tc.Measured | np.ndarray, size: np.ndarray | float = 1.0) -> tc.Comparison:
    """Differences (..., 3 h, P), with errors of order h², tend to the formula."""
    first = tc.Measured(np.moveaxis(differences.value, -2, 0), np.moveaxis(differences.error, -2, 0))
    return replace(tc.tends_to(label, REACHES**2, first, formula, resolution=5e-3), scale=size)


def slope(v: Valley, way: np.ndarray) -> tc.Measured:
    """(Φ(x + h way) - Φ(x - h way))/(2h)."""
    found = displaced(v, np.stack([way, -way], axis=-2))
    return (found[..., 0, :] - found[..., 1, :]) / (2 * REACHES[:, None])


def bends(v: Valley, ways: np.ndarray) -> tc.Measured:
    """(Φ(x + h way) + Φ(x - h way) - 2x)/h² for each of the ways (..., k, P), shape (..., 3 h, k, P)."""
    k, found = ways.shape[-2], displaced(v, np.concatenate([ways, -ways], axis=-2))
    return (found[..., :k, :] + found[..., k:, :] - 2 * v.offset[..., None, None, :]) / REACHES[:, None, None] ** 2


def bend(v: Valley, way: np.ndarray) -> tc.Measured:
    """The same for one way (..., P), shape (..., 3 h, P)."""
    return bends(v, way[..., None, :])[..., 0, :]


def constant_along_flow(v: Valley, precision: tc.Precision, gradient: bool = True) -> tc.Comparison:
    """∂Φ(x) times the direction of ∇L(x), or times any direction."""
    gradient_there = v.objective.gradient(v.offset)
    way = np.where(np.any(gradient_there, axis=-1, keepdims=True), unit(gradient_there), 0.0) if gradient else v.direction
    return limit_of("∂Φ(x)∇L(x) = 0", slope(v, way), 0.0 * way)


def first_derivative(v: Valley, precision: tc.Precision) -> tc.Comparison:
    """∂Φ(x) v against P_T v."""
    return limit_of("∂Φ v = P_T v", slope(v, v.direction), times(v.tangent, v.direction))


def first_derivative_by_flows(v: Valley, precision: tc.Precision) -> tc.Comparison:
    """The same where the rank drops, by whole flows from next to the point."""
    flow, moves = tc.GradientFlow(accuracy=1e-5, budget=1000), np.stack([v.direction, -v.direction], axis=-2)[:, None] * REACHES[:, None, None]
    found = tc.flow_limit(v.objective.along_times.along_times, flow, moves).theta
    return limit_of("∂Φ v = P_T v", (found[..., 0, :] - found[..., 1, :]) / (2 * REACHES[:, None]), times(v.tangent, v.direction))


def size_of(g: tc.Minimiser) -> np.ndarray:
    """|T|/μ: no entry of ∂²Φ[vvᵀ] exceeds a few times this; 1 where it is less."""
    least = np.min(np.where(g.normal, g.eigenvalues, np.inf), axis=-1)
    return np.maximum(1.0, np.sqrt(np.sum(g.third.value**2, axis=(-3, -2, -1))) / least)


def outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a bᵀ + b aᵀ, halved."""
    return (a[..., :, None] * b[..., None, :] + b[..., :, None] * a[..., None, :]) / 2


def applied(A: np.ndarray, v: tc.Measured) -> tc.Measured:
    """A v with the bar of v."""
    return (v[..., None, :] * A).sum(axis=-1)


def tangent_bend(v: Valley, precision: tc.Precision, sign: float = -1.0) -> tc.Comparison:
    """∂²Φ[t,t] against -H⁺T[ttᵀ], t tangent."""
    g, t = v.minimiser, v.ways[0]
    return limit_of("∂²Φ[t,t] = -H⁺T[ttᵀ]", bend(v, t), sign * applied(g.pseudo_inverse, g.contracted(outer(t, t))), size_of(g))


def mixed_bend(v: Valley, precision: tc.Precision, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,t] by polarisation against -P_T T[sym(H⁺n tᵀ)], n normal and t tangent."""
    g, (t, n) = v.minimiser, v.ways
    seen = bends(v, np.stack([n + t, n - t], axis=-2))
    difference = (seen[..., 0, :] - seen[..., 1, :]) / 4
    formula = applied(g.tangent_projection, g.contracted(outer(times(g.pseudo_inverse, n), t)))
    return limit_of("∂²Φ[n,t] = -P_T T[sym(H⁺n tᵀ)]", difference, factor * formula, size_of(g))


def normal_bend(v: Valley, precision: tc.Precision, scalar: bool = False, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,n] against -P_T T[𝓛⁻¹(nnᵀ)], or with ½ sym(H⁺nnᵀ) in place of 𝓛⁻¹(nnᵀ)."""
    g, n = v.minimiser, v.ways[1]
    M = outer(times(g.pseudo_inverse, n), n) / 2 if scalar else g.lyapunov_inverse(outer(n, n))
    formula = applied(g.tangent_projection, g.contracted(M))
    return limit_of("∂²Φ[n,n] = -P_T T[𝓛⁻¹(nnᵀ)]", bend(v, n), factor * formula, size_of(g))


def top_bend(v: Valley, precision: tc.Precision, factor: float = 0.5) -> tc.Comparison:
    """∂²Φ[v_1,v_1] against -P_T∇λ_1/(2λ_1)."""
    g = v.minimiser
    formula = factor * tc.TOP.drift(v.objective, v.base) / g.eigenvalues[..., -1:]
    return limit_of("∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)", bend(v, g.vectors[..., -1]), formula, size_of(g))


# -- drift of noise --


def drift(v: Valley, precision: tc.Precision, cross: float = 2.0) -> tc.Comparison:
    """½∂²Φ[vvᵀ] for any v by blocks, the mixed one `cross` times."""
    g, way = v.minimiser, v.direction
    t, n = times(g.tangent_projection, way), times(g.normal_projection, way)
    along = g.contracted(cross * outer(times(g.pseudo_inverse, n), t)) + g.contracted(g.lyapunov_inverse(outer(n, n)))
    formula = applied(g.pseudo_inverse, g.contracted(outer(t, t))) + applied(g.tangent_projection, along)
    return limit_of("½∂²Φ[Σ] by blocks", bend(v, way) / 2, -0.5 * formula, size_of(g))


def label_drift(v: Valley, precision: tc.Precision, factor: float = 0.25, of: tc.SpectralFunction = tc.TRACE) -> tc.Comparison:
    """½∂²Φ[H], a sum over the rows of ∂F, against -¼P_T∇tr H."""
    formula = factor * of.drift(v.objective, v.base)
    size = size_of(v.minimiser) * np.sum(v.jacobian**2, axis=(-1, -2))
    return limit_of("½∂²Φ[H] = -¼P_T∇tr H", bends(v, v.jacobian).sum(axis=-2) / 2, formula, size)


def isotropic_drift(v: Valley, precision: tc.Precision, of: tc.SpectralFunction = tc.LOG_PDET, curvature: float = 0.5) -> tc.Comparison:
    """½∂²Φ[I], a sum over the axes, against -½H⁺T[P_T] - ¼P_T∇log pdet H."""
    g, P = v.minimiser, v.base.shape[-1]
    axes = np.broadcast_to(np.eye(P), (*v.base.shape, P))
    formula = 0.25 * of.drift(v.objective, v.base) - curvature * applied(g.pseudo_inverse, g.contracted(g.tangent_projection))
    return limit_of("½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H", bends(v, axes).sum(axis=-2) / 2, formula, P * size_of(g))


# -- the theorems --


def theorem(name, ambient, premises, claim, statement, known=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=stacked)


rate, half = sp.symbols("lambda r", real=True)
lyapunov = tc.Identity(rate * (half / 2) + (half / 2) * rate, half * rate)
regular = at_minimiser, full_rank
constant = theorem("limit_map_is_constant_along_flow", valleys, (full_rank,), constant_along_flow, r"\partial\Phi(x) \nabla L(x) = 0")
first = theorem("limit_map_derivative_of_minimiser", valleys, regular, first_derivative, r"\partial\Phi(x) = P_T")
tangent = theorem("tangent_second_derivative", valleys, regular, tangent_bend, r"\partial^2\Phi[t,t] = -H^+ T[t t^\top]")
mixed = theorem("mixed_second_derivative", valleys, regular, mixed_bend, r"\partial^2\Phi[n,t] = -P_T T[\mathrm{sym}(H^+ n t^\top)]")
normal = theorem("normal_second_derivative", valleys, regular, normal_bend, r"\partial^2\Phi[n,n] = -P_T T[\mathcal{L}_H^{-1}(n n^\top)]")
top = theorem(
    "second_derivative_along_top_eigenvector",
    valleys,
    (*regular, simple_top),
    top_bend,
    r"\partial^2\Phi[v_1 v_1^\top] = -P_T \nabla\lambda_1/(2\lambda_1)",
)
blocks = r"-\tfrac12 H^+T[\Sigma_\parallel] - \tfrac12 P_T(2T[\mathrm{sym}(H^+\Sigma_{\perp\parallel})] + T[\mathcal{L}_H^{-1}\Sigma_\perp])"
drifting = theorem("drift_of_noise", valleys, regular, drift, r"\tfrac12\partial^2\Phi[\Sigma] = " + blocks)
labels = theorem(
    "drift_of_label_noise", valleys, regular, label_drift, r"\tfrac12\partial^2\Phi[cH] = -\tfrac c4 P_T \nabla\,\mathrm{tr} H", (lyapunov,)
)
pdet = r"\tfrac12\partial^2\Phi[I] = -\tfrac12 H^+T[P_T] - \tfrac14 P_T\nabla\log\mathrm{pdet} H"
isotropic = theorem("drift_of_isotropic_noise", valleys, regular, isotropic_drift, pdet)

THEOREMS = (constant, first, tangent, mixed, normal, top, drifting, labels, isotropic)
FALSE = (
    constant.claiming("along_anything", partial(constant_along_flow, gradient=False)),
    first.without(at_minimiser),
    replace(first.without(full_rank), ambient=crossings, claim=first_derivative_by_flows),
    tangent.claiming("sign", partial(tangent_bend, sign=1.0)),
    mixed.claiming("twice", partial(mixed_bend, factor=-2.0)),
    normal.claiming("scalar_formula", partial(normal_bend, scalar=True)),
    normal.claiming("factor_1_05", partial(normal_bend, factor=-1.05)),
    top.claiming("without_the_half", partial(top_bend, factor=1.0)),
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
