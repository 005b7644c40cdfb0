r"""Where gradient flow on a commuting parametrization ends (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

That it is mirror flow, and the potential, is in `li_wang_lee_arora_2022`.

Setting      w = G(θ), gradient flow θ̇ = -∇(ℓ∘G) from θ_0, ℓ(w) = |Xw - y|²/2; R the potential with ∇R(G(θ_0)) = 0, D_R its divergence.
             G is u² - v², uv, u³ - v³, u⁴ - v⁴, u² or a commuting pair of quadratic forms.
Convention   R as in the closed forms of `legendre_potential` (u² - v² carries 1/4, uv carries 1/2).
Results      limit_is_bregman_projection_of_feasible      where Xw = y can be reached the flow ends at argmin R on {Xw = y}
             energy_identity_of_interpolator   ∫_0^T |Xw - y|² dt = D_R(w*, w(0)) - D_R(w*, w(T)) for every w* with Xw* = y
             In the form derived in the project's catalogue.
Not covered  Losses with no finite minimiser; more than one sample.
"""

from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

import theorycheck as tc
from theorycheck.instances.commuting import PRODUCT, SQUARES, Model, ParametrizedFit, in_full, parametrized_fits

paper = tc.Source("Li, Wang, Lee & Arora", 2022, arxiv="2207.04036", item="commuting parametrizations")

# -- hypotheses --


def reachable(p: ParametrizedFit) -> bool:
    """Whether y is well inside {X w : w in the domain of R}, which is one half of the line or all of it."""
    sides = p.potential.cone @ p.X[0]
    return bool(np.any(sides * p.y >= 1 / 16) or (sides.max() >= 1 / 4 and sides.min() <= -1 / 4))


regular = tc.Premise(
    "regular", "no singular value of ∂G(θ_0) is below 1/16", lambda p: bool(np.linalg.svd(p.model.kernels.jacobian(p.start))[1][-1] >= 1 / 16)
)
input_nonzero = tc.Premise("input_nonzero", "|x_i| ≥ 1/4 for some i", lambda p: float(np.abs(p.X).max()) >= 0.25)
feasible = tc.Premise("feasible", "X w = y for some w well inside the domain of R", reachable)
inside = tc.Premise("inside", "w* in the domain of R", lambda p: bool(p.potential.in_domain(p.interpolator)))


# -- claims, on stacks --


def end(p: ParametrizedFit, accuracy: float = 1e-9) -> tc.Measured:
    """w where the flow comes to rest, shape ``(B, 2)``."""
    return tc.flow_limit(p.objective, tc.GradientFlow(accuracy=accuracy, budget=5000), p.start).recorded(tc.end_to_end, p.objective)


def limit(p: ParametrizedFit, precision: tc.Precision, of: Model | None = None, start: float = 1.0, accuracy: float = 1e-9) -> tc.Comparison:
    """The end of the flow against the Bregman projection of G(θ_0) onto {Xw = y}."""
    w, projection = end(p, accuracy), tc.bregman_projection(tc.legendre_potential(of or p.model, start * p.start), p.X, p.y)
    fits = tc.equal("X lim w(t) = y", (w * p.X[:, 0]).sum(axis=-1), p.y[:, 0], scale=np.sum(np.abs(w.value * p.X[:, 0]), axis=-1))
    return tc.all_of(fits, tc.equal("lim w(t) = argmin R on {Xw = y}", w, projection.w))


def least_norm_limit(p: ParametrizedFit, precision: tc.Precision) -> tc.Comparison:
    """The end of the flow against the interpolator nearest to G(θ_0) in ℓ2: false."""
    return tc.equal("lim w(t) = nearest interpolator", end(p, 1e-6), replace(p, push=0 * p.push).interpolator)


def descended_limit(p: ParametrizedFit, precision: tc.Precision) -> tc.Comparison:
    """The end of gradient descent with a finite step against the projection, up to 1e-6 and what is left of Xw = y: false."""
    run = tc.follow(p.objective, tc.GradientDescent(step=0.0625), p.start, tc.Stop(steps=500, gradient_norm=1e-9), record=(tc.end_to_end,))
    w = run.records[tc.end_to_end].value[:, -1]
    left = 1e-6 + 100 * np.abs(np.sum(w * p.X[:, 0], axis=-1) - p.y[:, 0])
    return tc.equal("lim w_k = argmin R", tc.Measured(w, left[:, None]), tc.bregman_projection(p.potential, p.X, p.y).w, resolution=1e-3)


def energy(p: ParametrizedFit, precision: tc.Precision, factor: float = 1.0, missed: float = 0.0) -> tc.Comparison:
    """∫|Xw - y|²dt by two nested rules, against the drop of the divergence from a w* with X w* - y = `missed`."""
    times, fine, coarse = nested_rules(0.5)
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-9), p.start, tc.Stop(time=0.5), (tc.predictions, tc.end_to_end), tc.At(times))
    squares, w = (run.records[tc.predictions][..., 0] - p.y) ** 2, run.records[tc.end_to_end][:, -1]
    integral, rougher = ((squares * rule).sum(axis=-1) for rule in (fine, coarse))
    R, target = p.potential, replace(p, y=p.y + missed).interpolator
    toward = target - w.value
    steep = np.linalg.solve(in_full(R.metric(w.value), R), toward[..., None])[..., 0]
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


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, stacked=True)


fits, products, paced = parametrized_fits(), parametrized_fits((PRODUCT,)), parametrized_fits(pace=2.0)
ending = r"\lim_{t \to \infty} w(t) = \arg\min \{R(w) : X w = y\}"
dissipation = r"\int_0^T \lVert X w - y \rVert^2 dt = D_R(w^*, w(0)) - D_R(w^*, w(T))"
limit_is_projection = theorem("limit_is_bregman_projection_of_feasible", fits, (input_nonzero, regular, feasible), limit, ending)
energy_identity = theorem("energy_identity_of_interpolator", paced, (input_nonzero, regular, inside), energy, dissipation)

THEOREMS = (limit_is_projection, energy_identity)
FALSE = (
    limit_is_projection.without(feasible),
    limit_is_projection.claiming("nearest_in_l2", least_norm_limit),
    limit_is_projection.claiming("of_descent_with_a_step", descended_limit),
    limit_is_projection.claiming("independent_of_the_start", partial(limit, start=1.5, accuracy=1e-6)),
    replace(limit_is_projection.claiming("uv_with_the_row_of_squares", partial(limit, of=SQUARES, accuracy=1e-6)), ambient=products),
    energy_identity.claiming("factor_1_0002", partial(energy, factor=1.0002)),
    energy_identity.claiming("of_any_point", partial(energy, missed=0.25)),
)
