r"""Factors stay balanced: flow, weight decay, gradient descent (Du, Hu & Lee 2018, arXiv:1806.00900).

Networks with kinks are in `du_2018`.

Setting      R = |UVᵀ - M|²/2 for the factorization W = UVᵀ, D = UᵀU - VᵀV; with weight decay (λ/2)|θ|² is added; η the step.
Convention   None for the conserved quantities and the decay; the drift bound holds for any loss.
Results      factor_imbalance_conserved_by_flow UᵀU - VᵀV is constant along the flow of the factorization, as a matrix
             imbalance_decays_of_weight_decay   with the penalty (λ/2)|θ|²: D(t) = e^(-2λt) D(0)
             drift_le_of_descent           gradient descent: ‖D(T) - D(0)‖_* ≤ 2η(R(0) - R(T)) if every step lowers R by η|∇R|²/2
             The drift bound is derived here from the exact change in one step (arora_2018); the rest is standard, as in the project's
             catalogue under arora-2018/conservation.
Not covered  The global convergence of descent with decaying steps; Adam.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import transposed

paper = tc.Source("Du, Hu & Lee", 2018, arxiv="1806.00900", item="balancedness of homogeneous networks")
STEPS = 8


@dataclass(frozen=True)
class Factored:
    """U and V, a target of UVᵀ, a step, a decay λ."""

    U: np.ndarray
    V: np.ndarray
    M: np.ndarray
    step: float
    decay: float

    @property
    def model(self) -> tc.Flattened:
        """The entries of UVᵀ."""
        return tc.Flattened(tc.MatrixFactorization(self.U.shape[-2], self.V.shape[-2], self.U.shape[-1]))

    @property
    def objective(self) -> tc.Objective:
        """|UVᵀ - M|²/2."""
        shape = self.M.shape
        size = shape[-2] * shape[-1]
        eye = np.broadcast_to(np.eye(size).reshape(size, *shape[-2:]), (*shape[:-2], size, *shape[-2:]))
        return tc.Objective(self.model, tc.SquaredLoss(size / 2), tc.MatrixSensing(eye, self.M.reshape(*shape[:-2], size)))

    @property
    def theta(self) -> np.ndarray:
        """(U, V)."""
        return np.concatenate([F.reshape(*F.shape[:-2], -1) for F in (self.U, self.V)], axis=-1)


@tc.recipe
def factored(draw):
    """Up to 3 rows, columns and rank."""
    m, n, r = draw(tc.integers(1, 3)), draw(tc.integers(1, 3)), draw(tc.integers(1, 3))
    factors = draw(tc.array((m, r))), draw(tc.array((n, r))), draw(tc.array((m, n)))
    return Factored(*factors, draw(tc.choice([2.0**-k for k in range(7)])), draw(tc.choice((0.5, 0.0, 1.0, 0.25))))


# -- claims --


def factor_imbalance(p: Factored, theta: tc.Measured, other: bool = False) -> tc.Measured:
    """The entries of UᵀU - VᵀV; `other` takes UᵀU + VᵀV."""
    m, r = p.U.shape[-2:]
    lead, n = theta.shape[:-1], p.V.shape[-2]
    U, V = theta[..., : m * r].reshape(*lead, m, r), theta[..., m * r :].reshape(*lead, n, r)
    grams = [(F[..., :, :, None] * F[..., :, None, :]).sum(axis=-3).reshape(*lead, r * r) for F in (U, V)]
    return grams[0] + grams[1] if other else grams[0] - grams[1]


def flowed(p: Factored, precision: tc.Precision, other: bool = False) -> tc.Comparison:
    """UᵀU - VᵀV at t = 1/4 and 1 against t = 0."""
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-8), p.theta, tc.Stop(time=1.0))
    end = tc.Measured(run.final, run.error[..., None] * np.ones(p.theta.shape[-1]))
    before = factor_imbalance(p, tc.Measured.of(p.theta), other)
    return tc.equal("D(t) = D(0)", factor_imbalance(p, end, other), before, scale=np.sum(np.square(p.theta), axis=-1))


def decaying(p: Factored, precision: tc.Precision, rate: float = 2.0) -> tc.Comparison:
    """d/dt(UᵀU - VᵀV) = -2λ(UᵀU - VᵀV) at the point, for |UVᵀ - M|²/2 + (λ/2)|θ|²."""
    g = p.objective.gradient(p.theta) + np.asarray(p.decay)[..., None] * p.theta
    m, r = p.U.shape[-2:]
    dU, dV = -g[..., : m * r].reshape(p.U.shape), -g[..., m * r :].reshape(p.V.shape)
    speed = sum(s * (transposed(F) @ dF + transposed(dF) @ F) for s, F, dF in ((1, p.U, dU), (-1, p.V, dV)))
    D = transposed(p.U) @ p.U - transposed(p.V) @ p.V
    scale = np.linalg.norm(g, axis=-1) * np.linalg.norm(p.theta, axis=-1)
    return tc.equal("Ḋ = -2λD", speed, -rate * np.asarray(p.decay)[..., None, None] * D, scale=scale)


def descent(p: Factored) -> tc.Trajectory:
    """Eight steps of gradient descent."""
    return tc.follow(p.objective, tc.GradientDescent(step=p.step), p.theta, tc.Stop(steps=STEPS), save=tc.Every(1))


def drift(p: Factored, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """‖D(T) - D(0)‖_* ≤ factor 2η(R(0) - R(T)), one instance at a time."""
    states, r = descent(p).states, p.U.shape[-1]
    change = factor_imbalance(p, tc.Measured.of(states[-1])).value - factor_imbalance(p, tc.Measured.of(states[0])).value
    size = 64 * np.finfo(float).eps * np.sum(np.square(states[[0, -1]]))
    values = p.objective.risk(states)
    left = tc.Measured(np.linalg.norm(change.reshape(r, r), "nuc"), size)
    return tc.at_most("‖D(T) - D(0)‖_* ≤ 2η(R(0) - R(T))", left, factor * 2 * p.step * (tc.Measured.of(values[0]) - tc.Measured.of(values[-1])))


# -- hypotheses --


def descends(p: Factored) -> bool:
    """R falls by η|∇R|²/2 or more in every step (up to rounding)."""
    run = descent(p)
    if run.ending.item() is tc.Ending.DIVERGED or np.linalg.norm(run.final) > 1e6:
        return False
    values = p.objective.risk(run.states)
    wanted = p.step / 2 * np.sum(p.objective.gradient(run.states[:-1]) ** 2, axis=-1)
    return bool(np.all(values[:-1] - values[1:] >= wanted * (1 - 1e-9)))


descending = tc.Premise("descending", "every step lowers R by η|∇R|²/2 or more", descends)


# -- what algebra settles --


def words() -> tuple[tc.Identity, ...]:
    """UᵀU̇ - V̇ᵀV = 0 for the factorization; with decay -λ times the imbalance is left; any sizes."""
    m, n, r = sp.symbols("m n r")
    U, V, G = tc.Factor("U", m, r), tc.Factor("V", n, r), tc.Factor("G", m, n)
    decay = sp.Symbol("lambda", positive=True)
    dU, dV = -(G @ V), -(G.T @ U)
    plain = U.T @ dU + dU.T @ U - (V.T @ dV + dV.T @ V)
    heavy_U, heavy_V = dU - decay * U, dV - decay * V
    heavy = U.T @ heavy_U + heavy_U.T @ U - (V.T @ heavy_V + heavy_V.T @ V)
    return tc.Identity(plain, plain - plain), tc.Identity(heavy, -2 * decay * (U.T @ U - V.T @ V))


# -- the theorems --

still, decayed = words()
factors = tc.Theorem(
    "factor_imbalance_conserved_by_flow",
    paper,
    factored,
    (),
    flowed,
    r"U^\top U - V^\top V \text{ is constant}",
    identities=(still,),
    stacked=True,
)
decays = tc.Theorem("imbalance_decays_of_weight_decay", paper, factored, (), decaying, r"\dot D = -2 \lambda D", identities=(decayed,), stacked=True)
drifts = tc.Theorem("drift_le_of_descent", paper, factored, (descending,), drift, r"\lVert D(T) - D(0) \rVert_* \le 2 \eta (R(0) - R(T))", tight=True)

THEOREMS = (factors, decays, drifts)
FALSE = (
    factors.claiming("sum_of_grams", partial(flowed, other=True)),
    decays.claiming("rate_lambda", partial(decaying, rate=1.0)),
    decays.claiming("rate_2_0002", partial(decaying, rate=2.0002)),
    decays.claiming("conserved", partial(decaying, rate=0.0)),
    drifts.without(descending),
    drifts.claiming("factor_0_98", partial(drift, factor=0.98)),
)
