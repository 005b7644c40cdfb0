r"""The flows that sharpness-aware steps follow on minimisers (Wen, Ma & Li 2022, arXiv:2211.05729).

What the losses regularise is in `wen_ma_li_2022`, the flow at a finite step size in `..._finite_step`.

Setting      Γ = {R = 0} minimisers of maximal rank, H = ∇²R with eigenvalues λ_1 > λ_2 ≥ ... there, n = ∇R/|∇R|, R^Max(x) =
             max_{|v|=1} R(x + ρv). SAM is x' = x - η∇R(x + ρn(x)); 1-SAM is the same with the risk of one sample, drawn anew at every step.
             Instances: u² - v² in three weights with two samples.
Convention   SAM with the normalised ascent; time is ηρ²k; the risk is a mean over samples, H its Hessian.
Results      flow_of_sam                  Φ(x_k) → X(t), dX/dt = -P_T∇λ_1/2, up to O(η), for ρ = η^(3/2); ∇R aligns with v_1
             worst_direction_of_sam       (R^Max(x_k) - R(x_k))/ρ² → λ_1/2
             flow_of_one_sam              E Φ(x_k) → X(t), dX/dt = -P_T∇tr H/2
Not covered  Batches of two, which no x aligns.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances.ascents import worst_rise

full_batch = tc.Source("Wen, Ma & Li", 2022, arxiv="2211.05729", item="theorem 4.5 and corollary 4.6")
stochastic = tc.Source("Wen, Ma & Li", 2022, arxiv="2211.05729", item="theorem 5.4")

SMOOTH = 0.2  # relative bar of a limit seen at five step sizes
SCREEN = tc.Precision(0)  # of the flow, whose bar is far below what the step sizes leave
TIME, ETAS = 0.0625, 2.0 ** (-np.arange(4, 9) / 2)
COUNTS = np.round(TIME / ETAS**4).astype(int)  # ρ = η^(3/2): ηρ² = η⁴
FEW_ETAS = 2.0 ** (-np.arange(3, 8) / 2)  # of 1-SAM, whose steps are many runs
MODEL, RUNS = tc.Diagonal(3, 2), 4


@dataclass(frozen=True, eq=False)
class Network:
    """u² - v² on two samples, at a minimiser θ where tr H = 1; z is where runs start, along the eigenvectors of H that are not flat."""

    X: np.ndarray
    theta: np.ndarray
    z: np.ndarray

    @property
    def objective(self) -> tc.Objective:
        """|Xw(θ') - Xw(θ)|²/4."""
        y = (self.X @ MODEL.w(self.theta)[..., None])[..., 0]
        return tc.Objective(MODEL, tc.SquaredLoss(0.5), tc.Regression(self.X, y))

    @property
    def top_two(self) -> np.ndarray:
        """λ_1 and λ_2."""
        return np.linalg.eigvalsh(self.objective.hessian(self.theta))[..., :-3:-1]

    def offset(self) -> np.ndarray:
        """z_1 v_1 + z_2 v_2."""
        vectors = np.linalg.eigh(self.objective.hessian(self.theta))[1][..., :-3:-1]
        return (vectors @ self.z[..., None])[..., 0]

    def onto_minimisers(self, theta: np.ndarray) -> np.ndarray:
        """θ after Gauss-Newton steps."""
        for _ in range(4):
            J = self.X @ MODEL.kernels.jacobian(theta)
            theta = theta - (np.linalg.pinv(J) @ (self.X @ (MODEL.w(theta) - MODEL.w(self.theta))[..., None]))[..., 0]
        return theta


@tc.recipe
def networks(draw):
    """u, v in [1/4, 3/2], entries of X up to 3/2 before it is scaled; in every fourth λ_1 = λ_2."""
    twins, X, theta = draw(tc.choice((False, False, False, True))), draw(tc.array((2, 3), -1.5, 1.5)), draw(tc.array(6, 0.25, 1.5))
    if twins:
        X, theta = np.eye(2, 3), theta[[0, 0, 2, 3, 3, 5]]
    trace = float(np.square(X @ MODEL.kernels.jacobian(theta)).sum()) / 2
    return Network(X / np.sqrt(trace) if trace else X, theta, draw(tc.array(2, -1, 1)))


# -- hypotheses --


def drift(N: Network, function: tc.SpectralFunction) -> float:
    """|P_T∇f|."""
    return float(np.linalg.norm(function.drift(N.objective, N.theta).value))


regular = tc.Premise("regular", "λ_2 ≥ λ_1/16 > 0", lambda N: bool(N.top_two[1] >= N.top_two[0] / 16 > 0))
eigengap = tc.Premise("eigengap", "λ_2 ≤ 5/8 λ_1", lambda N: bool(N.top_two[1] <= 0.625 * N.top_two[0]))
top_moves = tc.Premise("top_moves", "|P_T∇λ_1| ≥ 1/4", lambda N: drift(N, tc.TOP) >= 0.25)
trace_moves = tc.Premise("trace_moves", "|P_T∇tr H| ≥ 1/4", lambda N: drift(N, tc.TRACE) >= 0.25)
off_both = tc.Premise("generic_start", "|z_1|, |z_2| ≥ 1/8", lambda N: bool(np.min(np.abs(N.z)) >= 0.125))
off_top = tc.Premise("generic_start", "|z_1| ≥ 1/4", lambda N: abs(float(N.z[0])) >= 0.25)


# -- claims --


def runs(N: Network, steps: np.ndarray, counts: np.ndarray, samples: bool = False) -> np.ndarray:
    """Ends of SAM, or of `RUNS` runs of 1-SAM in front, for several step sizes, shape (k, B, 6)."""
    eta = steps[:, None] * np.ones(N.theta.shape[:-1])
    base = tc.Minibatch(size=1, seed=np.arange(RUNS).reshape(-1, 1, 1)) if samples else tc.Whole()
    method = tc.GradientDescent(step=eta, gradient=tc.SharpnessAware(eta**1.5, base=base))
    start = N.theta + (eta**2.5)[..., None] / 2 * N.offset()
    start = np.broadcast_to(start, (*method.lanes, 6))
    return tc.follow(N.objective, method, start, tc.Stop(steps=np.broadcast_to(counts[:, None], method.lanes).copy())).final


def passed(N: Network, function: tc.SpectralFunction, rate: float, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the way to X(t) that Φ(x_k) has gone, and where beside it that is, over the way."""
    way = tc.manifold_flow(N.objective, function, N.theta, [TIME], rate=rate, steps=2, precision=SCREEN).value[..., 0, :] - N.theta
    gone, size = N.onto_minimisers(ends) - N.theta, np.sum(way * way, axis=-1)
    share = np.sum(gone * way, axis=-1) / size
    return share, (gone - share[..., None] * way) / np.sqrt(size)[..., None]


def reached(N: Network, function: tc.SpectralFunction, rate: float, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same share, and how far beside the way."""
    share, beside = passed(N, function, rate, ends)
    return share, np.linalg.norm(beside, axis=-1)


def flow(N: Network, precision: tc.Precision, function: tc.SpectralFunction = tc.TOP, rate: float = 0.5) -> tc.Comparison:
    """SAM with ρ = η^(3/2) against dX/dt = -rate P_T∇f."""
    ends = runs(N, ETAS, COUNTS)
    share, beside = reached(N, function, rate, ends)
    slope, H = N.objective.gradient(ends), N.objective.hessian(N.onto_minimisers(ends))
    aligned_to = np.abs(np.sum(slope * np.linalg.eigh(H)[1][..., -1], axis=-1)) / np.linalg.norm(slope, axis=-1)
    one = np.ones_like(share[0])
    left = tc.Measured(0.0, ETAS[-1])
    return tc.all_of(
        tc.equal("Φ(x_k) → X(t)", tc.first_order_limit(ETAS, share) + left, one, resolution=2 * SMOOTH),
        tc.equal("off the way", 1 + tc.first_order_limit(ETAS, beside) + left, one, resolution=2 * SMOOTH),
        tc.equal("|⟨∇R, v_1⟩|/|∇R| → 1", tc.first_order_limit(ETAS, aligned_to) + left, one, resolution=2 * SMOOTH),
    )


def flow_of_samples(N: Network, precision: tc.Precision, function: tc.SpectralFunction = tc.TRACE) -> tc.Comparison:
    """The mean over runs of 1-SAM against dX/dt = -P_T∇f/2, up to four standard errors, O(η) of the size seen, and η."""
    share, beside = passed(N, function, 0.5, runs(N, FEW_ETAS, np.round(TIME / FEW_ETAS**4).astype(int), samples=True))
    sideways = np.linalg.norm(np.mean(beside, axis=0), axis=-1)
    spreads = 4 * np.std(share[:, -1], axis=0, ddof=1) / np.sqrt(RUNS), 4 * np.sqrt(np.var(beside[:, -1], axis=0, ddof=1).sum(axis=-1) / RUNS)
    limits = tc.first_order_limit(FEW_ETAS, np.mean(share, axis=0)), 1 + tc.first_order_limit(FEW_ETAS, sideways)
    return tc.all_of(
        *(
            tc.equal(label, tc.Measured(limit.value, limit.error + spread + FEW_ETAS[-1]), np.ones_like(limit.value), resolution=2 * SMOOTH)
            for label, limit, spread in zip(("E Φ(x_k) → X(t)", "off the way"), limits, spreads, strict=True)
        )
    )


def worst_direction(N: Network, precision: tc.Precision, share: float = 1.0) -> tc.Comparison:
    """(R^Max(x_k) - R(x_k))/ρ² after 200 steps, against share λ_1/2."""
    x, risk = runs(N, ETAS, np.full(len(ETAS), 200)), N.objective
    top, vectors = (a[..., -1] for a in np.linalg.eigh(risk.hessian(N.onto_minimisers(x))))
    seen = worst_rise(risk, x, vectors, ETAS[:, None] ** 1.5 * np.ones_like(top)) / (top / 2)
    limit = tc.first_order_limit(ETAS, seen) + tc.Measured(0.0, ETAS[-1])
    return tc.equal("(R^Max(x_k) - R(x_k))/ρ² → λ_1/2", limit, share * np.ones_like(top[0]), resolution=2 * SMOOTH)


# -- the theorems --


def theorem(name: str, source: tc.Source, premises, claim, statement: str) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, source, networks, premises, claim, statement, stacked=True)


flow_of_sam = theorem("flow_of_sam", full_batch, (regular, eigengap, top_moves, off_top), flow, r"\frac{dX}{dt} = -\tfrac12 P_T \nabla \lambda_1(X)")
worst_of_sam = theorem(
    "worst_direction_of_sam",
    full_batch,
    (regular, eigengap, off_top),
    worst_direction,
    r"R^{Max}_\rho(x_k) - R(x_k) = \tfrac12 \rho^2 \lambda_1 (1 + o(1))",
)
law_of_trace = r"\frac{dX}{dt} = -\tfrac12 P_T \nabla \mathrm{tr} H(X)"
one_sam = theorem("flow_of_one_sam", stochastic, (regular, trace_moves, off_both), flow_of_samples, law_of_trace)

THEOREMS = (flow_of_sam, worst_of_sam, one_sam)
FALSE = (
    flow_of_sam.claiming("without_the_half", partial(flow, rate=1.0)),
    flow_of_sam.claiming("of_the_trace", partial(flow, function=tc.TRACE)),
    worst_of_sam.claiming("without_the_half", partial(worst_direction, share=2.0)),
    one_sam.claiming("of_the_top", partial(flow_of_samples, function=tc.TOP)),
)
