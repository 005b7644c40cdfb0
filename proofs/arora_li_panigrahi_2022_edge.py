r"""The loss and the stableness at the edge of stability (Arora, Li & Panigrahi 2022, arXiv:2205.09745).

The flows along the minimisers are in `arora_li_panigrahi_2022`, the two-cycle of a quadratic is in `..._quadratics`.

Setting      Normalised descent x' = x - η∇R/|∇R| and descent on √R, x' = x - η∇R/(2√R), next to a manifold Γ = {R = 0} of minimisers of
             maximal rank; H = ∇²R with eigenvalues λ_1 > λ_2 > ...; a_k = ⟨v_1, x_k⟩ for the top eigenvector v_1. Instances:
             R = |f|²/2 for two quadratic residuals in three dimensions, where Γ is a curve; runs start at a distance of order η from Γ.
Convention   S = η_k sup_{0≤s≤η_k} λ_1(∇²R(x - s∇R)) with η_k = η/|∇R(x_k)|.
Results      two_step_root_loss_of_normalized (√R(x_k) + √R(x_{k+1}))/(η √(λ_1/2)) → 1
             two_step_root_loss_of_root       (√R(x_k) + √R(x_{k+1}))/(ηλ_1/2) → 1, |a_k| + |a_{k+1}| ~ η √(λ_1/2)
             edge_of_stability                1/S_k + 1/S_{k+1} → 1, S_k > 1
             stableness_of_root_unbounded     ηλ_1(∇²√R) grows like 1/(distance to Γ) on the axis of the cycle
             The constants are in the form derived in the project's catalogue.
Not covered  Phase I, which is gradient flow; the published exponents of the error.
"""

from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import Valley, valleys
from theorycheck.instances.valleys import edge_runs

normalized = tc.Source("Arora, Li & Panigrahi", 2022, arxiv="2205.09745", item="normalised descent")
root = tc.Source("Arora, Li & Panigrahi", 2022, arxiv="2205.09745", item="descent on √R")

NORMALIZED, ROOT = tc.NormalizedGradientDescent, tc.SqrtLossDescent
SMOOTH = 0.1  # relative bar of a limit seen at five step sizes
ETAS = 2.0 ** -np.arange(3, 8)

# -- hypotheses --

eigengap = tc.Premise("eigengap", "λ_2 ≤ 9/16 λ_1", lambda v: float(v.ratio) <= 0.75)
off_both = tc.Premise("generic_start", "|z_1| ≥ 1/4, z_2 ≠ 0", lambda v: bool(abs(v.z[0]) >= 0.25 and v.z[1] != 0))


# -- claims --


def pairs(v: Valley, method, after: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Two successive states late in runs with step sizes `ETAS`, shape (5, B, 2, 3), and λ_1 at the minimiser between them."""
    states = edge_runs(v, method, ETAS, np.full(len(ETAS), after + 1), tc.Every(after))[..., -2:, :]
    H = v.repeated.hessian(v.repeated.onto_minimisers(states.mean(axis=-2)))
    return states, np.linalg.eigvalsh(H)[..., -1]


def two_step(v: Valley, precision: tc.Precision, method, power: float, factor: float = 1.0) -> tc.Comparison:
    """(√R(x_k) + √R(x_{k+1}))/(η (λ_1/2)^power) → factor."""
    states, top = pairs(v, method)
    roots = np.sqrt(v.repeated.along_times.risk(states)).sum(axis=-1)
    seen = roots / (ETAS[:, None] * (top / 2) ** power)
    return tc.equal("√R(x_k) + √R(x_{k+1})", tc.first_order_limit(ETAS, seen), factor * np.ones_like(v.sharpness), resolution=SMOOTH)


def falling(v: Valley, precision: tc.Precision) -> tc.Comparison:
    """R(x_{k+1}) ≤ R(x_k): false."""
    risks = v.repeated.along_times.risk(pairs(v, NORMALIZED)[0])
    return tc.at_most("R(x_{k+1}) ≤ R(x_k)", risks[-1, ..., 1], risks[-1, ..., 0])


def stableness(v: Valley, states: np.ndarray) -> np.ndarray:
    """S at states (5, B, 2, 3), by nine points of each segment."""
    along = v.repeated.along_times
    slope = along.gradient(states)
    size = ETAS[:, None, None] / np.linalg.norm(slope, axis=-1)
    tops = [np.linalg.eigvalsh(along.hessian(states - (s * size)[..., None] * slope))[..., -1] for s in np.linspace(0, 1, 9)]
    return size * np.max(tops, axis=0)


def edge(v: Valley, precision: tc.Precision, total: float = 1.0, above: float = 1.0) -> tc.Comparison:
    """1/S_k + 1/S_{k+1} → total, S > above."""
    S = stableness(v, pairs(v, NORMALIZED)[0])
    return tc.all_of(
        tc.equal("1/S_k + 1/S_{k+1} → 1", tc.first_order_limit(ETAS, (1 / S).sum(axis=-1)), total * np.ones_like(v.sharpness), resolution=SMOOTH),
        tc.at_least("S > 1", S[-1].min(axis=-1), above * np.ones_like(v.sharpness)),
    )


def root_curvature(v: Valley, precision: tc.Precision, exponent: float = -1.0) -> tc.Comparison:
    """λ_1(∇²√R) at distances that halve along the top eigenvector."""
    distances, risk = 2.0 ** -np.arange(4, 10), v.objective
    x = distances[:, None] * v.Q[:, 0]
    R, slope = risk.risk(x)[:, None, None], risk.gradient(x)
    hessian = (risk.hessian(x) - slope[:, :, None] * slope[:, None, :] / (2 * R)) / (2 * np.sqrt(R))
    return tc.scales_as("λ_1(∇²√R) ~ 1/distance", distances, np.linalg.eigvalsh(hessian)[:, -1], exponent)


# -- the theorems --


def theorem(name: str, source: tc.Source, ambient: tc.Recipe, premises, claim, statement: str, stacked: bool = True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, source, ambient, premises, claim, statement, stacked=stacked)


curves, gentle = valleys(), (eigengap, off_both)

two_step_of_normalized = theorem(
    "two_step_root_loss_of_normalized",
    normalized,
    curves,
    gentle,
    partial(two_step, method=NORMALIZED, power=0.5),
    r"\sqrt{R(x_k)} + \sqrt{R(x_{k+1})} = \eta \sqrt{\lambda_1/2} \, (1 + o(1))",
)
two_step_of_root = theorem(
    "two_step_root_loss_of_root",
    root,
    curves,
    gentle,
    partial(two_step, method=ROOT, power=1.0),
    r"\sqrt{R(x_k)} + \sqrt{R(x_{k+1})} = \tfrac12 \eta \lambda_1 (1 + o(1))",
)
edge_of_stability = theorem("edge_of_stability", normalized, curves, gentle, edge, r"1/S_k + 1/S_{k+1} = 1 + O(\eta)")
root_unbounded = theorem(
    "stableness_of_root_unbounded", root, curves, (), root_curvature, r"\lambda_1(\nabla^2 \sqrt R) \sim 1/\mathrm{dist}(x, \Gamma)", stacked=False
)

THEOREMS = (two_step_of_normalized, two_step_of_root, edge_of_stability, root_unbounded)
FALSE = (
    two_step_of_normalized.claiming("risk_falls", falling),
    two_step_of_normalized.claiming("factor_1_02", partial(two_step, method=NORMALIZED, power=0.5, factor=1.02)),
    two_step_of_root.claiming("factor_1_02", partial(two_step, method=ROOT, power=1.0, factor=1.02)),
    edge_of_stability.claiming("total_1_02", partial(edge, total=1.02)),
    edge_of_stability.claiming("both_above_2", partial(edge, above=2.0)),
    root_unbounded.claiming("bounded", partial(root_curvature, exponent=0.0)),
)
