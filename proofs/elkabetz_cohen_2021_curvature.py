r"""How negative the curvature of deep linear networks can be (Elkabetz & Cohen 2021, arXiv:2107.06608).

What it is for, descent that follows the flow, is in `elkabetz_cohen_2021`.

Setting      Deep linear: f = φ(W_n ... W_1), G = ∇φ(W), P_kj = Π_{i≠k,j} |W_i| for k ≠ j, P_kk = 0.
Convention   φ = ±R with R = |Y - XWᵀ|²/n (c = 1).
Results      least_curvature_ge              λ_min(∇²f) ≥ -|G| λ_max(P) ≥ -(n-1)|G| max_{|J|=n-2} Π_J |W_j| ≥ the published bound
             least_curvature_eq_on_ray       W = (-s, s, ..., s), target τ: λ_min = -2(s^(2n-2) + τ s^(n-2)), unbounded below
             The bound without dimension factor and the ray are in the form derived for this project.
Not covered  Losses that are not twice differentiable.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.instances.products import layer_norms, pair_products

curvature = tc.Source("Elkabetz & Cohen", 2021, arxiv="2107.06608", item="minimal Hessian eigenvalue")


@dataclass(frozen=True, eq=False)
class Signed:
    """A network with data, and the sign of φ = ±R: + is convex."""

    fit: DeepLinearFit
    sign: int


@tc.recipe
def signed(draw):
    """Depth 2 to 6, several outputs."""
    fit = draw(deep_linear_fits(depth=(2, 6), width=(1, 3), dim=(1, 3), samples=(1, 5), outputs=(1, 3)))
    return Signed(fit, draw(tc.choice((1, -1))))


@dataclass(frozen=True)
class Ray:
    """Scalar layers (-s, s, ..., s) and a target."""

    depth: int
    s: float
    target: float


@tc.recipe
def rays(draw):
    """Depth 2 to 12."""
    return Ray(draw(tc.integers(2, 12)), draw(tc.reals(0.0625, 3)), draw(tc.reals(0, 4)))


# -- hypotheses --

convex = tc.Premise("convex", "φ is convex", lambda f: f.sign == 1, enforce=lambda f: replace(f, sign=1))


# -- claims --


def curvature_bound(f: Signed, precision: tc.Precision, factor: float = 1.0, fewer: int = 1, more: int = 0) -> tc.Comparison:
    """-λ_min against the three bounds; `fewer`: n - fewer in front, `more`: layers more in the product."""
    objective, n = f.fit.objective, f.fit.depth
    H, error = objective.hessian(f.fit.theta), objective.hessian_error(f.fit.theta)
    G = objective.gradient_in_w(f.fit.theta)
    matrix = G if f.fit.data.several_outputs else G[..., None, :]
    norms = layer_norms(f.fit.layers)
    sizes = np.sort(norms, axis=-1)[..., 2 - more :].prod(axis=-1)
    spectral = np.linalg.norm(matrix, 2, axis=(-2, -1))
    sharp = factor * spectral * tc.top_eigenvalue(pair_products(norms))
    plain = (n - fewer) * spectral * sizes
    published = (n - fewer) * np.sqrt(min(f.fit.widths[0], f.fit.widths[-1])) * np.linalg.norm(matrix, axis=(-2, -1)) * sizes
    if fewer != 1 or more:
        return tc.at_most("-λ_min ≤ the bound", tc.top_eigenvalue(-f.sign * H, error), published)
    return tc.all_of(
        tc.at_most("-λ_min ≤ |G| λ_max(P)", tc.top_eigenvalue(-f.sign * H, error), sharp),
        tc.at_most("|G| λ_max(P) ≤ (n-1) |G| max Π |W_j|", sharp, plain),
        tc.at_most("(n-1) |G| max Π |W_j| ≤ the published bound", plain, published),
    )


def ray_value(r: Ray, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """λ_min at (-s, s, ..., s)."""
    objective = tc.Objective(tc.DeepLinear((1,) * (r.depth + 1)), tc.SquaredLoss(1.0), tc.Regression([[1.0]], [r.target]))
    theta = np.array([-r.s, *[r.s] * (r.depth - 1)])
    seen = -tc.top_eigenvalue(-objective.hessian(theta), objective.hessian_error(theta))
    return tc.equal("λ_min = -2(s^(2n-2) + τ s^(n-2))", seen, -2 * factor * (r.s ** (2 * r.depth - 2) + r.target * r.s ** (r.depth - 2)))


# -- what algebra settles --


def ray_eigenvectors() -> tuple[tc.Identity, ...]:
    """SymPy's Hessian of (w_1 ... w_n - τ)² at (-s, s, ..., s) times (1, 1, 0, ...), for n = 2, 3, 4."""
    s, tau, found = sp.Symbol("s"), sp.Symbol("tau"), []
    for n in (2, 3, 4):
        w = sp.symbols(f"w_1:{n + 1}")
        H = sp.hessian((sp.Mul(*w) - tau) ** 2, w).subs(dict(zip(w, (-s, *[s] * (n - 1)), strict=True)))
        vector = sp.Matrix([1, 1, *[0] * (n - 2)])
        found.append(tc.Identity(H * vector, -2 * (s ** (2 * n - 2) + tau * s ** (n - 2)) * vector))
    return tuple(found)


# -- the theorems --

least_curvature_ge = tc.Theorem(
    "least_curvature_ge",
    curvature,
    signed,
    (convex,),
    curvature_bound,
    r"\lambda_{\min}(\nabla^2 f) \ge -|G| \lambda_{\max}(P) \ge -(n-1) |G| \max_{|J| = n-2} \prod_J |W_j|",
    tight=True,
    stacked=True,
)
least_curvature_eq_on_ray = tc.Theorem(
    "least_curvature_eq_on_ray", curvature, rays, (), ray_value, r"\lambda_{\min}(-s, s, \dots, s) = -2 (s^{2n-2} + \tau s^{n-2})", ray_eigenvectors()
)

THEOREMS = (least_curvature_ge, least_curvature_eq_on_ray)
FALSE = (
    least_curvature_ge.without(convex),
    least_curvature_ge.claiming("factor_0_9998", partial(curvature_bound, factor=0.9998)),
    least_curvature_ge.claiming("n_minus_2", partial(curvature_bound, fewer=2)),
    least_curvature_ge.claiming("product_over_n_minus_1", partial(curvature_bound, more=1)),
    least_curvature_eq_on_ray.claiming("factor_1_0002", partial(ray_value, factor=1.0002)),
)
FINDINGS = (
    tc.Finding(
        "the curvature lemma needs no dimension factor",
        "λ_min ≥ -|G| λ_max(P), with the spectral norm of G and no sqrt(min(d_0, d_n)); equality at width 1, so :factor_0_9998 is refuted",
        "theorycheck check elkabetz_cohen_2021_curvature/least_curvature_ge",
    ),
)
