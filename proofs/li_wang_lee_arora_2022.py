r"""Gradient flow on a commuting parametrization is mirror flow (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

Setting      w = G(θ), gradient flow θ̇ = -∇(ℓ∘G) from θ_0; fields ∇G_i; potential R with ∇R(G(θ_0)) = 0, Q = R*; μ(t) = -∫∇ℓ(w).
             G is u² - v², uv, u³ - v³, u⁴ - v⁴, u² or a commuting pair of quadratic forms; ℓ(w) = |Xw - y|²/2.
Convention   [X, Y] = (∂Y)X - (∂X)Y; R as in the closed forms of `legendre_potential` (u² - v² carries 1/4, uv carries 1/2).
Results      flow_is_mirror_flow            w(t) of the flow in θ equals ∇Q(μ(t)) of the mirror flow
             order_of_losses_is_immaterial_of_commuting   ∫c(t)dt alone decides where ⟨c(t), w⟩ leads
             mirror_map_inverts             ∇R(∇Q(μ)) = μ, ∇²Q(μ) = ∂G∂Gᵀ, R(w) + Q(μ) = ⟨w, μ⟩
             conjugate_eq_squared_norm_of_homogeneous     Q(μ) = |ψ(μ)|²/(2k) for G homogeneous of degree k
             limit_is_bregman_projection_of_feasible      where Xw = y can be reached the flow ends at argmin R on {Xw = y}
             energy_identity_of_interpolator   ∫_0^T |Xw - y|² dt = D_R(w*, w(0)) - D_R(w*, w(T)) for every w* with Xw* = y
             In the form derived in the project's catalogue.
Not covered  The necessary condition and the converse (Nash embedding).
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Li, Wang, Lee & Arora", 2022, arxiv="2207.04036", item="commuting parametrizations")

a, b, c, d = sp.symbols("a b c d", real=True)
g, u, v = sp.symbols("g u v", real=True)
SQUARES, CUBES, QUARTICS, PRODUCT = tc.Diagonal(2, 2), tc.Diagonal(2, 3), tc.Diagonal(2, 4), tc.Hadamard(2)
POSITIVE = tc.Diagonal(2, 2, signed=False)
FORMS = tc.Entrywise((a, b, c, d), ((a + c) * (b + d), a * c + b * d))
GRAM = tc.Entrywise((a, b, c, d), (a**2 + b**2, a * c + b * d))
NEURON = tc.Entrywise((a, b, c), (a * b, a * c))
NORMALIZED = tc.Entrywise((g, u, v), (g * u / sp.sqrt(u**2 + v**2), g * v / sp.sqrt(u**2 + v**2)))
COMMUTING = (SQUARES, PRODUCT, CUBES, QUARTICS, POSITIVE, FORMS)
Model = tc.Diagonal | tc.Hadamard | tc.Entrywise


@dataclass(frozen=True)
class Problem:
    """A parametrization of two weights, a start with positive entries, one sample (x, y), a direction in the space of w or of μ.

    The claims take problems stacked along a leading axis.
    """

    model: Model
    start: np.ndarray
    X: np.ndarray
    y: np.ndarray
    push: np.ndarray

    @property
    def potential(self) -> tc.Potential:
        """R of the model from this start."""
        return tc.legendre_potential(self.model, self.start)

    @property
    def objective(self) -> tc.Objective:
        """|Xw - y|²/2 of the same map without its name, so that the flow runs in θ and not in mirror coordinates."""
        return tc.Objective(nameless(self.model), tc.SquaredLoss(0.5), tc.Regression(self.X, self.y))

    @property
    def dual(self) -> np.ndarray:
        """A point of the dual domain: `push` times half of the way to its ends, or half of it where there are none."""
        low, high = self.potential.dual_domain
        return self.push / 2 * np.minimum(1.0, np.where(self.push < 0, -low, high))

    @property
    def interpolator(self) -> np.ndarray:
        """A w* with X w* = y: the one nearest to G(θ_0) + push."""
        w, data = self.model.w(self.start) + self.push, self.objective.data
        return w + data.solved(self.y - data.predictions(w))


def problems_of(models: tuple[Model, ...], pace: float | None = None) -> tc.Recipe:
    """Problems on any of the models; with a pace, the sample is scaled such that X w moves at this rate at the start."""

    @tc.recipe
    def problems(draw):
        model = draw(tc.choice(models))
        start, X = draw(tc.array(model.parameters, 0.25, 1.5)), draw(tc.array((1, 2), -1.5, 1.5))
        if pace is not None:
            X = X * np.sqrt(pace) / max(np.linalg.norm(X @ model.kernels.jacobian(start)), 1e-3)
        return Problem(model, start, X, draw(tc.array(1, -1.0, 1.0)), draw(tc.array(2, -1.0, 1.0)))

    return problems


@tc.recipe
def grams_of_identity(draw):
    """The first row of UUᵀ from U = αI, whose fields do not commute."""
    alpha = draw(tc.reals(0.25, 1.5))
    return Problem(GRAM, alpha * np.array([1.0, 0.0, 0.0, 1.0]), np.zeros((1, 2)), np.zeros(1), np.zeros(2))


@lru_cache
def nameless(model: Model) -> tc.Entrywise:
    """The same map as plain expressions."""
    return tc.Entrywise(model.symbols, model.expressions)


@lru_cache
def commutes(model: Model) -> bool:
    """All brackets vanish, exactly."""
    return tc.lie_brackets(model).commuting


def degree(model: Model) -> int:
    """k with G(cθ) = c^k G(θ)."""
    return model.depth if isinstance(model, tc.Diagonal) else 2


def matrix(diagonal_or_full: np.ndarray, potential: tc.Potential) -> np.ndarray:
    """A metric in full, shape ``(B, 2, 2)``."""
    return diagonal_or_full[..., None] * np.eye(2) if potential.separable else diagonal_or_full


# -- hypotheses --


def reachable(p: Problem) -> bool:
    """Whether y is well inside {X w : w in the domain of R}, which is one half of the line or all of it."""
    sides = p.potential.cone @ p.X[0]
    return bool(np.any(sides * p.y >= 1 / 16) or (sides.max() >= 1 / 4 and sides.min() <= -1 / 4))


commuting = tc.Premise("commuting", "[∇G_i, ∇G_j] = 0", lambda p: commutes(p.model))
regular = tc.Premise(
    "regular", "no singular value of ∂G(θ_0) is below 1/16", lambda p: bool(np.linalg.svd(p.model.kernels.jacobian(p.start))[1][-1] >= 1 / 16)
)
input_nonzero = tc.Premise("input_nonzero", "|x_i| ≥ 1/4 for some i", lambda p: float(np.abs(p.X).max()) >= 0.25)
feasible = tc.Premise("feasible", "X w = y for some w well inside the domain of R", reachable)
inside = tc.Premise("inside", "w* in the domain of R", lambda p: bool(p.potential.in_domain(p.interpolator)))


# -- claims, on stacks --


def mirror_flow(p: Problem, precision: tc.Precision, sign: float = 1.0, of: Model | None = None) -> tc.Comparison:
    """w(t) in θ against w(t) in mirror coordinates; `sign` -1 goes up the loss, `of` takes another map's potential."""
    model = of or p.model
    y = p.y if sign > 0 else 2 * (p.X @ model.w(p.start)[..., None])[..., 0] - p.y
    mirrored = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(p.X, y))
    flows = tc.GradientFlow(accuracy=1e-8), tc.MirrorFlow(tc.legendre_potential(model, p.start), accuracy=1e-8)
    one, two = (
        tc.follow(objective, flow, p.start, tc.Stop(time=1.0), record=(tc.end_to_end,), save=tc.At((0.25, 1.0))).records[tc.end_to_end]
        for objective, flow in zip((p.objective, mirrored), flows, strict=True)
    )
    return tc.equal("w(t) = ∇Q(μ(t))", one, two)


def order_swap(p: Problem, precision: tc.Precision, step: float = 0.03125) -> tc.Comparison:
    """The ends of the flow under c = -e_1 then -e_2, each for a time `step`, and in the other order."""
    loss = tc.LinearLoss(((step, (-1.0, 0.0)), (step, (0.0, -1.0))))
    one, two = (tc.staged_flow(nameless(p.model), order, p.start, 1e-9, precision) for order in (loss, loss.swapped()))
    return tc.equal("w after (e_1, e_2) = w after (e_2, e_1)", one, two)


def duality(p: Problem, precision: tc.Precision, mirror: float = 1.0, start: float = 1.0) -> tc.Comparison:
    """∇R(∇Q(μ)) = μ, ∇²Q = ∂G∂Gᵀ and Fenchel's equality at a point of the dual domain."""
    R, mu = p.potential, p.dual
    w = R.inverse(mu)
    J = p.model.kernels.jacobian(R.parameters_at(mu))
    return tc.all_of(
        tc.equal("∇R(∇Q(μ)) = μ", mirror * tc.legendre_potential(p.model, start * p.start).mirror(w), mu),
        tc.equal("∇²Q(μ) = ∂G∂Gᵀ", matrix(R.hessian(mu), R), J @ np.swapaxes(J, -1, -2)),
        tc.equal("R(w) + Q(μ) = ⟨w, μ⟩", R.value(w) + R.conjugate(mu), np.sum(w * mu, axis=-1)),
    )


def balanced_mirror(p: Problem, precision: tc.Precision) -> tc.Comparison:
    """∇R of u² - v² without its term -log(u_0/v_0)/4, as from the balanced start of the same uv: false."""
    root = np.sqrt(p.start[..., :2] * p.start[..., 2:])
    balanced = tc.legendre_potential(p.model, np.concatenate([root, root], axis=-1))
    return tc.equal("∇R(∇Q(μ)) = μ", balanced.mirror(p.potential.inverse(p.dual)), p.dual)


def squared_norm(p: Problem, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """Q(μ) = factor |ψ(μ)|²/(2k)."""
    psi = p.potential.parameters_at(p.dual)
    return tc.equal("Q(μ) = |ψ|²/(2k)", p.potential.conjugate(p.dual), factor * np.sum(psi**2, axis=-1) / (2 * degree(p.model)))


def end(p: Problem, accuracy: float = 1e-9) -> tc.Measured:
    """w where the flow comes to rest, shape ``(B, 2)``."""
    return tc.flow_limit(p.objective, tc.GradientFlow(accuracy=accuracy, budget=5000), p.start).recorded(tc.end_to_end, p.objective)


def limit(p: Problem, precision: tc.Precision, of: Model | None = None, start: float = 1.0, accuracy: float = 1e-9) -> tc.Comparison:
    """The end of the flow against the Bregman projection of G(θ_0) onto {Xw = y}."""
    w, projection = end(p, accuracy), tc.bregman_projection(tc.legendre_potential(of or p.model, start * p.start), p.X, p.y)
    fits = tc.equal("X lim w(t) = y", (w * p.X[:, 0]).sum(axis=-1), p.y[:, 0], scale=np.sum(np.abs(w.value * p.X[:, 0]), axis=-1))
    return tc.all_of(fits, tc.equal("lim w(t) = argmin R on {Xw = y}", w, projection.w))


def least_norm_limit(p: Problem, precision: tc.Precision) -> tc.Comparison:
    """The end of the flow against the interpolator nearest to G(θ_0) in ℓ2: false."""
    return tc.equal("lim w(t) = nearest interpolator", end(p, 1e-6), replace(p, push=0 * p.push).interpolator)


def descended_limit(p: Problem, precision: tc.Precision) -> tc.Comparison:
    """The end of gradient descent with a finite step against the projection, up to 1e-6 and what is left of Xw = y: false."""
    run = tc.follow(p.objective, tc.GradientDescent(step=0.0625), p.start, tc.Stop(steps=500, gradient_norm=1e-9), record=(tc.end_to_end,))
    w = run.records[tc.end_to_end].value[:, -1]
    left = 1e-6 + 100 * np.abs(np.sum(w * p.X[:, 0], axis=-1) - p.y[:, 0])
    return tc.equal("lim w_k = argmin R", tc.Measured(w, left[:, None]), tc.bregman_projection(p.potential, p.X, p.y).w, resolution=1e-3)


def energy(p: Problem, precision: tc.Precision, factor: float = 1.0, missed: float = 0.0) -> tc.Comparison:
    """∫|Xw - y|²dt by two nested rules, against the drop of the divergence from a w* with X w* - y = `missed`."""
    times, fine, coarse = nested_rules(0.5)
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=0.5), (tc.predictions, tc.end_to_end), tc.At(times))
    squares, w = (run.records[tc.predictions][..., 0] - p.y) ** 2, run.records[tc.end_to_end][:, -1]
    integral, rougher = ((squares * rule).sum(axis=-1) for rule in (fine, coarse))
    R, target = p.potential, replace(p, y=p.y + missed).interpolator
    toward = target - w.value
    steep = np.linalg.solve(matrix(R.metric(w.value), R), toward[..., None])[..., 0]
    drop = tc.Measured(R.divergence(target, p.model.w(p.start)) - R.divergence(target, w.value), 2 * np.sum(np.abs(steep) * w.error, axis=-1))
    return tc.equal(
        "∫|Xw - y|² = D_R(w*, w(0)) - D_R(w*, w(T))",
        factor * tc.Measured(integral.value, integral.error + np.abs(integral.value - rougher.value)),
        drop,
        scale=R.divergence(target, p.model.w(p.start)),
    )


@lru_cache
def nested_rules(end: float, count: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in [0, end], and the weights there of Clenshaw and Curtis' rules with `count` intervals and with half of them."""
    coarse, rules = np.zeros(count + 1), []
    for n in (count, count // 2):
        moments = [2 / (1 - k**2) if k % 2 == 0 else 0.0 for k in range(n + 1)]
        nodes = -np.cos(np.pi * np.arange(n + 1) / n)
        rules.append(end / 2 * np.linalg.solve(np.polynomial.chebyshev.chebvander(nodes, n).T, moments))
    coarse[::2] = rules[1]
    return end / 2 * (1 - np.cos(np.pi * np.arange(count + 1) / count)), rules[0], coarse


# -- what algebra settles --


def closed_forms() -> tuple[tc.Identity, ...]:
    """Per entry: Q' = G(ψ), ψ' = ∇G(ψ), and the metric, for u² - v² and uv; brackets of quadratic maps."""
    p, q, m = sp.symbols("p q mu", positive=True)
    squares = p**2 * sp.exp(4 * m), q**2 * sp.exp(-4 * m)
    product = p**2 * sp.exp(2 * m), q**2 * sp.exp(-2 * m)
    return (
        tc.Identity(sp.diff((squares[0] + squares[1]) / 4, m), squares[0] - squares[1]),
        tc.Identity(sp.diff(squares[0] - squares[1], m), 4 * (squares[0] + squares[1])),
        tc.Identity(sp.diff((product[0] + product[1]) / 2, m), product[0] - product[1]),
        tc.Identity((4 * (squares[0] + squares[1])) ** 2, 16 * ((squares[0] - squares[1]) ** 2 + 4 * p**2 * q**2)),
    )


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=True)


table, fitted, products, squares = problems_of(COMMUTING), (input_nonzero, regular, feasible), problems_of((PRODUCT,)), problems_of((SQUARES,))
maps, paced = problems_of((*COMMUTING, GRAM, NEURON, NORMALIZED)), problems_of(COMMUTING, pace=2.0)
mirror_ode = r"\frac{d}{dt} \nabla R(w(t)) = -\nabla \ell(w(t))"
swapped = r"w_{c_1, c_2}(2s) = w_{c_2, c_1}(2s) \text{ for } \ell_t(w) = \langle c(t), w \rangle"
inverse_maps = r"\nabla R(\nabla Q(\mu)) = \mu, \; \nabla^2 Q = \partial G \partial G^\top"
ending = r"\lim_{t \to \infty} w(t) = \arg\min \{R(w) : X w = y\}"
dissipation = r"\int_0^T \lVert X w - y \rVert^2 dt = D_R(w^*, w(0)) - D_R(w^*, w(T))"
norm_of_psi = r"Q(\mu) = \lVert \psi(\mu) \rVert^2 / (2k)"

flow_is_mirror_flow = theorem("flow_is_mirror_flow", table, (regular,), mirror_flow, mirror_ode, closed_forms())
order_is_immaterial = theorem("order_of_losses_is_immaterial_of_commuting", maps, (commuting,), order_swap, swapped)
mirror_map_inverts = theorem("mirror_map_inverts", table, (regular,), duality, inverse_maps)
conjugate_eq_squared_norm = theorem("conjugate_eq_squared_norm_of_homogeneous", table, (regular,), squared_norm, norm_of_psi)
limit_is_projection = theorem("limit_is_bregman_projection_of_feasible", table, fitted, limit, ending)
energy_identity = theorem("energy_identity_of_interpolator", paced, (input_nonzero, regular, inside), energy, dissipation)

THEOREMS = (flow_is_mirror_flow, order_is_immaterial, mirror_map_inverts, conjugate_eq_squared_norm, limit_is_projection, energy_identity)
FALSE = (
    flow_is_mirror_flow.claiming("against_the_loss", partial(mirror_flow, sign=-1.0)),
    replace(flow_is_mirror_flow.claiming("uv_with_the_row_of_squares", partial(mirror_flow, of=SQUARES)), ambient=products),
    order_is_immaterial.without(commuting),
    replace(order_is_immaterial.claiming("gram_from_identity", order_swap), premises=(), ambient=grams_of_identity),
    mirror_map_inverts.claiming("twice_the_prefactor", partial(duality, mirror=2.0)),
    mirror_map_inverts.claiming("independent_of_the_start", partial(duality, start=1.5)),
    replace(mirror_map_inverts.claiming("without_the_logarithm", balanced_mirror), ambient=squares),
    conjugate_eq_squared_norm.claiming("factor_1_0002", partial(squared_norm, factor=1.0002)),
    limit_is_projection.without(feasible),
    limit_is_projection.claiming("nearest_in_l2", least_norm_limit),
    limit_is_projection.claiming("of_descent_with_a_step", descended_limit),
    limit_is_projection.claiming("independent_of_the_start", partial(limit, start=1.5, accuracy=1e-6)),
    replace(limit_is_projection.claiming("uv_with_the_row_of_squares", partial(limit, of=SQUARES, accuracy=1e-6)), ambient=products),
    energy_identity.claiming("factor_1_0002", partial(energy, factor=1.0002)),
    energy_identity.claiming("of_any_point", partial(energy, missed=0.25)),
)
