r"""The flow of sharpness-aware steps at a finite step size (Wen, Ma & Li 2022, arXiv:2211.05729).

The flows as the step size tends to 0 are in `wen_ma_li_2022_flows`.

Setting      Γ = {R = 0} minimisers of maximal rank, H = ∇²R with eigenvalues λ_1 > λ_2 ≥ ... there, n = ∇R/|∇R|. SAM is
             x' = x - η∇R(x + ρn(x)). Instances: two quadratic residuals in three dimensions, where Γ is a line.
Convention   SAM with the normalised ascent; time is ηρ²k.
Results      flow_of_finite_step          in a straight valley, at a fixed η and ρ → 0: dX/dt = -P_T∇λ_1 (1-ηλ_1/2)^(-2)/2
             The factor of a finite step is in the form derived in the project's catalogue.
Not covered  Curved valleys at a finite step; 1-SAM at a finite step.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import Valley, valleys

full_batch = tc.Source("Wen, Ma & Li", 2022, arxiv="2211.05729", item="theorem 4.5 and corollary 4.6")

SMOOTH = 0.2  # relative bar of a limit seen at five radii
SCREEN = tc.Precision(0)  # of the flow, whose bar is far below what the radii leave
TIME = 0.0625

# -- hypotheses --

eigengap = tc.Premise("eigengap", "λ_2 ≤ 9/16 λ_1", lambda v: float(v.ratio) <= 0.75)
moving = tc.Premise("moving", "|d log λ_1| ≥ 1/4 along Γ", lambda v: abs(float(v.slope)) >= 0.25)
generic = tc.Premise("generic_start", "|z_1| ≥ 1/4", lambda v: abs(float(v.z[0])) >= 0.25)


# -- the claim --


def finite_step(v: Valley, precision: tc.Precision, power: float = -2.0, share: float = 0.5) -> tc.Comparison:
    """SAM at ηλ_1(0) = `share` in a straight valley, ρ → 0, against the flow of λ_1 with the factor (1-ηλ_1/2)^power."""
    straight = v.straightened()
    radii, eta = 2.0 ** (-np.arange(4, 9) / 2) / 2, share / v.sharpness
    counts = np.round(TIME / radii**2 / share).astype(int)
    rho = radii[:, None] * np.ones_like(eta)
    start = (rho * eta * v.sharpness / (2 - share))[..., None] * straight.offset
    method = tc.GradientDescent(step=eta, gradient=tc.SharpnessAware(rho))
    ends = tc.follow(straight.repeated, method, start, tc.Stop(steps=counts[:, None] * np.ones(rho.shape, dtype=int))).final

    def slopes(eigenvalues: np.ndarray, normal: np.ndarray) -> np.ndarray:
        last = np.arange(eigenvalues.shape[-1]) == eigenvalues.shape[-1] - 1
        return np.where(last, 0.5 * (1 - eta[..., None] * eigenvalues / 2) ** power, 0.0)

    factor = tc.SpectralFunction("∫(1-ηλ_1/2)^power/2", lambda eigenvalues, normal: eigenvalues[..., -1], slopes)
    elapsed = counts[-1] * radii[-1] ** 2 * share  # ηλ_1(0) ρ² k
    way = tc.manifold_flow(straight.objective, factor, straight.origin, [elapsed], rate=1 / v.sharpness, steps=4, precision=SCREEN).value[..., 0, :]
    along = np.sum(straight.repeated.onto_minimisers(ends) * way, axis=-1) / np.sum(way * way, axis=-1)
    limit = tc.first_order_limit(radii**2, along)
    return tc.equal("Φ(x_k) → X(t)", limit, np.ones_like(eta), resolution=SMOOTH)


# -- the theorem --

eta_, rho_, top_ = sp.symbols("eta rho lambda_1", positive=True)
amplitude = eta_ * rho_ * top_ / (2 - eta_ * top_)
factor_of_step = tc.Identity((amplitude + rho_) ** 2 / rho_**2, (1 - eta_ * top_ / 2) ** -2)

finite = tc.Theorem(
    "flow_of_finite_step",
    full_batch,
    valleys(),
    (eigengap, moving, generic),
    finite_step,
    r"\frac{dX}{dt} = -\tfrac12 (1 - \eta\lambda_1/2)^{-2} P_T \nabla \lambda_1(X)",
    identities=(factor_of_step,),
    stacked=True,
)

THEOREMS = (finite,)
FALSE = (
    finite.claiming("without_the_factor", partial(finite_step, power=0.0)),
    finite.claiming("power_one", partial(finite_step, power=-1.0)),
    finite.without(generic),
)
FINDINGS = (
    tc.Finding(
        "at a finite step the flow of SAM is faster by the factor (1-ηλ_1/2)^(-2)",
        "at ηλ_1 = 1/2 and ρ → 0 the iterates go 1.77 times the way of -P_T∇λ_1/2, as (3/4)^(-2) = 1.78 says: :without_the_factor is refuted",
        "theorycheck check wen_ma_li_2022_finite_step/flow_of_finite_step",
    ),
)
