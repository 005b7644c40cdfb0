r"""What label noise does after the loss is zero (Li, Wang & Arora 2021, arXiv:2110.06914).

Setting      L ≥ 0 with a manifold Γ of minimisers, H = ∇²L of maximal rank on it, T[M]_l = Σ_jk ∂_l H_jk M_jk; Φ(x) is where the flow from x
             ends, P_T the projection on ker H. First part: L = |F|²/2 for one or two residuals of three parameters. Last part: w = u² - v²,
             L = |Zw - y|²/(2n), c_j = Σ_i Z_ij²/n. SGD with step η and noise of covariance Σ; slow time t = η²k.
Convention   L = (1/2n)Σr², label noise of variance δ² and one sample a step: covariance δ²H. With L = (1/n)Σr² it is 2δ²H where H is that of
             this L. 𝓛(M) = HM + MH.
Results      limit_map_is_constant_along_flow        ∂Φ(x)∇L(x) = 0 next to Γ
             limit_map_derivative_of_minimiser       ∂Φ = P_T on Γ
             tangent_second_derivative, mixed_second_derivative, normal_second_derivative     ∂²Φ by blocks
             second_derivative_along_top_eigenvector ∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)
             drift_of_noise                          ½∂²Φ[Σ] by blocks, for Σ = vvᵀ
             drift_of_label_noise                    ½∂²Φ[cH] = -(c/4) P_T∇tr H
             drift_of_isotropic_noise                ½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H
             clean_batches_stay                      SGD without label noise does not move on Γ
             products_shrink_by_of_one_step          u_jv_j -> u_jv_j(1 - 4η²r²Z_ij²), exactly
             limit_flow_has_shrunk_start             dY/dt = -(δ²/4)P_T∇tr H is the Bregman projection from (u_0, v_0)e^(-2δ²ct)
             weighted_l1_gap_le                      Σc|w(t)| is within O(1/t) of its least value, with the constant
             distance_to_limit_flow_is_first_order   E log(uv) over its limit - 1 is of order η (three steps, intervals)
             change_in_short_time_is_first_order     in 1/η steps log(uv) changes by O(η)
             sparse_recovery_of_enough_samples       ℓ1 recovers from n = ⌈4κ ln d⌉ Rademacher samples with probability ≥ 1/2
             In the form derived in the project's catalogue.
Not covered  The diffusion of Σ with a tangent part (only its drift), general initialisation far from Γ, the constant of the sample complexity.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp
from scipy.optimize import linprog

import theorycheck as tc
from theorycheck.instances.recipes import Noise

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="limiting diffusion on the manifold of minimisers")

x, y, z = sp.symbols("x y z", real=True)
QUADRATIC = tc.Entrywise((x, y, z), (x, y, z, x**2, y**2, z**2, x * y, y * z, z * x))
WAVES = tc.Entrywise((x, y, z), (x, y, z, sp.sin(x), sp.cos(y), sp.exp(z / 2), x * y, y * z, z * x))
SQUARES = tc.Diagonal(2, 2)
REACHES = 2.0 ** -np.arange(5, 8)  # of displacements, for differences


@dataclass(frozen=True)
class Valley:
    """F = X(w(θ) - w(base)), zero at the base; the point base + offset, a direction."""

    model: tc.Entrywise
    X: np.ndarray
    base: np.ndarray
    offset: np.ndarray
    push: np.ndarray

    @property
    def objective(self) -> tc.Objective:
        """|F|²/2."""
        fit = (self.X @ self.model.w(self.base)[..., None])[..., 0]
        return tc.Objective(self.model, tc.SquaredLoss(0.5 * self.X.shape[-2]), tc.Regression(self.X, fit))

    @property
    def point(self) -> np.ndarray:
        """Where derivatives are taken."""
        return self.base + self.offset

    @property
    def jacobian(self) -> np.ndarray:
        """∂F there; H = ∂Fᵀ∂F at the base."""
        return self.X @ self.model.kernels.jacobian(self.point)

    @property
    def tangent(self) -> np.ndarray:
        """I - J⁺J."""
        J = self.jacobian
        return np.eye(3) - np.linalg.pinv(J) @ J

    @property
    def direction(self) -> np.ndarray:
        """The push at length 1."""
        return unit(self.push)

    @property
    def ways(self) -> tuple[np.ndarray, np.ndarray]:
        """A tangent and a normal unit vector."""
        J, M = self.jacobian, self.X.shape[-2]
        across = np.swapaxes(np.linalg.svd(J)[2][..., M:, :], -1, -2)
        return times(across, unit(self.push[..., M:])), unit(times(np.swapaxes(J, -1, -2), unit(self.push[..., :M])))

    @property
    def minimiser(self) -> tc.Minimiser:
        """The splitting at the base."""
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
    """One or two residuals."""
    model, M = draw(tc.choice((QUADRATIC, WAVES))), draw(tc.integers(1, 2))
    X, base = draw(tc.array((M, 9), -1.0, 1.0)), draw(tc.array(3, -1.0, 1.0))
    return Valley(model, X, base, draw(tc.array(3, -0.125, 0.125)), draw(tc.array(3, -1.0, 1.0)))


@tc.recipe
def crossings(draw):
    """F = xy from the crossing of its two lines of zeros."""
    return Valley(QUADRATIC, draw(tc.reals(0.5, 2.0)) * np.eye(9)[6:7], np.zeros(3), np.zeros(3), draw(tc.array(3, -1.0, 1.0)))


def well_ranked(v: Valley) -> bool:
    """Every singular value of ∂F lies between 1/4 and 4."""
    sizes = np.linalg.svd(v.jacobian)[1]
    return bool(sizes[-1] >= 0.25 and sizes[0] <= 4.0)


at_minimiser = tc.Premise(
    "at_minimiser", "x ∈ Γ", lambda v: tc.equal("x = base", v.point, v.base), enforce=lambda v: replace(v, offset=np.zeros_like(v.offset))
)
full_rank = tc.Premise("full_rank", "no singular value of ∂F is below 1/4, nor above 4", well_ranked)
simple_top = tc.Premise("simple_top", "λ_1 ≥ 1.1 λ_2", lambda v: len(v.X) == 1 or bool(np.divide(*np.linalg.svd(v.jacobian)[1] ** 2) >= 1.1))


# -- derivatives of the limit map, by differences of flows --


def displaced(v: Valley, ways: np.ndarray) -> tc.Measured:
    """Φ(x + h way) for all h of REACHES: ways (..., k, 3) -> (..., 3 h, k, 3)."""
    moves = v.offset[..., None, None, :] + REACHES[:, None, None] * ways[..., None, :, :]
    return tc.limit_near(v.objective, v.base, moves.reshape(*v.base.shape[:-1], -1, 3)).reshape(moves.shape)


def limit_of(label: str, differences: tc.Measured, formula: tc.Measured | np.ndarray, size: np.ndarray | float = 1.0) -> tc.Comparison:
    """Differences (..., 3 h, 3), with errors of order h², tend to the formula."""
    first = tc.Measured(np.moveaxis(differences.value, -2, 0), np.moveaxis(differences.error, -2, 0))
    return replace(tc.tends_to(label, REACHES**2, first, formula, resolution=5e-3), scale=size)


def slope(v: Valley, way: np.ndarray) -> tc.Measured:
    """(Φ(x + h way) - Φ(x - h way))/(2h)."""
    found = displaced(v, np.stack([way, -way], axis=-2))
    return (found[..., 0, :] - found[..., 1, :]) / (2 * REACHES[:, None])


def bends(v: Valley, ways: np.ndarray) -> tc.Measured:
    """Σ over the ways (..., k, 3) of (Φ(x + h way) + Φ(x - h way) - 2x)/h²."""
    found = displaced(v, np.concatenate([ways, -ways], axis=-2))
    return (found - v.point[..., None, None, :]).sum(axis=-2) / REACHES[:, None] ** 2


def constant_along_flow(v: Valley, precision: tc.Precision, gradient: bool = True) -> tc.Comparison:
    """∂Φ(x) times the direction of ∇L(x), or times any direction."""
    gradient_there = v.objective.gradient(v.point)
    way = np.where(np.any(gradient_there, axis=-1, keepdims=True), unit(gradient_there), 0.0) if gradient else v.direction
    return limit_of("∂Φ(x)∇L(x) = 0", slope(v, way), 0.0 * way)


def first_derivative(v: Valley, precision: tc.Precision) -> tc.Comparison:
    """∂Φ(x) v against P_T v."""
    return limit_of("∂Φ v = P_T v", slope(v, v.direction), times(v.tangent, v.direction))


def first_derivative_by_flows(v: Valley, precision: tc.Precision) -> tc.Comparison:
    """The same where the rank drops, by whole flows from next to the point."""
    flow, X = tc.GradientFlow(accuracy=1e-5, budget=1000), np.repeat(v.X[:, None], 6, axis=1)
    repeated = replace(v, X=X, base=np.repeat(v.base[:, None], 6, axis=1)).objective
    moves = np.stack([v.direction, -v.direction], axis=-2)[:, :, None] * REACHES[:, None]
    found = tc.flow_limit(repeated, flow, v.base[:, None] + moves.reshape(len(v.base), 6, 3)).theta.reshape(moves.shape)
    return limit_of("∂Φ v = P_T v", (found[:, 0] - found[:, 1]) / (2 * REACHES[:, None]), times(v.tangent, v.direction))


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
    return limit_of("∂²Φ[t,t] = -H⁺T[ttᵀ]", bends(v, t[..., None, :]), sign * applied(g.pseudo_inverse, g.contracted(outer(t, t))), size_of(g))


def mixed_bend(v: Valley, precision: tc.Precision, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,t] by polarisation against -P_T T[sym(H⁺n tᵀ)], n normal and t tangent."""
    g, (t, n) = v.minimiser, v.ways
    difference = (bends(v, (n + t)[..., None, :]) - bends(v, (n - t)[..., None, :])) / 4
    formula = applied(g.tangent_projection, g.contracted(outer(times(g.pseudo_inverse, n), t)))
    return limit_of("∂²Φ[n,t] = -P_T T[sym(H⁺n tᵀ)]", difference, factor * formula, size_of(g))


def normal_bend(v: Valley, precision: tc.Precision, scalar: bool = False, factor: float = -1.0) -> tc.Comparison:
    """∂²Φ[n,n] against -P_T T[𝓛⁻¹(nnᵀ)], or with ½ sym(H⁺nnᵀ) in place of 𝓛⁻¹(nnᵀ)."""
    g, n = v.minimiser, v.ways[1]
    M = outer(times(g.pseudo_inverse, n), n) / 2 if scalar else g.lyapunov_inverse(outer(n, n))
    formula = applied(g.tangent_projection, g.contracted(M))
    return limit_of("∂²Φ[n,n] = -P_T T[𝓛⁻¹(nnᵀ)]", bends(v, n[..., None, :]), factor * formula, size_of(g))


def top_bend(v: Valley, precision: tc.Precision, factor: float = 0.5) -> tc.Comparison:
    """∂²Φ[v_1,v_1] against -P_T∇λ_1/(2λ_1)."""
    g = v.minimiser
    formula = factor * tc.TOP.drift(v.objective, v.base) / g.eigenvalues[..., -1:]
    return limit_of("∂²Φ[v_1v_1ᵀ] = -P_T∇λ_1/(2λ_1)", bends(v, g.vectors[..., None, :, -1]), formula, size_of(g))


# -- drift of noise --


def drift(v: Valley, precision: tc.Precision, cross: float = 2.0) -> tc.Comparison:
    """½∂²Φ[vvᵀ] for any v by blocks, the mixed one `cross` times."""
    g, way = v.minimiser, v.direction
    t, n = times(g.tangent_projection, way), times(g.normal_projection, way)
    along = g.contracted(cross * outer(times(g.pseudo_inverse, n), t)) + g.contracted(g.lyapunov_inverse(outer(n, n)))
    formula = applied(g.pseudo_inverse, g.contracted(outer(t, t))) + applied(g.tangent_projection, along)
    return limit_of("½∂²Φ[Σ] by blocks", bends(v, way[..., None, :]) / 2, -0.5 * formula, size_of(g))


def label_drift(v: Valley, precision: tc.Precision, factor: float = 0.25, of: tc.SpectralFunction = tc.TRACE) -> tc.Comparison:
    """½∂²Φ[H], a sum over the rows of ∂F, against -¼P_T∇tr H."""
    formula = factor * of.drift(v.objective, v.base)
    size = size_of(v.minimiser) * np.sum(v.jacobian**2, axis=(-1, -2))
    return limit_of("½∂²Φ[H] = -¼P_T∇tr H", bends(v, v.jacobian) / 2, formula, size)


def isotropic_drift(v: Valley, precision: tc.Precision, of: tc.SpectralFunction = tc.LOG_PDET, curvature: float = 0.5) -> tc.Comparison:
    """½∂²Φ[I], a sum over the axes, against -½H⁺T[P_T] - ¼P_T∇log pdet H."""
    g, axes = v.minimiser, np.broadcast_to(np.eye(3), (*v.base.shape, 3))
    formula = 0.25 * of.drift(v.objective, v.base) - curvature * applied(g.pseudo_inverse, g.contracted(g.tangent_projection))
    return limit_of("½∂²Φ[I] = -½H⁺T[P_T] - ¼P_T∇log pdet H", bends(v, axes) / 2, formula, 3 * size_of(g))


# -- w = u² - v² --


@dataclass(frozen=True)
class Network:
    """A network of two inputs that fits one sample."""

    theta: np.ndarray
    Z: np.ndarray
    time: np.ndarray | float
    noise: Noise | None = None

    @property
    def objective(self) -> tc.Objective:
        """|Zw - y|²/(2n), zero at θ."""
        fit = (self.Z @ SQUARES.w(self.theta)[..., None])[..., 0]
        return tc.Objective(SQUARES, tc.SquaredLoss(0.5), tc.Regression(self.Z, fit))

    @property
    def c(self) -> np.ndarray:
        """Σ_i Z_ij²/n."""
        return np.mean(self.Z**2, axis=-2)

    @property
    def trace(self) -> float:
        """tr H = 4Σc(u² + v²)."""
        return float(4 * np.sum(self.c * (self.theta[:2] ** 2 + self.theta[2:] ** 2)))


def networks_of(noisy: bool) -> tc.Recipe:
    """Networks, for noisy claims with their noise."""

    @tc.recipe
    def networks(draw):
        theta, Z = draw(tc.array(4, 0.5, 1.25)), draw(tc.signs((1, 2))) * draw(tc.array((1, 2), 0.25, 1.0))
        return Network(theta, Z, draw(tc.reals(0.25, 1.0)), draw(tc.noise()) if noisy else None)

    return networks


def products(theta: np.ndarray) -> np.ndarray:
    """log u_jv_j."""
    return np.log(theta[..., :2] * theta[..., 2:])


def shrunk_start(p: Network, precision: tc.Precision, rate: float = 4.0, weighted: bool = True) -> tc.Comparison:
    """The flow of δ²/4 tr H against the projection from u_0e^(-2δ²ct), v_0e^(-2δ²ct), δ = 1; u v shrinks like e^(-4δ²ct)."""
    t = np.asarray(p.time)[:, None]
    flow = tc.manifold_flow(p.objective, tc.TRACE, p.theta, [1.0], rate=0.25 * np.asarray(p.time), steps=12)[:, 0]
    c = p.c if weighted else np.broadcast_to(p.c.mean(axis=-1, keepdims=True), p.c.shape)
    shrunk = p.theta * np.tile(np.exp(-rate / 2 * c * t), 2)
    projection = tc.bregman_projection(tc.legendre_potential(SQUARES, shrunk), p.Z, p.objective.data.y)
    w = flow[:, :2] ** 2 - flow[:, 2:] ** 2
    law = tc.equal("u v = u_0 v_0 e^(-4δ²ct)", flow[:, :2] * flow[:, 2:], shrunk[:, :2] * shrunk[:, 2:], resolution=1e-3)
    return tc.all_of(law, tc.equal("w(t) = Bregman projection from the shrunk start", w, projection.w, 1e-3, scale=np.sum(p.theta**2, axis=-1)))


def least_weighted_l1(p: Network, c: np.ndarray) -> np.ndarray:
    """min Σc|w| with z·w = y: all on the coordinate where c/|z| is least."""
    return np.min(c / np.abs(p.Z[:, 0]), axis=-1) * np.abs(p.objective.data.y[:, 0])


def weighted_gap(p: Network, precision: tc.Precision, weighted: bool = True, factor: float = 1.0) -> tc.Comparison:
    """Σc|w(t)| - min ≤ (Σ(u_0² + v_0²) + Σ|w*|(arcsinh(|w*|/2u_0v_0) - 1) - w* log(u_0/v_0))/(4δ²t) at the minimiser w*, for late t."""
    c = p.c if weighted else np.ones_like(p.c)
    u, v = p.theta[:, :2], p.theta[:, 2:]
    y, ratio = p.objective.data.y, c / np.abs(p.Z[:, 0])
    best = np.where(ratio == ratio.min(axis=-1, keepdims=True), y / p.Z[:, 0], 0.0)
    cost = np.abs(best) * (np.arcsinh(np.abs(best) / (2 * u * v)) - 1) - best * np.log(u / v)
    comparisons = []
    for late in (4.0, 64.0):
        t = late * np.asarray(p.time)
        shrunk = p.theta * np.tile(np.exp(-2 * p.c * t[:, None]), 2)
        w = tc.bregman_projection(tc.legendre_potential(SQUARES, shrunk), p.Z, y).w
        gap = (np.abs(w) * c).sum(axis=-1) - least_weighted_l1(p, c)
        bound = factor * (np.sum(u**2 + v**2 + cost, axis=-1)) / (4 * t)
        comparisons.append(tc.at_most(f"Σc|w| - min ≤ C/(4δ²t) at {late:g} t", gap, bound))
    return tc.all_of(*comparisons)


def one_step(p: Network, precision: tc.Precision, second: float = 4.0) -> tc.Comparison:
    """u v after one step of label noise δ = ½ against u v (1 - 4η²r²z²)."""
    eta, delta = 0.125, 0.5
    method = tc.GradientDescent(eta, tc.LabelNoise(delta, seed=np.arange(len(p.theta))))
    end = tc.follow(p.objective, method, p.theta, tc.Stop(steps=1)).final
    claimed = p.theta[:, :2] * p.theta[:, 2:] * (1 - second * eta**2 * delta**2 * p.Z[:, 0] ** 2)
    return tc.equal("u v = u_0 v_0 (1 - 4η²r²z²)", end[:, :2] * end[:, 2:], claimed)


def clean_batches(p: Network, precision: tc.Precision, deviation: float = 0.0) -> tc.Comparison:
    """Where SGD, with label noise or without, is after 20 steps from a minimiser."""
    gradient = tc.LabelNoise(deviation, seed=3) if deviation else tc.Minibatch(1, seed=3)
    end = tc.follow(p.objective, tc.GradientDescent(0.0625, gradient), p.theta, tc.Stop(steps=20)).final
    return tc.equal("θ_k = θ_0", end, p.theta)


def decays(p: Network, etas: np.ndarray, slow: np.ndarray) -> tc.Measured:
    """E log(uv) - log(u_0v_0) of the first coordinate after slow/(δη)² steps over its limit, -4cδ²η² a step; δ = 1/32, one number a step size."""
    delta, key = 2.0**-5, int(p.noise.generator().integers(2**62))
    steps = np.maximum(1, np.round(slow / (delta * etas) ** 2)).astype(int)
    method = lambda seed: tc.GradientDescent(etas[:, None], tc.LabelNoise(delta, seed))  # noqa: E731
    ensemble = tc.Ensemble(p.objective, method, p.theta, tc.Stop(steps=steps[:, None]))
    mean = tc.expectation(ensemble.changes(lambda theta: products(theta)[..., 0], key), most=256, accuracy=1e-4)
    return mean / (-4 * p.c[0] * (delta * etas) ** 2 * steps)


def log_slope(sizes: tc.Measured) -> tc.Measured:
    """The exponent as a scale is halved twice: local slopes extrapolated, with their change as a bar."""
    first, last = (np.log(a / b) / np.log(2.0) for a, b in ((sizes[0], sizes[1]), (sizes[1], sizes[2])))
    middle = 2 * last - first
    return tc.Measured(middle.value, last.error + first.error + np.abs(last.value - first.value))


def distance_rate(p: Network, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """log of the share of E log(uv) that is not its limit against log η."""
    etas = np.array([0.8, 0.4, 0.2]) / p.trace
    excess = 1 - 1 / decays(p, etas, np.full(3, p.trace**-2 / 64))
    return tc.equal("1 - (-4δ²ct)/E log(uv) = O(η)", log_slope(excess), exponent, resolution=0.2)


def short_time_rate(p: Network, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """log of E log(u_0v_0) - E log(uv) after 1/(ηh) steps against log η."""
    etas = np.array([0.4, 0.2, 0.1]) / p.trace
    change = decays(p, etas, etas / (256 * p.trace)) * etas
    return tc.equal("change in 1/η steps = O(η)", log_slope(change), exponent, resolution=0.2)


# -- recovery --


@dataclass(frozen=True)
class Sensing:
    """d inputs, κ of them used."""

    d: int
    kappa: int
    noise: Noise

    @property
    def enough(self) -> int:
        """⌈4κ ln d⌉."""
        return int(np.ceil(4 * self.kappa * np.log(self.d)))

    def designs(self, runs: np.ndarray, n: int) -> np.ndarray:
        """Rademacher matrices, shape (B, n, d)."""
        return np.stack([self.noise.generator(int(k)).integers(0, 2, size=(n, self.d)) for k in runs]) * 2.0 - 1.0


@tc.recipe
def sensings(draw):
    """Sizes for which ⌈4κ ln d⌉ samples are few."""
    return Sensing(draw(tc.integers(6, 24)), draw(tc.integers(1, 2)), draw(tc.noise()))


def certified(designs: np.ndarray, kappa: int) -> np.ndarray:
    """Whether ν = Z_S(Z_SᵀZ_S)⁻¹1 has |Zᵀν| < 1 off S, which makes 1_S the only ℓ1 solution (weights c = 1: all entries ±1)."""
    S = designs[..., :kappa]
    nu = S @ np.linalg.pinv(np.swapaxes(S, -1, -2) @ S) @ np.ones((kappa, 1))
    dual = (np.swapaxes(designs, -1, -2) @ nu)[..., 0]
    return (np.abs(dual[:, kappa:]) < 1 - 1e-9).all(axis=-1) & (np.abs(dual[:, :kappa] - 1) < 1e-9).all(axis=-1)


def solved(designs: np.ndarray, kappa: int) -> np.ndarray:
    """Whether the linear programme finds 1_S, ties decided against S by a millionth of its cost."""
    d, found = designs.shape[-1], []
    for Z in designs:
        cost = np.tile(1.0 + 1e-6 * (np.arange(d) < kappa), 2)
        w = linprog(cost, A_eq=np.hstack([Z, -Z]), b_eq=Z[:, :kappa].sum(axis=-1), method="highs").x
        found.append(w is not None and bool(np.max(np.abs(w[:d] - w[d:] - (np.arange(d) < kappa))) < 1e-6))
    return np.array(found)


def recovery(s: Sensing, precision: tc.Precision, samples: int | None = None) -> tc.Comparison:
    """The ℓ1 programme on n samples finds the planted weights with probability ≥ 1/2: certified, or for n = κ samples solved."""
    few = samples is not None
    test = solved if few else certified
    return tc.happens("recovered with probability ≥ 1/2", lambda k: test(s.designs(k, s.kappa if few else s.enough), s.kappa), 0.5, most=128)


# -- what algebra settles --


def identities() -> dict[str, tuple[tc.Identity, ...]]:
    """The product of a step and along the flow; the trace of H; the Lyapunov inverse of H."""
    u, v, e, c, delta, g, lam, r, a, b = sp.symbols("u v e c delta g lambda r a b", real=True)
    step = tc.Identity(u * (1 - 2 * e) * v * (1 + 2 * e), u * v * (1 - 4 * e**2))
    flow = tc.Identity((-2 * delta**2 * c * u + u * g) * v + u * (-2 * delta**2 * c * v - v * g), -4 * delta**2 * c * u * v)
    loss = (a * (u**2 - v**2) - b) ** 2 / 2
    trace = sp.diff(loss, u, 2) + sp.diff(loss, v, 2)
    on_gamma = tc.Identity(sp.expand(trace.subs(b, a * (u**2 - v**2))), 4 * a**2 * (u**2 + v**2))
    lyapunov = tc.Identity(lam * (r / 2) + (r / 2) * lam, r * lam)
    return {"step": (step,), "flow": (flow, on_gamma), "lyapunov": (lyapunov,)}


proved = identities()


def theorem(name, ambient, premises, claim, statement, known=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=known, stacked=stacked)


networks, noisy = networks_of(False), networks_of(True)
regular = (full_rank, at_minimiser)
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
    "drift_of_label_noise", valleys, regular, label_drift, r"\tfrac12\partial^2\Phi[cH] = -\tfrac c4 P_T \nabla\,\mathrm{tr} H", proved["lyapunov"]
)
pdet = r"\tfrac12\partial^2\Phi[I] = -\tfrac12 H^+T[P_T] - \tfrac14 P_T\nabla\log\mathrm{pdet} H"
isotropic = theorem("drift_of_isotropic_noise", valleys, regular, isotropic_drift, pdet)
clean = theorem("clean_batches_stay", networks, (), clean_batches, r"\Sigma = 0 \text{ on } \Gamma")
step = theorem("products_shrink_by_of_one_step", networks, (), one_step, r"u_j v_j \to u_j v_j (1 - 4\eta^2 r^2 Z_{ij}^2)", proved["step"])
shrunk_law = r"w(t) = \arg\min\{R_t(w) : Zw = y\}, \; u_j(t) v_j(t) = u_j(0) v_j(0) e^{-4\delta^2 c_j t}"
shrinking = theorem("limit_flow_has_shrunk_start", networks, (), shrunk_start, shrunk_law, proved["flow"])
sparse = theorem("weighted_l1_gap_le", networks, (), weighted_gap, r"\sum_j c_j |w_j(t)| - \min_{Zw=y} \sum_j c_j |w_j| \le C / (4 \delta^2 t)")
rate_law = r"\mathbb{E}\log(u v)_{t/\eta^2} = \log(u_0 v_0) - 4\delta^2 c t\,(1 + O(\eta))"
rate = theorem("distance_to_limit_flow_is_first_order", noisy, (), distance_rate, rate_law, stacked=False)
short_law = r"\mathbb{E}\log(u v)_{T/\eta} - \log(u_0 v_0) = O(\eta)"
short = theorem("change_in_short_time_is_first_order", noisy, (), short_time_rate, short_law, stacked=False)
recovered = theorem(
    "sparse_recovery_of_enough_samples", sensings, (), recovery, r"n = \lceil 4\kappa \ln d \rceil \Rightarrow P \ge 1/2", stacked=False
)

THEOREMS = (constant, first, tangent, mixed, normal, top, drifting, labels, isotropic, clean, step, shrinking, sparse, rate, short, recovered)
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
    clean.claiming("with_label_noise", partial(clean_batches, deviation=0.5)),
    step.claiming("half_the_square", partial(one_step, second=2.0)),
    shrinking.claiming("rate_8", partial(shrunk_start, rate=8.0)),
    shrinking.claiming("constant_products", partial(shrunk_start, rate=0.0)),
    shrinking.claiming("unweighted", partial(shrunk_start, weighted=False)),
    sparse.claiming("unweighted", partial(weighted_gap, weighted=False)),
    rate.claiming("second_order", partial(distance_rate, exponent=2.0)),
    short.claiming("zeroth_order", partial(short_time_rate, exponent=0.0)),
    recovered.claiming("as_many_samples_as_weights", partial(recovery, samples=0)),
)
FINDINGS = (
    tc.Finding(
        "with a finite step the products u_jv_j shrink faster than the limit flow says, by an amount of order η, never slower",
        "for one sample E r² = δ²/(1 - η tr H/2): the share of E log(uv) that is not its limit is η tr H/2 to first order, of slope 1 in η",
        "theorycheck check li_wang_arora_2021/distance_to_limit_flow_is_first_order",
    ),
    tc.Finding(
        "the weighted ℓ1 norm on the limit flow is within C/(4δ²t) of its least value, with C in terms of the start and the solution alone",
        "C = Σ(u_0² + v_0²) + Σ|w*|(arcsinh(|w*|/2u_0v_0) - 1) - w* log(u_0/v_0); the unweighted norm stays away by a constant",
        "theorycheck check li_wang_arora_2021/weighted_l1_gap_le",
    ),
)
