r"""Gradient flow on a commuting parametrization is mirror flow (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

Setting      w = G(θ), gradient flow θ̇ = -∇(ℓ∘G) from θ_0; fields ∇G_i; potential R with ∇R(G(θ_0)) = 0, Q = R*; μ(t) = -∫∇ℓ(w).
Convention   [X, Y] = (∂Y)X - (∂X)Y; R as in the closed forms of `legendre_potential` (u² - v² carries 1/4, uv carries 1/2).
Results      flow_is_mirror_flow            w(t) of the flow in θ equals ∇Q(μ(t)) of the mirror flow
             order_of_losses_is_immaterial_of_commuting   ∫c(t)dt alone decides where ⟨c(t), w⟩ leads
             mirror_map_inverts             ∇R(∇Q(μ)) = μ, ∇²Q(μ) = ∂G∂Gᵀ, R(w) + Q(μ) = ⟨w, μ⟩
             conjugate_eq_squared_norm_of_homogeneous     Q(μ) = |ψ(μ)|²/(2k) for G homogeneous of degree k
             limit_is_bregman_projection    under Xw = y the flow ends at argmin R on {Xw = y}
             In the form derived in the project's catalogue.
Not covered  The energy identity along the flow (too slow so far), the necessary condition and the converse (Nash embedding).
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
GRAM = tc.Entrywise((a, b, c, d), (a**2 + b**2, a * c + b * d))
NEURON = tc.Entrywise((a, b, c), (a * b, a * c))
NORMALIZED = tc.Entrywise((g, u, v), (g * u / sp.sqrt(u**2 + v**2), g * v / sp.sqrt(u**2 + v**2)))
COMMUTING = (SQUARES, PRODUCT, CUBES, QUARTICS)
Model = tc.Diagonal | tc.Hadamard | tc.Entrywise

SETTLED = tc.Stop(time=1e4, gradient_norm=1e-11)


@dataclass(frozen=True)
class Problem:
    """A parametrization of two weights, a start with positive entries, one sample (x, y), a dual direction.

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
    def dual(self) -> np.ndarray:
        """A point of the dual domain: `push` times half of the way to its ends, or half of it where there are none."""
        low, high = self.potential.dual_domain
        return self.push / 2 * np.minimum(1.0, np.where(self.push < 0, -low, high))


def problems_of(models: tuple[Model, ...], largest: float = 1.5) -> tc.Recipe:
    """Problems on any of the models, from starts with entries up to `largest`."""

    @tc.recipe
    def problems(draw):
        model = draw(tc.choice(models))
        start = draw(tc.array(model.parameters, 0.25, largest))
        return Problem(model, start, draw(tc.array((1, 2), -largest, largest)), draw(tc.array(1, -1.0, 1.0)), draw(tc.array(2, -1.0, 1.0)))

    return problems


@lru_cache
def in_parameters(model: Model) -> tc.Entrywise:
    """The same map without its name, so that the flow runs in θ and not in mirror coordinates."""
    return tc.Entrywise(model.symbols, model.expressions)


@lru_cache
def commutes(model: Model) -> bool:
    """All brackets vanish, exactly."""
    return tc.lie_brackets(model).commuting


def degree(model: Model) -> int:
    """k with G(cθ) = c^k G(θ)."""
    return model.depth if isinstance(model, tc.Diagonal) else 2


# -- hypotheses --

commuting = tc.Premise("commuting", "[∇G_i, ∇G_j] = 0", lambda p: commutes(p.model))
input_nonzero = tc.Premise("input_nonzero", "|x_i| ≥ 1/4 for some i", lambda p: float(np.abs(p.X).max()) >= 0.25)
regular = tc.Premise(
    "regular",
    "|u_0 - v_0| ≥ 1/8 for uv",
    lambda p: not isinstance(p.model, tc.Hadamard) or bool(np.all(np.abs(p.start[:2] - p.start[2:]) >= 0.125)),
)


# -- claims, on stacks --


def along(p: Problem, quantity, until: tc.Stop, times: tuple[float, ...] = ()) -> tc.Measured:
    """A quantity along the flow in θ, or at its end."""
    objective = tc.Objective(in_parameters(p.model), tc.SquaredLoss(0.5), tc.Regression(p.X, p.y))
    save = tc.At(times) if times else tc.Ends()
    return tc.follow(objective, tc.GradientFlow(accuracy=1e-8, budget=1500), p.start, until, record=(quantity,), save=save).records[quantity]


def mirror_flow(p: Problem, precision: tc.Precision, sign: float = 1.0, of: Model | None = None) -> tc.Comparison:
    """w(t) in θ against w(t) in mirror coordinates; `sign` -1 goes up the loss, `of` takes another map's potential."""
    model = of or p.model
    y = p.y if sign > 0 else 2 * (p.X @ model.w(p.start)[..., None])[..., 0] - p.y
    flow = tc.MirrorFlow(tc.legendre_potential(model, p.start), accuracy=1e-8)
    objective = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(p.X, y))
    run = tc.follow(objective, flow, p.start, tc.Stop(time=1.0), record=(tc.end_to_end,), save=tc.At((0.25, 1.0)))
    return tc.equal("w(t) = ∇Q(μ(t))", along(p, tc.end_to_end, tc.Stop(time=1.0), (0.25, 1.0)), run.records[tc.end_to_end])


def order_swap(p: Problem, precision: tc.Precision, step: float = 0.03125) -> tc.Comparison:
    """The ends of the flow under c = -e_1 then -e_2, each for a time `step`, and in the other order."""
    loss = tc.LinearLoss(((step, (-1.0, 0.0)), (step, (0.0, -1.0))))
    one, two = (tc.staged_flow(in_parameters(p.model), order, p.start, 1e-9, precision) for order in (loss, loss.swapped()))
    return tc.equal("w after (e_1, e_2) = w after (e_2, e_1)", one, two)


def duality(p: Problem, precision: tc.Precision, mirror: float = 1.0, start: float = 1.0) -> tc.Comparison:
    """∇R(∇Q(μ)) = μ, ∇²Q = ∂G∂Gᵀ and Fenchel's equality at a point of the dual domain."""
    R, mu = p.potential, p.dual
    w = R.inverse(mu)
    J = p.model.kernels.jacobian(R.parameters_at(mu))
    return tc.all_of(
        tc.equal("∇R(∇Q(μ)) = μ", mirror * tc.legendre_potential(p.model, start * p.start).mirror(w), mu),
        tc.equal("∇²Q(μ) = ∂G∂Gᵀ", R.hessian(mu)[..., None] * np.eye(2), J @ np.swapaxes(J, -1, -2)),
        tc.equal("R(w) + Q(μ) = ⟨w, μ⟩", R.value(w) + R.conjugate(mu), np.sum(w * mu, axis=-1)),
    )


def squared_norm(p: Problem, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """Q(μ) = factor |ψ(μ)|²/(2k)."""
    psi = p.potential.parameters_at(p.dual)
    return tc.equal("Q(μ) = |ψ|²/(2k)", p.potential.conjugate(p.dual), factor * np.sum(psi**2, axis=-1) / (2 * degree(p.model)))


def limit(p: Problem, precision: tc.Precision, of: Model | None = None, start: float = 1.0) -> tc.Comparison:
    """The end of the flow against the Bregman projection of G(θ_0) onto {Xw = y}."""
    projection = tc.bregman_projection(tc.legendre_potential(of or p.model, start * p.start), p.X, p.y)
    return tc.equal("lim w(t) = argmin R on {Xw = y}", along(p, tc.end_to_end, SETTLED)[..., -1, :], projection.w)


def least_norm_limit(p: Problem, precision: tc.Precision) -> tc.Comparison:
    """The end of the flow against the interpolator nearest to G(θ_0) in ℓ2: false."""
    w, data = p.model.w(p.start), tc.Regression(p.X, p.y)
    nearest = w + data.solved(p.y - data.predictions(w))
    return tc.equal("lim w(t) = nearest interpolator", along(p, tc.end_to_end, SETTLED)[..., -1, :], nearest)


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


table, flows = problems_of(COMMUTING), problems_of((SQUARES, PRODUCT), largest=1.0)
fitted = (input_nonzero, regular)

flow_is_mirror_flow = tc.Theorem(
    "flow_is_mirror_flow",
    paper,
    flows,
    (regular,),
    mirror_flow,
    r"\frac{d}{dt} \nabla R(w(t)) = -\nabla \ell(w(t))",
    identities=closed_forms(),
    stacked=True,
)
order_of_losses_is_immaterial_of_commuting = tc.Theorem(
    "order_of_losses_is_immaterial_of_commuting",
    paper,
    problems_of((*COMMUTING, GRAM, NEURON, NORMALIZED)),
    (commuting,),
    order_swap,
    r"w_{c_1, c_2}(2s) = w_{c_2, c_1}(2s) \text{ for } \ell_t(w) = \langle c(t), w \rangle",
    stacked=True,
)
mirror_map_inverts = tc.Theorem(
    "mirror_map_inverts",
    paper,
    table,
    (regular,),
    duality,
    r"\nabla R(\nabla Q(\mu)) = \mu, \; \nabla^2 Q = \partial G \partial G^\top",
    stacked=True,
)
conjugate_eq_squared_norm_of_homogeneous = tc.Theorem(
    "conjugate_eq_squared_norm_of_homogeneous", paper, table, (regular,), squared_norm, r"Q(\mu) = \lVert \psi(\mu) \rVert^2 / (2k)", stacked=True
)
limit_is_bregman_projection = tc.Theorem(
    "limit_is_bregman_projection", paper, flows, fitted, limit, r"\lim_{t \to \infty} w(t) = \arg\min \{R(w) : X w = y\}", stacked=True
)
THEOREMS = (
    flow_is_mirror_flow,
    order_of_losses_is_immaterial_of_commuting,
    mirror_map_inverts,
    conjugate_eq_squared_norm_of_homogeneous,
    limit_is_bregman_projection,
)
FALSE = (
    flow_is_mirror_flow.claiming("against_the_loss", partial(mirror_flow, sign=-1.0)),
    replace(flow_is_mirror_flow.claiming("uv_with_the_row_of_squares", partial(mirror_flow, of=SQUARES)), ambient=problems_of((PRODUCT,))),
    order_of_losses_is_immaterial_of_commuting.without(commuting),
    mirror_map_inverts.claiming("twice_the_prefactor", partial(duality, mirror=2.0)),
    mirror_map_inverts.claiming("independent_of_the_start", partial(duality, start=1.5)),
    conjugate_eq_squared_norm_of_homogeneous.claiming("factor_1_0002", partial(squared_norm, factor=1.0002)),
    limit_is_bregman_projection.claiming("nearest_in_l2", least_norm_limit),
    limit_is_bregman_projection.claiming("independent_of_the_start", partial(limit, start=1.5)),
    replace(limit_is_bregman_projection.claiming("uv_with_the_row_of_squares", partial(limit, of=SQUARES)), ambient=problems_of((PRODUCT,))),
)
