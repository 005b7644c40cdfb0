r"""Gradient flow on a commuting parametrization is mirror flow (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

Where the flow ends is in `li_wang_lee_arora_2022_limits`.

Setting      w = G(θ), gradient flow θ̇ = -∇(ℓ∘G) from θ_0; fields ∇G_i; potential R with ∇R(G(θ_0)) = 0, Q = R*; μ(t) = -∫∇ℓ(w).
             G is u² - v², uv, u³ - v³, u⁴ - v⁴, u² or a commuting pair of quadratic forms; ℓ(w) = |Xw - y|²/2.
Convention   [X, Y] = (∂Y)X - (∂X)Y; R as in the closed forms of `legendre_potential` (u² - v² carries 1/4, uv carries 1/2).
Results      flow_is_mirror_flow            w(t) of the flow in θ equals ∇Q(μ(t)) of the mirror flow
             order_of_losses_is_immaterial_of_commuting   ∫c(t)dt alone decides where ⟨c(t), w⟩ leads
             mirror_map_inverts             ∇R(∇Q(μ)) = μ, ∇²Q(μ) = ∂G∂Gᵀ, R(w) + Q(μ) = ⟨w, μ⟩
             conjugate_eq_squared_norm_of_homogeneous     Q(μ) = |ψ(μ)|²/(2k) for G homogeneous of degree k
             In the form derived in the project's catalogue.
Not covered  The necessary condition and the converse, which are in `..._brackets` and `..._converse`.
"""

from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.commuting import (
    COMMUTING,
    GRAM,
    NEURON,
    NORMALIZED,
    PRODUCT,
    SQUARES,
    Model,
    ParametrizedFit,
    in_full,
    nameless,
    parametrized_fits,
)

paper = tc.Source("Li, Wang, Lee & Arora", 2022, arxiv="2207.04036", item="commuting parametrizations")


@tc.recipe
def grams_of_identity(draw):
    """The first row of UUᵀ from U = αI, whose fields do not commute."""
    alpha = draw(tc.reals(0.25, 1.5))
    return ParametrizedFit(GRAM, alpha * np.array([1.0, 0.0, 0.0, 1.0]), np.zeros((1, 2)), np.zeros(1), np.zeros(2))


@lru_cache
def commutes(model: Model) -> bool:
    """All brackets vanish, exactly."""
    return tc.lie_brackets(model).commuting


def degree(model: Model) -> int:
    """k with G(cθ) = c^k G(θ)."""
    return model.depth if isinstance(model, tc.Diagonal) else 2


# -- hypotheses --

commuting = tc.Premise("commuting", "[∇G_i, ∇G_j] = 0", lambda p: commutes(p.model))
regular = tc.Premise(
    "regular", "no singular value of ∂G(θ_0) is below 1/16", lambda p: bool(np.linalg.svd(p.model.kernels.jacobian(p.start))[1][-1] >= 1 / 16)
)


# -- claims, on stacks --


def mirror_flow(p: ParametrizedFit, precision: tc.Precision, sign: float = 1.0, of: Model | None = None) -> tc.Comparison:
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


def order_swap(p: ParametrizedFit, precision: tc.Precision, step: float = 0.03125) -> tc.Comparison:
    """The ends of the flow under c = -e_1 then -e_2, each for a time `step`, and in the other order."""
    loss = tc.LinearLoss(((step, (-1.0, 0.0)), (step, (0.0, -1.0))))
    one, two = (tc.staged_flow(nameless(p.model), order, p.start, 1e-9, precision) for order in (loss, loss.swapped()))
    return tc.equal("w after (e_1, e_2) = w after (e_2, e_1)", one, two)


def duality(p: ParametrizedFit, precision: tc.Precision, mirror: float = 1.0, start: float = 1.0) -> tc.Comparison:
    """∇R(∇Q(μ)) = μ, ∇²Q = ∂G∂Gᵀ and Fenchel's equality at a point of the dual domain."""
    R, mu = p.potential, p.dual
    w = R.inverse(mu)
    J = p.model.kernels.jacobian(R.parameters_at(mu))
    return tc.all_of(
        tc.equal("∇R(∇Q(μ)) = μ", mirror * tc.legendre_potential(p.model, start * p.start).mirror(w), mu),
        tc.equal("∇²Q(μ) = ∂G∂Gᵀ", in_full(R.hessian(mu), R), J @ np.swapaxes(J, -1, -2)),
        tc.equal("R(w) + Q(μ) = ⟨w, μ⟩", R.value(w) + R.conjugate(mu), np.sum(w * mu, axis=-1)),
    )


def balanced_mirror(p: ParametrizedFit, precision: tc.Precision) -> tc.Comparison:
    """∇R of u² - v² without its term -log(u_0/v_0)/4, as from the balanced start of the same uv: false."""
    root = np.sqrt(p.start[..., :2] * p.start[..., 2:])
    balanced = tc.legendre_potential(p.model, np.concatenate([root, root], axis=-1))
    return tc.equal("∇R(∇Q(μ)) = μ", balanced.mirror(p.potential.inverse(p.dual)), p.dual)


def squared_norm(p: ParametrizedFit, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """Q(μ) = factor |ψ(μ)|²/(2k)."""
    psi = p.potential.parameters_at(p.dual)
    return tc.equal("Q(μ) = |ψ|²/(2k)", p.potential.conjugate(p.dual), factor * np.sum(psi**2, axis=-1) / (2 * degree(p.model)))


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


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=()) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=True)


fits, products, squares = parametrized_fits(), parametrized_fits((PRODUCT,)), parametrized_fits((SQUARES,))
maps = parametrized_fits((*COMMUTING, GRAM, NEURON, NORMALIZED))
mirror_ode = r"\frac{d}{dt} \nabla R(w(t)) = -\nabla \ell(w(t))"
swapped = r"w_{c_1, c_2}(2s) = w_{c_2, c_1}(2s) \text{ for } \ell_t(w) = \langle c(t), w \rangle"
inverse_maps = r"\nabla R(\nabla Q(\mu)) = \mu, \; \nabla^2 Q = \partial G \partial G^\top"
norm_of_psi = r"Q(\mu) = \lVert \psi(\mu) \rVert^2 / (2k)"

flow_is_mirror_flow = theorem("flow_is_mirror_flow", fits, (regular,), mirror_flow, mirror_ode, closed_forms())
order_is_immaterial = theorem("order_of_losses_is_immaterial_of_commuting", maps, (commuting,), order_swap, swapped)
mirror_map_inverts = theorem("mirror_map_inverts", fits, (regular,), duality, inverse_maps)
conjugate_eq_squared_norm = theorem("conjugate_eq_squared_norm_of_homogeneous", fits, (regular,), squared_norm, norm_of_psi)

THEOREMS = (flow_is_mirror_flow, order_is_immaterial, mirror_map_inverts, conjugate_eq_squared_norm)
FALSE = (
    flow_is_mirror_flow.claiming("against_the_loss", partial(mirror_flow, sign=-1.0)),
    replace(flow_is_mirror_flow.claiming("uv_with_the_row_of_squares", partial(mirror_flow, of=SQUARES)), ambient=products),
    order_is_immaterial.without(commuting),
    replace(order_is_immaterial.claiming("gram_from_identity", order_swap), premises=(), ambient=grams_of_identity),
    mirror_map_inverts.claiming("twice_the_prefactor", partial(duality, mirror=2.0)),
    mirror_map_inverts.claiming("independent_of_the_start", partial(duality, start=1.5)),
    replace(mirror_map_inverts.claiming("without_the_logarithm", balanced_mirror), ambient=squares),
    conjugate_eq_squared_norm.claiming("factor_1_0002", partial(squared_norm, factor=1.0002)),
)
FINDINGS = (
    tc.Finding(
        "for homogeneous commuting parametrizations the conjugate potential is the squared norm of the parameters",
        "Q(μ) = |ψ(μ)|²/(2k) for u² - v², uv, u³ - v³, u⁴ - v⁴, u² and a pair of commuting forms, by Euler's identity; 1.0002 of it is refuted",
        "theorycheck check li_wang_lee_arora_2022/conjugate_eq_squared_norm_of_homogeneous",
    ),
)
